//! Everybody at one place: all events touch one member, and two hosts write to one campaign. Must not know: how lanes
//! and locks keep them apart.

use super::batch::UNIT;
use super::client::{self, Pace};
use super::lab::{CONNECTIONS, Lab, MOST};
use super::world::{BATCH, World};
use super::{BenchError, Entry, Result, stream, usage};
use crate::store;

const HOT_GOAL: f64 = 0.5;
const TWO_GOAL: f64 = 1.0;

fn events(lab: &Lab<'_>) -> u64 {
    if lab.options.quick { 10_000 } else { 50_000 }
}

/// Lessons of one member, and accounts opened by their friends, against the same among all members.
pub async fn hot_member(lab: &mut Lab<'_>) -> Result<Entry> {
    let events = events(lab);
    (lab.progress)("postgres.hot_member", 0, 2);
    let spread = lab.book(events).await?;
    let requests = lab.world.batches(0, events, stream::popular_event);
    (lab.progress)("postgres.hot_member", 1, 2);
    let hot = lab.drive(&requests, events).await?;
    let mut entry = Entry::ratio("postgres.hot_member", HOT_GOAL, UNIT, hot.per_second, spread.per_second);
    entry.bottleneck = hot.bottleneck;
    entry.details = vec!["lessons of one member, most of them beyond the daily limit, and every tenth event a card for them".into()];
    Ok(entry)
}

/// Two hosts, each with half of the connections, against one.
pub async fn two_hosts(lab: &mut Lab<'_>) -> Result<Entry> {
    let events = events(lab);
    (lab.progress)("postgres.two_hosts", 0, 2);
    let one = lab.book(events).await?;
    let store = store::open(&lab.url, &store::Options::default()).await?;
    let other = World::again(store, lab.runtime, lab.world.clock.clone(), lab.world.members).await?;
    let first = lab.take(events)?;
    let requests = lab.world.batches(first, events, stream::event);
    lab.settle().await;
    (lab.progress)("postgres.two_hosts", 1, 2);
    let hosts = [lab.world.serve().await?, other.serve().await?];
    let before = usage::now(lab.server);
    let two = client::drive_all(&hosts, &requests, CONNECTIONS, Pace::Full(MOST)).await?;
    let bottleneck = usage::bottleneck(before, usage::now(lab.server));
    if two.booked != events {
        return Err(BenchError::Wrong(format!("{} of {events} events were booked by two hosts", two.booked)));
    }
    let mut entry = Entry::ratio("postgres.two_hosts", TWO_GOAL, UNIT, two.per_second(), one.per_second);
    entry.bottleneck = bottleneck;
    entry.details = vec![format!("{BATCH} events a request on {CONNECTIONS} connections, half of them to each host")];
    Ok(entry)
}

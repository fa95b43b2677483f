//! Everybody at one place: all events touch one member, and two hosts write to one campaign. Must not know: how lanes
//! and locks keep them apart.

use super::batch::UNIT;
use super::client::{self, Pace};
use super::lab::{CONNECTIONS, Lab, MOST};
use super::world::World;
use super::{BenchError, Entry, Result, stream, usage};
use crate::store;
use std::time::Instant;

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

/// Two hosts, each with half of the clients, against one.
pub async fn two_hosts(lab: &mut Lab<'_>) -> Result<Entry> {
    let events = events(lab);
    (lab.progress)("postgres.two_hosts", 0, 2);
    let one = lab.book(events).await?;
    let store = store::open(&lab.url, &store::Options::default()).await?;
    let other = World::again(store, lab.runtime, lab.world.clock.clone(), lab.world.members).await?;
    let half = events / 2;
    let (mine, others) = (lab.take(half)?, lab.take(half)?);
    let requests = [mine, others].map(|first| lab.world.batches(first, half, stream::event));
    lab.settle().await;
    (lab.progress)("postgres.two_hosts", 1, 2);
    let (here, there) = (lab.world.serve().await?, other.serve().await?);
    let (before, began) = (usage::now(lab.server), Instant::now());
    let (mine, others) = tokio::try_join!(
        client::drive(here, &requests[0], CONNECTIONS / 2, Pace::Full(MOST)),
        client::drive(there, &requests[1], CONNECTIONS / 2, Pace::Full(MOST)),
    )?;
    let took = began.elapsed();
    let bottleneck = usage::bottleneck(before, usage::now(lab.server));
    let booked = mine.booked + others.booked;
    if booked != 2 * half {
        return Err(BenchError::Wrong(format!("{booked} of {} events were booked by two hosts", 2 * half)));
    }
    let mut entry = Entry::ratio("postgres.two_hosts", TWO_GOAL, UNIT, booked as f64 / took.as_secs_f64(), one.per_second);
    entry.bottleneck = bottleneck;
    entry.details = vec![format!("{:.0} and {:.0} events/s", mine.per_second(), others.per_second())];
    Ok(entry)
}

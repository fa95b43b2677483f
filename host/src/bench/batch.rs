//! Batches: what the host books beside the usual host, and beside plain SQL that writes the same rows. Must not know: how
//! either of them works.

use super::bulk::{self, Commit};
use super::lab::{Booked, Lab, book};
use super::world::World;
use super::{BULK_GOAL, Entry, Options, Progress, Result, USUAL_GOAL, bulk_postgres, bulk_sqlite, stream, usage};
use crate::store;
use guerdon_rules::language::Runtime;
use std::time::Duration;

pub const UNIT: &str = "events/s";
/// Besides 150 bytes for each member of a leaderboard that was asked for.
const MEMORY_GOAL_MB: f64 = 200.0;

/// Events over HTTP, and as many written by plain SQL on each number of connections.
pub fn events(options: &Options) -> u64 {
    if options.quick { 20_000 } else { 100_000 }
}

pub async fn postgres(lab: &mut Lab<'_>) -> Result<(Vec<Entry>, Booked)> {
    let events = events(lab.options);
    (lab.progress)("postgres.batch", 0, events);
    let booked = lab.book(events).await?;
    let mut batch = Entry::ratio("postgres.batch", USUAL_GOAL, UNIT, booked.per_second, lab.usual.0);
    batch.bottleneck = booked.bottleneck.clone();
    batch.details = lab.usual.1.clone();
    batch.details.push(booked.detail());
    batch.details.push(format!("{:.0} bytes of WAL an event; {} members; the audit is clean", booked.wal_bytes, lab.options.members));
    let memory = booked.memory.map_or(f64::NAN, |bytes| bytes as f64 / 1e6);
    let mut memory = Entry::value("postgres.memory", MEMORY_GOAL_MB, "MB", memory);
    memory.bottleneck = Some("groups on their way, and what the book has kept".into());
    memory.details =
        vec!["of this process at the full rate, with the client and what earlier measurements left, without the requests".into()];
    Ok((vec![batch, memory], booked))
}

pub async fn bulk_limit(lab: &mut Lab<'_>, booked: &Booked) -> Result<Entry> {
    let commits = events(lab.options) / bulk::EVENTS / 2;
    (lab.progress)("postgres.bulk_limit", 0, 2);
    let opened = lab.opened();
    lab.take(2 * commits * bulk::EVENTS + 100)?;
    let prepared = bulk::commits(&lab.world, 2 * commits, opened).await?;
    let (one, two) = prepared.split_at(prepared.len() / 2);
    lab.settle().await;
    let wal = lab.wal_bytes().await?;
    let (before, one) = (usage::now(lab.server), bulk_postgres::write(&lab.address, one, 1).await?);
    let used = usage::bottleneck(before, usage::now(lab.server));
    let wal = (lab.wal_bytes().await? - wal) as f64 / (commits * bulk::EVENTS) as f64;
    lab.settle().await;
    let two = bulk_postgres::write(&lab.address, two, 2).await?;
    let rate = |took: Duration| (commits * bulk::EVENTS) as f64 / took.as_secs_f64();
    let mut limit = Entry::ratio("postgres.bulk_limit", BULK_GOAL, UNIT, booked.per_second, rate(one).max(rate(two)));
    limit.bottleneck = used;
    limit.details = vec![
        format!("plain SQL, {} events a transaction: {:.0} events/s on 1 connection, {:.0} on 2", bulk::EVENTS, rate(one), rate(two)),
        format!("{:.1} rows and {wal:.0} bytes of WAL an event", rows_per_event(&prepared)),
    ];
    Ok(limit)
}

fn rows_per_event(commits: &[Commit]) -> f64 {
    commits.iter().map(Commit::row_count).sum::<usize>() as f64 / (commits.len() as u64 * bulk::EVENTS) as f64
}

pub async fn sqlite(options: &Options, runtime: &Runtime, progress: Progress<'_>) -> Result<Entry> {
    let events = events(options);
    let commits = events / bulk::EVENTS / 2;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bench.db");
    let store = store::open(&format!("sqlite:{}", path.display()), &store::Options::default()).await?;
    let accounts = (2 * events) / stream::OPENED_EVERY + 100;
    let world = World::open(store, runtime, options.members, accounts, progress).await?;
    progress("sqlite.batch", 0, events);
    let booked = book(&world, &world.batches(0, events, stream::event), events, None).await?;
    progress("sqlite.bulk_limit", 0, 1);
    let prepared = bulk::commits(&world, commits, events / stream::OPENED_EVERY).await?;
    let before = usage::now(None);
    let took = bulk_sqlite::write(&path, &prepared).await?;
    let used = usage::bottleneck(before, usage::now(None));
    progress("audit", 0, 1);
    world.audit().await?;
    let bulk_rate = (commits * bulk::EVENTS) as f64 / took.as_secs_f64();
    let rows = rows_per_event(&prepared);
    let mut batch = Entry::ratio("sqlite.batch", BULK_GOAL, UNIT, booked.per_second, bulk_rate);
    batch.bottleneck = booked.bottleneck.clone();
    batch.details = vec![
        booked.detail(),
        format!("{rows:.1} rows an event; {} members; synchronous = FULL; the audit is clean", options.members),
        format!("plain SQL, {} events a transaction: {bulk_rate:.0} events/s, {}", bulk::EVENTS, used.unwrap_or_default()),
    ];
    Ok(batch)
}

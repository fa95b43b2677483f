//! A week's settlement, every tenth member with a card, while the host goes on serving. Must not know: how pages are
//! settled.

use super::client::{self, Pace};
use super::lab::{CONNECTIONS, Lab};
use super::usage::{self, MostMemory};
use super::world::CAMPAIGN;
use super::{BenchError, Entry, Result, stream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const GOAL_S: f64 = 30.0;
const SERVING_GOAL: f64 = 0.7;

pub async fn measure(lab: &mut Lab<'_>) -> Result<Vec<Entry>> {
    let seconds: u64 = if lab.options.quick { 2 } else { 5 };
    (lab.progress)("settlement", 0, 3);
    lab.world.import("jd-100", lab.options.members / 2, lab.progress).await?;
    lab.world.clock.set(stream::NOW_MS + 2 * stream::DAY_MS);
    let most = (seconds * 40_000).min(lab.left() / 4);
    let first = lab.take(most)?;
    let requests = lab.world.batches(first, most, stream::event_next_week);
    lab.settle().await;
    (lab.progress)("settlement", 1, 3);
    let address = lab.world.serve().await?;
    let alone = client::drive(address, &requests, CONNECTIONS, Pace::Full(Duration::from_secs(seconds))).await?;
    let left = lab.left();
    let first = lab.take(left)?;
    let requests = lab.world.batches(first, left, stream::event_next_week);
    lab.settle().await;
    (lab.progress)("settlement", 2, 3);
    let stop = Arc::new(AtomicBool::new(false));
    let (host, stopping) = (lab.world.host.clone(), stop.clone());
    let (before, memory, watching) = (usage::now(lab.server), usage::memory(), MostMemory::watch());
    let settling = tokio::spawn(async move {
        let began = Instant::now();
        let report = host.settle(CAMPAIGN, 1, false).await;
        stopping.store(true, Ordering::Relaxed);
        (report, began.elapsed())
    });
    let meanwhile = client::drive(address, &requests, CONNECTIONS, Pace::Until(stop)).await?;
    let (report, took) = settling.await.map_err(|e| BenchError::Wrong(e.to_string()))?;
    let bottleneck = usage::bottleneck(before, usage::now(lab.server));
    let more = watching.most().await.zip(memory).map_or(0, |(most, before)| most.saturating_sub(before));
    let report = report?;
    if let Some(first) = report.failed.first() {
        let count = report.failed.len();
        return Err(BenchError::Wrong(format!("{count} members could not be settled, {} among them: {}", first.member, first.reason)));
    }
    let mut settlement = Entry::value("settlement", GOAL_S, "s", took.as_secs_f64());
    settlement.bottleneck = bottleneck.clone();
    settlement.details = vec![format!(
        "{} members, {}; {:.0} MB more memory than before",
        report.members,
        report.given.iter().map(|total| format!("{} {}", total.amount, total.measure)).collect::<Vec<_>>().join(", "),
        more as f64 / 1e6
    )];
    let mut rate = Entry::ratio("settlement.serving", SERVING_GOAL, super::batch::UNIT, meanwhile.per_second(), alone.per_second());
    rate.bottleneck = bottleneck;
    Ok(vec![settlement, rate])
}

//! One event a request: the rate with many connections, and how long a sender waits at half of that rate.
//! Must not know: how the host groups them.

use super::client::{self, Pace};
use super::lab::Lab;
use super::{BenchError, Entry, Result, usage};
use sqlx::{Executor, PgConnection};
use std::time::{Duration, Instant};

const GOAL: f64 = 5.0;
const P50_GOAL: f64 = 6.0;
const P99_GOAL: f64 = 20.0;
const CONNECTIONS: usize = 256;
/// Commits that are timed for comparison.
const COMMITS: usize = 300;

pub async fn measure(lab: &mut Lab<'_>) -> Result<Vec<Entry>> {
    let seconds: u64 = if lab.options.quick { 2 } else { 8 };
    lab.find_usual_again().await?;
    (lab.progress)("postgres.single", 0, 2);
    let most = seconds * 10_000;
    // As many as there are accounts for; what is not sent is left.
    let events = most.min(lab.left() / 2);
    let first = lab.take(events)?;
    let requests = lab.world.singles(first, events);
    lab.settle().await;
    let address = lab.world.serve().await?;
    let before = usage::now(lab.server);
    let driven = client::drive(address, &requests, CONNECTIONS, Pace::Full(Duration::from_secs(seconds))).await?;
    let bottleneck = usage::bottleneck(before, usage::now(lab.server));
    let rate = driven.per_second();
    let mut single = Entry::ratio("postgres.single", GOAL, super::batch::UNIT, rate, lab.usual.0);
    single.bottleneck = bottleneck;
    single.details = lab.usual.1.clone();
    single.details.push(format!("one event a request on {CONNECTIONS} connections"));

    (lab.progress)("postgres.latency", 1, 2);
    let commit = bare_commit(&mut lab.connection).await?;
    let events = ((rate / 2.0) as u64 * seconds).min(lab.left());
    let first = lab.take(events)?;
    let requests = lab.world.singles(first, events);
    let before = usage::now(lab.server);
    let paced = client::drive(address, &requests, CONNECTIONS, Pace::PerSecond(rate / 2.0)).await?;
    let bottleneck = usage::bottleneck(before, usage::now(lab.server));
    if paced.booked != events {
        return Err(BenchError::Wrong(format!("{} of {events} events were booked", paced.booked)));
    }
    let latency = |name, goal, of_hundred| {
        let milliseconds = paced.percentile(of_hundred).as_secs_f64() * 1e3;
        let mut entry = Entry::ratio(name, goal, "ms", milliseconds, commit);
        entry.bottleneck = bottleneck.clone();
        entry.details = vec![format!("at {:.0} events/s; the baseline is one bare commit, the median of {COMMITS}", rate / 2.0)];
        entry
    };
    Ok(vec![single, latency("postgres.latency.p50", P50_GOAL, 50), latency("postgres.latency.p99", P99_GOAL, 99)])
}

/// The median of commits of one row, in milliseconds.
async fn bare_commit(connection: &mut PgConnection) -> Result<f64> {
    connection.execute("create table bare_commits (n bigint)").await?;
    let mut times = Vec::with_capacity(COMMITS);
    for _ in 0..COMMITS {
        let began = Instant::now();
        sqlx::query("insert into bare_commits values (1)").execute(&mut *connection).await?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    Ok(times[COMMITS / 2].as_secs_f64() * 1e3)
}

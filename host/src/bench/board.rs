//! Leaderboards: how long the host takes to say a member's rank with ten around, while events flow, and right after a
//! restart. Must not know: how ranks are kept.

use super::client::{self, Pace};
use super::lab::Lab;
use super::world::{BATCH, CAMPAIGN, World};
use super::{BenchError, Entry, Result, stream, usage};
use crate::store;
use guerdon_rules::language::mix;
use std::time::{Duration, Instant};

const RANK_GOAL_MS: f64 = 1.0;
const RESTART_GOAL_S: f64 = 5.0;
/// Of members, while events flow.
const QUESTIONS: u64 = 2000;
/// Batches a second meanwhile.
const FLOW: f64 = 20.0;

pub async fn measure(lab: &mut Lab<'_>) -> Result<Vec<Entry>> {
    (lab.progress)("leaderboard", 0, 2);
    let store = store::open(&lab.url, &store::Options::default()).await?;
    let began = Instant::now();
    let restarted = World::again(store, lab.runtime, lab.world.clock.clone(), lab.world.members).await?;
    let members = ask(&restarted, 0).await?;
    let restart = began.elapsed().as_secs_f64();
    (lab.progress)("leaderboard", 1, 2);
    let seconds = if lab.options.quick { 3 } else { 10 };
    let events = FLOW as u64 * BATCH * seconds;
    let requests = restarted.batches(lab.take(events)?, events, stream::event);
    let address = restarted.serve().await?;
    let before = usage::now(lab.server);
    let flow = tokio::spawn(async move { client::drive(address, &requests, 8, Pace::PerSecond(FLOW)).await });
    let mut times = Vec::new();
    for n in 0..QUESTIONS {
        let began = Instant::now();
        ask(&restarted, n).await?;
        times.push(began.elapsed());
        tokio::time::sleep(Duration::from_secs(seconds) / QUESTIONS as u32).await;
    }
    flow.await.map_err(|e| BenchError::Wrong(e.to_string()))??;
    let bottleneck = usage::bottleneck(before, usage::now(lab.server));
    times.sort_unstable();
    let mut rank = Entry::value("leaderboard.rank", RANK_GOAL_MS, "ms", times[times.len() * 99 / 100].as_secs_f64() * 1e3);
    rank.bottleneck = bottleneck;
    rank.details = vec![format!(
        "the slowest 1 % of {QUESTIONS} questions for a rank and ten around it, among {members}, at {:.0} events/s; the median is {:.2} ms",
        FLOW * BATCH as f64,
        times[times.len() / 2].as_secs_f64() * 1e3
    )];
    let mut restart = Entry::value("leaderboard.restart", RESTART_GOAL_S, "s", restart);
    restart.bottleneck = Some("reading every standing once".into());
    restart.details = vec![format!("from opening the host to the first rank among {members}")];
    Ok(vec![rank, restart])
}

/// How many members are ranked.
async fn ask(world: &World, n: u64) -> Result<usize> {
    let member = stream::member(mix(n) % world.members);
    let view = world.host.leaderboard(CAMPAIGN, "learning", Some(1), Some(&member), 11, None).await?;
    match view.entries.iter().any(|entry| entry.member == member) {
        true => Ok(view.members),
        false => Err(BenchError::Wrong(format!("{member} is not among their own neighbours"))),
    }
}

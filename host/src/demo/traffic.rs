//! The recorded events, delivered as the original system did to its cost: everything three times, by workers that
//! overlap, each without knowing of the others.

use super::Result;
use super::campaign::ID;
use super::client::Client;
use crate::clock::Stopwatch;
use guerdon_rules::event::Event;
use guerdon_rules::limits::Watch;
use guerdon_rules::simulate::recorded;
use indicatif::ProgressBar;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Workers of one delivery.
const WORKERS: usize = 4;
/// Events of one request.
const BATCH: usize = 100;

/// What was sent, and what was answered.
#[derive(Default)]
pub struct Traffic {
    pub deliveries: usize,
    pub took_ms: u64,
    /// Answers by outcome; an answer that repeats an earlier one counts as `repeated`.
    pub outcomes: BTreeMap<String, usize>,
}

impl Traffic {
    pub fn add(&mut self, other: Traffic) {
        self.deliveries += other.deliveries;
        self.took_ms += other.took_ms;
        for (outcome, count) in other.outcomes {
            *self.outcomes.entry(outcome).or_default() += count;
        }
    }
}

/// The recording in two parts: what was delivered until the first event of the second week, and the rest.
pub fn weeks(seed: u64, second_week_ms: i64) -> [Vec<String>; 2] {
    let mut first = recorded::learning_race(seed);
    let is_second = |line: &String| Event::from_json(line).is_ok_and(|e| e.at_ms.is_ok_and(|at_ms| at_ms >= second_week_ms));
    let second = first.iter().position(is_second).map_or_else(Vec::new, |at| first.split_off(at));
    [first, second]
}

/// Sends every line `times` times, all of it at the same time.
pub async fn deliver(client: &Client, lines: &[String], times: usize, progress: &ProgressBar) -> Result<Traffic> {
    let batches: Arc<[String]> = lines.chunks(BATCH).map(|batch| format!("[{}]", batch.join(","))).collect();
    let watch = Stopwatch::default();
    let mut workers = JoinSet::new();
    for worker in 0..WORKERS * times {
        let (client, batches, progress) = (client.clone(), batches.clone(), progress.clone());
        workers.spawn(async move { work(&client, &batches, worker % WORKERS, &progress).await });
    }
    let mut traffic = Traffic { deliveries: lines.len() * times, ..Traffic::default() };
    while let Some(done) = workers.join_next().await {
        traffic.add(done.map_err(|e| e.to_string())??);
    }
    traffic.took_ms = watch.elapsed_ms();
    Ok(traffic)
}

/// Every `WORKERS`-th batch.
async fn work(client: &Client, batches: &[String], first: usize, progress: &ProgressBar) -> Result<Traffic> {
    let mut traffic = Traffic::default();
    for batch in batches.iter().skip(first).step_by(WORKERS) {
        let answer = client.post_text(&format!("/v1/campaigns/{ID}/events"), "application/cloudevents-batch+json", batch.clone()).await?;
        let results = answer["results"].as_array().ok_or("the answer to a batch has no results")?;
        for result in results {
            let repeated = result["repeated"].as_bool() == Some(true);
            let outcome = if repeated { "repeated" } else { result["outcome"].as_str().unwrap_or("?") };
            *traffic.outcomes.entry(outcome.to_string()).or_default() += 1;
        }
        progress.inc(results.len() as u64);
    }
    Ok(traffic)
}

//! `guerdon fuzz`: stories made by chance from what a campaign declares, until one breaks a promise; it is made small
//! and written as a case.

use super::exit::Failure;
use super::folder;
use super::output::{self, Format};
use crate::clock::Stopwatch;
use clap::Args;
use guerdon_rules::cases::read::milliseconds;
use guerdon_rules::fuzz::{Finding, Fuzz, Round};
use guerdon_rules::limits::Watch;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Histories between two looks at the clock; the first that has a finding is the last one.
const ROUND: u64 = 1_000;

/// Try to break a campaign with stories made by chance: exit code 1 when one did
#[derive(Args, Clone)]
#[command(after_help = "Examples:\n  guerdon fuzz campaigns/learning-race --time 60s\n  \
    guerdon fuzz campaigns/learning-race --seed 7 --runs 50000 --out campaigns/learning-race/cases\n\n\
    What is found is written as a case that fails under `guerdon test`. The same seed finds the same.")]
pub struct FuzzArgs {
    /// The campaign's folder
    folder: PathBuf,
    /// Decides what the stories are
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Stories to play at most [default: 50000, unless there is a time]
    #[arg(long, value_name = "N")]
    runs: Option<u64>,
    /// How long to look at most: a number and s, m or h
    #[arg(long, value_name = "TIME", value_parser = time)]
    time: Option<i64>,
    /// Where found cases are written: fuzz-CHECK-N.toml
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

fn time(text: &str) -> Result<i64, String> {
    milliseconds(text).filter(|ms| *ms > 0).ok_or_else(|| "write it as 60s or 5m".to_string())
}

/// What was looked at, and what was found.
#[derive(Serialize)]
struct Fuzzed {
    campaign: String,
    seed: u64,
    histories: u64,
    events: u64,
    elapsed_ms: u64,
    histories_per_minute: u64,
    findings: Vec<Found>,
}

#[derive(Serialize)]
struct Found {
    #[serde(flatten)]
    finding: Finding,
    /// Where its case was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
}

/// Ends the threads after their round when the command is interrupted.
struct Stop(Arc<AtomicBool>);
impl Drop for Stop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub async fn run(args: &FuzzArgs, format: Format) -> Result<(), Failure> {
    let stop = Stop(Arc::default());
    let (stopped, of) = (stop.0.clone(), args.clone());
    let played = tokio::task::spawn_blocking(move || fuzzed(&of, &stopped));
    let fuzzed = played.await.map_err(|error| Failure::Infrastructure(error.to_string()))??;
    output::print(format, &fuzzed, |fuzzed| pretty(fuzzed, &args.folder))?;
    if fuzzed.findings.is_empty() { Ok(()) } else { Err(Failure::Failed) }
}

fn fuzzed(args: &FuzzArgs, stopped: &AtomicBool) -> Result<Fuzzed, Failure> {
    let (releases, files) = (folder::compiled(&args.folder)?, folder::read(&args.folder)?);
    let campaign = releases.newest().map_or_else(String::new, |release| release.campaign.id.to_string());
    let fuzz = Fuzz::new(releases, &files, args.seed).ok_or_else(|| Failure::Usage("the campaign has no release".into()))?;
    let runs = args.runs.unwrap_or(if args.time.is_some() { u64::MAX } else { 50_000 });
    let time_ms = args.time.map_or(u64::MAX, |ms| ms.unsigned_abs());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (watch, bar) = (Stopwatch::default(), progress_bar(args, runs));
    let mut all = Round::default();
    while all.histories < runs && all.broken.is_empty() && watch.elapsed_ms() < time_ms && !stopped.load(Ordering::Relaxed) {
        let until = all.histories.saturating_add(ROUND).min(runs);
        let round = fuzz.round(all.histories..until, threads);
        all = all.with(round);
        bar.set_position(if args.time.is_some() { watch.elapsed_ms() / 1000 } else { all.histories });
        bar.set_message(format!("{} histories, {} a second", all.histories, rate(all.histories, watch.elapsed_ms(), 1_000)));
    }
    let elapsed_ms = watch.elapsed_ms();
    bar.finish_and_clear();
    let findings = fuzz.findings(&all);
    let found = findings.into_iter().enumerate().map(|(n, finding)| written(args.out.as_deref(), n + 1, finding));
    Ok(Fuzzed {
        campaign,
        seed: args.seed,
        histories: all.histories,
        events: all.events,
        elapsed_ms,
        histories_per_minute: rate(all.histories, elapsed_ms, 60_000),
        findings: found.collect::<Result<_, _>>()?,
    })
}

fn rate(histories: u64, elapsed_ms: u64, per_ms: u64) -> u64 {
    (u128::from(histories) * u128::from(per_ms) / u128::from(elapsed_ms.max(1))) as u64
}

/// On stderr, and hidden when that is no terminal.
fn progress_bar(args: &FuzzArgs, runs: u64) -> ProgressBar {
    let bar = ProgressBar::new(args.time.map_or(runs, |ms| ms.unsigned_abs() / 1000));
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {msg}") {
        bar.set_style(style);
    }
    bar
}

fn written(out: Option<&Path>, number: usize, finding: Finding) -> Result<Found, Failure> {
    let Some(out) = out else { return Ok(Found { finding, file: None }) };
    std::fs::create_dir_all(out)?;
    let path = out.join(format!("fuzz-{}-{number}.toml", finding.check.name()));
    std::fs::write(&path, &finding.case).map_err(|e| Failure::Infrastructure(format!("{}: {e}", path.display())))?;
    Ok(Found { finding, file: Some(path.display().to_string()) })
}

fn pretty(fuzzed: &Fuzzed, folder: &Path) -> String {
    let mut text = String::new();
    for found in &fuzzed.findings {
        let finding = &found.finding;
        text.push_str(&finding.case);
        text.push_str(&format!("\n{} steps were left of {}", finding.steps, finding.steps_before));
        text.push_str(&found.file.as_ref().map_or_else(String::new, |file| format!("; written to {file}")));
        text.push_str("\n\n");
    }
    let found = if fuzzed.findings.is_empty() { "nothing found".to_string() } else { format!("{} found", fuzzed.findings.len()) };
    let (histories, events) = (fuzzed.histories, fuzzed.events);
    text.push_str(&format!("{}: {histories} histories, {events} events, seed {}: {found}\n", folder.display(), fuzzed.seed));
    text.push_str(&format!("{:.1} s, {} histories a minute\n", fuzzed.elapsed_ms as f64 / 1000.0, fuzzed.histories_per_minute));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_and_a_unit() {
        assert_eq!((time("60s"), time("5m")), (Ok(60_000), Ok(300_000)));
        assert!(["60", "s", "0s", "-1s", "1w"].iter().all(|text| time(text).is_err()));
    }

    #[test]
    fn a_rate_is_by_the_time_that_passed() {
        assert_eq!((rate(500, 2_000, 60_000), rate(1, 0, 1_000)), (15_000, 1_000));
    }
}

//! `guerdon bench`: how many events a second this machine books, and what limits it.

use super::bench_plots;
use super::exit::Failure;
use super::output::{self, Format, table};
use super::start;
use crate::bench::{self, BenchError, Entry, Growth};
use clap::Args;
use guerdon_rules::limits::Limits;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;

/// Measure how many events a second this machine books, and what limits it
#[derive(Args)]
#[command(
    after_help = "Examples:\n  guerdon bench --quick\n  guerdon bench postgres sqlite --postgres postgres://postgres@localhost/postgres\n\n\
    On PostgreSQL a database of its own is made and dropped; SQLite is measured in the folder for temporary files."
)]
pub struct Bench {
    /// What to measure: names or their beginnings, as `postgres` or `rule.wasm` [default: all]
    names: Vec<String>,
    /// Fewer members and events: half a minute instead of minutes
    #[arg(long)]
    quick: bool,
    /// A server on which databases may be made
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Members that are there before [default: 1000000, with --quick 20000]
    #[arg(long, value_name = "N")]
    members: Option<u64>,
    /// Write how the cost of an event grows, as SVG charts, into this folder
    #[arg(long, value_name = "FOLDER")]
    plots: Option<PathBuf>,
}

pub async fn run(bench: &Bench, format: Format) -> Result<(), Failure> {
    let members = bench.members.unwrap_or(if bench.quick { 20_000 } else { 1_000_000 });
    let options = bench::Options { names: bench.names.clone(), quick: bench.quick, postgres: bench.postgres.clone(), members };
    let bar = progress_bar();
    let progress = |what: &str, done: u64, all: u64| {
        bar.set_length(all);
        bar.set_message(what.to_string());
        bar.set_position(done);
    };
    // A busy machine may stop a thread for longer than a rule may run: that is no result of a measurement.
    let runtime = start::runtime(Limits { deadline_ms: 5_000, ..Limits::default() });
    let entries = bench::run(&options, &runtime, &progress).await;
    bar.finish_and_clear();
    let entries = entries?;
    output::print(format, &entries, |entries| pretty(entries))?;
    match &bench.plots {
        Some(folder) => bench_plots::write(folder, &entries).map_err(|e| Failure::Infrastructure(format!("{}: {e}", folder.display()))),
        None => Ok(()),
    }
}

/// On stderr, and hidden when that is no terminal.
fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new(1);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} {msg}") {
        bar.set_style(style);
    }
    bar
}

fn pretty(entries: &[Entry]) -> String {
    let rows = entries.iter().map(|entry| {
        let sign = if entry.goal_is_most { '≤' } else { '≥' };
        let of = if entry.goal_is_ratio { "ratio " } else { "" };
        let goal = entry.goal.map_or_else(|| "-".to_string(), |goal| format!("{of}{sign} {goal}"));
        let met = entry.met.map_or("", |met| if met { " ✓" } else { " missed" });
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_string(), rounded);
        let limits = entry.bottleneck.clone().or_else(|| entry.skipped.as_ref().map(|why| format!("skipped: {why}")));
        [
            entry.name.to_string(),
            goal + met,
            number(entry.value),
            entry.unit.to_string(),
            number(entry.baseline),
            entry.ratio.map_or_else(|| "-".into(), |ratio| format!("{ratio:.2}")),
            limits.unwrap_or_else(|| "not known".into()),
        ]
    });
    let mut text = table(&["name", "goal", "value", "unit", "baseline", "ratio", "bottleneck"], rows);
    for entry in entries {
        let points = entry.growth.iter().flat_map(points);
        entry.details.iter().cloned().chain(points).for_each(|detail| text.push_str(&format!("{}: {detail}\n", entry.name)));
    }
    text
}

/// One text for each point.
fn points(growth: &Growth) -> impl Iterator<Item = String> {
    growth.points.iter().map(move |point| {
        let (value, baseline) = (rounded(point.value), rounded(point.baseline));
        let (ours, others, over) = (growth.value_of, growth.baseline_of, growth.over);
        let limit = point.bottleneck.as_deref().unwrap_or("not known");
        format!("{} {over}: {value} ({ours}), {baseline} ({others}), ratio {:.2}; {limit}", point.at, point.ratio)
    })
}

fn rounded(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

impl From<BenchError> for Failure {
    fn from(error: BenchError) -> Failure {
        match error {
            // What the host did wrong, or what was asked wrongly: both are told, and neither is a result.
            BenchError::Wrong(text) => {
                eprintln!("guerdon: {text}");
                Failure::Failed
            }
            other => Failure::Infrastructure(other.to_string()),
        }
    }
}

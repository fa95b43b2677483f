//! `guerdon simulate`: what events would cost, and who would get what, on the code that pays.

use super::events::{Played, Source, bar_of_events};
use super::exit::Failure;
use super::output::{self, Format};
use super::{folder, forecast};
use crate::report;
use clap::Args;
use guerdon_rules::book::prepare::Releases;
use guerdon_rules::campaign::Campaign;
use guerdon_rules::simulate::forecast::{Forecast, of_one};
use guerdon_rules::simulate::population::Population;
use guerdon_rules::simulate::population::crowd::Crowd;
use guerdon_rules::simulate::{self, Options};
use serde_json::json;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// More runs than tell anything new.
const RUNS_MOST: u64 = 1000;

/// Play recorded events, or a population, through a campaign in memory: what it would cost
#[derive(Args)]
#[command(after_help = "Examples:\n  guerdon simulate campaigns/learning-race --events recorded.ndjson\n  \
    guerdon simulate campaigns/learning-race --population campaigns/learning-race/population.toml \\\n      \
    --runs 20 --stock jd-20=2000 --report forecast.html")]
pub struct Simulate {
    /// The campaign's folder
    folder: PathBuf,
    #[command(flatten)]
    played: Played,
    /// Play a population so many times, each with the next seed: how far the cost can vary
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=RUNS_MOST), conflicts_with = "events")]
    runs: u64,
    /// Also write one HTML page with charts, to read and to print
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Only write the events of a population to a file, one a line, for `diff` or for a host
    #[arg(long, value_name = "FILE", conflicts_with_all = ["events", "report", "runs"])]
    record: Option<PathBuf>,
}

pub fn run(simulate: &Simulate, format: Format) -> Result<(), Failure> {
    let releases = folder::compiled(&simulate.folder)?;
    let Some(release) = releases.newest().cloned() else { return Err(Failure::Failed) };
    let campaign = &release.campaign;
    let (source, seed) = simulate.played.open(campaign)?;
    match source {
        Source::Population(population) if simulate.record.is_some() => record(simulate, campaign, population, seed, format),
        Source::Population(population) => {
            let forecast = many(simulate, &releases, campaign, &population, seed);
            write_report(simulate, campaign, &forecast)?;
            output::print(format, &forecast, forecast::pretty)
        }
        file => {
            let mut events = file.events(campaign, seed);
            let options = Options { stock: simulate.played.stock(), seed, progress: &|_| {} };
            let report = simulate::run(releases.clone(), events.by_ref(), options);
            events.checked()?;
            write_report(simulate, campaign, &of_one(seed, report.clone()))?;
            output::print(format, &report, forecast::pretty_report)
        }
    }
}

/// Every run, as many at a time as there are cores.
fn many(simulate: &Simulate, releases: &Releases, campaign: &Campaign, population: &Arc<Population>, seed: i64) -> Forecast {
    let about = Crowd::estimate(population, &campaign.calendar, seed as u64);
    let bar = bar_of_events(about.saturating_mul(simulate.runs));
    let progress = |events| bar.inc(events);
    let options = Options { stock: simulate.played.stock(), seed, progress: &progress };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let forecast = simulate::forecast::forecast(releases, population, &options, simulate.runs as usize, cores);
    bar.finish_and_clear();
    forecast
}

fn write_report(simulate: &Simulate, campaign: &Campaign, forecast: &Forecast) -> Result<(), Failure> {
    let Some(path) = &simulate.report else { return Ok(()) };
    std::fs::write(path, report::page(campaign, forecast)).map_err(|e| told(path, &e))?;
    eprintln!("report written to {}", path.display());
    Ok(())
}

fn record(simulate: &Simulate, campaign: &Campaign, population: Arc<Population>, seed: i64, format: Format) -> Result<(), Failure> {
    let Some(path) = &simulate.record else { return Ok(()) };
    let mut events = Source::Population(population).events(campaign, seed);
    let mut file = BufWriter::new(File::create(path).map_err(|e| told(path, &e))?);
    let mut written = 0_u64;
    for event in events.by_ref() {
        writeln!(file, "{}", event.to_json()).map_err(|e| told(path, &e))?;
        written += 1;
    }
    file.flush().map_err(|e| told(path, &e))?;
    events.checked()?;
    output::print(format, &json!({ "file": path, "events": written }), |_| format!("{written} events written to {}\n", path.display()))
}

fn told(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Infrastructure(format!("{}: {error}", path.display()))
}

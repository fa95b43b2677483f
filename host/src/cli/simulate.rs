//! `guerdon simulate`: what a file of events would cost, and who would get what, on the code that pays.

use super::exit::Failure;
use super::output::{self, Format, table};
use super::{folder, snippet};
use crate::lines::Lines;
use clap::Args;
use guerdon_rules::book::prepare::Releases;
use guerdon_rules::campaign::money::Money;
use guerdon_rules::event::Event;
use guerdon_rules::language::Files;
use guerdon_rules::simulate::{self, Options, Report};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// The longest line, in bytes.
const LINE_BYTES: usize = 64 << 10;

/// Play recorded events through a campaign, in memory: what it would cost
#[derive(Args)]
#[command(after_help = "Examples:\n  guerdon simulate campaigns/learning-race --events recorded.ndjson\n  \
    guerdon simulate campaigns/learning-race --events recorded.ndjson --compare campaigns/learning-race-5x20\n\n\
    Exit code 3 when the two that are compared differ.")]
pub struct Simulate {
    /// The campaign's folder
    folder: PathBuf,
    /// CloudEvents, one a line, in the order of delivery; `-` reads stdin
    #[arg(long, value_name = "FILE")]
    events: PathBuf,
    /// Another version of the campaign: the same events, side by side
    #[arg(long, value_name = "FOLDER")]
    compare: Option<PathBuf>,
    /// Codes in a pool, as `jd-20=1000`; a pool that is not named has enough, unless any is
    #[arg(long, value_name = "POOL=CODES", value_parser = stock)]
    stock: Vec<(String, i64)>,
    /// Decides draws
    #[arg(long, default_value_t = 1)]
    seed: i64,
}

fn stock(text: &str) -> Result<(String, i64), String> {
    let told = || "write it as POOL=CODES, for example jd-20=1000".to_string();
    let (pool, codes) = text.split_once('=').ok_or_else(told)?;
    let codes = codes.parse().map_err(|_| told())?;
    if codes < 0 { Err(told()) } else { Ok((pool.into(), codes)) }
}

pub fn run(simulate: &Simulate, format: Format) -> Result<(), Failure> {
    let releases = compiled(&simulate.folder)?;
    let other = simulate.compare.as_deref().map(compiled).transpose()?;
    let events = read_events(&simulate.events)?;
    let report = played(simulate, releases, &events);
    let Some(other) = other else {
        return output::print(format, &report, pretty);
    };
    let compared = played(simulate, other, &events);
    let value = json!({ "base": report, "other": compared, "differ": report != compared });
    output::print(format, &value, |_| pretty_difference(&report, &compared))?;
    if report == compared { Ok(()) } else { Err(Failure::Different) }
}

/// A folder as the only release; what is wrong with it is told on stderr.
pub fn compiled(path: &Path) -> Result<Releases, Failure> {
    folder::releases(path).map_err(|unfit| match unfit {
        folder::Unfit::Other(failure) => failure,
        folder::Unfit::Rules(files, diagnostics) => {
            tell(path, &files, &diagnostics);
            Failure::Failed
        }
    })
}

fn tell(path: &Path, files: &Files, diagnostics: &[guerdon_rules::diagnostic::Diagnostic]) {
    diagnostics.iter().for_each(|d| eprintln!("{}", snippet::render(d, &path.display().to_string(), files)));
}

fn played(simulate: &Simulate, releases: Releases, events: &[Event]) -> Report {
    let bar = progress_bar(events.len() as u64);
    let stock: BTreeMap<String, i64> = simulate.stock.iter().cloned().collect();
    let options = Options {
        stock: (!stock.is_empty()).then_some(stock),
        seed: simulate.seed,
        progress: &mut |events| bar.set_position(events),
        progress_every: 10_000,
    };
    let report = simulate::run(releases, events.iter().cloned(), options);
    bar.finish_and_clear();
    report
}

/// On stderr, and hidden when that is no terminal.
fn progress_bar(events: u64) -> ProgressBar {
    let bar = ProgressBar::new(events);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} events, {per_sec}") {
        bar.set_style(style);
    }
    bar
}

/// Every event of a file. A line that is no event is told by its number, and nothing is simulated: half a recording
/// would give a wrong sum.
fn read_events(path: &Path) -> Result<Vec<Event>, Failure> {
    let told = |e: std::io::Error| Failure::Usage(format!("{}: {e}", path.display()));
    let mut source: Box<dyn Read> =
        if path == Path::new("-") { Box::new(std::io::stdin()) } else { Box::new(File::open(path).map_err(told)?) };
    source = Box::new(BufReader::new(source));
    let (mut events, mut wrong) = (Vec::new(), None);
    let mut take = |number: u64, line: Result<&str, String>| match line {
        Ok(line) if line.trim().is_empty() => {}
        Ok(line) => match Event::from_json(line) {
            Ok(event) => events.push(event),
            Err(reason) => wrong = wrong.take().or(Some((number, reason))),
        },
        Err(reason) => wrong = wrong.take().or(Some((number, reason))),
    };
    let mut lines = Lines::new(LINE_BYTES);
    let mut bytes = vec![0; 1 << 16];
    loop {
        match source.read(&mut bytes).map_err(told)? {
            0 => break,
            read => lines.push(&bytes[..read], &mut take),
        }
    }
    lines.finish(&mut take);
    match wrong {
        Some((number, reason)) => Err(Failure::Usage(format!("{}, line {number}: {reason}", path.display()))),
        None => Ok(events),
    }
}

fn pretty(report: &Report) -> String {
    let outcomes: Vec<String> = report.outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    let mut text = format!("{} deliveries, {} members: {}\n", report.deliveries, report.members, outcomes.join(", "));
    if report.repeated + report.conflicts > 0 {
        text.push_str(&format!("{} sent again, {} in conflict\n", report.repeated, report.conflicts));
    }
    text.push_str(&table(&["reward", "cycle", "granted", "of them owed", "cost"], reward_rows(report)));
    text.push_str(&table(&["account", "cycle", "points"], account_rows(report)));
    for (member, reason) in &report.failed {
        text.push_str(&format!("the close of {member} failed: {reason}\n"));
    }
    text
}

fn reward_rows(report: &Report) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for reward in &report.rewards {
        let cost = |minor: i64| reward.currency.as_ref().map_or(String::new(), |currency| money(minor, currency));
        let row = |cycle: &str, units: &simulate::UnitsReport| {
            vec![reward.reward.clone(), cycle.into(), units.granted.to_string(), units.owed.to_string(), cost(units.cost_minor)]
        };
        rows.extend(reward.cycles.iter().map(|cycle| row(&cycle.cycle, &cycle.units)));
        rows.push(row("all", &reward.all));
    }
    rows
}

fn account_rows(report: &Report) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for account in &report.accounts {
        let row = |cycle: &str, points: i64| vec![account.account.clone(), cycle.into(), points.to_string()];
        rows.extend(account.cycles.iter().map(|cycle| row(&cycle.cycle, cycle.points)));
        rows.push(row("all", account.points));
    }
    rows
}

/// With the decimals of its currency.
fn money(minor: i64, currency: &str) -> String {
    let nothing: Result<Money, _> = format!("0 {currency}").parse();
    nothing.map_or_else(|_| format!("{minor} {currency}"), |money| Money { minor, ..money }.to_string())
}

/// What differs, by row; rows that are equal are left out.
fn pretty_difference(base: &Report, other: &Report) -> String {
    if base == other {
        return format!("{} deliveries, no difference\n", base.deliveries);
    }
    let mut text = String::new();
    let rewards = side_by_side(&reward_rows(base), &reward_rows(other));
    text.push_str(&table(&["reward", "cycle", "granted", "of them owed", "cost"], rewards));
    let accounts = side_by_side(&account_rows(base), &account_rows(other));
    text.push_str(&table(&["account", "cycle", "points"], accounts));
    for outcome in base.outcomes.keys().chain(other.outcomes.keys()).collect::<BTreeSet<_>>() {
        let count = |report: &Report| report.outcomes.get(outcome).copied().unwrap_or(0);
        if count(base) != count(other) {
            text.push_str(&format!("{outcome}: {} -> {}\n", count(base), count(other)));
        }
    }
    text
}

/// Rows are the same when their first two cells are; a cell that differs shows both.
fn side_by_side(base: &[Vec<String>], other: &[Vec<String>]) -> Vec<Vec<String>> {
    let keyed = |rows: &[Vec<String>]| -> BTreeMap<(String, String), Vec<String>> {
        rows.iter().map(|row| ((row[0].clone(), row[1].clone()), row[2..].to_vec())).collect()
    };
    let (base, other) = (keyed(base), keyed(other));
    let keys: BTreeSet<_> = base.keys().chain(other.keys()).collect();
    let cell = |row: Option<&Vec<String>>, n: usize| row.map_or_else(|| "-".to_string(), |row| row[n].clone());
    let mut rows = Vec::new();
    for key in keys.into_iter().filter(|&key| base.get(key) != other.get(key)) {
        let (left, right) = (base.get(key), other.get(key));
        let cells = left.or(right).map_or(0, Vec::len);
        let both = (0..cells).map(|n| match (cell(left, n), cell(right, n)) {
            (same, also) if same == also => same,
            (was, is) => format!("{was} -> {is}"),
        });
        rows.push([key.0.clone(), key.1.clone()].into_iter().chain(both).collect());
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_differences_are_shown() {
        let row = |cells: [&str; 3]| cells.map(String::from).to_vec();
        let base = [row(["card", "1", "5"]), row(["card", "2", "7"])];
        let other = [row(["card", "1", "5"]), row(["card", "2", "8"]), row(["card", "3", "1"])];
        assert_eq!(side_by_side(&base, &other), [row(["card", "2", "7 -> 8"]), row(["card", "3", "- -> 1"])]);
    }

    #[test]
    fn stock_is_a_pool_and_a_number() {
        assert_eq!(stock("jd-20=1000"), Ok(("jd-20".into(), 1000)));
        assert!(stock("jd-20").is_err() && stock("jd-20=-1").is_err());
    }
}

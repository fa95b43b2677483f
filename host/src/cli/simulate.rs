//! `guerdon simulate`: what events would cost, and who would get what, on the code that pays.

use super::events::{EventFile, Played};
use super::exit::Failure;
use super::folder;
use super::output::{self, Format, money, table};
use clap::Args;
use guerdon_rules::simulate::report::UnitsReport;
use guerdon_rules::simulate::{self, Options, Report};
use std::path::PathBuf;

/// Play recorded events through a campaign, in memory: what it would cost
#[derive(Args)]
#[command(after_help = "Example:\n  guerdon simulate campaigns/learning-race --events recorded.ndjson")]
pub struct Simulate {
    /// The campaign's folder
    folder: PathBuf,
    #[command(flatten)]
    played: Played,
}

pub fn run(simulate: &Simulate, format: Format) -> Result<(), Failure> {
    let releases = folder::compiled(&simulate.folder)?;
    let mut events = EventFile::open(&simulate.played.events)?;
    let options = Options { stock: simulate.played.stock(), seed: simulate.played.seed, progress: &mut |_| {}, progress_every: 0 };
    let report = simulate::run(releases, events.by_ref(), options);
    events.checked()?;
    output::print(format, &report, pretty)
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
        let row = |cycle: &str, units: &UnitsReport| {
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

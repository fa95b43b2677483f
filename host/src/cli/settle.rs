//! `guerdon settle`: one cycle by hand, directly on the database.

use super::exit::Failure;
use super::output::{self, Format, table};
use super::start;
use crate::config::Loaded;
use crate::flow::views::SettleReport;
use clap::Args;

/// Settle a cycle; a second time proves that nothing changes
#[derive(Args)]
#[command(after_help = "Example:\n  guerdon settle learning-race 3 --dry-run\n\n\
    Exit code 1 when the close of a member failed, 3 when a second run does not reproduce the first.")]
pub struct Settle {
    campaign: String,
    /// The cycle's number, from 1
    cycle: i32,
    /// Say who would get what, and write nothing
    #[arg(long)]
    dry_run: bool,
}

pub async fn run(settle: &Settle, loaded: &Loaded, format: Format) -> Result<(), Failure> {
    start::log(&loaded.config.log)?;
    let host = start::existing_host(&loaded.config).await?;
    let report = host.settle(&settle.campaign, settle.cycle, settle.dry_run).await;
    host.shutdown().await;
    let report = report?;
    output::print(format, &report, pretty)?;
    match report.state.as_str() {
        "failed" => Err(Failure::Failed),
        "different" => Err(Failure::Different),
        _ => Ok(()),
    }
}

fn pretty(report: &SettleReport) -> String {
    let mut text = format!(
        "{}, cycle {}, revision {}, release {}: {}\n{} members, {}\n",
        report.campaign,
        report.cycle,
        report.revision,
        report.release,
        report.state,
        report.members,
        if report.digest.is_empty() { "nothing was given".to_string() } else { format!("digest {}", report.digest) }
    );
    if !report.given.is_empty() {
        text.push_str(&table(&["given", "count"], report.given.iter().map(|g| [g.measure.clone(), g.amount.to_string()])));
    }
    if !report.would_give.is_empty() {
        let rows = report.would_give.iter().map(|w| [w.member.clone(), w.measure.clone(), w.count.to_string()]);
        text.push_str(&table(&["member", "would get", "count"], rows));
    }
    if !report.failed.is_empty() {
        text.push_str(&table(&["failed", "reason"], report.failed.iter().map(|f| [f.member.clone(), f.reason.clone()])));
    }
    if !report.excess.is_empty() {
        let rows = report.excess.iter().map(|e| [e.member.clone(), e.measure.clone(), e.count.to_string()]);
        text.push_str(&table(&["member", "has too much of", "count"], rows));
    }
    text
}

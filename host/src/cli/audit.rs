//! `guerdon audit`: whether a campaign's ledger, books, grants and codes agree.

use super::exit::Failure;
use super::output::{self, Format, table};
use super::start;
use crate::config::Loaded;
use crate::flow::views::AuditReport;
use clap::Args;

/// Hold a campaign's ledger against its books: exit code 3 when they differ
#[derive(Args)]
#[command(after_help = "Example:\n  guerdon audit learning-race")]
pub struct Audit {
    campaign: String,
}

pub async fn run(audit: &Audit, loaded: &Loaded, format: Format) -> Result<(), Failure> {
    start::log(&loaded.config.log)?;
    let host = start::existing_host(&loaded.config).await?;
    let report = host.audit(&audit.campaign).await;
    host.shutdown().await;
    let report = report?;
    output::print(format, &report, |report| pretty(&audit.campaign, report))?;
    if report.is_clean() { Ok(()) } else { Err(Failure::Different) }
}

fn pretty(campaign: &str, report: &AuditReport) -> String {
    let verdict = if report.is_clean() { "everything agrees" } else { "DIFFERENCES" };
    let mut text = format!("{campaign}: {} members, {verdict}\n", report.members);
    text.push_str(&table(&["grants", "count"], report.grants_by_state.iter().map(|(state, count)| [state.clone(), count.to_string()])));
    if report.codes_issued_twice > 0 {
        text.push_str(&format!("{} codes are not where they belong\n", report.codes_issued_twice));
    }
    for mismatch in report.postings_sum_mismatches.iter().chain(&report.grant_mismatches).chain(&report.code_mismatches) {
        text.push_str(&format!("{mismatch}\n"));
    }
    text
}

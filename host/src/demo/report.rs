//! What happened, read back from the host, beside what the original system did.

use super::campaign::ID;
use super::traffic::Traffic;
use super::{Demo, Result};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// Accounts that invited friends opened, in the recording as in September 2020.
const ACCOUNTS: i64 = 736;

#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub backend: String,
    pub accounts_opened: i64,
    /// Cards for opened accounts: one each.
    pub cards_invite: i64,
    /// Cards of both settlements.
    pub cards_settlement: i64,
    pub codes_issued_twice: i64,
    /// Grants that wait although a card of their pool is there.
    pub stock_skipped: i64,
    /// Grants that wait at the end.
    pub owed: i64,
    /// Grants that waited when the first cards had run out.
    pub owed_before_stock: i64,
    /// Members whose points differ from their ledger, and rewards whose grants differ from the books.
    pub points_mismatches: i64,
    /// Settlements that a second run at the same time did not reproduce.
    pub settlements_different: i64,
    pub members: i64,
    pub deliveries: usize,
    pub outcomes: BTreeMap<String, usize>,
    /// Deliveries answered in a second, each after its commit.
    pub events_per_second: f64,
    pub promises_kept: bool,
}

pub(super) async fn read(demo: &Demo, traffic: &Traffic, owed_before_stock: i64, settlements: &[[Value; 2]]) -> Result<Report> {
    let campaign = demo.client.get(&format!("/v1/campaigns/{ID}")).await?;
    let audit = demo.client.get(&format!("/v1/campaigns/{ID}/audit")).await?;
    let pools = demo.client.get("/v1/pools").await?;
    let totals: BTreeMap<&str, i64> =
        list(&campaign["totals"]).iter().filter_map(|t| Some((t["measure"].as_str()?, t["amount"].as_i64()?))).collect();
    let total = |measure: &str| totals.get(measure).copied().unwrap_or(0);
    let pools = if pools.is_array() { list(&pools) } else { list(&pools["pools"]) };
    let number = |pool: &Value, field: &str| pool[field].as_i64().unwrap_or(0);
    let mismatches = list(&audit["postings_sum_mismatches"]).len() + list(&audit["grant_mismatches"]).len();
    let mut report = Report {
        backend: demo.backend().to_string(),
        accounts_opened: total("events account.opened"),
        cards_invite: total("granted jd-20 on_account_opened"),
        cards_settlement: total("granted jd-20 on_cycle_close") + total("granted jd-100 on_cycle_close"),
        codes_issued_twice: number(&audit, "codes_issued_twice"),
        stock_skipped: pools.iter().map(|p| number(p, "owed").min(number(p, "available"))).sum(),
        owed: pools.iter().map(|p| number(p, "owed")).sum(),
        owed_before_stock,
        points_mismatches: mismatches as i64,
        settlements_different: settlements.iter().filter(|[one, other]| !agree(one, other)).count() as i64,
        members: number(&audit, "members"),
        deliveries: traffic.deliveries,
        outcomes: traffic.outcomes.clone(),
        events_per_second: (traffic.deliveries as f64 * 1000.0 / traffic.took_ms.max(1) as f64).round(),
        promises_kept: false,
    };
    report.promises_kept = lines(&report).iter().all(|line| line.kept);
    Ok(report)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Two runs at the same time came to the same digest, and neither found the other's result different.
fn agree(one: &Value, other: &Value) -> bool {
    let state = |run: &Value| matches!(run["state"].as_str(), Some("done" | "verified"));
    state(one) && state(other) && one["digest"] == other["digest"]
}

/// One promise: what the original system did, what Guerdon did.
struct Line {
    what: &'static str,
    then: &'static str,
    now: String,
    kept: bool,
}

fn lines(report: &Report) -> Vec<Line> {
    let line = |what, then, now: i64, kept| Line { what, then, now: now.to_string(), kept };
    vec![
        line("accounts opened by invited friends", "736", report.accounts_opened, report.accounts_opened == ACCOUNTS),
        line("cards for them", "2166", report.cards_invite, report.cards_invite == ACCOUNTS),
        line("codes that two people got", "166", report.codes_issued_twice, report.codes_issued_twice == 0),
        line("cards in stock that were skipped", "about 1700", report.stock_skipped, report.stock_skipped == 0),
        line("points or cards that differ from the ledger", "unknown", report.points_mismatches, report.points_mismatches == 0),
        line(
            "settlements that a second run at the same time changed",
            "unknown",
            report.settlements_different,
            report.settlements_different == 0,
        ),
        line("cards still owed at the end", "unknown", report.owed, report.owed == 0),
    ]
}

/// The report as a table, for people. `table` lays out head and rows.
pub fn table(report: &Report, lay_out: impl Fn(&[&str], Vec<Vec<String>>) -> String) -> String {
    let promises = lines(report);
    let row =
        |l: &Line| vec![l.what.to_string(), l.then.to_string(), l.now.clone(), if l.kept { "kept".into() } else { "BROKEN".to_string() }];
    let outcomes: Vec<String> = report.outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    format!(
        "{}\n{} members, {} deliveries on {}: {}.\n{} events a second over HTTP, each answered after its commit. {} cards were given at the two\nsettlements; {} grants were owed when the first cards ran out, and were filled oldest first.\n",
        lay_out(&["", "September 2020", "Guerdon", "promise"], promises.iter().map(row).collect()),
        report.members,
        report.deliveries,
        report.backend,
        outcomes.join(", "),
        report.events_per_second,
        report.cards_settlement,
        report.owed_before_stock,
    )
}

//! The audit: recomputes the books from the ledger and the grants, and names what differs. It trusts nothing that a
//! lane has summed up.

use super::error::Result;
use super::host::{Host, Rules, Running};
use super::views::AuditReport;
use guerdon_rules::book::rows::StandingRow;
use guerdon_rules::names::Code;
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};

/// Members of one page.
const PAGE: i64 = 5000;
/// Ledger lines of one page.
const LINES: i64 = 20_000;
/// The most mismatches that a report names.
const NAMED: usize = 50;

impl Host {
    /// Compares every member's points, over all time and in each cycle, with the ledger; grants by reward and cycle with
    /// the campaign's totals; and looks for codes with two owners, in all campaigns. Meant for a campaign at rest: what is written
    /// meanwhile may show as a difference.
    pub async fn audit(&self, campaign: &str) -> Result<AuditReport> {
        let running = self.campaign(campaign)?;
        self.sync(&running).await?;
        let rules = running.rules.load_full();
        let mut codes = self.store.code_mismatches().await?;
        let mut report = AuditReport { codes_issued_twice: codes.len() as i64, ..AuditReport::default() };
        codes.truncate(NAMED);
        report.code_mismatches = codes;
        self.audit_points(&running, &rules, &mut report).await?;
        self.audit_grants(&running, &rules, &mut report).await?;
        Ok(report)
    }

    async fn audit_points(&self, running: &Running, rules: &Rules, report: &mut AuditReport) -> Result<()> {
        let last = self.store.head(running.row.campaign).await?.last_member;
        let mut sums = self.ledger_sums(running).await?;
        let cycles: BTreeSet<i32> = sums.values().flatten().map(|(_, cycle, _)| *cycle).collect();
        let measure = |account: Code| rules.names.known(&format!("points {}", rules.names.name(account))).unwrap_or(0);
        let mut after = 0;
        while after < last {
            let numbers: Vec<i64> = (after + 1..=(after + PAGE).min(last)).collect();
            let pairs: Vec<(i32, i64)> = cycles.iter().flat_map(|cycle| numbers.iter().map(|number| (*cycle, *number))).collect();
            let mut standings: FxHashMap<i64, Vec<StandingRow>> = FxHashMap::default();
            for standing in self.store.standings(running.row.campaign, &pairs).await? {
                standings.entry(standing.member).or_default().push(standing);
            }
            for member in self.store.members_by_number(running.row.campaign, &numbers).await? {
                report.members += 1;
                let mut own: BTreeMap<(Code, i32), i64> = BTreeMap::new();
                for (account, cycle, sum) in sums.remove(&member.number).unwrap_or_default() {
                    *own.entry((measure(account), cycle)).or_default() += sum;
                }
                let mut all: BTreeMap<Code, i64> = BTreeMap::new();
                for ((measure, _), sum) in &own {
                    *all.entry(*measure).or_default() += sum;
                }
                let points = |measure: Code| rules.names.name(measure).starts_with("points ");
                let booked: BTreeMap<Code, i64> = member.tally.iter().filter(|(m, n)| points(*m) && *n != 0).collect();
                all.retain(|_, sum| *sum != 0);
                let mut by_cycle: BTreeMap<(Code, i32), i64> = BTreeMap::new();
                for standing in standings.remove(&member.number).unwrap_or_default() {
                    by_cycle.extend(standing.tally.iter().filter(|(m, n)| points(*m) && *n != 0).map(|(m, n)| ((m, standing.cycle), n)));
                }
                let ledger: BTreeMap<(Code, i32), i64> = own.into_iter().filter(|(_, sum)| *sum != 0).collect();
                if (all != booked || ledger != by_cycle) && report.postings_sum_mismatches.len() < NAMED {
                    report.postings_sum_mismatches.push(format!("{}: the ledger says {all:?}, the books say {booked:?}", member.id));
                }
            }
            after += PAGE;
        }
        Ok(())
    }

    /// What the ledger says of each member: (account, cycle, credits less debits).
    async fn ledger_sums(&self, running: &Running) -> Result<FxHashMap<i64, Vec<(Code, i32, i64)>>> {
        let mut sums: FxHashMap<i64, Vec<(Code, i32, i64)>> = FxHashMap::default();
        let mut after = (0, 0);
        loop {
            let lines = self.store.ledger(running.row.campaign, after, LINES).await?;
            let Some(last) = lines.last() else { return Ok(sums) };
            after = (last.position, last.ordinal);
            for line in &lines {
                let own = sums.entry(line.member).or_default();
                // One of the accounts is the campaign's own, 0.
                let (account, amount) = if line.debit == 0 { (line.credit, line.amount) } else { (line.debit, -line.amount) };
                match own.iter_mut().find(|(a, cycle, _)| (*a, *cycle) == (account, line.cycle)) {
                    Some((_, _, sum)) => *sum = sum.saturating_add(amount),
                    None => own.push((account, line.cycle, amount)),
                }
            }
        }
    }

    async fn audit_grants(&self, running: &Running, rules: &Rules, report: &mut AuditReport) -> Result<()> {
        let totals = self.store.head(running.row.campaign).await?.totals;
        let mut by_reward: BTreeMap<Code, i64> = BTreeMap::new();
        let mut by_state: BTreeMap<&'static str, i64> = BTreeMap::new();
        for (reward, _cycle, state, count) in self.store.grant_counts(running.row.campaign).await? {
            *by_reward.entry(reward).or_default() += count;
            *by_state.entry(state.name()).or_default() += count;
        }
        for (reward, count) in by_reward {
            let name = rules.names.name(reward);
            let booked = rules.names.known(&format!("granted {name}")).map_or(0, |measure| totals.get(measure));
            if booked != count {
                report.grant_mismatches.push(format!("{name}: there are {count} grants, the totals say {booked}"));
            }
        }
        report.grants_by_state = by_state.into_iter().map(|(state, count)| (state.to_string(), count)).collect();
        Ok(())
    }
}

//! Settlement: a row for each cycle and revision, not a timer. Closing first commits `closed_through` in the head and
//! the release that decides; then pages of members are closed, each page with its grants, its cursor and its lease in
//! one commit. Whoever lost the lease is refused by the fence. A second run of a done revision writes nothing and must
//! reproduce the digest; late events leave a correction due, which is a revision of its own.

use super::error::{FlowError, Result};
use super::host::{Host, Rules, Running};
use super::prefetch;
use super::views::{ExcessView, FailedView, SettleReport, TotalView, WouldGive};
use crate::store::{SettlementRow, SettlementState, Transaction};
use guerdon_rules::book::close::{Close, Closed, Reach};
use guerdon_rules::book::facts::CloseFacts;
use guerdon_rules::book::ranking::{Ranked, has_posting, places, points_and_reached};
use guerdon_rules::book::rows::{JournalKind, StandingRow};
use guerdon_rules::book::{Book, Slot};
use guerdon_rules::campaign::calendar::Cycle;
use guerdon_rules::names::Code;
use guerdon_rules::release::Release;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// One run over one revision.
struct Run {
    rules: Arc<Rules>,
    release: Arc<Release>,
    cycle: Cycle,
    revision: i32,
    /// Decide only: nothing is booked.
    dry: bool,
    reach: Reach,
    /// By account, then by member number: the place on its leaderboard.
    places: Vec<(usize, FxHashMap<i64, i64>)>,
}

/// What the pages of a run came to so far.
#[derive(Default)]
struct Tally {
    members: u64,
    digest: String,
    given: BTreeMap<Code, i64>,
    failed: Vec<(i64, String)>,
    excess: Vec<(i64, Code, i64)>,
    would_give: Vec<(i64, Code, i64)>,
}

impl Host {
    /// Settles a cycle that has ended: its close, the correction that is due, or a check of what was done. Cycles close
    /// in order; earlier ones that are open are closed first. `dry_run` prints who would get what and writes nothing.
    pub async fn settle(&self, campaign: &str, cycle: i32, dry_run: bool) -> Result<SettleReport> {
        let running = self.campaign(campaign)?;
        self.sync(&running).await?;
        let rules = running.rules.load_full();
        let calendar = &rules.newest()?.campaign.calendar;
        if !calendar.has_cycles() {
            return Err(FlowError::Invalid(format!("campaign \"{campaign}\" has no [cycle]: there is nothing to settle")));
        }
        let last = calendar.cycles().len();
        let Some(asked) = calendar.cycle(cycle) else {
            return Err(FlowError::NotFound(format!("campaign \"{campaign}\" has no cycle {cycle}: it has 1 to {last}")));
        };
        if asked.ends_ms > self.now_ms() {
            return Err(FlowError::Conflict(format!("cycle {cycle} has not ended: it ends {}", super::read::instant(asked.ends_ms))));
        }
        if dry_run {
            return self.preview(&running, &rules, asked).await;
        }
        let closed_through = self.store.head(running.row.campaign).await?.closed_through;
        for earlier in closed_through + 1..cycle {
            self.settle_one(&running, &rules, earlier).await?;
        }
        self.settle_one(&running, &rules, cycle).await
    }

    async fn settle_one(&self, running: &Running, rules: &Arc<Rules>, cycle: i32) -> Result<SettleReport> {
        // Two runs of one host are two owners.
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let owner = format!("{} run {}", self.settings.name, RUNS.fetch_add(1, Ordering::Relaxed));
        loop {
            let (row, run) = self.begin_settlement(running, rules, cycle).await?;
            if row.state == SettlementState::Done {
                return self.verify(running, &row, run).await;
            }
            let mut transaction = self.store.begin(running.row.campaign).await?;
            let fence = transaction.take_lease(cycle, row.revision, &owner, self.settings.lease_seconds).await?;
            transaction.commit().await?;
            match fence {
                Some(fence) => match self.run_pages(running, row, run, fence).await {
                    // Another settler took over: look again at what there is to do.
                    Err(FlowError::Conflict(why)) if why == STALE => continue,
                    done => return done,
                },
                // Another settler is at it: wait for its result.
                None => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// The revision to work on: the newest; made, or begun, if that is still to do.
    async fn begin_settlement(&self, running: &Running, rules: &Arc<Rules>, number: i32) -> Result<(SettlementRow, Run)> {
        let missing = || FlowError::NotFound(format!("there is no cycle {number}"));
        let cycle = rules.newest()?.campaign.calendar.cycle(number).cloned().ok_or_else(missing)?;
        let mut transaction = self.store.begin(running.row.campaign).await?;
        let rows = transaction.settlements(number).await?;
        let newest = to_do(rows).unwrap_or_else(|| SettlementRow::planned(number, 1, "the cycle ended"));
        let release = match newest.state {
            SettlementState::Planned => rules.releases.closing(&cycle),
            _ => rules.releases.numbered(newest.release),
        };
        let release = release.cloned().ok_or_else(|| FlowError::NotFound("its release is not there".into()))?;
        let mut row = newest;
        if row.state == SettlementState::Planned {
            row.state = SettlementState::Running;
            row.release = release.number;
            row.digest = Some(String::new());
            let mut book = Book::new(transaction.head().clone(), Vec::new());
            book.load_cycles(&[number], transaction.cycles(&[number]).await?);
            book.close_through(number);
            book.raise_revision(number, row.revision);
            let body = serde_json::json!({ "settlement": number, "revision": row.revision, "state": "running", "release": release.number, "why": row.why });
            book.add_line(JournalKind::Settlement, None, None, self.now_ms(), body.to_string());
            transaction.write(&book.take_delta()).await?;
            transaction.put_settlement(&row).await?;
            transaction.commit().await?;
        }
        let run = self.prepare_run(running, rules, release, cycle, row.revision, row.state == SettlementState::Done).await?;
        Ok((row, run))
    }

    async fn prepare_run(
        &self,
        running: &Running,
        rules: &Arc<Rules>,
        release: Arc<Release>,
        cycle: Cycle,
        revision: i32,
        dry: bool,
    ) -> Result<Run> {
        let reach = Reach::of(&release);
        let places = match reach.ranked_accounts.is_empty() {
            true => Vec::new(),
            false => self.places(running, &release, cycle.number, revision, &reach.ranked_accounts).await?,
        };
        Ok(Run { rules: rules.clone(), release, cycle, revision, dry, reach, places })
    }

    /// Everybody's place on each leaderboard, from the standings that this revision sees.
    async fn places(
        &self,
        running: &Running,
        release: &Release,
        cycle: i32,
        revision: i32,
        accounts: &[usize],
    ) -> Result<Vec<(usize, FxHashMap<i64, i64>)>> {
        let mut ranked: Vec<Vec<Ranked>> = vec![Vec::new(); accounts.len()];
        let mut after = 0;
        loop {
            let page = self.store.standings_in(running.row.campaign, cycle, revision, after, 10_000).await?;
            let Some(last) = page.last() else { break };
            after = last.member;
            let numbers: Vec<i64> = page.iter().map(|s| s.member).collect();
            let members = self.store.members_by_number(running.row.campaign, &numbers).await?;
            let kinds: FxHashMap<i64, Arc<str>> = members.into_iter().map(|m| (m.number, m.id.kind)).collect();
            for standing in &page {
                for (list, account) in ranked.iter_mut().zip(accounts) {
                    let (points, reached_ms) = points_and_reached(release, *account, standing).map_err(|_| overflow())?;
                    let Some(kind) = kinds.get(&standing.member).cloned() else { continue };
                    list.push(Ranked { member: standing.member, kind, points, reached_ms });
                }
            }
        }
        Ok(accounts.iter().copied().zip(ranked.into_iter().map(places)).collect())
    }

    async fn run_pages(&self, running: &Running, mut row: SettlementRow, run: Run, fence: i64) -> Result<SettleReport> {
        let mut tally = Tally { digest: row.digest.clone().unwrap_or_default(), ..Tally::default() };
        tally.excess = serde_json::from_str(&row.excess).unwrap_or_default();
        let mut retried: Vec<(i64, String)> = serde_json::from_str(&row.failed).unwrap_or_default();
        let had_failures = !retried.is_empty();
        tally.failed = std::mem::take(&mut retried);
        loop {
            let mut transaction = self.begin_page(running, &row, fence).await?;
            let page =
                transaction.settlement_page(row.cycle, row.revision, run.only_changed(), row.cursor, self.settings.settle_page).await?;
            let Some(last) = page.last().map(|s| s.member) else { break };
            let failed_before = tally.failed.len();
            self.close_page(running, &mut *transaction, &run, page, &mut tally).await?;
            row.cursor = last;
            self.commit_page(transaction, &mut row, &run, &tally).await?;
            running.failures.note_closes(&run.release, tally.failed.len() - failed_before, self.now_ms());
        }
        if had_failures {
            self.retry_failed(running, &mut row, &run, fence, &mut tally).await?;
        }
        self.finish(running, row, run, fence, tally, had_failures).await
    }

    async fn begin_page(&self, running: &Running, row: &SettlementRow, fence: i64) -> Result<Box<dyn Transaction>> {
        let mut transaction = self.store.begin(running.row.campaign).await?;
        match transaction.hold_lease(row.cycle, row.revision, fence, self.settings.lease_seconds).await? {
            true => Ok(transaction),
            false => Err(FlowError::Conflict(STALE.into())),
        }
    }

    async fn commit_page(&self, mut transaction: Box<dyn Transaction>, row: &mut SettlementRow, run: &Run, tally: &Tally) -> Result<()> {
        row.digest = Some(tally.digest.clone());
        row.failed = json(&tally.failed);
        row.excess = json(&tally.excess);
        let _ = run;
        transaction.put_settlement(row).await?;
        Ok(transaction.commit().await?)
    }

    /// Members whose close failed in an earlier run.
    async fn retry_failed(&self, running: &Running, row: &mut SettlementRow, run: &Run, fence: i64, tally: &mut Tally) -> Result<()> {
        let failed = std::mem::take(&mut tally.failed);
        for (member, _) in failed {
            let mut transaction = self.begin_page(running, row, fence).await?;
            let page = transaction.settlement_page(row.cycle, row.revision, false, member - 1, 1).await?;
            let own = page.into_iter().filter(|s| s.member == member).collect();
            self.close_page(running, &mut *transaction, run, own, tally).await?;
            self.commit_page(transaction, row, run, tally).await?;
        }
        Ok(())
    }

    async fn finish(
        &self,
        running: &Running,
        mut row: SettlementRow,
        run: Run,
        fence: i64,
        mut tally: Tally,
        had_failures: bool,
    ) -> Result<SettleReport> {
        let complete = tally.failed.is_empty();
        if complete && had_failures {
            // Retried members came out of order: the digest is over all of them, in order.
            tally.digest = self.dry_tally(running, &run).await?.digest;
        }
        let mut transaction = self.begin_page(running, &row, fence).await?;
        row.state = if complete { SettlementState::Done } else { SettlementState::Running };
        row.digest = Some(tally.digest.clone());
        let mut book = Book::new(transaction.head().clone(), Vec::new());
        let state = if complete { "done" } else { "failed" };
        let body = serde_json::json!({ "settlement": row.cycle, "revision": row.revision, "state": state, "digest": tally.digest, "failed": tally.failed.len() });
        book.add_line(JournalKind::Settlement, None, None, self.now_ms(), body.to_string());
        transaction.write(&book.take_delta()).await?;
        transaction.put_settlement(&row).await?;
        transaction.release_lease(row.cycle, row.revision, fence).await?;
        transaction.commit().await?;
        self.report(running, &run, state, tally).await
    }

    /// A second run over a done revision: decides everything again, writes nothing, compares the digests.
    async fn verify(&self, running: &Running, row: &SettlementRow, run: Run) -> Result<SettleReport> {
        let tally = self.dry_tally(running, &run).await?;
        let state = if row.digest.as_deref() == Some(&tally.digest) { "verified" } else { "different" };
        self.report(running, &run, state, Tally { would_give: Vec::new(), ..tally }).await
    }

    async fn preview(&self, running: &Running, rules: &Arc<Rules>, cycle: &Cycle) -> Result<SettleReport> {
        let rows = self.store.settlements(running.row.campaign).await?;
        let newest = rows.into_iter().filter(|r| r.cycle == cycle.number).max_by_key(|r| r.revision);
        let (revision, number) = newest.map_or((1, 0), |r| (r.revision, r.release));
        let release = rules.releases.numbered(number).or_else(|| rules.releases.closing(cycle)).cloned();
        let release = release.ok_or_else(|| FlowError::NotFound("the campaign has no release".into()))?;
        let run = self.prepare_run(running, rules, release, cycle.clone(), revision, true).await?;
        let tally = self.dry_tally(running, &run).await?;
        self.report(running, &run, "dry run", tally).await
    }

    async fn dry_tally(&self, running: &Running, run: &Run) -> Result<Tally> {
        let run = Run {
            rules: run.rules.clone(),
            release: run.release.clone(),
            cycle: run.cycle.clone(),
            reach: run.reach.clone(),
            places: run.places.clone(),
            dry: true,
            ..*run
        };
        let (mut tally, mut after) = (Tally::default(), 0);
        loop {
            // Dropped without a commit: the lock is held for one page at a time, so that events flow on.
            let mut transaction = self.store.begin(running.row.campaign).await?;
            let page =
                transaction.settlement_page(run.cycle.number, run.revision, run.only_changed(), after, self.settings.settle_page).await?;
            let Some(last) = page.last().map(|s| s.member) else { return Ok(tally) };
            self.close_page(running, &mut *transaction, &run, page, &mut tally).await?;
            after = last;
        }
    }

    /// Closes the members of a page, in member order, and writes what they get (not in a dry run).
    async fn close_page(
        &self,
        running: &Running,
        transaction: &mut dyn Transaction,
        run: &Run,
        page: Vec<StandingRow>,
        tally: &mut Tally,
    ) -> Result<()> {
        let release = &run.release;
        let page: Vec<StandingRow> = page.into_iter().filter(|s| has_posting(release, s)).collect();
        if page.is_empty() || release.close_handler.is_none() {
            return Ok(());
        }
        let names = run.rules.pool_names();
        let pools = if names.is_empty() { Vec::new() } else { transaction.pools(&names).await? };
        let mut book = Book::new(transaction.head().clone(), pools);
        let history = self.load_page(transaction, run, &mut book, &page).await?;
        for standing in &page {
            let Some(slot) = book.slot_of_number(standing.member) else {
                return Err(FlowError::Internal("a standing without a member".into()));
            };
            match self.close_member(&mut book, run, slot, &history)? {
                Ok(closed) => tally.add(&run.rules, &book, slot, closed),
                Err(reason) => tally.failed.push((standing.member, reason)),
            }
        }
        if !run.dry {
            transaction.write(&book.take_delta()).await?;
        }
        let _ = running;
        Ok(())
    }

    fn close_member(&self, book: &mut Book, run: &Run, slot: Slot, history: &History) -> Result<std::result::Result<Closed, String>> {
        let numbers: FxHashMap<Slot, i64> = history.numbers.iter().filter_map(|n| Some((book.slot_of_number(*n)?, *n))).collect();
        let facts = |slot: Slot| {
            let of = numbers.get(&slot).and_then(|n| history.of.get(n));
            CloseFacts {
                standing: of.and_then(|o| o.standing.as_ref()),
                history: of.map_or(&[], |o| &o.earlier),
                ranks: of.map_or(&[], |o| &o.ranks),
            }
        };
        let close = Close {
            release: &run.release,
            cycle: &run.cycle,
            member: slot,
            revision: run.revision,
            facts: &facts,
            now_ms: self.now_ms(),
            dry_run: run.dry,
        };
        book.close(&close).map_err(|_| FlowError::Internal("a close lacks rows".into()))
    }

    /// Loads members, roles, live standings and what the close may read.
    async fn load_page(&self, transaction: &mut dyn Transaction, run: &Run, book: &mut Book, page: &[StandingRow]) -> Result<History> {
        let (release, cycle) = (&run.release, run.cycle.number);
        let numbers: Vec<i64> = page.iter().map(|s| s.member).collect();
        book.load_members(&[], transaction.members_by_number(&numbers).await?);
        let slots: Vec<Slot> = numbers.iter().filter_map(|n| book.slot_of_number(*n)).collect();
        loop {
            let gaps = book.close_gaps(release, &slots);
            if gaps.is_empty() {
                break;
            }
            prefetch::load_members(transaction, book, &gaps, &run.rules.releases, self.now_ms()).await?;
        }
        let parties = book.close_parties(release, &slots);
        let live: Vec<(i32, i64)> = parties.iter().flat_map(|n| [(cycle, *n), (cycle + 1, *n)]).collect();
        book.load_standings(&live, transaction.standings(&live).await?);
        book.load_cycles(&[cycle, cycle + 1], transaction.cycles(&[cycle, cycle + 1]).await?);
        let mut history = History { numbers: parties, of: FxHashMap::default() };
        for standing in page {
            history.of.entry(standing.member).or_default().standing = Some(standing.clone());
        }
        let others = history.numbers.iter().any(|n| !history.of.contains_key(n));
        if run.reach.history || others {
            for standing in transaction.standings_until(cycle, run.revision, &history.numbers).await? {
                let of = history.of.entry(standing.member).or_default();
                if standing.cycle == cycle {
                    of.standing = Some(standing.clone());
                }
                of.earlier.push(standing);
            }
        }
        for number in &history.numbers {
            let ranks = run.places.iter().filter_map(|(account, places)| Some((*account, *places.get(number)?)));
            history.of.entry(*number).or_default().ranks = ranks.collect();
        }
        Ok(history)
    }

    async fn report(&self, running: &Running, run: &Run, state: &str, tally: Tally) -> Result<SettleReport> {
        let mut numbers: Vec<i64> =
            tally.failed.iter().map(|f| f.0).chain(tally.excess.iter().map(|e| e.0)).chain(tally.would_give.iter().map(|w| w.0)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let members = self.store.members_by_number(running.row.campaign, &numbers).await?;
        let ids: FxHashMap<i64, String> = members.into_iter().map(|m| (m.number, m.id.to_string())).collect();
        let id = |number: &i64| ids.get(number).cloned().unwrap_or_else(|| number.to_string());
        let names = &run.rules.names;
        Ok(SettleReport {
            campaign: running.row.id.clone(),
            cycle: run.cycle.number,
            revision: run.revision,
            release: run.release.number,
            state: state.to_string(),
            members: tally.members,
            given: tally
                .given
                .iter()
                .map(|(measure, amount)| TotalView { measure: names.name(*measure).to_string(), amount: *amount })
                .collect(),
            failed: tally.failed.iter().map(|(m, reason)| FailedView { member: id(m), reason: reason.clone() }).collect(),
            excess: tally
                .excess
                .iter()
                .map(|(m, what, count)| ExcessView { member: id(m), measure: names.name(*what).to_string(), count: *count })
                .collect(),
            would_give: match run.dry {
                true => tally
                    .would_give
                    .iter()
                    .map(|(m, what, count)| WouldGive { member: id(m), measure: names.name(*what).to_string(), count: *count })
                    .collect(),
                false => Vec::new(),
            },
            digest: tally.digest,
        })
    }
}

/// The revision to work on: the lowest that is not done, those with failed members last; else the newest.
fn to_do(rows: Vec<SettlementRow>) -> Option<SettlementRow> {
    let rank = |row: &SettlementRow| match (row.state, row.failed.as_str()) {
        (SettlementState::Done, _) => (2, -row.revision),
        (_, "[]") => (0, row.revision),
        _ => (1, row.revision),
    };
    rows.into_iter().min_by_key(rank)
}

/// The answer to a settler that lost its lease.
const STALE: &str = "another settler took over";

impl Run {
    /// A correction concerns only those whom late events touched, unless members' rewards depend on each other.
    fn only_changed(&self) -> bool {
        self.revision > 1 && !self.reach.others
    }
}

/// What the close knows of everybody on a page.
struct History {
    numbers: Vec<i64>,
    of: FxHashMap<i64, Known>,
}

#[derive(Default)]
struct Known {
    standing: Option<StandingRow>,
    earlier: Vec<StandingRow>,
    ranks: Vec<(usize, i64)>,
}

impl Tally {
    fn add(&mut self, rules: &Rules, book: &Book, slot: Slot, closed: Closed) {
        let member = book.member_row(slot);
        self.members += 1;
        for (measure, count) in closed.entitlements {
            // A chain, so that a run that was cut off goes on where it stood.
            let link = format!("{}\n{}\n{}\n{count}", self.digest, member.id, rules.names.name(measure));
            self.digest = hex::encode(Sha256::digest(link.as_bytes()));
            *self.given.entry(measure).or_default() += count;
            self.would_give.push((member.number, measure, count));
        }
        self.excess.extend(closed.excess.into_iter().map(|(measure, count)| (member.number, measure, count)));
    }
}

fn json(list: &impl serde::Serialize) -> String {
    // Numbers and strings: this cannot fail.
    serde_json::to_string(list).unwrap_or_else(|_| "[]".into())
}

fn overflow() -> FlowError {
    FlowError::Internal("a sum does not fit into 64 bits".into())
}

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
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// One run over one revision.
struct Run {
    rules: Arc<Rules>,
    release: Arc<Release>,
    cycle: Cycle,
    revision: i32,
    reach: Reach,
    /// By account, then by member number: the place on its leaderboard.
    places: Vec<(usize, FxHashMap<i64, i64>)>,
}

/// What is kept as the digest until it is made anew.
const OUT_OF_ORDER: &str = "out of order";
/// Deciding about a page may take this long; the rest goes into the next one.
const DECIDE_MS: u64 = 100;
/// The same, for what is looked through without a lock.
const LOOK_MS: u64 = 1_000;

/// Pages that are looked through together before the lock is taken.
const LOOK_AHEAD: i64 = 10;

/// What a decision about a member's close is for.
#[derive(Clone, Copy, PartialEq)]
enum Decides {
    /// To see whether there is anything to do.
    Ahead,
    /// To compare, or to show.
    Dry,
    ToBook,
}

/// Members that were looked through.
#[derive(Default)]
struct Found {
    /// None: there are no more.
    last: Option<i64>,
    concerned: Vec<StandingRow>,
    /// How many others there were.
    unconcerned: u64,
}

/// What the pages of a run came to so far.
#[derive(Default)]
struct Tally {
    members: u64,
    digest: String,
    /// Members were closed that an earlier run had passed: the digest, which is over all in order, has to be made anew.
    out_of_order: bool,
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
            self.settle_one(&running, earlier).await?;
        }
        self.settle_one(&running, cycle).await
    }

    async fn settle_one(&self, running: &Running, cycle: i32) -> Result<SettleReport> {
        // Two runs of one host are two owners.
        static RUNS: AtomicU64 = AtomicU64::new(0);
        let owner = format!("{} run {}", self.settings.name, RUNS.fetch_add(1, Ordering::Relaxed));
        loop {
            let (row, run) = self.begin_settlement(running, cycle).await?;
            if row.state == SettlementState::Done {
                return self.verify(running, &row, run).await;
            }
            let mut transaction = self.store.begin(running.row.campaign).await?;
            let fence = transaction.take_lease(cycle, row.revision, &owner, self.settings.lease_seconds).await?;
            // Read again with the lease: somebody else may have gone on, or finished, since it was read.
            let row = transaction.settlements(cycle).await?.into_iter().find(|now| now.revision == row.revision);
            transaction.commit().await?;
            match (fence, row) {
                (Some(fence), Some(row)) if row.state == SettlementState::Running => match self.run_pages(running, row, run, fence).await {
                    // Another settler took over: look again at what there is to do.
                    Err(FlowError::Conflict(why)) if why == STALE => continue,
                    done => return done,
                },
                (Some(_), _) => continue,
                // Another settler is at it: wait for its result.
                (None, _) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// The campaign's lock, and every release that there is under it.
    async fn begin_with_rules(&self, running: &Running) -> Result<(Box<dyn Transaction>, Arc<Rules>)> {
        loop {
            let transaction = self.store.begin(running.row.campaign).await?;
            let rules = running.rules.load_full();
            if transaction.head().releases as usize <= rules.releases.len() {
                return Ok((transaction, rules));
            }
            // Another host added a release: compile it with no lock held.
            drop(transaction);
            self.sync(running).await?;
        }
    }

    /// The revision to work on: the newest; made, or begun, if that is still to do.
    async fn begin_settlement(&self, running: &Running, number: i32) -> Result<(SettlementRow, Run)> {
        let missing = || FlowError::NotFound(format!("there is no cycle {number}"));
        let (mut transaction, rules) = self.begin_with_rules(running).await?;
        let cycle = rules.newest()?.campaign.calendar.cycle(number).cloned().ok_or_else(missing)?;
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
        } else {
            // Places are read without the lock.
            drop(transaction);
        }
        let run = self.prepare_run(running, &rules, release, cycle, row.revision).await?;
        Ok((row, run))
    }

    async fn prepare_run(&self, running: &Running, rules: &Arc<Rules>, release: Arc<Release>, cycle: Cycle, revision: i32) -> Result<Run> {
        let reach = Reach::of(&release);
        let places = match reach.ranked_accounts.is_empty() {
            true => Vec::new(),
            false => self.places(running, &release, cycle.number, revision, &reach.ranked_accounts).await?,
        };
        Ok(Run { rules: rules.clone(), release, cycle, revision, reach, places })
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
        let digest = row.digest.clone().unwrap_or_default();
        let mut tally = Tally { out_of_order: digest == OUT_OF_ORDER, digest, ..Tally::default() };
        tally.excess = serde_json::from_str(&row.excess).unwrap_or_default();
        let mut retried: Vec<(i64, String)> = serde_json::from_str(&row.failed).unwrap_or_default();
        let had_failures = !retried.is_empty();
        tally.failed = std::mem::take(&mut retried);
        loop {
            let found = self.look_ahead(running, &run, row.cursor).await?;
            let Some(last) = found.last else { break };
            tally.members += found.unconcerned;
            let mut rest = &found.concerned[..];
            loop {
                // Also with nobody in it: its commit keeps the lease and the cursor.
                let page = &rest[..rest.len().min(self.settings.settle_page.max(1) as usize)];
                let mut transaction = self.begin_page(running, &row, fence).await?;
                let failed_before = tally.failed.len();
                let closed = self.close_page(&mut *transaction, &run, page, &mut tally).await?;
                rest = &rest[closed..];
                row.cursor = page[..closed].last().filter(|_| !rest.is_empty()).map_or(last, |standing| standing.member);
                self.commit_page(transaction, &mut row, &tally).await?;
                running.failures.note_closes(&run.release, tally.failed.len() - failed_before, self.now_ms());
                if rest.is_empty() {
                    break;
                }
            }
        }
        let failed_before = row.failed.clone();
        if had_failures {
            tally.out_of_order = true;
            self.retry_failed(running, &mut row, &run, fence, &mut tally).await?;
        }
        self.finish(running, row, run, fence, tally, &failed_before).await
    }

    /// The next members in order, and for whom of them the close does something or fails. Decided without the campaign's
    /// lock, so that events flow on: what the close of a member reads is frozen, so whoever gets nothing now gets nothing
    /// later either. The others are decided again under the lock, and go into the digest.
    async fn look_ahead(&self, running: &Running, run: &Run, after: i64) -> Result<Found> {
        let mut transaction = self.store.peek(running.row.campaign).await?;
        let limit = self.settings.settle_page.saturating_mul(LOOK_AHEAD);
        let page = transaction.settlement_page(run.cycle.number, run.revision, run.only_changed(), after, limit).await?;
        let mut found = Found { last: page.last().map(|standing| standing.member), ..Found::default() };
        let page = to_close(run, page);
        let mut book = Book::new(transaction.head().clone(), Vec::new());
        let history = self.load_page(&mut *transaction, run, &mut book, &page, Decides::Ahead).await?;
        let until_ms = self.runtime.limits.watch.elapsed_ms() + LOOK_MS;
        for standing in page {
            let member = standing.member;
            match self.close_member(&mut book, run, &standing, &history, Decides::Ahead)?.1 {
                Ok(closed) if closed.is_nothing && closed.entitlements.is_empty() => found.unconcerned += 1,
                _ => found.concerned.push(standing),
            }
            if self.runtime.limits.watch.elapsed_ms() > until_ms {
                found.last = Some(member);
                break;
            }
        }
        Ok(found)
    }

    async fn begin_page(&self, running: &Running, row: &SettlementRow, fence: i64) -> Result<Box<dyn Transaction>> {
        let mut transaction = self.store.begin(running.row.campaign).await?;
        match transaction.hold_lease(row.cycle, row.revision, fence, self.settings.lease_seconds).await? {
            true => Ok(transaction),
            false => Err(FlowError::Conflict(STALE.into())),
        }
    }

    async fn commit_page(&self, mut transaction: Box<dyn Transaction>, row: &mut SettlementRow, tally: &Tally) -> Result<()> {
        row.digest = Some(tally.kept_digest());
        row.failed = json(&tally.failed);
        row.excess = json(&tally.excess);
        transaction.put_settlement(row).await?;
        Ok(transaction.commit().await?)
    }

    /// Members whose close failed in an earlier run. Those that were not reached yet stay written down in each commit.
    async fn retry_failed(&self, running: &Running, row: &mut SettlementRow, run: &Run, fence: i64, tally: &mut Tally) -> Result<()> {
        let mut left = VecDeque::from(std::mem::take(&mut tally.failed));
        while let Some((member, _)) = left.pop_front() {
            let mut transaction = self.begin_page(running, row, fence).await?;
            let page = transaction.settlement_page(row.cycle, row.revision, false, member - 1, 1).await?;
            let own: Vec<StandingRow> = page.into_iter().filter(|s| s.member == member).collect();
            self.close_page(&mut *transaction, run, &own, tally).await?;
            let failed_again = tally.failed.len();
            tally.failed.extend(left.iter().cloned());
            self.commit_page(transaction, row, tally).await?;
            tally.failed.truncate(failed_again);
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
        failed_before: &str,
    ) -> Result<SettleReport> {
        let complete = tally.failed.is_empty();
        if complete && tally.out_of_order {
            (tally.digest, tally.out_of_order) = (self.dry_tally(running, &run).await?.digest, false);
        }
        let mut transaction = self.begin_page(running, &row, fence).await?;
        row.state = if complete { SettlementState::Done } else { SettlementState::Running };
        row.digest = Some(tally.kept_digest());
        let state = if complete { "done" } else { "failed" };
        // A member who fails again and again is no news.
        if complete || json(&tally.failed) != failed_before {
            let mut book = Book::new(transaction.head().clone(), Vec::new());
            let body = serde_json::json!({ "settlement": row.cycle, "revision": row.revision, "state": state, "digest": tally.digest, "failed": tally.failed.len() });
            book.add_line(JournalKind::Settlement, None, None, self.now_ms(), body.to_string());
            transaction.write(&book.take_delta()).await?;
        }
        transaction.put_settlement(&row).await?;
        transaction.release_lease(row.cycle, row.revision, fence).await?;
        transaction.commit().await?;
        self.report(running, &run, state, Tally { would_give: Vec::new(), ..tally }).await
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
        let run = self.prepare_run(running, rules, release, cycle.clone(), revision).await?;
        let tally = self.dry_tally(running, &run).await?;
        self.report(running, &run, "dry run", tally).await
    }

    /// What everybody would get, without the campaign's lock, so that events flow on.
    async fn dry_tally(&self, running: &Running, run: &Run) -> Result<Tally> {
        let (mut tally, mut after) = (Tally::default(), 0);
        loop {
            let mut transaction = self.store.peek(running.row.campaign).await?;
            let page =
                transaction.settlement_page(run.cycle.number, run.revision, run.only_changed(), after, self.settings.settle_page).await?;
            let Some(last) = page.last().map(|s| s.member) else { return Ok(tally) };
            let page = to_close(run, page);
            let mut book = Book::new(transaction.head().clone(), Vec::new());
            let closed = self.close_members(&mut *transaction, run, &mut book, &page, &mut tally, Decides::Dry).await?;
            after = page[..closed].last().filter(|_| closed < page.len()).map_or(last, |standing| standing.member);
        }
    }

    /// Closes the first members of a page, in member order, and writes what they get; how many they were.
    async fn close_page(&self, transaction: &mut dyn Transaction, run: &Run, page: &[StandingRow], tally: &mut Tally) -> Result<usize> {
        if page.is_empty() {
            return Ok(0);
        }
        let names = run.rules.pool_names();
        let pools = if names.is_empty() { Vec::new() } else { transaction.pools(&names).await? };
        let mut book = Book::new(transaction.head().clone(), pools);
        let closed = self.close_members(transaction, run, &mut book, page, tally, Decides::ToBook).await?;
        transaction.write(&book.take_delta()).await?;
        Ok(closed)
    }

    /// As many as there is time for; at least one.
    async fn close_members(
        &self,
        transaction: &mut dyn Transaction,
        run: &Run,
        book: &mut Book,
        page: &[StandingRow],
        tally: &mut Tally,
        decides: Decides,
    ) -> Result<usize> {
        let history = self.load_page(transaction, run, book, page, decides).await?;
        let until_ms = self.runtime.limits.watch.elapsed_ms() + DECIDE_MS;
        for (index, standing) in page.iter().enumerate() {
            match self.close_member(book, run, standing, &history, decides)? {
                (slot, Ok(closed)) => tally.add(&run.rules, book, slot, closed),
                (_, Err(reason)) => tally.failed.push((standing.member, reason)),
            }
            if self.runtime.limits.watch.elapsed_ms() > until_ms {
                return Ok(index + 1);
            }
        }
        Ok(page.len())
    }

    fn close_member(
        &self,
        book: &mut Book,
        run: &Run,
        standing: &StandingRow,
        history: &History,
        decides: Decides,
    ) -> Result<(Slot, std::result::Result<Closed, String>)> {
        let Some(slot) = book.slot_of_number(standing.member) else {
            return Err(FlowError::Internal("a standing without a member".into()));
        };
        let facts = |slot: Slot| {
            let of = history.get(&slot);
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
            dry_run: decides != Decides::ToBook,
        };
        Ok((slot, book.close(&close).map_err(|_| FlowError::Internal("a close lacks rows".into()))?))
    }

    /// Loads members, roles, live standings and what the close may read.
    async fn load_page(
        &self,
        transaction: &mut dyn Transaction,
        run: &Run,
        book: &mut Book,
        page: &[StandingRow],
        decides: Decides,
    ) -> Result<History> {
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
        // Whether there is anything to do depends on what earlier revisions asked for and on invariants, not on limits.
        let asks_periods = release.campaign.invariants.iter().any(|invariant| invariant.period.is_some());
        if decides != Decides::Ahead || run.revision > 1 || asks_periods {
            let live: Vec<(i32, i64)> = parties.iter().flat_map(|n| [(cycle, *n), (cycle + 1, *n)]).collect();
            book.load_standings(&live, transaction.standings(&live).await?);
            // Points of this close go into the next cycle, which may be closed, with all that look back on it.
            let cycles: Vec<i32> = (cycle..=book.head().closed_through.max(cycle + 1)).collect();
            book.load_cycles(&cycles, transaction.cycles(&cycles).await?);
        }
        let mut of: FxHashMap<i64, Known> = FxHashMap::default();
        for standing in page {
            of.entry(standing.member).or_default().standing = Some(standing.clone());
        }
        let others = parties.iter().any(|number| !of.contains_key(number));
        if run.reach.history || others {
            for standing in transaction.standings_until(cycle, run.revision, &parties).await? {
                let known = of.entry(standing.member).or_default();
                if standing.cycle == cycle {
                    known.standing = Some(standing.clone());
                }
                known.earlier.push(standing);
            }
        }
        for number in &parties {
            let ranks = run.places.iter().filter_map(|(account, places)| Some((*account, *places.get(number)?)));
            of.entry(*number).or_default().ranks = ranks.collect();
        }
        Ok(of.into_iter().filter_map(|(number, known)| Some((book.slot_of_number(number)?, known))).collect())
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
            would_give: tally
                .would_give
                .iter()
                .map(|(m, what, count)| WouldGive { member: id(m), measure: names.name(*what).to_string(), count: *count })
                .collect(),
            digest: tally.digest,
        })
    }
}

/// Members of a page that have anything to close.
fn to_close(run: &Run, page: Vec<StandingRow>) -> Vec<StandingRow> {
    let closes = run.release.close_handler.is_some();
    page.into_iter().filter(|standing| closes && has_posting(&run.release, standing)).collect()
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
        self.revision > 1 && !self.reach.others && !self.reach.history
    }
}

/// What the close knows of everybody on a page.
type History = FxHashMap<Slot, Known>;

#[derive(Default)]
struct Known {
    standing: Option<StandingRow>,
    earlier: Vec<StandingRow>,
    ranks: Vec<(usize, i64)>,
}

impl Tally {
    fn kept_digest(&self) -> String {
        if self.out_of_order { OUT_OF_ORDER.to_string() } else { self.digest.clone() }
    }

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

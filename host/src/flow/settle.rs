//! Settlement: a row for each cycle and revision, not a timer. Closing first commits `closed_through` in the head and
//! the release that decides; then pages of members are closed, each page with its grants, its cursor and its lease in
//! one commit. Whoever lost the lease is refused by the fence. A second run of a done revision writes nothing and must
//! reproduce the digest; late events leave a correction due, which is a revision of its own.

use super::error::{FlowError, Result};
use super::host::{Host, Rules, Running};
use super::page::{Decides, Done, Found, Page, Progress, Run, STALE, Tally, json, to_close};
use super::views::{ExcessView, FailedView, SettleReport, TotalView, WouldGive};
use crate::store::{SettlementRow, SettlementState, Transaction};
use guerdon_rules::book::Book;
use guerdon_rules::book::close::Reach;
use guerdon_rules::book::ranking::{Ranked, places, points_and_reached};
use guerdon_rules::book::rows::{JournalKind, StandingRow};
use guerdon_rules::campaign::calendar::Cycle;
use guerdon_rules::release::Release;
use rustc_hash::FxHashMap;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Parts of a cycle that are looked through and not closed yet: whoever closes never waits for them.
const AHEAD: usize = 2;
/// Parts that are looked through without a word in the database: a few seconds, in which the lease holds.
const UNWRITTEN: usize = 4;

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
            let Some((_, last)) = page.last() else { break };
            after = last.member;
            for (member, standing) in &page {
                for (list, account) in ranked.iter_mut().zip(accounts) {
                    let (points, reached_ms) = points_and_reached(release, *account, standing).map_err(|_| overflow())?;
                    list.push(Ranked { member: standing.member, kind: member.id.kind.clone(), points, reached_ms });
                }
            }
        }
        Ok(accounts.iter().copied().zip(ranked.into_iter().map(places)).collect())
    }

    async fn run_pages(&self, running: &Running, row: SettlementRow, run: Run, fence: i64) -> Result<SettleReport> {
        let run = Arc::new(run);
        let failed_before: Vec<(i64, String)> = serde_json::from_str(&row.failed).unwrap_or_default();
        let had_failures = !failed_before.is_empty();
        let progress = Progress { tally: Tally::resumed(&row, failed_before), row };
        let (found, looked) = mpsc::channel(AHEAD);
        let looking = self.look_through(running, &run, progress.row.cursor, found);
        let (_, closed) = tokio::join!(looking, self.close_found(running, &run, fence, progress, looked));
        let progress = closed?;
        let Progress { mut row, mut tally } = progress;
        let failed_before = row.failed.clone();
        if had_failures {
            tally.out_of_order = true;
            self.retry_failed(running, &mut row, &run, fence, &mut tally).await?;
        }
        self.finish(running, row, &run, fence, tally, &failed_before).await
    }

    /// Looks through all members after one, and hands over what it found; the last that it hands over says that this was all.
    async fn look_through(&self, running: &Running, run: &Run, mut after: i64, hand_over: mpsc::Sender<Result<Found>>) {
        loop {
            let found = self.look_ahead(running, run, after).await;
            let last = found.as_ref().ok().and_then(|found| found.last);
            // Who closes has stopped, and says why.
            let is_wanted = hand_over.send(found).await.is_ok();
            match last {
                Some(last) if is_wanted => after = last,
                _ => return,
            }
        }
    }

    /// Closes what was found in full pages; what does not fill one only when nothing was written for a while, or in the end.
    async fn close_found(
        &self,
        running: &Running,
        run: &Arc<Run>,
        fence: i64,
        mut progress: Progress,
        mut looked: mpsc::Receiver<Result<Found>>,
    ) -> Result<Progress> {
        let (mut members, mut unwritten, mut seen) = (Vec::new(), 0, progress.row.cursor);
        while let Some(found) = looked.recv().await {
            let Found { last, concerned, unconcerned } = found?;
            progress.tally.members += unconcerned;
            members.extend(concerned);
            seen = last.unwrap_or(seen);
            unwritten += usize::from(last.is_some());
            let mut is_due = if last.is_some() { unwritten == UNWRITTEN } else { unwritten > 0 || !members.is_empty() };
            while is_due || members.len() >= self.members_of_a_page() {
                (progress, members) = self.close_one_page(running, run, fence, progress, members, seen).await?;
                unwritten = 0;
                is_due &= !members.is_empty();
            }
        }
        Ok(progress)
    }

    fn members_of_a_page(&self) -> usize {
        self.settings.settle_page.max(1) as usize
    }

    /// Closes the first members, at most a page of them, through the campaign's lane; also nobody. Gives back who is left.
    /// `seen`: where the cursor stands when that is nobody.
    async fn close_one_page(
        &self,
        running: &Running,
        run: &Arc<Run>,
        fence: i64,
        progress: Progress,
        mut members: Vec<StandingRow>,
        seen: i64,
    ) -> Result<(Progress, Vec<StandingRow>)> {
        let rest = members.split_off(members.len().min(self.members_of_a_page()));
        let last = members.last().filter(|_| !rest.is_empty()).map_or(seen, |standing| standing.member);
        let failed_before = progress.tally.failed.len();
        let (reply, answer) = oneshot::channel();
        let page = Page { run: run.clone(), members, last, fence, progress, reply };
        let Done { progress, mut left } = running.lane.close(page, answer).await?;
        running.failures.note_closes(&run.release, progress.tally.failed.len() - failed_before, self.now_ms());
        left.extend(rest);
        Ok((progress, left))
    }

    /// Members whose close failed in an earlier run. Those that were not reached yet stay written down in each commit.
    async fn retry_failed(&self, running: &Running, row: &mut SettlementRow, run: &Run, fence: i64, tally: &mut Tally) -> Result<()> {
        let mut left = VecDeque::from(std::mem::take(&mut tally.failed));
        while let Some((member, _)) = left.pop_front() {
            let mut transaction = self.begin_page(running, row, fence).await?;
            let page = transaction.settlement_page(row.cycle, row.revision, false, member - 1, 1).await?;
            let own: Vec<StandingRow> = page.into_iter().map(|(_, standing)| standing).filter(|s| s.member == member).collect();
            self.close_under_lock(&mut *transaction, run, &own, tally).await?;
            let failed_again = tally.failed.len();
            tally.failed.extend(left.iter().cloned());
            tally.note(row);
            transaction.put_settlement(row).await?;
            transaction.commit().await?;
            tally.failed.truncate(failed_again);
        }
        Ok(())
    }

    async fn finish(
        &self,
        running: &Running,
        mut row: SettlementRow,
        run: &Run,
        fence: i64,
        mut tally: Tally,
        failed_before: &str,
    ) -> Result<SettleReport> {
        let complete = tally.failed.is_empty();
        if complete && tally.out_of_order {
            (tally.digest, tally.out_of_order) = (self.dry_tally(running, run).await?.digest, false);
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
        self.report(running, run, state, tally).await
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
            let Some(last) = page.last().map(|(row, _)| row.number) else { return Ok(tally) };
            let mut book = Book::new(transaction.head().clone(), Vec::new());
            let page = to_close(run, &mut book, page);
            let closed = self.close_members(&mut *transaction, run, &mut book, &page, &mut tally, Decides::Dry).await?;
            after = page[..closed].last().filter(|_| closed < page.len()).map_or(last, |standing| standing.member);
        }
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

/// The revision to work on: the lowest that is not done, those with failed members last; else the newest.
fn to_do(rows: Vec<SettlementRow>) -> Option<SettlementRow> {
    let rank = |row: &SettlementRow| match (row.state, row.failed.as_str()) {
        (SettlementState::Done, _) => (2, -row.revision),
        (_, "[]") => (0, row.revision),
        _ => (1, row.revision),
    };
    rows.into_iter().min_by_key(rank)
}

fn overflow() -> FlowError {
    FlowError::Internal("a sum does not fit into 64 bits".into())
}

//! The pages of a settlement: which members there is anything to do for, looked through without a lock, and the close of
//! these, page by page, each with its grants, its cursor and its lease in one commit. The campaign's lane commits a page
//! between its groups of events, so that it need not forget what it has in memory.
//!
//! Must not know: which revision is due, or what becomes of the run.

use super::error::{FlowError, Result};
use super::host::{Host, Rules, Running};
use super::lane::commit_delta;
use super::prefetch;
use crate::store::{Kept, SettlementRow, Transaction};
use guerdon_rules::book::close::{Close, Closed, Reach};
use guerdon_rules::book::facts::CloseFacts;
use guerdon_rules::book::ranking::has_posting;
use guerdon_rules::book::rows::{MemberRow, Members, StandingRow};
use guerdon_rules::book::{Book, Slot};
use guerdon_rules::campaign::calendar::Cycle;
use guerdon_rules::names::Code;
use guerdon_rules::release::Release;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::oneshot;

/// One run over one revision.
pub(super) struct Run {
    pub rules: Arc<Rules>,
    pub release: Arc<Release>,
    pub cycle: Cycle,
    pub revision: i32,
    pub reach: Reach,
    /// By account, then by member number: the place on its leaderboard.
    pub places: Vec<(usize, FxHashMap<i64, i64>)>,
}

/// What is kept as the digest until it is made anew.
pub(super) const OUT_OF_ORDER: &str = "out of order";
/// Deciding about a page may take this long; the rest goes into the next one.
const DECIDE_MS: u64 = 100;
/// The same, for what is looked through without a lock.
const LOOK_MS: u64 = 1_000;

/// Pages that are looked through together before the lock is taken.
const LOOK_AHEAD: i64 = 5;

/// What a decision about a member's close is for.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Decides {
    /// To see whether there is anything to do.
    Ahead,
    /// To compare, or to show.
    Dry,
    ToBook,
}

/// Members that were looked through.
#[derive(Default)]
pub(super) struct Found {
    /// None: there are no more.
    pub last: Option<i64>,
    pub concerned: Vec<StandingRow>,
    /// How many others there were.
    pub unconcerned: u64,
}

/// How far a run has come.
#[derive(Clone)]
pub(super) struct Progress {
    pub row: SettlementRow,
    pub tally: Tally,
}

/// Members that are closed in one commit; also nobody, because the commit keeps the lease and the cursor.
pub(super) struct Page {
    pub run: Arc<Run>,
    pub members: Vec<StandingRow>,
    /// Where the cursor stands once all of them are closed.
    pub last: i64,
    pub fence: i64,
    /// Before this page.
    pub progress: Progress,
    pub reply: oneshot::Sender<Result<Done>>,
}

/// What a page came to.
pub(super) struct Done {
    /// After it.
    pub progress: Progress,
    /// Its last members, for whom there was no time.
    pub left: Vec<StandingRow>,
}

/// What the pages of a run came to so far.
#[derive(Clone, Default)]
pub(super) struct Tally {
    pub members: u64,
    pub digest: String,
    /// Members were closed that an earlier run had passed: the digest, which is over all in order, has to be made anew.
    pub out_of_order: bool,
    pub given: BTreeMap<Code, i64>,
    pub failed: Vec<(i64, String)>,
    pub excess: Vec<(i64, Code, i64)>,
    pub would_give: Vec<(i64, Code, i64)>,
}

impl Host {
    /// The next members in order, and for whom of them the close does something or fails. Decided without the campaign's
    /// lock, so that events flow on: what the close of a member reads is frozen, so whoever gets nothing now gets nothing
    /// later either. The others are decided again under the lock, and go into the digest.
    pub(super) async fn look_ahead(&self, running: &Running, run: &Run, after: i64) -> Result<Found> {
        let mut transaction = self.store.peek(running.row.campaign).await?;
        let limit = self.settings.settle_page.saturating_mul(LOOK_AHEAD);
        let page = transaction.settlement_page(run.cycle.number, run.revision, run.only_changed(), after, limit).await?;
        let mut found = Found { last: page.last().map(|(row, _)| row.number), ..Found::default() };
        let mut book = Book::new(transaction.head().clone(), Vec::new());
        let page = to_close(run, &mut book, page);
        let history = self.load_page(&mut *transaction, run, &mut book, &page, Decides::Ahead).await?;
        let until_ms = self.runtime.limits.watch.elapsed_ms() + LOOK_MS;
        for standing in &page {
            match self.close_member(&mut book, run, standing, &history, Decides::Ahead)?.1 {
                Ok(closed) if closed.is_nothing && closed.entitlements.is_empty() => found.unconcerned += 1,
                _ => found.concerned.push(standing.clone()),
            }
            if self.runtime.limits.watch.elapsed_ms() > until_ms {
                found.last = Some(standing.member);
                break;
            }
        }
        Ok(found)
    }

    /// The campaign's lock, and the lease of a run.
    pub(super) async fn begin_page(&self, running: &Running, row: &SettlementRow, fence: i64) -> Result<Box<dyn Transaction>> {
        let mut transaction = self.store.begin(running.row.campaign).await?;
        self.hold_lease(&mut *transaction, row, fence).await?;
        Ok(transaction)
    }

    async fn hold_lease(&self, transaction: &mut dyn Transaction, row: &SettlementRow, fence: i64) -> Result<()> {
        match transaction.hold_lease(row.cycle, row.revision, fence, self.settings.lease_seconds).await? {
            true => Ok(()),
            false => Err(FlowError::Conflict(STALE.into())),
        }
    }

    /// Decides a page without the lock, in the book that the lane has in memory. None: it reads standings that events which
    /// are still being written may change, so that it has to be decided under the lock.
    pub(super) async fn close_ahead(&self, peek: &mut dyn Transaction, book: &mut Book, page: &Page) -> Result<Option<Done>> {
        if page.run.reach.history || page.run.reach.others {
            return Ok(None);
        }
        self.close_page(peek, book, page).await.map(Some)
    }

    /// What a page that was decided ahead keeps.
    pub(super) fn kept(&self, page: &Page, done: &Done) -> Kept {
        Kept { row: done.progress.row.clone(), fence: page.fence, lease_seconds: self.settings.lease_seconds }
    }

    /// Puts what is kept into a transaction that has the lock; fails for a run that lost its lease.
    pub(super) async fn keep(&self, transaction: &mut dyn Transaction, kept: &Kept) -> Result<()> {
        self.hold_lease(transaction, &kept.row, kept.fence).await?;
        Ok(transaction.put_settlement(&kept.row).await?)
    }

    /// Closes and commits a page under the lock.
    pub(super) async fn close_locked(&self, running: &Running, page: &Page) -> Result<Done> {
        let mut transaction = self.begin_page(running, &page.progress.row, page.fence).await?;
        let mut book = locked_book(&mut *transaction, &page.run).await?;
        let done = self.close_page(&mut *transaction, &mut book, page).await?;
        let delta = book.take_delta();
        transaction.put_settlement(&done.progress.row).await?;
        let untold = running.leaderboards.expect(delta.head.position);
        commit_delta(running, transaction, &delta).await?;
        running.leaderboards.take_over(running, &delta);
        untold.told();
        Ok(done)
    }

    /// As many of a page's members as there is time for, in member order; at least one.
    async fn close_page(&self, transaction: &mut dyn Transaction, book: &mut Book, page: &Page) -> Result<Done> {
        let Progress { mut row, mut tally } = page.progress.clone();
        let closed = match page.members.is_empty() {
            true => 0,
            false => self.close_members(transaction, &page.run, book, &page.members, &mut tally, Decides::ToBook).await?,
        };
        let (closed, left) = page.members.split_at(closed);
        row.cursor = closed.last().filter(|_| !left.is_empty()).map_or(page.last, |standing| standing.member);
        tally.note(&mut row);
        Ok(Done { progress: Progress { row, tally }, left: left.to_vec() })
    }

    /// Closes members in a transaction that has the lock, and writes what they get.
    pub(super) async fn close_under_lock(
        &self,
        transaction: &mut dyn Transaction,
        run: &Run,
        members: &[StandingRow],
        tally: &mut Tally,
    ) -> Result<()> {
        let mut book = locked_book(transaction, run).await?;
        self.close_members(transaction, run, &mut book, members, tally, Decides::ToBook).await?;
        Ok(transaction.write(&book.take_delta()).await?)
    }

    /// As many as there is time for; at least one.
    pub(super) async fn close_members(
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
                (slot, Ok(closed)) => tally.add(&run.rules, book, slot, closed, decides),
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
                standing: of.and_then(|o| o.standing(run.cycle.number)),
                history: of.map_or(&[], |o| &o.until),
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
    async fn load_page<'a>(
        &self,
        transaction: &mut dyn Transaction,
        run: &Run,
        book: &mut Book,
        page: &'a [StandingRow],
        decides: Decides,
    ) -> Result<History<'a>> {
        let (release, cycle) = (&run.release, run.cycle.number);
        let numbers: Vec<i64> = page.iter().map(|s| s.member).collect();
        let unknown: Vec<i64> = numbers.iter().copied().filter(|n| book.slot_of_number(*n).is_none()).collect();
        book.load_members(&[], transaction.members_by_number(&unknown).await?);
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
            // What the book has is newer.
            let mut live: Vec<(i32, i64)> = parties.iter().flat_map(|n| [(cycle, *n), (cycle + 1, *n)]).collect();
            live.retain(|of| !book.knows_standing(*of));
            book.load_standings(&live, transaction.standings(&live).await?);
            // Points of this close go into the next cycle, which may be closed, with all that look back on it.
            let mut cycles: Vec<i32> = (cycle..=book.head().closed_through.max(cycle + 1)).collect();
            cycles.retain(|number| book.cycle_row(*number).is_none());
            book.load_cycles(&cycles, transaction.cycles(&cycles).await?);
        }
        let mut of: FxHashMap<i64, Known> = FxHashMap::default();
        for standing in page {
            of.entry(standing.member).or_default().own = Some(standing);
        }
        let others = parties.iter().any(|number| !of.contains_key(number));
        if run.reach.history || others {
            for standing in transaction.standings_until(cycle, run.revision, &parties).await? {
                of.entry(standing.member).or_default().until.push(standing);
            }
        }
        for number in &parties {
            let ranks = run.places.iter().filter_map(|(account, places)| Some((*account, *places.get(number)?)));
            of.entry(*number).or_default().ranks = ranks.collect();
        }
        Ok(of.into_iter().filter_map(|(number, known)| Some((book.slot_of_number(number)?, known))).collect())
    }
}

/// What is stored, with every pool that a run may give from.
async fn locked_book(transaction: &mut dyn Transaction, run: &Run) -> Result<Book> {
    let names = run.rules.pool_names();
    let pools = if names.is_empty() { Vec::new() } else { transaction.pools(&names).await? };
    Ok(Book::new(transaction.head().clone(), pools))
}

/// Members of a page that have anything to close; they are in the book then.
pub(super) fn to_close(run: &Run, book: &mut Book, page: Vec<(MemberRow, StandingRow)>) -> Vec<StandingRow> {
    let closes = run.release.close_handler.is_some();
    let (rows, page) = page.into_iter().filter(|(_, standing)| closes && has_posting(&run.release, standing)).unzip();
    book.load_members(&[], Members { rows, ..Members::default() });
    page
}

/// The answer to a settler that lost its lease.
pub(super) const STALE: &str = "another settler took over";

impl Run {
    /// A correction concerns only those whom late events touched, unless members' rewards depend on each other.
    pub fn only_changed(&self) -> bool {
        self.revision > 1 && !self.reach.others && !self.reach.history
    }
}

/// What the close knows of everybody on a page.
type History<'a> = FxHashMap<Slot, Known<'a>>;

#[derive(Default)]
struct Known<'a> {
    /// As the page has it.
    own: Option<&'a StandingRow>,
    /// Where the close looks back, or at others: of this cycle and earlier ones.
    until: Vec<StandingRow>,
    ranks: Vec<(usize, i64)>,
}

impl Known<'_> {
    fn standing(&self, cycle: i32) -> Option<&StandingRow> {
        self.until.iter().find(|standing| standing.cycle == cycle).or(self.own)
    }
}

impl Tally {
    /// As a settlement's row has it.
    pub fn resumed(row: &SettlementRow, failed: Vec<(i64, String)>) -> Tally {
        let digest = row.digest.clone().unwrap_or_default();
        let excess = serde_json::from_str(&row.excess).unwrap_or_default();
        Tally { out_of_order: digest == OUT_OF_ORDER, digest, excess, failed, ..Tally::default() }
    }

    pub fn kept_digest(&self) -> String {
        if self.out_of_order { OUT_OF_ORDER.to_string() } else { self.digest.clone() }
    }

    /// Keeps in a settlement's row what the run came to.
    pub fn note(&self, row: &mut SettlementRow) {
        row.digest = Some(self.kept_digest());
        row.failed = json(&self.failed);
        row.excess = json(&self.excess);
    }

    fn add(&mut self, rules: &Rules, book: &Book, slot: Slot, closed: Closed, decides: Decides) {
        let member = book.member_row(slot);
        self.members += 1;
        for (measure, count) in closed.entitlements {
            // A chain, so that a run that was cut off goes on where it stood.
            let link = format!("{}\n{}\n{}\n{count}", self.digest, member.id, rules.names.name(measure));
            self.digest = hex::encode(Sha256::digest(link.as_bytes()));
            *self.given.entry(measure).or_default() += count;
            if decides == Decides::Dry {
                self.would_give.push((member.number, measure, count));
            }
        }
        self.excess.extend(closed.excess.into_iter().map(|(measure, count)| (member.number, measure, count)));
    }
}

pub(super) fn json(list: &impl serde::Serialize) -> String {
    // Numbers and strings: this cannot fail.
    serde_json::to_string(list).unwrap_or_else(|_| "[]".into())
}

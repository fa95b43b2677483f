//! A whole campaign in memory: one complete [`Book`] with its settlements, stock and waits. Cases, simulation, what-if
//! and fuzzing all drive this, and the book in it is the one that pays in production.
//!
//! Promises: the same calls give the same world. Must not know: files, what a case looks like, the wall clock.

mod resumed;

use super::costs::Costs;
use crate::book::close::{Close, Closed, Reach};
use crate::book::decide::{Answer, Answered};
use crate::book::facts::CloseFacts;
use crate::book::prepare::{Prepared, Releases, prepare};
use crate::book::ranking::{Ranked, has_posting, places, points_and_reached};
use crate::book::receipt::Receipt;
use crate::book::rows::{Delta, GrantRow, GrantState, Held, ISSUE, Outcome, PoolRow, PostingRow, StandingRow, Switch};
use crate::book::{Book, Slot};
use crate::campaign::calendar::Cycle;
use crate::event::{Event, Key};
use crate::names::Code;
use crate::release::Release;
use crate::value::MemberId;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

/// See the module.
pub struct World {
    releases: Releases,
    book: Book,
    /// Corrections that are due: (cycle, revision).
    due: BTreeSet<(i32, i32)>,
    /// Members whose close failed, to be tried again: (cycle, number).
    failed: FxHashSet<(i32, i64)>,
    /// Events that wait, by the instant at which the wait is over.
    waits: BinaryHeap<Reverse<(i64, Key)>>,
    keeps: Keeps,
    grants: Vec<GrantRow>,
    postings: Vec<PostingRow>,
    granted: BTreeMap<(Code, i32), Granted>,
    costs: Costs,
    /// By pool: the time of the first grant that found no code.
    ran_out: BTreeMap<i32, i64>,
    /// The time of the first grant that did not fit the budget.
    budget_out: Option<i64>,
    /// Events that waited and were decided since the last step.
    released: Vec<(Key, Receipt)>,
    /// Where a store is kept up to date: what is to be written.
    written: Option<Vec<Delta>>,
}

/// What is kept besides the state itself, and the sums.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keeps {
    /// For millions of events: neither texts nor receipts, grants or ledger lines.
    Sums,
    /// Steps and closes say why they came out as they did.
    Receipts,
    Everything,
}

/// Units of one reward in one cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Granted {
    pub units: i64,
    /// Of them, those that were owed when they were granted.
    pub owed: i64,
    /// Face value in minor units.
    pub cost: i64,
}

/// What became of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub answer: Answer,
    /// Why; none for a repeated delivery, a conflict, and in a world that keeps only sums.
    pub receipt: Option<Receipt>,
    /// Events that waited, and were decided since the last step: because of this one, or because their time was up.
    pub released: Vec<(Key, Receipt)>,
}

/// What a settlement did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settled {
    /// Cycles closed now, for the first time.
    pub closed: Vec<i32>,
    /// (cycle, revision) of corrections made now.
    pub corrected: Vec<(i32, i32)>,
    /// What members got, in member order; only those for whom something was booked or listed, and none in a world
    /// that keeps only sums.
    pub members: Vec<ClosedMember>,
    /// Members whose close failed, and why. They are tried again by the next settlement.
    pub failed: Vec<(MemberId, String)>,
}

/// One member's close.
#[derive(Clone, Debug, PartialEq)]
pub struct ClosedMember {
    pub cycle: i32,
    pub revision: i32,
    pub member: MemberId,
    pub closed: Closed,
}

impl Settled {
    /// Nothing was due.
    pub fn is_empty(&self) -> bool {
        self.closed.is_empty() && self.corrected.is_empty()
    }
}

/// By account: places by member number.
type Ranks = Vec<(usize, FxHashMap<i64, i64>)>;

/// What one member's close may know.
#[derive(Default)]
struct Frozen {
    standing: Option<StandingRow>,
    history: Vec<StandingRow>,
    ranks: Vec<(usize, i64)>,
}

impl World {
    /// An empty world. `stock` is the number of codes by pool; a pool that is not named has none. `seed` decides draws.
    pub fn new(releases: Releases, stock: &BTreeMap<String, i64>, seed: i64) -> World {
        let named: BTreeSet<&str> = releases.iter().flat_map(|r| r.campaign.rewards.iter().filter_map(|w| w.pool.as_deref())).collect();
        let pools = named.into_iter().enumerate().map(|(index, name)| PoolRow {
            pool: index as i32 + 1,
            name: name.to_string(),
            available: stock.get(name).copied().unwrap_or(0),
            owed: 0,
        });
        let mut book = Book::in_memory(pools.collect());
        book.set_seed(seed);
        World {
            releases,
            book,
            due: BTreeSet::new(),
            failed: FxHashSet::default(),
            waits: BinaryHeap::new(),
            keeps: Keeps::Everything,
            grants: Vec::new(),
            postings: Vec::new(),
            granted: BTreeMap::new(),
            costs: Costs::default(),
            ran_out: BTreeMap::new(),
            budget_out: None,
            released: Vec::new(),
            written: None,
        }
    }

    /// To be called before the first event.
    pub fn keep(&mut self, keeps: Keeps) {
        self.keeps = keeps;
        if keeps < Keeps::Everything {
            self.book.keep_no_texts();
        }
        if keeps < Keeps::Receipts {
            self.book.keep_no_receipts();
        }
    }

    pub fn book(&self) -> &Book {
        &self.book
    }
    pub fn book_mut(&mut self) -> &mut Book {
        &mut self.book
    }
    pub fn releases(&self) -> &Releases {
        &self.releases
    }
    /// Every grant, oldest first, in its present state.
    pub fn grants(&self) -> &[GrantRow] {
        &self.grants
    }
    /// Every ledger line, oldest first.
    pub fn postings(&self) -> &[PostingRow] {
        &self.postings
    }
    /// Units by (reward, cycle), the reward by its dictionary number.
    pub fn granted(&self) -> &BTreeMap<(Code, i32), Granted> {
        &self.granted
    }

    /// What was booked, by line of the rule file and by member.
    pub fn costs(&self) -> &Costs {
        &self.costs
    }
    /// By pool: the time of the first grant that found no code.
    pub fn ran_out(&self) -> &BTreeMap<i32, i64> {
        &self.ran_out
    }
    /// The time of the first grant that did not fit the budget, whether it is owed or was cut off; also of points at a worth.
    pub fn budget_out(&self) -> Option<i64> {
        self.budget_out
    }

    /// Decides one event that comes in at `now_ms`. `forced_draws` are the results of its first draws.
    pub fn event(&mut self, event: Event, now_ms: i64, forced_draws: &[i64]) -> Step {
        let Some(mut prepared) = prepare(event, &self.releases, now_ms) else {
            return refused("the campaign has no release");
        };
        prepared.forced_draws = forced_draws.to_vec();
        self.prepared(&prepared)
    }

    /// Decides one event that was read with the releases of this world, at the time at which it comes in.
    pub fn prepared(&mut self, prepared: &Prepared) -> Step {
        self.expire_waits(prepared.received_ms);
        self.decide(prepared)
    }

    fn decide(&mut self, prepared: &Prepared) -> Step {
        // Everything there is, is at hand: a book in memory never lacks rows.
        let Ok(answer) = self.book.apply(prepared) else { return refused("the book in memory lacks rows") };
        let mut receipts = self.book.take_receipts();
        let own = receipts.pop_if(|(identity, _)| *identity == prepared.identity);
        self.released.append(&mut receipts);
        self.drain();
        Step { answer, receipt: own.map(|(_, receipt)| receipt), released: self.take_released() }
    }

    /// Events that waited and were decided since the last step.
    pub fn take_released(&mut self) -> Vec<(Key, Receipt)> {
        std::mem::take(&mut self.released)
    }

    /// Refuses what waited until now or earlier.
    pub fn expire_waits(&mut self, now_ms: i64) {
        while let Some(Reverse((until_ms, identity))) = self.waits.peek().copied()
            && until_ms <= now_ms
        {
            self.waits.pop();
            self.book.expire(&identity, now_ms);
            self.released.append(&mut self.book.take_receipts());
            self.drain();
        }
    }

    /// Closes every cycle whose grace is over, makes the corrections that are due, and tries failed members again.
    pub fn settle(&mut self, now_ms: i64) -> Settled {
        self.expire_waits(now_ms);
        let mut settled = Settled::default();
        for (cycle, revision) in std::mem::take(&mut self.due) {
            let Some(cycle) = self.cycle(cycle, now_ms) else { continue };
            settled.corrected.push((cycle.number, revision));
            self.book.raise_revision(cycle.number, revision);
            self.close(&cycle, revision, now_ms, &mut settled);
        }
        for cycle in self.ended(now_ms) {
            settled.closed.push(cycle.number);
            self.book.close_through(cycle.number);
            self.close(&cycle, 1, now_ms, &mut settled);
        }
        settled
    }

    /// Cycles that have ended, with their grace, and are not closed.
    fn ended(&self, now_ms: i64) -> Vec<Cycle> {
        let Some(release) = self.releases.at(now_ms) else { return Vec::new() };
        let calendar = &release.campaign.calendar;
        let open = |cycle: &&Cycle| cycle.number > self.book.head().closed_through;
        let over = |cycle: &&Cycle| cycle.ends_ms.saturating_add(calendar.grace_ms()) <= now_ms;
        if calendar.has_cycles() { calendar.cycles().iter().filter(open).take_while(over).cloned().collect() } else { Vec::new() }
    }

    fn cycle(&self, number: i32, now_ms: i64) -> Option<Cycle> {
        self.releases.at(now_ms)?.campaign.calendar.cycle(number).cloned()
    }

    fn close(&mut self, cycle: &Cycle, revision: i32, now_ms: i64, settled: &mut Settled) {
        let Some(release) = self.releases.closing(cycle).cloned() else { return };
        if release.close_handler.is_some() {
            let reach = Reach::of(&release);
            let to_close = self.to_close(&release, cycle, revision, &reach);
            let ranks = self.ranks(&release, cycle, &reach);
            // Where a close looks at others, everybody is at hand; else the member alone is.
            let looks_at_others = !release.campaign.close_roles.is_empty();
            let mut facts: FxHashMap<Slot, Frozen> = FxHashMap::default();
            if looks_at_others {
                let all: Vec<Slot> = self.book.members().filter_map(|m| self.book.slot_of_number(m.number)).collect();
                facts = all.into_iter().map(|slot| (slot, self.freeze(cycle, slot, &reach, &ranks))).collect();
            }
            for slot in to_close {
                if !looks_at_others {
                    facts.clear();
                    facts.insert(slot, self.freeze(cycle, slot, &reach, &ranks));
                }
                self.close_member(&release, cycle, revision, slot, &facts, now_ms, settled);
            }
        }
        self.drain();
    }

    /// Members whose close is due, in member order. A correction concerns those whom late events touched, and
    /// everybody where one member's points can move another's reward.
    fn to_close(&self, release: &Release, cycle: &Cycle, revision: i32, reach: &Reach) -> Vec<Slot> {
        let rows = self.book.standings_in(cycle.number).into_iter().filter(|row| has_posting(release, row));
        let due = |row: &&StandingRow| {
            revision == 1 || reach.others || reach.history || row.revision >= revision || self.failed.contains(&(cycle.number, row.member))
        };
        rows.filter(due).filter_map(|row| self.book.slot_of_number(row.member)).collect()
    }

    #[allow(clippy::too_many_arguments)] // One member's share of `close`.
    fn close_member(
        &mut self,
        release: &Release,
        cycle: &Cycle,
        revision: i32,
        slot: Slot,
        frozen: &FxHashMap<Slot, Frozen>,
        now_ms: i64,
        settled: &mut Settled,
    ) {
        let nothing = Frozen::default();
        let facts = |slot: Slot| {
            let of = frozen.get(&slot).unwrap_or(&nothing);
            CloseFacts { standing: of.standing.as_ref(), history: &of.history, ranks: &of.ranks }
        };
        let close = Close { release, cycle, member: slot, revision, facts: &facts, now_ms, dry_run: false };
        let row = self.book.member_row(slot);
        let (id, number) = (row.id.clone(), row.number);
        match self.book.close(&close) {
            Ok(Ok(closed)) => {
                self.failed.remove(&(cycle.number, number));
                let is_empty = closed.entitlements.is_empty() && closed.excess.is_empty() && closed.receipt.effects.is_empty();
                if self.keeps >= Keeps::Receipts && !is_empty {
                    settled.members.push(ClosedMember { cycle: cycle.number, revision, member: id, closed });
                }
            }
            failed => {
                let reason = failed.ok().and_then(Result::err).unwrap_or_else(|| "the book in memory lacks rows".into());
                settled.failed.push((id, reason));
                self.failed.insert((cycle.number, number));
                self.due.insert((cycle.number, self.book.revision(cycle.number)));
            }
        }
    }

    /// What the close may read of a member. Closes book into the next cycle, so that no other close can have moved it.
    fn freeze(&self, cycle: &Cycle, slot: Slot, reach: &Reach, ranks: &Ranks) -> Frozen {
        let number = self.book.member_row(slot).number;
        // Days, and what earlier revisions gave, are no facts of a close.
        let facts_of = |row: &StandingRow| StandingRow {
            cycle: row.cycle,
            revision: row.revision,
            member: row.member,
            tally: row.tally.clone(),
            attributes: row.attributes.clone(),
            ..StandingRow::default()
        };
        let standing_in = |cycle| self.book.standing(cycle, number).map(facts_of);
        Frozen {
            standing: standing_in(cycle.number),
            history: if reach.history { (1..=cycle.number).filter_map(standing_in).collect() } else { Vec::new() },
            ranks: ranks.iter().filter_map(|(account, places)| Some((*account, *places.get(&number)?))).collect(),
        }
    }

    /// Places on every leaderboard that the close reads.
    fn ranks(&self, release: &Release, cycle: &Cycle, reach: &Reach) -> Ranks {
        reach.ranked_accounts.iter().map(|&account| (account, places(self.ranked(release, account, cycle.number)))).collect()
    }

    /// Everybody's points of an account in a cycle, for [`places`] and [`crate::book::ranking::in_order`].
    pub fn ranked(&self, release: &Release, account: usize, cycle: i32) -> Vec<Ranked> {
        let ranked = |row: &StandingRow| {
            // Sums were checked when they were booked.
            let (points, reached_ms) = points_and_reached(release, account, row).ok()?;
            let slot = self.book.slot_of_number(row.member)?;
            Some(Ranked { member: row.member, kind: self.book.member_row(slot).id.kind.clone(), points, reached_ms })
        };
        self.book.standings_in(cycle).into_iter().filter_map(ranked).collect()
    }

    /// Adds codes to a pool and fills what it owes, oldest first. False: there is no such pool.
    pub fn add_stock(&mut self, pool: &str, codes: i64) -> bool {
        let Some(index) = self.book.pools().iter().position(|p| p.name == pool) else { return false };
        let row = &mut self.book.pools_mut()[index];
        row.available = row.available.saturating_add(codes);
        self.fill(index);
        true
    }

    fn fill(&mut self, index: usize) {
        let row = &mut self.book.pools_mut()[index];
        let owed = |g: &&mut GrantRow| g.pool == Some(row.pool) && g.state == GrantState::Owed && g.held == Held::Stock;
        let filled = row.available.min(row.owed);
        for grant in self.grants.iter_mut().filter(owed).take(usize::try_from(filled).unwrap_or(0)) {
            grant.state = GrantState::Issued;
        }
        row.available -= filled;
        row.owed -= filled;
    }

    /// Closes or opens a switch. Opening `issue` lets go what it held, oldest first.
    pub fn set_switch(&mut self, name: &str, switch: Switch) {
        let opens_issue = name == ISSUE && !switch.closed;
        self.book.set_switch(name, switch);
        self.drain();
        if !opens_issue {
            return;
        }
        let pools = self.book.pools_mut();
        for grant in self.grants.iter_mut().filter(|g| g.held == Held::Switch && g.state == GrantState::Owed) {
            grant.held = Held::Stock;
            match pools.iter_mut().find(|p| Some(p.pool) == grant.pool) {
                Some(pool) => pool.owed += 1,
                None => grant.state = GrantState::Issued,
            }
        }
        for index in 0..pools.len() {
            self.fill(index);
        }
    }

    /// Takes over what the book would have written.
    pub(crate) fn drain(&mut self) {
        for grant in self.book.pending_grants() {
            let granted = self.granted.entry((grant.reward, grant.cycle)).or_default();
            granted.units += 1;
            granted.owed += i64::from(grant.state == GrantState::Owed);
            granted.cost = granted.cost.saturating_add(grant.face_value);
            if let Some(pool) = grant.pool.filter(|_| grant.state == GrantState::Owed && grant.held == Held::Stock) {
                self.ran_out.entry(pool).or_insert(grant.at_ms);
            }
            if grant.held == Held::Budget {
                self.budget_out = self.budget_out.or(Some(grant.at_ms));
            }
        }
        self.budget_out = self.budget_out.or(self.book.budget_cut_ms());
        self.costs.add(self.book.pending_booked());
        if self.keeps == Keeps::Everything {
            self.grants.extend_from_slice(self.book.pending_grants());
            self.postings.extend_from_slice(self.book.pending_postings());
        }
        self.due.extend(self.book.pending_corrections());
        self.waits.extend(self.book.pending_waits().iter().map(|wait| Reverse((wait.until_ms, wait.identity))));
        match self.written.take() {
            None => self.book.skip_delta(),
            Some(mut written) => {
                written.push(self.commit());
                self.written = Some(written);
            }
        }
    }
}

fn refused(reason: &str) -> Step {
    let answer = Answer { outcome: Answered::Is(Outcome::Refused), reason: Some(reason.into()), repeated: false };
    Step { answer, receipt: None, released: Vec::new() }
}

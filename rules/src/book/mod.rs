//! The book: the one state machine that decides what becomes of an event and of a close. Production, cases,
//! simulation and fuzzing all call it.
//!
//! It is a working set of rows. Whoever drives it loads what a batch may read ([`gaps`] says what is missing),
//! applies events one after the other ([`Book::apply`]: the second sees what the first did), and writes the
//! [`rows::Delta`] in one transaction. Promises: the same rows and events give the same delta; nothing is changed
//! by an event that is not booked, except its own row, its journal line and a breaker; all sums are checked.
//! Must not know: SQL, HTTP, the wall clock; `now` is an argument.
//!
//! One file for each step: [`prepare`] (contract, before any state) → [`gaps`] → [`decide`] (the table of outcomes)
//! → [`facts`] and [`question`] → [`changes`] (limits, budget) → [`invariants`] → [`booking`] (rows) → [`receipt`]. [`referral`] and
//! [`redeem`] are the host's own acts, [`close`] is the close of a cycle for one member.

pub mod booking;
pub mod changes;
pub mod close;
pub mod decide;
pub mod facts;
pub mod gaps;
pub mod given;
pub mod invariants;
mod people;
pub mod prepare;
pub mod question;
pub mod ranking;
pub mod receipt;
pub mod redeem;
pub mod referral;
pub mod roles;
pub mod rows;
pub mod tally;

use crate::effect::Limit;
use crate::event::{Key, KeyMap, KeySet};
use crate::names::Code;
use crate::value::MemberId;
use people::People;
use prepare::Prepared;
use rows::{
    CycleRow, Delta, EventRow, GrantRow, Head, JournalKind, JournalRow, MemberRow, PoolRow, PostingRow, StandingRow, Switch, WaitRow,
};
use rustc_hash::{FxHashMap, FxHashSet};

/// Index of a member in the working set.
pub type Slot = usize;

/// A row with what has to be written of it.
struct Kept<T> {
    row: T,
    changed: bool,
}

struct Standing {
    row: StandingRow,
    /// The revision that is stored; 0: none.
    stored: i32,
    changed_at: i64,
}

impl Standing {
    fn stored(row: StandingRow) -> Option<Box<Standing>> {
        Some(Box::new(Standing { stored: row.revision, row, changed_at: -1 }))
    }
}

struct KeptEvent {
    row: EventRow,
    is_new: bool,
    changed: bool,
}

/// All that a second delivery of a final event needs.
struct Brief {
    outcome: rows::Outcome,
    /// The first half of its body's hash: enough to tell two bodies of one event apart.
    body: [u8; 8],
}

impl Brief {
    fn body(hash: &Key) -> [u8; 8] {
        std::array::from_fn(|place| hash[place])
    }
}

/// See the module.
#[derive(Default)]
pub struct Book {
    head: Head,
    head_changed: bool,
    /// Everything there is has been loaded (simulation): what is not in the working set does not exist.
    complete: bool,
    /// The last member number when the rows were loaded: a later one cannot have rows in the store.
    loaded_through: i64,

    members: People,
    /// By (cycle, member number): the latest revision; none: loaded, and not there.
    /// Boxed, because rows are wide and the map moves them when it grows.
    standings: FxHashMap<(i32, i64), Option<Box<Standing>>>,
    cycles: FxHashMap<i32, Kept<CycleRow>>,
    events: KeyMap<Option<Box<KeptEvent>>>,
    /// In memory, where no texts are kept: final events that were decided at once.
    briefs: KeyMap<Brief>,
    /// As `briefs`: the business keys that they claim.
    claimed: KeySet,
    /// Business keys that were asked for, with the identity of the event that claims each.
    claims: KeyMap<Option<Key>>,
    waits: FxHashMap<(i64, Code), Vec<Key>>,
    /// Members whose waits were loaded.
    waits_known: FxHashSet<i64>,
    /// Events that wait, ready to be decided again.
    waiting: KeyMap<Prepared>,
    pools: Vec<PoolRow>,

    journal: Vec<JournalRow>,
    postings: Vec<PostingRow>,
    grants: Vec<GrantRow>,
    new_waits: Vec<WaitRow>,
    ended_waits: Vec<Key>,
    corrections: Vec<(i32, i32)>,
    /// Order in which events were first touched, so that a delta is the same every time.
    touched_events: Vec<Key>,
    touched_members: Vec<Slot>,
    touched_standings: Vec<(i32, i64)>,
    /// How many events are being decided inside one another.
    depth: usize,
    /// Waiting events whose role was filled here but whose rows were not all at hand: decide them next.
    deferred: Vec<Key>,
    /// Whether every evaluation so far ran into the deadline, and how many of the last ones did.
    deadlines: (bool, u32),
    /// What a rule answered early about the event that is decided next.
    foreseen: Option<question::Foreseen>,
    /// In memory: receipts of the events decided since the last delta, by identity.
    receipts: Vec<(Key, receipt::Receipt)>,
    /// In memory: what was booked since the last delta, effect by effect.
    booked: Vec<booking::Booked>,
    /// The limit of the evaluation that the last failures ran into, until it is asked for.
    rule_limit: Option<Limit>,
    /// In memory: when the budget first cut something off.
    budget_cut_ms: Option<i64>,
    /// In memory: keeps no texts of events, for millions that nobody reads.
    terse: bool,
    /// In memory: writes no receipts.
    silent: bool,
}

pub use decide::{Answer, Answered, NeedsRows};

impl Book {
    /// A working set to be loaded step by step.
    pub fn new(head: Head, pools: Vec<PoolRow>) -> Book {
        Book { loaded_through: head.last_member, head, pools, deadlines: (true, 0), ..Book::default() }
    }

    /// A book in memory that holds everything there is, for simulation and cases.
    pub fn in_memory(pools: Vec<PoolRow>) -> Book {
        Book::resumed(Head::default(), pools)
    }

    /// As [`Book::in_memory`], to be loaded with everything that a store has.
    pub fn resumed(head: Head, pools: Vec<PoolRow>) -> Book {
        Book { complete: true, ..Book::new(head, pools) }
    }

    /// From now on no texts of events are kept.
    pub fn keep_no_texts(&mut self) {
        debug_assert!(self.complete, "a store must get its texts");
        self.terse = true;
    }

    /// From now on nobody is told why a decision came out as it did.
    pub fn keep_no_receipts(&mut self) {
        debug_assert!(self.complete, "a store must get its receipts");
        self.silent = true;
    }

    /// The campaign's own seed, on which draws depend.
    pub fn set_seed(&mut self, seed: i64) {
        self.head.seed = seed;
    }

    pub fn head(&self) -> &Head {
        &self.head
    }
    pub fn pools(&self) -> &[PoolRow] {
        &self.pools
    }
    pub fn pools_mut(&mut self) -> &mut Vec<PoolRow> {
        &mut self.pools
    }

    /// Notes that the campaign has one more release.
    pub fn add_release(&mut self, number: i32) {
        self.head.releases = number;
        self.head_changed = true;
    }

    /// Closes or opens a switch, with a journal line.
    pub fn set_switch(&mut self, name: &str, switch: Switch) {
        let at_ms = switch.at_ms;
        let body = receipt::switch(name, &switch);
        self.head.switches.insert(name.to_string(), switch);
        self.head_changed = true;
        self.add_line(JournalKind::Switch, None, None, at_ms, body);
    }

    pub fn is_closed(&self, switch: &str) -> bool {
        self.head.switches.get(switch).is_some_and(|s| s.closed)
    }

    /// Whether an event's row, or that there is none, is in the working set.
    pub fn knows_event(&self, identity: &Key) -> bool {
        self.events.contains_key(identity)
    }

    /// Forgets events that are stored by the commit of this position or an earlier one, so that a book that lives on does
    /// not grow with each of them. What is not final is kept.
    pub fn forget_events(&mut self, position: i64) {
        self.events.retain(|_, kept| kept.as_ref().is_some_and(|kept| kept.row.position > position || !kept.row.outcome.is_final()));
        self.claims.retain(|_, first| first.is_some_and(|identity| self.events.contains_key(&identity)));
    }

    /// Forgets members and standings that later commits than this one do not touch: they are stored, and can be loaded.
    pub fn forget_members(&mut self, position: i64) {
        let members = std::mem::take(&mut self.members);
        for member in members.into_iter().filter(|member| member.changed_at > position) {
            let slot = self.members.push(member.row);
            (self.members[slot].changed_at, self.members[slot].stored) = (member.changed_at, member.stored);
        }
        self.standings.retain(|_, kept| kept.as_ref().is_some_and(|standing| standing.changed_at > position));
        self.waits_known.clear();
        self.loaded_through = self.head.last_member;
    }

    /// Rows of the working set.
    pub fn size(&self) -> usize {
        self.members.len() + self.standings.len() + self.events.len() + self.claims.len()
    }

    /// Marks every cycle up to this one closed; events that come later write the next revision.
    pub fn close_through(&mut self, cycle: i32) {
        self.head.closed_through = self.head.closed_through.max(cycle);
        self.head_changed = true;
        self.raise_revision(cycle, 1);
    }

    /// From now on late events of this cycle write the revision after `settled`.
    pub fn raise_revision(&mut self, cycle: i32, settled: i32) {
        let kept = self.cycle_mut(cycle);
        if kept.revision <= settled {
            kept.revision = settled + 1;
        }
    }

    /// The revision that events of a cycle write to.
    pub fn revision(&self, cycle: i32) -> i32 {
        self.cycles.get(&cycle).map_or(1, |c| c.row.revision)
    }

    /// Appends a journal line and returns its number.
    pub fn add_line(&mut self, kind: JournalKind, identity: Option<Key>, member: Option<i64>, at_ms: i64, body: String) -> i32 {
        let line = self.journal.len() as i32 + 1;
        self.journal.push(JournalRow { line, kind, identity, member, at_ms, body });
        line
    }

    /// The position that this commit's journal lines get.
    pub fn next_position(&self) -> i64 {
        self.head.position + 1
    }

    /// Whether there are waiting events to decide before anything else.
    pub fn has_deferred(&self) -> bool {
        !self.deferred.is_empty()
    }
    /// Waiting events to decide next, because their rows were not all at hand.
    pub fn take_deferred(&mut self) -> Vec<Key> {
        std::mem::take(&mut self.deferred)
    }

    /// Whether every evaluation of this book ran into the deadline, and how many of the last ones did.
    pub fn deadlines_in_a_row(&self) -> (bool, u32) {
        self.deadlines
    }
    /// Which limit of one evaluation a rule ran into since this was last asked; the first one.
    pub fn take_rule_limit(&mut self) -> Option<Limit> {
        self.rule_limit.take()
    }
    /// In memory: when the budget first cut something off, by event time; what is owed for it is not cut off.
    pub fn budget_cut_ms(&self) -> Option<i64> {
        self.budget_cut_ms
    }
    /// Adds to a campaign total, for what is no event and no close.
    pub fn add_total(&mut self, measure: Code, amount: i64) -> Result<(), tally::Overflow> {
        self.head_changed = true;
        self.head.totals.add(measure, amount)
    }

    pub fn member_row(&self, slot: Slot) -> &MemberRow {
        &self.members[slot].row
    }
    pub fn slot_of(&self, id: &MemberId) -> Option<Slot> {
        self.members.slot_of(id)
    }
    pub fn slot_of_number(&self, number: i64) -> Option<Slot> {
        self.members.slot_of_number(number)
    }
    pub fn standing(&self, cycle: i32, member: i64) -> Option<&StandingRow> {
        self.standings.get(&(cycle, member))?.as_ref().map(|k| &k.row)
    }
    /// Whether a standing's row, or that there is none, is in the working set.
    pub fn knows_standing(&self, of: (i32, i64)) -> bool {
        !self.lacks_standing(of)
    }
    pub fn cycle_row(&self, cycle: i32) -> Option<&CycleRow> {
        self.cycles.get(&cycle).map(|k| &k.row)
    }
    /// In memory: receipts of the events decided since the last delta, by identity. What waited for an event, and was
    /// decided with it, comes before it.
    pub fn take_receipts(&mut self) -> Vec<(Key, receipt::Receipt)> {
        std::mem::take(&mut self.receipts)
    }
    /// In memory: what was booked since the last delta, effect by effect.
    pub fn pending_booked(&self) -> &[booking::Booked] {
        &self.booked
    }
    /// Members of the working set, in the order in which they came in.
    pub fn members(&self) -> impl Iterator<Item = &MemberRow> {
        self.members.iter().map(|m| &m.row)
    }

    /// Everything that has to be written, and the working set as it is after that commit.
    pub fn take_delta(&mut self) -> Delta {
        let wrote = !self.journal.is_empty() || self.head_changed;
        if !wrote {
            return Delta { head: self.head.clone(), ..Delta::default() };
        }
        self.head.position += 1;
        self.head_changed = false;
        self.receipts.clear();
        self.booked.clear();
        let mut delta = Delta {
            journal: std::mem::take(&mut self.journal),
            postings: std::mem::take(&mut self.postings),
            grants: std::mem::take(&mut self.grants),
            new_waits: std::mem::take(&mut self.new_waits),
            ended_waits: std::mem::take(&mut self.ended_waits),
            corrections: std::mem::take(&mut self.corrections),
            head: self.head.clone(),
            ..Delta::default()
        };
        for slot in self.touched_members.drain(..) {
            let member = &mut self.members[slot];
            let list = if member.is_new { &mut delta.new_members } else { &mut delta.changed_members };
            list.push(member.row.clone());
            member.is_new = false;
            let (number, latest) = (member.row.number, member.row.latest);
            if let Some((cycle, revision)) = std::mem::replace(&mut member.stored, latest).filter(|stored| Some(*stored) != latest) {
                let kept = self.standings.get(&(cycle, number)).and_then(Option::as_ref);
                let is_written = kept.is_some_and(|kept| kept.changed_at == self.head.position && kept.row.revision == revision);
                if !is_written {
                    delta.moved.push(number);
                }
            }
        }
        for key in self.touched_standings.drain(..) {
            let Some(Some(standing)) = self.standings.get_mut(&key) else { continue };
            let is_stored = standing.stored == standing.row.revision;
            let list = if is_stored { &mut delta.changed_standings } else { &mut delta.standings };
            list.push(standing.row.clone());
            standing.stored = standing.row.revision;
        }
        for kept in self.cycles.values_mut().filter(|k| k.changed) {
            delta.cycles.push(kept.row.clone());
            kept.changed = false;
        }
        for identity in std::mem::take(&mut self.touched_events) {
            // An event that was decided twice in this batch is written once, as it is now.
            if let Some(Some(kept)) = self.events.get_mut(&identity).filter(|kept| kept.as_ref().is_some_and(|k| k.changed)) {
                let list = if kept.is_new { &mut delta.new_events } else { &mut delta.changed_events };
                list.push(kept.row.clone());
                (kept.is_new, kept.changed) = (false, false);
            }
        }
        delta.new_waits.retain(|wait| !delta.ended_waits.contains(&wait.identity));
        delta.new_members.sort_by_key(|m| m.number);
        delta.changed_members.sort_by_key(|m| m.number);
        delta.moved.sort_unstable();
        delta.standings.sort_by_key(|s| (s.cycle, s.member));
        delta.changed_standings.sort_by_key(|s| (s.cycle, s.member));
        delta.cycles.sort_by_key(|c| c.cycle);
        delta
    }

    /// Forgets what was to be written, keeping the state: a simulation has no store.
    pub fn skip_delta(&mut self) {
        self.head.position += 1;
        self.head_changed = false;
        self.journal.clear();
        self.postings.clear();
        self.grants.clear();
        self.new_waits.clear();
        self.ended_waits.clear();
        self.corrections.clear();
        self.touched_members.clear();
        self.touched_standings.clear();
        self.receipts.clear();
        self.booked.clear();
        for identity in self.touched_events.drain(..) {
            if let Some(Some(kept)) = self.events.get_mut(&identity) {
                (kept.is_new, kept.changed) = (false, false);
            }
        }
    }

    /// Grants that the current delta holds so far.
    pub fn pending_grants(&self) -> &[GrantRow] {
        &self.grants
    }

    /// Corrections that became due since the last delta.
    pub fn pending_corrections(&self) -> &[(i32, i32)] {
        &self.corrections
    }
    /// Waits that began since the last delta.
    pub fn pending_waits(&self) -> &[WaitRow] {
        &self.new_waits
    }
    /// Ledger lines that the current delta holds so far.
    pub fn pending_postings(&self) -> &[PostingRow] {
        &self.postings
    }
    /// Makes ready and decides again what waited too long. In memory only: a store loads it by its identity.
    pub fn expire(&mut self, identity: &Key, now_ms: i64) {
        if let Some(waiting) = self.waiting.get(identity).cloned() {
            // Everything is at hand in memory, and a wait that is over needs no further rows.
            let _ = self.apply(&Prepared { received_ms: now_ms, ..waiting });
        }
    }

    /// What became of an event of the working set.
    pub fn outcome_of(&self, identity: &Key) -> Option<rows::Outcome> {
        let row = self.events.get(identity).and_then(Option::as_ref).map(|kept| kept.row.outcome);
        row.or_else(|| self.briefs.get(identity).map(|brief| brief.outcome))
    }

    /// How many events of the working set came to an outcome.
    pub fn count_events(&self, outcome: rows::Outcome) -> u64 {
        let rows = self.events.values().flatten().filter(|kept| kept.row.outcome == outcome).count();
        (rows + self.briefs.values().filter(|brief| brief.outcome == outcome).count()) as u64
    }

    /// The latest standings of a cycle, by member number.
    pub fn standings_in(&self, cycle: i32) -> Vec<&StandingRow> {
        let of_cycle = self.standings.iter().filter(|((c, _), _)| *c == cycle);
        let mut rows: Vec<&StandingRow> = of_cycle.filter_map(|(_, kept)| kept.as_ref().map(|k| &k.row)).collect();
        rows.sort_unstable_by_key(|row| row.member);
        rows
    }

    /// The member's number, given now if it has none yet.
    fn number(&mut self, slot: Slot) -> i64 {
        let number = self.members[slot].row.number;
        if number != 0 {
            return number;
        }
        self.head.last_member += 1;
        self.head_changed = true;
        self.members.set_number(slot, self.head.last_member);
        self.members[slot].is_new = true;
        self.member_mut(slot).number
    }

    /// The slot of an id, made if it is not there. Only for ids whose rows were asked for.
    fn slot(&mut self, id: &MemberId) -> Slot {
        if let Some(slot) = self.members.slot_of(id) {
            return slot;
        }
        let row =
            MemberRow { number: 0, id: id.clone(), inviter: None, tally: tally::Tally::default(), attributes: Vec::new(), latest: None };
        self.members.push(row)
    }

    fn member_mut(&mut self, slot: Slot) -> &mut MemberRow {
        let position = self.next_position();
        self.members[slot].touch(slot, position, &mut self.touched_members)
    }

    fn cycle_mut(&mut self, cycle: i32) -> &mut CycleRow {
        let kept = self
            .cycles
            .entry(cycle)
            .or_insert_with(|| Kept { row: CycleRow { cycle, revision: 1, ..CycleRow::default() }, changed: false });
        kept.changed = true;
        &mut kept.row
    }

    /// The latest standing, in the revision that events of this cycle write to. A settled revision stays as it was: the
    /// store keeps its row and gets a new one.
    fn standing_mut(&mut self, cycle: i32, member: i64) -> &mut StandingRow {
        self.standing_from(cycle, member, self.revision(cycle))
    }

    /// The latest standing, in the revision that closes or a later one: a close notes what it gave beside what it read.
    /// What an earlier revision asked for must stay readable: a correction notes its own beside it.
    fn standing_at_close(&mut self, cycle: i32, member: i64, closing: i32) -> &mut StandingRow {
        self.standing_from(cycle, member, closing)
    }

    fn standing_from(&mut self, cycle: i32, member: i64, revision: i32) -> &mut StandingRow {
        let position = self.next_position();
        let row = || StandingRow { cycle, revision, member, ..StandingRow::default() };
        let fresh = || Box::new(Standing { row: row(), stored: 0, changed_at: -1 });
        let kept = self.standings.entry((cycle, member)).or_insert_with(|| None).get_or_insert_with(fresh);
        if kept.changed_at != position {
            kept.changed_at = position;
            self.touched_standings.push((cycle, member));
        } else if kept.row.revision >= revision {
            return &mut kept.row;
        }
        kept.row.revision = kept.row.revision.max(revision);
        // It may be written into the member's row.
        if let Some(slot) = self.members.slot_of_number(member) {
            let row = self.members[slot].touch(slot, position, &mut self.touched_members);
            row.latest = row.latest.max(Some((cycle, kept.row.revision)));
        }
        &mut kept.row
    }

    fn pool_named(&self, name: &str) -> Option<usize> {
        self.pools.iter().position(|p| p.name == name)
    }
}

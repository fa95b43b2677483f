//! The rows that the book reads and writes: one struct for each table, the same for every store. A store turns them
//! into SQL and knows nothing of what they mean; the book knows nothing of SQL.

use super::tally::{Days, Tally};
use crate::event::Key;
use crate::names::Code;
use crate::value::{MemberId, Value};
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// The campaign's one row of totals and positions. Whoever writes anything of a campaign holds its lock.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    pub campaign: i32,
    /// Position of the last commit that wrote journal lines.
    pub position: i64,
    /// The last member number and grant number that were given.
    pub last_member: i64,
    pub last_grant: i64,
    /// The number of the last cycle that was closed; cycles close in order.
    pub closed_through: i32,
    /// The number of the newest release; a host that knows fewer must load it first.
    pub releases: i32,
    /// Campaign totals over all time.
    pub totals: Tally,
    /// Given at random when the campaign is made; draws depend on it, so that nobody can foresee them.
    pub seed: i64,
    pub switches: BTreeMap<String, Switch>,
}

/// An operation that an operator, or a breached invariant, has closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Switch {
    pub closed: bool,
    pub by: String,
    pub why: String,
    pub at_ms: i64,
}

/// The switch that turns new grants into owed ones.
pub const ISSUE: &str = "issue";

/// A participant, over all time.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberRow {
    /// Given by the book, from 1.
    pub number: i64,
    pub id: MemberId,
    /// Who invited them; once there, it never changes.
    pub inviter: Option<i64>,
    pub tally: Tally,
    /// By dictionary number; an attribute that was never set is not here.
    pub attributes: Vec<(Code, Value)>,
    /// (cycle, revision) of their latest standing, which a store keeps beside this row; none: there is no standing.
    pub latest: Option<(i32, i32)>,
}

/// Members as a store finds them, with the latest standing of each that has one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Members {
    pub rows: Vec<MemberRow>,
    pub latest: Vec<StandingRow>,
}

/// What a member did in one cycle, as one revision of its settlement sees it: their standing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StandingRow {
    pub cycle: i32,
    /// Events that come after a close write the next revision, so that a settlement's own standings stay frozen.
    pub revision: i32,
    pub member: i64,
    pub tally: Tally,
    pub days: Days,
    /// When each leaderboard account got to its points: the latest event time among its postings.
    pub reached: Vec<(Code, i64)>,
    /// What was set in this cycle, the last value of each.
    pub attributes: Vec<(Code, Value)>,
    /// What the rule asked for when this cycle closed, before limits, by measure: the entitlements whose digest a second
    /// run must reproduce. Not among the facts of the close.
    pub asked: Tally,
    /// What of it the member got, by measure: counts against the limits of the cycle.
    pub given: Tally,
}

/// Campaign totals of one cycle.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CycleRow {
    pub cycle: i32,
    /// The revision that events of this cycle write to: 1 until it is closed.
    pub revision: i32,
    pub tally: Tally,
    pub days: Days,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    Booked = 1,
    Refused = 2,
    Duplicate = 3,
    Failed = 4,
    Waiting = 5,
    Quarantined = 6,
}

impl Outcome {
    pub const ALL: [Outcome; 6] =
        [Outcome::Booked, Outcome::Refused, Outcome::Duplicate, Outcome::Failed, Outcome::Waiting, Outcome::Quarantined];
    pub fn from_number(number: i16) -> Option<Outcome> {
        Self::ALL.into_iter().find(|o| *o as i16 == number)
    }
    pub fn named(name: &str) -> Option<Outcome> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
    pub fn name(self) -> &'static str {
        ["booked", "refused", "duplicate", "failed", "waiting", "quarantined"][self as usize - 1]
    }
    /// A final outcome never changes; the others are decided again.
    pub fn is_final(self) -> bool {
        matches!(self, Outcome::Booked | Outcome::Refused | Outcome::Duplicate)
    }
}

/// An event with what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct EventRow {
    /// Of source and id; unique in the campaign, for ever.
    pub identity: Key,
    pub source: String,
    pub id: String,
    pub kind: String,
    pub subject: Option<String>,
    pub member: Option<i64>,
    /// None where the event's time was missing or no instant.
    pub at_ms: Option<i64>,
    pub received_ms: i64,
    pub data: String,
    pub body_hash: Key,
    pub outcome: Outcome,
    pub reason: Option<String>,
    /// The business key that it claims; unique in the campaign, for ever.
    pub once_key: Option<Key>,
    /// Number of the release that decided.
    pub release: i32,
    /// Its latest journal line.
    pub position: i64,
    pub line: i32,
}

/// A ledger line: `amount` points, always positive, from one account to another. Account 0 is the campaign's own, so
/// that every line sums to zero: an award debits 0 and credits the member's account.
#[derive(Clone, Debug, PartialEq)]
pub struct PostingRow {
    /// Within the commit, from 1.
    pub ordinal: i32,
    /// The journal line that caused it.
    pub line: i32,
    pub member: i64,
    pub debit: Code,
    pub credit: Code,
    pub amount: i64,
    /// Event time.
    pub at_ms: i64,
    pub cycle: i32,
    pub day: i32,
}

/// The state of a grant. Allowed changes: owed to issued or void; issued to revealed, expired or recalled; revealed to
/// used, expired or recalled. Nothing else, as the database's triggers hold too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GrantState {
    Owed = 1,
    Issued = 2,
    Revealed = 3,
    Used = 4,
    Expired = 5,
    Recalled = 6,
    Void = 7,
}

impl GrantState {
    pub const ALL: [GrantState; 7] = [
        GrantState::Owed,
        GrantState::Issued,
        GrantState::Revealed,
        GrantState::Used,
        GrantState::Expired,
        GrantState::Recalled,
        GrantState::Void,
    ];
    pub fn from_number(number: i16) -> Option<GrantState> {
        Self::ALL.into_iter().find(|s| *s as i16 == number)
    }
    pub fn name(self) -> &'static str {
        ["owed", "issued", "revealed", "used", "expired", "recalled", "void"][self as usize - 1]
    }
}

/// Why a grant is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Held {
    /// It is not, or the pool had no code.
    Stock = 0,
    /// It did not fit the budget.
    Budget = 1,
    /// The switch `issue` was closed.
    Switch = 2,
}

/// One unit of a reward for a member. Unique for ever: function, member, cause, reward, ordinal.
#[derive(Clone, Debug, PartialEq)]
pub struct GrantRow {
    /// Given by the book, from 1.
    pub number: i64,
    pub member: i64,
    pub reward: Code,
    pub function: Code,
    /// Of the business key, else of source and id; at a close, of the cycle's start.
    pub cause: Key,
    /// From 1, per reward over one evaluation.
    pub ordinal: i32,
    pub state: GrantState,
    pub held: Held,
    /// The pool that its code comes from.
    pub pool: Option<i32>,
    /// The journal line that caused it, and the line of the rule file that asked for it.
    pub position: i64,
    pub line: i32,
    pub rule_line: i32,
    pub release: i32,
    pub cycle: i32,
    pub at_ms: i64,
    /// Minor units.
    pub face_value: i64,
}

/// What a journal line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalKind {
    /// An event was decided, or decided again.
    Event = 1,
    /// A member's close of a cycle.
    Close = 2,
    /// A settlement was begun or finished.
    Settlement = 3,
    /// A switch was closed or opened.
    Switch = 4,
    /// A release was added.
    Release = 5,
    /// Owed grants were filled.
    Fill = 6,
    /// A code was shown to its owner.
    Reveal = 7,
}

/// One line of the append-only record: (head position, line), in commit order.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalRow {
    /// Within the commit, from 1.
    pub line: i32,
    pub kind: JournalKind,
    /// The event it is about.
    pub identity: Option<Key>,
    pub member: Option<i64>,
    pub at_ms: i64,
    /// JSON.
    pub body: String,
}

/// An event that waits until somebody fills a role.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WaitRow {
    /// Whose referral or attribute is missing.
    pub member: i64,
    /// `REFERRAL`, or the attribute's dictionary number.
    pub what: Code,
    pub identity: Key,
    /// Refused at this instant.
    pub until_ms: i64,
}

/// `WaitRow::what` of a missing referral.
pub const REFERRAL: Code = 0;

/// Stock of codes, as the book needs it. Held locked from before the decision to the commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolRow {
    pub pool: i32,
    pub name: String,
    /// Codes that nobody has.
    pub available: i64,
    /// Grants that wait for a code of this pool; while there are any, new ones queue behind them.
    pub owed: i64,
}

/// Everything that one commit writes. A store writes all of it, or nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delta {
    /// The head as it shall be; its position is the one of this commit.
    pub head: Head,
    pub new_members: Vec<MemberRow>,
    pub changed_members: Vec<MemberRow>,
    /// Members whose place for the latest standing goes to a later one, while the one that has it is not written here:
    /// it stays as it is, under its own key.
    pub moved: Vec<i64>,
    /// Written over what is there under (cycle, member, revision), or new.
    pub standings: Vec<StandingRow>,
    /// Those that are there already.
    pub changed_standings: Vec<StandingRow>,
    pub cycles: Vec<CycleRow>,
    pub new_events: Vec<EventRow>,
    /// Events that were there and got another outcome.
    pub changed_events: Vec<EventRow>,
    pub new_waits: Vec<WaitRow>,
    /// Events (by identity) that wait no longer.
    pub ended_waits: Vec<Key>,
    pub postings: Vec<PostingRow>,
    /// Issued ones of a pool get its lowest available codes in this order.
    pub grants: Vec<GrantRow>,
    pub journal: Vec<JournalRow>,
    /// (cycle, revision) of closed cycles that got late events: a correction is due.
    pub corrections: Vec<(i32, i32)>,
}

impl Delta {
    pub fn is_empty(&self) -> bool {
        self.journal.is_empty()
    }

    /// By member: their latest standing, if it is written here. It belongs beside the member's row.
    pub fn latest(&self) -> FxHashMap<i64, &StandingRow> {
        let members = self.new_members.iter().chain(&self.changed_members);
        let places: FxHashMap<i64, (i32, i32)> = members.filter_map(|row| Some((row.number, row.latest?))).collect();
        let standings = self.standings.iter().chain(&self.changed_standings);
        let latest = standings.filter(|row| places.get(&row.member) == Some(&(row.cycle, row.revision)));
        latest.map(|row| (row.member, row)).collect()
    }
}

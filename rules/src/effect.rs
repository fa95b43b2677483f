//! What a rule asks for, with the line of the rule file that asked.

use crate::value::Value;
use std::sync::Arc;

/// Where in the rule's source: file name within the campaign folder, line from 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub file: Arc<str>,
    pub line: u32,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// One request of a rule. `account`, `reward` and `attribute` are indexes into the campaign's lists; counts are
/// whole and never negative (a language refuses a negative one before it gets here).
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    Award {
        account: usize,
        points: i64,
    },
    /// Below zero fails the event.
    Deduct {
        account: usize,
        points: i64,
    },
    Grant {
        reward: usize,
        count: i64,
    },
    /// The last one of an evaluation counts.
    Set {
        attribute: usize,
        value: Value,
    },
    /// Words for the receipt.
    Note(String),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Index into `Question::members`: 0 is the event's member, then the roles.
    pub of: usize,
    pub action: Action,
    pub place: Place,
}

/// What a rule answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// All effects in one commit, or none.
    Booked(Vec<Effect>),
    /// The rule said no: nothing happens, the reason is kept, the business key stays free.
    Refused { reason: String, place: Option<Place> },
    /// A mistake of the rule, or a limit: the event is kept and can be decided again.
    Failed(Failure),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub reason: String,
    pub place: Option<Place>,
    /// The limit that stopped the evaluation, if one did.
    pub limit: Option<Limit>,
}

impl Failure {
    pub fn new(reason: impl Into<String>, place: Option<Place>) -> Self {
        Failure { reason: reason.into(), place, limit: None }
    }
}

/// The limits of one evaluation, by the name that [`crate::limits::Limits`] gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Operations,
    Deadline,
    Memory,
    Effects,
    CallDepth,
    TextSize,
    CollectionSize,
}

impl Limit {
    /// As [`crate::limits::Limits`] calls it.
    pub fn name(self) -> &'static str {
        match self {
            Limit::Operations => "operations",
            Limit::Deadline => "deadline",
            Limit::Memory => "memory",
            Limit::Effects => "effects",
            Limit::CallDepth => "call depth",
            Limit::TextSize => "text size",
            Limit::CollectionSize => "collection size",
        }
    }
}

//! Answers that are known: a rule is a function of its question, and most of what a question holds it never looks at. An
//! answer is found again by what evaluations have read, so that a lesson of 30 points on a day with 70 is evaluated once,
//! whoever finished it. Promises: what is found is what an evaluation would say; few megabytes are kept of a function at
//! most; where few answers are found again, none is kept any more. Must not know: how a rule is evaluated.

use crate::effect::{Action, Effect, Verdict};
use crate::language::Question;
use crate::value::Value;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

/// Answers that are kept of one function: about a megabyte, and four at most.
const MOST: usize = 4096;
/// Bytes of what an answer is found by, and of the texts in it; and its effects. What is larger is not kept.
const BYTES: usize = 256;
const EFFECTS: usize = 8;
/// Data fields that have a bit of their own.
const FIELDS: usize = 48;

/// What an evaluation has read of its question, besides the facts and who is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts(u64);

impl Parts {
    pub const DAY: Parts = Parts(1 << FIELDS);
    pub const WEEKDAY: Parts = Parts(2 << FIELDS);
    pub const HOUR: Parts = Parts(4 << FIELDS);
    pub const CYCLE: Parts = Parts(8 << FIELDS);
    /// What no other question has: ids and draws.
    pub const OWN: Parts = Parts(16 << FIELDS);

    /// The data field in this column.
    pub fn field(column: usize) -> Parts {
        if column < FIELDS { Parts(1 << column) } else { Parts::OWN }
    }

    pub fn bits(self) -> u64 {
        self.0
    }

    pub fn of_bits(bits: u64) -> Parts {
        Parts(bits)
    }

    fn has(self, part: Parts) -> bool {
        self.0 & part.0 != 0
    }
}

/// The answers of one function.
#[derive(Default)]
pub struct Memo(RwLock<Answers>);

#[derive(Default)]
struct Answers {
    /// What all evaluations together have read. One that reads nothing else takes the same way through the rule wherever
    /// these are the same.
    parts: Parts,
    by_key: HashMap<Box<[u8]>, Verdict>,
    /// Answers that were found since the first of these was kept.
    found: AtomicUsize,
    given_up: bool,
}

impl Memo {
    pub fn recall(&self, question: &Question<'_>) -> Option<Verdict> {
        let answers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if answers.by_key.is_empty() {
            return None;
        }
        let verdict = answers.by_key.get(&*key(question, answers.parts))?;
        answers.found.fetch_add(1, Ordering::Relaxed);
        Some(verdict.clone())
    }

    /// `read`: what the evaluation that answered this has read.
    pub fn remember(&self, question: &Question<'_>, read: Parts, verdict: &Verdict) {
        if read.has(Parts::OWN) || !is_kept(verdict) {
            return;
        }
        let mut answers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if answers.given_up {
            return;
        }
        let parts = Parts(answers.parts.0 | read.0);
        if parts != answers.parts || answers.by_key.len() >= MOST {
            answers.begin_again(parts);
        }
        let key = key(question, parts);
        if !answers.given_up && key.len() <= BYTES {
            answers.by_key.insert(key.into(), verdict.clone());
        }
    }
}

impl Answers {
    /// Without any: these are found by other parts now, or there are too many.
    fn begin_again(&mut self, parts: Parts) {
        let found = std::mem::take(self.found.get_mut());
        self.given_up = self.by_key.len() >= MOST && found < MOST;
        self.by_key = HashMap::new();
        self.parts = parts;
    }
}

/// Not what failed: it is decided again, and a deadline is nothing that follows from the question.
fn is_kept(verdict: &Verdict) -> bool {
    let text_of = |effect: &Effect| match &effect.action {
        Action::Note(text) => text.len(),
        Action::Set { value: Value::Text(text), .. } => text.len(),
        _ => 0,
    };
    match verdict {
        Verdict::Booked(effects) => effects.len() <= EFFECTS && effects.iter().map(text_of).sum::<usize>() <= BYTES,
        Verdict::Refused { reason, .. } => reason.len() <= BYTES,
        Verdict::Failed(_) => false,
    }
}

/// What an answer depends on: who is there, the facts, and these parts, each so written that nothing else looks like it.
fn key(question: &Question<'_>, parts: Parts) -> Vec<u8> {
    let mut key = Vec::with_capacity(96);
    key.extend(question.members.iter().map(|member| u8::from(member.is_some())));
    question.facts.iter().for_each(|fact| write(&mut key, fact));
    let fields = question.data.iter().enumerate().filter(|(column, _)| parts.has(Parts::field(*column)));
    fields.for_each(|(_, value)| write(&mut key, value));
    let moment = &question.moment;
    if parts.has(Parts::DAY) {
        key.extend(moment.day.to_le_bytes());
    }
    if parts.has(Parts::WEEKDAY) {
        key.push(moment.weekday);
    }
    if parts.has(Parts::HOUR) {
        key.push(moment.hour);
    }
    if parts.has(Parts::CYCLE)
        && let Some(cycle) = question.cycle
    {
        [cycle.number, cycle.first_day, cycle.last_day].iter().for_each(|number| key.extend(number.to_le_bytes()));
        key.push(u8::from(cycle.is_last));
    }
    key
}

fn write(key: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Missing => key.push(0),
        Value::Bool(is) => key.extend([1, u8::from(*is)]),
        Value::Int(number) => {
            key.push(2);
            key.extend(number.to_le_bytes());
        }
        // 1.0 and 1.00 are equal, and written differently.
        Value::Decimal(number) => {
            key.push(3);
            key.extend(number.serialize());
        }
        Value::Text(text) => {
            key.push(4);
            key.extend(text.len().to_le_bytes());
            key.extend(text.as_bytes());
        }
    }
}

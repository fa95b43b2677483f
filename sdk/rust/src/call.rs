//! The decision that is being made: the question, the effects so far, and the first mistake.
//!
//! It is kept beside the rule and not handed to it, so that `note`, `draw` and `refuse` are called as in rhai and a
//! [`crate::Member`] is only a number. A module has one thread; tests have one decision on each.

use crate::bindings::exports::guerdon::campaign::rules::{Action, Effect, Place, Question, Refusal};
use crate::rule::Rule;
use std::cell::RefCell;
use std::panic::Location;

pub(crate) struct Call {
    pub rule: &'static Rule,
    pub files: &'static [&'static str],
    pub question: Question,
    pub effects: Vec<Effect>,
    pub mistake: Option<Refusal>,
    draws: usize,
}

thread_local! {
    static CALL: RefCell<Option<Call>> = const { RefCell::new(None) };
}

/// How a rule ends: `Ok(())`, or what [`refuse`] gives.
pub type Outcome = Result<(), Refused>;

/// A rule that said no.
#[derive(Debug)]
pub struct Refused(pub(crate) Refusal);

/// Ends the rule without any effect: `return refuse("existing customer");`. The reason is kept, and the same business
/// key may be used again.
#[track_caller]
pub fn refuse(reason: impl Into<String>) -> Outcome {
    let at = with(|call| call.place(Location::caller()));
    Err(Refused(Refusal { reason: reason.into(), at }))
}

/// Words for the receipt of this decision.
#[track_caller]
pub fn note(text: impl Into<String>) {
    push(0, Action::Note(text.into()), Location::caller());
}

/// A whole number from 1 to n that this decision alone decides: sending the event again draws the same one.
#[track_caller]
pub fn draw(n: i64) -> i64 {
    if n < 1 {
        mistake(format!("draw({n}): draw from at least 1"), Location::caller());
        return 1;
    }
    with(|call| {
        let k = call.draws;
        call.draws += 1;
        let forced = &call.question.draws;
        forced.get(k).copied().unwrap_or_else(|| drawn(call.question.seed, k as u64, n))
    })
}

/// The local day `2026-11-11` as [`crate::Event::day`] counts days.
#[track_caller]
pub fn day(date: &str) -> i64 {
    days_since_1970(date).unwrap_or_else(|| {
        mistake(format!("day(\"{date}\"): write a date as 2026-11-11"), Location::caller());
        0
    })
}

/// The k-th draw, as `sdk/wit/campaign.wit` defines it.
fn drawn(seed: u64, k: u64, n: i64) -> i64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(k + 1));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    ((u128::from(z) * u128::from(n.unsigned_abs())) >> 64) as i64 + 1
}

/// Days from civil, after Howard Hinnant's "chrono-Compatible Low-Level Date Algorithms".
fn days_since_1970(date: &str) -> Option<i64> {
    let mut parts = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let february = if leap { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month - 1).ok()?)?;
    if !(1..=length).contains(&day) || !(1..=9999).contains(&year) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468)
}

/// Makes the decision that `run` asks about. Gives back the call with all that happened in it.
pub(crate) fn during(
    rule: &'static Rule,
    files: &'static [&'static str],
    question: Question,
    run: impl FnOnce() -> Outcome,
) -> (Call, Outcome) {
    let call = Call { rule, files, question, effects: Vec::new(), mistake: None, draws: 0 };
    CALL.with(|cell| cell.replace(Some(call)));
    let outcome = run();
    let call = CALL.with(|cell| cell.take());
    // `run` cannot take the call away: nothing outside this function can.
    (call.expect("a decision is being made"), outcome)
}

/// The decision being made.
///
/// # Panics
/// Outside a rule: there is nothing to read or to ask for.
#[track_caller]
pub(crate) fn with<R>(work: impl FnOnce(&mut Call) -> R) -> R {
    CALL.with(|cell| work(cell.borrow_mut().as_mut().expect("call this within a rule")))
}

pub(crate) fn push(of: u32, action: Action, line: &Location<'_>) {
    with(|call| {
        let at = call.place(line);
        call.effects.push(Effect { of, action, at });
    });
}

/// Keeps the first mistake; the ones after it follow from it.
pub(crate) fn mistake(reason: String, line: &Location<'_>) {
    with(|call| {
        let at = call.place(line);
        call.mistake.get_or_insert(Refusal { reason, at });
    });
}

impl Call {
    fn place(&self, line: &Location<'_>) -> Place {
        match self.files.iter().position(|file| *file == line.file()) {
            Some(file) => Place { file: file as u32, line: line.line() },
            None => Place { file: 0, line: 0 },
        }
    }
}

//! One evaluation of a rule: what it may know and what it has asked for so far. It travels as the tag of the call,
//! so that a member in a script is only an index. Promises: whatever is read of the question is noted, but for the facts and
//! who is there. Must not know: how scripts are compiled or checked.

use super::dictionary::{Dictionary, Key};
use super::memo::Parts;
use crate::campaign::calendar::{Cycle, Moment};
use crate::effect::{Action, Effect, Failure, Limit, Place, Verdict};
use crate::language::Question;
use crate::value::{MemberId, Value};
use rhai::{Dynamic, EvalAltResult, NativeCallContext, Position};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub type Outcome<T> = Result<T, Box<EvalAltResult>>;

pub struct Evaluation {
    pub dictionary: Arc<Dictionary>,
    pub handler: usize,
    id: String,
    moment: Moment,
    cycle: Option<Cycle>,
    members: Vec<Option<MemberId>>,
    data: Vec<Value>,
    facts: Vec<Value>,
    seed: u64,
    forced_draws: Vec<i64>,
    most_effects: usize,
    /// Bits of [`Parts`].
    read: AtomicU64,
    output: Mutex<Output>,
}

#[derive(Default)]
struct Output {
    effects: Vec<Effect>,
    draws: u64,
    /// Set by whoever ends the rule early: it knows the place, which rhai loses on the way out.
    stopped: Option<Verdict>,
    /// The statement that runs; only known under the tracing engine.
    last_place: Option<Place>,
}

impl Evaluation {
    /// To be begun.
    pub fn idle(dictionary: &Arc<Dictionary>, most_effects: usize) -> Self {
        Evaluation {
            dictionary: dictionary.clone(),
            handler: 0,
            id: String::new(),
            moment: Moment { at_ms: 0, day: 0, weekday: 4, hour: 0 },
            cycle: None,
            members: Vec::new(),
            data: Vec::new(),
            facts: Vec::new(),
            seed: 0,
            forced_draws: Vec::new(),
            most_effects,
            read: AtomicU64::new(0),
            output: Mutex::default(),
        }
    }

    /// Forgets the last question and takes the next one; lists keep their room.
    pub fn begin(&mut self, handler: usize, question: &Question<'_>) {
        self.handler = handler;
        self.id.clear();
        self.id.push_str(question.id);
        self.moment = question.moment;
        self.cycle = question.cycle.cloned();
        refill(&mut self.members, question.members);
        refill(&mut self.data, question.data);
        refill(&mut self.facts, question.facts);
        self.seed = question.seed;
        refill(&mut self.forced_draws, question.forced_draws);
        *self.read.get_mut() = 0;
        *self.output.get_mut().unwrap_or_else(PoisonError::into_inner) = Output::default();
    }

    /// Only the thread that evaluates notes anything.
    fn note(&self, part: Parts) {
        self.read.store(self.read.load(Ordering::Relaxed) | part.bits(), Ordering::Relaxed);
    }

    pub fn what_was_read(&self) -> Parts {
        Parts::of_bits(self.read.load(Ordering::Relaxed))
    }

    pub fn id(&self) -> &str {
        self.note(Parts::OWN);
        &self.id
    }

    pub fn day(&self) -> i32 {
        self.note(Parts::DAY);
        self.moment.day
    }

    /// Monday is 1.
    pub fn weekday(&self) -> u8 {
        self.note(Parts::WEEKDAY);
        self.moment.weekday
    }

    pub fn hour(&self) -> u8 {
        self.note(Parts::HOUR);
        self.moment.hour
    }

    pub fn cycle(&self) -> Option<&Cycle> {
        self.note(Parts::CYCLE);
        self.cycle.as_ref()
    }

    /// Whether the `of`-th member is there. None: there is no such one.
    pub fn is_there(&self, of: usize) -> Option<bool> {
        self.members.get(of).map(Option::is_some)
    }

    /// Who the `of`-th member is.
    pub fn member(&self, of: usize) -> Option<&MemberId> {
        self.note(Parts::OWN);
        self.members.get(of)?.as_ref()
    }

    /// The event's data in this column.
    pub fn field(&self, column: usize) -> Option<&Value> {
        self.note(Parts::field(column));
        self.data.get(column)
    }

    /// A panic in between leaves the output as it was at that moment, which is all that is read of it.
    fn output(&self) -> MutexGuard<'_, Output> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fact that `wanted` recognises, of the `of`-th member: the facts of one member lie together, in the order
    /// of the handler's keys, so the position is `of * keys + key`.
    pub fn fact(&self, of: usize, wanted: impl Fn(&Key) -> bool) -> Option<&Value> {
        let keys = self.dictionary.keys.get(self.handler)?;
        let key = keys.iter().position(wanted)?;
        self.facts.get(of * keys.len() + key)
    }

    /// The next draw: forced ones first.
    pub fn draw(&self, n: i64) -> i64 {
        self.note(Parts::OWN);
        let mut output = self.output();
        let k = output.draws;
        output.draws += 1;
        let forced = usize::try_from(k).ok().and_then(|k| self.forced_draws.get(k));
        forced.copied().unwrap_or_else(|| crate::language::draw(self.seed, k, n))
    }

    /// Notes an effect; false when there are too many.
    fn push(&self, effect: Effect) -> bool {
        let mut output = self.output();
        let fits = output.effects.len() < self.most_effects;
        if fits {
            output.effects.push(effect);
        }
        fits
    }

    /// Only the first word counts: nothing that a script does afterwards can take it back.
    fn stop(&self, verdict: Verdict) {
        self.output().stopped.get_or_insert(verdict);
    }

    pub fn take_stopped(&self) -> Option<Verdict> {
        self.output().stopped.take()
    }

    pub fn take_effects(&self) -> Vec<Effect> {
        std::mem::take(&mut self.output().effects)
    }

    pub fn remember_place(&self, place: Place) {
        self.output().last_place = Some(place);
    }

    pub fn take_last_place(&self) -> Option<Place> {
        self.output().last_place.take()
    }

    /// A place in one of the campaign's files; the rule file where rhai names none.
    pub fn place(&self, source: Option<&str>, at: Position) -> Option<Place> {
        let files = &self.dictionary.files;
        let file = source.and_then(|source| files.iter().find(|file| ***file == *source)).or(files.first())?;
        Some(Place { file: file.clone(), line: u32::try_from(at.line()?).ok()? })
    }
}

fn refill<T: Clone>(list: &mut Vec<T>, with: &[T]) {
    list.clear();
    list.extend_from_slice(with);
}

/// Runs `work` on the evaluation that this call belongs to.
pub fn with<T>(context: &NativeCallContext<'_>, work: impl FnOnce(&Evaluation) -> T) -> Outcome<T> {
    // A borrow of the tag, not a clone of it: the tag outlives the call.
    let tag = context.tag().and_then(|tag| tag.read_lock::<Arc<Evaluation>>());
    match tag {
        Some(evaluation) => Ok(work(&evaluation)),
        None => Err("called outside of an evaluation".into()),
    }
}

fn call_place(context: &NativeCallContext<'_>, evaluation: &Evaluation) -> Option<Place> {
    evaluation.place(context.call_source(), context.call_position())
}

/// Ends the rule: it made a mistake, here.
pub fn fail<T>(context: &NativeCallContext<'_>, reason: impl Into<String>) -> Outcome<T> {
    stop_with(context, |place| Verdict::Failed(Failure::new(reason, place)))
}

/// Ends the rule: it says no.
pub fn refuse<T>(context: &NativeCallContext<'_>, reason: &str) -> Outcome<T> {
    stop_with(context, |place| Verdict::Refused { reason: reason.into(), place })
}

fn stop_with<T>(context: &NativeCallContext<'_>, verdict: impl FnOnce(Option<Place>) -> Verdict) -> Outcome<T> {
    with(context, |evaluation| evaluation.stop(verdict(call_place(context, evaluation))))?;
    Err(Box::new(EvalAltResult::ErrorTerminated(Dynamic::UNIT, context.call_position())))
}

/// Asks for an effect on the `of`-th member.
pub fn ask(context: &NativeCallContext<'_>, of: usize, action: Action) -> Outcome<()> {
    let fits = with(context, |evaluation| {
        // rhai knows the place of every call in a file; line 0 would mean that it did not.
        let place = call_place(context, evaluation).unwrap_or(Place { file: "".into(), line: 0 });
        evaluation.push(Effect { of, action, place })
    })?;
    if fits {
        return Ok(());
    }
    let most = with(context, |evaluation| evaluation.most_effects)?;
    let reason = format!("the rule asked for more than {most} effects (limit `effects`)");
    stop_with(context, |place| Verdict::Failed(Failure { reason, place, limit: Some(Limit::Effects) }))
}

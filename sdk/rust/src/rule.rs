//! Rules with the names they read and write, and the macro that declares them and exports the module.

use crate::bindings::exports::guerdon::campaign::rules::{Decision, Description, Handler, Place, Question, Read, Refusal, Write};
use crate::call::{self, Outcome};
use crate::event::{Cycle, Event};
use crate::member::Member;

/// One rule function. Made by [`rules!`](crate::rules).
pub struct Rule {
    /// Of the function, for texts.
    pub name: &'static str,
    /// The event type it answers; none: the close of a cycle.
    pub event: Option<&'static str>,
    pub roles: &'static [&'static str],
    /// (whose, which fact) in the words of `sdk/wit/campaign.wit`.
    pub reads: &'static [(&'static str, &'static str)],
    /// (effect, name)
    pub writes: &'static [(&'static str, &'static str)],
    pub run: fn() -> Outcome,
}

/// What a rule function may return: nothing, or an [`Outcome`].
pub trait IntoOutcome {
    fn into_outcome(self) -> Outcome;
}
impl IntoOutcome for () {
    fn into_outcome(self) -> Outcome {
        Ok(())
    }
}
impl IntoOutcome for Outcome {
    fn into_outcome(self) -> Outcome {
        self
    }
}

/// What the module tells the host about itself.
pub fn describe(rules: &[Rule], files: &[&str]) -> Description {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_string()).collect();
    let handler = |rule: &Rule| Handler {
        event: rule.event.map(str::to_string),
        roles: owned(rule.roles),
        reads: rule.reads.iter().map(|(of, fact)| Read { of: (*of).into(), fact: (*fact).into() }).collect(),
        writes: rule.writes.iter().map(|(effect, name)| Write { effect: (*effect).into(), name: (*name).into() }).collect(),
    };
    Description { handlers: rules.iter().map(handler).collect(), files: owned(files) }
}

/// Asks the rule that the question names.
pub fn decide(rules: &'static [Rule], files: &'static [&'static str], question: Question) -> Decision {
    let Some(rule) = rules.get(question.handler as usize) else {
        return Decision::Failed(Refusal { reason: "the module has no such handler".into(), at: Place { file: 0, line: 0 } });
    };
    let (call, outcome) = call::during(rule, files, question, rule.run);
    match (call.mistake, outcome) {
        (Some(mistake), _) => Decision::Failed(mistake),
        (None, Err(refused)) => Decision::Refused(refused.0),
        (None, Ok(())) => Decision::Booked(call.effects),
    }
}

/// Runs an event's rule. For [`rules!`](crate::rules).
#[doc(hidden)]
pub fn answer<R: IntoOutcome>(rule: fn(Event) -> R) -> Outcome {
    rule(Event::current()).into_outcome()
}

/// Runs the rule of a close. For [`rules!`](crate::rules).
#[doc(hidden)]
pub fn settle<R: IntoOutcome>(rule: fn(Member, Cycle) -> R) -> Outcome {
    rule(Member { index: 0 }, Cycle::current()).into_outcome()
}

/// Declares the rules of a campaign and exports the module. Once, in the crate's `lib.rs`.
///
/// Each rule is `"event.type" => function { roles: […], reads: […], writes: […] }`, or `close => function { … }` for
/// the end of a cycle; all three lists are optional, and every name in them is one of campaign.toml. A read is written
/// as the rule writes it: `event.data("points")`, `member.points("learning", "cycle")`, `inviter.get("level")`. Rules
/// that ask for effects in other files name these first: `files: ["src/streak.rs"];`.
#[macro_export]
macro_rules! rules {
    (
        $(files: [$($file:literal),* $(,)?];)?
        $($trigger:tt => $function:ident {
            $(roles: [$($role:ident),* $(,)?] $(,)?)?
            $(reads: [$($of:ident . $fact:ident ($($name:literal),* $(,)?)),* $(,)?] $(,)?)?
            $(writes: [$($effect:ident ($target:literal)),* $(,)?] $(,)?)?
        })*
    ) => {
        /// The rules as the host asks them.
        pub static RULES: &[$crate::Rule] = &[$($crate::Rule {
            name: stringify!($function),
            event: $crate::__event!($trigger),
            roles: &[$($(stringify!($role)),*)?],
            reads: &[$($((stringify!($of), $crate::__fact!($fact $($name)*))),*)?],
            writes: &[$($((stringify!($effect), $target)),*)?],
            run: $crate::__run!($trigger $function),
        }),*];
        /// Where effects may be asked for.
        pub static FILES: &[&str] = &[file!() $($(, $file)*)?];

        struct Module;

        impl $crate::bindings::exports::guerdon::campaign::rules::Guest for Module {
            fn describe() -> $crate::bindings::exports::guerdon::campaign::rules::Description {
                $crate::describe(RULES, FILES)
            }
            fn decide(
                question: $crate::bindings::exports::guerdon::campaign::rules::Question,
            ) -> $crate::bindings::exports::guerdon::campaign::rules::Decision {
                $crate::decide(RULES, FILES, question)
            }
        }

        $crate::bindings::export!(Module with_types_in $crate::bindings);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __event {
    (close) => {
        None
    };
    ($name:literal) => {
        Some($name)
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __run {
    (close $function:ident) => {
        || $crate::__settle($function)
    };
    ($name:literal $function:ident) => {
        || $crate::__answer($function)
    };
}

/// A fact in the contract's words.
#[doc(hidden)]
#[macro_export]
macro_rules! __fact {
    (get $name:literal) => {
        concat!("attribute ", $name)
    };
    ($fact:ident $($name:literal)*) => {
        concat!(stringify!($fact) $(, " ", $name)*)
    };
}

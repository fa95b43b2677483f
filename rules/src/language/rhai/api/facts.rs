//! The facts of a member. All of them were fetched before the rule ran; here they are only found again.

use super::super::dictionary::Verb;
use super::super::evaluation::{Evaluation, Outcome, fail, with};
use super::{Member, describe, dynamic};
use crate::diagnostic::suggestion;
use crate::fact::Period;
use rhai::{Dynamic, Engine, NativeCallContext};

pub fn register(engine: &mut Engine) {
    for (word, verb) in [("points", Verb::Points), ("granted", Verb::Granted), ("events", Verb::Events)] {
        engine.register_fn(word, move |context: NativeCallContext, member: Member, name: &str, period: &str| {
            fact(&context, member, verb, name, period)
        });
        engine.register_fn(word, move |context: NativeCallContext, member: Dynamic, name: Dynamic, period: Dynamic| {
            wrong_types(&context, word, &member, &[&name, &period])
        });
    }
    engine.register_fn("referrals", |context: NativeCallContext, member: Member, period: &str| {
        fact(&context, member, Verb::Referrals, "", period)
    });
    for (word, verb) in [("rank", Verb::Rank), ("get", Verb::Get)] {
        engine.register_fn(word, move |context: NativeCallContext, member: Member, name: &str| fact(&context, member, verb, name, ""));
    }
    for word in ["referrals", "rank", "get"] {
        engine.register_fn(word, move |context: NativeCallContext, member: Dynamic, name: Dynamic| {
            wrong_types(&context, word, &member, &[&name])
        });
    }
}

fn fact(context: &NativeCallContext<'_>, member: Member, verb: Verb, name: &str, period: &str) -> Outcome<Dynamic> {
    let found = with(context, |e| e.fact(member.0, |key| key.verb == verb && *key.name == *name && key.period == period).map(dynamic))?;
    match found {
        Some(value) => Ok(value),
        None => {
            let reason = with(context, |e| unknown(e, verb, name, period))?;
            fail(context, reason)
        }
    }
}

fn unknown(evaluation: &Evaluation, verb: Verb, name: &str, period: &str) -> String {
    let dictionary = &evaluation.dictionary;
    let found = match verb {
        Verb::Points | Verb::Rank => dictionary.find("account", &dictionary.accounts, name).map(drop),
        Verb::Granted => dictionary.find("reward", &dictionary.rewards, name).map(drop),
        Verb::Events => dictionary.find("event", &dictionary.events, name).map(drop),
        Verb::Get => dictionary.attribute(name).map(drop),
        Verb::Referrals => Ok(()),
    };
    if let Err(reason) = found {
        return reason;
    }
    if !period.is_empty() && !Period::NAMES.contains(&period) {
        return format!("there is no period \"{period}\": {}", suggestion(period, Period::NAMES));
    }
    "this fact was not fetched: write its names as texts, or as a const at the top of the file".into()
}

fn wrong_types(context: &NativeCallContext<'_>, word: &str, member: &Dynamic, names: &[&Dynamic]) -> Outcome<Dynamic> {
    if member.is_unit() {
        return fail(context, nobody(word));
    }
    if !member.is::<Member>() {
        return fail(context, format!("`{word}` is asked of a member, not of {}", describe(member)));
    }
    let wrong = names.iter().find(|name| !name.is_string()).map_or("something else".into(), |name| describe(name));
    fail(context, format!("`{word}` takes names as texts, got {wrong}"))
}

/// An optional role that nobody fills was used as if somebody did.
pub fn nobody(word: &str) -> String {
    format!("{word}: nobody there (an optional role that is missing): test with missing(…) first")
}

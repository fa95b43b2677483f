//! A participant: what the books say about them, and what the rule asks for them.

use crate::bindings::exports::guerdon::campaign::rules::{self as wit, Action, Amount, Setting};
use crate::call::{mistake, push, with};
use crate::value::Value;
use std::panic::Location;

/// The event's member, or who fills a role. Facts are the books as they stood before this event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Index into the question's members.
    pub(crate) index: u32,
}

impl Member {
    pub fn id(self) -> String {
        self.participant().map_or_else(String::new, |member| member.id)
    }
    /// "member" unless campaign.toml says otherwise.
    pub fn kind(self) -> String {
        self.participant().map_or_else(String::new, |member| member.kind)
    }
    fn participant(self) -> Option<wit::Member> {
        with(|call| call.question.members.get(self.index as usize).cloned().flatten())
    }

    /// Points of an account with its parts; the period is day, week, month, cycle or all.
    #[track_caller]
    pub fn points(self, account: &str, period: &str) -> i64 {
        self.number(&["points", account, period], Location::caller())
    }
    /// Grants of a reward.
    #[track_caller]
    pub fn granted(self, reward: &str, period: &str) -> i64 {
        self.number(&["granted", reward, period], Location::caller())
    }
    /// Booked events of a type.
    #[track_caller]
    pub fn events(self, kind: &str, period: &str) -> i64 {
        self.number(&["events", kind, period], Location::caller())
    }
    /// Members that this one invited.
    #[track_caller]
    pub fn referrals(self, period: &str) -> i64 {
        self.number(&["referrals", period], Location::caller())
    }
    /// The place on an account's leaderboard, 1 is best; `i64::MAX` without points. Only at a close.
    #[track_caller]
    pub fn rank(self, account: &str) -> i64 {
        self.number(&["rank", account], Location::caller())
    }
    /// An attribute.
    #[track_caller]
    pub fn get(self, attribute: &str) -> Value {
        self.fact(&["attribute", attribute], Location::caller())
    }

    /// Points into an account.
    #[track_caller]
    pub fn award(self, account: &str, points: i64) {
        self.ask(Action::Award(Amount { name: account.into(), count: points }), Location::caller());
    }
    /// Points out of an account; below zero fails the event.
    #[track_caller]
    pub fn deduct(self, account: &str, points: i64) {
        self.ask(Action::Deduct(Amount { name: account.into(), count: points }), Location::caller());
    }
    /// Units of a reward.
    #[track_caller]
    pub fn grant(self, reward: &str, count: i64) {
        self.ask(Action::Grant(Amount { name: reward.into(), count }), Location::caller());
    }
    /// An attribute; the last one in a decision counts.
    #[track_caller]
    pub fn set(self, attribute: &str, value: impl Into<Value>) {
        self.ask(Action::Set(Setting { name: attribute.into(), value: value.into().into() }), Location::caller());
    }

    fn ask(self, action: Action, line: &Location<'_>) {
        let (effect, name, count) = match &action {
            Action::Award(amount) => ("award", &amount.name, amount.count),
            Action::Deduct(amount) => ("deduct", &amount.name, amount.count),
            Action::Grant(amount) => ("grant", &amount.name, amount.count),
            Action::Set(setting) => ("set", &setting.name, 0),
            Action::Note(_) => return,
        };
        if count < 0 {
            return mistake(format!("{effect}(\"{name}\", {count}): the number must not be negative"), line);
        }
        let rule = with(|call| call.rule);
        if !rule.writes.contains(&(effect, name)) {
            return mistake(format!("add {effect}(\"{name}\") to the writes of {}", rule.name), line);
        }
        push(self.index, action, line);
    }

    fn number(self, words: &[&str], line: &Location<'_>) -> i64 {
        match self.fact(words, line) {
            Value::Int(n) => n,
            Value::Missing => {
                mistake(format!("{} of nobody: ask optional_role(…) whether the role is filled", words.join(" ")), line);
                0
            }
            _ => 0,
        }
    }

    fn fact(self, words: &[&str], line: &Location<'_>) -> Value {
        let of = with(|call| match self.index {
            0 => "member",
            n => call.rule.roles.get(n as usize - 1).copied().unwrap_or("nobody"),
        });
        read(of, words, line)
    }
}

/// The answer to a declared read.
pub(crate) fn read(of: &str, words: &[&str], line: &Location<'_>) -> Value {
    let found = with(|call| {
        let declared = |(whose, fact): &(&str, &str)| *whose == of && fact.split(' ').eq(words.iter().copied());
        let index = call.rule.reads.iter().position(declared)?;
        call.question.facts.get(index).map(Value::from)
    });
    found.unwrap_or_else(|| {
        let names = words[1..].iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        let function = if words[0] == "attribute" { "get" } else { words[0] };
        let rule = with(|call| call.rule.name);
        mistake(format!("add {of}.{function}({names}) to the reads of {rule}"), line);
        // A number, so that this stays the only mistake.
        Value::Int(0)
    })
}

//! What a module says about itself, read within bounds and checked against the campaign, so that a wrong name is found
//! at upload and not at the first event.
//!
//! Promises: every finding at once, each with what to write instead. Must not know: how modules are run.

use super::interface::{self, Description};
use crate::campaign::{BUILT_IN_EVENTS, CLOSE_FUNCTION, Campaign, EventType, Role};
use crate::diagnostic::{Diagnostic, suggestion};
use crate::fact::{Fact, Period};
use crate::language::{Handler, Read, Write};
use crate::limits::Limits;
use crate::value::{DataType, Value};
use std::sync::Arc;

/// What `decide` needs of a handler besides [`Handler`].
pub struct Plan {
    /// In the order of the module's reads.
    pub sources: Vec<Source>,
    pub allowed: Vec<Allowed>,
}

/// Where the answer to a read comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Index into `Question::data`.
    Data(usize),
    /// Index into `Question::facts`.
    Fact(usize),
}

/// An effect that the handler may ask for.
pub struct Allowed {
    /// `award`, `deduct`, `grant` or `set`.
    pub effect: &'static str,
    pub name: Arc<str>,
    /// Into the campaign's accounts, rewards or attributes.
    pub index: usize,
    /// Of an attribute: its type, and whether it may be emptied.
    pub attribute: Option<(DataType, bool)>,
}

const EFFECTS: [&str; 4] = ["award", "deduct", "grant", "set"];

/// Each fact with the words that follow it.
const FACTS: [(&str, &str); 7] = [
    ("data", "data FIELD"),
    ("points", "points ACCOUNT PERIOD"),
    ("granted", "granted REWARD PERIOD"),
    ("events", "events TYPE PERIOD"),
    ("referrals", "referrals PERIOD"),
    ("attribute", "attribute NAME"),
    ("rank", "rank ACCOUNT"),
];

/// The description, unless it is larger than any honest one.
pub fn within(description: Description, limits: &Limits) -> Result<Description, String> {
    let most = limits.collection_size;
    let within = |length: usize, what: &str| match length <= most {
        true => Ok(()),
        false => Err(format!("the description has {length} {what}, the most is {most}")),
    };
    within(description.handlers.len(), "handlers")?;
    within(description.files.len(), "files")?;
    for handler in &description.handlers {
        within(handler.roles.len(), "roles")?;
        within(handler.reads.len(), "reads")?;
        within(handler.writes.len(), "writes")?;
    }
    Ok(description)
}

/// The handlers of a description with their plans, and every finding. The handlers are whole only if none is an error.
pub fn check(campaign: &Campaign, described: &Description) -> (Vec<Handler>, Vec<Plan>, Vec<Diagnostic>) {
    let mut checker = Checker { campaign, function: String::new(), findings: Vec::new() };
    let (mut handlers, mut plans) = (Vec::<Handler>::new(), Vec::new());
    for handler in &described.handlers {
        let Some((handler, plan)) = checker.handler(handler) else { continue };
        if handlers.iter().any(|other| other.event == handler.event) {
            checker.error(format!("two handlers answer {}", checker.function), "keep one of them");
        }
        handlers.push(handler);
        plans.push(plan);
    }
    checker.rewards_that_nobody_gets(&plans);
    checker.events_that_nobody_answers(&handlers);
    (handlers, plans, checker.findings)
}

struct Checker<'a> {
    campaign: &'a Campaign,
    /// The handler under the lens, for texts.
    function: String,
    findings: Vec<Diagnostic>,
}

/// What a handler's reads may point at.
struct Scope<'a> {
    event: Option<&'a EventType>,
    /// The handler's own, as described.
    roles: &'a [String],
    /// The event's, or the cycle's.
    declared: &'a [Role],
}

impl<'a> Checker<'a> {
    fn error(&mut self, message: impl Into<String>, help: impl Into<String>) {
        self.findings.push(Diagnostic::error(&self.campaign.rules, None, message, help));
    }

    fn handler(&mut self, described: &interface::Handler) -> Option<(Handler, Plan)> {
        let campaign = self.campaign;
        let event = match &described.event {
            None => None,
            Some(name) => Some(self.event(name)?),
        };
        let declared = event.map_or(&campaign.close_roles, |index| &campaign.events[index].roles);
        let function = event.map_or_else(|| CLOSE_FUNCTION.into(), |index| campaign.events[index].function.clone());
        self.function = function.to_string();
        let scope = Scope { event: event.map(|index| &campaign.events[index]), roles: &described.roles, declared };
        let roles = described.roles.iter().map(|role| self.role(&scope, role)).collect::<Vec<_>>();
        let (mut reads, mut sources) = (Vec::new(), Vec::new());
        for interface::Read { of, fact } in &described.reads {
            match self.read(&scope, of, fact) {
                Some(Answer::Data(field)) => sources.push(Source::Data(field)),
                Some(Answer::Fact(read)) => {
                    sources.push(Source::Fact(reads.len()));
                    reads.push(read);
                }
                None => {}
            }
        }
        let allowed: Vec<Allowed> = described.writes.iter().filter_map(|write| self.write(&write.effect, &write.name)).collect();
        let writes = allowed.iter().map(|a| Write { effect: a.effect, name: Some(a.name.clone()), line: None }).collect();
        let handler = Handler { function, event, roles: roles.into_iter().flatten().collect(), reads, writes };
        Some((handler, Plan { sources, allowed }))
    }

    fn event(&mut self, name: &str) -> Option<usize> {
        let index = self.campaign.event(name);
        if index.is_none() {
            let help = suggestion(name, self.campaign.events.iter().map(|e| &*e.name));
            self.error(format!("the module answers the event \"{name}\", which campaign.toml does not declare"), help);
        }
        index
    }

    fn role(&mut self, scope: &Scope<'_>, name: &str) -> Option<usize> {
        let index = scope.declared.iter().position(|role| *role.name == *name);
        if index.is_none() {
            let of = scope.event.map_or_else(|| "[cycle]".to_string(), |event| format!("\"{}\"", event.name));
            let help = match scope.declared.is_empty() {
                true => format!("{of} declares no roles"),
                false => suggestion(name, scope.declared.iter().map(|r| &*r.name)),
            };
            self.error(format!("{} uses the role \"{name}\", which {of} does not declare", self.function), help);
        }
        index
    }

    fn read(&mut self, scope: &Scope<'_>, of: &str, fact: &str) -> Option<Answer> {
        let words: Vec<&str> = fact.split(' ').collect();
        if let ["data", field] = words[..] {
            return self.data(scope, of, field);
        }
        let fact = self.fact(scope, fact, &words)?;
        let of = self.whose(scope, of)?;
        Some(Answer::Fact(Read { of, fact }))
    }

    fn data(&mut self, scope: &Scope<'_>, of: &str, name: &str) -> Option<Answer> {
        let function = &self.function;
        let Some(event) = scope.event else {
            self.error(
                format!("{function} reads the data field \"{name}\", but the close of a cycle has no data"),
                "read a fact of the member",
            );
            return None;
        };
        if of != "event" {
            self.error(format!("{function} reads the data field \"{name}\" of \"{of}\""), "data belongs to \"event\"");
            return None;
        }
        let index = event.fields.iter().position(|field| *field.name == *name);
        if index.is_none() {
            let help = suggestion(name, event.fields.iter().map(|f| &*f.name));
            self.error(format!("{function} reads the data field \"{name}\", which \"{}\" does not declare", event.name), help);
        }
        index.map(Answer::Data)
    }

    /// An index into `Question::members`.
    fn whose(&mut self, scope: &Scope<'_>, of: &str) -> Option<usize> {
        if of == "member" {
            return Some(0);
        }
        if let Some(index) = scope.roles.iter().position(|role| role == of) {
            return Some(index + 1);
        }
        let function = &self.function;
        if of == "event" {
            self.error(format!("{function} reads a fact of \"event\", which has only data"), "read it of \"member\" or of a role");
        } else if scope.declared.iter().any(|role| *role.name == *of) {
            self.error(format!("{function} reads a fact of \"{of}\", which is not among its roles"), format!("add \"{of}\" to its roles"));
        } else {
            let help = suggestion(of, ["member"].into_iter().chain(scope.declared.iter().map(|r| &*r.name)));
            self.error(format!("{function} reads a fact of \"{of}\", who is neither the member nor a role"), help);
        }
        None
    }

    fn fact(&mut self, scope: &Scope<'_>, text: &str, words: &[&str]) -> Option<Fact> {
        Some(match *words {
            ["points", name, period] => {
                let (account, period) = (self.account(name), self.period(scope, text, period));
                Fact::Points { account: account?, period: period? }
            }
            ["granted", name, period] => {
                let (reward, period) = (self.reward(name), self.period(scope, text, period));
                Fact::Granted { reward: reward?, period: period? }
            }
            ["events", name, period] => {
                let (event, period) = (self.counted_event(name), self.period(scope, text, period));
                Fact::Events { event: event?, period: period? }
            }
            ["referrals", period] => Fact::Referrals { period: self.period(scope, text, period)? },
            ["attribute", name] => Fact::Attribute { attribute: self.attribute(name)? },
            ["rank", name] => {
                if scope.event.is_some() {
                    let help = "read it in the handler of the close, where the standing is final";
                    self.error(format!("{} reads \"{text}\", but ranks are known only at a close", self.function), help);
                    return None;
                }
                Fact::Rank { account: self.account(name)? }
            }
            _ => {
                self.unknown_fact(text, words.first().copied().unwrap_or(""));
                return None;
            }
        })
    }

    fn unknown_fact(&mut self, text: &str, word: &str) {
        match FACTS.iter().find(|(fact, _)| *fact == word) {
            Some((_, form)) => self.error(format!("{} reads \"{text}\"", self.function), format!("write it as \"{form}\"")),
            None => {
                let help = suggestion(word, FACTS.iter().map(|(fact, _)| *fact));
                self.error(format!("{} reads \"{text}\": this host knows no fact \"{word}\"", self.function), help);
            }
        }
    }

    fn period(&mut self, scope: &Scope<'_>, text: &str, word: &str) -> Option<Period> {
        let Ok(period) = word.parse::<Period>() else {
            let help = suggestion(word, Period::NAMES);
            self.error(format!("{} reads \"{text}\": there is no period \"{word}\"", self.function), help);
            return None;
        };
        if scope.event.is_none() && !matches!(period, Period::Cycle | Period::All) {
            let message = format!("{} reads \"{text}\", but a close has no {word}", self.function);
            self.error(message, "read \"cycle\", which is the one that ends, or \"all\"");
            return None;
        }
        Some(period)
    }

    fn account(&mut self, name: &str) -> Option<usize> {
        let campaign = self.campaign;
        self.named("account", name, campaign.account(name), campaign.accounts.iter().map(|a| &*a.name))
    }
    fn reward(&mut self, name: &str) -> Option<usize> {
        let campaign = self.campaign;
        self.named("reward", name, campaign.reward(name), campaign.rewards.iter().map(|r| &*r.name))
    }
    fn attribute(&mut self, name: &str) -> Option<usize> {
        let campaign = self.campaign;
        self.named("attribute", name, campaign.attribute(name), campaign.attributes.iter().map(|a| &*a.name))
    }
    fn counted_event(&mut self, name: &str) -> Option<usize> {
        let campaign = self.campaign;
        self.named("event", name, campaign.event(name), campaign.events.iter().map(|e| &*e.name))
    }

    fn named<'n>(
        &mut self,
        what: &str,
        name: &str,
        found: Option<usize>,
        declared: impl Iterator<Item = &'n str> + Clone,
    ) -> Option<usize> {
        if found.is_none() {
            let help = match declared.clone().next() {
                None => format!("campaign.toml declares no {what}s"),
                Some(_) => suggestion(name, declared),
            };
            self.error(format!("{} names the {what} \"{name}\", which campaign.toml does not declare", self.function), help);
        }
        found
    }

    fn write(&mut self, effect: &str, name: &str) -> Option<Allowed> {
        let Some(effect) = EFFECTS.into_iter().find(|known| *known == effect) else {
            self.error(format!("{} writes \"{effect}\", which is no effect", self.function), suggestion(effect, EFFECTS));
            return None;
        };
        let index = match effect {
            "grant" => self.reward(name)?,
            "set" => self.attribute(name)?,
            _ => self.account(name)?,
        };
        let attribute = (effect == "set").then(|| {
            let attribute = &self.campaign.attributes[index];
            (attribute.kind.clone(), attribute.default == Value::Missing)
        });
        Some(Allowed { effect, name: name.into(), index, attribute })
    }

    fn rewards_that_nobody_gets(&mut self, plans: &[Plan]) {
        let campaign = self.campaign;
        for (index, reward) in campaign.rewards.iter().enumerate() {
            let granted = plans.iter().flat_map(|plan| &plan.allowed).any(|a| a.effect == "grant" && a.index == index);
            if !granted && reward.price.is_empty() {
                let help = "add it to the writes of the handler that grants it, or give it a price in campaign.toml, or remove it there";
                self.error(format!("no handler grants the reward \"{}\", and it has no price", reward.name), help);
            }
        }
    }

    fn events_that_nobody_answers(&mut self, handlers: &[Handler]) {
        let campaign = self.campaign;
        for (index, event) in campaign.events.iter().enumerate() {
            if BUILT_IN_EVENTS.contains(&&*event.name) || handlers.iter().any(|h| h.event == Some(index)) {
                continue;
            }
            let message = format!("no handler answers the event \"{}\": it is counted and does nothing else", event.name);
            let help = format!("add {}, or remove the event from campaign.toml", event.function);
            self.findings.push(Diagnostic::warning(&campaign.rules, None, message, help));
        }
    }
}

/// What a read turned out to be.
enum Answer {
    /// Index into the event's fields.
    Data(usize),
    Fact(Read),
}

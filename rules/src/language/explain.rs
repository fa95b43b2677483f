//! What a rule file reads and asks for, as a listing for people: `check --explain`. Says the same about every
//! language. Must not know: which one it is.

use super::{Handler, Write};
use crate::campaign::{Campaign, Role};
use crate::fact::Fact;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// One paragraph for each entry function.
pub fn explain(campaign: &Campaign, handlers: &[Handler]) -> String {
    let mut text = String::new();
    for handler in handlers {
        let answers = handler.event.map_or("the close of a cycle".into(), |event| format!("event {}", campaign.events[event].name));
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{} answers {answers}", handler.function);
        let _ = writeln!(text, "    about: {}", who(campaign, handler).join(", "));
        reads(campaign, handler, &mut text);
        writes(handler, &mut text);
    }
    text
}

fn who(campaign: &Campaign, handler: &Handler) -> Vec<String> {
    let roles: &[Role] = handler.event.map_or(&campaign.close_roles, |event| &campaign.events[event].roles);
    let named = handler.roles.iter().filter_map(|role| roles.get(*role));
    let named = named.map(|role| format!("{} ({}{})", role.name, role.text, if role.optional { ", may be missing" } else { "" }));
    std::iter::once("member".into()).chain(named).collect()
}

fn reads(campaign: &Campaign, handler: &Handler, text: &mut String) {
    let facts: BTreeSet<Fact> = handler.reads.iter().map(|read| read.fact).collect();
    if facts.is_empty() {
        text.push_str("    reads nothing\n");
    }
    for fact in facts {
        let _ = writeln!(text, "    reads {}", describe(campaign, fact));
    }
}

fn describe(campaign: &Campaign, fact: Fact) -> String {
    match fact {
        Fact::Points { account, period } => format!("points(\"{}\", \"{period}\")", campaign.accounts[account].name),
        Fact::Granted { reward, period } => format!("granted(\"{}\", \"{period}\")", campaign.rewards[reward].name),
        Fact::Events { event, period } => format!("events(\"{}\", \"{period}\")", campaign.events[event].name),
        Fact::Referrals { period } => format!("referrals(\"{period}\")"),
        Fact::Attribute { attribute } => format!("get(\"{}\")", campaign.attributes[attribute].name),
        Fact::Rank { account } => format!("rank(\"{}\")", campaign.accounts[account].name),
    }
}

fn writes(handler: &Handler, text: &mut String) {
    if handler.writes.is_empty() {
        text.push_str("    asks for nothing\n");
    }
    for Write { effect, name, line } in &handler.writes {
        let line = line.map_or(String::new(), |line| format!(" (line {line})"));
        let name = name.as_ref().map_or("a name made when it runs".into(), |name| format!("\"{name}\""));
        let _ = writeln!(text, "    may {effect} {name}{line}");
    }
}

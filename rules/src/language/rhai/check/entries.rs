//! Entry functions: their names, their arguments, and events that none of them answers.

use super::super::script::Script;
use super::super::vocabulary::{CYCLE_PROPERTIES, EVENT_PROPERTIES};
use super::{Entry, Findings, Function, Subject};
use crate::campaign::{BUILT_IN_EVENTS, CLOSE_FUNCTION, Campaign};
use crate::diagnostic::{Diagnostic, suggestion};
use rhai::{Position, ScriptFuncDef};

/// What a function of this name answers.
pub fn entry(campaign: &Campaign, name: &str) -> Option<Entry> {
    if name == CLOSE_FUNCTION {
        return Some(Entry::Close);
    }
    campaign.events.iter().position(|event| *event.function == *name).map(Entry::Event)
}

pub fn subjects<'a>(campaign: &'a Campaign, entry: Option<Entry>, definition: &'a ScriptFuncDef) -> Vec<Subject<'a>> {
    let parameter = |n: usize| definition.params.get(n).map(|p| p.as_str());
    let subject = match entry {
        Some(Entry::Event(index)) => parameter(0).map(|variable| {
            let event = &campaign.events[index];
            let title = format!("event \"{}\"", event.name);
            Subject { variable, what: "an event", title, properties: EVENT_PROPERTIES, fields: &event.fields, roles: &event.roles }
        }),
        Some(Entry::Close) => parameter(1).map(|variable| Subject {
            variable,
            what: "a cycle",
            title: "the close".into(),
            properties: CYCLE_PROPERTIES,
            fields: &[],
            roles: &campaign.close_roles,
        }),
        None => None,
    };
    subject.into_iter().collect()
}

pub fn check(campaign: &Campaign, function: &Function<'_>, findings: &mut Findings) {
    let name = function.name;
    let arguments = function.definition.params.len();
    match function.entry {
        Some(Entry::Event(_)) if arguments != 1 => {
            findings.error(
                function.script,
                function.at,
                format!("`{name}` takes one argument: (event)"),
                format!("write fn {name}(event) {{ … }}"),
            );
        }
        Some(Entry::Close) if arguments != 2 => {
            let help = format!("write fn {name}(member, cycle) {{ … }}");
            findings.error(function.script, function.at, format!("`{name}` takes two arguments: (member, cycle)"), help);
        }
        Some(Entry::Close) if !campaign.calendar.has_cycles() => {
            findings.error(
                function.script,
                function.at,
                "this campaign has no [cycle], so none closes",
                "add [cycle] every = \"week\" to campaign.toml",
            );
        }
        None if name.starts_with("on_") => unknown_event(campaign, function, findings),
        _ => {}
    }
}

fn unknown_event(campaign: &Campaign, function: &Function<'_>, findings: &mut Findings) {
    let name = function.name;
    if entry(campaign, name).is_some() {
        let message = format!("`{name}` answers an event, and only `{}` does that", campaign.rules);
        findings.error(function.script, function.at, message, "give it another name, and call it from there");
        return;
    }
    let names: Vec<&str> = campaign.events.iter().map(|event| &*event.function).chain([CLOSE_FUNCTION]).collect();
    let help = suggestion(name, names).replace('"', "`");
    findings.error(function.script, function.at, format!("`{name}` answers an event that campaign.toml does not declare"), help);
}

/// Events without a rule. The built-in ones happen anyway, so nobody has to answer them.
pub fn check_events(campaign: &Campaign, functions: &[Function<'_>], file: &str, findings: &mut Findings) {
    for (index, event) in campaign.events.iter().enumerate() {
        let answered = functions.iter().any(|function| function.entry == Some(Entry::Event(index)));
        if !answered && !BUILT_IN_EVENTS.contains(&&*event.name) {
            let message = format!("event \"{}\" has no rule: it will be booked and do nothing", event.name);
            findings.push(Diagnostic::warning(file, None, message, format!("write fn {}(event) {{ … }}", event.function)));
        }
    }
}

/// Where the function's name stands. The definition only knows its body, so the name is looked for before that.
pub fn position_of(script: &Script, definition: &ScriptFuncDef) -> Position {
    let body = definition.body.start_position();
    let lines: Vec<&str> = script.source.lines().collect();
    let last = body.line().unwrap_or(1).min(lines.len());
    for line in (1..=last).rev() {
        let text = lines[line - 1];
        if let Some(found) = text.find(&format!("fn {}", definition.name)) {
            let column = text[..found].chars().count() + "fn ".len() + 1;
            return Position::new(u16::try_from(line).unwrap_or(u16::MAX), u16::try_from(column).unwrap_or(u16::MAX));
        }
    }
    body
}

//! `event`, `cycle` and `member` with their properties, `event.data` and `roles`. Nothing is copied into maps: each
//! property looks into the question, so a rule pays for the fields that it reads.

use super::super::dictionary::Dictionary;
use super::super::evaluation::{Evaluation, Outcome, fail, with};
use super::super::vocabulary::{CYCLE_PROPERTIES, EVENT_PROPERTIES, MEMBER_PROPERTIES, Property, WEEKDAYS, names as names_of};
use super::{Cycle, Data, Event, Member, Roles, dynamic};
use crate::diagnostic::suggestion;
use rhai::{Dynamic, Engine, ImmutableString, NativeCallContext};
use std::collections::BTreeSet;
use std::sync::Arc;

pub fn register(engine: &mut Engine, dictionary: &Dictionary) {
    event(engine);
    cycle(engine);
    member(engine);
    fields(engine, dictionary);
    roles(engine, dictionary);
    unknown_properties(engine);
}

fn text(text: &str) -> ImmutableString {
    text.into()
}

fn event(engine: &mut Engine) {
    engine
        .register_type_with_name::<Event>("event")
        .register_get("type", |context: NativeCallContext, _: &mut Event| with(&context, event_type))
        .register_get("id", |context: NativeCallContext, _: &mut Event| with(&context, |e| text(e.id())))
        .register_get("day", |context: NativeCallContext, _: &mut Event| with(&context, |e| i64::from(e.day())))
        .register_get("weekday", |context: NativeCallContext, _: &mut Event| with(&context, weekday))
        .register_get("hour", |context: NativeCallContext, _: &mut Event| with(&context, |e| i64::from(e.hour())))
        .register_get("member", |_: &mut Event| Member(0))
        .register_get("data", |_: &mut Event| Data)
        .register_get("roles", |_: &mut Event| Roles)
        .register_set("member", |context: NativeCallContext, _: &mut Event, member: Member| same(&context, "member", member.0 == 0))
        .register_set("data", |_: &mut Event, _: Data| {})
        .register_set("roles", |_: &mut Event, _: Roles| {});
}

/// After `event.member.award(…)` rhai hands `event` its member back, as it may have changed; without a setter it makes
/// up two errors for each such call, and they cost more than the call. Nothing ever changes by it.
fn same(context: &NativeCallContext<'_>, name: &str, is_same: bool) -> Outcome<()> {
    if is_same { Ok(()) } else { fail(context, format!("`{name}` cannot be changed: a rule asks with award, deduct, grant or set")) }
}

fn event_type(evaluation: &Evaluation) -> ImmutableString {
    let occasion = evaluation.dictionary.occasions[evaluation.handler];
    text(evaluation.dictionary.events.get(occasion.0).map_or("", |name| name))
}

fn weekday(evaluation: &Evaluation) -> ImmutableString {
    let monday_is_zero = usize::from(evaluation.weekday()).saturating_sub(1);
    text(WEEKDAYS.get(monday_is_zero).copied().unwrap_or(""))
}

fn cycle(engine: &mut Engine) {
    fn part<T: Default>(context: &NativeCallContext<'_>, of: impl FnOnce(&crate::campaign::calendar::Cycle) -> T) -> Outcome<T> {
        with(context, |e| e.cycle().map(of).unwrap_or_default())
    }
    engine
        .register_type_with_name::<Cycle>("cycle")
        .register_get("number", |context: NativeCallContext, _: &mut Cycle| part(&context, |c| i64::from(c.number)))
        .register_get("first_day", |context: NativeCallContext, _: &mut Cycle| part(&context, |c| i64::from(c.first_day)))
        .register_get("last_day", |context: NativeCallContext, _: &mut Cycle| part(&context, |c| i64::from(c.last_day)))
        .register_get("is_last", |context: NativeCallContext, _: &mut Cycle| part(&context, |c| c.is_last))
        .register_get("roles", |_: &mut Cycle| Roles)
        .register_set("roles", |_: &mut Cycle, _: Roles| {});
}

fn member(engine: &mut Engine) {
    engine
        .register_type_with_name::<Member>("member")
        .register_get("id", |context: NativeCallContext, m: &mut Member| with(&context, |e| text(e.member(m.0).map_or("", |m| &m.id))))
        .register_get("kind", |context: NativeCallContext, m: &mut Member| with(&context, |e| text(e.member(m.0).map_or("", |m| &m.kind))))
        .register_fn("==", |context: NativeCallContext, a: Member, b: Member| with(&context, |e| e.member(a.0) == e.member(b.0)))
        .register_fn("!=", |context: NativeCallContext, a: Member, b: Member| with(&context, |e| e.member(a.0) != e.member(b.0)));
}

/// By occasion, where a name stands in its list.
fn columns(lists: &[Vec<Arc<str>>], name: &str) -> Vec<Option<usize>> {
    lists.iter().map(|list| list.iter().position(|n| **n == *name)).collect()
}

fn names(lists: &[Vec<Arc<str>>]) -> BTreeSet<Arc<str>> {
    lists.iter().flatten().cloned().collect()
}

fn column_here(evaluation: &Evaluation, columns: &[Option<usize>]) -> Option<usize> {
    columns.get(evaluation.dictionary.occasions[evaluation.handler].0).copied().flatten()
}

fn fields(engine: &mut Engine, dictionary: &Dictionary) {
    engine.register_type_with_name::<Data>("data");
    for name in names(&dictionary.fields) {
        let columns = columns(&dictionary.fields, &name);
        engine.register_get(name.clone(), move |context: NativeCallContext, _: &mut Data| -> Outcome<Dynamic> {
            match with(&context, |e| column_here(e, &columns).and_then(|column| e.field(column)).map(dynamic))? {
                Some(value) => Ok(value),
                None => unknown_in_list(&context, "field", |e| &e.dictionary.fields, &name),
            }
        });
    }
    engine.register_indexer_get(|context: NativeCallContext, _: &mut Data, name: &str| -> Outcome<Dynamic> {
        unknown_in_list(&context, "field", |e| &e.dictionary.fields, name)
    });
}

fn roles(engine: &mut Engine, dictionary: &Dictionary) {
    engine.register_type_with_name::<Roles>("roles");
    for name in names(&dictionary.roles) {
        // The member itself is the first of the question's members.
        let columns: Arc<[Option<usize>]> = columns(&dictionary.roles, &name).into_iter().map(|column| Some(1 + column?)).collect();
        let of = columns.clone();
        engine.register_set(name.clone(), move |context: NativeCallContext, _: &mut Roles, member: Member| {
            let is_same = with(&context, |e| column_here(e, &of) == Some(member.0))?;
            same(&context, "a role", is_same)
        });
        engine.register_get(name.clone(), move |context: NativeCallContext, _: &mut Roles| -> Outcome<Dynamic> {
            let found = with(&context, |e| {
                let of = column_here(e, &columns)?;
                Some(if e.is_there(of)? { Dynamic::from(Member(of)) } else { Dynamic::UNIT })
            })?;
            match found {
                Some(role) => Ok(role),
                None => unknown_in_list(&context, "role", |e| &e.dictionary.roles, &name),
            }
        });
    }
    engine.register_indexer_get(|context: NativeCallContext, _: &mut Roles, name: &str| -> Outcome<Dynamic> {
        unknown_in_list(&context, "role", |e| &e.dictionary.roles, name)
    });
}

fn unknown_in_list<T>(
    context: &NativeCallContext<'_>,
    what: &str,
    lists: impl Fn(&Evaluation) -> &Vec<Vec<Arc<str>>>,
    name: &str,
) -> Outcome<T> {
    let reason = with(context, |e| {
        let occasion = e.dictionary.occasions[e.handler];
        let here = &lists(e)[occasion.0];
        let event = e.dictionary.events.get(occasion.0).map_or("the close".into(), |event| format!("event \"{event}\""));
        format!("{event} declares no {what} `{name}`: {}", suggestion(name, here.iter().map(|n| &**n)))
    })?;
    fail(context, reason)
}

/// rhai asks an indexer for a property that has no getter, which lets the text be ours.
fn unknown_properties(engine: &mut Engine) {
    fn unknown(context: &NativeCallContext<'_>, what: &str, known: &'static [Property], name: &str) -> Outcome<Dynamic> {
        fail(context, format!("{what} has no `{name}`: {}", suggestion(name, names_of(known))))
    }
    engine.register_indexer_get(|context: NativeCallContext, _: &mut Event, name: &str| {
        unknown(&context, "an event", EVENT_PROPERTIES, name)
    });
    engine
        .register_indexer_get(|context: NativeCallContext, _: &mut Cycle, name: &str| unknown(&context, "a cycle", CYCLE_PROPERTIES, name));
    engine.register_indexer_get(|context: NativeCallContext, _: &mut Member, name: &str| {
        let known = with(&context, |e| e.dictionary.attribute(name).is_ok())?;
        if known {
            return fail(
                &context,
                format!("a member has no `{name}`: write .get(\"{name}\") to read the attribute, .set(\"{name}\", …) to change it"),
            );
        }
        unknown(&context, "a member", MEMBER_PROPERTIES, name)
    });
}

//! Event types with their data contracts, and those that every campaign understands.

use super::catalog::entries;
use super::reader::{Findings, Found, Table, nearest};
use super::roles::{self, Scope};
use super::words::{self, Typed, check_id, check_word};
use crate::campaign::{
    ACCEPTED, Attribute, BUILT_IN_EVENTS, Bounds, CLOSE_FUNCTION, EventType, Field, INVITED, JOINED, KeyPart, MemberPath, REDEEMED, Role,
    RolePath, function_of,
};
use crate::fact::Period;
use crate::value::{DEFAULT_KIND, DataType};
use std::ops::Range;

/// `[events."account.opened"]`, then the built-in ones.
pub fn events(root: &mut Table, attributes: &[Attribute], findings: &mut Findings) -> Vec<EventType> {
    let mut events: Vec<EventType> = Vec::new();
    for (name, value) in entries(root, "events", findings) {
        let Some(table) = Table::of(value, &format!("event \"{}\"", name.value), findings) else { continue };
        match unquoted(&name, &table) {
            Some(inner) => {
                for (full, table) in inner {
                    let message = format!("the name of an event stands in quotes: write [events.\"{full}\"]");
                    findings.error(&name.span, message, format!("without quotes, `{full}` is a table within a table"));
                    let full = Found { value: full.as_str(), span: name.span.clone() };
                    add(&mut events, &full, table, attributes, findings);
                }
            }
            None => add(&mut events, &name, table, attributes, findings),
        }
    }
    events.extend(built_in());
    events
}

fn add(events: &mut Vec<EventType>, name: &Found<&str>, table: Table, attributes: &[Attribute], findings: &mut Findings) {
    let event = event(name, table, attributes, findings);
    if name.value.starts_with("guerdon.") {
        let help = format!("the built-in events {} need no declaration", BUILT_IN_EVENTS.join(", "));
        findings.error(&name.span, format!("\"{}\": names that begin with \"guerdon.\" are the host's own", name.value), help);
    } else if check_id("an event", name, findings) {
        check_function(events, &event, name, findings);
        events.push(event);
    }
}

/// `[events.account.opened]` declares `opened` within `account`: the events that were meant, by their whole names.
fn unquoted<'t>(name: &Found<&str>, table: &Table<'t>) -> Option<Vec<(String, Table<'t>)>> {
    let entries = table.named();
    let inner: Vec<_> =
        entries.iter().filter_map(|(key, value)| Some((format!("{}.{}", name.value, key.value), Table::within(value)?))).collect();
    (!inner.is_empty() && inner.len() == entries.len() && inner.iter().any(|(_, table)| table.has("member"))).then_some(inner)
}

/// Two events with one function would be decided by the same rule without anybody having said so.
fn check_function(events: &[EventType], event: &EventType, name: &Found<&str>, findings: &mut Findings) {
    let function = &event.function;
    let help = "`.` and `-` both become `_`: rename one";
    if &**function == CLOSE_FUNCTION {
        findings.error(&name.span, format!("\"{}\" would be answered by {CLOSE_FUNCTION}, the close of a cycle", name.value), help);
    } else if let Some(other) = events.iter().find(|e| e.function == *function) {
        findings.error(&name.span, format!("\"{}\" and \"{}\" would both be answered by {function}", other.name, name.value), help);
    } else if let Some(other) = BUILT_IN_EVENTS.iter().find(|e| function_of(e) == **function) {
        findings.error(&name.span, format!("\"{other}\" and \"{}\" would both be answered by {function}", name.value), help);
    }
}

fn event(name: &Found<&str>, mut table: Table, attributes: &[Attribute], findings: &mut Findings) -> EventType {
    let fields = fields(&mut table, findings);
    let member = member(&mut table, &fields, findings).unwrap_or(MemberPath::Subject);
    let scope = Scope { fields: Some(&fields), attributes };
    let roles = roles::roles(&mut table, &scope, findings);
    let once_per = once_per(&mut table, &fields, &roles, findings);
    table.close(findings);
    EventType {
        name: name.value.into(),
        function: function_of(name.value).into(),
        member,
        roles: roles.known,
        once_per,
        fields,
        at: Some(findings.position(&name.span)),
    }
}

/// `data = { invitee = "member", existing_customer = "bool?" }`, sorted by name.
fn fields(table: &mut Table, findings: &mut Findings) -> Vec<Field> {
    let mut fields = Vec::new();
    for (name, value) in entries(table, "data", findings) {
        let kind = words::data_type(&format!("field \"{}\"", name.value), value, findings);
        if check_word("a field", &name, findings)
            && let Some(Typed { kind, optional, bounds }) = kind
        {
            fields.push(Field { name: name.value.into(), kind, optional, bounds });
        }
    }
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    fields
}

/// `member = "subject"` or `"data.FIELD"`.
fn member(table: &mut Table, fields: &[Field], findings: &mut Findings) -> Option<MemberPath> {
    let path = table.required_text("member", "\"subject\" or \"data.FIELD\"", findings)?;
    if path.value == "subject" {
        return Some(MemberPath::Subject);
    }
    let Some(field) = path.value.strip_prefix("data.") else {
        let help = match path.value.strip_suffix('?').unwrap_or(path.value) {
            name if fields.iter().any(|f| *f.name == *name) => format!("did you mean \"data.{name}\"?"),
            _ => "an event comes from somebody named in it; write \"subject\" or \"data.FIELD\"".to_owned(),
        };
        findings.error(&path.span, format!("`member` cannot be \"{}\"", path.value), help);
        return None;
    };
    let index = find_field(field, &path.span, fields, findings)?;
    let declared = &fields[index];
    if !matches!(declared.kind, DataType::Member(_)) {
        let message = format!("`member` is data.{field}, which is declared as {}", declared.kind);
        findings.error(&path.span, message, format!("declare {field} = \"member\""));
    } else if declared.optional {
        let message = format!("`member` is data.{field}, which may be missing");
        findings.error(&path.span, message, format!("every event has a member: declare {field} without `?`"));
    }
    Some(MemberPath::Field(index))
}

/// The index of a field; reports a name that is none.
pub fn find_field(name: &str, span: &Range<usize>, fields: &[Field], findings: &mut Findings) -> Option<usize> {
    let found = fields.iter().position(|f| *f.name == *name);
    if found.is_none() {
        let help = nearest(name, fields.iter().map(|f| &*f.name), "declared in `data`");
        findings.error(span, format!("the event has no field \"{name}\""), help);
    }
    found
}

/// `once_per = ["member", "day"]`.
fn once_per(table: &mut Table, fields: &[Field], roles: &roles::Roles, findings: &mut Findings) -> Vec<KeyPart> {
    let mut parts = Vec::new();
    for written in table.texts("once_per", "\"member\"", findings) {
        let Some(part) = key_part(&written, fields, roles, findings) else { continue };
        if parts.contains(&part) {
            findings.error(&written.span, format!("`once_per` names \"{}\" twice", written.value), "");
        }
        parts.push(part);
    }
    parts
}

fn key_part(written: &Found<&str>, fields: &[Field], roles: &roles::Roles, findings: &mut Findings) -> Option<KeyPart> {
    let name = written.value;
    let optional = |what: &str, findings: &mut Findings| {
        let message = format!("`once_per` names {what}, which may be missing");
        findings.error(&written.span, message, "a key that is not there cannot keep two events apart; name what is always there");
    };
    if name == "member" {
        return Some(KeyPart::Member);
    }
    if let Ok(period) = name.parse::<Period>() {
        return Some(KeyPart::Period(period));
    }
    if let Some(field) = name.strip_prefix("data.") {
        let index = find_field(field, &written.span, fields, findings)?;
        if fields[index].optional {
            optional(&format!("data.{field}"), findings);
        }
        return Some(KeyPart::Field(index));
    }
    if let Some(index) = roles.known.iter().position(|r| *r.name == *name) {
        if roles.known[index].optional {
            optional(&format!("the role {name}"), findings);
        }
        return Some(KeyPart::Role(index));
    }
    if !roles.broken.contains(&name) {
        let data: Vec<String> = fields.iter().map(|f| format!("data.{}", f.name)).collect();
        let known =
            ["member"].into_iter().chain(roles.known.iter().map(|r| &*r.name)).chain(data.iter().map(|d| &**d)).chain(Period::NAMES);
        let known: Vec<&str> = known.collect();
        let help = match known.iter().find(|k| k.strip_prefix("data.") == Some(name)) {
            Some(field) => format!("did you mean \"{field}\"?"),
            None => nearest(name, known, "it takes"),
        };
        findings.error(&written.span, format!("`once_per` cannot name \"{name}\""), help);
    }
    None
}

/// The types that every campaign understands.
fn built_in() -> [EventType; 4] {
    let field =
        |name: &str| Field { name: name.into(), kind: DataType::Member(DEFAULT_KIND.into()), optional: false, bounds: Bounds::default() };
    let role = |name: &str, field: usize| Role {
        name: name.into(),
        path: RolePath::Field(field),
        text: format!("data.{name}").into(),
        optional: false,
        wait_ms: None,
    };
    let event = |name: &str, member: usize, roles, once_per, fields| EventType {
        name: name.into(),
        function: function_of(name).into(),
        member: MemberPath::Field(member),
        roles,
        once_per,
        fields,
        at: None,
    };
    let pair = || vec![field("invitee"), field("inviter")];
    [
        event(JOINED, 0, vec![], vec![KeyPart::Member], vec![field("member")]),
        event(INVITED, 1, vec![role("invitee", 0)], vec![KeyPart::Member, KeyPart::Role(0)], pair()),
        event(ACCEPTED, 0, vec![role("inviter", 1)], vec![KeyPart::Member], pair()),
        event(REDEEMED, 0, vec![], vec![], vec![field("member"), Field { kind: DataType::Text, ..field("reward") }]),
    ]
}

//! Roles of an event or of a close: who else takes part, found by a path from the member or the data.
//!
//! Promises: roles come out in an order in which each starts at the data, the member or a role before it.

use super::catalog::entries;
use super::events::find_field;
use super::reader::{Findings, Found, Table, nearest, text_of};
use super::words::{self, check_word};
use crate::campaign::{Attribute, Field, Role, RolePath};
use crate::value::DataType;
use std::ops::Range;
use toml::Spanned;
use toml::de::DeValue;

/// What a path may start from.
pub struct Scope<'a> {
    /// None at a close, which has no event.
    pub fields: Option<&'a [Field]>,
    pub attributes: &'a [Attribute],
}

/// What came of a table of roles.
pub struct Roles<'t> {
    pub known: Vec<Role>,
    /// Names of roles that are reported already, so that nobody reports their use again.
    pub broken: Vec<&'t str>,
}

/// A role as written.
struct Written<'t> {
    name: Found<&'t str>,
    /// Without the `?`.
    path: &'t str,
    span: Range<usize>,
    optional: bool,
    wait: Option<Found<i64>>,
}

impl<'t> Written<'t> {
    fn start(&self) -> &'t str {
        self.path.split('.').next().unwrap_or(self.path)
    }
}

/// `roles.inviter = "member.referral"`, or `{ path = "member.referral", wait = "7d" }`.
pub fn roles<'t>(table: &mut Table<'t>, scope: &Scope, findings: &mut Findings) -> Roles<'t> {
    let mut roles = Roles { known: Vec::new(), broken: Vec::new() };
    let mut open = Vec::new();
    for (name, value) in entries(table, "roles", findings) {
        match written(&name, value, findings) {
            Some(role) => open.push(role),
            None => roles.broken.push(name.value),
        }
    }
    while let Some(next) = next_ready(&open) {
        let role = open.remove(next);
        match resolve(&role, &roles, &open, scope, findings) {
            Some(path) => roles.known.push(finished(&role, path, scope, findings)),
            None => roles.broken.push(role.name.value),
        }
    }
    // What is left starts at each other.
    if let Some(first) = open.first() {
        let names: Vec<&str> = open.iter().map(|role| role.name.value).collect();
        let message = match names[..] {
            [name] => format!("the role {name} starts from itself, so that nobody can fill it"),
            _ => format!("the roles {} start from each other, so that nobody can fill them", names.join(", ")),
        };
        findings.error(&first.span, message, "begin one of them at `member` or `data`");
        roles.broken.extend(names);
    }
    roles
}

/// A role whose start is decided, whether for good or bad.
fn next_ready(open: &[Written]) -> Option<usize> {
    open.iter().position(|role| !open.iter().any(|other| other.name.value == role.start()))
}

const RESERVED: [&str; 8] = ["member", "data", "subject", "day", "week", "month", "cycle", "all"];

fn written<'t>(name: &Found<&'t str>, value: &'t Spanned<DeValue<'t>>, findings: &mut Findings) -> Option<Written<'t>> {
    let what = format!("role \"{}\"", name.value);
    let (path, wait) = match value.get_ref() {
        DeValue::Table(_) => {
            let mut table = Table::of(value, &what, findings)?;
            let path = table.required_text("path", "\"member.referral\"", findings);
            let wait = words::duration(&mut table, "wait", findings);
            table.close(findings);
            (path?, wait)
        }
        _ => (text_of(value, &what, "\"member.referral\"", findings)?, None),
    };
    if RESERVED.contains(&name.value) {
        findings.error(
            &name.span,
            format!("a role cannot be called \"{}\"", name.value),
            "the word means something else in paths and in `once_per`",
        );
        return None;
    }
    if !check_word("a role", name, findings) {
        return None;
    }
    let (text, optional) = path.value.strip_suffix('?').map_or((path.value, false), |text| (text, true));
    Some(Written { name: name.clone(), path: text, span: path.span, optional, wait })
}

fn finished(role: &Written, path: RolePath, scope: &Scope, findings: &mut Findings) -> Role {
    if let Some(wait) = &role.wait {
        let waits = matches!(path, RolePath::Referral { .. } | RolePath::Attribute { .. }) && !role.optional;
        if scope.fields.is_none() {
            findings.error(&wait.span, "a close does not wait", "remove `wait`, and write the path with `?` where nobody may fill it");
        } else if !waits {
            findings.error(
                &wait.span,
                format!("nothing waits for the role \"{}\"", role.name.value),
                "`wait` is for a referral or attribute without `?`",
            );
        } else if wait.value == 0 {
            findings.error(&wait.span, "a wait of 0 is none", "write the path with `?`, or a longer wait");
        }
    }
    Role {
        name: role.name.value.into(),
        path,
        text: role.path.into(),
        optional: role.optional,
        wait_ms: role.wait.as_ref().map(|wait| wait.value),
    }
}

fn resolve(role: &Written, roles: &Roles, open: &[Written], scope: &Scope, findings: &mut Findings) -> Option<RolePath> {
    if role.path == "member" {
        return Some(RolePath::Member);
    }
    let (start, rest) = role.path.split_once('.').unwrap_or((role.path, ""));
    if start == "data" {
        return data_path(role, rest, scope, findings);
    }
    let of = match roles.known.iter().position(|r| *r.name == *start) {
        Some(index) => index + 1,
        None if start == "member" => 0,
        None => {
            if !roles.broken.contains(&start) {
                unknown_start(role, start, roles, open, scope, findings);
            }
            return None;
        }
    };
    if rest == "referral" {
        return Some(RolePath::Referral { of });
    }
    member_attribute(role, start, rest, scope, findings).map(|attribute| RolePath::Attribute { of, attribute })
}

fn data_path(role: &Written, field: &str, scope: &Scope, findings: &mut Findings) -> Option<RolePath> {
    let Some(fields) = scope.fields else {
        let message = format!("role \"{}\": a close has no event and so no data", role.name.value);
        findings.error(&role.span, message, "begin at `member`");
        return None;
    };
    let index = find_field(field, &role.span, fields, findings)?;
    let declared = &fields[index];
    if !matches!(declared.kind, DataType::Member(_)) {
        let message = format!("role \"{}\" is data.{field}, which is declared as {}", role.name.value, declared.kind);
        findings.error(&role.span, message, format!("declare {field} = \"member\""));
        return None;
    }
    if declared.optional && !role.optional {
        let message = format!("role \"{}\" is data.{field}, which may be missing, and no later event fills it", role.name.value);
        findings.error(&role.span, message, format!("write \"data.{field}?\""));
    }
    Some(RolePath::Field(index))
}

fn unknown_start(role: &Written, start: &str, roles: &Roles, open: &[Written], scope: &Scope, findings: &mut Findings) {
    let name = role.name.value;
    let others = roles.known.iter().map(|r| &*r.name).chain(open.iter().map(|o| o.name.value));
    let known: Vec<&str> = scope.fields.map(|_| "data").into_iter().chain(["member"]).chain(others).collect();
    let field = scope.fields.unwrap_or_default().iter().find(|f| *f.name == *start);
    let help = match field {
        Some(field) => format!("did you mean \"data.{}\"?", field.name),
        None => nearest(start, known, "a path begins at"),
    };
    findings.error(&role.span, format!("role \"{name}\": there is no role \"{start}\" to start from"), help);
}

fn member_attribute(role: &Written, start: &str, rest: &str, scope: &Scope, findings: &mut Findings) -> Option<usize> {
    let name = role.name.value;
    let members = scope.attributes.iter().filter(|a| matches!(a.kind, DataType::Member(_)));
    if let Some(index) = scope.attributes.iter().position(|a| *a.name == *rest) {
        let kind = &scope.attributes[index].kind;
        if matches!(kind, DataType::Member(_)) {
            return Some(index);
        }
        let message = format!("role \"{name}\": the attribute \"{rest}\" is {kind}, not a member");
        findings.error(&role.span, message, format!("write {rest} = {{ type = \"member\" }} in [attributes]"));
        return None;
    }
    if rest.is_empty() {
        let message = format!("role \"{name}\" is nobody but {start}");
        findings.error(&role.span, message, format!("write \"{start}.referral\" or \"{start}.ATTRIBUTE\""));
        return None;
    }
    let help = match rest.split_once('.') {
        Some((first, _)) => format!("one step at a time: a role of its own for {start}.{first}, and start from that"),
        None => nearest(rest, ["referral"].into_iter().chain(members.map(|a| &*a.name)).collect::<Vec<_>>(), "it takes"),
    };
    findings.error(&role.span, format!("role \"{name}\": there is no attribute \"{rest}\""), help);
    None
}

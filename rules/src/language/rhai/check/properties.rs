//! `event.x`, `event.data.x`, `event.roles.x`, `event.member.x`: does it exist, and may it be missing?

use super::super::vocabulary::{MEMBER_PROPERTIES, listed, names};
use super::{Findings, Function, Subject};
use crate::campaign::Campaign;
use crate::diagnostic::{closest, suggestion};
use rhai::{ASTFlags, ASTNode, Expr, Position, Stmt};

pub fn check(campaign: &Campaign, function: &Function<'_>, path: &[ASTNode<'_>], findings: &mut Findings) {
    let Some(ASTNode::Expr(Expr::Dot(dot, ..))) = path.last() else { return };
    let Expr::Variable(variable, ..) = &dot.lhs else { return };
    let Some(subject) = function.subjects.iter().find(|subject| *subject.variable == *variable.1) else { return };
    let is_assigned =
        path.len() > 1 && matches!(path[path.len() - 2], ASTNode::Stmt(Stmt::Assignment(a)) if std::ptr::eq(&a.1.lhs, as_expression(path)));
    if is_assigned {
        return;
    }
    let links = links(&dot.rhs);
    let Some(Link::Property(head, at)) = links.first() else { return };
    if !names(subject.properties).any(|name| name == *head) {
        let help = instead_of(subject, head, links.get(1));
        return findings.error(function.script, *at, format!("{} has no `{head}`", subject.what), help);
    }
    match *head {
        "data" => field(function, subject, &links, findings),
        "roles" => role(campaign, function, subject, &links, findings),
        "member" => member(campaign, function, &format!("{}.member", subject.variable), links.get(1), findings),
        _ => {}
    }
}

fn as_expression<'a>(path: &[ASTNode<'a>]) -> *const Expr {
    match path.last() {
        Some(ASTNode::Expr(expression)) => *expression,
        _ => std::ptr::null(),
    }
}

/// One step of a chain.
enum Link<'a> {
    Property(&'a str, Position),
    /// A method; `?.` is true where it is only called on what is there.
    Method {
        is_guarded: bool,
    },
}

fn links(expression: &Expr) -> Vec<Link<'_>> {
    let mut links = Vec::new();
    let mut rest = expression;
    let mut is_guarded = false;
    loop {
        let (here, next) = match rest {
            Expr::Dot(dot, flags, _) => (&dot.lhs, Some((&dot.rhs, flags.contains(ASTFlags::NEGATED)))),
            other => (other, None),
        };
        match here {
            Expr::Property(property, at) => links.push(Link::Property(&property.2, *at)),
            Expr::MethodCall(..) => links.push(Link::Method { is_guarded }),
            _ => return links,
        }
        let Some((following, guard)) = next else { return links };
        is_guarded = guard;
        rest = following;
    }
}

fn instead_of(subject: &Subject<'_>, head: &str, next: Option<&Link<'_>>) -> String {
    let variable = subject.variable;
    if subject.roles.iter().any(|role| *role.name == *head) {
        return format!("write {variable}.roles.{head}");
    }
    if subject.fields.iter().any(|field| *field.name == *head) {
        return format!("write {variable}.data.{head}");
    }
    if let Some(near) = closest(head, names(subject.properties)) {
        return format!("did you mean {variable}.{near}?");
    }
    // `event.inviter.award(…)` where the role is not declared at all.
    if matches!(next, Some(Link::Method { .. })) {
        return format!("members are {variable}.member and {variable}.roles.NAME, declared in campaign.toml");
    }
    format!("it has {}", listed(subject.properties))
}

fn field(function: &Function<'_>, subject: &Subject<'_>, links: &[Link<'_>], findings: &mut Findings) {
    let Some(Link::Property(name, at)) = links.get(1) else { return };
    if subject.fields.iter().any(|field| *field.name == **name) {
        return;
    }
    let names: Vec<&str> = subject.fields.iter().map(|field| &*field.name).collect();
    let prefix = format!("{}.data", subject.variable);
    findings.error(function.script, *at, format!("{} declares no field `{name}`", subject.title), near(name, &names, &prefix));
}

fn near(name: &str, names: &[&str], prefix: &str) -> String {
    match closest(name, names.iter().copied()) {
        Some(near) => format!("did you mean {prefix}.{near}?"),
        None => suggestion(name, names.iter().copied()),
    }
}

fn role(campaign: &Campaign, function: &Function<'_>, subject: &Subject<'_>, links: &[Link<'_>], findings: &mut Findings) {
    let Some(Link::Property(name, at)) = links.get(1) else { return };
    let variable = subject.variable;
    let Some(role) = subject.roles.iter().find(|role| *role.name == **name) else {
        let names: Vec<&str> = subject.roles.iter().map(|role| &*role.name).collect();
        let help = if *name == "member" { format!("write {variable}.member") } else { near(name, &names, &format!("{variable}.roles")) };
        return findings.error(function.script, *at, format!("{} declares no role `{name}`", subject.title), help);
    };
    if role.optional && matches!(links.get(2), Some(Link::Method { is_guarded: false } | Link::Property(..))) {
        let help = format!("let {name} = {variable}.roles.{name}; if missing({name}) {{ return; }}");
        findings.error(function.script, *at, format!("the role `{name}` may be missing"), help);
    }
    member(campaign, function, &format!("{variable}.roles.{name}"), links.get(2), findings);
}

fn member(campaign: &Campaign, function: &Function<'_>, path: &str, next: Option<&Link<'_>>, findings: &mut Findings) {
    let Some(Link::Property(name, at)) = next else { return };
    if names(MEMBER_PROPERTIES).any(|own| own == *name) {
        return;
    }
    let help = match campaign.attribute(name) {
        Some(_) => format!("write {path}.get(\"{name}\")"),
        None => format!("it has {}", listed(MEMBER_PROPERTIES)),
    };
    findings.error(function.script, *at, format!("a member has no `{name}`"), help);
}

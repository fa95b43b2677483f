//! Assignments to what only the host changes: `event.member.streak = 5`.

use super::{Findings, Function};
use crate::campaign::Campaign;
use rhai::{ASTNode, Expr, Stmt};

pub fn check(campaign: &Campaign, function: &Function<'_>, node: ASTNode<'_>, findings: &mut Findings) {
    let ASTNode::Stmt(Stmt::Assignment(assignment)) = node else { return };
    let target = &assignment.1.lhs;
    let Expr::Dot(dot, ..) = target else { return };
    let Expr::Variable(variable, ..) = &dot.lhs else { return };
    if !function.subjects.iter().any(|subject| *subject.variable == *variable.1) {
        return;
    }
    let (path, last, at) = chain(target);
    let owner = path.rsplit_once('.').map_or("", |(owner, _)| owner);
    if campaign.attribute(&last).is_some() {
        let help = format!("write {owner}.set(\"{last}\", …)");
        findings.error(function.script, at, format!("`{last}` is an attribute, and is not assigned to"), help);
    } else {
        findings.error(function.script, at, format!("`{path}` cannot be changed"), "a rule asks: award, deduct, grant or set");
    }
}

/// `event.member.streak`, its last word, and where that stands.
fn chain(expression: &Expr) -> (String, String, rhai::Position) {
    match expression {
        Expr::Dot(dot, ..) => {
            let (left, ..) = chain(&dot.lhs);
            let (right, last, at) = chain(&dot.rhs);
            (format!("{left}.{right}"), last, at)
        }
        Expr::Property(property, at) => (property.2.to_string(), property.2.to_string(), *at),
        Expr::Variable(variable, _, at) => (variable.1.to_string(), variable.1.to_string(), *at),
        other => (String::new(), String::new(), other.position()),
    }
}

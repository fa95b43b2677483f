//! Changes that rhai does not measure. It bounds a list or map whenever a method changes the variable that holds it,
//! but not when an element is assigned to (`m[k] = m` doubles the map each time) or an element's own method is called
//! (`a[0].push(a)`). Those forms are refused, so that every value stays within the limits.

use super::super::api::LONGEST_KEY;
use super::{Findings, Function};
use rhai::{ASTNode, Expr, Stmt};

/// Methods that change what they are called on.
const CHANGING: [&str; 27] = [
    "push",
    "append",
    "insert",
    "pad",
    "set",
    "pop",
    "shift",
    "remove",
    "clear",
    "truncate",
    "chop",
    "reverse",
    "splice",
    "extract",
    "drain",
    "retain",
    "dedup",
    "sort",
    "fill_with",
    "mixin",
    "replace",
    "crop",
    "trim",
    "make_upper",
    "make_lower",
    "split",
    "sort_desc",
];

pub fn check(function: &Function<'_>, node: ASTNode<'_>, findings: &mut Findings) {
    match node {
        ASTNode::Stmt(Stmt::Assignment(assignment)) => match &assignment.1.lhs {
            Expr::Variable(..) => {}
            // What belongs to an event is told apart in `assignments`.
            Expr::Dot(dot, ..) if is_subject(function, &dot.lhs) => {}
            target => {
                let message = "an element is not assigned to, because its list or map could then grow without bound";
                findings.error(function.script, target.start_position(), message, "write x.set(key, value)");
            }
        },
        ASTNode::Expr(Expr::Map(map, _)) => {
            for (key, _) in map.0.iter().filter(|(key, _)| key.name.len() > LONGEST_KEY) {
                findings.error(function.script, key.pos, format!("a key of a map has at most {LONGEST_KEY} bytes"), "shorten it");
            }
        }
        ASTNode::Expr(Expr::ThisPtr(at)) => {
            findings.error(function.script, *at, "there is no `this` in rules", "hand the value over as an argument");
        }
        ASTNode::Expr(Expr::Dot(dot, ..) | Expr::Index(dot, ..)) => element(function, &dot.lhs, &dot.rhs, findings),
        _ => {}
    }
}

fn is_subject(function: &Function<'_>, expression: &Expr) -> bool {
    matches!(expression, Expr::Variable(variable, ..) if function.subjects.iter().any(|subject| *subject.variable == *variable.1))
}

/// `x[0].push(…)`, `x.y.push(…)`: anything between the variable and a method that changes. `set` of a member is told
/// apart by its chain from an event or a cycle.
fn element(function: &Function<'_>, first: &Expr, rest: &Expr, findings: &mut Findings) {
    if !matches!(first, Expr::Variable(..)) || is_subject(function, first) {
        return;
    }
    let mut rest = rest;
    while let Expr::Dot(dot, ..) | Expr::Index(dot, ..) = rest {
        // The first step may be the method itself, on the variable: that one is measured.
        if let Expr::MethodCall(call, at) = &dot.rhs
            && CHANGING.contains(&&*call.name)
        {
            let message = format!("`{}` would change an element, whose list or map could then grow without bound", call.name);
            findings.error(function.script, *at, message, "put the element into a variable first: let x = list[0];");
        }
        rest = &dot.rhs;
    }
}

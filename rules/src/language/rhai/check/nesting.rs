//! Calls within calls. While an inner call runs, the outer ones keep their other arguments alive, so the depth is a
//! part of what bounds the memory of one evaluation. (Long chains of `else if` and of operators are no such nesting.)

use super::{Call, Findings, Function};
use rhai::ASTNode;

const DEEPEST: usize = 6;

pub fn check(function: &Function<'_>, path: &[ASTNode<'_>], findings: &mut Findings) {
    let Some(innermost) = path.last().and_then(|node| call(*node)) else { return };
    let depth = path.iter().filter(|node| call(**node).is_some()).count();
    if depth == DEEPEST + 1 {
        findings.error(function.script, innermost.at, format!("more than {DEEPEST} calls within each other"), "use `let` for parts of it");
    }
}

/// A call by name, not an operator.
fn call(node: ASTNode<'_>) -> Option<Call<'_>> {
    Call::of(node).filter(|call| !call.expression.is_operator_call())
}

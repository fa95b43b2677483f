//! Lists and maps written in the file. rhai measures those that a rule makes, not those that it only copies.

use super::{Findings, Function};
use crate::language::rhai::script::Script;
use rhai::{ASTFlags, ASTNode, Expr, Stmt};

/// At the top of a file.
pub fn check_constants(script: &Script, most: usize, findings: &mut Findings) {
    for statement in script.plain.statements() {
        if let Stmt::Var(variable, flags, _) = statement
            && flags.contains(ASTFlags::CONSTANT)
        {
            check_size(script, &variable.1, most, findings);
        }
    }
}

/// In a function.
pub fn check(function: &Function<'_>, node: ASTNode<'_>, most: usize, findings: &mut Findings) {
    if let ASTNode::Expr(expression) = node {
        check_size(function.script, expression, most, findings);
    }
}

fn check_size(script: &Script, expression: &Expr, most: usize, findings: &mut Findings) {
    let size = elements(expression);
    if size > most {
        let message = format!("a list or map of {size} elements (limit `collection_size`: {most})");
        findings.error(script, expression.start_position(), message, "split it, or keep the values in attributes");
    }
}

/// With those of the lists and maps in it.
fn elements(expression: &Expr) -> usize {
    match expression {
        Expr::Array(list, _) => list.iter().map(|element| 1 + elements(element)).sum(),
        Expr::Map(map, _) => map.0.iter().map(|(_, element)| 1 + elements(element)).sum(),
        _ => 0,
    }
}

//! Divisions of whole numbers written in the file: `5 / 100` is 0, and a division by 0 has no result.

use super::{Call, Findings, Function};
use rhai::{ASTNode, Expr};

pub fn check(node: ASTNode<'_>, function: &Function<'_>, findings: &mut Findings) {
    let Some(call) = Call::of(node).filter(|call| call.name == "/") else { return };
    let [left, Expr::IntegerConstant(divisor, _)] = &call.expression.args[..] else { return };
    if *divisor == 0 {
        return findings.error(function.script, call.at, "a division by 0", "");
    }
    if let Expr::IntegerConstant(number, _) = left
        && number % divisor != 0
    {
        let message = format!("{number} / {divisor} is {}: whole numbers drop the rest", number / divisor);
        findings.error(function.script, call.at, message, format!("write {number}.0 / {divisor}, or multiply first"));
    }
}

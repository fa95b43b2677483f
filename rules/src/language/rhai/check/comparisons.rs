//! Fields of the event's data in comparisons, arithmetic and conditions: of another type, or missing.

use super::super::vocabulary::WEEKDAYS;
use super::{Call, Findings, Function, field_of};
use crate::campaign::Field;
use crate::value::DataType;
use rhai::{ASTNode, Expr, Stmt};

const ORDERS: [&str; 4] = ["<", "<=", ">", ">="];
const EQUALITIES: [&str; 2] = ["==", "!="];
const ARITHMETIC: [&str; 5] = ["-", "*", "/", "%", "**"];

pub fn check(function: &Function<'_>, node: ASTNode<'_>, findings: &mut Findings) {
    match node {
        ASTNode::Stmt(Stmt::If(parts, _)) => condition(function, &parts.expr, findings),
        ASTNode::Expr(Expr::And(parts, _) | Expr::Or(parts, _)) => parts.iter().for_each(|part| condition(function, part, findings)),
        _ => {}
    }
    let Some(call) = Call::of(node) else { return };
    match &call.expression.args[..] {
        [only] if call.name == "!" => condition(function, only, findings),
        [left, right] => {
            operands(function, &call, left, right, findings);
            operands(function, &call, right, left, findings);
        }
        _ => {}
    }
}

/// `if event.data.flag` where the flag may be missing.
fn condition(function: &Function<'_>, expression: &Expr, findings: &mut Findings) {
    let Some((field, at)) = field_of(function, expression) else { return };
    let path = path_of(function, field);
    if field.optional {
        let message = format!("`{}` may be missing, and then it is neither true nor false", field.name);
        findings.error(function.script, at, message, format!("write {path} == true"));
    } else if field.kind != DataType::Bool {
        let message = format!("`{}` is {}, not true or false", field.name, field.kind);
        findings.error(function.script, at, message, format!("compare it: {path} == …"));
    }
}

fn path_of(function: &Function<'_>, field: &Field) -> String {
    let variable = function.subjects.first().map_or("event", |subject| subject.variable);
    format!("{variable}.data.{}", field.name)
}

fn operands(function: &Function<'_>, call: &Call<'_>, left: &Expr, right: &Expr, findings: &mut Findings) {
    let operator = call.name;
    if EQUALITIES.contains(&operator) {
        weekday(function, left, right, findings);
    }
    let Some((field, _)) = field_of(function, left) else { return };
    let (name, at) = (&field.name, call.at);
    let needs_value = ORDERS.contains(&operator) || ARITHMETIC.contains(&operator) || operator == "+";
    if field.optional && needs_value {
        let path = path_of(function, field);
        let help = format!("write ({path} ?? 0) {operator} …, or test missing({path}) first");
        findings.error(function.script, at, format!("`{name}` may be missing"), help);
    }
    let kind = kind_of(field);
    if ARITHMETIC.contains(&operator) && kind != "a number" {
        let help = format!("declare {name} = \"int\" in campaign.toml if it is a number");
        findings.error(function.script, at, format!("`{name}` is {kind} ({}), and is not counted with", field.kind), help);
    }
    let Some(literal) = kind_of_literal(right) else { return };
    if kind == "text" && literal == "text" && ORDERS.contains(&operator) {
        let message = format!("`{name}` is text, and text is ordered letter by letter: \"10\" comes before \"9\"");
        findings.error(function.script, at, message, format!("declare {name} = \"int\" in campaign.toml if it is a number"));
    }
    if (EQUALITIES.contains(&operator) || ORDERS.contains(&operator)) && kind != literal {
        let message = format!("`{name}` is {kind} ({}), compared here with {literal}", field.kind);
        findings.error(function.script, at, message, format!("such a comparison is never true: {}", matching(kind)));
    }
}

fn matching(kind: &str) -> &'static str {
    match kind {
        "text" => "write the other side in \"…\"",
        "a number" => "write the other side without quotes",
        _ => "write true or false",
    }
}

fn kind_of(field: &Field) -> &'static str {
    match field.kind {
        DataType::Int | DataType::Decimal => "a number",
        DataType::Bool => "true or false",
        DataType::Text | DataType::Member(_) => "text",
    }
}

fn kind_of_literal(expression: &Expr) -> Option<&'static str> {
    Some(match expression {
        Expr::StringConstant(..) => "text",
        Expr::IntegerConstant(..) => "a number",
        Expr::BoolConstant(..) => "true or false",
        Expr::DynamicConstant(value, _) if value.is_decimal() => "a number",
        _ => return None,
    })
}

fn weekday(function: &Function<'_>, left: &Expr, right: &Expr, findings: &mut Findings) {
    let (Expr::StringConstant(text, at), true) = (right, is_weekday(left)) else { return };
    if !WEEKDAYS.contains(&text.as_str()) {
        findings.error(function.script, *at, format!("\"{text}\" is no weekday"), format!("one of {}", WEEKDAYS.join(", ")));
    }
}

fn is_weekday(expression: &Expr) -> bool {
    match expression {
        Expr::Dot(dot, ..) => is_weekday(&dot.rhs),
        Expr::Property(property, _) => property.2 == "weekday",
        _ => false,
    }
}

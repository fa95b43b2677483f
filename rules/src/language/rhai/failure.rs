//! What ended an evaluation, as a verdict: which limit, which mistake, and where.

use super::engine::PastDeadline;
use super::evaluation::Evaluation;
use crate::effect::{Failure, Limit, Place};
use crate::limits::Limits;
use rhai::{EvalAltResult, Position};

/// An error of rhai's own (those of the API stop the rule themselves, with their own words).
pub fn failure(error: &EvalAltResult, evaluation: &Evaluation, limits: &Limits) -> Failure {
    let mut source: Option<&str> = None;
    let mut inner = error;
    while let EvalAltResult::ErrorInFunctionCall(_, file, cause, _) = inner {
        source = Some(file);
        inner = cause;
    }
    let place = place(evaluation, source, inner.position());
    match limit(inner, limits) {
        Some((reason, limit)) => Failure { reason, place, limit: Some(limit) },
        None => Failure::new(reason(inner), place),
    }
}

fn place(evaluation: &Evaluation, source: Option<&str>, at: Position) -> Option<Place> {
    evaluation.place(source, at)
}

fn limit(error: &EvalAltResult, limits: &Limits) -> Option<(String, Limit)> {
    use EvalAltResult::{ErrorDataTooLarge, ErrorStackOverflow, ErrorTerminated, ErrorTooManyOperations, ErrorTooManyVariables};
    Some(match error {
        ErrorTooManyOperations(..) => {
            (format!("the rule ran more than {} operations (limit `operations`)", limits.operations), Limit::Operations)
        }
        ErrorTerminated(token, _) if token.is::<PastDeadline>() => {
            (format!("the rule ran longer than {} ms (limit `deadline_ms`)", limits.deadline_ms), Limit::Deadline)
        }
        ErrorStackOverflow(..) => {
            (format!("functions call each other more than {} deep (limit `call_depth`)", limits.call_depth), Limit::CallDepth)
        }
        ErrorDataTooLarge(what, _) if what.contains("string") => {
            (format!("a text, or the texts of a list, grew over {} bytes (limit `text_bytes`)", limits.text_bytes), Limit::TextSize)
        }
        ErrorDataTooLarge(what, _) if what.contains("map") => {
            (format!("a map grew over a quarter of {} entries (limit `collection_size`)", limits.collection_size), Limit::CollectionSize)
        }
        ErrorDataTooLarge(..) => {
            (format!("a list grew over {} elements (limit `collection_size`)", limits.collection_size), Limit::CollectionSize)
        }
        ErrorTooManyVariables(..) => ("too many variables are alive at once".into(), Limit::Memory),
        _ => return None,
    })
}

/// In the words of someone who writes rules.
fn reason(error: &EvalAltResult) -> String {
    use EvalAltResult::{
        ErrorArithmetic, ErrorFunctionNotFound, ErrorIndexNotFound, ErrorMismatchDataType, ErrorPropertyNotFound, ErrorRuntime,
    };
    match error {
        ErrorArithmetic(text, _) => format!("a number is out of range: {text}"),
        ErrorFunctionNotFound(signature, _) => format!("this does not exist for these values: {}", plain_signature(signature)),
        ErrorMismatchDataType(wanted, got, _) => {
            format!("{} is wanted here, got {}", plain_type(wanted), if got == "()" { "nothing (it is missing)" } else { plain_type(got) })
        }
        ErrorPropertyNotFound(name, _) => format!("the map has no `{name}`"),
        ErrorIndexNotFound(index, _) => format!("the map has no `{index}`"),
        ErrorRuntime(value, _) => value.to_string(),
        other => {
            let mut text = other.clone_without_position();
            text.truncate(400);
            text
        }
    }
}

trait WithoutPosition {
    fn clone_without_position(&self) -> String;
}

impl WithoutPosition for EvalAltResult {
    /// rhai appends ` (line 3, position 7)`; the verdict carries the place itself.
    fn clone_without_position(&self) -> String {
        let text = self.to_string();
        match text.rfind(" (line ") {
            Some(end) => text[..end].to_string(),
            None => text,
        }
    }
}

fn plain_signature(signature: &str) -> String {
    let Some((name, types)) = signature.split_once('(') else { return format!("`{signature}`") };
    let types: Vec<&str> = types.trim_end_matches(')').split(", ").map(plain_type).collect();
    format!("`{}` with {}", name.trim(), types.join(" and "))
}

fn plain_type(name: &str) -> &str {
    match name.trim_start_matches("&mut ").trim() {
        "i64" => "a whole number",
        "decimal" | "rust_decimal::decimal::Decimal" => "a decimal",
        "string" | "&str | ImmutableString | String" => "a text",
        "bool" => "true or false",
        "()" => "nothing (it is missing)",
        "array" => "a list",
        "map" => "a map",
        other => other,
    }
}

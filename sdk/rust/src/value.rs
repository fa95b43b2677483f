//! The values of data fields and attributes.

use crate::bindings::exports::guerdon::campaign::rules as wit;
use crate::call::mistake;
use std::panic::Location;

/// A data field or an attribute. Compare it (`== true`, `== 5`, `== "gold"`), or say what it must be: [`Value::int`].
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An optional field, or an attribute without default, that is not there.
    Missing,
    Int(i64),
    Decimal(Decimal),
    Text(String),
    Bool(bool),
}

/// An exact number: `unscaled` / 10^`scale`, scale 0 to 18. 199.99 is { 19999, 2 }.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    pub unscaled: i64,
    pub scale: u8,
}

/// Whether an optional field, or an attribute without default, is not there.
pub fn missing(value: &Value) -> bool {
    *value == Value::Missing
}

impl Value {
    /// The whole number that the campaign declares; anything else is a mistake, and 0.
    #[track_caller]
    pub fn int(&self) -> i64 {
        match self {
            Value::Int(n) => *n,
            other => other.instead("a whole number", 0, Location::caller()),
        }
    }
    /// The exact number that the campaign declares, or a whole one; anything else is a mistake, and 0.
    #[track_caller]
    pub fn decimal(&self) -> Decimal {
        match self {
            Value::Decimal(number) => *number,
            Value::Int(n) => Decimal { unscaled: *n, scale: 0 },
            other => other.instead("a number", Decimal { unscaled: 0, scale: 0 }, Location::caller()),
        }
    }
    /// The text (or the member's id) that the campaign declares; anything else is a mistake, and empty.
    #[track_caller]
    pub fn text(&self) -> String {
        match self {
            Value::Text(text) => text.clone(),
            other => other.instead("a text", String::new(), Location::caller()),
        }
    }
    /// The value, or `other` where it is missing: `event.data("bonus").or(0).int()`.
    pub fn or(self, other: impl Into<Value>) -> Value {
        if missing(&self) { other.into() } else { self }
    }

    fn instead<T>(&self, wanted: &str, zero: T, line: &Location<'_>) -> T {
        let found = match self {
            Value::Missing => "missing: ask missing(…) first, or write .or(…)".to_string(),
            Value::Int(n) => n.to_string(),
            Value::Decimal(number) => format!("{} / 10^{}: write .decimal().whole()", number.unscaled, number.scale),
            Value::Text(text) => format!("\"{text}\""),
            Value::Bool(truth) => truth.to_string(),
        };
        mistake(format!("{wanted} was expected, and it is {found}"), line);
        zero
    }
}

impl Decimal {
    /// Without what stands after the point: 19.99 is 19, -19.99 is -19.
    pub fn whole(self) -> i64 {
        10_i64.checked_pow(u32::from(self.scale)).map_or(0, |unit| self.unscaled / unit)
    }
}

impl PartialEq<bool> for Value {
    fn eq(&self, other: &bool) -> bool {
        matches!(self, Value::Bool(truth) if truth == other)
    }
}
impl PartialEq<i64> for Value {
    fn eq(&self, other: &i64) -> bool {
        matches!(self, Value::Int(n) if n == other)
    }
}
impl PartialEq<str> for Value {
    fn eq(&self, other: &str) -> bool {
        matches!(self, Value::Text(text) if text == other)
    }
}
impl PartialEq<&str> for Value {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Value::Int(n)
    }
}
impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Value::Bool(truth)
    }
}
impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.into())
    }
}
impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}
impl From<Decimal> for Value {
    fn from(number: Decimal) -> Self {
        Value::Decimal(number)
    }
}

impl From<&wit::Value> for Value {
    fn from(value: &wit::Value) -> Self {
        match value {
            wit::Value::Missing => Value::Missing,
            wit::Value::Integer(n) => Value::Int(*n),
            wit::Value::Exact(number) => Value::Decimal(Decimal { unscaled: number.unscaled, scale: number.scale }),
            wit::Value::Text(text) => Value::Text(text.clone()),
            wit::Value::Truth(truth) => Value::Bool(*truth),
        }
    }
}
impl From<Value> for wit::Value {
    fn from(value: Value) -> Self {
        match value {
            Value::Missing => wit::Value::Missing,
            Value::Int(n) => wit::Value::Integer(n),
            Value::Decimal(number) => wit::Value::Exact(wit::Decimal { unscaled: number.unscaled, scale: number.scale }),
            Value::Text(text) => wit::Value::Text(text),
            Value::Bool(truth) => wit::Value::Truth(truth),
        }
    }
}

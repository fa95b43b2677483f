//! The functions and types that a rule sees. Each file registers one group; none of them keeps state: all that a
//! call needs is in its [`super::evaluation::Evaluation`].

mod bounds;
mod comparison;
mod effects;
mod facts;
mod helpers;
mod occasion;

pub use bounds::LONGEST_KEY;

use super::dictionary::Dictionary;
use crate::value::Value;
use rhai::{Dynamic, Engine};

/// A participant: an index into the members of the question.
#[derive(Clone, Copy)]
pub struct Member(pub usize);

/// The event that is being decided. There is only one, so the type carries nothing.
#[derive(Clone, Copy)]
pub struct Event;

/// The cycle that closes.
#[derive(Clone, Copy)]
pub struct Cycle;

/// `event.data`
#[derive(Clone, Copy)]
struct Data;

/// `event.roles` and `cycle.roles`
#[derive(Clone, Copy)]
struct Roles;

pub fn register(engine: &mut Engine, dictionary: &Dictionary) {
    bounds::register(engine);
    comparison::register(engine);
    occasion::register(engine, dictionary);
    facts::register(engine);
    effects::register(engine);
    helpers::register(engine);
}

fn dynamic(value: &Value) -> Dynamic {
    match value {
        Value::Missing => Dynamic::UNIT,
        Value::Int(n) => Dynamic::from_int(*n),
        Value::Decimal(d) => Dynamic::from_decimal(*d),
        Value::Text(text) => Dynamic::from(rhai::ImmutableString::from(&**text)),
        Value::Bool(b) => Dynamic::from_bool(*b),
    }
}

/// A value in the words of an error text: `4.15`, `the text "5"`, `nothing`.
fn describe(value: &Dynamic) -> String {
    if value.is_unit() {
        return "nothing (it is missing)".into();
    }
    if value.is::<Member>() {
        return "a member".into();
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return format!("the text \"{}\"", text.as_str());
    }
    if value.is_array() {
        return "a list".into();
    }
    if value.is_map() {
        return "a map".into();
    }
    if value.is_int() || value.is_decimal() || value.is_bool() {
        return value.to_string();
    }
    format!("something else ({})", value.type_name().rsplit("::").next().unwrap_or("value").to_lowercase())
}

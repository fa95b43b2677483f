//! The values that rules see and set: event data and attributes.

use rust_decimal::Decimal;
use smol_str::SmolStr;
use std::fmt;

/// A participant: an id given by the caller, within a kind ("member" unless campaign.toml says otherwise).
/// Kinds keep ids and ranks apart: `member 7` and `branch 7` are two participants.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberId {
    pub kind: SmolStr,
    pub id: SmolStr,
}

/// The kind of a participant about whom campaign.toml says nothing.
pub const DEFAULT_KIND: &str = "member";

impl MemberId {
    /// A participant of the default kind.
    pub fn new(id: &str) -> Self {
        Self::of_kind(DEFAULT_KIND, id)
    }
    pub fn of_kind(kind: &str, id: &str) -> Self {
        MemberId { kind: kind.into(), id: id.into() }
    }
    /// Reads the form that [`fmt::Display`] writes: `id`, or `kind:id`, where the kind is one of `kinds`.
    pub fn parse(text: &str, kinds: &[SmolStr]) -> Self {
        match text.split_once(':') {
            Some((kind, id)) if kinds.iter().any(|k| **k == *kind) => Self::of_kind(kind, id),
            _ => Self::new(text),
        }
    }
}

/// `id` for the default kind, else `kind:id`.
impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if &*self.kind == DEFAULT_KIND { f.write_str(&self.id) } else { write!(f, "{}:{}", self.kind, self.id) }
    }
}

/// One value of a data field, an attribute or a fact.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An optional field or role that is not there.
    Missing,
    Int(i64),
    /// Exact; read from the JSON text, never through a float.
    Decimal(Decimal),
    Text(SmolStr),
    Bool(bool),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Missing => f.write_str("(missing)"),
            Value::Int(n) => write!(f, "{n}"),
            Value::Decimal(d) => write!(f, "{d}"),
            Value::Text(t) => f.write_str(t),
            Value::Bool(b) => write!(f, "{b}"),
        }
    }
}

/// The type of a data field or attribute, as campaign.toml names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataType {
    Text,
    Int,
    Decimal,
    Bool,
    /// `member` or `member KIND`.
    Member(SmolStr),
}

/// The word of campaign.toml.
impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataType::Text => f.write_str("string"),
            DataType::Int => f.write_str("int"),
            DataType::Decimal => f.write_str("decimal"),
            DataType::Bool => f.write_str("bool"),
            DataType::Member(kind) if &**kind == DEFAULT_KIND => f.write_str("member"),
            DataType::Member(kind) => write!(f, "member {kind}"),
        }
    }
}

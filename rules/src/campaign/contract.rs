//! An event's data against its declared contract: flat JSON in, values in the declared order out.
//!
//! Promises: one pass over the text; numbers are exact, read from the text and never through a float; the same
//! decimal is the same value however many zeros it ends in; whatever breaks the contract is named by its field.
//! Must not know: where the event comes from, what becomes of it.

use super::{EventType, Field};
use crate::diagnostic::closest;
use crate::value::{DataType, Value};
use rust_decimal::Decimal;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use smol_str::SmolStr;
use std::borrow::Cow;
use std::fmt;

/// Bytes of a member's id.
pub const MEMBER_BYTES_MAX: usize = 128;
/// Bytes of a text.
pub const TEXT_BYTES_MAX: usize = 4096;
/// How much of a wrong value a reason repeats.
const SHOWN_CHARACTERS_MAX: usize = 40;

/// The values in the order of `EventType::fields`, or why the data breaks the contract. `data` is the raw JSON text;
/// an empty text and `null` are no data. An optional field that is missing or null is [`Value::Missing`].
pub fn parse(event: &EventType, data: &str) -> Result<Vec<Value>, String> {
    let mut reading = Reading { fields: &event.fields, values: vec![None; event.fields.len()], reason: None };
    let data = data.trim_ascii();
    if !data.is_empty() && data != "null" {
        if !data.starts_with('{') {
            return Err(format!("data should be an object, is {}", kind_of(data)));
        }
        let mut json = serde_json::Deserializer::from_str(data);
        let read = json.deserialize_map(&mut reading).and_then(|()| json.end());
        if let Err(error) = read {
            return Err(reading.reason.unwrap_or_else(|| format!("data is no JSON: {error}")));
        }
    }
    let complete = |(value, field): (Option<Value>, &Field)| match value {
        Some(value) => Ok(value),
        None if field.optional => Ok(Value::Missing),
        None => Err(format!("field {} is missing", field.name)),
    };
    reading.values.into_iter().zip(&event.fields).map(complete).collect()
}

/// Why an id is no member id, or nothing.
pub fn member_id_fault(id: &str) -> Option<&'static str> {
    match id {
        "" => Some("is empty"),
        _ if id.len() > MEMBER_BYTES_MAX => Some("is longer than 128 bytes"),
        _ if id.chars().any(char::is_control) => Some("holds a control character"),
        _ => None,
    }
}

struct Reading<'f> {
    fields: &'f [Field],
    values: Vec<Option<Value>>,
    /// Beside the JSON reader's own error, which would add a line and column to it.
    reason: Option<String>,
}

impl<'de> Visitor<'de> for &mut Reading<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(index) = map.next_key_seed(FieldName { fields: self.fields, reason: &mut self.reason })? {
            let Some(index) = index else {
                map.next_value::<IgnoredAny>()?;
                return Err(M::Error::custom("undeclared"));
            };
            let raw: &RawValue = map.next_value()?;
            let field = &self.fields[index];
            let value = value_of(field, raw.get());
            match value {
                _ if self.values[index].is_some() => self.reason = Some(format!("field {} is given twice", field.name)),
                Ok(value) => {
                    self.values[index] = Some(value);
                    continue;
                }
                Err(reason) => self.reason = Some(reason),
            }
            return Err(M::Error::custom("broken"));
        }
        Ok(())
    }
}

/// Finds a field by its name without copying the name.
struct FieldName<'f, 'r> {
    fields: &'f [Field],
    reason: &'r mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for FieldName<'_, '_> {
    type Value = Option<usize>;
    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Option<usize>, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName<'_, '_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Option<usize>, E> {
        let found = self.fields.binary_search_by(|field| (*field.name).cmp(name)).ok();
        if found.is_none() {
            let meant = closest(name, self.fields.iter().map(|f| &*f.name));
            let meant = meant.map_or(String::new(), |meant| format!(", did you mean {meant}?"));
            *self.reason = Some(format!("field {} is not declared{meant}", shortened(name)));
        }
        Ok(found)
    }
}

fn value_of(field: &Field, raw: &str) -> Result<Value, String> {
    let value = match (&field.kind, raw.as_bytes()[0]) {
        (_, b'n') if field.optional => Some(Value::Missing),
        (DataType::Bool, b't') => Some(Value::Bool(true)),
        (DataType::Bool, b'f') => Some(Value::Bool(false)),
        (DataType::Int, b'-' | b'0'..=b'9') => int_of(field, raw)?,
        (DataType::Decimal, b'-' | b'0'..=b'9') => Some(decimal_of(field, raw)?),
        // The exact form for senders whose numbers are floats.
        (DataType::Decimal, b'"') => match text_of(field, raw)? {
            text if is_plain_number(&text) => Some(decimal_of(field, &text)?),
            _ => None,
        },
        (DataType::Text, b'"') => Some(Value::Text(checked_text(field, &text_of(field, raw)?)?)),
        (DataType::Member(_), b'"') => Some(Value::Text(checked_member(field, &text_of(field, raw)?)?)),
        _ => None,
    };
    let value = value.ok_or_else(|| format!("field {} should be {}, is {}", field.name, field.kind, kind_of(raw)))?;
    let number = match &value {
        Value::Int(n) => Decimal::from(*n),
        Value::Decimal(d) => *d,
        _ => return Ok(value),
    };
    field.bounds.fault(number).map_or(Ok(value), |fault| Err(format!("field {} {fault}", field.name)))
}

fn int_of(field: &Field, raw: &str) -> Result<Option<Value>, String> {
    if raw.contains(['.', 'e', 'E']) {
        return Ok(None);
    }
    let out_of_range =
        |_| format!("field {} is out of range ({}): an int is between {} and {}", field.name, shortened(raw), i64::MIN, i64::MAX);
    raw.parse().map(|n| Some(Value::Int(n))).map_err(out_of_range)
}

fn decimal_of(field: &Field, text: &str) -> Result<Value, String> {
    if text.contains(['e', 'E']) {
        return Err(format!("field {} should be decimal without an exponent, is {}: write all digits", field.name, shortened(text)));
    }
    match Decimal::from_str_exact(text) {
        // Without trailing zeros, so that 1.50 and 1.5 make the same business key.
        Ok(decimal) => Ok(Value::Decimal(decimal.normalize())),
        Err(_) => Err(format!("field {} has more digits than a decimal holds ({}): 28 at most", field.name, shortened(text))),
    }
}

/// What JSON allows as a number: an optional minus, digits, and digits after a point.
fn is_plain_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    digits(whole) && digits(fraction)
}

/// The content of a JSON string; copied only where it holds an escape.
fn text_of<'t>(field: &Field, raw: &'t str) -> Result<Cow<'t, str>, String> {
    if !raw.contains('\\') {
        return Ok(Cow::Borrowed(&raw[1..raw.len() - 1]));
    }
    serde_json::from_str(raw).map(Cow::Owned).map_err(|_| format!("field {} holds half of a surrogate pair", field.name))
}

fn checked_text(field: &Field, text: &str) -> Result<SmolStr, String> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(format!("field {} is longer than {TEXT_BYTES_MAX} bytes", field.name));
    }
    // No database column would take it.
    if text.contains('\0') {
        return Err(format!("field {} holds a NUL character", field.name));
    }
    Ok(text.into())
}

fn checked_member(field: &Field, id: &str) -> Result<SmolStr, String> {
    match member_id_fault(id) {
        Some(fault) => Err(format!("field {} {fault}: a member id is 1 to {MEMBER_BYTES_MAX} bytes of text", field.name)),
        None => Ok(id.into()),
    }
}

/// What a JSON value is, with a glimpse of it: `a string ("no")`.
fn kind_of(raw: &str) -> String {
    let kind = match raw.as_bytes().first() {
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a bool",
        Some(b'n') => return "null".to_owned(),
        Some(b'{') => return "an object (data is flat)".to_owned(),
        Some(b'[') => return "a list (data is flat)".to_owned(),
        _ if raw.contains(['e', 'E']) => "a number with an exponent",
        _ if raw.contains('.') => "a decimal",
        _ => "a number",
    };
    format!("{kind} ({})", shortened(raw))
}

fn shortened(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(SHOWN_CHARACTERS_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::{Bounds, MemberPath, function_of};

    /// Fields as campaign.toml writes them: `amount decimal`, `level string?`; `from 0 to 9` bounds a number.
    fn event(fields: &[&str]) -> EventType {
        let field = |text: &&str| {
            let (name, kind) = text.split_once(' ').unwrap();
            let (kind, optional) = kind.strip_suffix('?').map_or((kind, false), |kind| (kind, true));
            let (kind, bounds) = match kind.strip_suffix(" from 0 to 9") {
                Some(kind) => (kind, Bounds { least: Some(0), most: Some(9) }),
                None => (kind, Bounds::default()),
            };
            let kind = match kind {
                "int" => DataType::Int,
                "decimal" => DataType::Decimal,
                "bool" => DataType::Bool,
                "string" => DataType::Text,
                _ => DataType::Member("member".into()),
            };
            Field { name: name.into(), kind, optional, bounds }
        };
        let name = "account.opened";
        EventType {
            name: name.into(),
            function: function_of(name).into(),
            member: MemberPath::Subject,
            roles: vec![],
            once_per: vec![],
            fields: fields.iter().map(field).collect(),
            at: None,
        }
    }

    fn outcome(event: &EventType, data: &str) -> String {
        match parse(event, data) {
            Ok(values) => values.iter().map(|v| format!("{v:?}")).collect::<Vec<_>>().join(" "),
            Err(reason) => reason,
        }
    }

    #[test]
    fn one_field_against_its_type() {
        let long = "9".repeat(60);
        #[rustfmt::skip]
        let table = [
            ("int",      "30",                    "Int(30)"),
            ("int",      "-0",                    "Int(0)"),
            ("int",      "9223372036854775807",   "Int(9223372036854775807)"),
            ("int",      "9223372036854775808",   "field x is out of range (9223372036854775808): an int is between -9223372036854775808 and 9223372036854775807"),
            ("int",      long.as_str(),           "field x is out of range (9999999999999999999999999999999999999999…): an int is between -9223372036854775808 and 9223372036854775807"),
            ("int",      "30.0",                  "field x should be int, is a decimal (30.0)"),
            ("int",      "3e1",                   "field x should be int, is a number with an exponent (3e1)"),
            ("int",      "\"30\"",                "field x should be int, is a string (\"30\")"),
            ("int",      "null",                  "field x should be int, is null"),
            ("int",      "true",                  "field x should be int, is a bool (true)"),
            ("int?",     "null",                  "Missing"),
            ("int from 0 to 9", "0",              "Int(0)"),
            ("int from 0 to 9", "9",              "Int(9)"),
            ("int from 0 to 9", "-1",             "field x is below 0 (-1)"),
            ("int from 0 to 9", "10",             "field x is above 9 (10)"),
            ("decimal from 0 to 9", "9.00",       "Decimal(9)"),
            ("decimal from 0 to 9", "9.01",       "field x is above 9 (9.01)"),
            ("decimal from 0 to 9?", "null",      "Missing"),
            ("decimal",  "0.1",                   "Decimal(0.1)"),
            ("decimal",  "12.50",                 "Decimal(12.5)"),
            ("decimal",  "-0.0",                  "Decimal(0)"),
            ("decimal",  "100",                   "Decimal(100)"),
            ("decimal",  "\"12.50\"",             "Decimal(12.5)"),
            ("decimal",  "\"-0.05\"",             "Decimal(-0.05)"),
            ("decimal",  "\"1_000\"",             "field x should be decimal, is a string (\"1_000\")"),
            ("decimal",  "\"--1\"",               "field x should be decimal, is a string (\"--1\")"),
            ("decimal",  "\"\"",                  "field x should be decimal, is a string (\"\")"),
            ("decimal",  "0.1000000000000000000000000001", "Decimal(0.1000000000000000000000000001)"),
            ("decimal",  "0.10000000000000000000000000000001", "field x has more digits than a decimal holds (0.10000000000000000000000000000001): 28 at most"),
            ("decimal",  "1e3",                   "field x should be decimal without an exponent, is 1e3: write all digits"),
            ("bool",     "true",                  "Bool(true)"),
            ("bool?",    "\"no\"",                "field x should be bool, is a string (\"no\")"),
            ("bool",     "0",                     "field x should be bool, is a number (0)"),
            ("string",   "\"L1\"",                "Text(\"L1\")"),
            ("string",   "\"\"",                  "Text(\"\")"),
            ("string",   "\"\\u5b66\\n\"",        "Text(\"学\\n\")"),
            ("string",   "\"\\u0000\"",           "field x holds a NUL character"),
            ("string",   "\"\\ud800\"",           "field x holds half of a surrogate pair"),
            ("string",   "5",                     "field x should be string, is a number (5)"),
            ("string",   "{\"a\": [1]}",          "field x should be string, is an object (data is flat)"),
            ("string",   "[\"a\"]",               "field x should be string, is a list (data is flat)"),
            ("member",   "\"alice\"",             "Text(\"alice\")"),
            ("member",   "\"\"",                  "field x is empty: a member id is 1 to 128 bytes of text"),
            ("member",   "\"a\\tb\"",             "field x holds a control character: a member id is 1 to 128 bytes of text"),
            ("member",   "7",                     "field x should be member, is a number (7)"),
        ];
        for (kind, raw, expected) in table {
            let data = format!("{{\"x\": {raw}}}");
            assert_eq!(outcome(&event(&[&format!("x {kind}")]), &data), expected, "{kind} {raw}");
        }
    }

    #[test]
    fn a_whole_body() {
        let event = event(&["existing_customer bool?", "invitee member", "points int"]);
        #[rustfmt::skip]
        let table = [
            ("{\"points\": 5, \"invitee\": \"bob\"}",       "Missing Text(\"bob\") Int(5)"),
            (" {\"points\":5,\"invitee\":\"bob\",\"existing_customer\":false}\n", "Bool(false) Text(\"bob\") Int(5)"),
            ("{\"\\u0070oints\": 5, \"invitee\": \"bob\"}", "Missing Text(\"bob\") Int(5)"),
            ("",                                            "field invitee is missing"),
            ("null",                                        "field invitee is missing"),
            ("{}",                                          "field invitee is missing"),
            ("{\"invitee\": \"bob\"}",                      "field points is missing"),
            ("{\"invite\": \"bob\", \"points\": 5}",        "field invite is not declared, did you mean invitee?"),
            ("{\"invitee\": \"bob\", \"points\": 5, \"colour\": {}}", "field colour is not declared"),
            ("{\"points\": 5, \"points\": 5}",              "field points is given twice"),
            ("{\"existing_customer\": null, \"existing_customer\": true}", "field existing_customer is given twice"),
            ("{\"points\": 5",                              "data is no JSON: EOF while parsing an object at line 1 column 12"),
            ("{\"points\": 05}",                            "data is no JSON: invalid number at line 1 column 13"),
            ("{\"invitee\": \"bob\", \"points\": 5} x",     "data is no JSON: trailing characters at line 1 column 33"),
            ("[1]",                                         "data should be an object, is a list (data is flat)"),
            ("\"x\"",                                       "data should be an object, is a string (\"x\")"),
        ];
        for (data, expected) in table {
            assert_eq!(outcome(&event, data), expected, "{data}");
        }
    }

    #[test]
    fn texts_and_ids_have_an_end() {
        let (text, member) = (event(&["x string"]), event(&["x member"]));
        let body = |n: usize| format!("{{\"x\": \"{}\"}}", "a".repeat(n));
        assert!(parse(&text, &body(TEXT_BYTES_MAX)).is_ok());
        assert_eq!(outcome(&text, &body(TEXT_BYTES_MAX + 1)), "field x is longer than 4096 bytes");
        assert!(parse(&member, &body(MEMBER_BYTES_MAX)).is_ok());
        assert_eq!(outcome(&member, &body(129)), "field x is longer than 128 bytes: a member id is 1 to 128 bytes of text");
    }
}

//! The small forms that campaign.toml writes as texts: names, labels, durations, amounts of money, types.
//!
//! Promises: each reads one form and says how to write it right. Must not know: which key it is read for.

use super::reader::{Findings, Found, Table, text_of};
use crate::campaign::money::Money;
use crate::campaign::{Bounds, Label};
use crate::diagnostic::closest;
use crate::value::{DEFAULT_KIND, DataType};
use smol_str::SmolStr;
use std::ops::Range;
use toml::Spanned;
use toml::de::DeValue;

/// Whether a campaign, an account, a reward … can have this id: ASCII, so that no two look alike.
pub fn is_id(text: &str) -> bool {
    let starts = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.bytes().next().is_some_and(starts) && text.bytes().all(|b| starts(b) || b"._-".contains(&b))
}

/// Reports a name that is no id; labels carry every language.
pub fn check_id(what: &str, name: &Found<&str>, findings: &mut Findings) -> bool {
    let good = is_id(name.value);
    if !good {
        let message = format!("\"{}\" is no id for {what}: use a to z, 0 to 9, `.`, `_` and `-`, first a letter or digit", name.value);
        let help = if name.value.is_ascii() { "" } else { "other scripts go into name = { zh = \"…\" }" };
        findings.error(&name.span, message, help);
    }
    good
}

/// Reports a name that rules could not write as `event.data.NAME` or `event.roles.NAME`.
pub fn check_word(what: &str, name: &Found<&str>, findings: &mut Findings) -> bool {
    let good = name.value.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && name.value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !good {
        findings.error(
            &name.span,
            format!("\"{}\" is no name for {what}: use letters a to z, digits and `_`, first a letter", name.value),
            "",
        );
    }
    good
}

/// `{ zh = "…", en = "…" }`, either may be missing.
pub fn label(table: &mut Table, findings: &mut Findings) -> Label {
    let Some(mut names) = table.table("name", findings) else { return Label::default() };
    let mut text = |key, example| names.text(key, example, findings).map(|found| found.value.to_owned());
    let label = Label { zh: text("zh", "\"竞赛排行\""), en: text("en", "\"Learning race\"") };
    names.close(findings);
    label
}

/// `50000.00 CNY`.
pub fn money(table: &mut Table, key: &'static str, findings: &mut Findings) -> Option<Found<Money>> {
    let found = table.text(key, "\"20.00 CNY\"", findings)?;
    match found.value.parse() {
        Ok(value) => Some(Found { value, span: found.span }),
        Err(why) => {
            findings.error(&found.span, format!("`{key}`: {why}"), "");
            None
        }
    }
}

/// `7d`, `2h`, `1h30m`, in milliseconds.
pub fn duration(table: &mut Table, key: &'static str, findings: &mut Findings) -> Option<Found<i64>> {
    let value = table.value(key)?;
    duration_of(value, key, findings)
}

/// [`duration`], of a value; `key` is for texts.
pub fn duration_of(value: &Spanned<DeValue<'_>>, key: &str, findings: &mut Findings) -> Option<Found<i64>> {
    let found = text_of(value, &format!("`{key}`"), "\"2h\"", findings)?;
    let value = milliseconds(found.value);
    if value.is_none() {
        let message = format!("`{key}`: \"{}\" is no duration", found.value);
        findings.error(&found.span, message, "write it in d, h, m and s, as \"7d\", \"2h\" or \"1h30m\"");
    }
    value.map(|value| Found { value, span: found.span })
}

/// A century bounds every duration.
const DURATION_MAX_MS: i64 = 36_525 * 86_400_000;

fn milliseconds(text: &str) -> Option<i64> {
    let (mut total, mut rest) = (0_i64, text);
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit())?;
        let unit = match rest.as_bytes()[unit_at] {
            b'd' => 86_400_000,
            b'h' => 3_600_000,
            b'm' => 60_000,
            b's' => 1000,
            _ => return None,
        };
        let count: i64 = rest[..unit_at].parse().ok()?;
        total = total.checked_add(count.checked_mul(unit)?)?;
        rest = &rest[unit_at + 1..];
    }
    (!text.is_empty() && total <= DURATION_MAX_MS).then_some(total)
}

pub const DATA_TYPES: [&str; 5] = ["string", "int", "decimal", "bool", "member"];

/// A declared type.
pub struct Typed {
    pub kind: DataType,
    /// `?`: it may be missing.
    pub optional: bool,
    pub bounds: Bounds,
}

/// `int`, `member branch`, `int from 0 to 1000`, with `?` where it may be missing; `what` is the thing typed, for texts.
pub fn data_type(what: &str, value: &Spanned<DeValue<'_>>, findings: &mut Findings) -> Option<Typed> {
    let found = text_of(value, what, "\"string\"", findings)?;
    let (word, optional) = found.value.strip_suffix('?').map_or((found.value, false), |word| (word, true));
    let (word, bounds) = match word.split_once(' ') {
        Some((number @ ("int" | "decimal"), written)) => (number, bounds(what, written, &found.span, findings)?),
        _ => (word, Bounds::default()),
    };
    let kind = match word {
        "string" => DataType::Text,
        "int" => DataType::Int,
        "decimal" => DataType::Decimal,
        "bool" => DataType::Bool,
        "member" => DataType::Member(DEFAULT_KIND.into()),
        _ => match word.strip_prefix("member ") {
            Some(kind) => DataType::Member(member_kind(kind, &found.span, findings)?),
            None => {
                findings.error(&found.span, format!("{what}: there is no type \"{}\"", found.value), type_help(word));
                return None;
            }
        },
    };
    Some(Typed { kind, optional, bounds })
}

/// `from 0`, `to 1000`, `from 0 to 1000`: whole numbers, both included.
fn bounds(what: &str, written: &str, span: &Range<usize>, findings: &mut Findings) -> Option<Bounds> {
    let words: Vec<&str> = written.split_whitespace().collect();
    let number = |text: &str| text.replace('_', "").parse::<i64>().ok();
    let bounds = match words[..] {
        ["from", least] => number(least).map(|least| Bounds { least: Some(least), most: None }),
        ["to", most] => number(most).map(|most| Bounds { least: None, most: Some(most) }),
        ["from", least, "to", most] => number(least).zip(number(most)).map(|(l, m)| Bounds { least: Some(l), most: Some(m) }),
        _ => None,
    };
    if bounds.is_none_or(|b| b.least.zip(b.most).is_some_and(|(least, most)| least > most)) {
        let help = "write \"int from 0\", \"int to 1000\" or \"int from 0 to 1000\"";
        findings.error(span, format!("{what}: \"{written}\" bounds nothing"), help);
        return None;
    }
    bounds
}

fn member_kind(kind: &str, span: &Range<usize>, findings: &mut Findings) -> Option<SmolStr> {
    let name = Found { value: kind, span: span.clone() };
    check_word("a kind of member", &name, findings).then(|| kind.into())
}

/// What people write who come from another language, else the nearest type.
fn type_help(word: &str) -> String {
    let known = match word.to_ascii_lowercase().as_str() {
        "text" | "str" | "varchar" => Some("string"),
        "integer" | "long" | "i64" | "number" => Some("int"),
        "float" | "double" | "money" => Some("decimal"),
        "boolean" => Some("bool"),
        "user" | "customer" => Some("member"),
        word => closest(word, DATA_TYPES),
    };
    known.map_or_else(
        || format!("types: {}, with ? where it may be missing", DATA_TYPES.join(", ")),
        |known| format!("did you mean \"{known}\"?"),
    )
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn durations_read() {
        #[rustfmt::skip]
        let table = [
            ("7d", Some(604_800_000)), ("2h", Some(7_200_000)), ("1h30m", Some(5_400_000)), ("90s", Some(90_000)), ("0h", Some(0)),
            ("", None), ("2", None), ("h", None), ("2 h", None), ("-2h", None), ("2w", None), ("99999999d", None), ("9999999999999999999h", None),
        ];
        for (text, expected) in table {
            assert_eq!(milliseconds(text), expected, "{text}");
        }
    }
}

//! The fields of generated events: fixed, one of several, a number or a numbered text from a range.

use super::Range;
use super::rate::Share;
use crate::campaign::Field;
use crate::campaign::file::reader::{Findings, Found, Table, integer, kind_of};
use crate::simulate::random::Random;
use crate::value::DataType;
use rust_decimal::Decimal;
use serde_json::Value;
use std::fmt::Write;
use std::sync::Arc;
use toml::Spanned;
use toml::de::DeValue;

/// One field with where its value comes from.
#[derive(Clone, Debug)]
pub struct Filled {
    /// With its key: `"points":`.
    key: Arc<str>,
    source: Source,
    /// How many of the events have it.
    present: Share,
}

#[derive(Clone, Debug)]
enum Source {
    /// JSON.
    Fixed(Arc<str>),
    /// JSON, each with the sum of the weights up to it.
    OneOf(Vec<(Arc<str>, i64)>),
    Whole(Range),
    /// Whole numbers with so many decimals.
    Decimal(Range, u32),
    /// What stands before and after the number.
    Text(Arc<str>, Arc<str>, Range),
}

impl Filled {
    /// Writes the field, if this event has it, with a comma before it unless it is the first.
    pub fn write(&self, random: &mut Random, data: &mut String) {
        if !self.present.happens(random) {
            return;
        }
        if !data.ends_with('{') {
            data.push(',');
        }
        data.push_str(&self.key);
        // Writing to a string cannot fail.
        let _ = match &self.source {
            Source::Fixed(json) => data.write_str(json),
            Source::OneOf(list) => {
                let drawn = random.below(list.last().map_or(1, |(_, sum)| *sum));
                let at = list.partition_point(|(_, sum)| *sum <= drawn);
                list.get(at).map_or(Ok(()), |(json, _)| data.write_str(json))
            }
            Source::Whole(range) => write!(data, "{}", range.draw(random)),
            Source::Decimal(range, scale) => write!(data, "{}", Decimal::new(range.draw(random), *scale)),
            Source::Text(before, after, range) => write!(data, "\"{before}{}{after}\"", range.draw(random)),
        };
    }
}

impl Range {
    pub fn draw(&self, random: &mut Random) -> i64 {
        random.between(self.from, self.to)
    }
}

/// Reads the value of a field: `30`, `"L1"`, `{ from = 10, to = 60 }`, `{ one_of = [10, 20], weights = [3, 1] }`,
/// `{ text = "L{n}", from = 1, to = 200 }`, each with `present = 0.3` where only some events have it.
pub fn filled(field: &Field, name: &Found<&str>, value: &Spanned<DeValue<'_>>, findings: &mut Findings) -> Option<Filled> {
    let key = format!("\"{}\":", field.name).into();
    let Some(mut table) = Table::within(value) else {
        let source = Source::Fixed(json(field, value, findings)?);
        return Some(Filled { key, source, present: Share::ALL });
    };
    let present = super::file::share(&mut table, "present", findings);
    if let (Some(present), false) = (&present, field.optional) {
        let message = format!("the field \"{}\" is in every event", field.name);
        findings.error(&present.span, message, format!("remove `present`, or declare {} = \"{}?\"", field.name, field.kind));
    }
    let source = source(field, &name.span, &mut table, findings);
    table.close(findings);
    Some(Filled { key, source: source?, present: present.map_or(Share::ALL, |found| found.value) })
}

fn source(field: &Field, span: &std::ops::Range<usize>, table: &mut Table, findings: &mut Findings) -> Option<Source> {
    if table.has("one_of") {
        return one_of(field, table, findings);
    }
    if let Some(text) = table.text("text", "\"L{n}\"", findings) {
        let range = whole_range(table, findings)?;
        let Some((before, after)) = text.value.split_once("{n}") else {
            findings.error(
                &text.span,
                format!("\"{}\" has no place for the number", text.value),
                "write {n} where it stands, as in \"L{n}\"",
            );
            return None;
        };
        if !matches!(field.kind, DataType::Text | DataType::Member(_)) {
            findings.error(&text.span, format!("the field \"{}\" is {}, no text", field.name, field.kind), "");
            return None;
        }
        let escaped = |text: &str| Value::String(text.into()).to_string().trim_matches('"').into();
        return Some(Source::Text(escaped(before), escaped(after), range));
    }
    match field.kind {
        DataType::Int => Some(Source::Whole(whole_range(table, findings)?)),
        DataType::Decimal => decimal_range(table, findings),
        _ => {
            let message = format!("where does the {} of \"{}\" come from?", field.kind, field.name);
            findings.error(span, message, "write { one_of = [\"a\", \"b\"] }, or { text = \"L{n}\", from = 1, to = 9 } for a text");
            // What else is there is no mistake of its own.
            for key in ["from", "to"] {
                table.value(key);
            }
            None
        }
    }
}

fn one_of(field: &Field, table: &mut Table, findings: &mut Findings) -> Option<Source> {
    let value = table.value("one_of")?;
    let weights = table.value("weights");
    let DeValue::Array(list) = value.get_ref() else {
        findings.error(&value.span(), format!("`one_of` should be a list, is {}", kind_of(value.get_ref())), "write one_of = [10, 20]");
        return None;
    };
    if list.is_empty() {
        findings.error(&value.span(), "`one_of` is empty", "write what there is to choose from");
    }
    let choices: Vec<Arc<str>> = list.iter().filter_map(|choice| json(field, choice, findings)).collect();
    let mut sums = vec![1; choices.len()];
    if let Some(weights) = weights {
        let numbers: Option<Vec<i64>> = match weights.get_ref() {
            DeValue::Array(numbers) => numbers.iter().map(|n| integer(n.get_ref()).filter(|n| (0..=MOST_WEIGHT).contains(n))).collect(),
            _ => None,
        };
        match numbers {
            Some(numbers) if numbers.len() == list.len() && numbers.iter().any(|n| *n > 0) => sums = numbers,
            _ => {
                let message = format!("`weights` should be {} whole numbers, not negative and not all 0", list.len());
                findings.error(&weights.span(), message, "one for each choice, as in one_of = [10, 60], weights = [3, 1]");
                return None;
            }
        }
    }
    if choices.is_empty() || choices.len() != list.len() {
        return None;
    }
    let mut sum = 0;
    let with_sum = choices.into_iter().zip(sums).map(|(json, weight)| {
        sum += weight;
        (json, sum)
    });
    Some(Source::OneOf(with_sum.collect()))
}

const MOST_WEIGHT: i64 = 1_000_000;

/// A fixed value as JSON, if it is of the field's type.
fn json(field: &Field, value: &Spanned<DeValue<'_>>, findings: &mut Findings) -> Option<Arc<str>> {
    let fits = match (&field.kind, value.get_ref()) {
        (DataType::Text | DataType::Member(_), DeValue::String(text)) => Some(Value::String(text.to_string()).to_string()),
        (DataType::Bool, DeValue::Boolean(value)) => Some(value.to_string()),
        (DataType::Int, number) => integer(number).map(|n| n.to_string()),
        (DataType::Decimal, number) => decimal(number).map(|d| d.to_string()),
        _ => None,
    };
    if fits.is_none() {
        let message = format!("the field \"{}\" is {}, this is {}", field.name, field.kind, kind_of(value.get_ref()));
        findings.error(&value.span(), message, "");
    }
    fits.map(Into::into)
}

/// A number with its decimals, exactly as written.
pub fn decimal(value: &DeValue) -> Option<Decimal> {
    match value {
        DeValue::Float(digits) => Decimal::from_str_exact(digits.as_str().trim_start_matches('+')).ok(),
        number => integer(number).map(Decimal::from),
    }
}

fn whole_range(table: &mut Table, findings: &mut Findings) -> Option<Range> {
    let from = bound(table, "from", "1", findings, |value| integer(value).map(Decimal::from));
    let to = bound(table, "to", "200", findings, |value| integer(value).map(Decimal::from));
    let (from, to) = (from?, to?);
    in_order(&from, &to, findings)?;
    Some(Range { from: i64::try_from(from.value).ok()?, to: i64::try_from(to.value).ok()? })
}

fn decimal_range(table: &mut Table, findings: &mut Findings) -> Option<Source> {
    let (from, to) = (bound(table, "from", "0.50", findings, decimal), bound(table, "to", "99.90", findings, decimal));
    let (mut from, mut to) = (from?, to?);
    in_order(&from, &to, findings)?;
    let scale = from.value.scale().max(to.value.scale());
    from.value.rescale(scale);
    to.value.rescale(scale);
    match (i64::try_from(from.value.mantissa()), i64::try_from(to.value.mantissa())) {
        (Ok(from), Ok(to)) => Some(Source::Decimal(Range { from, to }, scale)),
        _ => {
            findings.error(&to.span, "the range has more digits than 64 bits hold", "");
            None
        }
    }
}

fn bound(
    table: &mut Table,
    key: &'static str,
    example: &str,
    findings: &mut Findings,
    read: fn(&DeValue) -> Option<Decimal>,
) -> Option<Found<Decimal>> {
    let Some(value) = table.value(key) else {
        table.missing(key, example, findings);
        return None;
    };
    let read = read(value.get_ref());
    if read.is_none() {
        findings.error(
            &value.span(),
            format!("`{key}` should be a number, is {}", kind_of(value.get_ref())),
            format!("write {key} = {example}"),
        );
    }
    read.map(|number| Found { value: number, span: value.span() })
}

fn in_order(from: &Found<Decimal>, to: &Found<Decimal>, findings: &mut Findings) -> Option<()> {
    if from.value > to.value {
        findings.error(&to.span, format!("`to` ({}) is less than `from` ({})", to.value, from.value), "the smaller one comes first");
        return None;
    }
    Some(())
}

//! How the inner parts of rows are stored: JSON that a person can read in the database, the same on every store, and
//! the packed files of a release.
//!
//! Writing and reading are each other's inverse. These run for every event, so that they write straight into a string.
//! Must not know: databases.

use super::{Result, StoreError};
use guerdon_rules::book::rows::{CycleRow, StandingRow, Switch};
use guerdon_rules::book::tally::{Days, Tally};
use guerdon_rules::language::Files;
use guerdon_rules::names::Code;
use guerdon_rules::value::Value;
use rustc_hash::FxHashMap;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::marker::PhantomData;

/// What a text column can hold: PostgreSQL has no NUL in text, so that both stores keep it as U+2400, its symbol.
pub fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { text.replace('\0', "\u{2400}").into() } else { text.into() }
}

/// `[measure,amount,…]`
pub fn tally(tally: &Tally) -> String {
    let mut out = String::with_capacity(16);
    write_tally(&mut out, tally);
    out
}

pub fn read_tally(text: &str) -> Result<Tally> {
    if text == "[]" {
        return Ok(Tally::default());
    }
    from_json("a tally", text).map(|Flat(tally)| tally)
}

/// `{"4":"gold","7":12,"9":{"decimal":"1.50"}}`, by dictionary number.
pub fn attributes(attributes: &[(Code, Value)]) -> String {
    let mut out = String::new();
    write_attributes(&mut out, attributes);
    out
}

pub fn read_attributes(text: &str) -> Result<Vec<(Code, Value)>> {
    if text == "{}" {
        return Ok(Vec::new());
    }
    stored_attributes(from_json("attributes", text)?)
}

/// `{"tally":[…],"days":[[day,measure,amount,…],…],"reached":[account,instant,…],"set":{…},"asked":[…],"given":[…]}`;
/// empty parts but the tally are left out.
pub fn standing(row: &StandingRow) -> String {
    let mut out = String::with_capacity(64);
    write_sums(&mut out, &row.tally, &row.days);
    if !row.reached.is_empty() {
        out.push_str(",\"reached\":[");
        for (index, (account, at_ms)) in row.reached.iter().enumerate() {
            write_number(&mut out, index > 0, i64::from(*account));
            write_number(&mut out, true, *at_ms);
        }
        out.push(']');
    }
    if !row.attributes.is_empty() {
        out.push_str(",\"set\":");
        write_attributes(&mut out, &row.attributes);
    }
    for (name, tally) in [("asked", &row.asked), ("given", &row.given)].into_iter().filter(|(_, tally)| !tally.is_empty()) {
        let _ = write!(out, ",\"{name}\":");
        write_tally(&mut out, tally);
    }
    out.push('}');
    out
}

/// Whether a standing that is written has a place of its own; else it stands beside its member's row.
pub fn is_apart(row: &StandingRow, latest: &FxHashMap<i64, &StandingRow>) -> bool {
    !latest.get(&row.member).is_some_and(|latest| std::ptr::eq(*latest, row))
}

/// Those of a delta's standings that [`is_apart`].
pub fn apart<'a>(rows: &'a [StandingRow], latest: &'a FxHashMap<i64, &StandingRow>) -> impl Iterator<Item = &'a StandingRow> {
    rows.iter().filter(|row| is_apart(row, latest))
}

pub fn read_standing(cycle: i32, revision: i32, member: i64, text: &str) -> Result<StandingRow> {
    let state: State = from_json("a standing", text)?;
    Ok(StandingRow {
        cycle,
        revision,
        member,
        tally: state.tally.0,
        days: state.days.0,
        reached: state.reached.0,
        attributes: stored_attributes(state.set)?,
        asked: state.asked.0,
        given: state.given.0,
    })
}

/// As a standing, with `tally` and `days` alone.
pub fn cycle(row: &CycleRow) -> String {
    let mut out = String::with_capacity(64);
    write_sums(&mut out, &row.tally, &row.days);
    out.push('}');
    out
}

pub fn read_cycle(cycle: i32, revision: i32, text: &str) -> Result<CycleRow> {
    let state: State = from_json("a cycle", text)?;
    Ok(CycleRow { cycle, revision, tally: state.tally.0, days: state.days.0 })
}

pub fn switches(switches: &BTreeMap<String, Switch>) -> Result<String> {
    serde_json::to_string(switches).map_err(|e| StoreError::Other(format!("switches cannot be written: {e}")))
}

pub fn read_switches(text: &str) -> Result<BTreeMap<String, Switch>> {
    if text == "{}" {
        return Ok(BTreeMap::new());
    }
    from_json("switches", text)
}

/// What packed files begin with.
const PACKED: &[u8] = b"guerdon files 1\n";

/// A folder's files in one blob: after the heading, for each in name order, the lengths of its name and content as
/// big-endian 64 bits, the name, the content.
pub fn files(files: &Files) -> Vec<u8> {
    let mut out = PACKED.to_vec();
    for (name, content) in files {
        out.extend_from_slice(&(name.len() as u64).to_be_bytes());
        out.extend_from_slice(&(content.len() as u64).to_be_bytes());
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(content);
    }
    out
}

/// Fails on anything that `files` did not write.
pub fn unpack(packed: &[u8]) -> Result<Files> {
    let broken = || StoreError::Corrupt("the files of a release are cut or changed".into());
    let mut rest = packed.strip_prefix(PACKED).ok_or_else(broken)?;
    let mut files = Files::new();
    while !rest.is_empty() {
        let name_bytes = take_length(&mut rest).ok_or_else(broken)?;
        let content_bytes = take_length(&mut rest).ok_or_else(broken)?;
        let name = rest.split_off(..name_bytes).ok_or_else(broken)?;
        let content = rest.split_off(..content_bytes).ok_or_else(broken)?;
        let name = std::str::from_utf8(name).map_err(|_| broken())?;
        files.insert(name.to_string(), content.into());
    }
    Ok(files)
}

fn take_length(rest: &mut &[u8]) -> Option<usize> {
    let bytes = rest.split_off(..8)?;
    usize::try_from(u64::from_be_bytes(bytes.try_into().ok()?)).ok()
}

#[derive(Deserialize)]
struct State {
    tally: Flat<Tally>,
    #[serde(default)]
    days: Flat<Days>,
    #[serde(default)]
    reached: Flat<Vec<(Code, i64)>>,
    #[serde(default)]
    set: BTreeMap<Code, serde_json::Value>,
    #[serde(default)]
    asked: Flat<Tally>,
    #[serde(default)]
    given: Flat<Tally>,
}

/// A list of numbers that is read straight into what it stands for: a leaderboard reads millions of them.
#[derive(Default)]
struct Flat<T>(T);

const TOO_LARGE: &str = "a sum that does not fit into 64 bits";

/// What a list of numbers stands for.
trait Numbers: Sized {
    const WHAT: &str;
    fn read<'de, A: SeqAccess<'de>>(numbers: A) -> std::result::Result<Self, A::Error>;
}

impl Numbers for Tally {
    const WHAT: &str = "[measure,amount,…]";
    fn read<'de, A: SeqAccess<'de>>(mut numbers: A) -> std::result::Result<Tally, A::Error> {
        let mut tally = Tally::default();
        while let Some((measure, amount)) = pair(&mut numbers)? {
            tally.add(measure, amount).map_err(|_| A::Error::custom(TOO_LARGE))?;
        }
        Ok(tally)
    }
}

/// One day's sums.
struct Day(i32, Vec<(Code, i64)>);

impl Numbers for Day {
    const WHAT: &str = "[day,measure,amount,…]";
    fn read<'de, A: SeqAccess<'de>>(mut numbers: A) -> std::result::Result<Day, A::Error> {
        let day = numbers.next_element()?.ok_or_else(|| A::Error::invalid_length(0, &Self::WHAT))?;
        Ok(Day(day, Vec::read(numbers)?))
    }
}

impl Numbers for Days {
    const WHAT: &str = "[[day,measure,amount,…],…]";
    fn read<'de, A: SeqAccess<'de>>(mut numbers: A) -> std::result::Result<Days, A::Error> {
        let mut days = Days::default();
        while let Some(Flat(Day(day, sums))) = numbers.next_element()? {
            for (measure, amount) in sums {
                days.add(day, measure, amount).map_err(|_| A::Error::custom(TOO_LARGE))?;
            }
        }
        Ok(days)
    }
}

impl Numbers for Vec<(Code, i64)> {
    const WHAT: &str = "[account,instant,…]";
    fn read<'de, A: SeqAccess<'de>>(mut numbers: A) -> std::result::Result<Self, A::Error> {
        std::iter::from_fn(|| pair(&mut numbers).transpose()).collect()
    }
}

/// None at the end of the list.
fn pair<'de, A: SeqAccess<'de>>(numbers: &mut A) -> std::result::Result<Option<(Code, i64)>, A::Error> {
    let Some(number) = numbers.next_element()? else { return Ok(None) };
    let amount = numbers.next_element()?.ok_or_else(|| A::Error::invalid_length(1, &"numbers two by two"))?;
    Ok(Some((number, amount)))
}

impl<'de, T: Numbers> Deserialize<'de> for Flat<T> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> std::result::Result<Self, D::Error> {
        struct List<T>(PhantomData<T>);
        impl<'de, T: Numbers> Visitor<'de> for List<T> {
            type Value = Flat<T>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str(T::WHAT)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, numbers: A) -> std::result::Result<Flat<T>, A::Error> {
                T::read(numbers).map(Flat)
            }
        }
        json.deserialize_seq(List(PhantomData))
    }
}

fn write_number(out: &mut String, comma: bool, number: i64) {
    if comma {
        out.push(',');
    }
    // Writing into a string cannot fail.
    let _ = write!(out, "{number}");
}

fn write_tally(out: &mut String, tally: &Tally) {
    out.push('[');
    for (index, (measure, amount)) in tally.iter().enumerate() {
        write_number(out, index > 0, i64::from(measure));
        write_number(out, true, amount);
    }
    out.push(']');
}

/// Without the closing brace.
fn write_sums(out: &mut String, tally: &Tally, days: &Days) {
    out.push_str("{\"tally\":");
    write_tally(out, tally);
    if days.is_empty() {
        return;
    }
    out.push_str(",\"days\":[");
    for (index, sums) in days.by_day().enumerate() {
        out.push_str(if index > 0 { ",[" } else { "[" });
        write_number(out, false, i64::from(sums[0].0));
        for (_, measure, amount) in sums {
            write_number(out, true, i64::from(*measure));
            write_number(out, true, *amount);
        }
        out.push(']');
    }
    out.push(']');
}

fn write_attributes(out: &mut String, attributes: &[(Code, Value)]) {
    out.push('{');
    for (index, (code, value)) in attributes.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        let _ = write!(out, "\"{code}\":");
        match value {
            Value::Missing => out.push_str("null"),
            Value::Int(number) => write_number(out, false, *number),
            Value::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
            Value::Decimal(decimal) => drop(write!(out, "{{\"decimal\":\"{decimal}\"}}")),
            Value::Text(text) => out.push_str(&serde_json::Value::from(&**text).to_string()),
        }
    }
    out.push('}');
}

fn stored_attributes(stored: BTreeMap<Code, serde_json::Value>) -> Result<Vec<(Code, Value)>> {
    stored.into_iter().map(|(code, value)| Ok((code, stored_value(value)?))).collect()
}

fn stored_value(value: serde_json::Value) -> Result<Value> {
    let wrong = |value: &serde_json::Value| corrupt("an attribute", &value.to_string());
    match &value {
        serde_json::Value::Null => Ok(Value::Missing),
        serde_json::Value::Bool(truth) => Ok(Value::Bool(*truth)),
        serde_json::Value::Number(number) => number.as_i64().map(Value::Int).ok_or_else(|| wrong(&value)),
        serde_json::Value::String(text) => Ok(Value::Text(text.as_str().into())),
        serde_json::Value::Object(object) => {
            let decimal = object.get("decimal").and_then(|d| d.as_str()).ok_or_else(|| wrong(&value))?;
            decimal.parse().map(Value::Decimal).map_err(|_| wrong(&value))
        }
        serde_json::Value::Array(_) => Err(wrong(&value)),
    }
}

fn from_json<'a, T: Deserialize<'a>>(what: &str, text: &'a str) -> Result<T> {
    serde_json::from_str(text).map_err(|_| corrupt(what, text))
}

fn corrupt(what: &str, text: &str) -> StoreError {
    StoreError::Corrupt(format!("{what} cannot be read: {}", text.chars().take(200).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(pairs: &[(Code, i64)]) -> Tally {
        let mut tally = Tally::default();
        pairs.iter().for_each(|(measure, amount)| tally.add(*measure, *amount).unwrap());
        tally
    }

    fn on_days(entries: &[(i32, Code, i64)]) -> Days {
        let mut days = Days::default();
        entries.iter().for_each(|(day, measure, amount)| days.add(*day, *measure, *amount).unwrap());
        days
    }

    #[test]
    fn what_is_written_is_read() {
        let values = vec![
            (1, Value::Missing),
            (2, Value::Int(i64::MIN)),
            (3, Value::Decimal("-0.10".parse().unwrap())),
            (4, Value::Text("a\u{0}\"\\\n€".into())),
            (11, Value::Bool(false)),
        ];
        let row = StandingRow {
            cycle: 3,
            revision: 2,
            member: 7,
            tally: sums(&[(1, 20), (5, i64::MAX)]),
            days: on_days(&[(-1, 5, 0), (18_000, 1, -4), (18_000, 2, 9)]),
            reached: vec![(1, -5), (2, 1_600_740_000_000)],
            attributes: values.clone(),
            asked: sums(&[(2, 5)]),
            given: sums(&[(2, 3)]),
        };
        assert_eq!(read_standing(3, 2, 7, &standing(&row)).unwrap(), row);
        let empty = StandingRow { cycle: 1, revision: 1, member: 1, ..StandingRow::default() };
        assert_eq!(standing(&empty), "{\"tally\":[]}");
        assert_eq!(read_standing(1, 1, 1, "{\"tally\":[]}").unwrap(), empty);
        let totals = CycleRow { cycle: 3, revision: 2, tally: row.tally.clone(), days: row.days.clone() };
        assert_eq!(read_cycle(3, 2, &cycle(&totals)).unwrap(), totals);
        assert_eq!(read_tally(&tally(&row.tally)).unwrap(), row.tally);
        assert_eq!(read_attributes(&attributes(&values)).unwrap(), values);
        assert!(!attributes(&values).contains('\0'));
    }

    #[test]
    fn what_was_never_written_is_refused() {
        for text in ["", "[1]", "[1,2", "[1,2,3]", "[99999999999,1]", "[1,9223372036854775807,1,1]", "{}"] {
            assert!(read_tally(text).is_err(), "{text}");
        }
        for text in [
            "{}",
            "{\"tally\":[],\"days\":[[]]}",
            "{\"tally\":[],\"days\":[[1,2]]}",
            "{\"tally\":[],\"reached\":[1]}",
            "{\"tally\":[],\"set\":{\"1\":[]}}",
        ] {
            assert!(read_standing(1, 1, 1, text).is_err(), "{text}");
        }
    }

    #[test]
    fn files_come_back_and_cut_ones_do_not() {
        let folder: Files = [("a.rhai", "x"), ("cases/ü.case", "")].map(|(n, c)| (n.to_string(), c.as_bytes().into())).into();
        let packed = files(&folder);
        assert_eq!(unpack(&packed).unwrap(), folder);
        assert_eq!(unpack(&files(&Files::new())).unwrap(), Files::new());
        for end in PACKED.len() + 1..packed.len() {
            assert!(end == PACKED.len() + 23 || unpack(&packed[..end]).is_err(), "cut at {end}");
        }
        assert!(unpack(b"").is_err());
    }
}

//! Writes a story as a case file: what the fuzzer found, or what became of real events.
//!
//! Promises: what is written, [`super::read`] reads; times are local where the local clock is clear, else in UTC; the
//! same story gives the same text. Must not know: where the story comes from.

use crate::campaign::calendar::Calendar;
use crate::campaign::{ACCEPTED, INVITED, JOINED, REDEEMED};
use crate::value::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt::Write;

/// One story in plain values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Story {
    /// Lines above the case, without `#`.
    pub comment: Vec<String>,
    pub name: String,
    pub seed: i64,
    pub given: Given,
    pub steps: Vec<Step>,
    pub expect: Expect,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given {
    /// When it was given; none: at the first step.
    pub at_ms: Option<i64>,
    pub members: Vec<GivenMember>,
    /// (invitee, inviter)
    pub referrals: Vec<(String, String)>,
    /// Codes by pool; a pool that is not here has none.
    pub stock: BTreeMap<String, i64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct GivenMember {
    pub id: String,
    /// At `given.at`.
    pub counts: Counts,
    pub attributes: Vec<(String, Value)>,
    /// At other instants.
    pub earlier: Vec<(i64, Counts)>,
}

/// What a rule can count of a member.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    pub points: Vec<(String, i64)>,
    pub grants: Vec<(String, i64)>,
    pub events: Vec<(String, i64)>,
    /// Beside those of `given.referrals`.
    pub referrals: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub at_ms: i64,
    pub act: Act,
    pub repeat: i64,
    /// Between repetitions, in whole seconds.
    pub every_ms: i64,
    pub draws: Vec<i64>,
    /// What becomes of it, as `then` says it; none: booked.
    pub then: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// `data` is JSON, flat as a contract wants it; `{n}` in its texts is the number of the repetition.
    Event {
        kind: String,
        id: Option<String>,
        subject: Option<String>,
        data: String,
    },
    Settle,
    Stock {
        pool: String,
        codes: i64,
    },
}

impl Step {
    /// One act, once, that is booked.
    pub fn new(at_ms: i64, act: Act) -> Step {
        Step { at_ms, act, repeat: 1, every_ms: 1000, draws: Vec::new(), then: None }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expect {
    pub members: Vec<ExpectedMember>,
    /// Grants of members who are not listed are allowed.
    pub others_may: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpectedMember {
    pub id: String,
    pub points: Vec<(String, i64)>,
    /// In whatever state, unless some are owed.
    pub grants: Vec<(String, i64)>,
    /// How many of those grants are owed; the others are issued then.
    pub owed: Vec<(String, i64)>,
    pub attributes: Vec<(String, Value)>,
}

/// The text of a file with this one case. Fails where a case cannot say it: data that is no JSON object, or a number
/// beyond 64 bits.
pub fn write(story: &Story, calendar: &Calendar) -> Result<String, String> {
    let mut out = String::new();
    for line in &story.comment {
        out += format!("# {line}").trim_end();
        out.push('\n');
    }
    out += &format!("[[case]]\nname = {}\n", text(&story.name));
    if story.seed != 0 {
        out += &format!("seed = {}\n", story.seed);
    }
    given(&mut out, &story.given, calendar);
    out += "steps = [\n";
    for step in &story.steps {
        out += &format!("  {},\n", self::step(step, calendar)?);
    }
    out += "]\n";
    expect(&mut out, &story.expect);
    Ok(out)
}

fn given(out: &mut String, given: &Given, calendar: &Calendar) {
    if let Some(at_ms) = given.at_ms {
        let _ = writeln!(out, "given.at = {}", text(&calendar.text_of(at_ms)));
    }
    for member in &given.members {
        let mut fields = counted(&member.counts);
        let earlier = member.earlier.iter().map(|(at_ms, counts)| (text(&calendar.text_of(*at_ms)), table(counted(counts))));
        fields.extend(present([("attributes", values(&member.attributes)), ("earlier", table(earlier))]));
        let _ = writeln!(out, "given.members.{} = {}", key(&member.id), table(fields));
    }
    if !given.referrals.is_empty() {
        let referrals = given.referrals.iter().map(|(invitee, inviter)| (key(invitee), text(inviter)));
        let _ = writeln!(out, "given.referrals = {}", table(referrals));
    }
    if !given.stock.is_empty() {
        let stock = given.stock.iter().map(|(pool, codes)| (key(pool), codes.to_string()));
        let _ = writeln!(out, "given.stock = {}", table(stock));
    }
}

fn step(step: &Step, calendar: &Calendar) -> Result<String, String> {
    let mut fields = vec![("at".to_string(), text(&calendar.text_of(step.at_ms)))];
    let mut add = |name: &str, value: String| fields.push((name.to_string(), value));
    match &step.act {
        Act::Settle => add("do", text("settle")),
        Act::Stock { pool, codes } => {
            add("do", text("stock"));
            add("pool", text(pool));
            add("codes", codes.to_string());
        }
        Act::Event { kind, id, subject, data } => {
            match own_act(kind, subject.as_deref(), data) {
                Some((word, parties)) => {
                    add("do", text(word));
                    parties.into_iter().for_each(|(name, id)| add(&name, text(&id)));
                }
                None => {
                    add("event", text(kind));
                    subject.iter().for_each(|subject| add("subject", text(subject)));
                    add("data", data_of(data)?);
                }
            }
            id.iter().for_each(|id| add("id", text(id)));
        }
    }
    if step.repeat > 1 {
        add("repeat", step.repeat.to_string());
        add("every", text(&format!("{}s", step.every_ms / 1000)));
    }
    if !step.draws.is_empty() {
        add("draws", format!("{:?}", step.draws));
    }
    step.then.iter().for_each(|then| add("then", text(then)));
    Ok(table(fields))
}

/// The host's own acts have words of their own.
fn own_act(kind: &str, subject: Option<&str>, data: &str) -> Option<(&'static str, Vec<(String, String)>)> {
    let (word, names): (_, &[&str]) = match kind {
        JOINED => ("join", &["member"]),
        INVITED => ("invite", &["invitee", "inviter"]),
        ACCEPTED => ("accept", &["invitee", "inviter"]),
        REDEEMED => ("redeem", &["member", "reward"]),
        _ => return None,
    };
    let parties: BTreeMap<String, String> = serde_json::from_str(data).ok()?;
    let whole = subject.is_none() && parties.keys().map(String::as_str).eq(names.iter().copied());
    whole.then(|| (word, parties.into_iter().collect()))
}

fn expect(out: &mut String, expect: &Expect) {
    if expect.others_may {
        *out += "expect.others = \"any\"\n";
    }
    for member in &expect.members {
        let units = |(name, count): &(String, i64)| match member.owed.iter().find(|(owed, _)| owed == name) {
            Some((_, owed)) => (key(name), table([("issued", (count - owed).to_string()), ("owed", owed.to_string())])),
            None => (key(name), count.to_string()),
        };
        let grants = table(member.grants.iter().map(units));
        let fields = [("points", counts(&member.points)), ("grants", grants), ("attributes", values(&member.attributes))];
        let _ = writeln!(out, "expect.members.{} = {}", key(&member.id), table(present(fields)));
    }
}

/// The entries of what a member has.
fn counted(of: &Counts) -> Vec<(String, String)> {
    let mut fields = present([("points", counts(&of.points)), ("grants", counts(&of.grants)), ("events", counts(&of.events))]);
    if of.referrals != 0 {
        fields.push(("referrals".into(), of.referrals.to_string()));
    }
    fields
}

fn counts(list: &[(String, i64)]) -> String {
    table(list.iter().map(|(name, count)| (key(name), count.to_string())))
}

fn values(list: &[(String, Value)]) -> String {
    table(list.iter().map(|(name, value)| (key(name), of_value(value))))
}

/// What is not empty.
fn present<const N: usize>(fields: [(&str, String); N]) -> Vec<(String, String)> {
    fields.into_iter().filter(|(_, value)| value != "{}").map(|(name, value)| (name.to_string(), value)).collect()
}

fn of_value(value: &Value) -> String {
    match value {
        Value::Int(n) => n.to_string(),
        Value::Decimal(d) if d.scale() == 0 => format!("{d}.0"),
        Value::Decimal(d) => d.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Text(t) => text(t),
        Value::Missing => text("(missing)"),
    }
}

/// An event's data as an inline table. Null says the same as a field that is not there, and TOML has none.
fn data_of(json: &str) -> Result<String, String> {
    if json.trim().is_empty() || json.trim() == "null" {
        return Ok("{}".into());
    }
    let fields: BTreeMap<String, &RawValue> =
        serde_json::from_str(json).map_err(|_| format!("a case can only say data that is a JSON object, not {json}"))?;
    let mut entries = Vec::new();
    for (name, value) in fields.into_iter().filter(|(_, value)| value.get() != "null") {
        entries.push((key(&name), of_json(value)?));
    }
    Ok(table(entries))
}

fn of_json(value: &RawValue) -> Result<String, String> {
    let raw = value.get();
    Ok(match raw.as_bytes().first() {
        Some(b'"') => text(&serde_json::from_str::<String>(raw).map_err(|_| format!("{raw} is no text"))?),
        Some(b'{') => data_of(raw)?,
        Some(b'[') => {
            let list: Vec<&RawValue> = serde_json::from_str(raw).map_err(|_| format!("{raw} is no list"))?;
            format!("[{}]", list.into_iter().map(of_json).collect::<Result<Vec<_>, _>>()?.join(", "))
        }
        Some(b't' | b'f') => raw.to_string(),
        _ if raw.contains(['.', 'e', 'E']) || raw.parse::<i64>().is_ok() => raw.to_string(),
        _ => return Err(format!("a case cannot say the number {raw}: it does not fit into 64 bits")),
    })
}

fn table<N: std::fmt::Display>(entries: impl IntoIterator<Item = (N, String)>) -> String {
    let entries: Vec<String> = entries.into_iter().map(|(name, value)| format!("{name} = {value}")).collect();
    if entries.is_empty() { "{}".into() } else { format!("{{ {} }}", entries.join(", ")) }
}

fn text(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// Bare where TOML allows it.
fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if bare { name.to_string() } else { text(name) }
}

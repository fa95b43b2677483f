//! Reads `population.toml` against the campaign that it is for, with the same care as `campaign.toml`: every mistake by
//! its line and column, with what to write instead.

use super::rate::{MILLION, PER_DAY_MOST, Rate, Share};
use super::values::{Filled, decimal, filled};
use super::{Arrival, Faults, Habit, How, Invites, MEMBERS_MOST, Population, Range, Retries, Rings, Segment};
use crate::campaign::calendar::Calendar;
use crate::campaign::file::parse_toml;
use crate::campaign::file::reader::{Findings, Found, Table, count_of, kind_of, nearest};
use crate::campaign::file::words::{check_id, duration};
use crate::campaign::{ACCEPTED, Campaign, EventType, INVITED, JOINED, MemberPath};
use crate::diagnostic::Diagnostic;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use std::sync::Arc;
use toml::Spanned;
use toml::de::DeValue;

const FRIENDS_MOST: i64 = 10_000;
const DAY_MS: i64 = 86_400_000;

/// The population of a file; fails with every error found. `file` names it in them.
pub fn parse(file: &str, bytes: &[u8], campaign: &Campaign) -> Result<Population, Vec<Diagnostic>> {
    parse_toml(file, bytes, |root, findings| read(root, campaign, findings))
}

fn read(mut root: Table, campaign: &Campaign, findings: &mut Findings) -> Option<Population> {
    let calendar = &campaign.calendar;
    let members = count_up_to(&mut root, "members", MEMBERS_MOST, findings);
    let seed = root.count("seed", findings).map_or(1, |found| found.value as u64);
    let window_ms = window(&mut root, calendar, findings);
    let hours = hours(&mut root, findings).unwrap_or((8, 24));
    let length_ms = window_ms.map_or(DAY_MS, |(starts, ends)| ends - starts);
    let arrival = arrival(&mut root, length_ms, findings);
    let segments = segments(&mut root, campaign, findings);
    let rings = rings(&mut root, &segments, findings);
    let faults = faults(&mut root, findings);
    if let Some(found) = &members
        && found.value > 0
        && !segments.is_empty()
        && segments.iter().all(|segment| segment.weight == 0)
    {
        findings.error(&found.span, "nobody knows how these members behave", "give a segment a weight, as in weight = 1");
    }
    if members.is_none() && !root.has("members") {
        root.missing("members", "10_000", findings);
    }
    root.close(findings);
    Some(Population { members: members?.value, seed, window_ms: window_ms?, hours, arrival, segments, rings, faults })
}

/// `starts` and `ends`, else the campaign's own.
fn window(root: &mut Table, calendar: &Calendar, findings: &mut Findings) -> Option<(i64, i64)> {
    let mut instant = |key, example, without| {
        let Some(found) = root.text(key, example, findings) else { return Some(without) };
        match calendar.instant(found.value) {
            Ok(at_ms) if (calendar.starts_ms()..=calendar.ends_ms()).contains(&at_ms) => Some(at_ms),
            Ok(_) => {
                findings.error(&found.span, format!("`{key}` is outside the campaign"), "");
                None
            }
            Err(wrong) => {
                findings.error(&found.span, format!("`{key}`: {wrong}"), "");
                None
            }
        }
    };
    let starts_ms = instant("starts", "\"2020-09-22\"", calendar.starts_ms());
    let ends_ms = instant("ends", "\"2020-10-06\"", calendar.ends_ms());
    let (starts_ms, ends_ms) = (starts_ms?, ends_ms?);
    if starts_ms >= ends_ms {
        findings.error_of_file("`ends` is not after `starts`", "");
        return None;
    }
    Some((starts_ms, ends_ms))
}

/// `hours = [8, 24]`.
fn hours(root: &mut Table, findings: &mut Findings) -> Option<(i64, i64)> {
    let value = root.value("hours")?;
    let numbers = match value.get_ref() {
        DeValue::Array(list) => list.iter().map(|n| crate::campaign::file::reader::integer(n.get_ref())).collect::<Option<Vec<i64>>>(),
        _ => None,
    };
    match numbers.as_deref() {
        Some([from, to]) if (0..*to).contains(from) && *to <= 24 => Some((*from, *to)),
        _ => {
            findings.error(&value.span(), "`hours` should be two hours of a day, the earlier first", "write hours = [8, 24]");
            None
        }
    }
}

fn arrival(root: &mut Table, length_ms: i64, findings: &mut Findings) -> Arrival {
    let mut arrival = Arrival { over_ms: length_ms, half_ms: None };
    let Some(mut table) = root.table("arrival", findings) else { return arrival };
    if let Some(over) = positive_duration(&mut table, "over", findings) {
        arrival.over_ms = over.min(length_ms);
    }
    arrival.half_ms = positive_duration(&mut table, "half", findings);
    table.close(findings);
    arrival
}

fn positive_duration(table: &mut Table, key: &'static str, findings: &mut Findings) -> Option<i64> {
    let found = duration(table, key, findings)?;
    if found.value == 0 {
        findings.error(&found.span, format!("`{key}` is no time at all"), "write it in d, h, m and s, as \"3d\"");
        return None;
    }
    Some(found.value)
}

fn segments(root: &mut Table, campaign: &Campaign, findings: &mut Findings) -> Vec<Segment> {
    let Some(table) = root.table("segments", findings) else {
        if !root.has("segments") {
            findings.error_of_file("there are no segments", "write [segments.everybody] with weight = 1: how members behave");
        }
        return Vec::new();
    };
    let named = table.named();
    let names: Vec<&str> = named.iter().map(|(name, _)| name.value).collect();
    let mut segments = Vec::new();
    for (name, value) in &named {
        check_id("a segment", name, findings);
        let Some(mut table) = Table::of(value, &format!("segment \"{}\"", name.value), findings) else { continue };
        let weight = count_up_to(&mut table, "weight", MILLION, findings).map_or(0, |found| found.value);
        let invites = table.table("invites", findings).and_then(|table| invites(table, &names, findings));
        let does = table.tables("does", findings).into_iter().filter_map(|table| habit(table, campaign, findings)).collect();
        table.close(findings);
        segments.push(Segment { name: name.value.into(), weight, invites, does });
    }
    segments
}

fn invites(mut table: Table, names: &[&str], findings: &mut Findings) -> Option<Invites> {
    let share = share(&mut table, "share", findings).map_or(Share::ALL, |found| found.value);
    let friends = range(&mut table, "friends", "3", findings, |value, findings| {
        count_of(value, "friends", findings).filter(|found| at_most(found, "friends", FRIENDS_MOST, findings))
    });
    if !table.has("friends") {
        table.missing("friends", "3", findings);
    }
    let accept = share_or_missing(&mut table, "accept", findings);
    let within_ms = positive_duration(&mut table, "within", findings).unwrap_or(7 * DAY_MS);
    let answer_ms = range_of_durations(&mut table, "answer", findings).unwrap_or(Range { from: 60_000, to: DAY_MS });
    let segment = table.required_text("segment", "\"friend\"", findings);
    let segment = segment.and_then(|found| segment_named(&found, names, findings));
    table.close(findings);
    Some(Invites { share, friends: friends?, accept: accept?, within_ms, answer_ms, segment: segment? })
}

fn segment_named(found: &Found<&str>, names: &[&str], findings: &mut Findings) -> Option<usize> {
    let index = names.iter().position(|name| *name == found.value);
    if index.is_none() {
        let help = nearest(found.value, names.iter().copied(), "declared");
        findings.error(&found.span, format!("there is no segment \"{}\"", found.value), help);
    }
    index
}

fn habit(mut table: Table, campaign: &Campaign, findings: &mut Findings) -> Option<Habit> {
    let event = table.required_text("event", "\"lesson.finished\"", findings);
    let source = table.text("source", "\"app\"", findings).map_or("app", |found| found.value);
    let how = how(&mut table, findings);
    let declared = event.as_ref().and_then(|event| event_named(event, campaign, findings));
    let data = table.table("data", findings);
    let data = declared.zip(event.as_ref()).map(|(declared, event)| fields(declared, event, data, findings));
    table.close(findings);
    let (event, declared) = (event?, declared?);
    let member_field = match declared.member {
        MemberPath::Subject => None,
        MemberPath::Field(field) => Some(format!("\"{}\":", declared.fields[field].name).into()),
    };
    Some(Habit { event: event.value.into(), source: source.into(), how: how?, data: data?, member_field })
}

fn event_named<'c>(event: &Found<&str>, campaign: &'c Campaign, findings: &mut Findings) -> Option<&'c EventType> {
    if [JOINED, INVITED, ACCEPTED].contains(&event.value) {
        findings.error(&event.span, format!("\"{}\" comes by itself", event.value), "`members` and `invites` say how often");
        return None;
    }
    let found = campaign.event(event.value);
    if found.is_none() {
        let help = nearest(event.value, campaign.events.iter().map(|e| &*e.name), "declared");
        findings.error(&event.span, format!("the campaign has no event \"{}\"", event.value), help);
    }
    found.map(|index| &campaign.events[index])
}

/// One of `per_day`, `per_week` and `once`.
fn how(table: &mut Table, findings: &mut Findings) -> Option<How> {
    let after = range_of_durations(table, "after", findings);
    let given: Vec<&str> = ["per_day", "per_week", "once"].into_iter().filter(|key| table.has(key)).collect();
    match given.as_slice() {
        ["once"] => {
            let share = share(table, "once", findings)?;
            Some(How::Once { share: share.value, after_ms: after.unwrap_or(Range { from: 0, to: DAY_MS }) })
        }
        [_] => {
            if after.is_some() {
                let value = table.value("after").map(Spanned::span);
                value.into_iter().for_each(|span| findings.error(&span, "`after` belongs to `once`", "remove it"));
            }
            rate(table, "per_day", 1, findings).or_else(|| rate(table, "per_week", 7, findings)).map(How::Often)
        }
        _ => {
            // They are asked for, whatever they are.
            for key in ["per_day", "per_week", "once"] {
                table.value(key);
            }
            let example = "0.5, or once = 0.8 for what a member does one time at most";
            if given.is_empty() {
                table.missing("per_day", example, findings);
            } else {
                for (key, _) in table.named().iter().filter(|(key, _)| given.contains(&key.value)) {
                    findings.error(&key.span, format!("{} exclude each other", given.join(" and ")), "keep one of them");
                }
            }
            None
        }
    }
}

fn rate(table: &mut Table, key: &'static str, days: i64, findings: &mut Findings) -> Option<Rate> {
    let value = table.value(key)?;
    let millionths = decimal(value.get_ref()).and_then(|times| (times * Decimal::from(MILLION) / Decimal::from(days)).round().to_i64());
    let rate = millionths.and_then(Rate::per_day);
    if rate.is_none() {
        let most = PER_DAY_MOST * days;
        let message = format!("`{key}` should be a number from 0 to {most}, is {}", kind_of(value.get_ref()));
        findings.error(&value.span(), message, format!("write {key} = 2.5"));
    }
    rate
}

/// A part of all, from 0 to 1.
pub(super) fn share(table: &mut Table, key: &'static str, findings: &mut Findings) -> Option<Found<Share>> {
    let value = table.value(key)?;
    let millionths = decimal(value.get_ref()).map(|share| share * Decimal::from(MILLION));
    // Finer than a millionth would silently be none.
    let whole = millionths.filter(|share| share.fract().is_zero()).and_then(|share| share.to_i64());
    let share = whole.and_then(Share::of_millionths);
    if share.is_none() {
        let message = format!("`{key}` should be a part from 0 to 1 with at most 6 decimals, is {}", kind_of(value.get_ref()));
        findings.error(&value.span(), message, format!("write {key} = 0.25 for a quarter"));
    }
    share.map(|share| Found { value: share, span: value.span() })
}

fn share_or_missing(table: &mut Table, key: &'static str, findings: &mut Findings) -> Option<Share> {
    if !table.has(key) {
        table.missing(key, "0.6", findings);
    }
    share(table, key, findings).map(|found| found.value)
}

/// The fields of an event: every one that the campaign requires, none that it does not know.
fn fields(declared: &EventType, event: &Found<&str>, data: Option<Table>, findings: &mut Findings) -> Vec<Filled> {
    let own = match declared.member {
        MemberPath::Subject => None,
        MemberPath::Field(field) => Some(&*declared.fields[field].name),
    };
    let mut list = Vec::new();
    let entries = data.map_or(Vec::new(), |table| table.named());
    for (name, value) in &entries {
        let Some(field) = declared.fields.iter().find(|field| *field.name == *name.value) else {
            let help = nearest(name.value, declared.fields.iter().map(|f| &*f.name), "declared");
            findings.error(&name.span, format!("{} has no field \"{}\"", declared.name, name.value), help);
            continue;
        };
        if own == Some(name.value) {
            findings.error(&name.span, format!("\"{}\" is the member who does it", name.value), "remove it: it is filled in");
        } else {
            list.extend(filled(field, name, value, findings));
        }
    }
    let given = |name: &str| own == Some(name) || entries.iter().any(|(found, _)| found.value == name);
    for field in declared.fields.iter().filter(|field| !field.optional && !given(&field.name)) {
        let example = match field.kind {
            crate::value::DataType::Int => "{ from = 1, to = 100 }",
            crate::value::DataType::Decimal => "{ from = 1.00, to = 99.90 }",
            crate::value::DataType::Bool => "true",
            _ => "{ text = \"L{n}\", from = 1, to = 200 }",
        };
        let message = format!("{} needs the field \"{}\"", declared.name, field.name);
        findings.error(&event.span, message, format!("write data.{} = {example}", field.name));
    }
    list
}

/// `[[rings]]`.
fn rings(root: &mut Table, segments: &[Segment], findings: &mut Findings) -> Vec<Rings> {
    let names: Vec<Arc<str>> = segments.iter().map(|segment| segment.name.clone()).collect();
    let names: Vec<&str> = names.iter().map(|name| &**name).collect();
    let mut list = Vec::new();
    for mut table in root.tables("rings", findings) {
        let count = count_up_to(&mut table, "count", 10_000, findings);
        let size = count_up_to(&mut table, "size", 1_000, findings);
        if let Some(size) = size.as_ref().filter(|size| size.value < 2) {
            findings.error(&size.span, "a ring has 2 accounts or more", "");
        }
        for (key, found) in [("count", &count), ("size", &size)] {
            if found.is_none() && !table.has(key) {
                table.missing(key, "5", findings);
            }
        }
        let segment = table.required_text("segment", "\"friend\"", findings);
        let segment = segment.and_then(|found| segment_named(&found, &names, findings));
        table.close(findings);
        if let (Some(count), Some(size), Some(segment)) = (count, size, segment) {
            list.push(Rings { count: count.value, size: size.value, segment });
        }
    }
    list
}

fn faults(root: &mut Table, findings: &mut Findings) -> Faults {
    let retries = root.table("retries", findings).and_then(|mut table| {
        let share = share_or_missing(&mut table, "share", findings);
        let most = count_up_to(&mut table, "times", 100, findings).map_or(1, |found| found.value);
        let within_ms = positive_duration(&mut table, "within", findings).unwrap_or(600_000);
        table.close(findings);
        Some(Retries { share: share?, most, within_ms })
    });
    let duplicates = root.table("duplicates", findings).and_then(|mut table| {
        let share = share_or_missing(&mut table, "share", findings);
        table.close(findings);
        share
    });
    let late = root.table("late", findings).and_then(|mut table| {
        let share = share_or_missing(&mut table, "share", findings);
        let by_ms = positive_duration(&mut table, "by", findings).unwrap_or(6 * 3_600_000);
        table.close(findings);
        Some((share?, by_ms))
    });
    Faults { retries, duplicates, late }
}

fn count_up_to(table: &mut Table, key: &'static str, most: i64, findings: &mut Findings) -> Option<Found<i64>> {
    table.count(key, findings).filter(|found| at_most(found, key, most, findings))
}

fn at_most(found: &Found<i64>, key: &str, most: i64, findings: &mut Findings) -> bool {
    if found.value > most {
        findings.error(&found.span, format!("`{key}` is {}: at most {most}", found.value), "");
    }
    found.value <= most
}

/// `3` or `{ from = 1, to = 5 }`.
fn range(
    table: &mut Table,
    key: &'static str,
    example: &str,
    findings: &mut Findings,
    one: impl Fn(&Spanned<DeValue<'_>>, &mut Findings) -> Option<Found<i64>>,
) -> Option<Range> {
    let value = table.value(key)?;
    let Some(mut ends) = Table::within(value) else {
        return one(value, findings).map(|found| Range { from: found.value, to: found.value });
    };
    let mut end = |key, findings: &mut Findings| match ends.value(key) {
        Some(value) => one(value, findings),
        None => {
            ends.missing(key, example, findings);
            None
        }
    };
    let (from, to) = (end("from", findings), end("to", findings));
    ends.close(findings);
    let (from, to) = (from?, to?);
    if from.value > to.value {
        findings.error(&to.span, format!("`to` of `{key}` is less than `from`"), "the smaller one comes first");
        return None;
    }
    Some(Range { from: from.value, to: to.value })
}

/// `"10m"` or `{ from = "10m", to = "20h" }`, in milliseconds.
fn range_of_durations(table: &mut Table, key: &'static str, findings: &mut Findings) -> Option<Range> {
    range(table, key, "\"2h\"", findings, |value, findings| crate::campaign::file::words::duration_of(value, key, findings))
}

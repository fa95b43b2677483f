//! When a campaign runs: its zone, its first and last instant, its cycle.

use super::reader::{Findings, Found, Table, kind_of, nearest, text_of};
use super::roles::{self, Scope};
use super::words;
use crate::campaign::calendar::{Calendar, CycleRule, Every, WEEKDAYS, instant_in};
use crate::campaign::{Attribute, Role};
use crate::diagnostic::closest;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use std::ops::Range;
use toml::de::DeValue;

/// The calendar and the roles of a close.
pub fn window(root: &mut Table, attributes: &[Attribute], findings: &mut Findings) -> Option<(Calendar, Vec<Role>)> {
    let zone = zone(root, findings);
    // Without a zone the dates are still read, to say what is wrong with them.
    let reading_zone = zone.clone().unwrap_or(TimeZone::UTC);
    let starts = instant(root, "starts", &reading_zone, findings);
    let ends = instant(root, "ends", &reading_zone, findings);
    let cycle = cycle(root, attributes, findings);
    let (zone, starts, ends, cycle) = (zone?, starts?, ends?, cycle?);
    if ends.value <= starts.value {
        findings.error(&ends.span, "`ends` is not after `starts`", "`ends` is the first instant after the campaign");
        return None;
    }
    match Calendar::new(zone, starts.value, ends.value, cycle.rule) {
        Ok(calendar) => Some((calendar, cycle.roles)),
        Err(why) => {
            let help = if cycle.rule.is_some() { "choose a shorter cycle, another start of the cycle, or every = \"none\"" } else { "" };
            findings.error(&cycle.span.unwrap_or(ends.span), why, help);
            None
        }
    }
}

fn zone(root: &mut Table, findings: &mut Findings) -> Option<TimeZone> {
    let name = root.required_text("time_zone", "\"Asia/Shanghai\"", findings)?;
    let zone = TimeZone::get(name.value).ok();
    if zone.is_none() {
        findings.error(&name.span, format!("there is no time zone \"{}\"", name.value), zone_help(name.value));
    }
    zone
}

fn zone_help(word: &str) -> String {
    let names: Vec<String> = jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
    // Only a name with a place is like another: CST is as near to EST as to CET, and means neither.
    let meant = if word.contains('/') { closest(word, names.iter().map(String::as_str)) } else { None };
    match meant {
        Some(name) => format!("did you mean \"{name}\"?"),
        None => "write an area and a city, as \"Asia/Shanghai\" for all of China, or \"UTC\"".to_owned(),
    }
}

fn instant(root: &mut Table, key: &'static str, zone: &TimeZone, findings: &mut Findings) -> Option<Found<i64>> {
    let Some(value) = root.value(key) else {
        root.missing(key, "\"2020-09-22 00:00\"", findings);
        return None;
    };
    let span = value.span();
    let text = match value.get_ref() {
        DeValue::Datetime(at) => at.to_string(),
        _ => text_of(value, &format!("`{key}`"), "\"2020-09-22 00:00\"", findings)?.value.to_owned(),
    };
    match instant_in(zone, &text) {
        Ok(value) => Some(Found { value, span }),
        Err(why) => {
            findings.error(&span, format!("`{key}`: {why}"), "");
            None
        }
    }
}

struct Cycle {
    rule: Option<CycleRule>,
    roles: Vec<Role>,
    /// Of `every`, for what is wrong with the cycle as a whole.
    span: Option<Range<usize>>,
}

/// `[cycle]`; without it, or with every = "none", there is no close.
fn cycle(root: &mut Table, attributes: &[Attribute], findings: &mut Findings) -> Option<Cycle> {
    let Some(value) = root.value("cycle") else { return Some(Cycle { rule: None, roles: Vec::new(), span: None }) };
    let mut table = Table::of(value, "`cycle`", findings)?;
    let every = table.required_text("every", "\"week\"", findings);
    let weekday = starts_on(&mut table, every.as_ref(), findings);
    let starts_at = starts_at(&mut table, findings);
    let grace = words::duration(&mut table, "grace", findings);
    let roles = roles::roles(&mut table, &Scope { fields: None, attributes }, findings);
    let others: Vec<_> = table.named().into_iter().filter(|(key, _)| key.value != "every").collect();
    table.close(findings);
    let every = every?;
    let length = match every.value {
        "day" => Every::Day,
        "week" => Every::Week(weekday?),
        "month" => Every::Month,
        "none" => {
            for (key, _) in others {
                findings.error(
                    &key.span,
                    format!("`{}` without a cycle means nothing", key.value),
                    "remove it, or choose every = \"week\"",
                );
            }
            return Some(Cycle { rule: None, roles: Vec::new(), span: Some(every.span) });
        }
        other => {
            let help = match other {
                "daily" | "weekly" | "monthly" => format!("did you mean \"{}\"?", other.trim_end_matches("ly").replace("dai", "day")),
                _ => nearest(other, ["day", "week", "month", "none"], "it takes"),
            };
            findings.error(&every.span, format!("`every` cannot be \"{other}\""), help);
            return None;
        }
    };
    let rule = CycleRule { every: length, starts_at: starts_at?, grace_ms: grace.map_or(0, |grace| grace.value) };
    Some(Cycle { rule: Some(rule), roles: roles.known, span: Some(every.span) })
}

/// The weekday's number, monday is 1; monday where nothing is said.
fn starts_on(table: &mut Table, every: Option<&Found<&str>>, findings: &mut Findings) -> Option<u8> {
    let Some(value) = table.value("starts_on") else { return Some(1) };
    let day = text_of(value, "`starts_on`", "\"tuesday\"", findings)?;
    if let Some(every) = every
        && matches!(every.value, "day" | "month")
    {
        let message = format!("`starts_on` is for weeks, and this cycle is a {}", every.value);
        findings.error(&day.span, message, "remove it, or write every = \"week\"");
    }
    let found = WEEKDAYS.iter().position(|name| *name == day.value);
    if found.is_none() {
        let lower = day.value.to_lowercase();
        let whole = WEEKDAYS.iter().find(|name| lower.len() >= 3 && name.starts_with(lower.trim_end_matches('.')));
        let help = whole.map_or_else(|| nearest(&lower, WEEKDAYS, "weekdays"), |name| format!("did you mean \"{name}\"?"));
        findings.error(&day.span, format!("`starts_on`: there is no weekday \"{}\"", day.value), help);
    }
    // At most 6.
    found.map(|index| index as u8 + 1)
}

/// `"06:00"`; midnight where nothing is said.
fn starts_at(table: &mut Table, findings: &mut Findings) -> Option<Time> {
    let Some(value) = table.value("starts_at") else { return Some(Time::midnight()) };
    let span = value.span();
    let text = match value.get_ref() {
        DeValue::Datetime(at) if at.date.is_none() => at.to_string(),
        DeValue::String(text) => text.to_string(),
        other => {
            findings.error(&span, format!("`starts_at` should be a time of day, is {}", kind_of(other)), "write it as \"06:00\"");
            return None;
        }
    };
    let time = hours_and_minutes(&text);
    if time.is_none() {
        findings.error(
            &span,
            format!("`starts_at`: \"{text}\" is no time of day"),
            "write it in hours and minutes, \"00:00\" to \"23:59\"",
        );
    }
    time
}

fn hours_and_minutes(text: &str) -> Option<Time> {
    let text = text.strip_suffix(":00").filter(|rest| rest.len() == 5).unwrap_or(text);
    let (hours, minutes) = text.split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2)?;
    let digits = |part: &str| if part.bytes().all(|b| b.is_ascii_digit()) { part.parse().ok() } else { None };
    Time::new(digits(hours)?, digits(minutes)?, 0, 0).ok()
}

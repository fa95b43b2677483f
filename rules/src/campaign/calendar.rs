//! The campaign's local calendar: its days, weeks, months and cycles. Instants are milliseconds since
//! 1970-01-01T00:00Z, intervals are half-open, and a cycle is a calendar rule, never a number of seconds.
//!
//! Promises: the cycles tile the campaign's window without gap or overlap, and two cycles never share a first
//! instant. A boundary that falls into a gap of the local clock (spring) moves later by the length of the gap; one
//! that happens twice (autumn) is the first of the two. Must not know: campaign.toml, members, the wall clock.

use crate::fact::Period;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use std::ops::{Range, RangeInclusive};

const DAY_MS: i64 = 86_400_000;
/// Local clocks never differ from UTC by more than this.
const OFFSET_MARGIN_MS: i64 = 2 * DAY_MS;
/// Cycles are computed when a campaign is read; this bounds that work (a century of days is 36,525).
const CYCLES_MAX: usize = 40_000;
const EPOCH: Date = Date::constant(1970, 1, 1);

/// One cycle of the campaign. Cycles are cut to the campaign's window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// From 1.
    pub number: i32,
    /// First instant.
    pub starts_ms: i64,
    /// First instant after it.
    pub ends_ms: i64,
    /// Local days of its first and last instant, counted from 1970-01-01, both included.
    pub first_day: i32,
    pub last_day: i32,
    pub is_last: bool,
}

/// An instant as the campaign's own calendar sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub at_ms: i64,
    /// Local day counted from 1970-01-01.
    pub day: i32,
    /// Monday is 1.
    pub weekday: u8,
    /// Local hour, 0 to 23.
    pub hour: u8,
}

/// How long a cycle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    Day,
    /// The weekday that it starts on, monday is 1.
    Week(u8),
    Month,
}

/// `[cycle]` of campaign.toml.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CycleRule {
    pub every: Every,
    /// Local time of day at which a cycle starts; midnight unless the campaign says otherwise.
    pub starts_at: Time,
    /// How long after its end a cycle stays open for late events.
    pub grace_ms: i64,
}

/// The campaign's zone, window and cycles.
#[derive(Clone, Debug)]
pub struct Calendar {
    zone: TimeZone,
    starts_ms: i64,
    ends_ms: i64,
    rule: Option<CycleRule>,
    /// The zone's offsets over the window and a margin, in order: (from this instant, milliseconds ahead of UTC).
    /// Asking the zone itself for every event would be several times slower.
    offsets: Vec<(i64, i64)>,
    offsets_until_ms: i64,
    /// Every cycle of the window, in order. Without a cycle rule: the window as one, which never closes.
    cycles: Vec<Cycle>,
}

impl Calendar {
    /// Computes every cycle of the window. Fails when the window is empty or beyond the calendar, or when no whole
    /// cycle fits into it.
    pub fn new(zone: TimeZone, starts_ms: i64, ends_ms: i64, cycle: Option<CycleRule>) -> Result<Calendar, String> {
        if ends_ms <= starts_ms {
            return Err("the campaign ends before it starts".into());
        }
        let (from, until) = (starts_ms.saturating_sub(OFFSET_MARGIN_MS), ends_ms.saturating_add(OFFSET_MARGIN_MS));
        let (first, last) = (timestamp(from)?, timestamp(until)?);
        let mut offsets = vec![(from, offset_ms(&zone, first))];
        offsets.extend(
            zone.following(first)
                .take_while(|change| change.timestamp() <= last)
                .map(|change| (change.timestamp().as_millisecond(), i64::from(change.offset().seconds()) * 1000)),
        );
        let mut calendar = Calendar { zone, starts_ms, ends_ms, rule: cycle, offsets, offsets_until_ms: until, cycles: Vec::new() };
        calendar.cycles = match cycle {
            None => calendar.numbered(&[starts_ms, ends_ms]),
            Some(rule) => calendar.cycles_by(rule)?,
        };
        Ok(calendar)
    }

    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }
    /// First instant of the window.
    pub fn starts_ms(&self) -> i64 {
        self.starts_ms
    }
    /// First instant after the window.
    pub fn ends_ms(&self) -> i64 {
        self.ends_ms
    }
    /// How long after its end a cycle stays open for late events, in milliseconds.
    pub fn grace_ms(&self) -> i64 {
        self.rule.map_or(0, |rule| rule.grace_ms)
    }
    /// Whether cycles close; without, the window counts as one cycle.
    pub fn has_cycles(&self) -> bool {
        self.rule.is_some()
    }
    /// Whether an instant lies in the campaign's window.
    pub fn contains(&self, at_ms: i64) -> bool {
        (self.starts_ms..self.ends_ms).contains(&at_ms)
    }

    /// The local day and hour of an instant, also of one outside the window.
    pub fn moment(&self, at_ms: i64) -> Moment {
        let local_ms = at_ms.saturating_add(self.offset_ms_at(at_ms));
        let day = day_of_local(local_ms);
        Moment { at_ms, day, weekday: weekday_of(day), hour: (local_ms.rem_euclid(DAY_MS) / 3_600_000) as u8 }
    }

    /// The cycle that holds an instant; none outside the window.
    pub fn cycle_of(&self, at_ms: i64) -> Option<&Cycle> {
        let after = self.cycles.partition_point(|cycle| cycle.starts_ms <= at_ms);
        self.cycles.get(after.checked_sub(1)?).filter(|cycle| at_ms < cycle.ends_ms)
    }

    /// The cycle of a number, from 1.
    pub fn cycle(&self, number: i32) -> Option<&Cycle> {
        self.cycles.get(usize::try_from(number).ok()?.checked_sub(1)?)
    }

    /// Every cycle of the window, in order.
    pub fn cycles(&self) -> &[Cycle] {
        &self.cycles
    }

    /// The local days (half-open) of the day, week, month or cycle that holds an instant. A week starts on the
    /// cycle's weekday where cycles are weeks, else on monday. The cycle of an instant outside the window has no days.
    pub fn period_days(&self, period: Period, at_ms: i64) -> Range<i32> {
        let day = self.moment(at_ms).day;
        match period {
            Period::Day => day..day.saturating_add(1),
            Period::Week => {
                let first = day.saturating_sub(i32::from((weekday_of(day) + 7 - self.week_starts_on()) % 7));
                first..first.saturating_add(7)
            }
            Period::Month => month_of(day),
            Period::Cycle => self.cycle_of(at_ms).map_or(day..day, |cycle| cycle.first_day..cycle.last_day + 1),
            Period::All => i32::MIN..i32::MAX,
        }
    }

    /// The numbers of the cycles that overlap some local days (half-open); an empty range when none does.
    pub fn cycles_touching(&self, days: Range<i32>) -> RangeInclusive<i32> {
        let first = self.cycles.partition_point(|cycle| cycle.last_day < days.start);
        let after = self.cycles.partition_point(|cycle| cycle.first_day < days.end);
        // Both are at most CYCLES_MAX, so they fit.
        first as i32 + 1..=after as i32
    }

    /// Reads an instant: `2020-09-22 10:00`, `2020-09-22T10:00:00` or `2020-09-22` by the local clock, or with an
    /// offset or `Z`. A local time that happens twice or never is an error.
    pub fn instant(&self, text: &str) -> Result<i64, String> {
        instant_in(&self.zone, text)
    }

    /// An instant as [`Calendar::instant`] reads it: local where that says it, else in UTC.
    pub fn text_of(&self, at_ms: i64) -> String {
        let Ok(at) = timestamp(at_ms) else { return at_ms.to_string() };
        let local = self.zone.to_datetime(at);
        let time = local.time();
        let short = if time.second() == 0 && time.subsec_nanosecond() == 0 {
            format!("{} {:02}:{:02}", local.date(), time.hour(), time.minute())
        } else {
            format!("{} {time}", local.date())
        };
        if self.instant(&short) == Ok(at_ms) { short } else { at.to_string() }
    }

    /// Instants at which the local clock was set forward or back, within the window and two days around it.
    pub fn clock_changes(&self) -> impl Iterator<Item = i64> {
        self.offsets.iter().skip(1).map(|(from, _)| *from)
    }

    fn week_starts_on(&self) -> u8 {
        match self.rule.map(|rule| rule.every) {
            Some(Every::Week(weekday)) => weekday,
            _ => 1,
        }
    }

    fn offset_ms_at(&self, at_ms: i64) -> i64 {
        if at_ms < self.offsets[0].0 || at_ms >= self.offsets_until_ms {
            let end = if at_ms < 0 { Timestamp::MIN } else { Timestamp::MAX };
            return offset_ms(&self.zone, Timestamp::from_millisecond(at_ms).unwrap_or(end));
        }
        // The first entry starts at or before the instant, so there is one before the partition point.
        self.offsets[self.offsets.partition_point(|(from, _)| *from <= at_ms) - 1].1
    }

    fn cycles_by(&self, rule: CycleRule) -> Result<Vec<Cycle>, String> {
        let mut date = date_of(nominal_day(rule.every, self.moment(self.starts_ms).day)).ok_or(BEYOND)?;
        if self.boundary(date, rule)? > self.starts_ms {
            date = date_of(nominal_day(rule.every, day_of(date) - 1)).ok_or(BEYOND)?;
        }
        let mut boundaries = vec![self.starts_ms];
        let (mut last, mut whole) = (self.boundary(date, rule)?, false);
        while last < self.ends_ms {
            date = next_start(rule.every, date)?;
            let next = self.boundary(date, rule)?;
            // A day that the zone skipped (Apia, 2011-12-30) has no instant and is no cycle. And where the clock goes
            // back over midnight, the day of the campaign's start may end before that start.
            if next > last && next > self.starts_ms {
                whole |= last >= self.starts_ms && next <= self.ends_ms;
                boundaries.push(next.min(self.ends_ms));
            }
            last = next;
            if boundaries.len() > CYCLES_MAX {
                return Err(format!("the window holds more than {CYCLES_MAX} cycles"));
            }
        }
        if whole { Ok(self.numbered(&boundaries)) } else { Err(self.no_whole(rule)) }
    }

    fn no_whole(&self, rule: CycleRule) -> String {
        let what = match rule.every {
            Every::Day => "day".to_owned(),
            Every::Week(weekday) => format!("week from {} on", WEEKDAYS[usize::from(weekday - 1) % 7]),
            Every::Month => "month".to_owned(),
        };
        let (from, until) = (self.moment(self.starts_ms).day, self.moment(self.ends_ms).day);
        format!("no whole cycle fits into the campaign: there is no whole {what} between {} and {}", day_text(from), day_text(until))
    }

    fn boundary(&self, date: Date, rule: CycleRule) -> Result<i64, String> {
        let local = date.to_datetime(rule.starts_at);
        Ok(self.zone.to_timestamp(local).map_err(|_| BEYOND)?.as_millisecond())
    }

    /// Boundaries in strictly rising order, the window's own ends included.
    fn numbered(&self, boundaries: &[i64]) -> Vec<Cycle> {
        let last = boundaries.len() - 1;
        let cycle = |(n, pair): (usize, &[i64])| Cycle {
            number: n as i32 + 1,
            starts_ms: pair[0],
            ends_ms: pair[1],
            first_day: self.moment(pair[0]).day,
            last_day: self.moment(pair[1] - 1).day,
            is_last: n + 1 == last,
        };
        boundaries.windows(2).enumerate().map(cycle).collect()
    }
}

/// The words of campaign.toml, monday first.
pub const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

const BEYOND: &str = "the campaign lies beyond the calendar (years -9999 to 9999)";

/// A local day as people write it: `2020-09-22`. Beyond the calendar: the number itself.
pub fn day_text(day: i32) -> String {
    date_of(day).map_or_else(|| day.to_string(), |date| date.to_string())
}

/// The first instant of a local day; where the clock skips midnight, the first after it. None beyond the calendar.
pub fn local_midnight(zone: &TimeZone, day: i32) -> Option<i64> {
    zone.to_timestamp(date_of(day)?.to_datetime(Time::midnight())).ok().map(|at| at.as_millisecond())
}

/// Reads `2020-09-22`; none for anything else, times included.
pub fn parse_day(text: &str) -> Option<i32> {
    let shaped = text.len() == 10 && text.bytes().enumerate().all(|(n, b)| if n == 4 || n == 7 { b == b'-' } else { b.is_ascii_digit() });
    if shaped { text.parse().ok().map(day_of) } else { None }
}

/// [`Calendar::instant`], before there is a calendar.
pub fn instant_in(zone: &TimeZone, text: &str) -> Result<i64, String> {
    let wrong = || format!("\"{text}\" is no time: write it as \"2020-09-22 10:00\", or with an offset as \"2020-09-22T10:00:00+08:00\"");
    // Names of zones in brackets would contradict the campaign's own zone.
    if text.len() < 10 || !text.bytes().all(|b| b.is_ascii_digit() || b"-:.+TZ tz".contains(&b)) {
        return Err(wrong());
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.as_millisecond());
    }
    // The parser of local times would silently drop a `Z` or an offset that it cannot read.
    let tail = &text[10..];
    if tail.contains(['Z', 'z', '+', '-']) {
        return Err(wrong());
    }
    let local: DateTime = text.parse().map_err(|_| wrong())?;
    match zone.to_ambiguous_timestamp(local).unambiguous() {
        Ok(at) => Ok(at.as_millisecond()),
        Err(_) => Err(ambiguous(zone, text, local)),
    }
}

fn ambiguous(zone: &TimeZone, text: &str, local: DateTime) -> String {
    let name = zone.iana_name().unwrap_or("this zone");
    let both = zone.to_ambiguous_timestamp(local);
    let Ok(at) = both.compatible() else { return BEYOND.to_owned() };
    let offset = zone.to_offset(at);
    // For a time in a gap, the compatible instant reads differently on the local clock.
    let how_often = if offset.to_datetime(at) == local { "happens twice" } else { "never happens" };
    format!("\"{text}\" {how_often} in {name}: add the offset, as in \"{}{offset}\"", offset.to_datetime(at))
}

fn timestamp(at_ms: i64) -> Result<Timestamp, String> {
    Timestamp::from_millisecond(at_ms).map_err(|_| BEYOND.to_owned())
}

fn offset_ms(zone: &TimeZone, at: Timestamp) -> i64 {
    i64::from(zone.to_offset(at).seconds()) * 1000
}

fn day_of_local(local_ms: i64) -> i32 {
    let day = local_ms.div_euclid(DAY_MS);
    i32::try_from(day).unwrap_or(if day < 0 { i32::MIN } else { i32::MAX })
}

/// 1970-01-01 was a thursday.
fn weekday_of(day: i32) -> u8 {
    ((i64::from(day) + 3).rem_euclid(7) + 1) as u8
}

fn date_of(day: i32) -> Option<Date> {
    EPOCH.checked_add(Span::new().try_days(day).ok()?).ok()
}

fn day_of(date: Date) -> i32 {
    // The calendar's 20,000 years are 7.3 million days.
    (date.duration_since(EPOCH).as_secs() / 86_400) as i32
}

fn month_of(day: i32) -> Range<i32> {
    match date_of(day) {
        Some(date) => day_of(date.first_of_month())..day_of(date.last_of_month()) + 1,
        None => day..day.saturating_add(1),
    }
}

/// The day on which the cycle of a day starts, the time of day left aside.
fn nominal_day(every: Every, day: i32) -> i32 {
    match every {
        Every::Day => day,
        Every::Week(starts_on) => day.saturating_sub(i32::from((weekday_of(day) + 7 - starts_on) % 7)),
        Every::Month => month_of(day).start,
    }
}

fn next_start(every: Every, date: Date) -> Result<Date, String> {
    let span = match every {
        Every::Day => Span::new().days(1),
        Every::Week(_) => Span::new().days(7),
        Every::Month => Span::new().months(1),
    };
    date.checked_add(span).map_err(|_| BEYOND.to_owned())
}

#[cfg(test)]
mod tests;

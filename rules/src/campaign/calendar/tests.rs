//! The calendar's tests, as tables: zone, rule, window, then what is expected.
use super::*;

const HOUR_MS: i64 = 3_600_000;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn rule(every: Every) -> CycleRule {
    CycleRule { every, starts_at: Time::midnight(), grace_ms: 2 * HOUR_MS }
}

fn calendar(name: &str, starts: &str, ends: &str, rule: Option<CycleRule>) -> Calendar {
    let zone = zone(name);
    let at = |text| instant_in(&zone, text).unwrap();
    Calendar::new(zone.clone(), at(starts), at(ends), rule).unwrap()
}

/// `2020-09-22T00:00:00+08`, as the zone's own clock shows an instant.
fn shown(calendar: &Calendar, at_ms: i64) -> String {
    let at = Timestamp::from_millisecond(at_ms).unwrap();
    let offset = calendar.zone().to_offset(at);
    format!("{}{offset}", offset.to_datetime(at))
}

fn listed(calendar: &Calendar) -> Vec<String> {
    let line = |c: &Cycle| {
        let hours = (c.ends_ms - c.starts_ms) as f64 / HOUR_MS as f64;
        format!("{} {} {hours}h {}..{}", c.number, shown(calendar, c.starts_ms), day_text(c.first_day), day_text(c.last_day))
    };
    calendar.cycles().iter().map(line).collect()
}

#[test]
fn cycles_follow_the_local_calendar() {
    let six = CycleRule { starts_at: Time::constant(6, 0, 0, 0), ..rule(Every::Day) };
    let half_past_two = CycleRule { starts_at: Time::constant(2, 30, 0, 0), ..rule(Every::Day) };
    let half_past_one = CycleRule { starts_at: Time::constant(1, 30, 0, 0), ..rule(Every::Day) };
    #[rustfmt::skip]
    let table: &[(&str, &str, &str, CycleRule, &[&str])] = &[
        // Weeks from tuesday on, the last one cut.
        ("Asia/Shanghai", "2020-09-22", "2020-10-08", rule(Every::Week(2)), &[
            "1 2020-09-22T00:00:00+08 168h 2020-09-22..2020-09-28",
            "2 2020-09-29T00:00:00+08 168h 2020-09-29..2020-10-05",
            "3 2020-10-06T00:00:00+08 48h 2020-10-06..2020-10-07",
        ]),
        // A campaign that starts in the middle of a week and of a day.
        ("Asia/Shanghai", "2020-09-25 10:00", "2020-10-06", rule(Every::Week(2)), &[
            "1 2020-09-25T10:00:00+08 86h 2020-09-25..2020-09-28",
            "2 2020-09-29T00:00:00+08 168h 2020-09-29..2020-10-05",
        ]),
        // Spring and autumn in New York.
        ("America/New_York", "2024-03-09", "2024-03-12", rule(Every::Day), &[
            "1 2024-03-09T00:00:00-05 24h 2024-03-09..2024-03-09",
            "2 2024-03-10T00:00:00-05 23h 2024-03-10..2024-03-10",
            "3 2024-03-11T00:00:00-04 24h 2024-03-11..2024-03-11",
        ]),
        ("America/New_York", "2024-11-02", "2024-11-05", rule(Every::Day), &[
            "1 2024-11-02T00:00:00-04 24h 2024-11-02..2024-11-02",
            "2 2024-11-03T00:00:00-04 25h 2024-11-03..2024-11-03",
            "3 2024-11-04T00:00:00-05 24h 2024-11-04..2024-11-04",
        ]),
        // A start that the clock skips moves later; one that comes twice is the first.
        ("America/New_York", "2024-03-09 02:30", "2024-03-11 02:30", half_past_two, &[
            "1 2024-03-09T02:30:00-05 24h 2024-03-09..2024-03-10",
            "2 2024-03-10T03:30:00-04 23h 2024-03-10..2024-03-11",
        ]),
        ("America/New_York", "2024-11-02 01:30", "2024-11-04 01:30", half_past_one, &[
            "1 2024-11-02T01:30:00-04 24h 2024-11-02..2024-11-03",
            "2 2024-11-03T01:30:00-04 25h 2024-11-03..2024-11-04",
        ]),
        // Half an hour of daylight saving.
        ("Australia/Lord_Howe", "2024-04-06", "2024-04-08", rule(Every::Day), &[
            "1 2024-04-06T00:00:00+11 24h 2024-04-06..2024-04-06",
            "2 2024-04-07T00:00:00+11 24.5h 2024-04-07..2024-04-07",
        ]),
        // The day that Apia never had.
        ("Pacific/Apia", "2011-12-29", "2012-01-01", rule(Every::Day), &[
            "1 2011-12-29T00:00:00-10 24h 2011-12-29..2011-12-29",
            "2 2011-12-31T00:00:00+14 24h 2011-12-31..2011-12-31",
        ]),
        // Midnight that the clock skips, and an hour that goes back over midnight.
        ("America/Sao_Paulo", "2018-11-03", "2018-11-05", rule(Every::Day), &[
            "1 2018-11-03T00:00:00-03 24h 2018-11-03..2018-11-03",
            "2 2018-11-04T01:00:00-02 23h 2018-11-04..2018-11-04",
        ]),
        ("America/Sao_Paulo", "2018-02-17", "2018-02-19", rule(Every::Day), &[
            "1 2018-02-17T00:00:00-02 25h 2018-02-17..2018-02-17",
            "2 2018-02-18T00:00:00-03 24h 2018-02-18..2018-02-18",
        ]),
        // The campaign starts in the hour that belongs to a day again.
        ("America/Goose_Bay", "2010-11-06T23:30:00-04:00", "2010-11-09", rule(Every::Day), &[
            "1 2010-11-06T23:30:00-04 24.5h 2010-11-06..2010-11-07",
            "2 2010-11-08T00:00:00-04 24h 2010-11-08..2010-11-08",
        ]),
        // Months with and without a leap day.
        ("UTC", "2024-01-31", "2024-04-15", rule(Every::Month), &[
            "1 2024-01-31T00:00:00+00 24h 2024-01-31..2024-01-31",
            "2 2024-02-01T00:00:00+00 696h 2024-02-01..2024-02-29",
            "3 2024-03-01T00:00:00+00 744h 2024-03-01..2024-03-31",
            "4 2024-04-01T00:00:00+00 336h 2024-04-01..2024-04-14",
        ]),
        ("UTC", "2023-02-01", "2023-04-01", rule(Every::Month), &[
            "1 2023-02-01T00:00:00+00 672h 2023-02-01..2023-02-28",
            "2 2023-03-01T00:00:00+00 744h 2023-03-01..2023-03-31",
        ]),
        // Days from six to six; the first is cut.
        ("Asia/Shanghai", "2026-01-01 03:00", "2026-01-02 06:00", six, &[
            "1 2026-01-01T03:00:00+08 3h 2026-01-01..2026-01-01",
            "2 2026-01-01T06:00:00+08 24h 2026-01-01..2026-01-02",
        ]),
    ];
    for (zone, starts, ends, rule, expected) in table {
        let found = calendar(zone, starts, ends, Some(*rule));
        assert_eq!(listed(&found), *expected, "{zone} {starts} {rule:?}");
        assert!(found.cycles().iter().all(|c| c.is_last == (c.number as usize == expected.len())));
    }
}

#[test]
fn moments_and_periods_of_an_instant() {
    #[rustfmt::skip]
    let table = [
        // zone, every, instant,                       day           weekday hour  week         month        cycle
        ("Asia/Shanghai", "2020-09-28 23:59:59",        "2020-09-28", 1, 23, "2020-09-22", "2020-09-01", Some(1)),
        ("Asia/Shanghai", "2020-09-29 00:00",           "2020-09-29", 2,  0, "2020-09-29", "2020-09-01", Some(2)),
        ("Asia/Shanghai", "2020-09-28T15:59:59.999Z",   "2020-09-28", 1, 23, "2020-09-22", "2020-09-01", Some(1)),
        ("Asia/Shanghai", "2020-09-28T16:00:00Z",       "2020-09-29", 2,  0, "2020-09-29", "2020-09-01", Some(2)),
        ("Asia/Shanghai", "2020-09-21 23:59",           "2020-09-21", 1, 23, "2020-09-15", "2020-09-01", None),
        ("Asia/Shanghai", "2020-12-01 00:00",           "2020-12-01", 2,  0, "2020-12-01", "2020-12-01", None),
        ("America/New_York", "2020-11-01T01:30:00-04:00", "2020-11-01", 7, 1, "2020-10-27", "2020-11-01", Some(6)),
        ("America/New_York", "2020-11-01T01:30:00-05:00", "2020-11-01", 7, 1, "2020-10-27", "2020-11-01", Some(6)),
        ("Asia/Kathmandu", "2020-09-28T18:14:59Z",      "2020-09-28", 1, 23, "2020-09-22", "2020-09-01", Some(1)),
        ("Asia/Kathmandu", "2020-09-28T18:15:00Z",      "2020-09-29", 2,  0, "2020-09-29", "2020-09-01", Some(2)),
        ("UTC", "1969-12-31T23:59:59Z",                 "1969-12-31", 3, 23, "1969-12-30", "1969-12-01", None),
    ];
    for (zone, text, day, weekday, hour, week, month, cycle) in table {
        let calendar = calendar(zone, "2020-09-22", "2020-11-10", Some(rule(Every::Week(2))));
        let at = calendar.instant(text).unwrap();
        let moment = calendar.moment(at);
        let found = (day_text(moment.day), moment.weekday, moment.hour, calendar.cycle_of(at).map(|c| c.number));
        assert_eq!(found, (day.to_owned(), weekday, hour, cycle), "{zone} {text}");
        let first = |period| day_text(calendar.period_days(period, at).start);
        assert_eq!(
            (first(Period::Day).as_str(), first(Period::Week).as_str(), first(Period::Month).as_str()),
            (day, week, month),
            "{text}"
        );
        assert_eq!(calendar.contains(at), cycle.is_some(), "{text}");
    }
}

#[test]
fn periods_are_half_open_days() {
    let weekly = calendar("Asia/Shanghai", "2020-09-22", "2020-10-20", Some(rule(Every::Week(2))));
    let none = calendar("Asia/Shanghai", "2020-09-22", "2020-10-20", None);
    #[rustfmt::skip]
    let table = [
        (&weekly, Period::Day,   "2020-09-30 12:00", "2020-09-30", "2020-10-01"),
        (&weekly, Period::Week,  "2020-09-30 12:00", "2020-09-29", "2020-10-06"),
        (&weekly, Period::Month, "2020-09-30 12:00", "2020-09-01", "2020-10-01"),
        (&weekly, Period::Month, "2024-02-29 12:00", "2024-02-01", "2024-03-01"),
        (&weekly, Period::Cycle, "2020-09-30 12:00", "2020-09-29", "2020-10-06"),
        (&weekly, Period::Cycle, "2020-01-01 12:00", "2020-01-01", "2020-01-01"),
        // Without a cycle rule: weeks from monday on, the window is the cycle.
        (&none,   Period::Week,  "2020-09-30 12:00", "2020-09-28", "2020-10-05"),
        (&none,   Period::Cycle, "2020-09-30 12:00", "2020-09-22", "2020-10-20"),
    ];
    for (calendar, period, at, first, after) in table {
        let days = calendar.period_days(period, calendar.instant(at).unwrap());
        assert_eq!((day_text(days.start).as_str(), day_text(days.end).as_str()), (first, after), "{period} {at}");
    }
    assert_eq!(weekly.period_days(Period::All, 0), i32::MIN..i32::MAX);
}

#[test]
fn cycles_that_touch_days() {
    let calendar = calendar("Asia/Shanghai", "2020-09-22", "2020-10-20", Some(rule(Every::Week(2))));
    #[rustfmt::skip]
    let table = [
        ("2020-09-22", "2020-09-23", "1..=1"),
        ("2020-09-28", "2020-09-29", "1..=1"),
        ("2020-09-28", "2020-09-30", "1..=2"),
        ("2020-09-01", "2020-10-01", "1..=2"),
        ("2020-10-01", "2020-11-01", "2..=4"),
        ("2020-01-01", "2020-09-22", "1..=0"),
        ("2020-10-20", "2021-01-01", "5..=4"),
    ];
    for (from, until, expected) in table {
        let touching = calendar.cycles_touching(parse_day(from).unwrap()..parse_day(until).unwrap());
        assert_eq!(format!("{touching:?}"), expected, "{from} {until}");
    }
    assert_eq!(calendar.cycles_touching(i32::MIN..i32::MAX), 1..=4);
}

#[test]
fn without_a_rule_the_window_is_one_cycle() {
    let calendar = calendar("Asia/Shanghai", "2020-09-22 10:00", "2020-10-20", None);
    assert_eq!(listed(&calendar), ["1 2020-09-22T10:00:00+08 662h 2020-09-22..2020-10-19"]);
    assert!(!calendar.has_cycles() && calendar.cycles()[0].is_last && calendar.grace_ms() == 0);
    assert_eq!(calendar.cycle(1), Some(&calendar.cycles()[0]));
    assert_eq!((calendar.cycle(0), calendar.cycle(2), calendar.cycle(-1)), (None, None, None));
}

#[test]
fn times_are_read_by_the_local_clock() {
    let calendar = calendar("America/New_York", "2020-01-01", "2021-01-01", None);
    #[rustfmt::skip]
    let table = [
        ("2020-09-22 10:00",              "2020-09-22T10:00:00-04"),
        ("2020-09-22T10:00:00",           "2020-09-22T10:00:00-04"),
        ("2020-09-22",                    "2020-09-22T00:00:00-04"),
        ("2020-09-22T10:00:00Z",          "2020-09-22T06:00:00-04"),
        ("2020-09-22T10:00:00+08:00",     "2020-09-21T22:00:00-04"),
        ("2020-11-01T01:30:00-05:00",     "2020-11-01T01:30:00-05"),
        ("2020-11-01 01:30", "\"2020-11-01 01:30\" happens twice in America/New_York: add the offset, as in \"2020-11-01T01:30:00-04\""),
        ("2020-03-08 02:30", "\"2020-03-08 02:30\" never happens in America/New_York: add the offset, as in \"2020-03-08T03:30:00-04\""),
        ("22.9.2020",  "\"22.9.2020\" is no time: write it as \"2020-09-22 10:00\", or with an offset as \"2020-09-22T10:00:00+08:00\""),
        ("2020-02-30", "\"2020-02-30\" is no time: write it as \"2020-09-22 10:00\", or with an offset as \"2020-09-22T10:00:00+08:00\""),
        ("2020-09-22T10:00:00+99:99", "\"2020-09-22T10:00:00+99:99\" is no time: write it as \"2020-09-22 10:00\", or with an offset as \"2020-09-22T10:00:00+08:00\""),
        ("2020-09-22T10:00[Asia/Shanghai]", "\"2020-09-22T10:00[Asia/Shanghai]\" is no time: write it as \"2020-09-22 10:00\", or with an offset as \"2020-09-22T10:00:00+08:00\""),
    ];
    for (text, expected) in table {
        assert_eq!(calendar.instant(text).map_or_else(|why| why, |at| shown(&calendar, at)), expected);
    }
}

#[test]
fn days_read_and_print() {
    for (day, text) in [(0, "1970-01-01"), (-1, "1969-12-31"), (18527, "2020-09-22"), (19782, "2024-02-29")] {
        assert_eq!((day_text(day).as_str(), parse_day(text)), (text, Some(day)));
    }
    for text in ["2023-02-29", "2020-9-22", "2020-09-22 10:00", "20200922", ""] {
        assert_eq!(parse_day(text), None, "{text}");
    }
    assert_eq!(day_text(i32::MAX), "2147483647");
}

#[test]
fn what_is_no_window_says_so() {
    let at = |text: &str| instant_in(&zone("Asia/Shanghai"), text).unwrap();
    #[rustfmt::skip]
    let table = [
        ("2020-09-22", "2020-09-22", Every::Day,     "the campaign ends before it starts"),
        ("2020-09-22", "2020-10-20", Every::Month,   "no whole cycle fits into the campaign: there is no whole month between 2020-09-22 and 2020-10-20"),
        ("2020-09-23", "2020-09-30", Every::Week(2), "no whole cycle fits into the campaign: there is no whole week from tuesday on between 2020-09-23 and 2020-09-30"),
        ("1000-01-01", "2020-09-30", Every::Day,     "the window holds more than 40000 cycles"),
    ];
    for (starts, ends, every, expected) in table {
        let found = Calendar::new(zone("Asia/Shanghai"), at(starts), at(ends), Some(rule(every)));
        assert_eq!(found.err().as_deref(), Some(expected), "{starts} {ends}");
    }
    assert_eq!(Calendar::new(TimeZone::UTC, i64::MIN, i64::MAX, None).err().as_deref(), Some(BEYOND));
}

/// Every zone that changes its clock in an unusual way, and some that do not, over four decades of weeks and days.
#[test]
fn cycles_tile_the_window_in_many_zones() {
    let zones = [
        "Asia/Shanghai",
        "UTC",
        "America/New_York",
        "Europe/London",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "America/Sao_Paulo",
        "America/Goose_Bay",
        "America/St_Johns",
        "America/Havana",
        "Asia/Kathmandu",
        "Pacific/Kwajalein",
        "Asia/Pyongyang",
        "Africa/Casablanca",
        "Asia/Gaza",
        "Antarctica/Troll",
        "Asia/Tehran",
        "Europe/Lisbon",
        "America/Asuncion",
        "Asia/Amman",
    ];
    for name in zones {
        for every in [Every::Day, Every::Week(1), Every::Week(2), Every::Week(7), Every::Month] {
            for hour in [0, 2, 6, 23] {
                let starts_at = Time::constant(hour, 0, 0, 0);
                let calendar = calendar(name, "1990-01-05 05:00", "2030-02-15 17:00", Some(CycleRule { every, starts_at, grace_ms: 0 }));
                tiles(&calendar, name, every, starts_at);
            }
        }
    }
}

fn tiles(calendar: &Calendar, name: &str, every: Every, starts_at: Time) {
    let cycles = calendar.cycles();
    assert_eq!((cycles[0].starts_ms, cycles[cycles.len() - 1].ends_ms), (calendar.starts_ms(), calendar.ends_ms()));
    for (n, cycle) in cycles.iter().enumerate() {
        assert_eq!(cycle.number as usize, n + 1);
        assert!(cycle.starts_ms < cycle.ends_ms, "{name} {every:?} {starts_at}: {cycle:?}");
        for at in [cycle.starts_ms, cycle.ends_ms - 1] {
            assert_eq!(calendar.cycle_of(at), Some(cycle), "{name} {every:?} {starts_at} {at}");
        }
        if n > 0 {
            assert_eq!(cycles[n - 1].ends_ms, cycle.starts_ms, "{name} {every:?} {starts_at}");
            starts_by_rule(calendar, cycle, every, starts_at);
        }
    }
    let outside = [calendar.starts_ms() - 1, calendar.ends_ms()];
    assert!(outside.iter().all(|at| calendar.cycle_of(*at).is_none()));
}

/// A boundary shows the rule's local time, unless the clock skips that time.
fn starts_by_rule(calendar: &Calendar, cycle: &Cycle, every: Every, starts_at: Time) {
    let moment = calendar.moment(cycle.starts_ms);
    let date = date_of(moment.day).unwrap();
    let on_the_day = match every {
        Every::Day => true,
        Every::Week(weekday) => moment.weekday == weekday,
        Every::Month => date.day() == 1,
    };
    let local = date.to_datetime(starts_at);
    let ambiguous = calendar.zone().to_ambiguous_timestamp(local);
    let exact = calendar.zone().to_timestamp(local).unwrap().as_millisecond() == cycle.starts_ms;
    assert!((on_the_day && exact) || ambiguous.is_ambiguous() || !on_the_day && skipped_day(calendar, cycle), "{cycle:?} {every:?}");
}

fn skipped_day(calendar: &Calendar, cycle: &Cycle) -> bool {
    calendar.moment(cycle.starts_ms - 1).day + 1 < calendar.moment(cycle.starts_ms).day
}

#[test]
fn a_moment_agrees_with_the_zone_inside_and_outside_the_window() {
    for name in ["America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "America/Goose_Bay"] {
        let calendar = calendar(name, "2009-01-01", "2013-01-01", Some(rule(Every::Week(1))));
        for step in 0..4000 {
            let at = calendar.starts_ms() - 400 * DAY_MS + step * 17 * HOUR_MS + step * 61_001;
            let local = calendar.zone().to_datetime(Timestamp::from_millisecond(at).unwrap());
            let moment = calendar.moment(at);
            let expected = (day_of(local.date()), local.date().weekday().to_monday_one_offset() as u8, local.time().hour() as u8);
            assert_eq!((moment.day, moment.weekday, moment.hour), expected, "{name} {local}");
        }
    }
}

#[test]
fn an_instant_is_written_so_that_it_reads_back() {
    let calendar = calendar("Europe/Berlin", "2026-10-01", "2026-11-01", None);
    #[rustfmt::skip]
    let table = [
        ("2026-10-05 10:00",             "2026-10-05 10:00"),
        ("2026-10-05 10:00:01.250",      "2026-10-05 10:00:01.25"),
        // The local clock shows it twice.
        ("2026-10-25T02:30:00+02:00",    "2026-10-25T00:30:00Z"),
        ("2026-10-25T03:00:00+01:00",    "2026-10-25 03:00"),
    ];
    for (text, written) in table {
        let at_ms = calendar.instant(text).unwrap();
        assert_eq!(calendar.text_of(at_ms), written, "{text}");
        assert_eq!(calendar.instant(written), Ok(at_ms), "{text}");
    }
}

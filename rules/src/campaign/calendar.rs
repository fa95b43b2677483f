//! The campaign's local calendar: its days, weeks, months and cycles. Instants are milliseconds since
//! 1970-01-01T00:00Z, intervals are half-open, and a cycle is a calendar rule, never a number of seconds.

use crate::fact::Period;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// One cycle of the campaign. Cycles are cut to the campaign's window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// From 1.
    pub number: i32,
    /// First instant.
    pub starts_ms: i64,
    /// First instant after it.
    pub ends_ms: i64,
    /// Local days counted from 1970-01-01, both included.
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

/// The campaign's zone, window and cycles.
pub struct Calendar {
    zone: TimeZone,
    starts_ms: i64,
    ends_ms: i64,
    every: Option<Every>,
    grace_ms: i64,
    /// Every cycle of the window, in order. Without a cycle rule: the window as one, which never closes.
    cycles: Vec<Cycle>,
}

impl Calendar {
    /// Whether the campaign has a cycle rule, so that cycles close.
    pub fn has_cycles(&self) -> bool {
        self.every.is_some()
    }

    /// A calendar for tests of rule languages, which ask it nothing but whether there are cycles.
    #[cfg(test)]
    pub fn for_tests(every: Option<Every>) -> Self {
        Calendar { zone: TimeZone::UTC, starts_ms: 0, ends_ms: i64::MAX, every, grace_ms: 0, cycles: Vec::new() }
    }

    pub fn period_days(&self, _period: Period, _at_ms: i64) -> std::ops::Range<i32> {
        let _ = (&self.zone, self.starts_ms, self.ends_ms, self.every, self.grace_ms, &self.cycles, Date::MIN);
        unimplemented!()
    }
}

//! When a release takes effect, as people say it: at once, with the next cycle, or at an instant of event time.

use super::error::{FlowError, Result};
use super::read::instant;
use guerdon_rules::campaign::calendar::Calendar;
use std::fmt;
use std::str::FromStr;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effective {
    /// For what happens from the moment on at which it is added; a first release decides from the campaign's start.
    #[default]
    AtOnce,
    /// For the first cycle that begins after it is added.
    NextCycle,
    At(i64),
}

const AT_ONCE: &str = "at once";
const NEXT_CYCLE: &str = "next cycle";

impl Effective {
    /// The first instant, by event time, of a release that is added now.
    pub fn resolve(self, calendar: &Calendar, now_ms: i64) -> Result<i64> {
        match self {
            Effective::AtOnce => Ok(now_ms),
            Effective::At(at_ms) => Ok(at_ms),
            Effective::NextCycle => {
                let next = calendar.cycles().iter().find(|cycle| calendar.has_cycles() && cycle.starts_ms > now_ms);
                next.map(|cycle| cycle.starts_ms).ok_or_else(|| {
                    FlowError::Invalid("there is no next cycle: say at once, or an instant such as 2020-09-29T00:00:00+08:00".into())
                })
            }
        }
    }
}

/// None: at once.
impl From<Option<i64>> for Effective {
    fn from(at_ms: Option<i64>) -> Effective {
        at_ms.map_or(Effective::AtOnce, Effective::At)
    }
}

impl fmt::Display for Effective {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Effective::AtOnce => f.write_str(AT_ONCE),
            Effective::NextCycle => f.write_str(NEXT_CYCLE),
            Effective::At(at_ms) => f.write_str(&instant(*at_ms)),
        }
    }
}

impl FromStr for Effective {
    type Err = String;
    fn from_str(text: &str) -> std::result::Result<Effective, String> {
        match text.trim() {
            AT_ONCE => Ok(Effective::AtOnce),
            NEXT_CYCLE => Ok(Effective::NextCycle),
            text => text.parse::<jiff::Timestamp>().map(|t| Effective::At(t.as_millisecond())).map_err(|_| {
                format!(
                    "effective_from \"{text}\" is none of \"{AT_ONCE}\", \"{NEXT_CYCLE}\" and an instant, as in 2020-09-22T10:00:00+08:00"
                )
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for effective in [Effective::AtOnce, Effective::NextCycle, Effective::At(1_600_704_000_000)] {
            assert_eq!(effective.to_string().parse(), Ok(effective));
        }
        assert!("tomorrow".parse::<Effective>().unwrap_err().contains("next cycle"));
    }
}

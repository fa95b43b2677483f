//! What a rule may read about a member: the books as they stood before the event.

use std::fmt;
use std::str::FromStr;

/// A stretch of the campaign's local calendar, chosen by the event's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Period {
    Day,
    Week,
    Month,
    Cycle,
    All,
}

impl Period {
    pub const NAMES: [&str; 5] = ["day", "week", "month", "cycle", "all"];
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

impl FromStr for Period {
    type Err = ();
    fn from_str(word: &str) -> Result<Self, ()> {
        Ok(match word {
            "day" => Period::Day,
            "week" => Period::Week,
            "month" => Period::Month,
            "cycle" => Period::Cycle,
            "all" => Period::All,
            _ => return Err(()),
        })
    }
}

/// One fact of one member. Accounts, rewards, events and attributes are indexes into the campaign's own lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fact {
    /// Points of an account with its parts; whole points.
    Points {
        account: usize,
        period: Period,
    },
    /// Grants of a reward, in any state.
    Granted {
        reward: usize,
        period: Period,
    },
    /// Booked events of a type whose member this is.
    Events {
        event: usize,
        period: Period,
    },
    /// Recorded referrals whose inviter this is.
    Referrals {
        period: Period,
    },
    Attribute {
        attribute: usize,
    },
    /// Place on an account's leaderboard at a close, 1 is best; `i64::MAX` without points. Only at a close.
    Rank {
        account: usize,
    },
}

/// The rank of a member without points: with 0, `rank <= 10` would pay everybody.
pub const UNRANKED: i64 = i64::MAX;

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

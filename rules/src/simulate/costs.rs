//! What a campaign comes to in money and points: by line of the rule file, and by member.
//!
//! Promises: every effect that was booked is counted once. Must not know: how effects are booked.

use crate::book::booking::Booked;
use crate::effect::Place;
use crate::names::Code;
use rustc_hash::FxHashMap;

/// See the module.
#[derive(Default)]
pub struct Costs {
    lines: FxHashMap<Line, Sum>,
    /// Minor units by member number, from 1.
    members: Vec<i64>,
}

/// A line of a rule file with one name that it awards or grants.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Line {
    pub release: i32,
    /// None for the host's own acts.
    pub place: Option<Place>,
    pub function: Code,
    /// Units of a reward; else points of an account.
    pub granted: bool,
    /// Account or reward.
    pub name: Code,
}

/// What one line has booked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    pub times: u64,
    /// Points, or units.
    pub count: i64,
    /// Minor units.
    pub cost: i64,
}

impl Costs {
    pub(super) fn add(&mut self, booked: &[Booked]) {
        for effect in booked {
            let Booked { release, function, granted, name, .. } = *effect;
            let sum = self.lines.entry(Line { release, place: effect.place.clone(), function, granted, name }).or_default();
            sum.times += 1;
            sum.count = sum.count.saturating_add(effect.count);
            sum.cost = sum.cost.saturating_add(effect.cost);
            if effect.cost != 0 {
                // Numbers are given from 1 without gaps.
                let index = usize::try_from(effect.member).unwrap_or(0);
                if self.members.len() <= index {
                    self.members.resize(index + 1, 0);
                }
                self.members[index] = self.members[index].saturating_add(effect.cost);
            }
        }
    }

    /// By file and line.
    pub fn lines(&self) -> Vec<(&Line, Sum)> {
        let mut lines: Vec<(&Line, Sum)> = self.lines.iter().map(|(line, sum)| (line, *sum)).collect();
        lines.sort_unstable_by(|a, b| a.0.cmp(b.0));
        lines
    }

    /// Minor units that a member has cost.
    pub fn of_member(&self, number: i64) -> i64 {
        usize::try_from(number).ok().and_then(|index| self.members.get(index)).copied().unwrap_or(0)
    }

    /// Minor units in all.
    pub fn total(&self) -> i64 {
        self.lines.values().fold(0, |total, sum| total.saturating_add(sum.cost))
    }
}

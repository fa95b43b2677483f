//! What a campaign comes to in money and points: by line of the rule file, and by member.
//!
//! Promises: every effect that was booked is counted once. Must not know: how effects are booked.

use crate::book::booking::Booked;
pub use crate::book::booking::Line;
use rustc_hash::FxHashMap;

/// See the module.
#[derive(Default)]
pub struct Costs {
    lines: FxHashMap<Line, Sum>,
    /// Minor units by member number, from 1.
    members: Vec<i64>,
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

impl Sum {
    fn add(&mut self, effect: &Booked) {
        self.times += 1;
        self.count = self.count.saturating_add(effect.count);
        self.cost = self.cost.saturating_add(effect.cost);
    }
}

impl Costs {
    pub(super) fn add(&mut self, booked: &[Booked]) {
        for effect in booked {
            match self.lines.get_mut(&effect.line) {
                Some(sum) => sum.add(effect),
                None => self.lines.entry(effect.line.clone()).or_default().add(effect),
            }
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

//! Money, budget and codes over time: the state of a world at the same instants in every run.

use super::{Known, local_time};
use crate::book::rows::PoolRow;
use crate::campaign::calendar::{Calendar, local_midnight};
use crate::simulate::world::World;
use serde::Serialize;
use std::collections::VecDeque;

/// More instants than a chart shows.
const INSTANTS_MOST: usize = 400;
const HOUR_MS: i64 = 3_600_000;
/// A campaign shorter than this is looked at every hour, a longer one every local day.
const SHORT_DAYS: i64 = 4;

/// Columns over the same instants; sums so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Timeline {
    /// By the campaign's clock: `2020-09-29 00:00`. The last one is after the last settlement.
    pub at: Vec<String>,
    /// Face value of all grants, and awarded points at their worth.
    pub cost_minor: Vec<i64>,
    pub pools: Vec<PoolTimeline>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PoolTimeline {
    pub pool: String,
    /// Codes that the grants so far need.
    pub needed: Vec<i64>,
}

/// Looks at a world when its clock passes the next instant.
pub(in crate::simulate) struct Watch {
    instants: VecDeque<i64>,
    known: Known,
    timeline: Timeline,
}

impl Watch {
    pub fn of(world: &World) -> Watch {
        let calendar = world.releases().newest().map(|release| &release.campaign.calendar);
        let pools = world.book().pools().iter().map(|row| PoolTimeline { pool: row.name.clone(), needed: Vec::new() });
        Watch {
            instants: calendar.map(instants).unwrap_or_default(),
            known: Known::of(world),
            timeline: Timeline { pools: pools.collect(), ..Timeline::default() },
        }
    }

    /// The next instant at which to look.
    pub fn due_ms(&self) -> i64 {
        self.instants.front().copied().unwrap_or(i64::MAX)
    }

    /// Notes how the world stands at every instant up to `now_ms`, before anything happens then.
    pub fn look(&mut self, world: &World, now_ms: i64) {
        while let Some(at_ms) = self.instants.pop_front_if(|at_ms| *at_ms <= now_ms) {
            self.note(world, at_ms);
        }
    }

    /// Notes how the world stands in the end.
    pub fn finish(&mut self, world: &World, now_ms: i64) -> Timeline {
        self.look(world, now_ms);
        self.note(world, now_ms);
        std::mem::take(&mut self.timeline)
    }

    fn note(&mut self, world: &World, at_ms: i64) {
        let Some(release) = world.releases().newest() else { return };
        self.timeline.at.push(local_time(&release.campaign.calendar, at_ms));
        self.timeline.cost_minor.push(world.costs().total());
        for (column, row) in self.timeline.pools.iter_mut().zip(world.book().pools()) {
            column.needed.push(self.known.needed(world, row));
        }
    }
}

impl Known {
    /// Codes of a pool that the grants so far need.
    pub(super) fn needed(&self, world: &World, pool: &PoolRow) -> i64 {
        let takes = |code| self.rewards.get(code).is_some_and(|reward| reward.pool.as_deref() == Some(pool.name.as_str()));
        world.granted().iter().filter(|((code, _), _)| takes(code)).map(|(_, granted)| granted.units).sum()
    }
}

/// Local midnights of the window, or its hours; every second or third of them where they are too many.
fn instants(calendar: &Calendar) -> VecDeque<i64> {
    let (starts_ms, ends_ms) = (calendar.starts_ms(), calendar.ends_ms());
    let (first, last) = (calendar.moment(starts_ms).day, calendar.moment(ends_ms - 1).day);
    let all: Vec<i64> = if i64::from(last) - i64::from(first) < SHORT_DAYS {
        (1..).map(|hour| starts_ms + hour * HOUR_MS).take_while(|at_ms| *at_ms < ends_ms).collect()
    } else {
        (first + 1..=last).filter_map(|day| local_midnight(calendar.zone(), day)).collect()
    };
    let every = all.len().div_ceil(INSTANTS_MOST).max(1);
    all.into_iter().step_by(every).chain([ends_ms]).collect()
}

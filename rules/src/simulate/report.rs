//! What came of a stream of events, in numbers that people and programs read. Amounts are whole minor units of the
//! campaign's one currency. Must not know: who asked, files.

use super::world::{Granted, World};
use crate::book::ranking::points_in;
use crate::book::rows::Outcome;
use crate::campaign::calendar::{Calendar, day_text};
use crate::campaign::money::Money;
use crate::names::Code;
use crate::release::Release;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Deliveries, repeated ones included.
    pub deliveries: u64,
    /// Deliveries that were answered with an earlier result.
    pub repeated: u64,
    /// Deliveries whose source and id belong to another body.
    pub conflicts: u64,
    /// Events by what became of them in the end.
    pub outcomes: BTreeMap<&'static str, u64>,
    pub members: i64,
    /// Of every amount here; none: the campaign names no money.
    pub currency: Option<String>,
    /// Face value of all grants, and awarded points at their worth.
    pub cost_minor: i64,
    pub rewards: Vec<RewardReport>,
    pub accounts: Vec<AccountReport>,
    pub pools: Vec<PoolReport>,
    /// (cycle's first day, revision) of corrections that were made.
    pub corrections: Vec<(String, i32)>,
    /// Members whose close failed at the last settlement, and why.
    pub failed: Vec<(String, String)>,
}

/// A reward in all, and in each cycle that granted any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RewardReport {
    pub reward: String,
    /// Of the face value; none: a reward without one.
    pub currency: Option<String>,
    pub all: UnitsReport,
    pub cycles: Vec<CycleUnits>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct UnitsReport {
    pub granted: i64,
    /// Of them, those that were owed when they were granted.
    pub owed: i64,
    pub cost_minor: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CycleUnits {
    /// The cycle's first day, `2020-09-22`.
    pub cycle: String,
    #[serde(flatten)]
    pub units: UnitsReport,
}

/// An account's points in all, parts included, and in each cycle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AccountReport {
    pub account: String,
    pub points: i64,
    pub cycles: Vec<CyclePoints>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CyclePoints {
    pub cycle: String,
    pub points: i64,
}

/// Codes of one pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PoolReport {
    pub pool: String,
    /// Codes that all grants together need, whether there were enough or not.
    pub needed: i64,
    /// Codes that there were; none: enough.
    pub stock: Option<i64>,
    /// The time of the first grant that found no code, by the campaign's clock: `2020-09-29 21:04`.
    pub ran_out: Option<String>,
}

/// The report of a world in which everything is settled. `stock`: what its pools began with.
pub(super) fn report(world: &World, stock: Option<&BTreeMap<String, i64>>) -> Report {
    let Some(release) = world.releases().newest().cloned() else { return Report::default() };
    let known = Known::of(world);
    Report {
        members: world.book().head().last_member,
        outcomes: Outcome::ALL.iter().map(|o| (o.name(), world.book().count_events(*o))).filter(|(_, n)| *n != 0).collect(),
        currency: known.currency(),
        cost_minor: world.costs().total(),
        rewards: rewards(world, &known, &release),
        accounts: accounts(world, &release),
        pools: pools(world, &known, &release, stock),
        ..Report::default()
    }
}

/// Everything that any of the releases can grant or count, the newest word on each.
pub(super) struct Known {
    pub rewards: BTreeMap<Code, KnownReward>,
    /// What one point is worth, of the accounts that are worth anything.
    worth: Vec<Money>,
}

pub(super) struct KnownReward {
    pub name: Arc<str>,
    pub face_value: Option<Money>,
    pub pool: Option<Arc<str>>,
}

impl Known {
    pub fn of(world: &World) -> Known {
        let mut known = Known { rewards: BTreeMap::new(), worth: Vec::new() };
        for release in world.releases().iter() {
            for (reward, code) in release.campaign.rewards.iter().zip(&release.codes.rewards) {
                let (name, face_value, pool) = (reward.name.clone(), reward.face_value, reward.pool.clone());
                known.rewards.insert(*code, KnownReward { name, face_value, pool });
            }
            known.worth.extend(release.campaign.accounts.iter().filter_map(|account| account.worth));
        }
        known
    }

    /// A campaign has one.
    pub fn currency(&self) -> Option<String> {
        let face_values = self.rewards.values().filter_map(|reward| reward.face_value);
        face_values.chain(self.worth.iter().copied()).next().map(|money| money.currency.code().to_string())
    }
}

/// A cycle by its first day.
pub(super) fn first_day(release: &Release, cycle: i32) -> String {
    release.campaign.calendar.cycle(cycle).map_or_else(|| format!("cycle {cycle}"), |cycle| day_text(cycle.first_day))
}

/// `2020-09-29 21:04`, by the campaign's clock.
pub(super) fn local_time(calendar: &Calendar, at_ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(at_ms) {
        Ok(at) => calendar.zone().to_datetime(at).strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => at_ms.to_string(),
    }
}

impl From<Granted> for UnitsReport {
    fn from(granted: Granted) -> UnitsReport {
        UnitsReport { granted: granted.units, owed: granted.owed, cost_minor: granted.cost }
    }
}

fn rewards(world: &World, known: &Known, newest: &Release) -> Vec<RewardReport> {
    let of_reward = |(code, reward): (&Code, &KnownReward)| {
        let of_cycles: Vec<(i32, Granted)> = world.granted().iter().filter(|((c, _), _)| c == code).map(|((_, n), g)| (*n, *g)).collect();
        let mut all = UnitsReport::default();
        for (_, granted) in &of_cycles {
            all.granted += granted.units;
            all.owed += granted.owed;
            all.cost_minor = all.cost_minor.saturating_add(granted.cost);
        }
        RewardReport {
            reward: reward.name.to_string(),
            currency: reward.face_value.map(|money| money.currency.code().to_string()),
            all,
            cycles: of_cycles
                .into_iter()
                .map(|(cycle, granted)| CycleUnits { cycle: first_day(newest, cycle), units: granted.into() })
                .collect(),
        }
    };
    known.rewards.iter().map(of_reward).collect()
}

fn accounts(world: &World, release: &Release) -> Vec<AccountReport> {
    let book = world.book();
    let last = release.campaign.calendar.cycles().len() as i32 + 1;
    let of_account = |(index, account): (usize, &crate::campaign::Account)| {
        // Every sum was checked when it was booked.
        let points = |tally| points_in(release, index, tally).unwrap_or(i64::MAX);
        let of_cycle = |cycle: i32| {
            let row = book.cycle_row(cycle)?;
            let points = points(&row.tally);
            (points != 0).then(|| CyclePoints { cycle: first_day(release, cycle), points })
        };
        AccountReport {
            account: account.name.to_string(),
            points: points(&book.head().totals),
            cycles: (1..=last).filter_map(of_cycle).collect(),
        }
    };
    release.campaign.accounts.iter().enumerate().map(of_account).collect()
}

fn pools(world: &World, known: &Known, release: &Release, stock: Option<&BTreeMap<String, i64>>) -> Vec<PoolReport> {
    let of_pool = |row: &crate::book::rows::PoolRow| {
        let takes = |code: &Code| known.rewards.get(code).is_some_and(|reward| reward.pool.as_deref() == Some(row.name.as_str()));
        PoolReport {
            pool: row.name.clone(),
            needed: world.granted().iter().filter(|((code, _), _)| takes(code)).map(|(_, granted)| granted.units).sum(),
            stock: stock.map(|stock| stock.get(&row.name).copied().unwrap_or(0)),
            ran_out: world.ran_out().get(&row.pool).map(|at_ms| local_time(&release.campaign.calendar, *at_ms)),
        }
    };
    world.book().pools().iter().map(of_pool).collect()
}

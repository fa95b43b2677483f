//! Campaigns in memory, at full speed: what a stream of events would cost, and who would get what.
//!
//! [`world`] is the campaign with its settlements, [`rows`] a store in memory that tests and fuzzing drive the book
//! with as a database would, [`recorded`] makes the learning race's events. Promises: the same events, releases and
//! seed give the same report. Must not know: files, databases, the wall clock.

pub mod cycle;
pub mod follow;
pub mod recorded;
pub mod rows;
pub mod world;

use crate::book::decide::Answered;
use crate::book::prepare::Releases;
use crate::book::ranking::points_in;
use crate::book::rows::Outcome;
use crate::campaign::calendar::day_text;
use crate::campaign::money::Money;
use crate::event::Event;
use crate::names::Code;
use crate::release::Release;
use serde::Serialize;
use std::collections::BTreeMap;
use world::{Granted, Settled, World};

/// What a simulation may choose.
pub struct Options<'a> {
    /// Codes by pool; none: every pool has enough.
    pub stock: Option<BTreeMap<String, i64>>,
    pub seed: i64,
    /// Called after every `progress_every` events (0: never) with the number of events so far.
    pub progress: &'a mut dyn FnMut(u64),
    pub progress_every: u64,
}

/// What came of a stream of events. Amounts are whole minor units of their currency.
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
    pub rewards: Vec<RewardReport>,
    pub accounts: Vec<AccountReport>,
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

/// Plays events in the order in which they come. The clock is the latest event time so far; a cycle is settled when
/// the clock passes its end and grace, the rest, and what came late, when the events are over.
pub fn run(releases: Releases, events: impl IntoIterator<Item = Event>, options: Options) -> Report {
    let stock = options.stock.unwrap_or_else(|| plenty(&releases));
    let mut world = World::new(releases, &stock, options.seed);
    world.keep_only_sums();
    let mut report = Report::default();
    let (mut now_ms, mut due_ms) = (i64::MIN, next_due(&world));
    for event in events {
        now_ms = now_ms.max(event.at_ms.as_ref().copied().unwrap_or(i64::MIN));
        if now_ms >= due_ms {
            settle(&mut world, now_ms, &mut report);
            due_ms = next_due(&world);
        }
        count(&mut report, world.event(event, now_ms, &[]).answer);
        if options.progress_every != 0 && report.deliveries.is_multiple_of(options.progress_every) {
            (options.progress)(report.deliveries);
        }
    }
    finish(&mut world, now_ms, &mut report);
    report
}

fn count(report: &mut Report, answer: crate::book::Answer) {
    report.deliveries += 1;
    report.repeated += u64::from(answer.repeated);
    report.conflicts += u64::from(answer.outcome == Answered::Conflict);
}

/// More codes than anybody could be granted.
fn plenty(releases: &Releases) -> BTreeMap<String, i64> {
    let pools = releases.iter().flat_map(|r| &r.campaign.rewards).filter_map(|reward| reward.pool.as_deref());
    pools.map(|pool| (pool.to_string(), i64::MAX / 2)).collect()
}

fn settle(world: &mut World, now_ms: i64, report: &mut Report) {
    let settled: Settled = world.settle(now_ms);
    let Some(release) = world.releases().at(now_ms) else { return };
    report.corrections.extend(settled.corrected.into_iter().map(|(cycle, revision)| (first_day(release, cycle), revision)));
    report.failed = settled.failed.into_iter().map(|(id, reason)| (id.to_string(), reason)).collect();
}

/// When the next cycle is due to be settled.
fn next_due(world: &World) -> i64 {
    let Some(release) = world.releases().newest() else { return i64::MAX };
    let calendar = &release.campaign.calendar;
    let next = calendar.cycle(world.book().head().closed_through + 1).filter(|_| calendar.has_cycles());
    next.map_or(i64::MAX, |cycle| cycle.ends_ms.saturating_add(calendar.grace_ms()))
}

/// Settles what is left, as if the clock went on to the end of the campaign.
fn finish(world: &mut World, now_ms: i64, report: &mut Report) {
    let Some(release) = world.releases().newest().cloned() else { return };
    let calendar = &release.campaign.calendar;
    let end_ms = calendar.ends_ms().saturating_add(calendar.grace_ms()).max(now_ms);
    settle(world, end_ms, report);
    report.members = world.book().head().last_member;
    report.outcomes = Outcome::ALL.iter().map(|o| (o.name(), world.book().count_events(*o))).filter(|(_, n)| *n != 0).collect();
    report.rewards = rewards(world);
    report.accounts = accounts(world, &release);
}

fn first_day(release: &Release, cycle: i32) -> String {
    release.campaign.calendar.cycle(cycle).map_or_else(|| format!("cycle {cycle}"), |cycle| day_text(cycle.first_day))
}

fn rewards(world: &World) -> Vec<RewardReport> {
    let mut known: BTreeMap<Code, (&str, Option<Money>)> = BTreeMap::new();
    for release in world.releases().iter() {
        for (reward, code) in release.campaign.rewards.iter().zip(&release.codes.rewards) {
            known.insert(*code, (&reward.name, reward.face_value));
        }
    }
    let Some(newest) = world.releases().newest() else { return Vec::new() };
    let of_reward = |(code, (name, face_value)): (&Code, &(&str, Option<Money>))| {
        let of_cycles: Vec<(i32, Granted)> = world.granted().iter().filter(|((c, _), _)| c == code).map(|((_, n), g)| (*n, *g)).collect();
        let mut all = UnitsReport::default();
        for (_, granted) in &of_cycles {
            all.granted += granted.units;
            all.owed += granted.owed;
            all.cost_minor = all.cost_minor.saturating_add(granted.cost);
        }
        RewardReport {
            reward: name.to_string(),
            currency: face_value.map(|money| money.currency.code().to_string()),
            all,
            cycles: of_cycles
                .into_iter()
                .map(|(cycle, granted)| CycleUnits { cycle: first_day(newest, cycle), units: granted.into() })
                .collect(),
        }
    };
    known.iter().map(of_reward).collect()
}

impl From<Granted> for UnitsReport {
    fn from(granted: Granted) -> UnitsReport {
        UnitsReport { granted: granted.units, owed: granted.owed, cost_minor: granted.cost }
    }
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

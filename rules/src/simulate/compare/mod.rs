//! Two releases over the same events, side by side: what changes in total and for whom, and the decisions that differ
//! most, with their receipts under both.
//!
//! [`members`] finds who gains and who loses, [`examples`] keeps the decisions that differ most. Promises: both worlds
//! get the same events at the same times; equal events, releases and seed give an equal comparison. Must not know: files.

pub mod examples;
pub mod members;

use super::playback::{Playback, Played};
use super::report::{PoolReport, Report, RewardReport, UnitsReport};
use super::world::{Keeps, Settled};
use super::{Options, empty};
use crate::book::decide::{Answer, Answered};
use crate::book::prepare::Releases;
use crate::book::receipt::Receipt;
use crate::book::rows::Outcome;
use crate::event::{Event, Key};
use crate::release::Release;
use examples::{Cause, Collector, Example};
use members::Members;
use rustc_hash::FxHashMap;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Events that both worlds decide before they are compared.
const CHUNK: usize = 512;

/// The same thing under both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Both<T> {
    pub old: T,
    pub new: T,
}

impl<T: PartialEq> Both<T> {
    pub fn differ(&self) -> bool {
        self.old != self.new
    }
}

impl Both<i64> {
    /// What the new one has more.
    pub fn more(&self) -> i64 {
        self.new.saturating_sub(self.old)
    }
}

/// See the module. Amounts are whole minor units.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    pub deliveries: u64,
    /// Whether anything does, down to one member's points.
    pub differ: bool,
    pub currency: Option<String>,
    pub cost_minor: Both<i64>,
    /// Those that differ, in all and by cycle.
    pub rewards: Vec<RewardDifference>,
    pub accounts: Vec<AccountDifference>,
    /// Every pool of both: the codes that all grants need.
    pub pools: Vec<PoolDifference>,
    /// Events that come to another outcome in the end.
    pub outcomes: Vec<OutcomeDifference>,
    pub members: Members,
    /// By function, the largest first.
    pub examples: Vec<Example>,
    pub old: Report,
    pub new: Report,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RewardDifference {
    pub reward: String,
    pub currency: Option<String>,
    pub all: Both<UnitsReport>,
    pub cycles: Vec<CycleDifference<UnitsReport>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountDifference {
    pub account: String,
    pub points: Both<i64>,
    pub cycles: Vec<CycleDifference<i64>>,
}

/// One cycle, by its first day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CycleDifference<T> {
    pub cycle: String,
    #[serde(flatten)]
    pub both: Both<T>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PoolDifference {
    pub pool: String,
    pub codes: Both<i64>,
    pub ran_out: Both<Option<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OutcomeDifference {
    pub old: &'static str,
    pub new: &'static str,
    pub events: u64,
}

/// Plays the events through both. `listed` is how many members of each sort, and examples of each function, are named.
pub fn compare(old: Releases, new: Releases, events: impl IntoIterator<Item = Event>, mut options: Options, listed: usize) -> Comparison {
    let mut comparing = Comparing::new(old, new, &options, listed);
    let mut chunk: Vec<Event> = Vec::with_capacity(CHUNK);
    let mut events = events.into_iter();
    let mut played = 0_u64;
    loop {
        chunk.extend(events.by_ref().take(CHUNK));
        if chunk.is_empty() {
            break;
        }
        comparing.play(&chunk);
        played += chunk.len() as u64;
        report_progress(&mut options, played, chunk.len() as u64);
        chunk.clear();
    }
    comparing.finish()
}

/// Chunks are no whole steps of progress.
fn report_progress(options: &mut Options, played: u64, by: u64) {
    if options.progress_every != 0 && played / options.progress_every != (played - by) / options.progress_every {
        (options.progress)(played);
    }
}

struct Comparing {
    old: Playback,
    new: Playback,
    listed: usize,
    examples: Collector,
    /// Events that are not over in one of the worlds, or come to another outcome there.
    open: FxHashMap<Key, Open>,
}

struct Open {
    cause: Cause,
    outcome: Both<Option<Outcome>>,
}

impl Comparing {
    fn new(old: Releases, new: Releases, options: &Options, listed: usize) -> Comparing {
        let examples = Collector::new(old.clone(), new.clone(), listed);
        let playback = |releases| Playback::new(empty(releases, options, Keeps::Receipts), options.stock.clone());
        Comparing { old: playback(old), new: playback(new), listed, examples, open: FxHashMap::default() }
    }

    fn play(&mut self, events: &[Event]) {
        let (old, new) = (&mut self.old, &mut self.new);
        let all = |playback: &mut Playback| -> Vec<Played> { events.iter().map(|event| playback.play(event.clone())).collect() };
        let (old, new) = std::thread::scope(|scope| {
            let old = scope.spawn(|| all(old));
            let new = all(new);
            (old.join(), new)
        });
        // A panic of one is a panic of both.
        let old = old.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        for (event, (old, new)) in events.iter().zip(old.into_iter().zip(new)) {
            self.hold(event, old, new);
        }
    }

    fn hold(&mut self, event: &Event, old: Played, new: Played) {
        self.hold_closes(old.settled.unwrap_or_default(), new.settled.unwrap_or_default());
        self.hold_released(Both { old: old.step.released, new: new.step.released });
        let outcome = |answer: &Answer| match answer.outcome {
            Answered::Is(outcome) => Some(outcome),
            Answered::Conflict => None,
        };
        self.keep_open(event, Both { old: outcome(&old.step.answer), new: outcome(&new.step.answer) });
        self.examples.hold(|| Cause::of(event), Both { old: old.step.receipt, new: new.step.receipt });
    }

    /// A conflict says nothing of the event whose id it has.
    fn keep_open(&mut self, event: &Event, outcome: Both<Option<Outcome>>) {
        let over = |outcome: Option<Outcome>| outcome.is_none_or(Outcome::is_final);
        let identity = event.identity();
        if !outcome.differ() && over(outcome.old) && !self.open.contains_key(&identity) {
            return;
        }
        let open = self.open.entry(identity).or_insert_with(|| Open { cause: Cause::of(event), outcome });
        open.outcome = Both { old: outcome.old.or(open.outcome.old), new: outcome.new.or(open.outcome.new) };
    }

    /// What waited and was decided is told by its own event, not by the one that let it go.
    fn hold_released(&mut self, receipts: Both<Vec<(Key, Receipt)>>) {
        let mut released: BTreeMap<Key, Both<Option<Receipt>>> = BTreeMap::new();
        receipts.old.into_iter().for_each(|(identity, receipt)| released.entry(identity).or_default().old = Some(receipt));
        receipts.new.into_iter().for_each(|(identity, receipt)| released.entry(identity).or_default().new = Some(receipt));
        for (identity, receipts) in released {
            let Some(open) = self.open.get_mut(&identity) else { continue };
            let outcome = |receipt: &Option<Receipt>| receipt.as_ref().and_then(|receipt| Outcome::named(&receipt.outcome));
            open.outcome.old = outcome(&receipts.old).or(open.outcome.old);
            open.outcome.new = outcome(&receipts.new).or(open.outcome.new);
            let cause = open.cause.clone();
            self.examples.hold(|| cause, receipts);
        }
    }

    fn hold_closes(&mut self, old: Settled, new: Settled) {
        let mut closes: BTreeMap<_, Both<Option<_>>> = BTreeMap::new();
        for member in old.members {
            closes.entry((member.cycle, member.revision, member.member)).or_default().old = Some(member.closed.receipt);
        }
        for member in new.members {
            closes.entry((member.cycle, member.revision, member.member)).or_default().new = Some(member.closed.receipt);
        }
        let Some(release) = self.new.world().releases().newest().cloned() else { return };
        for ((cycle, revision, member), receipts) in closes {
            let day = super::report::first_day(&release, cycle);
            self.examples.hold(|| Cause::Close { cycle: day.clone(), revision, member: member.to_string() }, receipts);
        }
    }

    fn finish(mut self) -> Comparison {
        let (old, old_settled) = self.old.finish();
        let (new, new_settled) = self.new.finish();
        let released = Both { old: self.old.world_mut().take_released(), new: self.new.world_mut().take_released() };
        self.hold_released(released);
        self.hold_closes(old_settled, new_settled);
        let members = members::compare(self.old.world(), self.new.world(), self.listed);
        let outcomes = self.outcomes();
        let reports = Both { old: &old, new: &new };
        let (rewards, accounts) = (rewards(&reports), accounts(&reports));
        let cost_minor = Both { old: old.cost_minor, new: new.cost_minor };
        let examples = self.examples.finish();
        let same = rewards.is_empty() && accounts.is_empty() && outcomes.is_empty() && members.nobody() && examples.is_empty();
        Comparison {
            deliveries: old.deliveries,
            differ: !same || cost_minor.differ(),
            currency: new.currency.clone().or(old.currency.clone()),
            cost_minor,
            rewards,
            accounts,
            pools: pools(&reports),
            outcomes,
            members,
            examples,
            old,
            new,
        }
    }

    fn outcomes(&self) -> Vec<OutcomeDifference> {
        let mut counts: BTreeMap<(i16, i16), OutcomeDifference> = BTreeMap::new();
        for Both { old, new } in self.open.values().map(|open| open.outcome) {
            if let (Some(was), Some(is), true) = (old, new, old != new) {
                let fresh = OutcomeDifference { old: was.name(), new: is.name(), events: 0 };
                counts.entry((was as i16, is as i16)).or_insert(fresh).events += 1;
            }
        }
        counts.into_values().collect()
    }
}

fn rewards(reports: &Both<&Report>) -> Vec<RewardDifference> {
    let by_name = |report: &Report| -> BTreeMap<String, RewardReport> {
        report.rewards.iter().map(|reward| (reward.reward.clone(), reward.clone())).collect()
    };
    let both = beside(by_name(reports.old), by_name(reports.new));
    let difference = |(reward, both): (String, Both<RewardReport>)| {
        let currency = both.new.currency.clone().or(both.old.currency.clone());
        let of_cycles = |r: &RewardReport| r.cycles.iter().map(|c| (c.cycle.clone(), c.units)).collect();
        let cycles = cycles(of_cycles(&both.old), of_cycles(&both.new));
        let all = Both { old: both.old.all, new: both.new.all };
        (all.differ() || !cycles.is_empty()).then_some(RewardDifference { reward, currency, all, cycles })
    };
    both.into_iter().filter_map(difference).collect()
}

fn accounts(reports: &Both<&Report>) -> Vec<AccountDifference> {
    let by_name = |report: &Report| report.accounts.iter().map(|account| (account.account.clone(), account.clone())).collect();
    let difference = |(account, both): (String, Both<super::report::AccountReport>)| {
        let of_cycles = |a: &super::report::AccountReport| a.cycles.iter().map(|c| (c.cycle.clone(), c.points)).collect();
        let cycles = cycles(of_cycles(&both.old), of_cycles(&both.new));
        let points = Both { old: both.old.points, new: both.new.points };
        (points.differ() || !cycles.is_empty()).then_some(AccountDifference { account, points, cycles })
    };
    beside(by_name(reports.old), by_name(reports.new)).into_iter().filter_map(difference).collect()
}

fn pools(reports: &Both<&Report>) -> Vec<PoolDifference> {
    let by_name = |report: &Report| -> BTreeMap<String, PoolReport> { report.pools.iter().map(|p| (p.pool.clone(), p.clone())).collect() };
    let difference = |(pool, both): (String, Both<PoolReport>)| PoolDifference {
        pool,
        codes: Both { old: both.old.needed, new: both.new.needed },
        ran_out: Both { old: both.old.ran_out, new: both.new.ran_out },
    };
    beside(by_name(reports.old), by_name(reports.new)).into_iter().map(difference).collect()
}

/// Cycles that differ.
fn cycles<T: Default + PartialEq>(old: BTreeMap<String, T>, new: BTreeMap<String, T>) -> Vec<CycleDifference<T>> {
    let both = beside(old, new).into_iter().filter(|(_, both)| both.differ());
    both.map(|(cycle, both)| CycleDifference { cycle, both }).collect()
}

/// What both say by name; what one does not have is nothing there.
fn beside<T: Default>(mut old: BTreeMap<String, T>, mut new: BTreeMap<String, T>) -> Vec<(String, Both<T>)> {
    let names: BTreeSet<String> = old.keys().chain(new.keys()).cloned().collect();
    let both = |name: String| {
        let both = Both { old: old.remove(&name).unwrap_or_default(), new: new.remove(&name).unwrap_or_default() };
        (name, both)
    };
    names.into_iter().map(both).collect()
}

/// The newest release that says anything of a name.
fn newest_first(releases: &Releases) -> impl Iterator<Item = &Arc<Release>> {
    let all: Vec<&Arc<Release>> = releases.iter().collect();
    all.into_iter().rev()
}

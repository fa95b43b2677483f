//! What one cycle pays under two sets of releases: the same events through two worlds, and every member's share of that
//! cycle side by side.
//!
//! Promises: both get the same events at the same times. Must not know: where events come from, which set is in force.

use super::playback::next_due;
use super::plenty;
use super::world::{Keeps, World};
use crate::book::prepare::Releases;
use crate::book::ranking::points_in;
use crate::event::Event;
use crate::release::Release;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The same thing under the two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pair {
    pub was: i64,
    pub would: i64,
}

impl Pair {
    fn differs(self) -> bool {
        self.was != self.would
    }
}

/// See the module. Money is whole minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CyclePaid {
    pub events: u64,
    /// Every reward that either set knows, by name: units, and their face value.
    pub rewards: BTreeMap<String, (Pair, Pair)>,
    /// Every account that either set knows, parts included.
    pub accounts: BTreeMap<String, Pair>,
    /// What points are worth.
    pub worth: Pair,
    /// Members whose share differs: what of it does.
    pub members: BTreeMap<String, BTreeMap<String, Pair>>,
    /// Face value of each of them, for who gains and who loses.
    pub member_cost: BTreeMap<String, Pair>,
    pub members_in_all: u64,
    /// How far the two sides of each invariant are apart.
    pub slack: BTreeMap<String, Pair>,
}

/// Two worlds, and the cycle that is asked about.
pub struct Comparing {
    was: Side,
    would: Side,
    cycle: i32,
    events: u64,
}

struct Side {
    world: World,
    now_ms: i64,
    due_ms: i64,
}

impl Comparing {
    /// Every pool has enough codes: what is needed is what is asked.
    pub fn new(was: Releases, would: Releases, cycle: i32, seed: i64) -> Comparing {
        Comparing { was: Side::new(was, seed), would: Side::new(would, seed), cycle, events: 0 }
    }

    /// An event that arrived at `received_ms`.
    pub fn event(&mut self, event: &Event, received_ms: i64) {
        self.events += 1;
        self.was.event(event.clone(), received_ms);
        self.would.event(event.clone(), received_ms);
    }

    /// Settles the cycle, and tells.
    pub fn finish(mut self) -> CyclePaid {
        self.was.settle_through(self.cycle);
        self.would.settle_through(self.cycle);
        let (Some(old), Some(new)) = (self.was.deciding(self.cycle), self.would.deciding(self.cycle)) else { return CyclePaid::default() };
        let mut paid = CyclePaid { events: self.events, ..CyclePaid::default() };
        for (is_new, side, release) in [(false, &self.was, &old), (true, &self.would, &new)] {
            side.sums(self.cycle, release, is_new, &mut paid);
        }
        let members = |side: &Side| side.world.book().members().filter(|m| m.number != 0).map(|m| m.id.to_string()).collect();
        let all: BTreeSet<String> = members(&self.was);
        paid.members_in_all = all.union(&members(&self.would)).count() as u64;
        paid.members.retain(|_, of| {
            of.retain(|_, pair| pair.differs());
            !of.is_empty()
        });
        paid.member_cost.retain(|id, _| paid.members.contains_key(id));
        paid
    }
}

impl Side {
    fn new(releases: Releases, seed: i64) -> Side {
        let mut world = World::new(releases.clone(), &plenty(&releases), seed);
        world.keep(Keeps::Sums);
        let due_ms = next_due(&world);
        Side { world, now_ms: i64::MIN, due_ms }
    }

    fn event(&mut self, event: Event, received_ms: i64) {
        self.now_ms = self.now_ms.max(received_ms);
        if self.now_ms >= self.due_ms {
            self.world.settle(self.now_ms);
            self.due_ms = next_due(&self.world);
        }
        self.world.event(event, self.now_ms, &[]);
    }

    /// As if the clock went on to the end of the cycle's grace, if it has not come there.
    fn settle_through(&mut self, cycle: i32) {
        let Some(release) = self.world.releases().newest() else { return };
        let calendar = &release.campaign.calendar;
        let over_ms = calendar.cycle(cycle).map_or(i64::MIN, |c| c.ends_ms.saturating_add(calendar.grace_ms()));
        self.world.settle(self.now_ms.max(over_ms));
    }

    /// The release that the cycle is closed by.
    fn deciding(&self, cycle: i32) -> Option<Arc<Release>> {
        let cycle = self.world.releases().newest()?.campaign.calendar.cycle(cycle)?.clone();
        self.world.releases().closing(&cycle).cloned()
    }

    fn sums(&self, cycle: i32, release: &Release, is_new: bool, paid: &mut CyclePaid) {
        let campaign = &release.campaign;
        let side = |pair: &mut Pair, amount: i64| *(if is_new { &mut pair.would } else { &mut pair.was }) += amount;
        let book = self.world.book();
        for (index, reward) in campaign.rewards.iter().enumerate() {
            let granted = self.world.granted().get(&(release.codes.rewards[index], cycle)).copied().unwrap_or_default();
            let of = paid.rewards.entry(reward.name.to_string()).or_default();
            side(&mut of.0, granted.units);
            side(&mut of.1, granted.cost);
        }
        for (index, account) in campaign.accounts.iter().enumerate() {
            let points = book.cycle_row(cycle).map_or(0, |row| points_in(release, index, &row.tally).unwrap_or(i64::MAX));
            side(paid.accounts.entry(account.name.to_string()).or_default(), points);
            // A part has its points in its parent too.
            if account.parent.is_none() {
                side(&mut paid.worth, points.saturating_mul(account.worth.map_or(0, |worth| worth.minor)));
            }
        }
        for standing in book.standings_in(cycle) {
            let Some(slot) = book.slot_of_number(standing.member) else { continue };
            let id = book.member_row(slot).id.to_string();
            let of = paid.members.entry(id.clone()).or_default();
            for (index, reward) in campaign.rewards.iter().enumerate() {
                let code = release.codes.granted[index];
                let units = standing.tally.get(code) + standing.given.get(code);
                side(of.entry(reward.name.to_string()).or_default(), units);
                let value = reward.face_value.map_or(0, |money| money.minor);
                side(paid.member_cost.entry(id.clone()).or_default(), units.saturating_mul(value));
            }
            for (index, account) in campaign.accounts.iter().enumerate() {
                let points = points_in(release, index, &standing.tally).unwrap_or(i64::MAX);
                side(of.entry(format!("{} (points)", account.name)).or_default(), points);
            }
        }
        for (invariant, sides) in campaign.invariants.iter().zip(book.invariant_sides(release)) {
            if let Some((left, right)) = sides {
                side(paid.slack.entry(invariant.name.clone()).or_default(), right.saturating_sub(left).saturating_abs());
            }
        }
    }
}

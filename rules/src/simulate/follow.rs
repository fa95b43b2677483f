//! A release that follows a running campaign: it decides what the campaign decided, in the same order and with books
//! of its own, and every decision is held against the one that counts. A world that plays the journal.
//!
//! Promises: it decides with the state machine that pays, and pays nothing. Must not know: databases, who reads it.

use super::world::{Keeps, Settled, World};
use crate::book::prepare::Releases;
use crate::book::receipt::{EffectLine, Receipt};
use crate::book::rows::Switch;
use crate::event::{Event, Key};
use crate::value::MemberId;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// See the module.
pub struct Follower {
    world: World,
    now_ms: i64,
    /// Of events that were decided with another one, until the journal comes to them.
    released: FxHashMap<Key, Receipt>,
    /// Closes that the journal has not come to yet, by cycle and member.
    closes: BTreeMap<(i32, MemberId), Receipt>,
}

/// One decision, as it was and as it would have been.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub was: Receipt,
    pub would: Receipt,
    pub differs: bool,
}

impl Follower {
    /// `releases` end with the one that follows. Every pool has enough codes: stock is not what is compared.
    pub fn new(releases: Releases, seed: i64) -> Follower {
        let stock = super::plenty(&releases);
        let mut world = World::new(releases, &stock, seed);
        world.keep(Keeps::Receipts);
        Follower { world, now_ms: i64::MIN, released: FxHashMap::default(), closes: BTreeMap::new() }
    }

    /// An event that came to `was`, when it had arrived at `received_ms`.
    pub fn event(&mut self, event: Event, received_ms: i64, was: Receipt) -> Held {
        self.now_ms = self.now_ms.max(received_ms);
        let identity = event.identity();
        let step = self.world.event(event, self.now_ms, &[]);
        self.released.extend(step.released);
        let decided = step.receipt.or_else(|| self.released.remove(&identity));
        let outcome = step.answer.outcome.name().to_string();
        let would = decided.unwrap_or_else(|| Receipt {
            // It was decided by an earlier line: only what it came to is told again.
            effects: if outcome == was.outcome { was.effects.clone() } else { Vec::new() },
            outcome,
            reason: step.answer.reason,
            ..Receipt::default()
        });
        Held::of(was, would)
    }

    /// A settlement of this cycle began.
    pub fn settle(&mut self, cycle: i32, now_ms: i64) {
        let due_ms = self.world.releases().newest().and_then(|release| {
            let calendar = &release.campaign.calendar;
            Some(calendar.cycle(cycle)?.ends_ms.saturating_add(calendar.grace_ms()))
        });
        self.now_ms = self.now_ms.max(now_ms).max(due_ms.unwrap_or(i64::MIN));
        let Settled { members, .. } = self.world.settle(self.now_ms);
        for settled in members {
            // A close and its corrections, or several of them, may come before the journal does.
            let close = self.closes.entry((settled.cycle, settled.member)).or_default();
            let receipt = settled.closed.receipt;
            let effects = std::mem::take(&mut close.effects).into_iter().chain(receipt.effects).collect();
            *close = Receipt { effects, ..receipt };
        }
    }

    /// A member's close that came to `was`.
    pub fn close(&mut self, cycle: i32, member: MemberId, was: Receipt) -> Held {
        let would = self.closes.remove(&(cycle, member)).unwrap_or_default();
        Held::of(was, would)
    }

    /// The settlement of this cycle is done: closes that only would have come to something.
    pub fn settled(&mut self, cycle: i32) -> Vec<(MemberId, Held)> {
        let (of_cycle, others) = std::mem::take(&mut self.closes).into_iter().partition(|((of, _), _)| *of == cycle);
        self.closes = others;
        let of_cycle: BTreeMap<(i32, MemberId), Receipt> = of_cycle;
        let held = of_cycle.into_iter().map(|((_, member), would)| (member, Held::of(Receipt::default(), would)));
        held.filter(|(_, held)| held.differs).collect()
    }

    /// A switch was closed or opened.
    pub fn switch(&mut self, name: &str, switch: Switch) {
        self.world.set_switch(name, switch);
    }
}

impl Held {
    fn of(was: Receipt, would: Receipt) -> Held {
        let same = was.effects.is_empty() && would.effects.is_empty() && (was.outcome.is_empty() || would.outcome.is_empty())
            || (was.outcome == would.outcome && sums(&was.effects) == sums(&would.effects));
        Held { differs: !same, was, would }
    }
}

/// Kind, member, name and text of an effect.
type What<'e> = (&'e str, Option<&'e str>, Option<&'e str>, Option<&'e str>);

/// What effects come to: by kind, member and name. Where the rule file asks for them, in how many lines, and what it
/// remarks makes no difference to anybody.
fn sums(effects: &[EffectLine]) -> BTreeMap<What<'_>, i64> {
    let mut sums = BTreeMap::new();
    for line in effects.iter().filter(|line| line.effect != "note") {
        let key = (line.effect.as_str(), line.member.as_deref(), line.name.as_deref(), line.text.as_deref());
        *sums.entry(key).or_insert(0) += line.count.unwrap_or(0);
    }
    sums.retain(|key, count| *count != 0 || key.0 == "set");
    sums
}

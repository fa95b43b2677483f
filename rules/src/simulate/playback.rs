//! One world, driven by a stream of events: the clock, settlements when they are due, and the report in the end.
//!
//! The clock is the latest event time so far. A cycle is settled when the clock passes its end and grace; the rest, and
//! what came late, when the events are over. Must not know: where the events come from.

use super::report::timeline::Watch;
use super::report::{Report, first_day, report};
use super::world::{ClosedMember, Step, World};
use crate::book::decide::Answered;
use crate::book::prepare::Prepared;
use crate::event::Event;
use std::collections::BTreeMap;

/// See the module.
pub struct Playback {
    world: World,
    /// What the pools began with; none: enough.
    stock: Option<BTreeMap<String, i64>>,
    now_ms: i64,
    /// When the next cycle is due to be settled.
    due_ms: i64,
    watch: Watch,
    /// The counts so far.
    report: Report,
}

/// What one event did.
pub struct Played {
    /// Members' closes in the settlement that was due before it; none in a world that keeps only sums.
    pub closed: Vec<ClosedMember>,
    pub step: Step,
}

/// The latest event time so far, this event's included.
pub fn clock(now_ms: i64, event: &Event) -> i64 {
    now_ms.max(event.at_ms.as_ref().copied().unwrap_or(i64::MIN))
}

impl Playback {
    pub fn new(world: World, stock: Option<BTreeMap<String, i64>>) -> Playback {
        let (due_ms, watch) = (next_due(&world), Watch::of(&world));
        Playback { world, stock, now_ms: i64::MIN, due_ms, watch, report: Report::default() }
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    /// Decides one event, after the settlements that are due by its time.
    pub fn play(&mut self, event: Event) -> Played {
        let now_ms = clock(self.now_ms, &event);
        let closed = self.turn_to(now_ms);
        let step = self.world.event(event, now_ms, &[]);
        self.count(&step);
        Played { closed, step }
    }

    /// [`Playback::play`] of an event that was read at the time on the [`clock`].
    pub fn play_prepared(&mut self, prepared: &Prepared) -> Played {
        let closed = self.turn_to(prepared.received_ms);
        let step = self.world.prepared(prepared);
        self.count(&step);
        Played { closed, step }
    }

    fn turn_to(&mut self, now_ms: i64) -> Vec<ClosedMember> {
        self.now_ms = now_ms;
        if now_ms < self.due_ms.min(self.watch.due_ms()) {
            return Vec::new();
        }
        self.watch.look(&self.world, now_ms);
        if now_ms >= self.due_ms { self.settle(now_ms) } else { Vec::new() }
    }

    fn count(&mut self, step: &Step) {
        self.report.deliveries += 1;
        self.report.repeated += u64::from(step.answer.repeated);
        self.report.conflicts += u64::from(step.answer.outcome == Answered::Conflict);
    }

    pub fn into_world(self) -> World {
        self.world
    }
    pub fn world_mut(&mut self) -> &mut World {
        &mut self.world
    }

    /// Settles what is left, as if the clock went on to the end of the campaign: each cycle when it is due, and in the
    /// end what came late.
    pub fn finish(&mut self) -> (Report, Vec<ClosedMember>) {
        let Some(release) = self.world.releases().newest().cloned() else { return (Report::default(), Vec::new()) };
        let calendar = &release.campaign.calendar;
        let end_ms = calendar.ends_ms().saturating_add(calendar.grace_ms()).max(self.now_ms);
        let mut closed = Vec::new();
        while self.due_ms < end_ms {
            let due_ms = self.due_ms;
            self.watch.look(&self.world, due_ms);
            closed.append(&mut self.settle(due_ms));
            // The release of that time may wait longer than the newest.
            if self.due_ms <= due_ms {
                break;
            }
        }
        self.watch.look(&self.world, end_ms - 1);
        closed.append(&mut self.settle(end_ms));
        let timeline = self.watch.finish(&self.world, end_ms);
        let counts = std::mem::take(&mut self.report);
        let Report { deliveries, repeated, conflicts, corrections, failed, .. } = counts;
        let sums = report(&self.world, self.stock.as_ref());
        let report = Report { deliveries, repeated, conflicts, corrections, failed, timeline, ..sums };
        (report, closed)
    }

    fn settle(&mut self, now_ms: i64) -> Vec<ClosedMember> {
        let settled = self.world.settle(now_ms);
        self.due_ms = next_due(&self.world);
        if let Some(release) = self.world.releases().at(now_ms) {
            let made = settled.corrected.iter().map(|(cycle, revision)| (first_day(release, *cycle), *revision));
            self.report.corrections.extend(made);
            self.report.failed = settled.failed.iter().map(|(id, reason)| (id.to_string(), reason.clone())).collect();
        }
        settled.members
    }
}

pub(super) fn next_due(world: &World) -> i64 {
    let Some(release) = world.releases().newest() else { return i64::MAX };
    let calendar = &release.campaign.calendar;
    let next = calendar.cycle(world.book().head().closed_through + 1).filter(|_| calendar.has_cycles());
    next.map_or(i64::MAX, |cycle| cycle.ends_ms.saturating_add(calendar.grace_ms()))
}

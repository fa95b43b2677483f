//! Invariants: what must hold once a decision is booked, asked before anything is written. An invariant is about the
//! campaign's totals, or about each member that the decision concerns, over all time or the day or cycle that it is
//! booked in.

use super::changes::{Changes, Kind, Scope, Step, Stopped, When, checked};
use super::facts::{points_measures, sum};
use super::tally::{Overflow, Tally};
use super::{Book, Slot};
use crate::campaign::{Comparison, Invariant, OnBreach, Total};
use crate::fact::Period;
use crate::names::Code;
use crate::release::Release;

/// What one comparison is about.
struct View<'a> {
    scope: &'a Scope<'a>,
    changes: &'a Changes,
    /// Whose event or close this is.
    member: Option<Slot>,
    /// Of whom; none: of all.
    slot: Option<Slot>,
    /// Over which day or cycle; none: over all time.
    period: Option<(Period, When)>,
}

impl Book {
    /// `parties` are the members of the question, the member first.
    pub(super) fn check_invariants(&self, scope: &Scope, changes: &Changes, parties: &[Option<Slot>]) -> Step<()> {
        let member = parties.first().copied().flatten();
        let is_close = scope.event.is_none();
        for invariant in scope.release.campaign.invariants.iter().filter(|i| is_close || !i.at_close) {
            for slot in subjects(invariant, scope, changes, member) {
                for period in periods(invariant, scope) {
                    self.check_invariant(invariant, &View { scope, changes, member, slot, period })?;
                }
            }
        }
        Ok(())
    }

    fn check_invariant(&self, invariant: &Invariant, view: &View) -> Step<()> {
        let (left, right) = (self.total(view, &invariant.left)?, self.total(view, &invariant.right)?);
        if holds(invariant, left, right) {
            return Ok(());
        }
        let of = view.slot.map_or_else(String::new, |slot| format!(" for {}", self.members[slot].row.id));
        let reason = format!("invariant \"{}\" would not hold{of}: {} with {left} and {right}", invariant.name, invariant.text);
        let mut stopped = Stopped::because(reason, None);
        stopped.closes_issue = invariant.on_breach == OnBreach::CloseIssue;
        Err(stopped)
    }

    /// Both sides of each invariant, as the totals stand; none where a sum does not fit, or where it is about more than
    /// the campaign's totals.
    pub fn invariant_sides(&self, release: &Release) -> Vec<Option<(i64, i64)>> {
        let when = When { cycle: 0, day: 0, at_ms: 0 };
        let before = &Tally::EMPTY;
        let scope = &Scope { release, handler: None, points: when, grants: when, event: None, inviter: None, closing: 0, before };
        let changes = &Changes::default();
        let view = View { scope, changes, member: None, slot: None, period: None };
        let side = |total: &Total| self.total(&view, total).ok();
        let of_totals = |invariant: &Invariant| !invariant.per_member && invariant.period.is_none();
        let both = |invariant: &Invariant| side(&invariant.left).zip(side(&invariant.right)).filter(|_| of_totals(invariant));
        release.campaign.invariants.iter().map(both).collect()
    }

    /// A sum as it would be after the changes.
    fn total(&self, view: &View, total: &Total) -> Step<i64> {
        let (release, changes) = (view.scope.release, view.changes);
        let both = |a: &Total, b: &Total| -> Step<(i64, i64)> { Ok((self.total(view, a)?, self.total(view, b)?)) };
        let after = |measures: &[Code]| -> Step<i64> {
            Ok(self.booked(view, measures)?.checked_add(view.pending(release, measures)?).ok_or(Overflow)?)
        };
        Ok(match total {
            Total::Number(n) => *n,
            Total::Points { account } => after(points_measures(release, *account))?,
            Total::Granted { reward, function: None } => after(&[release.codes.granted[*reward]])?,
            // Only totals of the campaign are kept by function, and the reader lets nothing else through.
            Total::Granted { reward, function: Some(function) } => {
                let handler = release.module.handlers().iter().position(|h| h.function == *function);
                let before = handler.map_or(Ok(0), |h| sum(&self.head.totals, &[release.codes.granted_by[*reward][h]]))?;
                let now = handler.is_some() && handler == view.scope.handler;
                let now = if now { changes.sum(release, None, &[release.codes.granted[*reward]])? } else { 0 };
                before.checked_add(now).ok_or(Overflow)?
            }
            Total::Events { event } => {
                let now = view.scope.event == Some(*event) && view.is_about(view.member);
                self.booked(view, &[release.codes.booked[*event]])? + i64::from(now)
            }
            Total::Referrals => {
                let now = view.scope.inviter.is_some() && view.is_about(view.scope.inviter);
                self.booked(view, &[release.codes.referrals])? + i64::from(now)
            }
            Total::Add(a, b) => checked(both(a, b)?, i64::checked_add)?,
            Total::Subtract(a, b) => checked(both(a, b)?, i64::checked_sub)?,
            Total::Multiply(a, b) => checked(both(a, b)?, i64::checked_mul)?,
        })
    }

    /// What is booked already.
    fn booked(&self, view: &View, measures: &[Code]) -> Result<i64, Overflow> {
        let release = view.scope.release;
        match (view.slot, view.period) {
            (None, None) => sum(&self.head.totals, measures),
            (None, Some((Period::Day, when))) => self.day_sum(release, when.day, measures),
            (None, Some((_, when))) => self.cycle_row(when.cycle).map_or(Ok(0), |cycle| sum(&cycle.tally, measures)),
            (Some(slot), None) => sum(&self.members[slot].row.tally, measures),
            (Some(slot), Some((Period::Day, when))) => self.member_sum(release, slot, measures, Period::Day, when.at_ms, when.cycle),
            (Some(slot), Some((_, when))) => self.member_cycle_sum(slot, when.cycle, measures),
        }
    }

    /// A member's sum over a cycle, with what its close gave.
    pub(super) fn member_cycle_sum(&self, slot: Slot, cycle: i32, measures: &[Code]) -> Result<i64, Overflow> {
        let standing = self.standing(cycle, self.members[slot].row.number);
        standing.map_or(Ok(0), |s| sum(&s.tally, measures)?.checked_add(sum(&s.given, measures)?).ok_or(Overflow))
    }

    /// Everybody's sum over one local day.
    pub(super) fn day_sum(&self, release: &Release, day: i32, measures: &[Code]) -> Result<i64, Overflow> {
        let days = day..day.saturating_add(1);
        let cycles = release.campaign.calendar.cycles_touching(days.clone());
        let rows = cycles.filter_map(|cycle| self.cycle_row(cycle));
        rows.into_iter().try_fold(0_i64, |total, row| total.checked_add(row.days.sum(&days, measures)?).ok_or(Overflow))
    }
}

impl View<'_> {
    /// Whether what one member brings counts here.
    fn is_about(&self, member: Option<Slot>) -> bool {
        self.slot.is_none() || self.slot == member
    }

    /// What the changes add. A close grants in the cycle that closes and books points in the next one.
    fn pending(&self, release: &Release, measures: &[Code]) -> Result<i64, Overflow> {
        let Some((_, when)) = self.period else { return self.changes.sum(release, self.slot, measures) };
        self.changes.sum_of(release, self.slot, measures, |kind| {
            let booked = if matches!(kind, Kind::Grant { .. }) { self.scope.grants } else { self.scope.points };
            booked.at_ms == when.at_ms
        })
    }
}

/// Of whom an invariant must hold now.
fn subjects(invariant: &Invariant, scope: &Scope, changes: &Changes, member: Option<Slot>) -> Vec<Option<Slot>> {
    if !invariant.per_member {
        return vec![None];
    }
    let mut subjects: Vec<Option<Slot>> = member.into_iter().map(Some).collect();
    // Only the member's own cycle is closed now.
    if !invariant.at_close {
        subjects.extend(changes.list.iter().map(|change| Some(change.slot)).chain(scope.inviter.map(Some)));
    }
    subjects.sort_unstable();
    subjects.dedup();
    subjects
}

/// Over which stretches: those that something is booked in.
fn periods(invariant: &Invariant, scope: &Scope) -> Vec<Option<(Period, When)>> {
    let Some(period) = invariant.period else { return vec![None] };
    let of = |when| Some((period, when));
    if scope.event.is_some() || invariant.at_close { vec![of(scope.grants)] } else { vec![of(scope.grants), of(scope.points)] }
}

fn holds(invariant: &Invariant, left: i64, right: i64) -> bool {
    match invariant.comparison {
        Comparison::Less => left < right,
        Comparison::LessOrEqual => left <= right,
        Comparison::Equal => left == right,
        Comparison::GreaterOrEqual => left >= right,
        Comparison::Greater => left > right,
    }
}

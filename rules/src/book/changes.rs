//! What the effects of one evaluation would change: clipped by limits, fitted to the budget, held against the
//! [`super::invariants`]. Nothing is written here, so that an evaluation that fails leaves no trace.

use super::facts::{points_measures, sum};
use super::tally::{Overflow, Tally};
use super::{Book, Slot};
use crate::campaign::{Caps, OnBudget};
use crate::effect::{Action, Effect, Place};
use crate::fact::Period;
use crate::names::Code;
use crate::release::Release;
use crate::value::{DataType, Value};

/// The most units of a reward that one evaluation may grant, after limits: more is a mistake of the rule.
pub const MOST_UNITS: i64 = 1000;

/// When something is booked.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    pub cycle: i32,
    pub day: i32,
    pub at_ms: i64,
}

/// What an evaluation books into. An event books everything at its own time; a close counts its grants in the cycle
/// that closes and its points in the next one.
pub(super) struct Scope<'a> {
    pub release: &'a Release,
    /// Index of the handler that asked; none for the host's own acts.
    pub handler: Option<usize>,
    pub points: When,
    pub grants: When,
    /// The type of the event that is being booked; none at a close.
    pub event: Option<usize>,
    /// Whose referral the event is about to record.
    pub inviter: Option<Slot>,
    /// The revision of the close; 0 for an event.
    pub closing: i32,
    /// Units by measure that an earlier revision of the same close asked for already.
    pub before: &'a Tally,
}

/// One effect after limits.
#[derive(Debug)]
pub(super) struct Change {
    pub slot: Slot,
    pub place: Option<Place>,
    pub kind: Kind,
    /// What was asked, where a limit made it less, and which limit.
    pub clipped: Option<(i64, &'static str)>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Award {
        account: usize,
        points: i64,
    },
    Deduct {
        account: usize,
        points: i64,
    },
    /// The first ordinal, the units, and how many of them (the last ones) do not fit the budget.
    Grant {
        reward: usize,
        first: i64,
        count: i64,
        over_budget: i64,
    },
    Set {
        attribute: usize,
        value: Value,
    },
    Note(String),
}

/// All changes of an evaluation.
#[derive(Default)]
pub(super) struct Changes {
    pub list: Vec<Change>,
    /// What the rule asked for before limits, by measure.
    pub asked: Tally,
    /// Minor units that the budget counts.
    pub spent: i64,
}

/// Why an evaluation cannot be booked.
pub(super) struct Stopped {
    pub reason: String,
    pub place: Option<Place>,
    /// An invariant would not hold, and wants issuing to stop.
    pub closes_issue: bool,
    /// The host's own act says no: that is final.
    pub refuses: bool,
}

impl Stopped {
    pub(super) fn because(reason: impl Into<String>, place: Option<Place>) -> Stopped {
        Stopped { reason: reason.into(), place, closes_issue: false, refuses: false }
    }
}

impl From<Overflow> for Stopped {
    fn from(_: Overflow) -> Stopped {
        Stopped::because("a sum does not fit into 64 bits", None)
    }
}

pub(super) type Step<T> = Result<T, Stopped>;

impl Book {
    /// The changes that a rule's effects come to. `parties` are the members of the question.
    pub(super) fn weigh(&self, scope: &Scope, parties: &[Option<Slot>], effects: Vec<Effect>) -> Step<Changes> {
        let mut changes = Changes::default();
        for effect in effects {
            let place = Some(effect.place);
            let Some(slot) = parties.get(effect.of).copied().flatten() else {
                return Err(Stopped::because("an effect names a member that is not there", place));
            };
            // What was given at a close is known by member and cycle: from two members it would be one grant.
            if scope.event.is_none() && effect.of != 0 {
                return Err(Stopped::because("a close pays only the member that it is about, it may look at the others", place));
            }
            self.add(scope, &mut changes, slot, effect.action, place)?;
        }
        self.check_deducts(scope, &changes)?;
        self.check_sums(scope, &changes)?;
        self.check_invariants(scope, &changes, parties)?;
        Ok(changes)
    }

    fn add(&self, scope: &Scope, changes: &mut Changes, slot: Slot, action: Action, place: Option<Place>) -> Step<()> {
        let kind = match action {
            Action::Award { account, points } => return self.add_award(scope, changes, slot, account, points, place),
            Action::Grant { reward, count } => return self.add_grant(scope, changes, slot, reward, count, place),
            Action::Deduct { account, points } => match not_asked_before(scope, changes, scope.release.codes.points[account], -points)? {
                0 => return Ok(()),
                left => Kind::Deduct { account, points: -left },
            },
            // What it was computed from is past: later events and closes have gone on from what the first close set.
            Action::Set { attribute, .. } if scope.closing > 1 => {
                Kind::Note(format!("a correction leaves the attribute \"{}\" as it is", scope.release.campaign.attributes[attribute].name))
            }
            Action::Set { attribute, value } => {
                let declared = &scope.release.campaign.attributes[attribute];
                if !fits(&value, &declared.kind) {
                    return Err(Stopped::because(
                        format!("attribute \"{}\" is {}, set here to {value}", declared.name, declared.kind),
                        place,
                    ));
                }
                Kind::Set { attribute, value }
            }
            Action::Note(text) => Kind::Note(text),
        };
        changes.list.push(Change { slot, place, kind, clipped: None });
        Ok(())
    }

    fn add_award(&self, scope: &Scope, changes: &mut Changes, slot: Slot, account: usize, points: i64, place: Option<Place>) -> Step<()> {
        let release = scope.release;
        let asked = not_asked_before(scope, changes, release.codes.points[account], points)?;
        if asked <= 0 {
            return Ok(());
        }
        let mut left = (asked, None);
        for counted in std::iter::once(account).chain(release.campaign.accounts[account].parent) {
            if let Some((_, caps)) = release.campaign.limits.accounts.iter().find(|(a, _)| *a == counted) {
                let measures = points_measures(release, counted);
                left = self.clip(scope, changes, slot, caps, measures, scope.points, left)?;
            }
        }
        if let Some(worth) = release.campaign.accounts[account].worth {
            let fits = self.fits_budget(scope, changes, worth.minor)?;
            left = if fits < left.0 { (fits, Some("budget")) } else { left };
            changes.spent = checked_cost(changes.spent, worth.minor, left.0)?;
        }
        let clipped = left.1.map(|limit| (asked, limit));
        changes.list.push(Change { slot, place, kind: Kind::Award { account, points: left.0 }, clipped });
        Ok(())
    }

    fn add_grant(&self, scope: &Scope, changes: &mut Changes, slot: Slot, reward: usize, count: i64, place: Option<Place>) -> Step<()> {
        let (campaign, measure) = (&scope.release.campaign, scope.release.codes.granted[reward]);
        let first = scope.before.get(measure).max(changes.asked.get(measure)) + 1;
        let asked = not_asked_before(scope, changes, measure, count)?;
        if asked <= 0 {
            return Ok(());
        }
        let mut left = (asked, None);
        if let Some((_, caps)) = campaign.limits.rewards.iter().find(|(r, _)| *r == reward) {
            left = self.clip(scope, changes, slot, caps, &[measure], scope.grants, left)?;
        }
        let face = campaign.rewards[reward].face_value.map_or(0, |m| m.minor);
        let fits = self.fits_budget(scope, changes, face)?.min(left.0);
        if fits < left.0 && campaign.limits.on_budget == OnBudget::Refuse {
            left = (fits, Some("budget"));
        }
        // After limits: a rule may ask for more than a limit lets through.
        let units = changes.units(reward).saturating_add(left.0);
        if units > MOST_UNITS || first.saturating_add(left.0) > i64::from(i32::MAX) {
            let name = &campaign.rewards[reward].name;
            return Err(Stopped::because(format!("{units} units of \"{name}\" at once: at most {MOST_UNITS} in one decision"), place));
        }
        changes.spent = checked_cost(changes.spent, face, fits)?;
        let clipped = left.1.map(|limit| (asked, limit));
        let kind = Kind::Grant { reward, first, count: left.0, over_budget: left.0 - fits };
        changes.list.push(Change { slot, place, kind, clipped });
        Ok(())
    }

    /// How many units of this cost the budget still has room for.
    fn fits_budget(&self, scope: &Scope, changes: &Changes, cost: i64) -> Step<i64> {
        match scope.release.campaign.limits.budget {
            Some(budget) if cost > 0 => {
                let spent = self.head.totals.get(scope.release.codes.spent).checked_add(changes.spent).ok_or(Overflow)?;
                Ok(budget.minor.saturating_sub(spent).max(0) / cost)
            }
            _ => Ok(i64::MAX),
        }
    }

    /// Takes `left` down to what the caps allow, and names the cap that did it.
    #[allow(clippy::too_many_arguments)] // Each is another thing; a struct for one call would only hide that.
    fn clip(
        &self,
        scope: &Scope,
        changes: &Changes,
        slot: Slot,
        caps: &Caps,
        measures: &[Code],
        when: When,
        mut left: (i64, Option<&'static str>),
    ) -> Step<(i64, Option<&'static str>)> {
        let release = scope.release;
        let of_member = changes.sum(release, Some(slot), measures)?;
        let of_all = changes.sum(release, None, measures)?;
        let cycle = self.cycle_row(when.cycle);
        let mut cap = |name: &'static str, most: Option<i64>, used: &dyn Fn() -> Result<i64, Overflow>, pending: i64| -> Step<()> {
            if let Some(most) = most {
                let room = most.saturating_sub(used()?.checked_add(pending).ok_or(Overflow)?).max(0);
                left = if room < left.0 { (room, Some(name)) } else { left };
            }
            Ok(())
        };
        cap("per_member", caps.per_member, &|| sum(&self.members[slot].row.tally, measures), of_member)?;
        cap("per_member_per_cycle", caps.per_member_per_cycle, &|| self.member_cycle_sum(slot, when.cycle, measures), of_member)?;
        let in_day = || self.member_sum(release, slot, measures, Period::Day, when.at_ms, when.cycle);
        cap("per_member_per_day", caps.per_member_per_day, &in_day, of_member)?;
        cap("per_cycle", caps.per_cycle, &|| cycle.map_or(Ok(0), |c| sum(&c.tally, measures)), of_all)?;
        cap("per_day", caps.per_day, &|| self.day_sum(release, when.day, measures), of_all)?;
        cap("total", caps.total, &|| sum(&self.head.totals, measures), of_all)?;
        Ok(left)
    }

    /// No deduct may take an account, or the one whose part it is, below zero with its parts.
    fn check_deducts(&self, scope: &Scope, changes: &Changes) -> Step<()> {
        let accounts = &scope.release.campaign.accounts;
        for change in &changes.list {
            let Kind::Deduct { account, points } = change.kind else { continue };
            for counted in std::iter::once(account).chain(accounts[account].parent) {
                let measures = points_measures(scope.release, counted);
                let row = &self.members[change.slot].row;
                let has = sum(&row.tally, measures)?;
                let after = has.checked_add(changes.sum(scope.release, Some(change.slot), measures)?).ok_or(Overflow)?;
                if after < 0 {
                    let name = &accounts[counted].name;
                    let reason = format!("account \"{name}\" of {} holds {has}: {points} cannot be taken", row.id);
                    return Err(Stopped::because(reason, change.place.clone()));
                }
            }
        }
        Ok(())
    }

    /// Every sum that a change moves must still fit, so that booking cannot fail half way.
    fn check_sums(&self, scope: &Scope, changes: &Changes) -> Step<()> {
        let codes = &scope.release.codes;
        self.head.totals.get(codes.spent).checked_add(changes.spent).ok_or(Overflow)?;
        for change in &changes.list {
            let (measure, when) = match change.kind {
                Kind::Award { account, .. } | Kind::Deduct { account, .. } => (codes.points[account], scope.points),
                Kind::Grant { reward, .. } => (codes.granted[reward], scope.grants),
                Kind::Set { .. } | Kind::Note(_) => continue,
            };
            let moved = changes.moved(scope.release, measure)?;
            let row = &self.members[change.slot].row;
            let standing = self.standing(when.cycle, row.number);
            let cycle = self.cycle_row(when.cycle);
            let sums = [
                row.tally.get(measure),
                self.head.totals.get(measure),
                standing.map_or(0, |s| s.tally.get(measure)),
                standing.map_or(0, |s| s.given.get(measure)),
                standing.map_or(0, |s| s.days.get(when.day, measure)),
                cycle.map_or(0, |c| c.tally.get(measure)),
                cycle.map_or(0, |c| c.days.get(when.day, measure)),
            ];
            if sums.iter().any(|sum| sum.unsigned_abs().checked_add(moved).is_none_or(|s| s > i64::MAX as u64)) {
                return Err(Overflow.into());
            }
        }
        Ok(())
    }
}

impl Changes {
    /// Units of a reward so far.
    fn units(&self, reward: usize) -> i64 {
        let counts = self.list.iter().map(|change| match change.kind {
            Kind::Grant { reward: granted, count, .. } if granted == reward => count,
            _ => 0,
        });
        counts.fold(0, i64::saturating_add)
    }

    /// How far the changes can move a measure, whoever's it is and in whatever order.
    fn moved(&self, release: &Release, measure: Code) -> Result<u64, Overflow> {
        let sizes = self.list.iter().map(|change| match change.kind {
            Kind::Award { account, points } | Kind::Deduct { account, points } if release.codes.points[account] == measure => {
                points.unsigned_abs()
            }
            Kind::Grant { reward, count, .. } if release.codes.granted[reward] == measure => count.unsigned_abs(),
            _ => 0,
        });
        sizes.into_iter().try_fold(0_u64, u64::checked_add).ok_or(Overflow)
    }

    /// What the changes so far add to some measures, of one member or of all.
    pub(super) fn sum(&self, release: &Release, slot: Option<Slot>, measures: &[Code]) -> Result<i64, Overflow> {
        self.sum_of(release, slot, measures, |_| true)
    }

    /// [`Changes::sum`] of some of the changes.
    pub(super) fn sum_of(
        &self,
        release: &Release,
        slot: Option<Slot>,
        measures: &[Code],
        counts: impl Fn(&Kind) -> bool,
    ) -> Result<i64, Overflow> {
        let mut total = 0_i64;
        for change in self.list.iter().filter(|c| slot.is_none_or(|s| c.slot == s) && counts(&c.kind)) {
            let (measure, amount) = match change.kind {
                Kind::Award { account, points } => (release.codes.points[account], points),
                Kind::Deduct { account, points } => (release.codes.points[account], -points),
                Kind::Grant { reward, count, .. } => (release.codes.granted[reward], count),
                Kind::Set { .. } | Kind::Note(_) => continue,
            };
            if measures.contains(&measure) {
                total = total.checked_add(amount).ok_or(Overflow)?;
            }
        }
        Ok(total)
    }
}

/// Counts what is asked for, and gives what an earlier revision did not ask for yet.
fn not_asked_before(scope: &Scope, changes: &mut Changes, measure: Code, amount: i64) -> Step<i64> {
    // As if it had not been asked for: most members of a settlement get nothing, and nothing is to be written of them.
    if amount == 0 {
        return Ok(0);
    }
    let before = scope.before.get(measure);
    let asked = changes.asked.get(measure);
    changes.asked.add(measure, amount)?;
    // Without an earlier revision, everything; with one, only what goes beyond it. Less is listed by the settlement.
    if before == 0 {
        return Ok(amount);
    }
    let beyond = |n: i64| if before > 0 { n.saturating_sub(before).max(0) } else { n.saturating_sub(before).min(0) };
    Ok(beyond(asked.checked_add(amount).ok_or(Overflow)?) - beyond(asked))
}

/// Two sums, joined.
pub(super) fn checked((left, right): (i64, i64), join: fn(i64, i64) -> Option<i64>) -> Step<i64> {
    Ok(join(left, right).ok_or(Overflow)?)
}

fn checked_cost(spent: i64, cost: i64, count: i64) -> Step<i64> {
    Ok(cost.checked_mul(count).and_then(|c| spent.checked_add(c)).ok_or(Overflow)?)
}

fn fits(value: &Value, kind: &DataType) -> bool {
    matches!(
        (value, kind),
        (Value::Int(_), DataType::Int)
            | (Value::Int(_) | Value::Decimal(_), DataType::Decimal)
            | (Value::Bool(_), DataType::Bool)
            | (Value::Text(_), DataType::Text | DataType::Member(_))
    )
}

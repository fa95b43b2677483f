//! Turns changes into rows: postings, grants, sums, attributes. Everything was checked before, so that this cannot fail
//! half way.

use super::changes::{Change, Changes, Kind, Scope, When};
use super::receipt::EffectLine;
use super::rows::{GrantRow, GrantState, Held, ISSUE, PostingRow};
use super::tally::Overflow;
use super::{Book, Slot};
use crate::campaign::Campaign;
use crate::effect::Place;
use crate::event::Key;
use crate::names::Code;
use crate::value::Value;

/// What a booking belongs to.
pub(super) struct Cause {
    /// Of the business key, else of source and id; at a close, of the cycle's start.
    pub key: Key,
    /// The dictionary number of the function, in grant keys.
    pub function: Code,
    /// The journal line that it will have.
    pub line: i32,
}

/// A line of a rule file with one name that it awards or grants.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Line {
    /// Number of the release that decided.
    pub release: i32,
    /// None for the host's own acts.
    pub place: Option<Place>,
    pub function: Code,
    /// Units of a reward; else points of an account.
    pub granted: bool,
    /// Account or reward, by its dictionary number.
    pub name: Code,
}

/// One effect as it was booked, for sums by member and by line of the rule file.
#[derive(Clone, Debug, PartialEq)]
pub struct Booked {
    pub line: Line,
    /// The member's number.
    pub member: i64,
    /// Points (below zero: taken), or units.
    pub count: i64,
    /// Face value, and awarded points at their worth, in minor units.
    pub cost: i64,
}

impl Book {
    /// Books the changes and says what was booked.
    pub(super) fn book(&mut self, scope: &Scope, changes: Changes, cause: &Cause) -> Result<Vec<EffectLine>, Overflow> {
        let mut lines = if self.silent { Vec::new() } else { Vec::with_capacity(changes.list.len()) };
        for change in changes.list {
            lines.extend(self.book_one(scope, change, cause)?);
        }
        if changes.spent != 0 {
            self.head.totals.add(scope.release.codes.spent, changes.spent)?;
            self.head_changed = true;
        }
        Ok(lines)
    }

    /// None where nobody is told.
    fn book_one(&mut self, scope: &Scope, change: Change, cause: &Cause) -> Result<Option<EffectLine>, Overflow> {
        let campaign = &scope.release.campaign;
        let mut line = (!self.silent).then(|| self.line_of(campaign, &change));
        if self.complete {
            if matches!(change.clipped, Some((_, "budget"))) {
                let when = if matches!(change.kind, Kind::Grant { .. }) { scope.grants } else { scope.points };
                self.budget_cut_ms.get_or_insert(when.at_ms);
            }
            let booked = self.booked_of(scope, &change, cause);
            self.booked.extend(booked);
        }
        let rule_line = change.place.as_ref().map_or(0, |p| p.line as i32);
        match change.kind {
            Kind::Award { account, points } => {
                self.post(scope, change.slot, account, points, cause)?;
            }
            Kind::Deduct { account, points } => {
                self.post(scope, change.slot, account, -points, cause)?;
            }
            Kind::Grant { reward, first, count, over_budget } => {
                let mut owed = 0;
                for unit in 0..count {
                    owed +=
                        i64::from(self.grant_unit(scope, change.slot, reward, first + unit, unit >= count - over_budget, rule_line, cause));
                }
                if let Some(line) = &mut line {
                    line.owed = (owed > 0).then_some(owed);
                }
                self.count_grants(scope, change.slot, reward, count)?;
            }
            Kind::Set { attribute, value } => self.set_attribute(scope, change.slot, attribute, value),
            Kind::Note(_) => {}
        }
        Ok(line)
    }

    /// What a change comes to; none where nothing is counted.
    fn booked_of(&mut self, scope: &Scope, change: &Change, cause: &Cause) -> Option<Booked> {
        let (campaign, codes) = (&scope.release.campaign, &scope.release.codes);
        let (granted, name, count, each) = match change.kind {
            Kind::Award { account, points } => (false, codes.accounts[account], points, campaign.accounts[account].worth),
            Kind::Deduct { account, points } => (false, codes.accounts[account], -points, None),
            Kind::Grant { reward, count, .. } => (true, codes.rewards[reward], count, campaign.rewards[reward].face_value),
            Kind::Set { .. } | Kind::Note(_) => return None,
        };
        if count == 0 {
            return None;
        }
        let member = self.number(change.slot);
        let cost = each.map_or(0, |money| money.minor.saturating_mul(count));
        let line = Line { release: scope.release.number, place: change.place.clone(), function: cause.function, granted, name };
        Some(Booked { line, member, count, cost })
    }

    /// The receipt's line of a change.
    fn line_of(&self, campaign: &Campaign, change: &Change) -> EffectLine {
        let (effect, name, count, text) = match &change.kind {
            Kind::Award { account, points } => ("award", Some(&campaign.accounts[*account].name), Some(*points), None),
            Kind::Deduct { account, points } => ("deduct", Some(&campaign.accounts[*account].name), Some(*points), None),
            Kind::Grant { reward, count, .. } => ("grant", Some(&campaign.rewards[*reward].name), Some(*count), None),
            Kind::Set { attribute, value } => ("set", Some(&campaign.attributes[*attribute].name), None, Some(value.to_string())),
            Kind::Note(text) => ("note", None, None, Some(text.clone())),
        };
        EffectLine {
            effect: effect.into(),
            place: change.place.as_ref().map(ToString::to_string),
            member: (effect != "note").then(|| self.members[change.slot].row.id.to_string()),
            name: name.map(ToString::to_string),
            count,
            asked: change.clipped.map(|c| c.0),
            limit: change.clipped.map(|c| c.1.to_string()),
            owed: None,
            text,
        }
    }

    /// One ledger line, and the sums that it moves. `points` may be negative; zero writes nothing.
    pub(super) fn post(&mut self, scope: &Scope, slot: Slot, account: usize, points: i64, cause: &Cause) -> Result<(), Overflow> {
        if points == 0 {
            return Ok(());
        }
        let (release, when) = (scope.release, scope.points);
        let code = release.codes.accounts[account];
        let (debit, credit) = if points > 0 { (0, code) } else { (code, 0) };
        let member = self.number(slot);
        let ordinal = self.postings.len() as i32 + 1;
        self.postings.push(PostingRow {
            ordinal,
            line: cause.line,
            member,
            debit,
            credit,
            amount: points.abs(),
            at_ms: when.at_ms,
            cycle: when.cycle,
            day: when.day,
        });
        self.count(slot, release.codes.points[account], points, when)?;
        let accounts = &release.campaign.accounts;
        for board in std::iter::once(account).chain(accounts[account].parent).filter(|a| accounts[*a].leaderboard) {
            let code = release.codes.accounts[board];
            let standing = self.standing_mut(when.cycle, member);
            match standing.reached.iter_mut().find(|(c, _)| *c == code) {
                Some((_, at_ms)) => *at_ms = (*at_ms).max(when.at_ms),
                None => {
                    standing.reached.reserve_exact(1);
                    standing.reached.push((code, when.at_ms));
                }
            }
        }
        Ok(())
    }

    /// Adds to a measure of a member over all time, in its cycle and on its day, and to the campaign's own sums.
    pub(super) fn count(&mut self, slot: Slot, measure: Code, amount: i64, when: When) -> Result<(), Overflow> {
        let member = self.number(slot);
        self.member_mut(slot).tally.add(measure, amount)?;
        let standing = self.standing_mut(when.cycle, member);
        standing.tally.add(measure, amount)?;
        standing.days.add(when.day, measure, amount)?;
        self.count_total(measure, amount, when)
    }

    fn count_total(&mut self, measure: Code, amount: i64, when: When) -> Result<(), Overflow> {
        self.head.totals.add(measure, amount)?;
        self.head_changed = true;
        let cycle = self.cycle_mut(when.cycle);
        cycle.tally.add(measure, amount)?;
        cycle.days.add(when.day, measure, amount)
    }

    fn count_grants(&mut self, scope: &Scope, slot: Slot, reward: usize, count: i64) -> Result<(), Overflow> {
        let (codes, when) = (&scope.release.codes, scope.grants);
        if scope.event.is_some() {
            self.count(slot, codes.granted[reward], count, when)?;
        } else {
            // A close must not move the standing that it read: its grants count beside it.
            let member = self.number(slot);
            self.member_mut(slot).tally.add(codes.granted[reward], count)?;
            self.standing_at_close(when.cycle, member, scope.closing).given.add(codes.granted[reward], count)?;
            self.count_total(codes.granted[reward], count, when)?;
        }
        match scope.handler {
            Some(handler) => self.head.totals.add(codes.granted_by[reward][handler], count),
            None => Ok(()),
        }
    }

    /// One unit; true if it is owed.
    #[allow(clippy::too_many_arguments)] // Each is another thing; a struct for one call would only hide that.
    fn grant_unit(
        &mut self,
        scope: &Scope,
        slot: Slot,
        reward: usize,
        ordinal: i64,
        over_budget: bool,
        rule_line: i32,
        cause: &Cause,
    ) -> bool {
        let (release, when) = (scope.release, scope.grants);
        let declared = &release.campaign.rewards[reward];
        let pool = declared.pool.as_ref().and_then(|name| self.pool_named(name));
        let held = match (over_budget, self.is_closed(ISSUE)) {
            (true, _) => Held::Budget,
            (false, true) => Held::Switch,
            (false, false) => Held::Stock,
        };
        let in_stock = match pool {
            // While a pool owes, new grants queue behind.
            Some(index) => self.pools[index].available > 0 && self.pools[index].owed == 0,
            None => declared.pool.is_none(),
        };
        let state = if held == Held::Stock && in_stock { GrantState::Issued } else { GrantState::Owed };
        if let Some(index) = pool {
            match (state, held) {
                (GrantState::Issued, _) => self.pools[index].available -= 1,
                (_, Held::Stock) => self.pools[index].owed += 1,
                _ => {}
            }
        }
        self.head.last_grant += 1;
        self.head_changed = true;
        let member = self.number(slot);
        self.grants.push(GrantRow {
            number: self.head.last_grant,
            member,
            reward: release.codes.rewards[reward],
            function: cause.function,
            cause: cause.key,
            ordinal: ordinal as i32,
            state,
            held,
            pool: pool.map(|index| self.pools[index].pool),
            position: self.head.position + 1,
            line: cause.line,
            rule_line,
            release: release.number,
            cycle: when.cycle,
            at_ms: when.at_ms,
            face_value: declared.face_value.map_or(0, |m| m.minor),
        });
        state == GrantState::Owed
    }

    pub(super) fn set_attribute(&mut self, scope: &Scope, slot: Slot, attribute: usize, value: Value) {
        let code = scope.release.codes.attributes[attribute];
        let member = self.number(slot);
        put(&mut self.member_mut(slot).attributes, code, value.clone());
        put(&mut self.standing_mut(scope.points.cycle, member).attributes, code, value);
    }
}

fn put(list: &mut Vec<(Code, Value)>, code: Code, value: Value) {
    match list.iter_mut().find(|(c, _)| *c == code) {
        Some(entry) => entry.1 = value,
        None => list.push((code, value)),
    }
}

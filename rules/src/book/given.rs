//! How a case's world stands before its first step: points, grants, attributes and referrals that no event brought. Only
//! for a book in memory; nothing here asks limits, budget or invariants, though what is given counts towards them.

use super::booking::Cause;
use super::changes::{Scope, When};
use super::rows::{GrantRow, GrantState, Held};
use super::tally::{Overflow, Tally};
use super::{Book, Slot};
use crate::event::key_of;
use crate::names::Code;
use crate::release::Release;
use crate::value::{MemberId, Value};

/// Why something cannot be given.
pub type Refused = String;

/// Units of one reward that a case can give a member at once.
const MOST_GIVEN: i32 = 100_000;

impl Book {
    /// Posts points to an account at an instant within the campaign. Below zero takes points away.
    pub fn give_points(&mut self, release: &Release, id: &MemberId, account: usize, points: i64, at_ms: i64) -> Result<(), Refused> {
        let when = self.when(release, at_ms)?;
        let scope = scope_of(release, when);
        let slot = self.slot(id);
        self.post(&scope, slot, account, points, &cause()).map_err(too_much)?;
        // What was taken away had been paid for.
        let worth = release.campaign.accounts[account].worth.map_or(0, |money| money.minor);
        let spent = worth.checked_mul(points.max(0)).ok_or(Overflow);
        spent.and_then(|spent| self.head.totals.add(release.codes.spent, spent)).map_err(too_much)
    }

    /// Units of a reward that a member has, in this state, at an instant within the campaign. No stock is taken for them;
    /// owed ones queue for it.
    pub fn give_grants(
        &mut self,
        release: &Release,
        id: &MemberId,
        reward: usize,
        state: GrantState,
        units: i64,
        at_ms: i64,
    ) -> Result<(), Refused> {
        let when = self.when(release, at_ms)?;
        let units = i32::try_from(units).ok().filter(|units| (0..=MOST_GIVEN).contains(units));
        let units = units.ok_or_else(|| format!("of a reward 0 to {MOST_GIVEN} units can be given"))?;
        let slot = self.slot(id);
        let declared = &release.campaign.rewards[reward];
        let pool = declared.pool.as_ref().and_then(|name| self.pool_named(name));
        if let Some(index) = pool.filter(|_| state == GrantState::Owed) {
            self.pools[index].owed += i64::from(units);
        }
        for _ in 0..units {
            self.give_unit(release, slot, reward, state, pool, when);
        }
        let face_value = declared.face_value.map_or(0, |money| money.minor);
        let counted = self.count(slot, release.codes.granted[reward], i64::from(units), when);
        let spent = face_value.checked_mul(i64::from(units)).ok_or(Overflow);
        counted.and(spent).and_then(|spent| self.head.totals.add(release.codes.spent, spent)).map_err(too_much)
    }

    fn give_unit(&mut self, release: &Release, slot: Slot, reward: usize, state: GrantState, pool: Option<usize>, when: When) {
        self.head.last_grant += 1;
        let member = self.number(slot);
        self.grants.push(GrantRow {
            number: self.head.last_grant,
            member,
            reward: release.codes.rewards[reward],
            function: 0,
            cause: cause().key,
            ordinal: i32::try_from(self.head.last_grant).unwrap_or(i32::MAX),
            state,
            held: Held::Stock,
            pool: pool.map(|index| self.pools[index].pool),
            position: self.head.position + 1,
            line: 0,
            rule_line: 0,
            release: release.number,
            cycle: when.cycle,
            at_ms: when.at_ms,
            face_value: release.campaign.rewards[reward].face_value.map_or(0, |money| money.minor),
        });
    }

    /// Events of a type that were booked with this member at an instant within the campaign.
    pub fn give_events(&mut self, release: &Release, id: &MemberId, event: usize, events: i64, at_ms: i64) -> Result<(), Refused> {
        self.give_count(release, id, release.codes.booked[event], events, at_ms)
    }

    /// Members whom this one has invited, without saying whom.
    pub fn give_referrals(&mut self, release: &Release, id: &MemberId, referrals: i64, at_ms: i64) -> Result<(), Refused> {
        self.give_count(release, id, release.codes.referrals, referrals, at_ms)
    }

    fn give_count(&mut self, release: &Release, id: &MemberId, measure: Code, amount: i64, at_ms: i64) -> Result<(), Refused> {
        let when = self.when(release, at_ms)?;
        let slot = self.slot(id);
        self.count(slot, measure, amount, when).map_err(too_much)
    }

    pub fn give_attribute(&mut self, release: &Release, id: &MemberId, attribute: usize, value: Value, at_ms: i64) -> Result<(), Refused> {
        let when = self.when(release, at_ms)?;
        let slot = self.slot(id);
        self.set_attribute(&scope_of(release, when), slot, attribute, value);
        Ok(())
    }

    /// Records who invited whom, under the same rules as an accepted invitation.
    pub fn give_referral(&mut self, release: &Release, invitee: &MemberId, inviter: &MemberId, at_ms: i64) -> Result<(), Refused> {
        let when = self.when(release, at_ms)?;
        let (invitee, inviter) = (self.slot(invitee), self.slot(inviter));
        self.refuse_referral(invitee, inviter).map_or(Ok(()), Err)?;
        self.record_referral(release, invitee, inviter, when);
        Ok(())
    }

    /// A member whom nothing has happened to yet.
    pub fn give_member(&mut self, id: &MemberId) -> Slot {
        let slot = self.slot(id);
        self.number(slot);
        slot
    }

    fn when(&self, release: &Release, at_ms: i64) -> Result<When, Refused> {
        let calendar = &release.campaign.calendar;
        let cycle = calendar.cycle_of(at_ms).ok_or("its time is outside the campaign")?;
        Ok(When { cycle: cycle.number, day: calendar.moment(at_ms).day, at_ms })
    }
}

fn too_much(_: Overflow) -> Refused {
    "a sum does not fit into 64 bits".to_string()
}

fn scope_of(release: &Release, when: When) -> Scope<'_> {
    static NOTHING: Tally = Tally::EMPTY;
    Scope { release, handler: None, points: when, grants: when, event: None, inviter: None, closing: 0, before: &NOTHING }
}

fn cause() -> Cause {
    Cause { key: key_of(&["given"]), function: 0, line: 0 }
}

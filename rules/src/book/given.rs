//! How a case's world stands before its first step: points, attributes and referrals that no event brought. Only for a
//! book in memory; nothing here asks limits, budget or invariants.

use super::booking::Cause;
use super::changes::{Scope, When};
use super::tally::{Overflow, Tally};
use super::{Book, Slot};
use crate::event::key_of;
use crate::release::Release;
use crate::value::{MemberId, Value};

/// Why something cannot be given.
pub type Refused = String;

impl Book {
    /// Posts points to an account at an instant within the campaign. Below zero takes points away.
    pub fn give_points(&mut self, release: &Release, id: &MemberId, account: usize, points: i64, at_ms: i64) -> Result<(), Refused> {
        let when = self.when(release, at_ms)?;
        let scope = scope_of(release, when);
        let slot = self.slot(id);
        self.post(&scope, slot, account, points, &cause()).map_err(|Overflow| "a sum does not fit into 64 bits".to_string())
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

fn scope_of(release: &Release, when: When) -> Scope<'_> {
    static NOTHING: Tally = Tally::EMPTY;
    Scope { release, handler: None, points: when, grants: when, event: None, inviter: None, closing: 0, before: &NOTHING }
}

fn cause() -> Cause {
    Cause { key: key_of(&["given"]), function: 0, line: 0 }
}

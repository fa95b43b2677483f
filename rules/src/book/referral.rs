//! Joining, inviting and accepting: events like any other, whose act the host itself records. A referral, once
//! recorded, never changes: one inviter for each invitee, nobody invites themselves, no ring of two.

use super::changes::When;
use super::prepare::{Parsed, Prepared};
use super::roles::Parties;
use super::{Book, Slot};
use crate::campaign::{ACCEPTED, INVITED};
use crate::release::Release;

impl Book {
    /// Why the host's own act cannot be done, before the rule is asked.
    pub(super) fn refuse_act(&self, prepared: &Prepared, parsed: &Parsed, parties: &Parties) -> Option<String> {
        match &*prepared.release.campaign.events[parsed.kind].name {
            ACCEPTED => self.refuse_referral(parties[0]?, parties.get(1).copied()??),
            INVITED => self.refuse_referral(parties.get(1).copied()??, parties[0]?),
            _ => self.refuse_redeem(prepared, parsed, parties[0]?),
        }
    }

    pub(super) fn refuse_referral(&self, invitee: Slot, inviter: Slot) -> Option<String> {
        let (of_invitee, of_inviter) = (&self.members[invitee].row, &self.members[inviter].row);
        if invitee == inviter {
            return Some(format!("{} cannot invite themselves", of_invitee.id));
        }
        if of_invitee.inviter.is_some() {
            return Some(format!("{} was invited by somebody already", of_invitee.id));
        }
        if of_inviter.inviter.is_some() && of_inviter.inviter == Some(of_invitee.number) {
            return Some(format!("{} was invited by {}: two members cannot invite each other", of_inviter.id, of_invitee.id));
        }
        None
    }

    /// Records what a booked event of the host's own types did.
    pub(super) fn record_act(&mut self, prepared: &Prepared, parsed: &Parsed, parties: &Parties, when: When) {
        if *prepared.release.campaign.events[parsed.kind].name != *ACCEPTED {
            return;
        }
        if let (Some(invitee), Some(Some(inviter))) = (parties[0], parties.get(1).copied()) {
            self.record_referral(&prepared.release, invitee, inviter, when);
        }
    }

    pub(super) fn record_referral(&mut self, release: &Release, invitee: Slot, inviter: Slot, when: When) {
        let number = self.number(inviter);
        self.number(invitee);
        self.member_mut(invitee).inviter = Some(number);
        // One for each booked referral: a sum that cannot overflow.
        let _ = self.count(inviter, release.codes.referrals, 1, when);
    }
}

//! What decisions came to so far, by member: points, grants, events, referrals and attributes, as the receipts tell it.
//!
//! Promises: nothing is decided again; only what was booked counts. Must not know: where receipts are kept.

use crate::book::prepare::{Parsed, Prepared};
use crate::book::receipt::{EffectLine, Receipt};
use crate::book::rows::Outcome;
use crate::campaign::ACCEPTED;
use crate::value::Value;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Decisions, folded in the order in which they were made.
#[derive(Default)]
pub struct Past {
    /// By the text of the member's id, as receipts have it.
    members: FxHashMap<String, MemberPast>,
    names: FxHashMap<String, Arc<str>>,
}

/// Of one member.
#[derive(Default)]
pub(super) struct MemberPast {
    pub entries: Vec<Entry>,
    /// As texts, the last value of each.
    pub attributes: BTreeMap<String, String>,
    /// Who invited them, and when.
    pub inviter: Option<(String, i64)>,
}

/// Something that was counted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Entry {
    pub what: What,
    /// The instant that chooses its day and cycle.
    pub at_ms: i64,
    pub count: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    Points(Arc<str>),
    Grants(Arc<str>),
    /// Booked ones.
    Events(Arc<str>),
    Referrals,
}

impl Past {
    /// An event that was decided so.
    pub fn event(&mut self, prepared: &Prepared, receipt: &Receipt) {
        let (true, Ok(parsed)) = (receipt.outcome == Outcome::Booked.name(), &prepared.contract) else { return };
        let at_ms = parsed.moment.at_ms;
        self.effects(&receipt.effects, at_ms, at_ms);
        let what = What::Events(self.name(&prepared.event.kind));
        self.count(&parsed.member.to_string(), what, at_ms, 1);
        if *prepared.event.kind == *ACCEPTED
            && let Some((invitee, inviter)) = referral(parsed)
        {
            self.count(&inviter, What::Referrals, at_ms, 1);
            self.members.entry(invitee).or_default().inviter = Some((inviter, at_ms));
        }
    }

    /// A member's close of the cycle that ends at this instant: its grants count in that cycle, its points in the next.
    pub fn close(&mut self, ends_ms: i64, receipt: &Receipt) {
        self.effects(&receipt.effects, ends_ms, ends_ms - 1);
    }

    fn effects(&mut self, effects: &[EffectLine], points_ms: i64, grants_ms: i64) {
        for effect in effects {
            let (Some(member), Some(name)) = (&effect.member, &effect.name) else { continue };
            let count = effect.count.unwrap_or(0);
            match effect.effect.as_str() {
                "award" => self.points(member, name, points_ms, count),
                "deduct" => self.points(member, name, points_ms, -count),
                "grant" => {
                    let what = What::Grants(self.name(name));
                    self.count(member, what, grants_ms, count);
                }
                "set" => {
                    let value = effect.text.clone().unwrap_or_default();
                    self.members.entry(member.clone()).or_default().attributes.insert(name.clone(), value);
                }
                _ => {}
            }
        }
    }

    fn points(&mut self, member: &str, account: &str, at_ms: i64, count: i64) {
        let what = What::Points(self.name(account));
        self.count(member, what, at_ms, count);
    }

    fn count(&mut self, member: &str, what: What, at_ms: i64, count: i64) {
        if count == 0 {
            return;
        }
        if !self.members.contains_key(member) {
            self.members.insert(member.to_string(), MemberPast::default());
        }
        if let Some(past) = self.members.get_mut(member) {
            past.entries.push(Entry { what, at_ms, count });
        }
    }

    fn name(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        self.names.entry(name.to_string()).or_insert_with(|| name.into()).clone()
    }

    pub(super) fn of(&self, member: &str) -> Option<&MemberPast> {
        self.members.get(member)
    }

    /// What everybody else's decisions came to.
    pub(super) fn of_others<'p>(&'p self, known: &'p [String]) -> impl Iterator<Item = &'p Entry> {
        self.members.iter().filter(|(id, _)| !known.contains(id)).flat_map(|(_, past)| &past.entries)
    }
}

/// Invitee and inviter of an accepted invitation: the built-in contract has just these fields, sorted by name.
fn referral(parsed: &Parsed) -> Option<(String, String)> {
    match (parsed.data.first()?, parsed.data.get(1)?) {
        (Value::Text(invitee), Value::Text(inviter)) => Some((invitee.to_string(), inviter.to_string())),
        _ => None,
    }
}

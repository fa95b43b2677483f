//! Facts: the books as they stood before the event, in the campaign's local calendar by the event's time.

use super::rows::StandingRow;
use super::tally::{Overflow, Tally};
use super::{Book, Slot};
use crate::campaign::calendar::Moment;
use crate::fact::{Fact, Period};
use crate::names::Code;
use crate::release::Release;
use crate::value::Value;
use std::slice::from_ref;

/// The measures whose sum answers a fact, and its period; none for facts that are no sums.
pub(super) fn measures<'a>(release: &'a Release, fact: &Fact) -> Option<(&'a [Code], Period)> {
    let codes = &release.codes;
    Some(match *fact {
        Fact::Points { account, period } => (points_measures(release, account), period),
        Fact::Granted { reward, period } => (from_ref(&codes.granted[reward]), period),
        Fact::Events { event, period } => (from_ref(&codes.booked[event]), period),
        Fact::Referrals { period } => (from_ref(&codes.referrals), period),
        Fact::Attribute { .. } | Fact::Rank { .. } => return None,
    })
}

/// An account's own points and those of its parts.
pub(crate) fn points_measures(release: &Release, account: usize) -> &[Code] {
    &release.codes.points_in_all[account]
}

/// The sum of some measures.
pub(super) fn sum(tally: &Tally, measures: &[Code]) -> Result<i64, Overflow> {
    measures.iter().try_fold(0_i64, |sum, m| sum.checked_add(tally.get(*m)).ok_or(Overflow))
}

impl Book {
    /// One fact of a member before an event.
    pub(super) fn fact(&self, release: &Release, slot: Slot, fact: &Fact, moment: &Moment, cycle: i32) -> Result<Value, Overflow> {
        match measures(release, fact) {
            Some((measures, period)) => Ok(Value::Int(self.member_sum(release, slot, measures, period, moment.at_ms, cycle)?)),
            None => match fact {
                Fact::Attribute { attribute } => Ok(self.attribute(release, slot, *attribute)),
                _ => Ok(Value::Int(crate::fact::UNRANKED)),
            },
        }
    }

    /// A member's sum of measures over the period that holds an instant.
    pub(super) fn member_sum(
        &self,
        release: &Release,
        slot: Slot,
        measures: &[Code],
        period: Period,
        at_ms: i64,
        cycle: i32,
    ) -> Result<i64, Overflow> {
        let row = &self.members[slot].row;
        match period {
            Period::All => sum(&row.tally, measures),
            Period::Cycle => self.standing(cycle, row.number).map_or(Ok(0), |s| sum(&s.tally, measures)),
            Period::Day | Period::Week | Period::Month => {
                let calendar = &release.campaign.calendar;
                let days = calendar.period_days(period, at_ms);
                calendar
                    .cycles_touching(days.clone())
                    .filter_map(|cycle| self.standing(cycle, row.number))
                    .try_fold(0_i64, |total, standing| total.checked_add(standing.days.sum(&days, measures)?).ok_or(Overflow))
            }
        }
    }
}

/// What the close of a cycle knows of one member: frozen standings, and places on the leaderboards.
pub struct CloseFacts<'a> {
    /// The standing of the cycle that closes, as the settlement's revision sees it.
    pub standing: Option<&'a StandingRow>,
    /// Standings of that cycle and all before it, oldest first.
    pub history: &'a [StandingRow],
    /// (account, place) on its leaderboard; an account that is not here: no place.
    pub ranks: &'a [(usize, i64)],
}

/// One fact of a member as of the end of the cycle that closes.
pub(super) fn fact_at_close(release: &Release, facts: &CloseFacts, fact: &Fact) -> Result<Value, Overflow> {
    if let Some((measures, period)) = measures(release, fact) {
        let total = match period {
            Period::All => facts.history.iter().try_fold(0_i64, |total, s| total.checked_add(sum(&s.tally, measures)?).ok_or(Overflow))?,
            _ => facts.standing.map_or(Ok(0), |s| sum(&s.tally, measures))?,
        };
        return Ok(Value::Int(total));
    }
    Ok(match *fact {
        Fact::Rank { account } => {
            Value::Int(facts.ranks.iter().find(|(a, _)| *a == account).map_or(crate::fact::UNRANKED, |(_, place)| *place))
        }
        Fact::Attribute { attribute } => {
            let code = release.codes.attributes[attribute];
            let last = facts.history.iter().rev().find_map(|s| s.attributes.iter().find(|(c, _)| *c == code));
            last.map_or_else(|| release.campaign.attributes[attribute].default.clone(), |(_, value)| value.clone())
        }
        _ => Value::Missing,
    })
}

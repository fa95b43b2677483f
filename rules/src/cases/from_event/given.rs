//! What members had, told as a case gives it: sums, each at an instant in the same days and cycles as what it sums up,
//! as far as anybody asks for days or cycles.

use super::past::{Entry, What};
use crate::campaign::calendar::Calendar;
use crate::campaign::{Caps, Total};
use crate::cases::write::Counts;
use crate::fact::{Fact, Period};
use crate::release::Release;
use std::collections::{BTreeMap, BTreeSet};

/// What a decision, its limits and its invariants can look at.
#[derive(Debug, Default)]
pub struct Reach {
    /// But for all time.
    periods: BTreeSet<Period>,
    /// Event types whose number is asked for.
    events: BTreeSet<String>,
    referrals: bool,
    /// Accounts, rewards and events of which campaign totals are asked for.
    totals: BTreeSet<String>,
}

impl Reach {
    pub fn of(release: &Release, kind: Option<usize>) -> Reach {
        let campaign = &release.campaign;
        let mut reach = Reach::default();
        let handler = kind.and_then(|kind| release.handler_of_event[kind]);
        for read in handler.map(|h| &release.handler(h).reads).into_iter().flatten() {
            reach.fact(release, &read.fact);
        }
        for (account, caps) in &campaign.limits.accounts {
            let parts = campaign.accounts[*account].parts.iter().chain([account]).map(|a| campaign.accounts[*a].name.to_string());
            reach.caps(caps, parts.collect());
        }
        for (reward, caps) in &campaign.limits.rewards {
            reach.caps(caps, vec![campaign.rewards[*reward].name.to_string()]);
        }
        if campaign.limits.budget.is_some() {
            reach.totals.extend(campaign.rewards.iter().filter(|r| r.face_value.is_some()).map(|r| r.name.to_string()));
            reach.totals.extend(campaign.accounts.iter().filter(|a| a.worth.is_some()).map(|a| a.name.to_string()));
        }
        for invariant in campaign.invariants.iter().filter(|i| !i.at_close) {
            reach.periods.extend(invariant.period.filter(|period| *period != Period::All));
            reach.total(release, &invariant.left, invariant.per_member);
            reach.total(release, &invariant.right, invariant.per_member);
        }
        reach
    }

    fn fact(&mut self, release: &Release, fact: &Fact) {
        let period = match *fact {
            Fact::Points { period, .. } | Fact::Granted { period, .. } => period,
            Fact::Events { event, period } => {
                self.events.insert(release.campaign.events[event].name.to_string());
                period
            }
            Fact::Referrals { period } => {
                self.referrals = true;
                period
            }
            Fact::Attribute { .. } | Fact::Rank { .. } => return,
        };
        self.periods.extend(Some(period).filter(|period| *period != Period::All));
    }

    fn caps(&mut self, caps: &Caps, names: Vec<String>) {
        let of_day = caps.per_member_per_day.or(caps.per_day).map(|_| Period::Day);
        let of_cycle = caps.per_member_per_cycle.or(caps.per_cycle).map(|_| Period::Cycle);
        self.periods.extend(of_day.into_iter().chain(of_cycle));
        if caps.per_cycle.or(caps.per_day).or(caps.total).is_some() {
            self.totals.extend(names);
        }
    }

    fn total(&mut self, release: &Release, total: &Total, per_member: bool) {
        let campaign = &release.campaign;
        let mut names = Vec::new();
        match total {
            Total::Number(_) => {}
            Total::Granted { reward, .. } => names.push(campaign.rewards[*reward].name.to_string()),
            Total::Events { event } => {
                self.events.insert(campaign.events[*event].name.to_string());
                names.push(campaign.events[*event].name.to_string());
            }
            Total::Points { account } => {
                let parts = campaign.accounts[*account].parts.iter().chain([account]);
                names.extend(parts.map(|a| campaign.accounts[*a].name.to_string()));
            }
            Total::Referrals => self.referrals = true,
            Total::Add(left, right) | Total::Subtract(left, right) | Total::Multiply(left, right) => {
                self.total(release, left, per_member);
                self.total(release, right, per_member);
            }
        }
        if !per_member {
            self.totals.extend(names);
        }
    }

    /// Whether a member's own count of it can matter, or is worth telling.
    pub fn concerns(&self, what: &What) -> bool {
        match what {
            What::Points(_) | What::Grants(_) => true,
            What::Events(name) => self.events.contains(&**name),
            What::Referrals => self.referrals,
        }
    }

    /// Whether everybody's count of it together can matter.
    pub fn concerns_total(&self, what: &What) -> bool {
        match what {
            What::Points(name) | What::Grants(name) | What::Events(name) => self.totals.contains(&**name),
            What::Referrals => self.referrals,
        }
    }

    /// Two instants with the same of these are the same to a decision at `at_ms`.
    pub fn shares(&self, calendar: &Calendar, at_ms: i64, other_ms: i64) -> Vec<bool> {
        let shares = |period: &Period| match period {
            Period::Cycle => calendar.cycle_of(at_ms).map(|c| c.number) == calendar.cycle_of(other_ms).map(|c| c.number),
            period => calendar.period_days(*period, at_ms).contains(&calendar.moment(other_ms).day),
        };
        self.periods.iter().map(shares).collect()
    }

    /// The sums, each with an instant: not after the decision where there is one, else the last.
    pub fn sums<'e>(&self, entries: impl Iterator<Item = &'e Entry>, calendar: &Calendar, at_ms: i64) -> Vec<(i64, Counts)> {
        let mut sums: BTreeMap<Vec<bool>, (i64, BTreeMap<What, i64>)> = BTreeMap::new();
        for entry in entries {
            let (rank, now) = (|ms: i64| (ms <= at_ms, ms), entry.at_ms);
            let (last, by_what) = sums.entry(self.shares(calendar, at_ms, now)).or_insert_with(|| (now, BTreeMap::new()));
            *last = if rank(now) > rank(*last) { now } else { *last };
            let sum = by_what.entry(entry.what.clone()).or_insert(0);
            // Each was checked against all others when it was booked.
            *sum = sum.saturating_add(entry.count);
        }
        let told = sums.into_values().map(|(at_ms, by_what)| (at_ms, counts(by_what)));
        told.filter(|(_, counts)| *counts != Counts::default()).collect()
    }
}

fn counts(by_what: BTreeMap<What, i64>) -> Counts {
    let mut counts = Counts::default();
    for (what, count) in by_what.into_iter().filter(|(_, count)| *count != 0) {
        match what {
            What::Points(name) => counts.points.push((name.to_string(), count)),
            What::Grants(name) => counts.grants.push((name.to_string(), count)),
            What::Events(name) => counts.events.push((name.to_string(), count)),
            What::Referrals => counts.referrals = count,
        }
    }
    counts
}

impl Counts {
    /// Both together.
    pub fn and(&mut self, other: Counts) {
        let join = |into: &mut Vec<(String, i64)>, list: Vec<(String, i64)>| {
            for (name, count) in list {
                match into.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, sum)) => *sum += count,
                    None => into.push((name, count)),
                }
            }
        };
        join(&mut self.points, other.points);
        join(&mut self.grants, other.grants);
        join(&mut self.events, other.events);
        self.referrals += other.referrals;
    }
}

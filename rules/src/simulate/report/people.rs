//! Who gets the most, how points are spread, and what each segment of a population comes to.

use super::Known;
use crate::book::ranking::points_in;
use crate::book::rows::MemberRow;
use crate::release::Release;
use crate::simulate::world::World;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Members that are named.
const NAMED: usize = 20;
/// Bars of a histogram, at most.
const BARS: i64 = 20;

/// One member, with what they got in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TopMember {
    pub member: String,
    pub cost_minor: i64,
    /// Units by reward, points by account; none that is 0.
    pub rewards: Vec<(String, i64)>,
    pub accounts: Vec<(String, i64)>,
}

/// How the points of an account, its parts included, are spread over the members who have any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Distribution {
    pub account: String,
    pub members: u64,
    /// Points that so many percent of them have at most: 10, 50, 90, 99, 100.
    pub percentiles: Vec<(u8, i64)>,
    /// The first bar counts members with 1 to `width` points, the next those with up to twice that.
    pub width: i64,
    pub bars: Vec<u64>,
}

/// The part of the whole cost that goes to the few who get the most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Concentration {
    /// Of all members, in percent: 1, 10.
    pub percent: u8,
    pub members: u64,
    pub cost_minor: i64,
}

/// What the members of one segment come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SegmentReport {
    pub segment: String,
    pub members: u64,
    pub cost_minor: i64,
}

fn members(world: &World) -> impl Iterator<Item = &MemberRow> {
    world.book().members().filter(|row| row.number != 0)
}

/// Those who cost most, then those with the most points; of equals, who came first.
pub(super) fn top(world: &World, known: &Known, newest: &Release) -> Vec<TopMember> {
    let points = |row: &MemberRow| -> i64 {
        let all = newest.campaign.accounts.iter().enumerate().filter(|(_, account)| account.parent.is_none());
        all.fold(0, |sum, (index, _)| sum.saturating_add(points_in(newest, index, &row.tally).unwrap_or(i64::MAX)))
    };
    let mut rows: Vec<(i64, i64, &MemberRow)> =
        members(world).map(|row| (world.costs().of_member(row.number), points(row), row)).filter(|r| r.0 != 0 || r.1 != 0).collect();
    let rank = |r: &(i64, i64, &MemberRow)| (Reverse(r.0), Reverse(r.1), r.2.number);
    if rows.len() > NAMED {
        rows.select_nth_unstable_by_key(NAMED, rank);
        rows.truncate(NAMED);
    }
    rows.sort_unstable_by_key(rank);
    let named = |(cost_minor, _, row): (i64, i64, &MemberRow)| TopMember {
        member: row.id.to_string(),
        cost_minor,
        rewards: known.units(world, row),
        accounts: newest
            .campaign
            .accounts
            .iter()
            .enumerate()
            .map(|(index, account)| (account.name.to_string(), points_in(newest, index, &row.tally).unwrap_or(i64::MAX)))
            .filter(|(_, points)| *points != 0)
            .collect(),
    };
    rows.into_iter().map(named).collect()
}

impl Known {
    fn units(&self, world: &World, row: &MemberRow) -> Vec<(String, i64)> {
        let mut units: BTreeMap<&str, i64> = BTreeMap::new();
        for release in world.releases().iter() {
            for (reward, code) in release.campaign.rewards.iter().zip(&release.codes.granted) {
                units.insert(&reward.name, row.tally.get(*code));
            }
        }
        units.into_iter().filter(|(_, units)| *units != 0).map(|(name, units)| (name.to_string(), units)).collect()
    }
}

/// Of every account that is no part of another.
pub(super) fn distributions(world: &World, newest: &Release) -> Vec<Distribution> {
    let whole = newest.campaign.accounts.iter().enumerate().filter(|(_, account)| account.parent.is_none());
    let of_account = |(index, account): (usize, &crate::campaign::Account)| {
        let points = members(world).map(|row| points_in(newest, index, &row.tally).unwrap_or(i64::MAX));
        let mut points: Vec<i64> = points.filter(|points| *points > 0).collect();
        points.sort_unstable();
        distribution(&account.name, &points)
    };
    whole.map(of_account).collect()
}

/// `points`: sorted, of everybody who has any.
fn distribution(account: &str, points: &[i64]) -> Distribution {
    let Some(most) = points.last().copied() else { return Distribution { account: account.into(), ..Distribution::default() } };
    let percentiles = [10_u8, 50, 90, 99, 100].map(|percent| (percent, points[(points.len() * usize::from(percent)).div_ceil(100) - 1]));
    let width = round_width(most);
    let mut bars = vec![0; ((most - 1) / width + 1) as usize];
    points.iter().for_each(|points| bars[((points - 1) / width) as usize] += 1);
    Distribution { account: account.into(), members: points.len() as u64, percentiles: percentiles.to_vec(), width, bars }
}

/// The least of 1, 2, 5, 10, 20, 50 … with which no more than [`BARS`] bars reach the most.
fn round_width(most: i64) -> i64 {
    let mut width = 1_i64;
    for factor in [2, 5, 10].into_iter().cycle() {
        if (most - 1) / width < BARS {
            break;
        }
        let decade = 10_i64.pow(width.ilog10());
        width = match decade.checked_mul(factor) {
            Some(width) => width,
            None => return most,
        };
    }
    width
}

/// The 1 % and the 10 % of all members who cost most.
pub(super) fn concentrations(world: &World) -> Vec<Concentration> {
    let mut costs: Vec<i64> = members(world).map(|row| world.costs().of_member(row.number)).collect();
    costs.sort_unstable_by_key(|cost| Reverse(*cost));
    let of_first = |percent: u8| {
        let members = (costs.len() * usize::from(percent)).div_ceil(100);
        let cost_minor = costs[..members].iter().fold(0, |sum: i64, cost| sum.saturating_add(*cost));
        Concentration { percent, members: members as u64, cost_minor }
    };
    [1, 10].map(of_first).to_vec()
}

/// Members by the beginning of their id: `champion-17` belongs to `champion`.
pub(in crate::simulate) fn segments(world: &World, names: &[&str]) -> Vec<SegmentReport> {
    let mut segments: Vec<SegmentReport> =
        names.iter().map(|name| SegmentReport { segment: name.to_string(), ..SegmentReport::default() }).collect();
    for row in members(world) {
        let of = row.id.id.rsplit_once('-').and_then(|(name, _)| segments.iter_mut().find(|s| s.segment == name));
        if let Some(segment) = of {
            segment.members += 1;
            segment.cost_minor = segment.cost_minor.saturating_add(world.costs().of_member(row.number));
        }
    }
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_spread_over_bars_of_a_round_width() {
        for (most, width) in [(1, 1), (20, 1), (21, 2), (41, 5), (100, 5), (101, 10), (1420, 100), (i64::MAX, 500_000_000_000_000_000)] {
            assert_eq!(round_width(most), width, "{most}");
        }
        let points: Vec<i64> = (1..=100).collect();
        let spread = distribution("a", &points);
        assert_eq!((spread.width, spread.bars.len(), spread.bars.iter().sum::<u64>(), spread.bars[0]), (5, 20, 100, 5));
        assert_eq!(spread.percentiles, [(10, 10), (50, 50), (90, 90), (99, 99), (100, 100)]);
        assert_eq!(distribution("a", &[]).bars, Vec::<u64>::new());
    }
}

//! Who leads: places on an account's leaderboard, from standings. One place for it, so that a settlement, a case and
//! the live leaderboard cannot disagree.

use super::facts::points_measures;
use super::rows::StandingRow;
use super::tally::{Overflow, Tally};
use crate::release::Release;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;
use std::cmp::Reverse;

/// One member's entry in a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranked {
    /// The member's number.
    pub member: i64,
    /// Kinds have leaderboards of their own.
    pub kind: SmolStr,
    pub points: i64,
    /// When the points were got to, by event time.
    pub reached_ms: i64,
}

/// Sorts as a leaderboard shows it, whatever the kind: most points first, ties by who got there first, then by who
/// came first at all. Members without points are taken out: they have no place.
pub fn in_order(mut list: Vec<Ranked>) -> Vec<Ranked> {
    list.retain(|r| r.points > 0);
    list.sort_unstable_by_key(|r| (Reverse(r.points), r.reached_ms, r.member));
    list
}

/// Places by member number, from 1 within each kind, no two alike. Who is not in it has [`crate::fact::UNRANKED`].
pub fn places(list: Vec<Ranked>) -> FxHashMap<i64, i64> {
    let mut last: FxHashMap<SmolStr, i64> = FxHashMap::default();
    let mut places = FxHashMap::default();
    for ranked in in_order(list) {
        let place = last.entry(ranked.kind).or_insert(0);
        *place += 1;
        places.insert(ranked.member, *place);
    }
    places
}

/// An account's points in a standing, its parts included, and when they were got to.
pub fn points_and_reached(release: &Release, account: usize, standing: &StandingRow) -> Result<(i64, i64), Overflow> {
    let points = points_in(release, account, &standing.tally)?;
    let code = release.codes.accounts[account];
    let reached_ms = standing.reached.iter().find(|(c, _)| *c == code).map_or(i64::MAX, |(_, at_ms)| *at_ms);
    Ok((points, reached_ms))
}

/// An account's points in a tally, its parts included.
pub fn points_in(release: &Release, account: usize, tally: &Tally) -> Result<i64, Overflow> {
    super::facts::sum(tally, points_measures(release, account))
}

/// Whether a standing holds a posting: only those members' cycles are closed.
pub fn has_posting(release: &Release, standing: &StandingRow) -> bool {
    standing.tally.iter().any(|(measure, _)| release.codes.points.contains(&measure))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_strict_and_each_kind_has_its_own() {
        let list: Vec<Ranked> = [
            (1, "member", 100, 50),
            (2, "member", 130, 90),
            (3, "member", 100, 40),
            (4, "member", 0, 10),
            (5, "team", 5, 10),
            (6, "member", 100, 40),
        ]
        .into_iter()
        .map(|(member, kind, points, reached_ms)| Ranked { member, kind: kind.into(), points, reached_ms })
        .collect();
        let places = places(list);
        let mut by_place: Vec<(i64, i64)> = places.into_iter().collect();
        by_place.sort_unstable();
        assert_eq!(by_place, [(1, 4), (2, 1), (3, 2), (5, 1), (6, 3)]);
    }
}

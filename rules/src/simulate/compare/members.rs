//! Who gains and who loses between two worlds, and by how much.

use super::{Both, newest_first};
use crate::book::rows::MemberRow;
use crate::names::Code;
use crate::simulate::world::World;
use crate::value::MemberId;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Everybody, by what the new one means for them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Members {
    pub gain: Sort,
    pub lose: Sort,
    /// The same value in other things, or more of one and less of another that have no price.
    pub exchange: Sort,
    pub same: u64,
}

/// Members of one sort.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sort {
    pub members: u64,
    /// What they get more, in minor units; below zero: less.
    pub cost_more_minor: i64,
    /// Those with the largest differences, the largest first.
    pub largest: Vec<MemberDifference>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberDifference {
    pub member: String,
    /// Face value of their grants, and their points at their worth.
    pub cost_minor: Both<i64>,
    /// Rewards whose units differ, then accounts whose points do.
    pub rewards: Vec<NamedDifference>,
    pub accounts: Vec<NamedDifference>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NamedDifference {
    pub name: String,
    #[serde(flatten)]
    pub both: Both<i64>,
}

impl Members {
    /// Nobody's books differ.
    pub fn nobody(&self) -> bool {
        self.gain.members + self.lose.members + self.exchange.members == 0
    }
}

/// A name that either world counts, by the measures whose sum it is there.
struct Counted {
    name: Arc<str>,
    measures: Both<Vec<Code>>,
    /// Face value, which the cost holds already.
    priced: bool,
    /// A part of another account counts there.
    part: bool,
}

pub(super) fn compare(old: &World, new: &World, listed: usize) -> Members {
    let counted = Both { old: rewards(old, new), new: accounts(old, new) };
    let mut members = Members::default();
    let ids = new.book().members().filter(|row| row.number != 0).map(|row| &row.id);
    let only_old = old.book().members().filter(|row| row.number != 0 && row_of(new, &row.id).is_none()).map(|row| &row.id);
    for id in ids.chain(only_old) {
        match difference(old, new, id, &counted) {
            None => members.same += 1,
            Some((difference, direction)) => {
                let sort = match direction {
                    1.. => &mut members.gain,
                    0 => &mut members.exchange,
                    _ => &mut members.lose,
                };
                sort.add(difference, listed);
            }
        }
    }
    members
}

fn row_of<'w>(world: &'w World, id: &MemberId) -> Option<&'w MemberRow> {
    world.book().slot_of(id).map(|slot| world.book().member_row(slot)).filter(|row| row.number != 0)
}

/// What differs for one member, and whether it is more (1), less (-1) or other (0).
fn difference(old: &World, new: &World, id: &MemberId, counted: &Both<Vec<Counted>>) -> Option<(MemberDifference, i64)> {
    let rows = Both { old: row_of(old, id), new: row_of(new, id) };
    let cost = |world: &World, row: Option<&MemberRow>| row.map_or(0, |row| world.costs().of_member(row.number));
    let cost_minor = Both { old: cost(old, rows.old), new: cost(new, rows.new) };
    let sum = |row: Option<&MemberRow>, measures: &[Code]| row.map_or(0, |row| measures.iter().map(|m| row.tally.get(*m)).sum());
    let both = |c: &Counted| Both { old: sum(rows.old, &c.measures.old), new: sum(rows.new, &c.measures.new) };
    let differing = |list: &[Counted]| -> Vec<NamedDifference> {
        let named = list.iter().map(|c| NamedDifference { name: c.name.to_string(), both: both(c) });
        named.filter(|named| named.both.differ()).collect()
    };
    let (rewards, accounts) = (differing(&counted.old), differing(&counted.new));
    if rewards.is_empty() && accounts.is_empty() && !cost_minor.differ() {
        return None;
    }
    let unpriced = counted.old.iter().chain(&counted.new).filter(|c| !c.priced && !c.part);
    let directions: BTreeSet<i64> = unpriced.map(|c| both(c).more().signum()).filter(|sign| *sign != 0).collect();
    let direction = match (cost_minor.more().signum(), directions.len()) {
        (0, 1) => directions.first().copied().unwrap_or(0),
        (0, _) => 0,
        (sign, _) => sign,
    };
    Some((MemberDifference { member: id.to_string(), cost_minor, rewards, accounts }, direction))
}

impl Sort {
    fn add(&mut self, difference: MemberDifference, listed: usize) {
        self.members += 1;
        self.cost_more_minor = self.cost_more_minor.saturating_add(difference.cost_minor.more());
        let at = self.largest.partition_point(|other| other.rank() <= difference.rank());
        if at < listed {
            self.largest.insert(at, difference);
            self.largest.truncate(listed);
        }
    }
}

impl MemberDifference {
    /// Money first, then units, then points; members that are alike by their ids.
    fn rank(&self) -> (Reverse<u64>, Reverse<u64>, Reverse<u64>, &str) {
        let moved = |list: &[NamedDifference]| list.iter().map(|named| named.both.more().unsigned_abs()).fold(0, u64::saturating_add);
        let money = self.cost_minor.more().unsigned_abs();
        (Reverse(money), Reverse(moved(&self.rewards)), Reverse(moved(&self.accounts)), &self.member)
    }
}

fn rewards(old: &World, new: &World) -> Vec<Counted> {
    let mut all: Vec<Counted> = Vec::new();
    for (world, is_new) in [(old, false), (new, true)] {
        for release in newest_first(world.releases()) {
            for (reward, code) in release.campaign.rewards.iter().zip(&release.codes.granted) {
                add(&mut all, &reward.name, is_new, vec![*code], reward.face_value.is_some(), false);
            }
        }
    }
    all
}

fn accounts(old: &World, new: &World) -> Vec<Counted> {
    let mut all: Vec<Counted> = Vec::new();
    for (world, is_new) in [(old, false), (new, true)] {
        for release in newest_first(world.releases()) {
            for (index, account) in release.campaign.accounts.iter().enumerate() {
                let measures = std::iter::once(&index).chain(&account.parts).map(|a| release.codes.points[*a]).collect();
                add(&mut all, &account.name, is_new, measures, account.worth.is_some(), account.parent.is_some());
            }
        }
    }
    all
}

/// Notes the measures of a name in one of the worlds, if they are not noted yet.
fn add(all: &mut Vec<Counted>, name: &Arc<str>, is_new: bool, measures: Vec<Code>, priced: bool, part: bool) {
    let index = all.iter().position(|c| c.name == *name).unwrap_or_else(|| {
        all.push(Counted { name: name.clone(), measures: Both::default(), priced, part });
        all.len() - 1
    });
    let side = if is_new { &mut all[index].measures.new } else { &mut all[index].measures.old };
    if side.is_empty() {
        *side = measures;
    }
}

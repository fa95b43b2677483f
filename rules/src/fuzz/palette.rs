//! What a campaign's own declarations offer to a story: who takes part, which numbers, texts and instants are near a
//! border. Numbers and texts that the rule files write are borders too.

use crate::campaign::{ACCEPTED, Campaign, INVITED, JOINED, REDEEMED, RolePath, Total};
use crate::language::Files;
use crate::release::Release;
use crate::value::{DEFAULT_KIND, DataType};
use smol_str::SmolStr;
use std::collections::{BTreeMap, BTreeSet};

const DAY_MS: i64 = 86_400_000;
const HOUR_MS: i64 = 3_600_000;

pub struct Palette {
    /// Indexes into `Campaign::events` that can happen in this campaign.
    pub kinds: Vec<usize>,
    /// Ids by kind of participant.
    pub members: BTreeMap<SmolStr, Vec<SmolStr>>,
    /// Zero, one, and what stands at a border of the campaign, with its neighbours.
    pub numbers: Vec<i64>,
    /// As large and as small as numbers get.
    pub extremes: Vec<i64>,
    pub texts: Vec<SmolStr>,
    /// Borders of the window, cycles and days, and changes of the local clock.
    pub instants: Vec<i64>,
    pub pools: Vec<String>,
    pub priced: Vec<SmolStr>,
}

const MEMBERS: [&str; 4] = ["ann", "bob", "cid", "dan"];
/// Cycles whose borders are used, from either end of the window.
const CYCLES: usize = 4;
/// More literals than any rule needs; it bounds the work.
const LITERALS: usize = 200;

impl Palette {
    pub fn of(release: &Release, files: &Files) -> Palette {
        let campaign = &release.campaign;
        let (numbers, texts) = literals(files);
        let mut all: BTreeSet<i64> = [0, 1, 2, 3, 5, 10].into();
        for border in numbers.into_iter().chain(declared(campaign)) {
            all.extend([border.saturating_sub(1), border, border.saturating_add(1), border / 2]);
        }
        Palette {
            kinds: kinds(release),
            members: campaign.kinds().into_iter().map(|kind| (kind.clone(), ids(&kind))).collect(),
            numbers: all.into_iter().collect(),
            extremes: vec![i64::MAX, i64::MAX - 1, i64::MAX / 2 + 1, -1, -10, i64::MIN],
            texts: ["a", "b", "c"].into_iter().map(Into::into).chain(texts).collect(),
            instants: instants(campaign),
            pools: campaign
                .rewards
                .iter()
                .filter_map(|r| r.pool.as_deref().map(str::to_string))
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            priced: campaign.rewards.iter().filter(|r| !r.price.is_empty()).map(|r| SmolStr::from(&*r.name)).collect(),
        }
    }
}

fn ids(kind: &SmolStr) -> Vec<SmolStr> {
    if **kind == *DEFAULT_KIND {
        MEMBERS.map(SmolStr::new_static).to_vec()
    } else {
        (1..=2).map(|n| SmolStr::from(format!("{kind}{n}"))).collect()
    }
}

/// The campaign's own events, and those of the host that matter here.
fn kinds(release: &Release) -> Vec<usize> {
    let campaign = &release.campaign;
    let invites = refers(campaign);
    let matters = |index: usize, name: &str| match name {
        ACCEPTED => invites || release.handler_of_event[index].is_some(),
        REDEEMED => campaign.rewards.iter().any(|r| !r.price.is_empty()),
        INVITED | JOINED => release.handler_of_event[index].is_some(),
        _ => true,
    };
    campaign.events.iter().enumerate().filter(|(index, event)| matters(*index, &event.name)).map(|(index, _)| index).collect()
}

/// Whether anybody is found by who invited whom, or counted by it.
fn refers(campaign: &Campaign) -> bool {
    fn total_refers(total: &Total) -> bool {
        match total {
            Total::Referrals => true,
            Total::Add(a, b) | Total::Subtract(a, b) | Total::Multiply(a, b) => total_refers(a) || total_refers(b),
            _ => false,
        }
    }
    let roles = campaign.events.iter().flat_map(|e| &e.roles).chain(&campaign.close_roles);
    roles.into_iter().any(|role| matches!(role.path, RolePath::Referral { .. }))
        || campaign.invariants.iter().any(|i| total_refers(&i.left) || total_refers(&i.right))
}

/// Caps, prices and numbers of invariants.
fn declared(campaign: &Campaign) -> Vec<i64> {
    let caps = campaign.limits.accounts.iter().chain(&campaign.limits.rewards).flat_map(|(_, c)| {
        [c.per_member, c.per_member_per_cycle, c.per_member_per_day, c.per_cycle, c.per_day, c.total].into_iter().flatten()
    });
    let prices = campaign.rewards.iter().flat_map(|r| r.price.iter().map(|(_, points)| *points));
    let mut numbers: Vec<i64> = caps.chain(prices).collect();
    for invariant in &campaign.invariants {
        numbers_of(&invariant.left, &mut numbers);
        numbers_of(&invariant.right, &mut numbers);
    }
    let bounds = campaign.events.iter().flat_map(|e| &e.fields).map(|field| field.bounds);
    numbers.extend(bounds.flat_map(|b| [b.least, b.most]).flatten());
    // A budget in minor units is a border for points that are worth one.
    numbers.extend(campaign.limits.budget.map(|budget| budget.minor));
    numbers
}

fn numbers_of(total: &Total, into: &mut Vec<i64>) {
    match total {
        Total::Number(n) => into.push(*n),
        Total::Add(a, b) | Total::Subtract(a, b) | Total::Multiply(a, b) => {
            numbers_of(a, into);
            numbers_of(b, into);
        }
        _ => {}
    }
}

/// Whole numbers and short texts that the scripts write.
fn literals(files: &Files) -> (BTreeSet<i64>, BTreeSet<SmolStr>) {
    let (mut numbers, mut texts) = (BTreeSet::new(), BTreeSet::new());
    let scripts = files.iter().filter(|(path, _)| path.ends_with(".rhai"));
    for line in scripts.filter_map(|(_, bytes)| std::str::from_utf8(bytes).ok()).flat_map(str::lines) {
        let code = line.split_once("//").map_or(line, |(code, _)| code);
        let words = code.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').map(|word| word.replace('_', ""));
        numbers.extend(words.filter_map(|word| word.parse::<i64>().ok()));
        texts.extend(code.split('"').skip(1).step_by(2).filter(|text| text.len() <= 32).map(SmolStr::from));
    }
    (numbers.into_iter().take(LITERALS).collect(), texts.into_iter().take(LITERALS).collect())
}

fn instants(campaign: &Campaign) -> Vec<i64> {
    let calendar = &campaign.calendar;
    let (starts, ends) = (calendar.starts_ms(), calendar.ends_ms());
    let mut all: BTreeSet<i64> = BTreeSet::from([starts, ends]);
    let cycles = calendar.cycles();
    let near: Vec<_> = cycles.iter().take(CYCLES).chain(cycles.iter().rev().take(2)).collect();
    all.extend(near.iter().flat_map(|cycle| [cycle.starts_ms, cycle.ends_ms]));
    all.extend(calendar.clock_changes().filter(|at| calendar.contains(*at)).take(CYCLES));
    // Local midnights of the first days, and a plain hour of the day.
    let first = calendar.moment(starts).day;
    let days = (0..8).filter_map(|n| calendar.instant(&crate::campaign::calendar::day_text(first.saturating_add(n))).ok());
    all.extend(days.flat_map(|midnight| [midnight, midnight.saturating_add(10 * HOUR_MS)]));
    all.extend([ends.saturating_sub(DAY_MS)]);
    all.into_iter().filter(|at| (starts..=ends).contains(at)).collect()
}

/// Fields that hold a member of a kind.
pub fn is_member(kind: &DataType) -> Option<&SmolStr> {
    if let DataType::Member(kind) = kind { Some(kind) } else { None }
}

//! What each entry function reaches through the functions that it calls: the facts that the host fetches for it, the
//! effects that it may ask for, and whether those make sense where it runs.

use super::{Entry, Findings, Function, Uses};
use crate::campaign::Campaign;
use crate::fact::{Fact, Period};
use crate::language::{Handler, Read};
use rhai::Position;
use std::collections::BTreeSet;

pub struct Reached {
    pub handlers: Vec<Handler>,
    /// By handler, in the order in which they repeat for each member.
    pub facts: Vec<Vec<Fact>>,
    /// Functions that some entry reaches.
    pub functions: BTreeSet<usize>,
}

pub fn reach(campaign: &Campaign, functions: &[Function<'_>], uses: &[Uses], findings: &mut Findings) -> Reached {
    let mut reached = Reached { handlers: Vec::new(), facts: Vec::new(), functions: BTreeSet::new() };
    for (index, function) in functions.iter().enumerate() {
        let Some(entry) = function.entry else { continue };
        let within = closure(index, functions, uses);
        let mut facts = BTreeSet::new();
        for &used in &within {
            for (fact, at) in &uses[used].facts {
                check_fact(campaign, entry, &functions[used], *fact, *at, findings);
                facts.insert(*fact);
            }
        }
        let facts: Vec<Fact> = facts.into_iter().collect();
        reached.handlers.push(handler(campaign, function, entry, &facts, within.iter().map(|used| &uses[*used])));
        reached.facts.push(facts);
        reached.functions.extend(within);
    }
    let unreached = functions.iter().enumerate().filter(|(index, _)| !reached.functions.contains(index));
    for (_, function) in unreached.filter(|(_, function)| !function.name.starts_with("on_")) {
        findings.warn(function.script, function.at, format!("nothing calls `{}`", function.name), "");
    }
    reached
}

fn closure(entry: usize, functions: &[Function<'_>], uses: &[Uses]) -> BTreeSet<usize> {
    let mut within = BTreeSet::from([entry]);
    let mut open = vec![entry];
    while let Some(next) = open.pop() {
        for (file, name) in &uses[next].calls {
            // Every function of that name: which one it is depends on the number of arguments.
            for (index, function) in functions.iter().enumerate() {
                if function.script.file == *file && function.name == name && within.insert(index) {
                    open.push(index);
                }
            }
        }
    }
    within
}

fn check_fact(campaign: &Campaign, entry: Entry, function: &Function<'_>, fact: Fact, at: Position, findings: &mut Findings) {
    let period = match fact {
        Fact::Points { period, .. } | Fact::Granted { period, .. } | Fact::Events { period, .. } | Fact::Referrals { period } => {
            Some(period)
        }
        Fact::Attribute { .. } => None,
        Fact::Rank { account } => {
            check_rank(campaign, entry, function, account, at, findings);
            None
        }
    };
    if period == Some(Period::Cycle) && !campaign.calendar.has_cycles() {
        findings.error(function.script, at, "this campaign has no [cycle]", "use \"all\", or add [cycle] to campaign.toml");
    }
    if let Some(period @ (Period::Day | Period::Week | Period::Month)) = period
        && entry == Entry::Close
    {
        findings.error(function.script, at, format!("\"{period}\" means nothing when a cycle closes"), "use \"cycle\" or \"all\"");
    }
}

fn check_rank(campaign: &Campaign, entry: Entry, function: &Function<'_>, account: usize, at: Position, findings: &mut Findings) {
    let account = &campaign.accounts[account];
    if entry != Entry::Close {
        let help = "it depends on everybody: use it in on_cycle_close";
        findings.error(function.script, at, "a rank is only known when a cycle closes", help);
    }
    if !account.leaderboard {
        findings.error(function.script, at, format!("account \"{}\" keeps no leaderboard", account.name), "add leaderboard = true");
    }
}

/// Facts are asked of the member and of every role: which of them a call means is only known when it runs.
fn handler<'u>(
    campaign: &Campaign,
    function: &Function<'_>,
    entry: Entry,
    facts: &[Fact],
    uses: impl Iterator<Item = &'u Uses>,
) -> Handler {
    let (event, roles) = match entry {
        Entry::Event(event) => (Some(event), campaign.events[event].roles.len()),
        Entry::Close => (None, campaign.close_roles.len()),
    };
    let mut writes: Vec<_> = uses.flat_map(|uses| uses.writes.iter().cloned()).collect();
    writes.sort_by(|a, b| (a.line, a).cmp(&(b.line, b)));
    writes.dedup();
    Handler {
        function: function.name.into(),
        event,
        roles: (0..roles).collect(),
        reads: (0..=roles).flat_map(|of| facts.iter().map(move |fact| Read { of, fact: *fact })).collect(),
        writes,
    }
}

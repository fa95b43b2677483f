//! Rewards that nobody can get: no rule names them, and they have no price.

use super::super::script::Script;
use super::{Findings, Uses};
use crate::campaign::Campaign;
use crate::diagnostic::Diagnostic;
use rhai::Dynamic;
use std::collections::BTreeSet;

pub fn check(campaign: &Campaign, scripts: &[Script], uses: &[Uses], reached: &BTreeSet<usize>, findings: &mut Findings) {
    let mut texts: BTreeSet<String> = reached.iter().flat_map(|used| uses[*used].texts.iter().cloned()).collect();
    for script in scripts {
        script.constants.iter().for_each(|(_, _, value)| texts_in(&value, &mut texts));
    }
    for reward in campaign.rewards.iter().filter(|reward| reward.price.is_empty() && !texts.contains(&*reward.name)) {
        let message = format!("no rule names the reward \"{}\" and it has no price", reward.name);
        findings.push(Diagnostic::error("campaign.toml", None, message, "remove it from campaign.toml, or grant it"));
    }
}

/// The texts inside a constant: a reward in a table of prizes is named.
fn texts_in(value: &Dynamic, into: &mut BTreeSet<String>) {
    if let Ok(text) = value.as_immutable_string_ref() {
        into.insert(text.to_string());
    }
    if let Ok(list) = value.as_array_ref() {
        list.iter().for_each(|item| texts_in(item, into));
    }
    if let Ok(map) = value.as_map_ref() {
        map.values().for_each(|item| texts_in(item, into));
    }
}

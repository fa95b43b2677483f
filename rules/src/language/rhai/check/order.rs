//! A rule sees the books as they stood before the event: reading an account after changing it is a likely mistake.

use super::calls::Named;
use super::{Call, Findings, Function};
use crate::campaign::Campaign;
use rhai::Position;
use std::collections::BTreeMap;

/// What a function has changed so far, and where, in the order of the file.
#[derive(Default)]
pub struct Order {
    changed: BTreeMap<String, Position>,
}

impl Order {
    pub fn check(&mut self, campaign: &Campaign, function: &Function<'_>, call: &Call<'_>, named: &Named, findings: &mut Findings) {
        let Some(Some(name)) = named.names.first() else { return };
        match call.name {
            "award" | "deduct" | "grant" | "set" => {
                self.changed.entry(name.clone()).or_insert(call.at);
            }
            "points" | "granted" | "get" => {
                let touching = self.changed.iter().find(|(changed, at)| **at < call.at && touches(campaign, changed, name));
                if let Some((_, at)) = touching {
                    let message = format!("\"{name}\" is read after line {} changed it", at.line().unwrap_or(0));
                    let help = "a rule sees the books as they stood before the event; add what you awarded yourself";
                    findings.warn(function.script, call.at, message, help);
                }
            }
            _ => {}
        }
    }
}

/// The same name, or a part of the account that is read.
fn touches(campaign: &Campaign, changed: &str, read: &str) -> bool {
    let parent = || campaign.account(changed).and_then(|account| campaign.accounts[account].parent);
    changed == read || parent().is_some_and(|parent| *campaign.accounts[parent].name == *read)
}

//! Redeeming: points for a reward, at the price that campaign.toml states. The host's act, not a rule's.

use super::Book;
use super::Slot;
use super::changes::{Changes, Kind, Stopped};
use super::decide::is_redeem;
use super::facts::{points_measures, sum};
use super::prepare::{Parsed, Prepared};
use crate::effect::{Action, Effect, Place};
use crate::value::Value;

impl Book {
    pub(super) fn refuse_redeem(&self, prepared: &Prepared, parsed: &Parsed, member: Slot) -> Option<String> {
        if !is_redeem(prepared, parsed) {
            return None;
        }
        let release = &prepared.release;
        let name = redeemed(parsed);
        let Some(reward) = release.campaign.reward(name) else { return Some(format!("there is no reward \"{name}\"")) };
        let price = &release.campaign.rewards[reward].price;
        if price.is_empty() {
            return Some(format!("\"{name}\" has no price: it cannot be redeemed"));
        }
        price.iter().find_map(|(account, points)| {
            let has = sum(&self.members[member].row.tally, points_measures(release, *account)).unwrap_or(0);
            let account = &release.campaign.accounts[*account].name;
            (has < *points).then(|| format!("not enough {account}: {name} costs {points}, there are {has}"))
        })
    }

    /// The effects of the host's own act: the price is taken, the reward is granted.
    pub(super) fn act_effects(&self, prepared: &Prepared, parsed: &Parsed) -> Vec<Effect> {
        let campaign = &prepared.release.campaign;
        if !is_redeem(prepared, parsed) {
            return Vec::new();
        }
        let Some(reward) = campaign.reward(redeemed(parsed)) else { return Vec::new() };
        let effect = |action| Effect { of: 0, action, place: own_place() };
        let price =
            campaign.rewards[reward].price.iter().map(|(account, points)| effect(Action::Deduct { account: *account, points: *points }));
        price.chain(std::iter::once(effect(Action::Grant { reward, count: 1 }))).collect()
    }

    /// Nobody pays for what a limit cuts off. What the rule gives on top may be cut off.
    pub(super) fn refuse_clipped_redeem(&self, prepared: &Prepared, changes: &Changes) -> Result<(), Stopped> {
        let Ok(parsed) = &prepared.contract else { return Ok(()) };
        if !is_redeem(prepared, parsed) {
            return Ok(());
        }
        let own = Some(own_place());
        let clipped = changes.list.iter().find(|c| matches!(c.kind, Kind::Grant { count: 0, .. }) && c.place == own);
        let Some(clipped) = clipped else { return Ok(()) };
        let mut stopped = Stopped::because(format!("the limit {} is reached", clipped.clipped.map_or("", |l| l.1)), None);
        stopped.refuses = true;
        Err(stopped)
    }
}

/// Of the host's own effects, which no line of a rule asks for.
fn own_place() -> Place {
    Place { file: "campaign.toml".into(), line: 0 }
}

fn redeemed(parsed: &Parsed) -> &str {
    // The built-in contract: {member, reward}, sorted by name.
    match parsed.data.get(1) {
        Some(Value::Text(name)) => name,
        _ => "",
    }
}

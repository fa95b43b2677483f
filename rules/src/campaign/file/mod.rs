//! Reads `campaign.toml` into a [`Campaign`].
//!
//! Promises: what is returned is whole and consistent, every index in it points to something; what is wrong is
//! reported with its line and column, all of it in one go as far as it can be told apart. Must not know: rule
//! languages, the book.
//!
//! [`reader`] is the TOML underneath, [`words`] the small forms; each other file reads one part: [`window`] the zone,
//! the dates and the cycle, [`catalog`] accounts, rewards and attributes, [`events`] and [`roles`] the events,
//! [`limits`] the caps and the budget, [`invariants`] the checks over totals, [`releases`] what a change asks for.

mod catalog;
mod events;
mod invariants;
mod limits;
pub(crate) mod reader;
mod releases;
mod roles;
mod window;
pub(crate) mod words;

pub use words::is_id;

use super::Campaign;
use crate::diagnostic::{Diagnostic, position_of};
use crate::language::Files;
use reader::{Findings, Table};
use std::collections::BTreeSet;
use toml::de::DeTable;

/// The campaign's own file.
const FILE: &str = "campaign.toml";

/// Far more than any campaign says; it bounds the work that a file can make.
const FILE_BYTES_MAX: usize = 128 << 10;

/// Reads and checks the folder's `campaign.toml`; fails with every error found. Whether the rule file is there and
/// fits is asked of the rule languages.
pub fn parse(files: &Files) -> Result<Campaign, Vec<Diagnostic>> {
    let Some(bytes) = files.get(FILE) else {
        let help = "a campaign is a folder with campaign.toml, the rule file and cases";
        return Err(vec![Diagnostic::error(FILE, None, "campaign.toml is not in the campaign's folder", help)]);
    };
    parse_toml(FILE, bytes, read)
}

/// A TOML file as `read` understands it; fails with every error found.
pub(crate) fn parse_toml<T>(file: &str, bytes: &[u8], read: impl FnOnce(Table, &mut Findings) -> Option<T>) -> Result<T, Vec<Diagnostic>> {
    if bytes.len() > FILE_BYTES_MAX {
        let message = format!("the file is {} bytes long, at most {FILE_BYTES_MAX} are read", bytes.len());
        return Err(vec![Diagnostic::error(file, None, message, "")]);
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("the file is not UTF-8 text: byte {} breaks it", error.valid_up_to() + 1);
            return Err(vec![Diagnostic::error(file, None, message, "save it as UTF-8")]);
        }
    };
    let (tables, faults) = DeTable::parse_recoverable(text);
    if !faults.is_empty() {
        // What recovery made of broken text would only add findings that are not the author's.
        return Err(faults.iter().map(|fault| syntax(file, text, fault)).collect());
    }
    let mut findings = Findings::new(file, text);
    let found = read(Table::root(tables.get_ref()), &mut findings);
    match (found, findings.finish()) {
        (Some(found), findings) if findings.is_empty() => Ok(found),
        (_, findings) => Err(findings),
    }
}

/// An error for each reward that no rule names (`named`) and nobody can redeem.
pub fn unnamed_rewards(campaign: &Campaign, named: &BTreeSet<String>) -> Vec<Diagnostic> {
    let idle = campaign.rewards.iter().filter(|reward| reward.price.is_empty() && !named.contains(&*reward.name));
    let finding = |reward: &super::Reward| {
        let message = format!("no rule names the reward \"{}\" and it has no price", reward.name);
        Diagnostic::error(FILE, reward.at, message, "grant it in a rule, or remove it")
    };
    idle.map(finding).collect()
}

fn read(mut root: Table, findings: &mut Findings) -> Option<Campaign> {
    let id = root.required_text("id", "\"learning-race\"", findings);
    let id = id.filter(|id| words::check_id("a campaign", id, findings));
    let label = campaign_label(&mut root, findings);
    let rules = root.required_text("rules", "\"rules.rhai\"", findings);
    let order_independent = root.bool("order_independent", findings).unwrap_or(false);
    let mut amounts = Vec::new();
    let mut limits_table = root.table("limits", findings);
    let budget = limits_table.as_mut().and_then(|table| limits::budget(table, &mut amounts, findings));
    let accounts = catalog::accounts(&mut root, &mut amounts, findings);
    let attributes = catalog::attributes(&mut root, findings);
    let rewards = catalog::rewards(&mut root, &accounts, &mut amounts, findings);
    let events = events::events(&mut root, &attributes, findings);
    let window = window::window(&mut root, &attributes, findings);
    let limits = limits::limits(limits_table, budget, &accounts, &rewards, findings);
    limits::check_currencies(&amounts, findings);
    let names = invariants::Names { accounts: &accounts, rewards: &rewards, events: &events, by_function: true };
    let invariants = invariants::invariants(&mut root, &names, findings);
    let releases = releases::policy(&mut root, findings);
    root.close(findings);
    let (calendar, close_roles) = window?;
    Some(Campaign {
        id: id?.value.into(),
        label,
        rules: rules?.value.to_owned(),
        calendar,
        close_roles,
        order_independent,
        accounts,
        rewards,
        attributes,
        events,
        limits,
        invariants,
        releases,
    })
}

fn campaign_label(root: &mut Table, findings: &mut Findings) -> super::Label {
    let label = words::label(root, findings);
    if !root.has("name") {
        root.missing("name", "{ zh = \"竞赛排行\", en = \"Learning race\" }", findings);
    }
    label
}

/// Full-width forms that a Chinese input method types where TOML wants the plain ones.
const FULL_WIDTH: [(char, &str); 10] =
    [('＝', "="), ('“', "\""), ('”', "\""), ('，', ","), ('｛', "{"), ('｝', "}"), ('［', "["), ('］', "]"), ('＃', "#"), ('。', ".")];

fn syntax(file: &str, text: &str, fault: &toml::de::Error) -> Diagnostic {
    let span = fault.span().unwrap_or(text.len()..text.len());
    let line_start = text[..span.start.min(text.len())].rfind('\n').map_or(0, |n| n + 1);
    let line = text[line_start..].lines().next().unwrap_or("");
    let unquoted = line.split(['"', '\'']).step_by(2).flat_map(str::chars);
    let full_width = unquoted.into_iter().find_map(|c| FULL_WIDTH.iter().find(|(wide, _)| *wide == c));
    let help = full_width.map_or(String::new(), |(wide, plain)| format!("write `{plain}` instead of the full-width `{wide}`"));
    Diagnostic::error(file, Some(position_of(text, span)), format!("no valid TOML: {}", fault.message()), help)
}

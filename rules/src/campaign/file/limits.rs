//! Caps and the budget, and that all money of a campaign is of one currency.

use super::catalog::find_account;
use super::reader::{Findings, Found, Table, nearest};
use super::words;
use crate::campaign::money::Money;
use crate::campaign::{Account, CampaignLimits, Caps, OnBudget, Reward};

/// `budget` and `on_budget`. The budget goes before all other amounts, whose currency it decides.
pub fn budget(table: &mut Table, amounts: &mut Vec<Found<Money>>, findings: &mut Findings) -> Option<(Option<Money>, OnBudget)> {
    let budget = words::money(table, "budget", findings);
    amounts.extend(budget.clone());
    let on_budget = table.text("on_budget", "\"owe\"", findings);
    let choice = match &on_budget {
        None => OnBudget::default(),
        Some(word) => match word.value {
            "owe" => OnBudget::Owe,
            "refuse" => OnBudget::Refuse,
            other => {
                findings.error(&word.span, format!("`on_budget` cannot be \"{other}\""), nearest(other, ["owe", "refuse"], "it takes"));
                OnBudget::default()
            }
        },
    };
    if let Some(word) = on_budget
        && table.value("budget").is_none()
    {
        findings.error(&word.span, "`on_budget` without a budget means nothing", "write budget = \"50000.00 CNY\"");
    }
    Some((budget.map(|found| found.value), choice))
}

/// The rest of `[limits]`, after [`budget`].
pub fn limits(
    table: Option<Table>,
    budget: Option<(Option<Money>, OnBudget)>,
    accounts: &[Account],
    rewards: &[Reward],
    findings: &mut Findings,
) -> CampaignLimits {
    let (budget, on_budget) = budget.unwrap_or_default();
    let mut limits = CampaignLimits { budget, on_budget, ..CampaignLimits::default() };
    let Some(mut table) = table else { return limits };
    let of_accounts = table.table("accounts", findings);
    limits.accounts = each(of_accounts, findings, |name, findings| find_account(name, accounts, findings));
    let of_rewards = table.table("rewards", findings);
    limits.rewards = each(of_rewards, findings, |name, findings| find_reward(name, rewards, findings));
    table.close(findings);
    limits
}

/// `[limits.rewards.NAME]` for every name.
fn each(table: Option<Table>, findings: &mut Findings, find: impl Fn(&Found<&str>, &mut Findings) -> Option<usize>) -> Vec<(usize, Caps)> {
    let mut all = Vec::new();
    for (name, value) in table.map_or(Vec::new(), |table| table.named()) {
        let index = find(&name, findings);
        let Some(table) = Table::of(value, &format!("the limits of \"{}\"", name.value), findings) else { continue };
        let caps = caps(table, findings);
        all.extend(index.map(|index| (index, caps)));
    }
    all
}

fn caps(mut table: Table, findings: &mut Findings) -> Caps {
    let mut cap = |key| table.count(key, findings).map(|found| found.value);
    let caps = Caps {
        per_member: cap("per_member"),
        per_member_per_cycle: cap("per_member_per_cycle"),
        per_member_per_day: cap("per_member_per_day"),
        per_cycle: cap("per_cycle"),
        per_day: cap("per_day"),
        total: cap("total"),
    };
    table.close(findings);
    caps
}

fn find_reward(name: &Found<&str>, rewards: &[Reward], findings: &mut Findings) -> Option<usize> {
    let found = rewards.iter().position(|r| *r.name == *name.value);
    if found.is_none() {
        let help = nearest(name.value, rewards.iter().map(|r| &*r.name), "declared");
        findings.error(&name.span, format!("there is no reward \"{}\"", name.value), help);
    }
    found
}

/// A budget adds up face values and worths, so they must be of its currency; without one, of the first amount's.
pub fn check_currencies(amounts: &[Found<Money>], findings: &mut Findings) {
    let Some(first) = amounts.first() else { return };
    let currency = first.value.currency;
    for amount in amounts.iter().filter(|amount| amount.value.currency != currency) {
        let message = format!("{} is not in {}, as the amount in line {} is", amount.value, currency.code(), findings.line(&first.span));
        findings.error(&amount.span, message, "a campaign counts in one currency");
    }
}

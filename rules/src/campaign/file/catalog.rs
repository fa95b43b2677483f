//! What a campaign gives and keeps: accounts, rewards, attributes.

use super::reader::{Findings, Found, Table, count_of, integer, kind_of, nearest};
use super::words::{self, Typed, check_id};
use crate::campaign::money::Money;
use crate::campaign::{Account, Attribute, Bounds, Label, Reward};
use crate::value::{DataType, Value};
use rust_decimal::Decimal;
use toml::Spanned;
use toml::de::DeValue;

/// `[accounts.NAME]`, each followed by its parts.
pub fn accounts(root: &mut Table, amounts: &mut Vec<Found<Money>>, findings: &mut Findings) -> Vec<Account> {
    let mut accounts: Vec<Account> = Vec::new();
    for (name, value) in entries(root, "accounts", findings) {
        if !check_id("an account", &name, findings) {
            continue;
        }
        let Some(mut table) = Table::of(value, &format!("account \"{}\"", name.value), findings) else { continue };
        let label = words::label(&mut table, findings);
        let parts = table.texts("parts", "\"lesson\"", findings);
        let worth = words::money(&mut table, "worth", findings);
        amounts.extend(worth.clone());
        let leaderboard = table.bool("leaderboard", findings).unwrap_or(false);
        table.close(findings);
        let worth = worth.map(|worth| worth.value);
        let parent = accounts.len();
        let account = Account { name: name.value.into(), label, parent: None, parts: vec![], worth, leaderboard };
        add_account(&mut accounts, account, &name, findings);
        for part in parts {
            if check_id("a part of an account", &part, findings) {
                let full = format!("{}.{}", name.value, part.value);
                let label = Label::default();
                let account = Account { name: full.into(), label, parent: Some(parent), parts: vec![], worth, leaderboard: false };
                add_account(&mut accounts, account, &part, findings);
            }
        }
    }
    accounts
}

fn add_account(accounts: &mut Vec<Account>, account: Account, written: &Found<&str>, findings: &mut Findings) {
    if accounts.iter().any(|a| a.name == account.name) {
        findings.error(
            &written.span,
            format!("the account \"{}\" is declared twice", account.name),
            "an account is its own name or a part",
        );
    }
    if let Some(parent) = account.parent {
        let index = accounts.len();
        accounts[parent].parts.push(index);
    }
    accounts.push(account);
}

/// `[rewards.NAME]`.
pub fn rewards(root: &mut Table, accounts: &[Account], amounts: &mut Vec<Found<Money>>, findings: &mut Findings) -> Vec<Reward> {
    let mut rewards = Vec::new();
    for (name, value) in entries(root, "rewards", findings) {
        if !check_id("a reward", &name, findings) {
            continue;
        }
        let Some(mut table) = Table::of(value, &format!("reward \"{}\"", name.value), findings) else { continue };
        let label = words::label(&mut table, findings);
        let pool = pool(&mut table, &name, findings);
        let face_value = words::money(&mut table, "face_value", findings);
        amounts.extend(face_value.clone());
        let low_stock = table.count("low_stock", findings);
        if let (Some(low), Some(None)) = (&low_stock, &pool) {
            findings.error(&low.span, format!("the entitlement \"{}\" has no stock to run low", name.value), "remove `low_stock`");
        }
        let price = price(&mut table, accounts, findings);
        table.close(findings);
        rewards.push(Reward {
            name: name.value.into(),
            label,
            pool: pool.flatten(),
            face_value: face_value.map(|money| money.value),
            low_stock: low_stock.map(|found| found.value),
            price,
            at: Some(findings.position(&name.span)),
        });
    }
    rewards
}

/// The pool of a gift card; `Some(None)` for an entitlement, none where it cannot be told.
fn pool(table: &mut Table, reward: &Found<&str>, findings: &mut Findings) -> Option<Option<std::sync::Arc<str>>> {
    let kind = table.required_text("kind", "\"gift-card\"", findings);
    let pool = table.text("pool", "\"jd-20\"", findings);
    let pool = pool.filter(|pool| check_id("a pool", pool, findings));
    let kind = kind?;
    match (kind.value, pool) {
        ("gift-card", Some(pool)) => Some(Some(pool.value.into())),
        ("gift-card", None) => {
            if table.value("pool").is_none() {
                let message = format!("the gift card \"{}\" has no pool to take its codes from", reward.value);
                findings.error(&reward.span, message, format!("write pool = \"{}\"", reward.value));
            }
            None
        }
        ("entitlement", None) => Some(None),
        ("entitlement", Some(pool)) => {
            let message = format!("the entitlement \"{}\" has a pool, but takes no codes", reward.value);
            findings.error(&pool.span, message, "remove `pool`, or write kind = \"gift-card\"");
            None
        }
        (other, _) => {
            let help = nearest(other, ["gift-card", "entitlement"], "kinds");
            findings.error(&kind.span, format!("there is no kind of reward \"{other}\""), help);
            None
        }
    }
}

/// `price = { points = 150 }`, by account.
fn price(table: &mut Table, accounts: &[Account], findings: &mut Findings) -> Vec<(usize, i64)> {
    let Some(table) = table.table("price", findings) else { return Vec::new() };
    let mut price = Vec::new();
    for (name, value) in table.named() {
        let account = find_account(&name, accounts, findings);
        let Some(points) = count_of(value, name.value, findings) else { continue };
        if points.value == 0 {
            findings.error(&points.span, "a price of 0 points is none", "write 1 or more, or remove it");
        }
        price.extend(account.map(|account| (account, points.value)));
    }
    price
}

/// The index of an account; reports a name that is none.
pub fn find_account(name: &Found<&str>, accounts: &[Account], findings: &mut Findings) -> Option<usize> {
    let found = accounts.iter().position(|a| *a.name == *name.value);
    if found.is_none() {
        let help = nearest(name.value, accounts.iter().map(|a| &*a.name), "declared");
        findings.error(&name.span, format!("there is no account \"{}\"", name.value), help);
    }
    found
}

/// `[attributes]`: a default value, whose type is the attribute's, or `{ type = "member team" }`.
pub fn attributes(root: &mut Table, findings: &mut Findings) -> Vec<Attribute> {
    let mut attributes = Vec::new();
    for (name, value) in entries(root, "attributes", findings) {
        if name.value == "referral" {
            findings.error(&name.span, "an attribute cannot be called \"referral\"", "member.referral is who invited the member");
            continue;
        }
        if !check_id("an attribute", &name, findings) {
            continue;
        }
        if let Some((kind, default)) = attribute(&name, value, findings) {
            attributes.push(Attribute { name: name.value.into(), kind, default });
        }
    }
    attributes
}

fn attribute(name: &Found<&str>, value: &Spanned<DeValue<'_>>, findings: &mut Findings) -> Option<(DataType, Value)> {
    let found = match value.get_ref() {
        DeValue::Boolean(value) => Some((DataType::Bool, Value::Bool(*value))),
        DeValue::String(text) => Some((DataType::Text, Value::Text((&**text).into()))),
        number @ DeValue::Integer(_) => integer(number).map(|n| (DataType::Int, Value::Int(n))),
        // The digits as written: a default is as exact as any other decimal.
        DeValue::Float(digits) => {
            let digits = digits.as_str().trim_start_matches('+');
            Decimal::from_str_exact(digits).ok().map(|d| (DataType::Decimal, Value::Decimal(d.normalize())))
        }
        DeValue::Table(_) => return typed_attribute(name, value, findings),
        _ => None,
    };
    if found.is_none() {
        let message = format!("attribute \"{}\" cannot start as {}", name.value, kind_of(value.get_ref()));
        findings.error(&value.span(), message, "write a default such as 0, 0.0, false or \"\", or { type = \"member team\" }");
    }
    found
}

fn typed_attribute(name: &Found<&str>, value: &Spanned<DeValue<'_>>, findings: &mut Findings) -> Option<(DataType, Value)> {
    let what = format!("attribute \"{}\"", name.value);
    let mut table = Table::of(value, &what, findings)?;
    let kind = match table.value("type") {
        Some(written) => words::data_type(&what, written, findings).map(|typed| (typed, written.span())),
        None => {
            table.missing("type", "\"member team\"", findings);
            None
        }
    };
    table.close(findings);
    let (Typed { kind, optional, bounds }, span) = kind?;
    if bounds != Bounds::default() {
        findings.error(&span, format!("{what}: only a field of an event has bounds"), "leave them out; let the rule see to it");
    }
    if optional {
        findings.error(&span, format!("{what}: an attribute without a default is always optional"), "leave out the `?`");
    }
    Some((kind, Value::Missing))
}

type Entries<'t> = Vec<(Found<&'t str>, &'t Spanned<DeValue<'t>>)>;

/// The entries of a table whose keys the campaign chooses, in the order of the file.
pub fn entries<'t>(table: &mut Table<'t>, key: &'static str, findings: &mut Findings) -> Entries<'t> {
    table.table(key, findings).map_or(Vec::new(), |table| table.named())
}

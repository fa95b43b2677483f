//! What a campaign declares, as items: accounts, rewards, events with their fields and roles, attributes, pools.

use super::item::{Item, Kind};
use crate::campaign::{Bounds, Campaign, Caps, EventType, Field, KeyPart, Label, MemberPath, Role};
use crate::fact::Period;
use crate::value::Value;

pub fn accounts(campaign: &Campaign) -> Vec<Item> {
    let one = |(index, account): (usize, &crate::campaign::Account)| {
        let mut about = vec![label(&account.label)];
        about.extend(account.parent.map(|parent| format!("Part of `{}`: its points count there too.", campaign.accounts[parent].name)));
        if !account.parts.is_empty() {
            let parts: Vec<String> = account.parts.iter().map(|part| format!("`{}`", campaign.accounts[*part].name)).collect();
            about.push(format!("Parts: {}.", parts.join(", ")));
        }
        about.extend(account.leaderboard.then(|| "Members see their rank by it.".to_string()));
        about.extend(account.worth.as_ref().map(|worth| format!("One point costs the budget {worth}.")));
        about.push(caps(&campaign.limits.accounts, index));
        Item::new(Kind::Name, &*account.name, format!("account \"{}\"", account.name), paragraphs(about))
    };
    campaign.accounts.iter().enumerate().map(one).collect()
}

pub fn rewards(campaign: &Campaign) -> Vec<Item> {
    let one = |(index, reward): (usize, &crate::campaign::Reward)| {
        let mut about = vec![label(&reward.label)];
        about.push(match &reward.pool {
            Some(pool) => format!("A gift card: its code comes from the pool `{pool}`."),
            None => "A right without a code.".into(),
        });
        about.extend(reward.face_value.as_ref().map(|value| format!("One costs the budget {value}.")));
        if !reward.price.is_empty() {
            let price: Vec<String> = reward.price.iter().map(|(a, points)| format!("{points} {}", campaign.accounts[*a].name)).collect();
            about.push(format!("Redeemed for {}.", price.join(" and ")));
        }
        about.push(caps(&campaign.limits.rewards, index));
        Item::new(Kind::Name, &*reward.name, format!("reward \"{}\"", reward.name), paragraphs(about))
    };
    campaign.rewards.iter().enumerate().map(one).collect()
}

pub fn events(campaign: &Campaign) -> Vec<Item> {
    let one = |event: &EventType| Item::new(Kind::Event, &*event.name, format!("event \"{}\"", event.name), event_about(event));
    campaign.events.iter().map(one).collect()
}

pub fn event_about(event: &EventType) -> String {
    let member = match event.member {
        MemberPath::Subject => "subject".to_string(),
        MemberPath::Field(field) => format!("data.{}", event.fields[field].name),
    };
    let mut about = vec![format!("Answered by `{}`. Its member is `{member}`.", event.function)];
    about.extend(list("Fields", event.fields.iter().map(|field| format!("`{}`: {}", field.name, field_type(field)))));
    about.extend(list("Roles", event.roles.iter().map(|role| format!("`{}`: {}", role.name, role_type(role)))));
    about.extend(list("Once per", event.once_per.iter().map(|part| key_part(event, part))));
    paragraphs(about)
}

fn key_part(event: &EventType, part: &KeyPart) -> String {
    match part {
        KeyPart::Member => "member".into(),
        KeyPart::Role(role) => event.roles[*role].name.to_string(),
        KeyPart::Field(field) => format!("data.{}", event.fields[*field].name),
        KeyPart::Period(period) => period.name().into(),
    }
}

pub fn fields(event: &EventType) -> Vec<Item> {
    let one = |field: &Field| {
        let optional = if field.optional { "May be missing: test with missing(x), or write x ?? 0." } else { "" };
        Item::new(
            Kind::Property,
            &*field.name,
            format!("{}: {}", field.name, field_type(field)),
            paragraphs(vec![format!("Field of event `{}`.", event.name), optional.into()]),
        )
    };
    event.fields.iter().map(one).collect()
}

fn field_type(field: &Field) -> String {
    let Bounds { least, most } = field.bounds;
    let least = least.map_or(String::new(), |least| format!(" from {least}"));
    let most = most.map_or(String::new(), |most| format!(" to {most}"));
    format!("{}{least}{most}{}", field.kind, if field.optional { "?" } else { "" })
}

pub fn roles(roles: &[Role]) -> Vec<Item> {
    let one = |role: &Role| {
        let missing =
            if role.optional { "Nobody may fill it: test with missing(x)." } else { "Without somebody to fill it, the event waits." };
        Item::new(Kind::Property, &*role.name, format!("{}: {}", role.name, role_type(role)), format!("A member.\n\n{missing}"))
    };
    roles.iter().map(one).collect()
}

fn role_type(role: &Role) -> String {
    format!("{}{}", role.text.trim_end_matches('?'), if role.optional { "?" } else { "" })
}

pub fn attributes(campaign: &Campaign) -> Vec<Item> {
    let one = |attribute: &crate::campaign::Attribute| {
        let start = match &attribute.default {
            Value::Missing => "Missing until somebody sets it.".to_string(),
            value => format!("Starts as {value}."),
        };
        Item::new(Kind::Name, &*attribute.name, format!("attribute \"{}\": {}", attribute.name, attribute.kind), start)
    };
    campaign.attributes.iter().map(one).collect()
}

pub fn pools(campaign: &Campaign) -> Vec<Item> {
    let mut pools: Vec<&str> = campaign.rewards.iter().filter_map(|reward| reward.pool.as_deref()).collect();
    pools.dedup();
    pools.into_iter().map(|pool| Item::new(Kind::Name, pool, format!("pool \"{pool}\""), "")).collect()
}

/// `at_close`: only what a close may ask for.
pub fn periods(at_close: bool) -> Vec<Item> {
    let about = |period: &str| match period {
        "day" => "The event's local day.\n\n事件当地的那一天。",
        "week" => {
            "The event's local week; it begins as a weekly cycle does, else on Monday.\n\n事件当地的那一周；有按周的结算周期时与其同一天开始，否则从周一起。"
        }
        "month" => "The event's local month.\n\n事件当地的那个月。",
        "cycle" => "The campaign's cycle that the event lies in.\n\n事件所在的结算周期。",
        _ => "Since the campaign began.\n\n活动开始以来。",
    };
    let names = Period::NAMES.into_iter().filter(|name| !at_close || matches!(*name, "cycle" | "all"));
    names.map(|name| Item::new(Kind::Value, name, format!("period \"{name}\""), about(name))).collect()
}

fn label(label: &Label) -> String {
    let names: Vec<String> = [&label.zh, &label.en].into_iter().flatten().map(|name| format!("**{name}**")).collect();
    names.join(" · ")
}

fn caps(limits: &[(usize, Caps)], index: usize) -> String {
    let Some((_, caps)) = limits.iter().find(|(of, _)| *of == index) else { return String::new() };
    let all = [
        ("for one member", caps.per_member),
        ("for one member in one cycle", caps.per_member_per_cycle),
        ("for one member on one day", caps.per_member_per_day),
        ("in one cycle", caps.per_cycle),
        ("on one day", caps.per_day),
        ("in all", caps.total),
    ];
    let written = all.into_iter().filter_map(|(what, most)| Some(format!("{} {what}", most?)));
    list("At most", written).unwrap_or_default()
}

fn list(title: &str, entries: impl Iterator<Item = String>) -> Option<String> {
    let entries: Vec<String> = entries.collect();
    (!entries.is_empty()).then(|| format!("{title}: {}.", entries.join(", ")))
}

fn paragraphs(mut texts: Vec<String>) -> String {
    texts.retain(|text| !text.is_empty());
    texts.join("\n\n")
}

//! What could stand at a place of a TOML file of the folder: keys by its schema, values that the schema lists, and names
//! that the campaign declares, where the schema says of what.

use super::item::{Item, Kind};
use super::schema::{self, Node, is_of_keys};
use super::toml_place::{self, Place, What};
use super::{Folder, names};
use crate::campaign::{Campaign, EventType};
use crate::fact::Period;
use crate::value::DataType;
use serde_json::Value;

/// As [`super::script::candidates`]. `new_only`: keys that the table has already are left out.
pub fn candidates(folder: &Folder, schema: &Value, text: &str, place: usize, new_only: bool) -> (Vec<Item>, Option<usize>) {
    let Some(place) = toml_place::look(text, place) else { return (Vec::new(), None) };
    let nodes = schema::at(schema, &place.path);
    let mut items = match place.what {
        What::Key => keys(folder, schema, &nodes, &place),
        What::Value => values(folder, text, &nodes, &place),
    };
    if new_only && place.what == What::Key {
        items.retain(|item| !place.keys.contains(&item.label));
    }
    let mut seen = std::collections::BTreeSet::new();
    items.retain(|item| seen.insert(item.label.clone()));
    if !place.quoted {
        items.iter_mut().for_each(|item| quote(item, place.what));
    }
    (items, Some(place.from))
}

fn keys(folder: &Folder, schema: &Value, nodes: &[Node<'_>], place: &Place) -> Vec<Item> {
    let mut items = Vec::new();
    for node in nodes {
        for key in node.node["properties"].as_object().into_iter().flat_map(|properties| properties.keys()) {
            let path: Vec<String> = place.path.iter().chain([key]).cloned().collect();
            let about = schema::at(schema, &path).first().map_or("", |node| node.about);
            items.push(Item::new(Kind::Key, key.as_str(), "", about));
        }
        if let Some(name) = node.names.filter(|name| is_of_keys(name) && node.node.get("additionalProperties").is_some()) {
            items.extend(named(folder, "", name, place));
        }
    }
    items
}

fn values(folder: &Folder, text: &str, nodes: &[Node<'_>], place: &Place) -> Vec<Item> {
    let mut items = Vec::new();
    for node in nodes {
        let listed = node.node["enum"].as_array().into_iter().flatten().chain(node.node.get("const"));
        items.extend(listed.filter_map(Value::as_str).map(|value| Item::new(Kind::Value, value, "", node.about)));
        if node.node["type"] == "boolean" && !place.quoted {
            items.extend(["true", "false"].map(|word| Item::new(Kind::Keyword, word, "", node.about)));
        }
        // A table that is still to be written is no name.
        if let Some(name) = node.names.filter(|_| node.node["type"] == "string") {
            items.extend(named(folder, text, name, place));
        }
    }
    items
}

/// What is written for an item outside of quotes.
fn quote(item: &mut Item, what: What) {
    let is_bare = !item.label.is_empty() && item.label.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    let is_bare = match what {
        What::Key => is_bare,
        What::Value => item.kind == Kind::Keyword,
    };
    if !is_bare {
        let quote = if item.label.contains('"') { '\'' } else { '"' };
        item.snippet = Some(format!("{quote}{}{quote}", item.label.replace('$', "\\$")));
    }
}

/// What a word of [`crate::schema::NAMES`] stands for.
fn named(folder: &Folder, text: &str, what: &str, place: &Place) -> Vec<Item> {
    match what {
        "rule-files" => return rule_files(folder),
        "time-zones" => return time_zones(),
        "segments" => return segments(text),
        "types" => return types(),
        _ => {}
    }
    let Some(campaign) = &folder.campaign else { return Vec::new() };
    match what {
        "accounts" => names::accounts(campaign),
        "rewards" => names::rewards(campaign),
        "events" => names::events(campaign),
        "attributes" => names::attributes(campaign),
        "pools" => names::pools(campaign),
        "fields" => beside(campaign, place).map_or(Vec::new(), names::fields),
        "members" => members(around(campaign, place)),
        "paths" => paths(campaign, around(campaign, place)),
        "once-per" => once_per(around(campaign, place)),
        "totals" => totals(campaign),
        _ => Vec::new(),
    }
}

/// The event that a text beside the place names: `event = "account.opened"`.
fn beside<'c>(campaign: &'c Campaign, place: &Place) -> Option<&'c EventType> {
    let (_, name) = place.texts.iter().find(|(key, _)| key == "event")?;
    Some(&campaign.events[campaign.event(name)?])
}

/// The event whose declaration the place lies in.
fn around<'c>(campaign: &'c Campaign, place: &Place) -> Option<&'c EventType> {
    match &place.path[..] {
        [events, name, ..] if events == "events" => Some(&campaign.events[campaign.event(name)?]),
        _ => None,
    }
}

fn value(label: impl Into<String>, about: impl Into<String>) -> Item {
    Item::new(Kind::Value, label, "", about)
}

fn rule_files(folder: &Folder) -> Vec<Item> {
    let is_rule = |file: &&String| file.ends_with(".rhai") || file.ends_with(".wasm");
    folder.files.keys().filter(is_rule).map(|file| Item::new(Kind::File, file.as_str(), "", "")).collect()
}

fn time_zones() -> Vec<Item> {
    jiff::tz::db().available().map(|zone| value(zone.as_str(), "")).collect()
}

fn segments(text: &str) -> Vec<Item> {
    let heads = toml_place::heads(text);
    let named = heads.iter().filter(|head| head.first().is_some_and(|first| first == "segments")).filter_map(|head| head.get(1));
    named.map(|name| value(name.as_str(), "")).collect()
}

fn types() -> Vec<Item> {
    let optional = " With `?` it may be missing.";
    let all = [
        ("string", "A text."),
        ("int", "A whole number; bounded as in `int from 0 to 1000`."),
        ("decimal", "An exact number with decimals; bounded as in `decimal from 0`."),
        ("bool", "true or false."),
        ("member", "A participant, by id. `member branch` is another kind of participant."),
    ];
    all.iter().map(|(word, about)| value(*word, format!("{about}{optional}"))).collect()
}

fn member_fields(event: Option<&EventType>) -> Vec<Item> {
    let fields = event.into_iter().flat_map(|event| event.fields.iter());
    let members = fields.filter(|field| matches!(field.kind, DataType::Member(_)));
    members.map(|field| value(format!("data.{}", field.name), "A field that is a member.")).collect()
}

fn members(event: Option<&EventType>) -> Vec<Item> {
    let mut items = vec![value("subject", "The event's CloudEvents subject.")];
    items.extend(member_fields(event));
    items
}

fn paths(campaign: &Campaign, event: Option<&EventType>) -> Vec<Item> {
    let mut items = vec![value("member.referral", "Who invited the member.")];
    let held = campaign.attributes.iter().filter(|attribute| matches!(attribute.kind, DataType::Member(_)));
    items.extend(held.map(|attribute| value(format!("member.{}", attribute.name), "Whom the attribute names.")));
    items.extend(member_fields(event));
    items
}

fn once_per(event: Option<&EventType>) -> Vec<Item> {
    let mut items = vec![value("member", "Once for each member.")];
    let roles = event.into_iter().flat_map(|event| event.roles.iter());
    items.extend(roles.map(|role| value(&*role.name, "Once for each who fills the role.")));
    let fields = event.into_iter().flat_map(|event| event.fields.iter());
    items.extend(fields.map(|field| value(format!("data.{}", field.name), "Once for each value of the field.")));
    let periods = Period::NAMES.into_iter().filter(|name| *name != "all");
    items.extend(periods.map(|period| value(period, format!("Once in each {period}, by the local calendar."))));
    items
}

/// Terms of an invariant.
fn totals(campaign: &Campaign) -> Vec<Item> {
    let granted = campaign.rewards.iter().map(|reward| (format!("granted(\"{}\")", reward.name), "Units granted, in any state."));
    let events = campaign.events.iter().map(|event| (format!("events(\"{}\")", event.name), "Booked events."));
    let points = campaign.accounts.iter().map(|account| (format!("points(\"{}\")", account.name), "Points awarded, less those deducted."));
    let referrals = [("referrals()".to_string(), "Referrals recorded.")];
    granted.chain(events).chain(points).chain(referrals).map(|(term, about)| value(term, about)).collect()
}

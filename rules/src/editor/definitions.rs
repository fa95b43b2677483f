//! The rule API as rhai definition files (`*.d.rhai`), for editors that read them: what every campaign has, what rhai
//! itself brings along, and the fields and roles of one campaign. Names in quotes, such as accounts, are no part of that
//! format: they are listed in a comment.
//!
//! Promises: written from the vocabulary, so that they say what completion and hover say; the same words give the same text.

use crate::campaign::Campaign;
use crate::language::natives::natives;
use crate::language::vocabulary::{About, CYCLE_PROPERTIES, EVENT_PROPERTIES, HELPERS, MEMBER_PROPERTIES, METHODS, Method, Slot};
use std::collections::BTreeMap;

const HEAD: &str = "module static;\n";

/// `guerdon.d.rhai`: the rule API.
pub fn api() -> String {
    let mut text = format!("{HEAD}\n// What a rule may read and ask for. Written by Guerdon: do not edit.\n");
    for (of, properties) in [("event", EVENT_PROPERTIES), ("cycle", CYCLE_PROPERTIES), ("member", MEMBER_PROPERTIES)] {
        for property in properties {
            text += &entry(property.about, &format!("fn get {}({of}: {of}) -> {}", property.name, property.kind));
        }
    }
    for method in METHODS {
        text += &entry(method.about, &shape(method));
    }
    for helper in HELPERS {
        let arguments: Vec<String> = helper.arguments.iter().map(|(name, kind)| format!("{name}: {kind}")).collect();
        text += &entry(helper.about, &format!("fn {}({}) -> {}", helper.name, arguments.join(", "), helper.gives));
    }
    text
}

/// `fn award(member: member, account: String, points: int) -> ()`
fn shape(method: &Method) -> String {
    let slots = method.slots.iter().map(|slot| match slot {
        Slot::Whole => "number: int".to_string(),
        Slot::Value => "value: ?".to_string(),
        named => format!("{}: String", named.word()),
    });
    let arguments: Vec<String> = ["member: member".to_string()].into_iter().chain(slots).collect();
    format!("fn {}({}) -> {}", method.name, arguments.join(", "), method.gives)
}

fn entry(about: About, definition: &str) -> String {
    format!("\n/// {}\n///\n/// {}\n{definition};\n", about.en, about.zh)
}

/// `rhai.d.rhai`: functions of texts, lists, maps and numbers that rules may call.
pub fn of_rhai() -> String {
    let mut text = format!("{HEAD}\n// What rules may call of the script language itself. Written by Guerdon: do not edit.\n");
    for shape in natives().iter().flat_map(|native| &native.shapes) {
        let about: String = shape.about.lines().map(|line| format!("/// {line}").trim_end().to_string() + "\n").collect();
        text += &format!("\n{about}fn {};\n", shape.signature);
    }
    text
}

/// `campaign.d.rhai`: fields and roles of one campaign, and in a comment what its texts can name.
pub fn campaign(campaign: &Campaign) -> String {
    let mut text = format!("{HEAD}\n// The campaign \"{}\". Written by Guerdon: do not edit.\n//\n", campaign.id);
    let lists: [(&str, Vec<&str>); 4] = [
        ("accounts", campaign.accounts.iter().map(|a| &*a.name).collect()),
        ("rewards", campaign.rewards.iter().map(|r| &*r.name).collect()),
        ("attributes", campaign.attributes.iter().map(|a| &*a.name).collect()),
        ("events", campaign.events.iter().map(|e| &*e.name).collect()),
    ];
    for (what, names) in lists.iter().filter(|(_, names)| !names.is_empty()) {
        let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        text += &format!("// {what}: {}\n", quoted.join(", "));
    }
    for ((of, name), uses) in properties(campaign) {
        let about: String = uses.iter().map(|(line, _)| format!("/// {line}\n")).collect();
        let mut kinds: Vec<&str> = uses.iter().map(|(_, kind)| *kind).collect();
        kinds.dedup();
        let kind = if let [one] = kinds[..] { one } else { "?" };
        text += &format!("\n{about}fn get {name}({of}: {of}) -> {kind};\n");
    }
    text
}

/// By `data` or `roles` and name: where it is declared, and its type.
fn properties(campaign: &Campaign) -> BTreeMap<(&'static str, String), Vec<(String, &'static str)>> {
    use crate::value::DataType;
    let mut found: BTreeMap<(&'static str, String), Vec<(String, &'static str)>> = BTreeMap::new();
    for event in &campaign.events {
        for field in &event.fields {
            let kind = match field.kind {
                _ if field.optional => "?",
                DataType::Int => "int",
                DataType::Decimal => "Decimal",
                DataType::Bool => "bool",
                DataType::Text | DataType::Member(_) => "String",
            };
            let missing = if field.optional { ", may be missing" } else { "" };
            let line = format!("Event \"{}\": {}{missing}.", event.name, field.kind);
            found.entry(("data", field.name.to_string())).or_default().push((line, kind));
        }
    }
    let of_events = campaign.events.iter().map(|event| (format!("Event \"{}\"", event.name), &event.roles));
    for (what, roles) in of_events.chain([("The close".to_string(), &campaign.close_roles)]) {
        for role in roles {
            let (missing, kind) = if role.optional { (", may be missing", "?") } else { ("", "member") };
            let line = format!("{what}: {}{missing}.", role.text.trim_end_matches('?'));
            found.entry(("roles", role.name.to_string())).or_default().push((line, kind));
        }
    }
    found
}

//! The schemas of the folder's TOML files, walked by keys. Must not know: texts, campaigns.

use super::{MANIFEST, POPULATION};
use crate::schema::NAMES;
use serde_json::Value;
use std::sync::OnceLock;

/// What the schema says about one place: a part of it, with what the parts around it say.
#[derive(Clone, Copy)]
pub struct Node<'s> {
    pub node: &'s Value,
    pub about: &'s str,
    /// What keys or texts here are names of.
    pub names: Option<&'s str>,
}

/// Of a file of a campaign's folder; none for a file that has none.
pub fn of_file(path: &str) -> Option<&'static Value> {
    static CAMPAIGN: OnceLock<Value> = OnceLock::new();
    static CASES: OnceLock<Value> = OnceLock::new();
    static POPULATIONS: OnceLock<Value> = OnceLock::new();
    let (kept, text): (&OnceLock<Value>, fn() -> String) = match path {
        MANIFEST => (&CAMPAIGN, crate::campaign::schema::campaign_schema),
        POPULATION => (&POPULATIONS, crate::simulate::population::schema::population_schema),
        path if path.starts_with("cases/") && path.ends_with(".toml") => (&CASES, crate::cases::schema::cases_schema),
        _ => return None,
    };
    Some(kept.get_or_init(|| serde_json::from_str(&text()).unwrap_or_default()))
}

/// Every part that fits the keys from the root on.
pub fn at<'s>(root: &'s Value, path: &[String]) -> Vec<Node<'s>> {
    let mut nodes = Vec::new();
    expand(root, Node { node: root, about: "", names: None }, &mut nodes);
    for key in path {
        let mut below = Vec::new();
        for node in &nodes {
            if let Some(child) = node.node["properties"].get(key) {
                expand(root, Node { node: child, about: "", names: None }, &mut below);
            } else if let Some(child) = node.node.get("additionalProperties").filter(|child| child.is_object()) {
                // Values of a table whose keys are free: what is said of the table is said of them.
                let names = node.names.filter(|names| !is_of_keys(names));
                expand(root, Node { node: child, about: node.about, names }, &mut below);
            }
        }
        nodes = below;
    }
    nodes
}

/// Names that are written as keys of a table, and not as values in it.
pub fn is_of_keys(names: &str) -> bool {
    matches!(names, "accounts" | "rewards" | "events" | "attributes" | "pools" | "fields")
}

/// A part with all that it refers to; a list as what is in it.
fn expand<'s>(root: &'s Value, part: Node<'s>, into: &mut Vec<Node<'s>>) {
    let node = part.node;
    let about = node["description"].as_str().filter(|_| part.about.is_empty()).unwrap_or(part.about);
    let names = node[NAMES].as_str().or(part.names);
    let below = |node| Node { node, about, names };
    into.push(below(node));
    if let Some(name) = node["$ref"].as_str().and_then(|name| name.strip_prefix("#/definitions/")) {
        expand(root, below(&root["definitions"][name]), into);
    }
    for word in ["allOf", "anyOf", "oneOf"] {
        let choices = node[word].as_array().into_iter().flatten();
        // `{ required = […] }` beside the shape itself says nothing about what can be written.
        choices.filter(|choice| choice.get("required").is_none() || choice.get("properties").is_some()).for_each(|choice| {
            // Each choice of an enumeration says what it is itself.
            let about = if choice.get("const").is_some() { "" } else { about };
            expand(root, Node { node: choice, about, names }, into);
        });
    }
    if node["items"].is_object() {
        expand(root, below(&node["items"]), into);
    }
}

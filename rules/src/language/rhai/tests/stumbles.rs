//! What beginners write, and the exact words they get: 48 typical mistakes, none of which is booked silently.

use super::{compare, load_with, outcome, stumbles};
use crate::limits::Limits;

const BODIES: &str = include_str!("stumbles.txt");
const EXPECTED: &str = include_str!("stumbles.expected.txt");

/// A body without a function stands in the handler of the event.
fn rules(body: &str) -> String {
    if body.contains("fn ") {
        return body.into();
    }
    format!("fn on_account_opened(event) {{\n{body}\nif false {{ event.member.grant(\"jd-20\"); }}\n}}\n")
}

#[test]
fn every_mistake_is_named() {
    let campaign = stumbles();
    let found: Vec<(String, String)> = BODIES
        .split("\n---\n")
        .map(|body| {
            let rules = rules(body.trim_end());
            // A warning is the first finding where the mistake is none that stops the file.
            let warning = load_with(&campaign, &[("rules.rhai", &rules)], Limits::default())
                .ok()
                .and_then(|l| l.warnings.first().map(ToString::to_string));
            let verdict = outcome(&campaign, &[("rules.rhai", &rules)], Limits::default());
            (body.trim_end().to_string(), warning.map_or(verdict.clone(), |warning| format!("{warning} / {verdict}")))
        })
        .collect();
    assert_eq!(found.len(), 48);
    compare(&found, EXPECTED);
}

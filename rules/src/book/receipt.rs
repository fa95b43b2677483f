//! Receipts: the explanation of one decision, as the body of its journal line. JSON, with names instead of numbers, so
//! that a reader needs nothing else.

use super::rows::{Outcome, Switch};
use serde::{Deserialize, Serialize};

/// Why an event, or a member's close, came out as it did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    pub outcome: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// Where the rule said so: `rules.rhai:3`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub place: Option<String>,
    /// Number of the release that decided.
    pub release: i32,
    /// The function that answered; none: there is no rule for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub function: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub effects: Vec<EffectLine>,
    /// A quarantined body that this one replaced.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replaced: Option<String>,
}

/// One effect as it was booked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EffectLine {
    /// `award`, `deduct`, `grant`, `set` or `note`.
    pub effect: String,
    /// Where the rule asked for it: `rules.rhai:6`; none for the host's own acts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub place: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub member: Option<String>,
    /// Account, reward or attribute.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// Points or units that were booked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub count: Option<i64>,
    /// What the rule asked for, where a limit clipped it, and which.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub asked: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub limit: Option<String>,
    /// Of the units granted, those that are owed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owed: Option<i64>,
    /// The value set, or the note.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
}

impl Receipt {
    pub fn of(outcome: Outcome, release: i32) -> Receipt {
        Receipt { outcome: outcome.name().into(), release, ..Receipt::default() }
    }
    pub fn to_json(&self) -> String {
        // Plain strings and numbers: this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The journal body of a switch.
pub(super) fn switch(name: &str, switch: &Switch) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        switch: &'a str,
        #[serde(flatten)]
        is: &'a Switch,
    }
    serde_json::to_string(&Line { switch: name, is: switch }).unwrap_or_default()
}

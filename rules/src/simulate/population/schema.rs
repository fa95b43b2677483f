//! The JSON Schema of population.toml: see [`crate::schema`].

use crate::schema;
use schemars::JsonSchema;
use std::collections::BTreeMap;

/// As it stands in `sdk/population.schema.json`.
pub fn population_schema() -> String {
    schema::text_of::<PopulationFile>()
}

/// Who comes to a campaign of Guerdon, and what they do there: population.toml.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "population.toml")]
#[allow(dead_code)] // Like every shape here: only its schema is of use.
pub struct PopulationFile {
    /// How many come by themselves; whom they invite, and rings, come on top.
    #[schemars(range(min = 0, max = 20_000_000))]
    members: i64,
    /// The same seed makes the same people; 1 unless said otherwise.
    #[schemars(range(min = 0))]
    seed: Option<i64>,
    /// When it begins; the campaign's own start unless said otherwise.
    starts: Option<String>,
    /// When it ends; the campaign's own end unless said otherwise.
    ends: Option<String>,
    /// Local hours in which people are up: [8, 24].
    #[schemars(length(equal = 2), inner(range(min = 0, max = 24)))]
    hours: Option<Vec<i64>>,
    arrival: Option<ArrivalShape>,
    /// Members who behave alike, by a name of your own.
    segments: BTreeMap<String, SegmentShape>,
    /// People with several accounts, who invite themselves in a circle.
    #[schemars(default)]
    rings: Vec<RingsShape>,
    retries: Option<RetriesShape>,
    duplicates: Option<DuplicatesShape>,
    late: Option<LateShape>,
}

/// When members come.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "arrival")]
#[allow(dead_code)]
struct ArrivalShape {
    /// Everybody has come by then: "7d". The whole time unless said otherwise.
    over: Option<String>,
    /// Half of those who are still to come do so within this: "3d". Evenly unless said otherwise.
    half: Option<String>,
}

/// Members who behave alike.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "segment")]
#[allow(dead_code)]
struct SegmentShape {
    /// Of those who come by themselves, beside the other segments' weights; 0 unless said otherwise.
    #[schemars(range(min = 0, max = 1_000_000))]
    weight: Option<i64>,
    invites: Option<InvitesShape>,
    /// The events that they send.
    #[schemars(default)]
    does: Vec<HabitShape>,
}

/// Whom a member brings.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "invites")]
#[allow(dead_code)]
struct InvitesShape {
    /// Members who invite at all: 0.1 is a tenth. All unless said otherwise.
    share: Option<Share>,
    /// How many each of them invites: 3, or { from = 1, to = 5 }.
    friends: WholeOrRange,
    /// Of those who are invited, who accept.
    accept: Share,
    /// After the inviter came: "14d"; a week unless said otherwise.
    within: Option<String>,
    /// From the invitation to its acceptance: "2h", or { from = "10m", to = "20h" }.
    answer: Option<DurationOrRange>,
    /// What those who accept become.
    #[schemars(extend("x-names" = "segments"))]
    segment: String,
}

/// An event that members send: one of per_day, per_week and once says how often.
#[derive(JsonSchema)]
#[schemars(
    deny_unknown_fields,
    rename = "habit",
    extend("oneOf" = [{ "required": ["per_day"] }, { "required": ["per_week"] }, { "required": ["once"] }])
)]
#[allow(dead_code)]
struct HabitShape {
    /// The event's type.
    #[schemars(extend("x-names" = "events"))]
    event: String,
    /// Who reports it: "crm"; "app" unless said otherwise.
    source: Option<String>,
    /// How often on a day, on average.
    #[schemars(range(min = 0, max = 200))]
    per_day: Option<f64>,
    /// How often in a week, on average.
    #[schemars(range(min = 0, max = 1400))]
    per_week: Option<f64>,
    /// Which part of the members does it, one time.
    once: Option<Share>,
    /// Of `once`: how long after they came: "2h", or { from = "10m", to = "20h" }.
    after: Option<DurationOrRange>,
    /// Where each field's value comes from: a value, { one_of = [10, 20], weights = [3, 1] }, { from = 10, to = 60 } or
    /// { text = "L{n}", from = 1, to = 200 }; present = 0.3 where only some events have it.
    #[schemars(default, extend("x-names" = "fields"))]
    data: BTreeMap<String, ValueShape>,
}

/// A part of all, from 0 to 1, with at most 6 decimals.
#[derive(JsonSchema)]
#[schemars(rename = "share")]
#[allow(dead_code)]
struct Share(#[schemars(range(min = 0, max = 1))] f64);

#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[allow(dead_code)]
enum WholeOrRange {
    Whole(i64),
    Range(WholeRange),
}

/// Both ends included.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "whole-range")]
#[allow(dead_code)]
struct WholeRange {
    #[schemars(range(min = 0))]
    from: i64,
    #[schemars(range(min = 0))]
    to: i64,
}

#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[allow(dead_code)]
enum DurationOrRange {
    Duration(String),
    Range(DurationRange),
}

/// Both ends included: "10m", "20h".
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "duration-range")]
#[allow(dead_code)]
struct DurationRange {
    from: String,
    to: String,
}

#[derive(JsonSchema)]
#[schemars(untagged, rename = "value")]
#[allow(dead_code)]
enum ValueShape {
    Text(String),
    Number(f64),
    Truth(bool),
    OneOf(OneOf),
    Numbered(Numbered),
    Range(NumberRange),
}

/// One of several.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "one-of")]
#[allow(dead_code)]
struct OneOf {
    #[schemars(length(min = 1))]
    one_of: Vec<Scalar>,
    /// One for each choice; all alike unless said otherwise.
    #[schemars(inner(range(min = 0)))]
    weights: Option<Vec<i64>>,
    /// How many of the events have the field.
    present: Option<Share>,
}

#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[allow(dead_code)]
enum Scalar {
    Text(String),
    Number(f64),
    Truth(bool),
}

/// A numbered text: "L{n}".
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "numbered")]
#[allow(dead_code)]
struct Numbered {
    #[schemars(regex(pattern = r"\{n\}"))]
    text: String,
    from: i64,
    to: i64,
    /// How many of the events have the field.
    present: Option<Share>,
}

/// A number from a range, both ends included; with the decimals that are written.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "number-range")]
#[allow(dead_code)]
struct NumberRange {
    from: f64,
    to: f64,
    /// How many of the events have the field.
    present: Option<Share>,
}

/// A circle of accounts that invite each other.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "rings")]
#[allow(dead_code)]
struct RingsShape {
    /// How many circles.
    #[schemars(range(min = 0, max = 10_000))]
    count: i64,
    /// Accounts of each.
    #[schemars(range(min = 2, max = 1_000))]
    size: i64,
    /// How each account behaves otherwise.
    #[schemars(extend("x-names" = "segments"))]
    segment: String,
}

/// Events that are delivered again as they are.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "retries")]
#[allow(dead_code)]
struct RetriesShape {
    share: Share,
    /// How often at most; once unless said otherwise.
    #[schemars(range(min = 0, max = 100))]
    times: Option<i64>,
    /// "10m" unless said otherwise.
    within: Option<String>,
}

/// Events that are reported again under another id.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "duplicates")]
#[allow(dead_code)]
struct DuplicatesShape {
    share: Share,
}

/// Events that are delivered later than they happened.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "late")]
#[allow(dead_code)]
struct LateShape {
    share: Share,
    /// By how much at most; "6h" unless said otherwise.
    by: Option<String>,
}

//! The JSON Schema of case files: see [`crate::schema`]. A text with `{x}` may stand wherever a variant's value can.

use crate::schema;
use schemars::JsonSchema;
use serde_json::Value;
use std::collections::BTreeMap;

/// As it stands in `sdk/cases.schema.json`.
pub fn cases_schema() -> String {
    schema::text_of::<CasesFile>()
}

/// Stories that a campaign of Guerdon must come out right in: cases/*.toml.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "cases.toml")]
#[allow(dead_code)] // Like every shape here: only its schema is of use.
pub struct CasesFile {
    /// One [[case]] is one story, in a world of its own.
    #[schemars(length(min = 1))]
    case: Vec<CaseShape>,
}

/// One story: what there is, what happens, and what must come out.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "case")]
#[allow(dead_code)]
struct CaseShape {
    /// What the story shows, for people.
    name: String,
    /// The story is played once for each of these tables; `{x}` anywhere in it becomes the table's x.
    #[schemars(default)]
    variants: Vec<BTreeMap<String, Value>>,
    /// Of draws, where `draws` does not force them; 0 unless said otherwise.
    seed: Option<Count>,
    /// What there is at the start.
    given: Option<Filled<GivenShape>>,
    /// What happens, in order.
    steps: Option<Filled<Vec<Filled<StepShape>>>>,
    /// What must have come out. A grant that is not listed fails the case.
    expect: Option<Filled<ExpectShape>>,
}

/// A value, or a text that a variant fills: "{x}".
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[allow(dead_code)]
enum Filled<T> {
    Written(T),
    Variant(Placeholder),
}

/// A text that a variant fills: "{x}".
#[derive(JsonSchema)]
#[schemars(rename = "variant", inline)]
#[allow(dead_code)]
struct Placeholder(#[schemars(regex(pattern = r"^\{[^{}]+\}$"))] String);

type Count = Filled<i64>;

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "given")]
#[allow(dead_code)]
struct GivenShape {
    /// When it was there: "2020-09-22 00:00", local. The first step unless said otherwise.
    at: Option<String>,
    /// By member: what they have already.
    members: Option<Filled<BTreeMap<String, Filled<GivenMember>>>>,
    /// Who invited whom: { bob = "alice" }: alice invited bob.
    referrals: Option<Filled<BTreeMap<String, String>>>,
    /// Codes by pool; a pool that is not named is empty.
    #[schemars(extend("x-names" = "pools"))]
    stock: Option<Filled<BTreeMap<String, Count>>>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "given-member")]
#[allow(dead_code)]
struct GivenMember {
    /// Points by account.
    #[schemars(extend("x-names" = "accounts"))]
    points: Option<Filled<BTreeMap<String, Count>>>,
    /// Grants by reward: 5, or { issued = 4, owed = 1 }.
    #[schemars(extend("x-names" = "rewards"))]
    grants: Option<Filled<BTreeMap<String, UnitsShape>>>,
    /// Booked events by type.
    #[schemars(extend("x-names" = "events"))]
    events: Option<Filled<BTreeMap<String, Count>>>,
    /// How many they invited.
    referrals: Option<Count>,
    /// Values by attribute.
    #[schemars(extend("x-names" = "attributes"))]
    attributes: Option<Filled<BTreeMap<String, Value>>>,
    /// By time: what belongs to another time than `given.at`.
    earlier: Option<Filled<BTreeMap<String, Filled<Earlier>>>>,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "earlier")]
#[allow(dead_code)]
struct Earlier {
    /// Points by account.
    #[schemars(extend("x-names" = "accounts"))]
    points: Option<Filled<BTreeMap<String, Count>>>,
    /// Grants by reward.
    #[schemars(extend("x-names" = "rewards"))]
    grants: Option<Filled<BTreeMap<String, UnitsShape>>>,
    /// Booked events by type.
    #[schemars(extend("x-names" = "events"))]
    events: Option<Filled<BTreeMap<String, Count>>>,
    /// How many they invited.
    referrals: Option<Count>,
}

/// Units of a reward, in whatever state or by state.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "units")]
#[allow(dead_code)]
enum UnitsShape {
    Whole(i64),
    Variant(Placeholder),
    By(States),
}

/// Units by state; a state that is not named has none.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "states")]
#[allow(dead_code)]
struct States {
    /// To be paid when there is stock or budget.
    owed: Option<Count>,
    /// Given; a gift card has its code.
    issued: Option<Count>,
    /// The member has seen the code.
    revealed: Option<Count>,
    used: Option<Count>,
    expired: Option<Count>,
    recalled: Option<Count>,
    void: Option<Count>,
}

/// One event, or one act of the host.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "step", extend("oneOf" = [{ "required": ["event"] }, { "required": ["do"] }]))]
#[allow(dead_code)]
struct StepShape {
    /// When, by the campaign's local clock: "2020-09-22 10:00".
    at: String,
    /// The type of the event that arrives.
    #[schemars(extend("x-names" = "events"))]
    event: Option<String>,
    /// The event's data.
    #[schemars(extend("x-names" = "fields"))]
    data: Option<Filled<BTreeMap<String, Value>>>,
    /// The event's id; every step has its own unless said otherwise.
    id: Option<String>,
    /// The event's subject.
    subject: Option<String>,
    /// An act of the host instead of an event.
    #[schemars(rename = "do")]
    act: Option<Filled<ActShape>>,
    /// Of do = "accept" and "invite".
    invitee: Option<String>,
    /// Of do = "accept" and "invite".
    inviter: Option<String>,
    /// Of do = "join" and "redeem".
    member: Option<String>,
    /// Of do = "redeem".
    #[schemars(extend("x-names" = "rewards"))]
    reward: Option<String>,
    /// Of do = "stock".
    #[schemars(extend("x-names" = "pools"))]
    pool: Option<String>,
    /// Of do = "stock": how many codes arrive.
    codes: Option<Count>,
    /// Results that are forced on the first draws.
    draws: Option<Filled<Vec<Count>>>,
    /// How often; {n} counts from 1.
    repeat: Option<Count>,
    /// Between repetitions: "10m"; one second unless said otherwise.
    every: Option<String>,
    /// What becomes of it, "booked" unless said otherwise. After a colon, text that occurs in the reason: "refused: existing customer".
    then: Option<Then>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", rename = "act")]
#[allow(dead_code)]
enum ActShape {
    /// An invitation is accepted: invitee, inviter.
    Accept,
    /// Somebody is invited: invitee, inviter.
    Invite,
    /// A member joins: member.
    Join,
    /// A member redeems a reward for points: member, reward.
    Redeem,
    /// Cycles that are over are closed.
    Settle,
    /// Codes arrive: pool, codes.
    Stock,
}

#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[allow(dead_code)]
enum Then {
    Outcome(OutcomeShape),
    Because(Because),
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", rename = "outcome")]
#[allow(dead_code)]
enum OutcomeShape {
    Booked,
    Refused,
    Duplicate,
    Failed,
    Waiting,
    Quarantined,
    Conflict,
}

#[derive(JsonSchema)]
#[schemars(inline)]
#[allow(dead_code)]
struct Because(#[schemars(regex(pattern = r"^(booked|refused|duplicate|failed|waiting|quarantined|conflict):|\{[^{}]+\}"))] String);

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "expect")]
#[allow(dead_code)]
struct ExpectShape {
    /// By member: what they have at the end.
    members: Option<Filled<BTreeMap<String, Filled<ExpectedMember>>>>,
    /// Grants of all members, by reward.
    #[schemars(extend("x-names" = "rewards"))]
    totals: Option<Filled<BTreeMap<String, UnitsShape>>>,
    /// The leaderboard by account: members from the best on.
    #[schemars(extend("x-names" = "accounts"))]
    standing: Option<Filled<BTreeMap<String, Filled<Vec<String>>>>>,
    /// The cycle of ranks and standing, by its first day: "2020-09-22".
    cycle: Option<String>,
    /// "any": grants of members who are not listed are allowed.
    others: Option<OthersShape>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", rename = "others")]
#[allow(dead_code)]
enum OthersShape {
    Any,
}

#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "expected-member")]
#[allow(dead_code)]
struct ExpectedMember {
    /// Points by account, over all cycles.
    #[schemars(extend("x-names" = "accounts"))]
    points: Option<Filled<BTreeMap<String, Count>>>,
    /// By a cycle's first day: points by account.
    cycles: Option<Filled<BTreeMap<String, InCycle>>>,
    /// Grants by reward: 5, or { issued = 4, owed = 1 }.
    #[schemars(extend("x-names" = "rewards"))]
    grants: Option<Filled<BTreeMap<String, UnitsShape>>>,
    /// Values by attribute.
    #[schemars(extend("x-names" = "attributes"))]
    attributes: Option<Filled<BTreeMap<String, Value>>>,
    /// Rank by account; 1 is best.
    #[schemars(extend("x-names" = "accounts"))]
    rank: Option<Filled<BTreeMap<String, Count>>>,
}

/// Points by account, in one cycle.
#[derive(JsonSchema)]
#[schemars(inline, extend("x-names" = "accounts"))]
#[allow(dead_code)]
struct InCycle(Filled<BTreeMap<String, Count>>);

//! The JSON Schema of campaign.toml: see [`crate::schema`].

use crate::schema;
use schemars::JsonSchema;
use std::collections::BTreeMap;

/// As it stands in `sdk/campaign.schema.json`.
pub fn campaign_schema() -> String {
    schema::text_of::<CampaignFile>()
}

/// A reward campaign of Guerdon: campaign.toml.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "campaign.toml")]
#[allow(dead_code)] // Like every shape here: only its schema is of use.
pub struct CampaignFile {
    /// The campaign's id, ASCII, never changed: "learning-race".
    #[schemars(regex(pattern = ID))]
    id: String,
    /// What people read, by language.
    name: LabelShape,
    /// The zone of all its days, weeks and times, by its IANA name: "Asia/Shanghai".
    #[schemars(extend("x-names" = "time-zones"))]
    time_zone: String,
    /// First instant, by the local clock: "2020-09-22 00:00". With an offset where the local clock shows it twice.
    starts: String,
    /// First instant after the campaign.
    ends: String,
    /// The rule file within the folder: "rules.rhai" or "rules.wasm".
    #[schemars(extend("x-names" = "rule-files"))]
    rules: String,
    /// Whether what is booked does not depend on the order of events; the fuzzer holds the rules to it.
    #[schemars(default)]
    order_independent: bool,
    cycle: Option<CycleShape>,
    /// Points by kind. Names are ASCII ids.
    #[schemars(default)]
    accounts: BTreeMap<String, AccountShape>,
    /// What can be granted. Names are ASCII ids.
    #[schemars(default)]
    rewards: BTreeMap<String, RewardShape>,
    /// Values that the host keeps for each member: a default, whose type is the attribute's, or a type.
    #[schemars(default)]
    attributes: BTreeMap<String, AttributeShape>,
    /// Event types with their data, by name in quotes: [events."account.opened"].
    #[schemars(default)]
    events: BTreeMap<String, EventShape>,
    limits: Option<LimitsShape>,
    /// Comparisons of totals that every commit keeps.
    #[schemars(default)]
    invariants: Vec<InvariantShape>,
    releases: Option<ReleasesShape>,
}

const ID: &str = "^[a-z0-9][a-z0-9._-]*$";

/// What people read, by language.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "label")]
#[allow(dead_code)]
struct LabelShape {
    /// Chinese.
    zh: Option<String>,
    /// English.
    en: Option<String>,
}

/// The stretches that standings are counted and closed by. Without it, nothing closes.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "cycle")]
#[allow(dead_code)]
struct CycleShape {
    every: EveryShape,
    /// The weekday that a weekly cycle starts on; monday unless said otherwise.
    starts_on: Option<WeekdayShape>,
    /// Local time of day that a cycle starts at: "06:00"; midnight unless said otherwise.
    #[schemars(regex(pattern = "^[0-2][0-9]:[0-5][0-9](:00)?$"))]
    starts_at: Option<String>,
    /// How long after its end a cycle stays open for late events: "2h", "1d", "1h30m".
    grace: Option<String>,
    /// Who else a close may look at: paths from `member`, such as "member.team?".
    #[schemars(default)]
    #[schemars(extend("x-names" = "paths"))]
    roles: BTreeMap<String, RoleShape>,
}

/// The length of a cycle, by the local calendar.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", rename = "every")]
#[allow(dead_code)]
enum EveryShape {
    Day,
    Week,
    Month,
    None,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", rename = "weekday")]
#[allow(dead_code)]
enum WeekdayShape {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// Points of one kind.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "account")]
#[allow(dead_code)]
struct AccountShape {
    name: Option<LabelShape>,
    /// Parts whose points count here too: ["lesson"] makes "learning.lesson".
    #[schemars(default)]
    parts: Vec<String>,
    /// What one point costs the budget: "0.01 CNY".
    worth: Option<String>,
    /// Whether members see their rank by it.
    #[schemars(default)]
    leaderboard: bool,
}

/// What can be granted.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "reward")]
#[allow(dead_code)]
struct RewardShape {
    name: Option<LabelShape>,
    kind: RewardKind,
    /// What one costs the budget: "20.00 CNY".
    face_value: Option<String>,
    /// The pool that a gift card's code comes from.
    #[schemars(regex(pattern = ID))]
    pool: Option<String>,
    /// Codes left at or below which operators are warned, once.
    #[schemars(range(min = 0))]
    low_stock: Option<i64>,
    /// What redeeming one costs, in points by account: { points = 150 }.
    #[schemars(default)]
    #[schemars(extend("x-names" = "accounts"))]
    price: BTreeMap<String, i64>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "kebab-case", rename = "kind-of-reward")]
#[allow(dead_code)]
enum RewardKind {
    /// A code out of a pool.
    GiftCard,
    /// A right without a code and without stock.
    Entitlement,
}

#[derive(JsonSchema)]
#[schemars(untagged, rename = "attribute")]
#[allow(dead_code)]
enum AttributeShape {
    Typed(TypedAttribute),
    Whole(i64),
    Decimal(f64),
    Truth(bool),
    Text(String),
}

/// An attribute that starts as missing.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "typed-attribute")]
#[allow(dead_code)]
struct TypedAttribute {
    /// string, int, decimal, bool, member or "member KIND".
    #[schemars(rename = "type")]
    #[schemars(extend("x-names" = "types"))]
    kind: String,
}

/// An event type and its data.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "event")]
#[allow(dead_code)]
struct EventShape {
    /// Whose event it is: "subject", or "data.FIELD" of a field that is a member.
    #[schemars(regex(pattern = r"^(subject|data\.[A-Za-z_][A-Za-z0-9_]*)$"))]
    #[schemars(extend("x-names" = "members"))]
    member: String,
    /// Who else takes part: "data.FIELD", "member.referral" or "ROLE.ATTRIBUTE", with ? where nobody may fill it.
    #[schemars(default)]
    #[schemars(extend("x-names" = "paths"))]
    roles: BTreeMap<String, RoleShape>,
    /// What an event earns only once for: "member", roles, "data.FIELD", and day, week, month or cycle.
    #[schemars(default)]
    #[schemars(extend("x-names" = "once-per"))]
    once_per: Vec<String>,
    /// Fields and their types: string, int, decimal, bool, member or "member KIND", with ? where one may be missing.
    /// Numbers may be bounded: "int from 0", "decimal from 0 to 1000".
    #[schemars(default)]
    #[schemars(extend("x-names" = "types"))]
    data: BTreeMap<String, String>,
}

#[derive(JsonSchema)]
#[schemars(untagged, rename = "role")]
#[allow(dead_code)]
enum RoleShape {
    Path(String),
    Waiting(WaitingRole),
}

/// A role with the time that an event waits for it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "waiting-role")]
#[allow(dead_code)]
struct WaitingRole {
    /// "member.referral"
    path: String,
    /// How long an event waits for somebody to fill it: "7d". Until the campaign ends unless said otherwise.
    wait: Option<String>,
}

/// Caps. They clip what a rule asks for and never fail an event.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "limits")]
#[allow(dead_code)]
struct LimitsShape {
    /// The most that all grants and points may cost: "50000.00 CNY".
    budget: Option<String>,
    on_budget: Option<OnBudgetShape>,
    /// By account, parts included.
    #[schemars(default)]
    #[schemars(extend("x-names" = "accounts"))]
    accounts: BTreeMap<String, CapsShape>,
    /// By reward.
    #[schemars(default)]
    #[schemars(extend("x-names" = "rewards"))]
    rewards: BTreeMap<String, CapsShape>,
}

/// What becomes of a grant that the budget does not cover.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", rename = "on-budget")]
#[allow(dead_code)]
enum OnBudgetShape {
    /// It is owed until the budget is raised.
    Owe,
    /// It is cut off, and the receipt says so.
    Refuse,
}

/// The most of an account's points or of a reward's grants.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "caps")]
#[allow(dead_code)]
struct CapsShape {
    /// For one member, ever.
    #[schemars(range(min = 0))]
    per_member: Option<i64>,
    /// For one member in one cycle.
    #[schemars(range(min = 0))]
    per_member_per_cycle: Option<i64>,
    /// For one member on one local day.
    #[schemars(range(min = 0))]
    per_member_per_day: Option<i64>,
    /// For all members in one cycle.
    #[schemars(range(min = 0))]
    per_cycle: Option<i64>,
    /// For all members on one local day.
    #[schemars(range(min = 0))]
    per_day: Option<i64>,
    /// For all members, ever.
    #[schemars(range(min = 0))]
    total: Option<i64>,
}

/// A comparison of totals that every commit keeps.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "invariant")]
#[allow(dead_code)]
struct InvariantShape {
    /// What it says, for people.
    name: String,
    /// 'granted("jd-20", "on_account_opened") <= events("account.opened")': sums of granted, events, points,
    /// referrals and whole numbers, compared by <, <=, ==, >= or >.
    #[schemars(extend("x-names" = "totals"))]
    holds: String,
    /// Of what: ["member"] of each member, ["member", "day"] of each member on each local day; "day" or "cycle" alone, of
    /// all members. Without it, of the campaign over all time.
    #[schemars(default)]
    per: Vec<PerShape>,
    /// "close": asked only when a member's cycle is closed. Without it, always.
    at: Option<AtShape>,
    on_breach: Option<OnBreachShape>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", rename = "per")]
#[allow(dead_code)]
enum PerShape {
    Member,
    Day,
    Cycle,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", rename = "at")]
#[allow(dead_code)]
enum AtShape {
    Close,
}

/// What a commit does that would break it; "fail" unless said otherwise.
#[derive(JsonSchema)]
#[schemars(rename = "on-breach")]
#[allow(dead_code)]
enum OnBreachShape {
    /// The event fails.
    #[schemars(rename = "fail")]
    Fail,
    /// The event fails, and grants become owed until an operator opens the switch again.
    #[schemars(rename = "close issue")]
    CloseIssue,
}

/// What a change of the campaign must have before it is live. What counts is written in the release in force.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "releases")]
#[allow(dead_code)]
struct ReleasesShape {
    /// How many people other than the proposer must approve; 0 unless said otherwise: live at once.
    #[schemars(range(min = 0, max = 10))]
    approvals: Option<i64>,
    cases: Option<CasesShape>,
    forecast: Option<ForecastShape>,
    /// Lines of the rule file that cases must reach, in percent.
    #[schemars(range(min = 0, max = 100))]
    coverage: Option<i64>,
    settles: Option<SettlesShape>,
    fall_back: Option<FallBackShape>,
}

/// Whether a case may fail; "may fail" unless said otherwise.
#[derive(JsonSchema)]
#[schemars(rename = "cases")]
#[allow(dead_code)]
enum CasesShape {
    #[schemars(rename = "may fail")]
    MayFail,
    #[schemars(rename = "must pass")]
    MustPass,
}

/// Whether a cycle like the last one may cost more than what is left of budget and stock; "may exceed" unless said
/// otherwise.
#[derive(JsonSchema)]
#[schemars(rename = "forecast")]
#[allow(dead_code)]
enum ForecastShape {
    #[schemars(rename = "may exceed")]
    MayExceed,
    #[schemars(rename = "must fit")]
    MustFit,
}

/// The first cycle that a release settles, when it takes effect within one; "this cycle" unless said otherwise.
#[derive(JsonSchema)]
#[schemars(rename = "settles")]
#[allow(dead_code)]
enum SettlesShape {
    /// The one at whose end it is in force.
    #[schemars(rename = "this cycle")]
    This,
    /// The first that begins under it.
    #[schemars(rename = "next cycle")]
    Next,
}

/// A release with more failed events than this, within so many seconds, makes way for the one before it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "fall-back")]
#[allow(dead_code)]
struct FallBackShape {
    #[schemars(range(min = 0, max = 10_000))]
    failures: i64,
    #[schemars(range(min = 1, max = 86_400))]
    seconds: i64,
}

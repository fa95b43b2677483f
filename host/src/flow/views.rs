//! What flows tell the outside: plain shapes that HTTP and the CLI print as they are. Instants are RFC 3339, days are
//! local dates, money is written with its currency.

use serde::{Deserialize, Serialize};

/// What became of one event.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct EventResult {
    pub source: String,
    pub id: String,
    /// `booked`, `duplicate`, `refused`, `waiting`, `quarantined`, `failed` or `conflict`; `invalid` for what is no event.
    pub outcome: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// True when an earlier delivery was answered so and nothing was done now.
    pub repeated: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct CampaignView {
    pub id: String,
    pub name_zh: Option<String>,
    pub name_en: Option<String>,
    pub time_zone: String,
    pub starts: String,
    pub ends: String,
    pub position: i64,
    pub closed_through: i32,
    pub releases: Vec<ReleaseView>,
    pub switches: Vec<SwitchView>,
    pub totals: Vec<TotalView>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ReleaseView {
    pub number: i32,
    pub hash: String,
    pub effective_from: String,
    pub author: String,
    pub note: String,
    pub added_at: String,
    /// The earlier release whose content this one brings back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<i32>,
}

#[derive(Clone, Debug, Serialize)]
pub struct SwitchView {
    pub name: String,
    pub closed: bool,
    pub by: String,
    pub why: String,
    pub at: String,
}

/// A campaign total: `granted jd-20`, `points learning.lesson`, `events account.opened`.
#[derive(Clone, Debug, Serialize)]
pub struct TotalView {
    pub measure: String,
    pub amount: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct CycleView {
    pub number: i32,
    pub first_day: String,
    pub last_day: String,
    pub starts: String,
    pub ends: String,
    /// `upcoming`, `open`, `ended`, or the state of its newest settlement: `planned`, `running`, `done`.
    pub state: String,
    pub settlements: Vec<SettlementView>,
}

#[derive(Clone, Debug, Serialize)]
pub struct SettlementView {
    pub revision: i32,
    pub state: String,
    pub why: String,
    pub release: i32,
    pub digest: Option<String>,
    pub failed: Vec<FailedView>,
    pub excess: Vec<ExcessView>,
}

#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct FailedView {
    pub member: String,
    pub reason: String,
}

/// What an earlier revision gave beyond what the books now say.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct ExcessView {
    pub member: String,
    pub measure: String,
    pub count: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct MemberView {
    pub id: String,
    pub inviter: Option<String>,
    pub accounts: Vec<AccountView>,
    pub cards: Vec<GrantView>,
    /// The journal position that all of this holds at.
    pub position: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct AccountView {
    pub account: String,
    pub points: i64,
    /// Of the current cycle, or the one that was asked for.
    pub cycle: i32,
    pub cycle_points: i64,
    /// On the leaderboard of that cycle; none without points or without a leaderboard.
    pub rank: Option<i64>,
}

#[derive(Clone, Debug, Serialize)]
pub struct GrantView {
    pub number: i64,
    pub member: String,
    pub reward: String,
    /// `owed`, `issued`, `revealed`, `used`, `expired`, `recalled` or `void`.
    pub state: String,
    /// Why an owed grant is owed: `stock`, `budget` or `switch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owed_for: Option<String>,
    pub cycle: i32,
    pub at: String,
    /// The rule function and its line: `on_account_opened`, 7.
    pub function: String,
    pub rule_line: i32,
    pub release: i32,
    /// (position, line) of the journal line that explains it.
    pub journal: (i64, i32),
    pub face_value: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct RevealView {
    pub grant: GrantView,
    /// In clear: only for its owner. None for a plain entitlement.
    pub code: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct LeaderboardView {
    pub account: String,
    pub cycle: i32,
    /// Members with points in this cycle.
    pub members: usize,
    pub entries: Vec<RankView>,
    /// The journal position that it is exact at.
    pub position: i64,
}

#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct RankView {
    pub rank: i64,
    pub member: String,
    pub points: i64,
}

/// One stored event with its receipts, newest last.
#[derive(Clone, Debug, Serialize)]
pub struct EventView {
    pub source: String,
    pub id: String,
    pub r#type: String,
    pub time: Option<String>,
    pub received: String,
    pub outcome: String,
    pub reason: Option<String>,
    pub release: i32,
    pub data: serde_json::Value,
    pub receipt: Option<serde_json::Value>,
}

/// A real event as a case file, under other names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CaseView {
    pub outcome: String,
    /// The release that decided, and its content: the case is for that.
    pub release: i32,
    pub hash: String,
    /// Whether it passes there.
    pub passes: bool,
    /// What comes out otherwise than it was recorded, because a case cannot say all that led to it.
    pub differs: Vec<String>,
    /// The text of the file.
    pub case: String,
}

#[derive(Clone, Debug, Serialize)]
pub struct PoolView {
    pub pool: String,
    pub imported: i64,
    pub available: i64,
    pub issued: i64,
    pub owed: i64,
    /// At or below how many available codes operators want to know; none: no campaign says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low_stock: Option<i64>,
    /// Whether it is so.
    pub low: bool,
}

/// What an import did with each line.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ImportReport {
    pub pool: String,
    pub accepted: u64,
    pub duplicate: u64,
    pub malformed: u64,
    /// The first of them: (line, what is wrong).
    pub malformed_lines: Vec<(u64, String)>,
    /// Owed grants that got a code at once.
    pub filled: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct SettleReport {
    pub campaign: String,
    pub cycle: i32,
    pub revision: i32,
    pub release: i32,
    /// `done`, `failed` (some members did), `verified` (it was done before, and a second run reproduces it),
    /// `different` (a second run does not), or `dry run`.
    pub state: String,
    pub members: u64,
    pub digest: String,
    /// What was given, by measure.
    pub given: Vec<TotalView>,
    pub failed: Vec<FailedView>,
    pub excess: Vec<ExcessView>,
    /// In a dry run: who would get what.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub would_give: Vec<WouldGive>,
}

#[derive(Clone, Debug, Serialize)]
pub struct WouldGive {
    pub member: String,
    pub measure: String,
    pub count: i64,
}

/// What the ledger says against the books. All lists are empty when everything agrees.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AuditReport {
    pub members: u64,
    pub postings_sum_mismatches: Vec<String>,
    pub grant_mismatches: Vec<String>,
    /// Grants that should have a code and have none, as another one got it; and codes with an owner that cannot have one.
    pub codes_issued_twice: i64,
    /// Which those are.
    pub code_mismatches: Vec<String>,
    /// earned = owed + issued + revealed + used + expired + recalled + void
    pub grants_by_state: Vec<(String, i64)>,
}

impl AuditReport {
    pub fn is_clean(&self) -> bool {
        self.postings_sum_mismatches.is_empty() && self.grant_mismatches.is_empty() && self.codes_issued_twice == 0
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReleaseAdded {
    pub campaign: String,
    pub number: i32,
    pub hash: String,
    pub effective_from: String,
    /// False when the newest release has the same content: nothing was added.
    pub added: bool,
    /// The earlier release whose content this one brings back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_of: Option<i32>,
    pub warnings: Vec<guerdon_rules::diagnostic::Diagnostic>,
}

/// A change that somebody proposed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProposalView {
    pub number: i32,
    /// Of its content and of when it takes effect: what is approved.
    pub hash: String,
    /// `open`, `live`, `rejected`, or `replaced` by a later one.
    pub state: String,
    pub effective_from: String,
    pub author: String,
    pub note: String,
    pub proposed_at: String,
    /// The newest release when it was planned.
    pub base_release: i32,
    /// Approvals that it needs.
    pub needs: i32,
    pub approvals: Vec<ApprovalView>,
    /// The release that it became.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ApprovalView {
    pub by: String,
    pub note: String,
    pub at: String,
}

/// What came of proposing or approving: a proposal, a release that is live, or both.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Proposed {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal: Option<ProposalView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseAdded>,
    pub plan: super::plan_views::Plan,
}

/// A release that is tried on live events and pays nothing.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShadowView {
    pub number: i32,
    pub hash: String,
    pub author: String,
    pub note: String,
    pub started_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// The position of the journal that it has come to.
    pub decided_through: i64,
    pub decisions: i64,
    pub differences: i64,
}

/// What it would have done otherwise.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShadowReport {
    pub shadow: ShadowView,
    /// Of the journal, by now.
    pub position: i64,
    /// In the order of the journal.
    pub differences: Vec<ShadowDifference>,
    /// Where the next page begins; none: this is the last one.
    pub next: Option<(i64, i32)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShadowDifference {
    /// (position, line)
    pub journal: (i64, i32),
    /// An event's source and id, or a member's close.
    pub subject: String,
    /// The event that caused it.
    pub event: Option<ShadowCause>,
    /// Receipts.
    pub was: serde_json::Value,
    pub would: serde_json::Value,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ShadowCause {
    pub source: String,
    pub id: String,
    pub r#type: String,
    pub time: Option<String>,
    pub data: serde_json::Value,
}

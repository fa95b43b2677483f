//! A plan: what a changed folder would mean on a running host, in plain shapes that the API sends, the CLI prints and
//! `guerdon apply` reads back. Money is written with its currency, instants are RFC 3339.

use guerdon_rules::difference::Difference;
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    pub campaign: String,
    /// Of the folder's content.
    pub hash: String,
    pub base: Base,
    /// `at once`, `next cycle`, or an instant.
    pub effective_from: String,
    /// The first instant that it would decide, if it were added now.
    pub takes_effect: String,
    /// Approvals by others that it needs; 0: applying it makes it live.
    pub needs: u32,
    pub difference: Difference,
    pub cases: PlannedCases,
    /// Lines of the rules that its cases reach, in percent, or functions where the language tells no lines.
    pub coverage: Option<u32>,
    /// None: nothing has happened yet that could be played again.
    pub forecast: Option<Forecast>,
    /// Why the policy in force does not let it be proposed; empty: it may.
    pub refused: Vec<String>,
    pub warnings: Vec<String>,
}

/// What a plan was made against. With anything else there, it is stale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Base {
    /// The number of the newest release; 0: the campaign is new.
    pub release: i32,
    /// The number of the newest proposal; 0: there is none.
    pub proposal: i32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCases {
    pub passed: usize,
    /// `cases/a.toml:7 name: what, expected …, actual …`
    pub failed: Vec<String>,
}

/// What one cycle paid, and would have paid under the change: its events are played once more under both, from the
/// campaign's beginning on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Forecast {
    pub cycle: i32,
    pub first_day: String,
    pub last_day: String,
    /// False: the cycle goes on, and its events are those so far.
    pub ended: bool,
    /// Events of the campaign that were played.
    pub events: u64,
    pub cost: Option<Both<String>>,
    pub rewards: Vec<RewardForecast>,
    pub accounts: Vec<PointsForecast>,
    pub gain: u64,
    pub lose: u64,
    /// The same value in other things.
    pub exchange: u64,
    pub same: u64,
    /// Those for whom it means most.
    pub members: Vec<MemberForecast>,
    pub budget: Option<BudgetForecast>,
    pub stock: Vec<StockForecast>,
    /// Invariants whose sides come nearer to each other.
    pub tighter: Vec<String>,
    /// Cycles that begin after it takes effect.
    pub cycles_left: i64,
}

/// The same thing as it is, and as it would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Both<T> {
    pub was: T,
    pub would: T,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RewardForecast {
    pub reward: String,
    pub units: Both<i64>,
    /// Face value.
    pub cost: Option<Both<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PointsForecast {
    pub account: String,
    pub points: Both<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberForecast {
    pub member: String,
    /// A reward, or an account.
    pub what: String,
    pub count: Both<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetForecast {
    pub budget: String,
    /// What is booked already.
    pub spent: String,
    pub left: String,
    /// What a cycle like this one costs under the change.
    pub per_cycle: String,
    /// Whether such a cycle fits what is left.
    pub fits: bool,
    /// Whether it fits once for every cycle that is left.
    pub lasts: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockForecast {
    pub pool: String,
    /// Codes that are there and not spoken for; below zero: grants that wait for one.
    pub free: i64,
    /// Codes that such a cycle takes.
    pub per_cycle: Both<i64>,
    pub fits: bool,
}

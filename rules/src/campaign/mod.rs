//! A campaign as its `campaign.toml` declares it: checked, resolved, ready to be asked. Lists are indexed by the
//! small numbers that facts and effects carry.
//!
//! [`file`] reads the text into this and says what is wrong with it, [`calendar`] knows its days and cycles,
//! [`contract`] checks an event's data, [`schema`] makes the JSON Schema for editors.

pub mod calendar;
pub mod contract;
pub mod file;
pub mod money;
pub mod policy;
pub mod schema;

use crate::diagnostic::Position;
use crate::value::{DataType, Value};
use calendar::Calendar;
use money::Money;
use rust_decimal::Decimal;
use smol_str::SmolStr;
use std::sync::Arc;

/// Everything `campaign.toml` says.
pub struct Campaign {
    pub id: Arc<str>,
    pub label: Label,
    /// The rule file's path within the folder: `rules.rhai` or `rules.wasm`.
    pub rules: String,
    pub calendar: Calendar,
    /// Roles of a close: paths from `member`.
    pub close_roles: Vec<Role>,
    /// Whether what is booked does not depend on the order of events (a promise that the fuzzer checks).
    pub order_independent: bool,
    /// Accounts and their parts: `learning`, `learning.lesson`, each at its own index.
    pub accounts: Vec<Account>,
    pub rewards: Vec<Reward>,
    pub attributes: Vec<Attribute>,
    /// The campaign's own events, then the built-in ones ([`BUILT_IN_EVENTS`]).
    pub events: Vec<EventType>,
    pub limits: CampaignLimits,
    pub invariants: Vec<Invariant>,
    /// What a change of this campaign asks for.
    pub releases: policy::Policy,
}

/// What people read, by language.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    pub zh: Option<String>,
    pub en: Option<String>,
}

/// Points of one kind.
#[derive(Debug)]
pub struct Account {
    pub name: Arc<str>,
    pub label: Label,
    /// The account whose part this is; its points count there too.
    pub parent: Option<usize>,
    pub parts: Vec<usize>,
    /// What one point costs the budget; a part has its parent's.
    pub worth: Option<Money>,
    pub leaderboard: bool,
}

/// What can be granted.
#[derive(Debug)]
pub struct Reward {
    pub name: Arc<str>,
    pub label: Label,
    /// The pool that a gift card's code comes from; none: a plain entitlement without stock.
    pub pool: Option<Arc<str>>,
    pub face_value: Option<Money>,
    /// Codes left below which an operator is warned.
    pub low_stock: Option<i64>,
    /// What redeeming costs: (account, points).
    pub price: Vec<(usize, i64)>,
    /// Where campaign.toml declares it, for findings of the rule languages.
    pub at: Option<Position>,
}

/// A value that the host keeps for each member.
#[derive(Debug)]
pub struct Attribute {
    pub name: Arc<str>,
    pub kind: DataType,
    /// `Value::Missing` where only a type is declared.
    pub default: Value,
}

/// An event type with its data contract.
#[derive(Debug)]
pub struct EventType {
    pub name: Arc<str>,
    /// `on_` and the name with `_` for `.` and `-`.
    pub function: Arc<str>,
    pub member: MemberPath,
    /// In an order in which each role's path starts at `data`, `member` or a role before it.
    pub roles: Vec<Role>,
    pub once_per: Vec<KeyPart>,
    /// Sorted by name.
    pub fields: Vec<Field>,
    /// Where campaign.toml declares it; none: a built-in event.
    pub at: Option<Position>,
}

/// Where the event's member comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberPath {
    /// The CloudEvents `subject`.
    Subject,
    /// Index into `EventType::fields`.
    Field(usize),
}

#[derive(Debug)]
pub struct Role {
    pub name: Arc<str>,
    pub path: RolePath,
    /// The path as written, for texts: `member.referral`.
    pub text: Arc<str>,
    /// A trailing `?`: nobody may fill it.
    pub optional: bool,
    /// How long an event waits for a required role, in milliseconds; none: until the campaign ends.
    pub wait_ms: Option<i64>,
}

/// `of` is 0 for the member, n for the n-th role of the list (from 1), which stands before this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RolePath {
    Member,
    Field(usize),
    Referral { of: usize },
    Attribute { of: usize, attribute: usize },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyPart {
    Member,
    /// Index into `EventType::roles`.
    Role(usize),
    Field(usize),
    Period(crate::fact::Period),
}

#[derive(Debug)]
pub struct Field {
    pub name: Arc<str>,
    pub kind: DataType,
    pub optional: bool,
    pub bounds: Bounds,
}

/// The least and the most that a number may be: `int from 0 to 1000`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    pub least: Option<i64>,
    pub most: Option<i64>,
}

impl Bounds {
    /// Why a number lies outside, or nothing.
    pub fn fault(self, number: Decimal) -> Option<String> {
        match (self.least, self.most) {
            (Some(least), _) if number < Decimal::from(least) => Some(format!("is below {least} ({number})")),
            (_, Some(most)) if number > Decimal::from(most) => Some(format!("is above {most} ({number})")),
            _ => None,
        }
    }
}

/// Caps; a limit clips an effect and never fails an event.
#[derive(Debug, Default)]
pub struct CampaignLimits {
    /// Face value of owed and issued grants, and points at their worth.
    pub budget: Option<Money>,
    pub on_budget: OnBudget,
    /// One entry for each account and each reward that has limits.
    pub accounts: Vec<(usize, Caps)>,
    pub rewards: Vec<(usize, Caps)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnBudget {
    /// What does not fit is owed until the budget is raised.
    #[default]
    Owe,
    /// What does not fit is cut off, and the receipt says so.
    Refuse,
}

/// The most of an account's points, or of a reward's grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caps {
    pub per_member: Option<i64>,
    pub per_member_per_cycle: Option<i64>,
    pub per_member_per_day: Option<i64>,
    pub per_cycle: Option<i64>,
    pub per_day: Option<i64>,
    pub total: Option<i64>,
}

/// `holds` over totals, checked in the commit itself.
#[derive(Debug)]
pub struct Invariant {
    pub name: String,
    /// As written, for texts.
    pub text: String,
    /// Whether it is about each member, and not about the campaign.
    pub per_member: bool,
    /// The day or cycle that it is about; none: all time.
    pub period: Option<crate::fact::Period>,
    /// Whether it must hold only once a cycle is closed for a member.
    pub at_close: bool,
    pub left: Total,
    pub comparison: Comparison,
    pub right: Total,
    pub on_breach: OnBreach,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    GreaterOrEqual,
    Greater,
}

/// A sum over totals, as an invariant writes it: terms joined by `+`, `-` and `*` with whole numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Total {
    Number(i64),
    /// `granted("jd-20")` or `granted("jd-20", "on_account_opened")`.
    Granted {
        reward: usize,
        function: Option<Arc<str>>,
    },
    /// `events("account.opened")`: booked ones.
    Events {
        event: usize,
    },
    /// `points("learning")`: awarded less deducted, with parts.
    Points {
        account: usize,
    },
    /// `referrals()`.
    Referrals,
    Add(Box<Total>, Box<Total>),
    Subtract(Box<Total>, Box<Total>),
    Multiply(Box<Total>, Box<Total>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnBreach {
    /// The event fails.
    Fail,
    /// The event fails and the switch `issue` closes: grants become owed until an operator opens it again.
    CloseIssue,
}

/// Types every campaign understands without declaring them, with the fields of their data.
/// joined {member}; invited {inviter, invitee}; accepted {invitee, inviter};
/// redeemed {member, reward}.
pub const JOINED: &str = "guerdon.member.joined";
pub const INVITED: &str = "guerdon.referral.invited";
pub const ACCEPTED: &str = "guerdon.referral.accepted";
pub const REDEEMED: &str = "guerdon.reward.redeemed";
pub const BUILT_IN_EVENTS: [&str; 4] = [JOINED, INVITED, ACCEPTED, REDEEMED];

/// The function that answers the close of a cycle.
pub const CLOSE_FUNCTION: &str = "on_cycle_close";

/// The function that answers an event type: `account.opened` is `on_account_opened`.
pub fn function_of(event: &str) -> String {
    format!("on_{}", event.replace(['.', '-'], "_"))
}

impl Campaign {
    pub fn account(&self, name: &str) -> Option<usize> {
        self.accounts.iter().position(|a| *a.name == *name)
    }
    pub fn reward(&self, name: &str) -> Option<usize> {
        self.rewards.iter().position(|r| *r.name == *name)
    }
    pub fn attribute(&self, name: &str) -> Option<usize> {
        self.attributes.iter().position(|a| *a.name == *name)
    }
    pub fn event(&self, name: &str) -> Option<usize> {
        self.events.iter().position(|e| *e.name == *name)
    }
    /// Every kind of participant that this file names, "member" first.
    pub fn kinds(&self) -> Vec<SmolStr> {
        let mut kinds: Vec<SmolStr> = vec![crate::value::DEFAULT_KIND.into()];
        let declared = self.events.iter().flat_map(|e| e.fields.iter().map(|f| &f.kind)).chain(self.attributes.iter().map(|a| &a.kind));
        for kind in declared {
            if let DataType::Member(kind) = kind
                && !kinds.contains(kind)
            {
                kinds.push(kind.clone());
            }
        }
        kinds
    }
}

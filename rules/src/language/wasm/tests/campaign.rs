//! The campaign that the modules are for, and questions about it.

use crate::campaign::calendar::{Calendar, Cycle, Moment};
use crate::campaign::{Account, Attribute, Bounds, Campaign, CampaignLimits, EventType, Field, Label, MemberPath, Reward, Role, RolePath};
use crate::language::{Question, Runtime, wasm};
use crate::value::{DataType, MemberId, Value};
use jiff::tz::TimeZone;

/// The learning race with an attribute.
pub fn campaign() -> Campaign {
    let calendar = Calendar::new(TimeZone::UTC, 0, 28 * 86_400_000, None).unwrap();
    Campaign {
        id: "race".into(),
        label: Label::default(),
        rules: "rules.wasm".into(),
        calendar,
        close_roles: Vec::new(),
        order_independent: false,
        releases: Default::default(),
        accounts: vec![account("learning", None), account("learning.lesson", Some(0))],
        rewards: vec![reward("jd-20")],
        attributes: vec![
            Attribute { name: "streak".into(), kind: DataType::Int, default: Value::Int(0) },
            Attribute { name: "ratio".into(), kind: DataType::Decimal, default: Value::Missing },
        ],
        events: vec![opened(), lesson()],
        limits: CampaignLimits::default(),
        invariants: Vec::new(),
    }
}

fn account(name: &str, parent: Option<usize>) -> Account {
    let parts = if parent.is_none() { vec![1] } else { Vec::new() };
    Account { name: name.into(), label: Label::default(), parent, parts, worth: None, leaderboard: parent.is_none() }
}

fn reward(name: &str) -> Reward {
    Reward { name: name.into(), label: Label::default(), pool: None, face_value: None, low_stock: None, price: Vec::new(), at: None }
}

fn opened() -> EventType {
    let inviter =
        Role { name: "inviter".into(), path: RolePath::Referral { of: 0 }, text: "member.referral".into(), optional: false, wait_ms: None };
    EventType {
        name: "account.opened".into(),
        function: "on_account_opened".into(),
        member: MemberPath::Field(1),
        roles: vec![inviter],
        once_per: Vec::new(),
        fields: vec![field("existing_customer", DataType::Bool, true), field("invitee", DataType::Member("member".into()), false)],
        at: None,
    }
}

fn lesson() -> EventType {
    EventType {
        name: "lesson.finished".into(),
        function: "on_lesson_finished".into(),
        member: MemberPath::Field(1),
        roles: Vec::new(),
        once_per: Vec::new(),
        fields: vec![
            field("lesson", DataType::Text, false),
            field("member", DataType::Member("member".into()), false),
            field("points", DataType::Int, false),
        ],
        at: None,
    }
}

fn field(name: &str, kind: DataType, optional: bool) -> Field {
    Field { name: name.into(), kind, optional, bounds: Bounds::default() }
}

/// Errors, then warnings, as text.
pub fn findings(bytes: &[u8], runtime: &Runtime) -> Vec<String> {
    match wasm::load(&campaign(), bytes, runtime) {
        Ok(loaded) => loaded.warnings.iter().map(ToString::to_string).collect(),
        Err(findings) => findings.iter().map(ToString::to_string).collect(),
    }
}

/// A question with these members, data and facts.
pub fn question<'a>(members: &'a [Option<MemberId>], data: &'a [Value], facts: &'a [Value], cycle: Option<&'a Cycle>) -> Question<'a> {
    Question {
        id: "e1",
        event: "",
        moment: Moment { at_ms: 0, day: 0, weekday: 4, hour: 0 },
        cycle,
        members,
        data,
        facts,
        seed: 0,
        forced_draws: &[],
    }
}

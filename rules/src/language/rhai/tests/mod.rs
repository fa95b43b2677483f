//! Rules from text to verdict: a small campaign, a question with chosen facts, and tables of what comes out.

mod api;
mod coverage;
mod hostile;
mod imports;
mod memo;
mod race;
mod speed;
mod stumbles;
mod vocabulary;

use crate::campaign::calendar::{Calendar, Cycle, CycleRule, Every, Moment};
use crate::campaign::{
    Account, Attribute, BUILT_IN_EVENTS, Bounds, Campaign, EventType, Field, MemberPath, Reward, Role, RolePath, function_of,
};
use crate::diagnostic::Diagnostic;
use crate::effect::{Action, Verdict};
use crate::fact::Fact;
use crate::language::{Files, Loaded, Question, RuleModule, Runtime};
use crate::limits::Limits;
use crate::value::{DataType, MemberId, Value};
use std::sync::Arc;

/// A campaign made by hand: accounts `learning` with the part `learning.lesson`, reward `jd-20`.
pub fn campaign(events: Vec<EventType>, attributes: Vec<Attribute>) -> Campaign {
    let account = |name: &str, parent, parts| Account {
        name: name.into(),
        label: Default::default(),
        parent,
        parts,
        worth: None,
        leaderboard: parent.is_none(),
    };
    let reward =
        Reward { name: "jd-20".into(), label: Default::default(), pool: None, face_value: None, low_stock: None, price: vec![], at: None };
    let built_in = BUILT_IN_EVENTS.iter().map(|name| event(name, &[], &[]));
    Campaign {
        id: "test".into(),
        label: Default::default(),
        rules: "rules.rhai".into(),
        calendar: calendar(),
        close_roles: vec![],
        order_independent: false,
        releases: Default::default(),
        accounts: vec![account("learning", None, vec![1]), account("learning.lesson", Some(0), vec![])],
        rewards: vec![reward],
        attributes,
        events: events.into_iter().chain(built_in).collect(),
        limits: Default::default(),
        invariants: vec![],
    }
}

/// The learning race's weeks.
fn calendar() -> Calendar {
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").unwrap();
    let at = |text: &str| crate::campaign::calendar::instant_in(&zone, text).unwrap();
    let weekly = CycleRule { every: Every::Week(2), starts_at: jiff::civil::Time::midnight(), grace_ms: 0 };
    Calendar::new(zone.clone(), at("2020-09-22"), at("2020-10-20"), Some(weekly)).unwrap()
}

/// Fields as `name: type?`, sorted by name as the contract wants them.
pub fn event(name: &str, fields: &[(&str, &str)], roles: &[&str]) -> EventType {
    let mut fields: Vec<Field> = fields
        .iter()
        .map(|(name, kind)| Field {
            name: (*name).into(),
            kind: data_type(kind.trim_end_matches('?')),
            optional: kind.ends_with('?'),
            bounds: Bounds::default(),
        })
        .collect();
    fields.sort_by(|a, b| a.name.cmp(&b.name));
    let roles = roles.iter().map(|role| Role {
        name: role.trim_end_matches('?').into(),
        path: RolePath::Referral { of: 0 },
        text: "member.referral".into(),
        optional: role.ends_with('?'),
        wait_ms: None,
    });
    EventType {
        name: name.into(),
        function: function_of(name).into(),
        member: MemberPath::Subject,
        roles: roles.collect(),
        once_per: vec![],
        fields,
        at: None,
    }
}

fn data_type(word: &str) -> DataType {
    match word {
        "int" => DataType::Int,
        "decimal" => DataType::Decimal,
        "bool" => DataType::Bool,
        "string" => DataType::Text,
        _ => DataType::Member(word.split_once(' ').map_or("member", |(_, kind)| kind).into()),
    }
}

pub fn attribute(name: &str, kind: &str, default: Value) -> Attribute {
    Attribute { name: name.into(), kind: data_type(kind), default }
}

/// The campaign of the beginners' mistakes.
pub fn stumbles() -> Campaign {
    let fields = [
        ("invitee", "member"),
        ("existing_customer", "bool?"),
        ("branch", "member branch?"),
        ("level", "string"),
        ("amount", "decimal"),
        ("shares", "int"),
        ("gift", "int?"),
    ];
    let opened = event("account.opened", &fields, &["inviter", "branch?"]);
    let team = attribute("team", "member team", Value::Missing);
    let mut campaign = campaign(vec![opened], vec![attribute("streak", "int", Value::Int(0)), team]);
    campaign.accounts[0].leaderboard = false;
    campaign
}

pub fn files(list: &[(&str, &str)]) -> Files {
    list.iter().map(|(path, text)| ((*path).to_string(), Arc::from(text.as_bytes()))).collect()
}

pub fn load_with(campaign: &Campaign, list: &[(&str, &str)], limits: Limits) -> Result<Loaded, Vec<Diagnostic>> {
    super::load(campaign, &files(list), &Runtime { limits, ..Default::default() })
}

pub fn load(campaign: &Campaign, rules: &str) -> Result<Loaded, Vec<Diagnostic>> {
    load_with(campaign, &[("rules.rhai", rules)], Limits::default())
}

/// Asks the first handler about the stumbles' event: 41.5 in amount, level "9", 7 shares, no gift, no branch.
pub fn decide(loaded: &Loaded) -> Verdict {
    decide_with(loaded, |fact| match fact {
        Fact::Points { .. } => Value::Int(950),
        Fact::Attribute { .. } => Value::Missing,
        _ => Value::Int(3),
    })
}

pub fn decide_with(loaded: &Loaded, answer: impl Fn(Fact) -> Value) -> Verdict {
    let module: &dyn RuleModule = &*loaded.module;
    let handler = &module.handlers()[0];
    let facts: Vec<Value> = handler.reads.iter().map(|read| answer(read.fact)).collect();
    let members = [Some(MemberId::new("invitee-7")), Some(MemberId::new("inviter-1")), None];
    let data = [
        Value::Decimal("41.5".parse().unwrap()),
        Value::Missing,
        Value::Missing,
        Value::Missing,
        Value::Text("invitee-7".into()),
        Value::Text("9".into()),
        Value::Int(7),
    ];
    module.decide(0, &question(&members[..=handler.roles.len()], &data, &facts))
}

/// An event of Tuesday 2020-09-22, 8 o'clock.
pub fn question<'a>(members: &'a [Option<MemberId>], data: &'a [Value], facts: &'a [Value]) -> Question<'a> {
    Question {
        id: "event-1",
        event: "account.opened",
        moment: Moment { at_ms: 1_600_732_800_000, day: 18_527, weekday: 2, hour: 8 },
        cycle: None,
        members,
        data,
        facts,
        seed: 0,
        forced_draws: &[],
    }
}

pub const CYCLE: Cycle = Cycle { number: 2, starts_ms: 0, ends_ms: 1, first_day: 18_527, last_day: 18_533, is_last: true };

/// A verdict in one line, as the tables write it.
pub fn show(campaign: &Campaign, verdict: &Verdict) -> String {
    let at = |place: &Option<crate::effect::Place>| place.as_ref().map_or("nowhere".into(), ToString::to_string);
    match verdict {
        Verdict::Booked(effects) => {
            let shown: Vec<String> = effects.iter().map(|e| format!("{} {} {}", e.place, e.of, show_action(campaign, &e.action))).collect();
            format!("booked [{}]", shown.join("; "))
        }
        Verdict::Refused { reason, place } => format!("refused {}: {reason}", at(place)),
        Verdict::Failed(failure) => match failure.limit {
            Some(limit) => format!("failed {} {limit:?}: {}", at(&failure.place), failure.reason),
            None => format!("failed {}: {}", at(&failure.place), failure.reason),
        },
    }
}

fn show_action(campaign: &Campaign, action: &Action) -> String {
    match action {
        Action::Award { account, points } => format!("award {} {points}", campaign.accounts[*account].name),
        Action::Deduct { account, points } => format!("deduct {} {points}", campaign.accounts[*account].name),
        Action::Grant { reward, count } => format!("grant {} {count}", campaign.rewards[*reward].name),
        Action::Set { attribute, value } => format!("set {} {value}", campaign.attributes[*attribute].name),
        Action::Note(text) => format!("note {text}"),
    }
}

/// What loading says, or what deciding says: one line for a table.
pub fn outcome(campaign: &Campaign, list: &[(&str, &str)], limits: Limits) -> String {
    match load_with(campaign, list, limits) {
        Err(findings) => findings[0].to_string(),
        Ok(loaded) => show(campaign, &decide(&loaded)),
    }
}

/// Compares a table of (name, text) with what is committed, and shows all that differ.
pub fn compare(found: &[(String, String)], expected: &str) {
    let found: String = found.iter().map(|(name, text)| format!("{name}\n  => {text}\n")).collect();
    if found != expected {
        let differences: Vec<String> = found
            .lines()
            .zip(expected.lines().chain(std::iter::repeat("")))
            .filter(|(a, b)| a != b)
            .map(|(a, b)| format!("found    {a}\nexpected {b}"))
            .collect();
        panic!("{}\n--- in full ---\n{found}", differences.join("\n"));
    }
}

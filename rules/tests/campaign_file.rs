//! Good campaign files and what they become.

use guerdon_rules::campaign::{
    CLOSE_FUNCTION, Campaign, Comparison, EventType, KeyPart, MemberPath, OnBreach, OnBudget, RolePath, Total, file,
};
use guerdon_rules::fact::Period;
use guerdon_rules::language::Files;
use guerdon_rules::value::Value;
use std::collections::BTreeSet;

const RACE: &str = include_str!("campaign/learning-race.toml");
const STUMBLES: &str = include_str!("campaign/stumbles.toml");
const WIDE: &str = include_str!("campaign/wide.toml");

fn parse(text: &str) -> Campaign {
    let files = Files::from([("campaign.toml".to_owned(), text.as_bytes().into())]);
    file::parse(&files).unwrap_or_else(|findings| panic!("{}", findings.iter().map(|f| format!("{f}\n")).collect::<String>()))
}

/// One line for each thing that an event type says.
fn described(event: &EventType) -> String {
    let fields: Vec<String> = event.fields.iter().map(|f| format!("{} {}{}", f.name, f.kind, if f.optional { "?" } else { "" })).collect();
    let role = |r: &guerdon_rules::campaign::Role| {
        format!("{}={}{} {:?} {:?}", r.name, r.text, if r.optional { "?" } else { "" }, r.path, r.wait_ms)
    };
    let roles: Vec<String> = event.roles.iter().map(role).collect();
    format!("{} {:?} [{}] {:?} [{}]", event.function, event.member, roles.join(", "), event.once_per, fields.join(", "))
}

#[test]
fn the_learning_race() {
    let race = parse(RACE);
    assert_eq!((&*race.id, race.label.zh.as_deref(), race.rules.as_str()), ("learning-race", Some("竞赛排行"), "rules.rhai"));
    let calendar = &race.calendar;
    assert_eq!((calendar.cycles().len(), calendar.grace_ms(), calendar.has_cycles()), (4, 7_200_000, true));
    assert_eq!(calendar.starts_ms(), calendar.instant("2020-09-21T16:00:00Z").unwrap());
    let accounts: Vec<_> = race.accounts.iter().map(|a| (&*a.name, a.parent, a.parts.clone(), a.leaderboard)).collect();
    assert_eq!(accounts, [("learning", None, vec![1], true), ("learning.lesson", Some(0), vec![], false)]);
    let card = &race.rewards[0];
    assert_eq!((&*card.name, card.pool.as_deref(), card.face_value.unwrap().minor), ("jd-20", Some("jd-20"), 2000));
    assert_eq!((race.limits.budget.unwrap().minor, race.limits.on_budget), (5_000_000, OnBudget::Owe));
    assert_eq!((race.limits.rewards[0].0, race.limits.rewards[0].1.per_member_per_cycle), (0, Some(50)));
    let invariant = &race.invariants[0];
    assert_eq!(invariant.left, Total::Granted { reward: 0, function: Some("on_account_opened".into()) });
    assert_eq!((&invariant.right, invariant.comparison), (&Total::Events { event: 0 }, Comparison::LessOrEqual));
    assert_eq!(invariant.on_breach, OnBreach::CloseIssue);
    #[rustfmt::skip]
    let events = [
        "on_account_opened Field(1) [inviter=member.referral Referral { of: 0 } None] [Member] [existing_customer bool?, invitee member]",
        "on_lesson_finished Field(1) [] [Member, Field(0)] [lesson string, member member, points int]",
        "on_guerdon_member_joined Field(0) [] [Member] [member member]",
        "on_guerdon_referral_invited Field(1) [invitee=data.invitee Field(0) None] [Member, Role(0)] [invitee member, inviter member]",
        "on_guerdon_referral_accepted Field(0) [inviter=data.inviter Field(1) None] [Member] [invitee member, inviter member]",
        "on_guerdon_reward_redeemed Field(0) [] [] [member member, reward string]",
    ];
    assert_eq!(race.events.iter().map(described).collect::<Vec<_>>(), events);
}

#[test]
fn the_stumbles_file() {
    let stumbles = parse(STUMBLES);
    assert_eq!(stumbles.kinds(), ["member", "branch"]);
    assert_eq!((stumbles.attributes[0].default.clone(), stumbles.calendar.cycles().len()), (Value::Int(0), 53));
    assert_eq!(stumbles.events[0].roles.iter().map(|r| (&*r.name, r.optional)).collect::<Vec<_>>(), [("inviter", false), ("branch", true)]);
}

/// Every key that there is.
#[test]
fn a_file_that_says_everything() {
    let wide = parse(WIDE);
    assert!(wide.order_independent && wide.calendar.has_cycles());
    let roles: Vec<_> = wide.events[0].roles.iter().map(|r| (&*r.name, &r.path, r.optional, r.wait_ms)).collect();
    assert_eq!(
        roles,
        [
            ("buyer", &RolePath::Field(2), false, None),
            ("leader", &RolePath::Attribute { of: 1, attribute: 3 }, true, None),
            ("above", &RolePath::Referral { of: 2 }, false, Some(129_600_000)),
        ]
    );
    assert_eq!(wide.events[0].member, MemberPath::Subject);
    assert_eq!(wide.events[0].once_per, [KeyPart::Role(0), KeyPart::Field(3), KeyPart::Period(Period::Day)]);
    assert_eq!(
        wide.close_roles.iter().map(|r| (&*r.name, &r.path)).collect::<Vec<_>>(),
        [("leader", &RolePath::Attribute { of: 0, attribute: 3 })]
    );
    let kinds: Vec<String> = wide.attributes.iter().map(|a| format!("{} {} {}", a.name, a.kind, a.default)).collect();
    assert_eq!(kinds, ["streak int 0", "rate decimal 1.25", "vip bool false", "leader member (missing)", "level string new"]);
    assert_eq!(
        wide.rewards.iter().map(|r| (r.pool.is_some(), r.low_stock, r.price.clone())).collect::<Vec<_>>(),
        [(true, Some(10), vec![]), (false, None, vec![(0, 150), (1, 5)]),]
    );
    assert_eq!(wide.accounts[1].worth, wide.accounts[0].worth);
    let caps = &wide.limits.accounts[0].1;
    let all = [caps.per_member, caps.per_member_per_cycle, caps.per_member_per_day, caps.per_cycle, caps.per_day, caps.total];
    assert_eq!((wide.limits.accounts[0].0, all), (1, [Some(1), Some(2), Some(3), Some(4), Some(5), Some(0)]));
    assert_eq!(
        format!("{:?} {:?} {:?}", wide.invariants[0].left, wide.invariants[0].comparison, wide.invariants[0].right),
        format!(
            "Subtract(Add(Multiply(Number(2), Referrals), Points {{ account: 1 }}), Number(1000)) Greater \
             Subtract(Number(0), Granted {{ reward: 0, function: Some({CLOSE_FUNCTION:?}) }})"
        )
    );
    assert_eq!(wide.invariants[0].on_breach, OnBreach::Fail);
}

#[test]
fn a_reward_that_nobody_gives_is_named() {
    let race = parse(RACE);
    assert!(file::unnamed_rewards(&race, &BTreeSet::from(["jd-20".to_owned()])).is_empty());
    let findings = file::unnamed_rewards(&race, &BTreeSet::new());
    assert_eq!(
        findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["error: campaign.toml:18:10: no rule names the reward \"jd-20\" and it has no price (grant it in a rule, or remove it)"]
    );
    // A reward with a price is redeemed, whether a rule names it or not.
    let named = BTreeSet::from(["jd-20".to_owned()]);
    assert!(file::unnamed_rewards(&parse(WIDE), &named).is_empty());
}

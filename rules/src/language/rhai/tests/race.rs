//! The learning race of the contract, decision by decision.

use super::{CYCLE, attribute, campaign, event, files, question, show};
use crate::campaign::Campaign;
use crate::language::explain::explain;
use crate::language::{Loaded, Question, Runtime};
use crate::value::{MemberId, Value};

pub const RULES: &str = r#"const DAILY_CAP = 100;

// A friend who opens an account: 20 points and a 20-yuan card for the one who invited them.
fn on_account_opened(event) {
    if event.data.existing_customer == true { refuse("existing customer"); }
    let inviter = event.roles.inviter;
    inviter.award("learning", 20);
    inviter.grant("jd-20");
}

// Studying: up to 100 points a day.
fn on_lesson_finished(event) {
    let left = DAILY_CAP - event.member.points("learning.lesson", "day");
    let earned = min(event.data.points, left);
    if earned < event.data.points { note(`daily cap: ${earned} of ${event.data.points} points`); }
    event.member.award("learning.lesson", earned);
}

// Tuesday 00:00: every full 1000 points earn five 20-yuan cards.
fn on_cycle_close(member, cycle) {
    member.grant("jd-20", 5 * (member.points("learning", "cycle") / 1000));
}
"#;

pub fn race() -> (Campaign, Loaded) {
    let opened = event("account.opened", &[("invitee", "member"), ("existing_customer", "bool?")], &["inviter"]);
    let lesson = event("lesson.finished", &[("member", "member"), ("lesson", "string"), ("points", "int")], &[]);
    let campaign = campaign(vec![opened, lesson], vec![attribute("streak", "int", Value::Int(0))]);
    let runtime = Runtime { evaluates_always: true, ..Runtime::default() };
    let loaded =
        super::super::load(&campaign, &files(&[("rules.rhai", RULES)]), &runtime).unwrap_or_else(|findings| panic!("{findings:?}"));
    assert_eq!(loaded.warnings, []);
    (campaign, loaded)
}

pub fn invitee() -> [Option<MemberId>; 2] {
    [Some(MemberId::new("invitee")), Some(MemberId::new("inviter"))]
}

#[test]
fn the_race_decides_as_the_contract_says() {
    let (campaign, loaded) = race();
    let decide = |handler, question: &Question<'_>| show(&campaign, &loaded.module.decide(handler, question));
    let members = invitee();
    let opened = |existing| [existing, Value::Text("invitee".into())];
    let lesson = [Value::Text("l1".into()), Value::Text("m".into()), Value::Int(30)];
    let table = [
        (
            decide(0, &question(&members, &opened(Value::Missing), &[])),
            "booked [rules.rhai:7 1 award learning 20; rules.rhai:8 1 grant jd-20 1]",
        ),
        (
            decide(0, &question(&members, &opened(Value::Bool(false)), &[])),
            "booked [rules.rhai:7 1 award learning 20; rules.rhai:8 1 grant jd-20 1]",
        ),
        (decide(0, &question(&members, &opened(Value::Bool(true)), &[])), "refused rules.rhai:5: existing customer"),
        (decide(1, &question(&members[..1], &lesson, &[Value::Int(0)])), "booked [rules.rhai:16 0 award learning.lesson 30]"),
        (
            decide(1, &question(&members[..1], &lesson, &[Value::Int(90)])),
            "booked [rules.rhai:15 0 note daily cap: 10 of 30 points; rules.rhai:16 0 award learning.lesson 10]",
        ),
        (
            decide(2, &Question { cycle: Some(&CYCLE), ..question(&members[..1], &[], &[Value::Int(2999)]) }),
            "booked [rules.rhai:21 0 grant jd-20 10]",
        ),
    ];
    for (found, expected) in table {
        assert_eq!(found, expected);
    }
}

#[test]
fn explain_lists_what_each_function_reads_and_asks_for() {
    let (campaign, loaded) = race();
    let expected = r#"on_account_opened answers event account.opened
    about: member, inviter (member.referral)
    reads nothing
    may award "learning" (line 7)
    may grant "jd-20" (line 8)
on_lesson_finished answers event lesson.finished
    about: member
    reads points("learning.lesson", "day")
    may award "learning.lesson" (line 16)
on_cycle_close answers the close of a cycle
    about: member
    reads points("learning", "cycle")
    may grant "jd-20" (line 21)
"#;
    assert_eq!(explain(&campaign, loaded.module.handlers()), expected);
}

//! A story that is written as a case file reads back as what it was: it is played, and comes out as it says.

use guerdon_rules::book::prepare::Releases;
use guerdon_rules::campaign::{ACCEPTED, INVITED, JOINED, REDEEMED};
use guerdon_rules::cases::write::{Act, Counts, Expect, ExpectedMember, Given, GivenMember, Step, Story, write};
use guerdon_rules::cases::{self, render::render};
use guerdon_rules::language::Files;
use guerdon_rules::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

mod support;
use support::table;

/// 2020-09-22T00:00+08:00.
const STARTS_MS: i64 = 1_600_704_000_000;
const HOUR_MS: i64 = 3_600_000;

fn event(hour: i64, kind: &str, data: &str) -> Step {
    Step::new(STARTS_MS + hour * HOUR_MS, Act::Event { kind: kind.into(), id: None, subject: None, data: data.into() })
}

fn with(mut step: Step, change: impl FnOnce(&mut Step)) -> Step {
    change(&mut step);
    step
}

fn named(list: &[(&str, i64)]) -> Vec<(String, i64)> {
    list.iter().map(|(name, count)| (name.to_string(), *count)).collect()
}

fn id(name: &'static str) -> impl Fn(&mut Step) {
    move |step| {
        if let Act::Event { id, .. } = &mut step.act {
            *id = Some(name.into());
        }
    }
}

fn then(outcome: &'static str) -> impl Fn(&mut Step) {
    move |step| step.then = Some(outcome.into())
}

/// Everything that a case can say of a story.
fn story() -> Story {
    Story {
        comment: vec!["Why it is here.".into(), String::new(), "And more.".into()],
        name: "a \"story\" with\nnearly everything".into(),
        seed: 7,
        given: Given {
            at_ms: Some(STARTS_MS),
            members: vec![GivenMember {
                id: "ann b".into(),
                counts: Counts { points: named(&[("coins", 100)]), grants: named(&[("badge", 1)]), ..Counts::default() },
                attributes: vec![("streak".into(), Value::Int(3))],
                earlier: vec![(
                    STARTS_MS + HOUR_MS,
                    Counts { points: named(&[("learning.lesson", 5)]), events: named(&[("coin", 2)]), referrals: 4, ..Counts::default() },
                )],
            }],
            referrals: vec![("bob".into(), "ann b".into())],
            stock: BTreeMap::from([("card".into(), 1)]),
        },
        steps: vec![
            event(10, "opened", r#"{"invitee": "bob", "old": null}"#),
            with(event(11, "opened", r#"{"invitee": "bob"}"#), then("duplicate: once per member")),
            with(event(11, "opened", r#"{"invitee": "cid", "colour": [1, {"a": 2.50}]}"#), then("quarantined: field colour")),
            event(12, ACCEPTED, r#"{"invitee": "cid", "inviter": "bob"}"#),
            event(12, INVITED, r#"{"invitee": "dan", "inviter": "bob"}"#),
            event(12, JOINED, r#"{"member": "学"}"#),
            event(12, REDEEMED, r#"{"member": "ann b", "reward": "badge"}"#),
            with(event(13, "coin", r#"{"m": "bob", "n": 2}"#), |step| (step.repeat, step.every_ms) = (3, 86_400_000)),
            with(event(70, "coin", r#"{"m": "bob", "n": 1}"#), id("x-1")),
            with(event(70, "coin", r#"{"m": "bob", "n": 9}"#), |step| {
                id("x-1")(step);
                then("conflict")(step);
            }),
            with(event(71, "daily", r#"{"m": "ann b"}"#), |step| step.at_ms += 1_001),
            Step::new(STARTS_MS + 7 * 24 * HOUR_MS + 2 * HOUR_MS, Act::Settle),
            Step::new(STARTS_MS + 8 * 24 * HOUR_MS, Act::Stock { pool: "card".into(), codes: 2 }),
        ],
        expect: Expect {
            members: vec![
                ExpectedMember {
                    id: "ann b".into(),
                    points: named(&[("coins", 7), ("learning", 25)]),
                    grants: named(&[("badge", 2), ("card", 1)]),
                    owed: Vec::new(),
                    attributes: vec![("streak".into(), Value::Int(4))],
                },
                ExpectedMember { id: "bob".into(), points: named(&[("coins", 7), ("learning.lesson", 7)]), ..ExpectedMember::default() },
            ],
            others_may: true,
        },
    }
}

#[test]
fn what_is_written_is_read_and_comes_out_as_it_says() {
    let release = table::odds("");
    let text = write(&story(), &release.campaign.calendar).unwrap();
    let files = Files::from([("cases/written.toml".to_string(), Arc::from(text.as_bytes()))]);
    let report = cases::run(&Releases::new(vec![Arc::new(release)]), &files);
    let failed: String = report.cases.iter().filter(|c| !c.passed).map(|c| render(c, 120)).collect();
    assert!(report.passed() && report.cases.len() == 1, "{text}\n{failed}\n{:?}", report.diagnostics);
}

#[test]
fn a_small_story_reads_well() {
    let release = table::odds("");
    let story = Story {
        comment: vec!["Found by the fuzzer.".into()],
        name: "one coin".into(),
        steps: vec![event(10, ACCEPTED, r#"{"invitee": "cid", "inviter": "bob"}"#), event(10, "coin", r#"{"n": 1, "m": "bob"}"#)],
        ..Story::default()
    };
    let expected = "\
# Found by the fuzzer.
[[case]]
name = \"one coin\"
steps = [
  { at = \"2020-09-22 10:00\", do = \"accept\", invitee = \"cid\", inviter = \"bob\" },
  { at = \"2020-09-22 10:00\", event = \"coin\", data = { m = \"bob\", n = 1 } },
]
";
    assert_eq!(write(&story, &release.campaign.calendar).unwrap(), expected);
}

#[test]
fn what_a_case_cannot_say_is_told() {
    let release = table::odds("");
    for (data, wanted) in [
        ("[1]", "data that is a JSON object"),
        ("{\"n\": 05}", "data that is a JSON object"),
        ("{\"n\": 9223372036854775808}", "does not fit into 64 bits"),
    ] {
        let story = Story { steps: vec![event(1, "coin", data)], ..Story::default() };
        let told = write(&story, &release.campaign.calendar).unwrap_err();
        assert!(told.contains(wanted), "{data}: {told}");
    }
}

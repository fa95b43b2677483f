//! Rules asked by hand, without wasm.

use crate::bindings::exports::guerdon::campaign::rules as wit;
use crate::{self as guerdon_sdk, *};

// Not `rules!` itself: its exports belong to the root of a crate of its own. The doc example uses it.
static FILES: &[&str] = &[file!()];
static RULES: &[Rule] = &[
    Rule {
        name: "on_lesson",
        event: Some("lesson.finished"),
        roles: &["inviter"],
        reads: &[
            ("event", __fact!(data "points")),
            ("member", __fact!(points "learning" "day")),
            ("inviter", __fact!(get "level")),
            ("event", "data code"),
        ],
        writes: &[("award", "learning"), ("set", "level")],
        run: || __answer(on_lesson),
    },
    Rule { name: "on_cycle_close", event: None, roles: &[], reads: &[], writes: &[("grant", "jd-20")], run: || __settle(on_cycle_close) },
];

fn on_lesson(event: Event) -> Outcome {
    let points = event.data("points").int();
    match event.data("code").or("").text().as_str() {
        "refuse" => return refuse("not today"),
        "negative" => event.member.award("learning", -1),
        "undeclared write" => event.member.award("gold", 1),
        "undeclared read" => event.member.award("learning", event.member.points("gold", "all")),
        "undeclared role" => event.role("manager").award("learning", 1),
        "wrong type" => event.member.award("learning", event.data("code").int()),
        "draw" => event.member.award("learning", draw(50) * 1_000_000 + draw(50) * 10_000 + draw(50)),
        "date" => event.member.award("learning", day("2026-11-11")),
        "no date" => event.member.award("learning", day("2026-02-30")),
        _ => {}
    }
    if let Some(inviter) = event.optional_role("inviter") {
        inviter.set("level", inviter.get("level").int() + 1);
    }
    event.member.award("learning", points - event.member.points("learning", "day"));
    Ok(())
}

fn on_cycle_close(member: Member, cycle: Cycle) {
    member.grant("jd-20", cycle.number);
}

fn ask(handler: u32, code: &str, draws: Vec<i64>) -> String {
    let member = |id: &str| Some(wit::Member { id: id.into(), kind: "member".into() });
    let decision = decide(
        RULES,
        FILES,
        wit::Question {
            handler,
            id: "e1".into(),
            at: wit::Moment { unix_ms: 0, day: 0, weekday: 4, hour: 0 },
            cycle: (handler == 1).then_some(wit::Cycle { number: 3, first_day: 0, last_day: 6, is_last: false }),
            members: vec![member("bob"), member("alice")],
            facts: vec![
                wit::Value::Integer(30),
                wit::Value::Integer(10),
                wit::Value::Integer(4),
                if code.is_empty() { wit::Value::Missing } else { wit::Value::Text(code.into()) },
            ],
            seed: 0,
            draws,
        },
    );
    match decision {
        wit::Decision::Booked(effects) => effects.iter().map(|e| format!("{}:{}", e.of, action(&e.action))).collect::<Vec<_>>().join(" "),
        wit::Decision::Refused(refusal) => format!("refused: {}", refusal.reason),
        wit::Decision::Failed(refusal) => format!("failed: {}", refusal.reason),
    }
}

fn action(action: &wit::Action) -> String {
    match action {
        wit::Action::Award(amount) => format!("award {} {}", amount.name, amount.count),
        wit::Action::Grant(amount) => format!("grant {} {}", amount.name, amount.count),
        wit::Action::Set(setting) => format!("set {} {:?}", setting.name, Value::from(&setting.value)),
        other => format!("{other:?}"),
    }
}

#[test]
fn what_a_rule_does_and_what_its_mistakes_say() {
    let rest = "1:set level Int(5) 0:award learning 20";
    for (handler, code, answer) in [
        (0, "", rest.to_string()),
        (0, "refuse", "refused: not today".into()),
        (0, "negative", "failed: award(\"learning\", -1): the number must not be negative".into()),
        (0, "undeclared write", "failed: add award(\"gold\") to the writes of on_lesson".into()),
        (0, "undeclared read", "failed: add member.points(\"gold\", \"all\") to the reads of on_lesson".into()),
        (0, "undeclared role", "failed: add manager to the roles of on_lesson".into()),
        (0, "wrong type", "failed: a whole number was expected, and it is \"wrong type\"".into()),
        (0, "draw", format!("0:award learning 45220002 {rest}")),
        (0, "date", format!("0:award learning 20768 {rest}")),
        (0, "no date", "failed: day(\"2026-02-30\"): write a date as 2026-11-11".into()),
        (1, "", "0:grant jd-20 3".into()),
        (2, "", "failed: the module has no such handler".into()),
    ] {
        assert_eq!(ask(handler, code, Vec::new()), answer, "{code}");
    }
}

#[test]
fn a_case_forces_the_first_draws_and_the_rest_go_on_counting() {
    assert_eq!(ask(0, "draw", vec![7]), "0:award learning 7220002 1:set level Int(5) 0:award learning 20");
}

#[test]
fn effects_carry_the_line_that_asked() {
    let member = Some(wit::Member { id: "bob".into(), kind: "member".into() });
    let question = wit::Question {
        handler: 1,
        id: String::new(),
        at: wit::Moment { unix_ms: 0, day: 0, weekday: 1, hour: 0 },
        cycle: None,
        members: vec![member],
        facts: Vec::new(),
        seed: 0,
        draws: Vec::new(),
    };
    let wit::Decision::Booked(effects) = guerdon_sdk::decide(RULES, FILES, question) else { panic!("it books") };
    let line = include_str!("tests.rs").lines().position(|line| line.contains("member.grant(\"jd-20\", cycle.number)"));
    assert_eq!(effects[0].at.line as usize, line.unwrap() + 1);
}

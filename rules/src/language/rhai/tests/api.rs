//! What rules may write and what comes of it: one line for each word of the API.

use super::{CYCLE, campaign, decide_with, event, load, question, show, stumbles};
use crate::fact::Fact;
use crate::language::Question;
use crate::value::{MemberId, Value};

/// Facts: 950 points, streak 4, no team, 3 of everything else.
fn answer(fact: Fact) -> Value {
    match fact {
        Fact::Points { .. } => Value::Int(950),
        Fact::Attribute { attribute: 0 } => Value::Int(4),
        Fact::Attribute { .. } => Value::Missing,
        _ => Value::Int(3),
    }
}

fn run(body: &str) -> String {
    let campaign = stumbles();
    let rules = format!(
        "const TABLE = #{{ a: [1, 2], b: 7 }};\nconst NAME = \"learning\";\nfn on_account_opened(event) {{\n{body}\nif false {{ event.member.grant(\"jd-20\"); }}\n}}\n"
    );
    match load(&campaign, &rules) {
        Err(findings) => findings[0].to_string(),
        Ok(loaded) => show(&campaign, &decide_with(&loaded, answer)),
    }
}

#[test]
fn each_word_does_what_it_says() {
    for (body, expected) in [
        ("note(event.type);", "note account.opened"),
        ("note(event.id);", "note event-1"),
        ("note(event.weekday);", "note tuesday"),
        ("note(`${event.day} ${event.hour}`);", "note 18527 8"),
        ("note(`${day(\"2020-09-22\") == event.day}`);", "note true"),
        ("note(event.member.id + event.member.kind);", "note invitee-7member"),
        ("note(`${event.member == event.roles.inviter}`);", "note false"),
        ("note(`${event.member == event.member}`);", "note true"),
        ("note(`${missing(event.roles.branch)} ${missing(event.data.gift)}`);", "note true true"),
        ("note(`${event.data.gift ?? 0}`);", "note 0"),
        ("note(`${event.data.amount} ${whole(event.data.amount)} ${whole(3)}`);", "note 41.5 41 3"),
        ("note(`${event.data.amount > 41} ${event.data.amount < 42} ${event.data.amount == 41.5}`);", "note true true true"),
        ("note(`${whole(event.data.amount * 5 / 100)}`);", "note 2"),
        ("note(`${min(3, 5)} ${max(3, 5)} ${max(3, 4.5)}`);", "note 3 5 4.5"),
        ("note(`${draw(50)} ${draw(50)} ${draw(50)}`);", "note 45 22 2"),
        ("note(`${event.member.points(NAME, \"all\")}`);", "note 950"),
        ("note(`${event.member.granted(\"jd-20\", \"week\")}`);", "note 3"),
        ("note(`${event.member.events(\"account.opened\", \"month\")}`);", "note 3"),
        ("note(`${event.member.referrals(\"cycle\")}`);", "note 3"),
        ("note(`${event.member.get(\"streak\")} ${missing(event.member.get(\"team\"))}`);", "note 4 true"),
        ("note(`${TABLE.b} ${TABLE.a[1]}`);", "note 7 2"),
        ("let 次数 = 2; note(`${次数}`);", "note 2"),
    ] {
        assert_eq!(run(body), format!("booked [rules.rhai:4 0 {expected}]"), "{body}");
    }
    for (body, expected) in [
        ("event.member.award(\"learning.lesson\", 5);", "0 award learning.lesson 5"),
        ("event.roles.inviter.deduct(NAME, 5);", "1 deduct learning 5"),
        ("event.roles.inviter.grant(\"jd-20\", 3);", "1 grant jd-20 3"),
        ("event.member.set(\"streak\", event.member.get(\"streak\") + 1);", "0 set streak 5"),
        ("event.member.set(\"team\", \"team-9\");", "0 set team team-9"),
        ("event.member.set(\"team\", ());", "0 set team (missing)"),
    ] {
        assert_eq!(run(body), format!("booked [rules.rhai:4 {expected}]"), "{body}");
    }
}

#[test]
fn wrong_values_fail_in_words() {
    for (body, expected) in [
        ("let n = 4.5; event.member.award(\"learning\", n);", "award takes a whole number, got 4.5: write whole(4.5)"),
        ("let n = \"5\"; event.member.award(\"learning\", n);", "award takes a whole number, got the text \"5\""),
        ("event.member.grant(\"jd-20\", event.data.gift * 1);", "error"),
        ("let g = event.data.gift; event.member.grant(\"jd-20\", g);", "grant takes a whole number, got nothing (it is missing)"),
        (
            "let b = event.roles.branch; b.grant(\"jd-20\");",
            "grant: nobody there (an optional role that is missing): test with missing(…) first",
        ),
        (
            "let b = event.roles.branch; let x = b.points(\"learning\", \"all\");",
            "points: nobody there (an optional role that is missing): test with missing(…) first",
        ),
        ("let v = \"x\"; event.member.set(\"streak\", v);", "attribute \"streak\" is int, set here to the text \"x\""),
        ("event.member.set(\"streak\", ());", "attribute \"streak\" is int, set here to nothing (it is missing)"),
        ("event.member.set(\"team\", event.roles.inviter);", "attribute \"team\" holds a team, inviter-1 is a member"),
        ("let x = day(\"11.11.2026\");", "day(\"11.11.2026\"): write it as \"2026-11-11\""),
        ("let x = event.member == \"invitee-7\";", "a member cannot be compared with the text \"invitee-7\": write x.id to compare ids"),
        (
            "let a = \"10\"; let x = a < \"9\";",
            "\"10\" and \"9\" are texts, and text is ordered letter by letter (\"10\" before \"9\"): declare the field as \"int\", or use day(…) for dates",
        ),
        ("let x = min(event.data.level, 5);", "min takes two numbers, got the text \"9\" and 5"),
        (
            "let g = event.data.gift; let x = g + 1;",
            "this does not exist for these values: `+` with nothing (it is missing) and a whole number",
        ),
        ("let g = event.data.gift; if g { note(\"x\"); }", "true or false is wanted here, got nothing (it is missing)"),
        ("refuse(5);", "refuse takes a text, got 5: write refuse(`…${x}…`)"),
    ] {
        let found = run(body);
        let expected = if expected == "error" { found.clone() } else { format!("failed rules.rhai:4: {expected}") };
        assert_eq!(found, expected, "{body}");
        assert!(!found.starts_with("booked"), "{body}");
    }
}

#[test]
fn a_refusal_drops_everything_and_forced_draws_come_first() {
    assert_eq!(run("event.member.award(\"learning\", 5);\nrefuse(`no ${event.hour}`);\nnote(\"after\");"), "refused rules.rhai:5: no 8");
    let campaign = campaign(vec![event("spin", &[], &[])], vec![]);
    let loaded = load(
        &campaign,
        "fn on_spin(event) { event.member.award(\"learning\", draw(50)); note(`${draw(50)}`); event.member.grant(\"jd-20\"); }",
    )
    .unwrap_or_else(|f| panic!("{f:?}"));
    let members = [Some(MemberId::new("m"))];
    let question = Question { forced_draws: &[7], ..question(&members, &[], &[]) };
    let shown = show(&campaign, &loaded.module.decide(0, &question));
    assert_eq!(shown, "booked [rules.rhai:1 0 award learning 7; rules.rhai:1 0 note 22; rules.rhai:1 0 grant jd-20 1]");
}

#[test]
fn a_close_knows_its_cycle_and_ranks() {
    let mut campaign = campaign(vec![], vec![]);
    campaign.close_roles = event("x", &[], &["team?"]).roles;
    let rules = "fn on_cycle_close(member, cycle) {\n  note(`${cycle.number} ${cycle.first_day} ${cycle.last_day} ${cycle.is_last} ${missing(cycle.roles.team)}`);\n  if member.rank(\"learning\") <= 10 { member.grant(\"jd-20\"); }\n}\n";
    let loaded = load(&campaign, rules).unwrap_or_else(|f| panic!("{f:?}"));
    let members = [Some(MemberId::new("m")), None];
    let decide = |rank| {
        show(
            &campaign,
            &loaded
                .module
                .decide(0, &Question { cycle: Some(&CYCLE), event: "", ..question(&members, &[], &[Value::Int(rank), Value::Missing]) }),
        )
    };
    assert_eq!(decide(10), "booked [rules.rhai:2 0 note 2 18527 18533 true true; rules.rhai:3 0 grant jd-20 1]");
    assert_eq!(decide(crate::fact::UNRANKED), "booked [rules.rhai:2 0 note 2 18527 18533 true true]");
}

#[test]
fn all_findings_are_reported_errors_first() {
    let campaign = stumbles();
    let rules = "fn on_account_opened(event) {\n  event.member.award(\"learning\", 1);\n  event.member.award(\"lerning\", 1.5);\n  event.nothing;\n}\nfn unused() { }\n";
    let found: Vec<String> = load(&campaign, rules).map(|_| ()).unwrap_err().iter().map(ToString::to_string).collect();
    let expected = [
        "error: rules.rhai:3:22: there is no account \"lerning\" (did you mean \"learning\"?)",
        "error: rules.rhai:3:33: `award` takes a whole number, got 1.5 (write whole(1.5))",
        "error: rules.rhai:4:9: an event has no `nothing` (it has type, id, day, weekday, hour, member, data, roles)",
        "error: campaign.toml: no rule names the reward \"jd-20\" and it has no price (remove it from campaign.toml, or grant it)",
        "warning: rules.rhai:6:4: nothing calls `unused`",
    ];
    assert_eq!(found, expected);
}

#[test]
fn an_event_without_rule_is_a_warning() {
    let campaign = campaign(vec![event("a.b", &[], &[]), event("c-d", &[], &[])], vec![]);
    let loaded = load(&campaign, "fn on_a_b(event) { event.member.grant(\"jd-20\"); }").unwrap_or_else(|f| panic!("{f:?}"));
    let found: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(found, ["warning: rules.rhai: event \"c-d\" has no rule: it will be booked and do nothing (write fn on_c_d(event) { … })"]);
}

/// The bounds on nesting leave room for what people write: twelve steps of `else if` within two conditions.
#[test]
fn ordinary_nesting_is_no_mistake() {
    let steps: String =
        (0..12).map(|n| format!("if event.hour == {n} {{ note(`${{min(max(event.hour * (2 + {n}), 1), 99)}}`); }} else ")).collect();
    let body = format!("if event.hour > 0 {{ for i in 0..1 {{ {steps} {{ note(\"none\"); }} }} }}");
    assert_eq!(run(&body), "booked [rules.rhai:4 0 note 80]");
}

/// rhai hands `event` its member back after each call on it; nothing else can be put there.
#[test]
fn who_takes_part_is_never_changed() {
    for body in [
        "let r = event.roles; r.inviter = event.member; r.inviter.award(\"learning\", 1);",
        "let e = event; e.member = event.roles.inviter; e.member.award(\"learning\", 1);",
        "event.roles.inviter = event.member;",
    ] {
        let found = run(body);
        assert!(found.starts_with("error: rules.rhai:4:"), "{body}: {found}");
    }
    assert_eq!(run("event.roles.inviter.award(\"learning\", 1);"), "booked [rules.rhai:4 1 award learning 1]");
}

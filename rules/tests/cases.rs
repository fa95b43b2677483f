//! The project's own campaigns keep what their cases promise, a changed rule fails them with its line, and a case file's
//! own mistakes are named with their place.

use guerdon_rules::book::prepare::Releases;
use guerdon_rules::cases::{self, Report, render::render, render::render_with};
use guerdon_rules::language::Files;
use guerdon_rules::names::Names;
use std::sync::Arc;

mod support;

const CAMPAIGNS: [&str; 2] = ["learning-race", "learning-race-5x20"];

fn run(files: &Files) -> Report {
    let release = support::release(1, i64::MIN, files, &mut Names::default());
    cases::run(&Releases::new(vec![Arc::new(release)]), files)
}

#[test]
fn every_campaign_keeps_its_cases() {
    for name in CAMPAIGNS {
        let report = run(&support::files(name));
        let failed: String = report.cases.iter().filter(|c| !c.passed).map(|c| render(c, 100)).collect();
        assert!(report.passed(), "{name}\n{failed}{:?}", report.diagnostics);
        assert!(report.cases.len() >= 25, "{name}: {}", report.cases.len());
    }
}

/// Mistakes that a product person could make in the rule file: at least one case fails, and says which line did it.
#[test]
fn every_mistake_in_the_rules_is_caught_by_a_case() {
    for (was, becomes) in [
        ("inviter.award(\"learning\", 20)", "inviter.award(\"learning\", 21)"),
        ("inviter.grant(\"jd-20\")", "inviter.grant(\"jd-20\", 2)"),
        ("== true { refuse", "== false { refuse"),
        ("DAILY_CAP = 100", "DAILY_CAP = 101"),
        ("\"learning.lesson\", \"day\"", "\"learning.lesson\", \"cycle\""),
        ("\"learning\", \"cycle\") / 1000", "\"learning\", \"all\") / 1000"),
        ("/ 1000", "/ 999"),
        ("on_cycle_close(member, cycle) {", "on_cycle_close(member, cycle) { if cycle.number == 1 { refuse(\"not the first\"); }"),
    ] {
        let mut files = support::files("learning-race");
        let rules = String::from_utf8(files["rules.rhai"].to_vec()).unwrap();
        assert!(rules.contains(was), "{was}");
        files.insert("rules.rhai".into(), rules.replace(was, becomes).as_bytes().into());
        let report = run(&files);
        assert!(report.failed() > 0, "{becomes}: no case fails");
    }
}

#[test]
fn a_failure_names_the_line_of_the_rule() {
    let mut files = support::files("learning-race");
    files.retain(|path, _| !path.starts_with("cases/"));
    let case = r#"[[case]]
name = "a card too few"
given.referrals = { bob = "alice" }
steps = [{ at = "2020-09-22 10:00", event = "account.opened", data = { invitee = "bob" } }]
expect.members.alice = { points = { learning = 21 }, grants = { jd-20 = 1 } }
"#;
    files.insert("cases/one.toml".into(), case.as_bytes().into());
    let report = run(&files);
    let shown = render_with(&report.cases[0], &files, 80);
    let expected = "\
a card too few
cases/one.toml:1

  line | what            | expected | actual
  -----+-----------------+----------+-------
     5 | alice: learning | 21       | 20
         rules.rhai:8: award learning 20 to alice (step 1)
           > inviter.award(\"learning\", 20);
";
    assert_eq!(shown, expected);
    assert!(serde_json::to_string(&report).unwrap().contains(r#""rule_lines":["rules.rhai:8"#));
}

/// A line of a case file, and what is said about it.
const MISTAKES: &[(&str, &str)] = &[
    ("nam = \"x\"", "2:1: unknown key `nam` (did you mean \"name\"?)"),
    ("steps = [{ at = \"2020-09-22 10:00\", do = \"setle\" }]", "a step is one event or one act"),
    ("steps = [{ at = \"2020-09-31 10:00\", do = \"settle\" }]", "is no time"),
    ("steps = [{ at = \"2020-09-22 10:00\", do = \"settle\", then = \"bokked\" }]", "\"bokked\" is no outcome (did you mean \"booked\"?)"),
    ("steps = [{ at = \"2020-09-22 10:00\", do = \"settle\", repeat = \"3\" }]", "`repeat` should be a whole number, is the text \"3\""),
    (
        "steps = [{ at = \"2020-09-22 10:00\", do = \"stock\", pool = \"jd-2\", codes = 1 }]",
        "there is no pool \"jd-2\" (did you mean \"jd-20\"?)",
    ),
    ("expect.members.alice.points = { learnin = 1 }", "2:33: there is no account \"learnin\" (did you mean \"learning\"?)"),
    ("expect.members.alice.grants = { jd-20 = { isued = 1 } }", "\"isued\" is no state of a grant (did you mean \"issued\"?)"),
    (
        "expect.members.alice.cycles = { \"2020-09-23\" = { learning = 1 } }",
        "no cycle begins on \"2020-09-23\" (cycles begin on 2020-09-22",
    ),
    ("given.members.alice.point = { learning = 1 }", "unknown key `point` (did you mean \"points\"?)"),
    ("given.members.alice.points = { learning = \"1\" }", "\"learning\" should be a whole number, is the text \"1\""),
    ("variants = [{ n = 1 }, 2]", "2:24: a variant should be a table, is the number 2"),
    ("expect.standing = { learning = \"alice\" }", "2:32: a standing should be a list, is the text \"alice\""),
    ("expect.standing = { learning = [\"alice\", 7] }", "2:42: a member should be a text, is the number 7"),
    ("expect.members.alice.cycles = { \"2020-09-22\" = 5 }", "2:48: \"2020-09-22\" should be a table, is the number 5"),
    ("expect.others = \"all\"", "`others` is \"any\" or is left out, not \"all\""),
];

#[test]
fn mistakes_in_a_case_file_are_named_with_their_place() {
    for (line, wanted) in MISTAKES {
        let mut files = support::files("learning-race");
        files.retain(|path, _| !path.starts_with("cases/"));
        let text = format!("[[case]]\n{line}\n{}", if line.starts_with("nam") { "" } else { "name = \"x\"\n" });
        files.insert("cases/wrong.toml".into(), text.as_bytes().into());
        let report = run(&files);
        let said: String = report.diagnostics.iter().map(|d| format!("{d}\n")).collect();
        assert!(said.contains(wanted) && said.contains("cases/wrong.toml:"), "{line}\n{said}");
    }
}

/// What is given, the step, and what alice has then; none: the case passes.
const GIVEN: &[(&str, &str, &str, Option<&str>)] = &[
    ("grants = { jd-20 = 2 }", "do = \"join\", member = \"alice\"", "grants = { jd-20 = 2 }", None),
    // What was given stays without being listed.
    ("grants = { jd-20 = 2 }", "do = \"join\", member = \"alice\"", "points = { learning = 0 }", None),
    ("grants = { jd-20 = 2 }", "event = \"account.opened\", data = { invitee = \"bob\" }", "grants = { jd-20 = 3 }", None),
    (
        "grants = { jd-20 = 2 }",
        "event = \"account.opened\", data = { invitee = \"bob\" }",
        "points = { learning = 20 }",
        Some("alice: jd-20 (not listed): 2 expected, 3"),
    ),
    // The limit per cycle counts what was given in it, and nothing of an earlier one.
    ("grants = { jd-20 = 100 }", "event = \"account.opened\", data = { invitee = \"bob\" }", "grants = { jd-20 = 100 }", None),
    (
        "earlier = { \"2020-09-28\" = { grants = { jd-20 = 100 } } }",
        "event = \"account.opened\", data = { invitee = \"bob\" }",
        "grants = { jd-20 = 101 }",
        None,
    ),
    // Owed cards are filled before new ones.
    (
        "grants = { jd-20 = { issued = 1, owed = 1 } }",
        "do = \"stock\", pool = \"jd-20\", codes = 5",
        "grants = { jd-20 = { issued = 2 } }",
        None,
    ),
    // What was studied today fills the cap, what was studied yesterday does not.
    (
        "points = { \"learning.lesson\" = 70 }",
        "event = \"lesson.finished\", data = { member = \"alice\", lesson = \"L\", points = 50 }",
        "points = { learning = 100 }",
        None,
    ),
    (
        "earlier = { \"2020-09-29\" = { points = { \"learning.lesson\" = 70 } } }",
        "event = \"lesson.finished\", data = { member = \"alice\", lesson = \"L\", points = 50 }",
        "points = { learning = 120 }",
        None,
    ),
    (
        "grants = { jd-20 = -1 }",
        "do = \"join\", member = \"alice\"",
        "points = { learning = 0 }",
        Some("given: can be given expected, of a reward 0 to 100000 units can be given"),
    ),
];

#[test]
fn what_members_have_already_is_given() {
    for (given, step, expect, wanted) in GIVEN {
        let mut files = support::files("learning-race");
        files.retain(|path, _| !path.starts_with("cases/"));
        let text = format!(
            "[[case]]\nname = \"given\"\ngiven.referrals = {{ bob = \"alice\" }}\ngiven.members.alice = {{ {given} }}\n\
             steps = [{{ at = \"2020-09-30 10:00\", {step} }}]\nexpect.members.alice = {{ {expect} }}\n"
        );
        files.insert("cases/given.toml".into(), text.as_bytes().into());
        let report = run(&files);
        assert!(report.diagnostics.is_empty(), "{text}{:?}", report.diagnostics);
        let failure = report.cases[0].failures.first().map(|f| format!("{}: {} expected, {}", f.what, f.expected, f.actual));
        assert_eq!(failure.as_deref(), *wanted, "{text}");
    }
}

#[test]
fn what_a_rule_counts_can_be_given() {
    let mut files = support::files("learning-race");
    files.retain(|path, _| !path.starts_with("cases/"));
    let rules = "fn on_lesson_finished(event) {\n  let m = event.member;\n  let before = 100 * m.events(\"lesson.finished\", \"day\") + 10 * m.events(\"lesson.finished\", \"all\") + m.referrals(\"all\");\n  m.award(\"learning.lesson\", before);\n  m.grant(\"jd-20\", 0);\n  m.grant(\"jd-100\", 0);\n}\nfn on_account_opened(event) { }\n";
    files.insert("rules.rhai".into(), rules.as_bytes().into());
    let case = "[[case]]\nname = \"counted\"\n\
        given.members.alice = { events = { \"lesson.finished\" = 2 }, referrals = 4, earlier = { \"2020-09-23\" = { events = { \"lesson.finished\" = 1 }, referrals = 1 } } }\n\
        steps = [{ at = \"2020-09-30 10:00\", event = \"lesson.finished\", data = { member = \"alice\", lesson = \"L\", points = 1 } }]\n\
        expect.members.alice.points = { learning = 235 }\n";
    files.insert("cases/counted.toml".into(), case.as_bytes().into());
    let report = run(&files);
    assert!(report.passed(), "{report:?}");
}

//! What `check` and `test` write for CI, read back by other programs' parsers; and that a command without such a format
//! says which it has.

use junit_parser::{TestStatus, TestSuites};
use serde_json::Value;
use support::{Bench, CASES, RULES};

mod support;

const WRONG: &str = "fn on_lesson_finished(event) {\n    event.member.award(\"lerning\", 1);\n    event.member.grant(\"card\");\n}\n";
/// A warning: it reads what it has changed.
const LATE: &str = "fn on_lesson_finished(event) {\n    event.member.award(\"learning\", 1);\n    if event.member.points(\"learning\", \"all\") >= 10 { event.member.grant(\"card\"); }\n}\n";

/// `campaigns/race` with errors, `campaigns/late` with a warning.
fn wrong() -> Bench {
    let bench = Bench::new(WRONG);
    bench.write("campaigns/late/campaign.toml", support::MANIFEST);
    bench.write("campaigns/late/rules.rhai", LATE);
    bench
}

fn junit(xml: &str) -> TestSuites {
    junit_parser::from_reader(xml.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{xml}"))
}

#[test]
fn check_writes_annotations_for_github() {
    let (code, shown, _) = wrong().run(&["check", "./campaigns/late/", "campaigns/race", "--format", "github"]);
    let expected = "\
::warning file=campaigns/late/rules.rhai,line=3,endLine=3,col=21,endColumn=26,title=guerdon check::\"learning\" is read after line 2 changed it%0Aa rule sees the books as they stood before the event; add what you awarded yourself
./campaigns/late/: ok, 0 errors, 1 warnings
::error file=campaigns/race/rules.rhai,line=2,endLine=2,col=24,endColumn=32,title=guerdon check::there is no account \"lerning\"%0Adid you mean \"learning\"?
campaigns/race: failed, 1 errors, 0 warnings
";
    assert_eq!((code, shown.as_str()), (1, expected));
}

#[test]
fn check_writes_sarif_that_keeps_its_schema() {
    let (code, shown, _) = wrong().run(&["check", "campaigns/late", "campaigns/race", "--format", "sarif"]);
    let log: Value = serde_json::from_str(&shown).unwrap();
    let schema: Value = serde_json::from_str(include_str!("sarif-2.1.0.schema.json")).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let wrong: Vec<String> = schema.iter_errors(&log).map(|error| format!("{error} at {}", error.instance_path)).collect();
    assert!(code == 1 && wrong.is_empty(), "{code} {wrong:?}");
    let results = log["runs"][0]["results"].as_array().unwrap();
    let told: Vec<_> = results.iter().map(|r| (r["ruleId"].as_str().unwrap(), r["level"].as_str().unwrap())).collect();
    assert_eq!(told, [("rule-file", "warning"), ("rule-file", "error")]);
    let place = &results[1]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "campaigns/race/rules.rhai");
    assert_eq!(
        (&place["region"]["startLine"], &place["region"]["startColumn"], &place["region"]["endColumn"]),
        (&2.into(), &24.into(), &33.into())
    );
    assert_eq!(results[1]["message"]["text"], "there is no account \"lerning\"\ndid you mean \"learning\"?");

    // Nothing found is a log as well, and a folder's name may hold anything.
    let good = Bench::new(RULES);
    std::fs::rename(good.folder.path().join("campaigns"), good.folder.path().join("活动 1%")).unwrap();
    let (code, shown, _) = good.run(&["check", "活动 1%/race", "--format", "sarif"]);
    let log: Value = serde_json::from_str(&shown).unwrap();
    assert!(code == 0 && schema.is_valid(&log) && log["runs"][0]["results"] == serde_json::json!([]), "{shown}");
    good.write("活动 1%/race/rules.rhai", WRONG);
    let (_, shown, _) = good.run(&["check", "活动 1%/race", "--format", "sarif"]);
    assert!(shown.contains("\"%E6%B4%BB%E5%8A%A8%201%25/race/rules.rhai\""), "{shown}");
}

#[test]
fn check_writes_junit_with_a_case_for_each_file() {
    let (code, shown, _) = wrong().run(&["check", "campaigns/late", "campaigns/race", "--format", "junit"]);
    let report = junit(&shown);
    assert_eq!((code, report.tests, report.failures), (1, 4, 1), "{shown}");
    let [late, race] = &report.suites[..] else { panic!("{shown}") };
    let case = |suite: usize, name: &str| report.suites[suite].cases.iter().find(|case| case.original_name == name).unwrap();
    assert_eq!((late.name.as_str(), race.name.as_str()), ("campaigns/late", "campaigns/race"));
    assert!(case(0, "rules.rhai").system_out.as_ref().unwrap().contains("warning: rules.rhai:3:21"), "{shown}");
    assert!(case(1, "campaign.toml").status.is_success());
    let wrong = case(1, "rules.rhai");
    assert_eq!((wrong.file.as_deref(), wrong.line), (Some("campaigns/race/rules.rhai"), Some(2)));
    let TestStatus::Failure(failure) = &wrong.status else { panic!("{shown}") };
    assert_eq!(failure.message, "there is no account \"lerning\"");
    assert!(failure.text.contains("error: rules.rhai:2:24"), "{:?}", failure.text);
}

#[test]
fn test_writes_junit_with_expected_and_actual_and_the_coverage() {
    let bench = Bench::new(RULES);
    bench.write("campaigns/race/cases/lessons.toml", CASES);
    bench.write(
        "campaigns/race/cases/wrong.toml",
        &CASES.replace("learning = 5", "learning = 6").replace("a lesson", "6 < 7 & \\\"a\\\": a lesson"),
    );
    bench.write("campaigns/race/cases/broken.toml", "[[case]]\nname = 1\n");
    let (code, shown, told) = bench.run(&["test", "campaigns", "--threshold", "60", "--format", "junit"]);
    let report = junit(&shown);
    assert_eq!((code, report.suites.len(), report.tests, report.failures, report.errors), (1, 1, 4, 2, 1), "{shown}");
    assert_eq!(told, "guerdon: campaigns/race: the cases reach 50.0 %, and 60 % are wanted\n");
    let suite = &report.suites[0];
    let case = |name: &str| suite.cases.iter().find(|case| case.original_name == name).unwrap_or_else(|| panic!("{name} in {shown}"));
    assert!(case("a lesson counts").status.is_success());
    let failed = case("6 < 7 & \"a\": a lesson counts");
    let TestStatus::Failure(failure) = &failed.status else { panic!("{shown}") };
    assert_eq!((failed.file.as_deref(), failed.line), (Some("campaigns/race/cases/wrong.toml"), Some(2)));
    assert_eq!(failure.message, "alice: learning: expected 6, actual 5");
    assert!(failure.text.contains("rules.rhai:2: award learning 5 to alice"), "{}", failure.text);
    assert!(case("cases/broken.toml").status.is_error());
    let TestStatus::Failure(failure) = &case("the cases reach 60 % of the rules").status else { panic!("{shown}") };
    assert_eq!(failure.message, "the cases reach 50.0 %, and 60 % are wanted");
    assert_eq!(suite.properties.hashmap.get("coverage.percent").map(String::as_str), Some("50.0"));
    assert_eq!(suite.properties.hashmap.get("coverage.branches").map(String::as_str), Some("1 of 2"));
    assert!(suite.system_out.as_ref().unwrap().contains("`if` was never true"), "{shown}");
}

#[test]
fn a_format_that_a_command_does_not_have_is_refused_with_those_it_has() {
    let bench = Bench::new(RULES);
    let table: [(&[&str], &str); 5] = [
        (&["test", "campaigns", "--format", "sarif"], "this command has no --format sarif, only pretty, json, junit"),
        (&["fuzz", "campaigns/race", "--format", "junit"], "this command has no --format junit, only pretty, json"),
        (&["new", "other", "--format", "github"], "this command has no --format github, only pretty, json"),
        (&["completions", "bash", "--format", "json"], "this command has no --format json, only pretty"),
        (&["check", "campaigns/race", "--format", "xml"], "[possible values: pretty, json, github, sarif, junit]"),
    ];
    for (arguments, part) in table {
        let (code, shown, told) = bench.run(arguments);
        assert!(code == 2 && shown.is_empty() && told.contains(part), "{arguments:?}: {code} {shown}{told}");
    }
    assert!(!bench.folder.path().join("other").exists());
}

//! The program as operators and QA run it: what it prints, and its exit codes.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use support::{Bench, CASES, MANIFEST, RULES};

mod support;

#[test]
fn check_shows_the_line_that_is_wrong() {
    let bench =
        Bench::new("fn on_lesson_finished(event) {\n    event.member.award(\"lerning\", 1);\n    event.member.grant(\"card\");\n}\n");
    let (code, shown, _) = bench.run(&["check", "campaigns/race"]);
    assert_eq!(code, 1, "{shown}");
    assert!(shown.contains("lerning") && shown.contains("rules.rhai:2:") && shown.contains("learning"), "{shown}");
    let (_, json, _) = bench.run(&["check", "campaigns/race", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json[0]["ok"], &json[0]["diagnostics"][0]["at"]["line"]), (&false.into(), &2.into()), "{json}");
    assert_eq!(bench.code(&["check", "nowhere"]), 2);
    assert_eq!(bench.code(&["chck"]), 2);
    let good = Bench::new(RULES);
    let (code, explained, _) = good.run(&["check", "campaigns/race", "--explain"]);
    assert!(code == 0 && explained.contains("may award \"learning\""), "{explained}");
}

#[test]
fn test_plays_the_cases() {
    let bench = Bench::new(RULES);
    bench.write("campaigns/race/cases/lessons.toml", CASES);
    let (code, shown, _) = bench.run(&["test", "campaigns/race"]);
    assert!(code == 0 && shown.contains("1 cases passed"), "{shown}");
    bench.write("campaigns/race/cases/lessons.toml", &CASES.replace("learning = 5", "learning = 6"));
    assert_eq!(bench.code(&["test", "campaigns/race"]), 1);
}

#[test]
fn test_marks_what_no_case_reached() {
    let bench = Bench::new(RULES);
    bench.write("campaigns/race/cases/lessons.toml", CASES);
    let (code, shown, _) = bench.run(&["test", "campaigns/race", "--coverage"]);
    let expected = r#"campaigns/race: 1 cases passed, 0 failed
campaigns/race/rules.rhai: reached 1 of 2 lines (50.0 %), 1 of 2 branches (50.0 %)

          |   1 | fn on_lesson_finished(event) {
        1 |   2 |     event.member.award("learning", event.data.points);
  in part |   3 |     if event.data.points == 1000 { event.member.grant("card"); }
          |     |     ^ `if` was never true
          |   4 | }
"#;
    assert_eq!((code, &*shown), (0, expected));
    let (code, _, told) = bench.run(&["test", "campaigns/race", "--threshold", "51"]);
    assert_eq!((code, &*told), (1, "guerdon: campaigns/race: the cases reach 50.0 %, and 51 % are wanted\n"));
    assert_eq!(bench.code(&["test", "campaigns/race", "--threshold", "50", "--lcov", "coverage.info"]), 0);
    let lcov = std::fs::read_to_string(bench.folder.path().join("coverage.info")).unwrap();
    let records = "SF:campaigns/race/rules.rhai\nDA:2,1\nDA:3,0\nLF:2\nLH:1\nBRDA:3,0,0,0\nBRDA:3,0,1,1\nBRF:2\nBRH:1\nend_of_record\n";
    assert_eq!(lcov, records);
    let (_, json, _) = bench.run(&["test", "campaigns/race", "--coverage", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json[0]["coverage"]["basis_points"], &json[0]["coverage"]["functions"][0]["calls"]), (&5000.into(), &1.into()), "{json}");
}

#[test]
fn test_goes_through_a_folder_of_campaigns() {
    let bench = Bench::new(RULES);
    bench.write("campaigns/race/cases/lessons.toml", CASES);
    bench.write("campaigns/second/campaign.toml", MANIFEST);
    bench.write("campaigns/second/rules.rhai", RULES);
    bench.write("campaigns/second/cases/lessons.toml", &CASES.replace("learning = 5", "learning = 6"));
    let (code, shown, _) = bench.run(&["test", "campaigns"]);
    assert!(code == 1 && shown.ends_with("in all: 1 cases passed, 1 failed, in 2 campaigns\n"), "{shown}");
}

#[test]
fn test_watches_the_folder() {
    let bench = Bench::new(RULES);
    bench.write("campaigns/race/cases/lessons.toml", CASES);
    let mut watching = bench.command(&["test", "campaigns/race", "--watch"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut until = |wanted: &str| assert!(lines.any(|line| line.unwrap().contains(wanted)), "{wanted} never came");
    until("1 cases passed, 0 failed");
    bench.write("campaigns/race/cases/lessons.toml", &CASES.replace("learning = 5", "learning = 6"));
    until("0 cases passed, 1 failed");
    bench.write("campaigns/race/rules.rhai", "fn on_lesson_finished(event) { ");
    until("1 findings in files");
    bench.write("campaigns/race/rules.rhai", &RULES.replace("event.data.points)", "event.data.points + 1)"));
    until("1 cases passed, 0 failed");
    let interrupted = Command::new("kill").args(["-INT", &watching.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(watching.wait().unwrap().code(), Some(130));
}

/// What it writes itself into the folder is no reason to play the cases again.
#[test]
fn test_watches_the_folder_that_it_writes_to() {
    let bench = Bench::new(RULES);
    bench.write("campaigns/race/cases/lessons.toml", CASES);
    let arguments = ["test", "campaigns/race", "--watch", "--lcov", "campaigns/race/coverage.info"];
    let mut watching = bench.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut rounds = lines.map(|line| line.unwrap()).filter(|line| line.contains("cases passed"));
    assert_eq!(rounds.next().as_deref(), Some("campaigns/race: 1 cases passed, 0 failed"));
    // A burst is told once nothing changed for a while: were the coverage one, it would come before this.
    std::thread::sleep(Duration::from_secs(1));
    bench.write("campaigns/race/cases/lessons.toml", &CASES.replace("learning = 5", "learning = 6"));
    assert_eq!(rounds.next().as_deref(), Some("campaigns/race: 0 cases passed, 1 failed"));
    assert!(Command::new("kill").args(["-INT", &watching.id().to_string()]).status().unwrap().success());
    assert_eq!((watching.wait().unwrap().code(), rounds.next()), (Some(130), None));
}

#[test]
fn simulate_tells_what_events_come_to() {
    let bench = Bench::new(RULES);
    let event = r#"{"specversion":"1.0","source":"s","id":"1","type":"lesson.finished","time":"2020-09-23T10:00:00+08:00","data":{"member":"a","lesson":"1","points":5}}"#;
    bench.write("events.ndjson", &format!("{event}\n\n{event}\n"));
    let (code, json, _) = bench.run(&["simulate", "campaigns/race", "--events", "events.ndjson", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["deliveries"], &json["repeated"], &json["accounts"][0]["points"]), (0, &2.into(), &1.into(), &5.into()));
    bench.write("events.ndjson", &format!("{event}\n{{\n"));
    let (code, _, told) = bench.run(&["simulate", "campaigns/race", "--events", "events.ndjson"]);
    assert!(code == 2 && told.contains("line 2"), "{told}");
}

/// The campaign's amounts may be below zero, and then the rule fails.
#[test]
fn fuzz_writes_a_case_that_fails_and_finds_nothing_once_it_is_put_right() {
    let bench = Bench::new(RULES);
    let fuzz = ["fuzz", "campaigns/race", "--runs", "500", "--seed", "3", "--out", "campaigns/race/cases"];
    let (code, shown, _) = bench.run(&fuzz);
    assert!(code == 1 && shown.contains("the rule fails on an event that keeps its contract") && shown.contains("seed 3: "), "{shown}");
    assert!(shown.contains("written to campaigns/race/cases/fuzz-failure-1.toml"), "{shown}");
    let (code, shown, _) = bench.run(&["test", "campaigns/race"]);
    assert!(code == 1 && shown.contains(": 0 cases passed"), "{shown}");
    bench.write("campaigns/race/campaign.toml", &MANIFEST.replace("points = \"int\"", "points = \"int from 0 to 1000\""));
    let (code, json, _) = bench.run(&["fuzz", "campaigns/race", "--runs", "500", "--seed", "3", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["histories"], &json["findings"]), (0, &500.into(), &serde_json::json!([])), "{json}");
    assert_eq!(bench.code(&["fuzz", "campaigns/race", "--time", "1 day"]), 2);
}

#[test]
fn diff_tells_who_gains_and_ends_with_3() {
    let bench = Bench::new(RULES);
    bench.write("other/campaign.toml", MANIFEST);
    bench.write("other/rules.rhai", &RULES.replace("event.data.points)", "2 * event.data.points)"));
    let event = r#"{"specversion":"1.0","source":"s","id":"1","type":"lesson.finished","time":"2020-09-23T10:00:00+08:00","data":{"member":"a","lesson":"1","points":5}}"#;
    bench.write("events.ndjson", event);
    let (code, shown, _) = bench.run(&["diff", "campaigns/race", "campaigns/race", "--events", "events.ndjson"]);
    assert_eq!((code, shown.as_str()), (0, "1 deliveries, 1 members: no difference\n"));
    let (code, shown, _) = bench.run(&["diff", "campaigns/race", "other", "--events", "events.ndjson"]);
    assert!(code == 3 && shown.contains("5 -> 10") && shown.contains("1 gain, 0 lose") && shown.contains("rules.rhai:2: award"), "{shown}");
    let (code, json, _) = bench.run(&["diff", "campaigns/race", "other", "--events", "events.ndjson", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &json["differ"], &json["members"]["gain"]["largest"][0]["member"]), (3, &true.into(), &"a".into()));
    assert_eq!((&json["examples"][0]["event"]["id"], &json["examples"][0]["new"]["effects"][0]["count"]), (&"1".into(), &10.into()));
    bench.write("other/rules.rhai", "fn on_lesson_finished(event) { event.member.awrad(1); }");
    assert_eq!(bench.code(&["diff", "campaigns/race", "other", "--events", "events.ndjson"]), 1);
    assert_eq!(bench.code(&["diff", "campaigns/race", "nowhere", "--events", "events.ndjson"]), 2);
}

/// The learning race's change of September 2020, as QA's page shows it.
#[test]
fn diff_shows_that_one_hundred_is_five_times_twenty() {
    let bench = Bench::new(RULES);
    let folder = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("../campaigns").join(name).display().to_string();
    assert_eq!(bench.code(&["demo", "--events", "recorded.ndjson"]), 0);
    let (code, shown, _) = bench.run(&["diff", &folder("learning-race"), &folder("learning-race-5x20"), "--events", "recorded.ndjson"]);
    println!("{shown}");
    assert_eq!(code, 3);
    for part in ["The cost is the same: 17720.00 CNY.", "30 fewer", "150 more", "0 gain, 0 lose, 29 get the same value"] {
        assert!(shown.contains(part), "{part}");
    }
}

const POPULATION: &str = r#"
members = 50

[segments.all]
weight = 1

[[segments.all.does]]
event = "lesson.finished"
per_day = 0.5
data.lesson = { text = "L{n}", from = 1, to = 100 }
data.points = { one_of = [10, 1000], weights = [20, 1] }
"#;

#[test]
fn simulate_forecasts_a_population_and_writes_a_page() {
    let bench = Bench::new(RULES);
    bench.write("population.toml", POPULATION);
    let many = ["simulate", "campaigns/race", "--population", "population.toml", "--runs", "4", "--stock", "cards=3"];
    let (code, shown, _) = bench.run(&many);
    assert!(
        code == 0 && shown.contains("4 runs, seeds 1 to 4") && shown.contains("rules.rhai:3") && shown.contains("in 4 of 4 runs"),
        "{shown}"
    );
    let (code, json, told) = bench.run(&[&many[..], &["--report", "page.html", "--format", "json"]].concat());
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(code == 0 && told.contains("report written to page.html"), "{told}");
    let cost = json["cost_minor"]["p50"].as_i64().unwrap();
    assert_eq!((json["middle"]["cost_minor"].as_i64(), json["seeds"].as_array().unwrap().len()), (Some(cost), 4));

    let page = std::fs::read_to_string(bench.folder.path().join("page.html")).unwrap();
    let figure = format!("{}.00 CNY", cost / 100);
    let grouped = if figure.len() > 10 { format!("{},{}", &figure[..figure.len() - 10], &figure[figure.len() - 10..]) } else { figure };
    for part in [&*grouped, "总费用", "Cost over time", "rules.rhai:3", "<svg", "cards", "4 次中有 4 次"] {
        assert!(page.contains(part), "{part} is not on the page");
    }
    // It loads nothing.
    for part in ["http", "src=", "url(", "<script", "@import", "<link"] {
        assert!(!page.contains(part), "{part} is on the page");
    }
}

#[test]
fn a_population_can_be_recorded_compared_and_is_checked() {
    let bench = Bench::new(RULES);
    bench.write("population.toml", POPULATION);
    let population = ["--population", "population.toml", "--seed", "9"];
    let forecast = bench.run(&[&["simulate", "campaigns/race", "--format", "json"], &population[..]].concat());
    let forecast: serde_json::Value = serde_json::from_str(&forecast.1).unwrap();
    assert_eq!(bench.code(&[&["simulate", "campaigns/race", "--record", "events.ndjson"], &population[..]].concat()), 0);
    let report = bench.run(&["simulate", "campaigns/race", "--events", "events.ndjson", "--seed", "9", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&report.1).unwrap();
    assert_eq!(forecast["middle"], report);
    assert_eq!(bench.code(&[&["diff", "campaigns/race", "campaigns/race"], &population[..]].concat()), 0);
    bench.write("other/campaign.toml", MANIFEST);
    bench.write("other/rules.rhai", &RULES.replace("event.data.points)", "1)"));
    assert_eq!(bench.code(&[&["diff", "campaigns/race", "other"], &population[..]].concat()), 3);

    bench.write("population.toml", &POPULATION.replace("per_day", "per_dya"));
    let (code, _, told) = bench.run(&[&["simulate", "campaigns/race"], &population[..]].concat());
    assert!(code == 1 && told.contains("per_dya") && told.contains("population.toml:9:1") && told.contains("did you mean"), "{told}");
    assert_eq!(bench.code(&["simulate", "campaigns/race"]), 2);
    assert_eq!(bench.code(&["simulate", "campaigns/race", "--events", "events.ndjson", "--population", "population.toml"]), 2);
    assert_eq!(bench.code(&["simulate", "campaigns/race", "--population", "nowhere.toml"]), 2);
}

#[test]
fn the_database_is_worked_on_directly() {
    let bench = Bench::new(RULES);
    assert_eq!(bench.code(&["migrate", "--check"]), 3);
    assert_eq!([bench.code(&["migrate"]), bench.code(&["migrate", "--check"])], [0, 0]);
    bench.write("codes.csv", "code\nSECRET-1\nSECRET-2\nSECRET-1\n\n");
    let (code, shown, told) = bench.run(&["codes", "import", "cards", "codes.csv"]);
    assert!(code == 0 && shown.contains("2 accepted, 1 duplicate, 0 malformed"), "{shown}");
    assert!(!shown.contains("SECRET") && !told.contains("SECRET"));
    bench.write("more.csv", "code,until\n,2021\nSECRET-3,2021\n");
    let (code, shown, _) = bench.run(&["codes", "import", "cards", "more.csv"]);
    assert!(code == 1 && shown.contains("1 accepted") && shown.contains("line 2"), "{shown}");
    assert_eq!(bench.code(&["codes", "import", "cards", "nowhere.csv"]), 2);
    let (_, status, _) = bench.run(&["codes", "status", "--format", "json"]);
    assert!(status.contains("\"available\": 3"), "{status}");
    assert_eq!(bench.code(&["audit", "nowhere"]), 2);
    assert_eq!(bench.code(&["audit", "race", "--database", "postgres://nobody@127.0.0.1:1/none"]), 4);
}

#[test]
fn serve_loads_campaigns_and_stops_in_good_order() {
    let bench = Bench::new(RULES);
    // Each of these is a trouble of its own: no manifest, a file that cannot be read, a change that others have to approve.
    bench.write("campaigns/broken/campaign.toml", "id = 7\n");
    bench.write("campaigns/large/campaign.toml", &MANIFEST.replace("id = \"race\"", "id = \"large\""));
    std::fs::File::create(bench.folder.path().join("campaigns/large/rules.rhai")).unwrap().set_len(65 << 20).unwrap();
    bench.write("campaigns/race/campaign.toml", &format!("{MANIFEST}\n[releases]\napprovals = 1\n"));
    bench.write("campaigns/race-changed/campaign.toml", &format!("{MANIFEST}\n[releases]\napprovals = 1\n"));
    bench.write("campaigns/race-changed/rules.rhai", &RULES.replace("1000", "2000"));
    bench.write("campaigns/zebra/campaign.toml", &MANIFEST.replace("id = \"race\"", "id = \"zebra\""));
    bench.write("campaigns/zebra/rules.rhai", RULES);
    bench.write("guerdon.toml", "listen = \"127.0.0.1:0\"\ncampaigns = \"campaigns\"\n[log]\nfilter = \"error\"\n");
    assert_eq!(bench.code(&["serve"]), 2, "no keys");
    let (code, said, _) = bench.run(&["serve", "--insecure-local", "--listen", "0.0.0.0:0"]);
    assert_eq!((code, &*said), (2, ""));
    let mut serving = bench.command(&["serve", "--insecure-local"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(serving.stdout.take().unwrap()).read_line(&mut said).unwrap();
    assert!(said.contains("on http://127.0.0.1:"), "{said}");
    // On the same database, while it serves.
    let (code, shown, told) = bench.run(&["audit", "race"]);
    assert!(code == 0 && shown.contains("everything agrees"), "{shown}{told}");
    assert_eq!(bench.code(&["audit", "zebra"]), 0, "what is in order is served");
    assert_eq!(bench.code(&["switch", "race", "issue", "close", "--why", "a look", "--by", "ops"]), 0);
    assert_eq!(bench.code(&["switch", "race", "isue", "close", "--why", "a look", "--by", "ops"]), 2);
    assert_eq!(bench.code(&["settle", "race", "1", "--dry-run"]), 0);
    let stopped = Command::new("kill").args(["-TERM", &serving.id().to_string()]).status().unwrap();
    assert!(stopped.success() && serving.wait().unwrap().success());
}

#[test]
fn the_configuration_is_told_without_its_secrets() {
    let bench = Bench::new(RULES);
    bench.write("guerdon.toml", "[[keys]]\nname = \"app\"\nkey = \"0123456789abcdef\"\n[codes]\nkey = \"0f0f0f\"\n");
    let mut command = bench.command(&["serve", "--print-config", "--data", "here"]);
    let output = command.env("GUERDON_DATABASE__URL", "postgres://u:hidden@h/d").env("GUERDON_LANES__QUEUE_EVENTS", "77").output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("queue_events = 77  # environment") && shown.contains("postgres://h/d"), "{shown}");
    assert!(["0123456789abcdef", "hidden", "0f0f0f"].iter().all(|secret| !shown.contains(secret)), "{shown}");
    // A secret in the wrong place.
    bench.write("guerdon.toml", "");
    let output = bench.command(&["serve", "--print-config"]).env("GUERDON_DATABASE", "postgres://u:hidden@h/d").output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.to_lowercase().contains("database") && told.contains("environment") && !told.contains("hidden"), "{told}");
    bench.write("guerdon.toml", "[lanes]\nqueue_event = 7\n");
    let (code, _, told) = bench.run(&["serve", "--print-config"]);
    assert!(code == 2 && told.contains("line 2") && told.contains("queue_event"), "{told}");
}

#[test]
fn what_is_saved_is_swapped_in() {
    let bench = Bench::new(RULES);
    let serve = ["serve", "--insecure-local", "--watch", "--campaigns", "campaigns", "--listen", "127.0.0.1:0"];
    assert_eq!(bench.code(&["serve", "--insecure-local", "--watch", "--listen", "127.0.0.1:0"]), 2, "nothing to watch");
    let mut command = bench.command(&serve);
    let mut serving = command.env("GUERDON_LOG__FILTER", "off").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = String::new();
    BufReader::new(serving.stdout.take().unwrap()).read_line(&mut said).unwrap();
    let mut told = BufReader::new(serving.stderr.take().unwrap());
    let mut until = |end: &str| {
        let mut all = String::new();
        while !all.contains(end) {
            assert_ne!(told.read_line(&mut all).unwrap(), 0, "it ended after: {all}");
        }
        all
    };
    bench.write("campaigns/race/rules.rhai", &RULES.replace("\"learning\"", "\"lerning\""));
    let shown = until("the last good version stays");
    assert!(shown.contains("lerning") && shown.contains("rules.rhai:2:"), "{shown}");
    bench.write("campaigns/race/rules.rhai", &RULES.replace("1000", "2000"));
    until("saved, release 2 decides now");
    bench.write("campaigns/race/cases/lessons.toml", CASES);
    until("saved, release 3 decides now");
    serving.kill().unwrap();
    serving.wait().unwrap();
}

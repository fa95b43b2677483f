//! `guerdon new`: what it makes is right, tested in full and survives the fuzzer, whatever the template; and it
//! overwrites nothing.

use guerdon::clock::{Clock, SystemClock};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use support::Bench;

mod support;

const TEMPLATES: [&str; 5] = ["invite", "check-in-streak", "spend-and-earn", "ranking", "draw"];

#[test]
fn every_template_is_right_and_tested_in_full() {
    let bench = Bench::empty();
    for template in TEMPLATES {
        let name = format!("my-{template}");
        let (code, shown, _) = bench.run(&["new", &name, "--template", template]);
        assert!(code == 0 && shown.contains(&format!("guerdon test {name} --coverage")), "{shown}");
        let (code, shown, _) = bench.run(&["check", &name]);
        assert_eq!((code, shown), (0, format!("{name}: ok, 0 errors, 0 warnings\n")));
        let (code, json, told) = bench.run(&["test", &name, "--threshold", "100", "--format", "json"]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let missed = &json[0]["coverage"]["files"][0]["branches"];
        let never: Vec<_> = missed.as_array().unwrap().iter().filter(|branch| branch["hits"] == 0).collect();
        assert!(code == 0 && never.is_empty() && json[0]["cases"].as_array().unwrap().len() >= 5, "{template}: {never:?}\n{told}");
    }
}

#[test]
fn every_template_survives_the_fuzzer_and_can_be_forecast() {
    let bench = Bench::empty();
    for template in TEMPLATES {
        assert_eq!(bench.code(&["new", template, "--template", template, "--starts", "2027-03-01"]), 0);
        assert_eq!(bench.code(&["fuzz", template, "--runs", "300", "--seed", "11"]), 0);
        let population = format!("{template}/population.toml");
        let (code, json, told) = bench.run(&["simulate", template, "--population", &population, "--format", "json"]);
        assert_eq!(code, 0, "{told}");
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let (deliveries, cost) = (json["middle"]["deliveries"].as_i64().unwrap(), json["middle"]["cost_minor"].as_i64().unwrap());
        assert!(deliveries > 5_000 && cost > 100_000, "{template}: {deliveries} deliveries, {cost}");
    }
}

#[test]
fn the_campaign_is_named_and_dated_as_asked() {
    let bench = Bench::empty();
    let asked = ["new", "campaigns/wheel-2027", "--template", "draw", "--zh", "新春转盘", "--starts", "2027-02-15", "--format", "json"];
    let (code, json, told) = bench.run(&asked);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap_or_default();
    let dates = (json["first_day"].as_str(), json["last_day"].as_str());
    assert_eq!((code, json["id"].as_str(), dates), (0, Some("wheel-2027"), (Some("2027-02-15"), Some("2027-03-14"))), "{told}");
    let campaign = std::fs::read_to_string(bench.folder.path().join("campaigns/wheel-2027/campaign.toml")).unwrap();
    let lines = [
        r#"id = "wheel-2027""#,
        r#"name = { zh = "新春转盘", en = "Wheel 2027" }"#,
        r#"starts = "2027-02-15 00:00""#,
        r#"ends   = "2027-03-15 00:00""#,
    ];
    assert!(lines.iter().all(|wanted| campaign.lines().any(|line| line.starts_with(wanted))), "{campaign}");
    assert_eq!(bench.code(&["test", "campaigns/wheel-2027"]), 0);
}

/// Without --starts it is on today, so that one can send it an event at once.
#[test]
fn the_campaign_is_on_today() {
    let bench = Bench::empty();
    let (_, json, _) = bench.run(&["new", "now", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let now = Timestamp::from_millisecond(SystemClock.now_ms()).unwrap();
    let today = TimeZone::get("Asia/Shanghai").unwrap().to_datetime(now).date().to_string();
    let (first, last) = (json["first_day"].as_str().unwrap(), json["last_day"].as_str().unwrap());
    assert!(first <= today.as_str() && today.as_str() <= last, "{first} {today} {last}");
}

#[test]
fn nothing_is_overwritten_and_what_makes_no_sense_is_told() {
    let bench = Bench::empty();
    let kept = bench.write("mine/notes.txt", "mine");
    std::fs::create_dir(bench.folder.path().join("empty")).unwrap();
    let table: [(&[&str], i32, &str); 7] = [
        (&["empty"], 0, ""),
        (&["empty"], 2, "empty is there already, and not empty: choose another name"),
        (&["mine"], 2, "mine is there already, and not empty"),
        (&["mine/notes.txt"], 2, "notes.txt"),
        (&["Spring Invite"], 2, "how about spring-invite?"),
        (&["x", "--template", "invitee"], 2, "invite"),
        (&["x", "--starts", "2027-02-16"], 2, "2027-02-15 and 2027-02-22"),
    ];
    for (arguments, expected, part) in table {
        let (code, _, told) = bench.run(&[&["new"], arguments].concat());
        assert!(code == expected && told.contains(part), "{arguments:?}: {code} {told}");
    }
    assert_eq!(std::fs::read_to_string(kept).unwrap(), "mine");
    assert!(!bench.folder.path().join("x").exists());
}

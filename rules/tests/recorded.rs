//! The recorded learning race against a model of a page: what the campaign promises, counted without the book.

use guerdon_rules::book::prepare::Releases;
use guerdon_rules::event::Event;
use guerdon_rules::simulate::playback::Playback;
use guerdon_rules::simulate::recorded::{OPENED, STARTS_MS, learning_race};
use guerdon_rules::simulate::world::{Keeps, World};
use guerdon_rules::simulate::{self, Options, Report};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

mod support;

const WEEK_MS: i64 = 7 * 24 * 3600 * 1000;
const DAY_MS: i64 = WEEK_MS / 7;

/// What must be paid, from the events alone.
#[derive(Default)]
struct Model {
    cards: i64,
    /// Points by (week from 0, member).
    points: BTreeMap<(i64, String), i64>,
}

impl Model {
    fn of(lines: &[String]) -> Model {
        let events: Vec<serde_json::Value> = lines.iter().map(|l| serde_json::from_str(l).unwrap()).collect();
        let text = |v: &serde_json::Value| v.as_str().unwrap_or_default().to_string();
        let mut inviters: BTreeMap<String, String> = BTreeMap::new();
        for e in events.iter().filter(|e| e["type"] == "guerdon.referral.accepted") {
            inviters.entry(text(&e["data"]["invitee"])).or_insert(text(&e["data"]["inviter"]));
        }
        let mut model = Model::default();
        let (mut opened, mut learned) = (BTreeSet::new(), BTreeSet::new());
        let mut by_day: BTreeMap<(i64, String), i64> = BTreeMap::new();
        for e in &events {
            let at_ms = text(&e["time"]).parse::<jiff::Timestamp>().unwrap().as_millisecond() - STARTS_MS;
            let data = &e["data"];
            if e["type"] == "account.opened" {
                let sound = data["invitee"].is_string() && (data["existing_customer"].is_null() || data["existing_customer"] == false);
                let sound = sound && data.get("existing").is_none();
                if let Some(inviter) = inviters.get(&text(&data["invitee"])).filter(|_| sound && opened.insert(text(&data["invitee"]))) {
                    model.cards += 1;
                    *model.points.entry((at_ms / WEEK_MS, inviter.clone())).or_default() += 20;
                }
            } else if e["type"] == "lesson.finished"
                && data["points"].is_number()
                && learned.insert((text(&data["member"]), text(&data["lesson"])))
            {
                *by_day.entry((at_ms / DAY_MS, text(&data["member"]))).or_default() += data["points"].as_i64().unwrap();
            }
        }
        for ((day, member), points) in by_day {
            *model.points.entry((day / 7, member)).or_default() += points.min(100);
        }
        model
    }

    /// Full thousands of a week.
    fn thousands(&self, week: i64) -> i64 {
        self.points.iter().filter(|((w, _), _)| *w == week).map(|(_, points)| points / 1000).sum()
    }
    fn points_in(&self, week: i64) -> i64 {
        self.points.iter().filter(|((w, _), _)| *w == week).map(|(_, points)| points).sum()
    }
}

fn simulate(releases: Releases, lines: &[String]) -> Report {
    let events = lines.iter().map(|line| Event::from_json(line).unwrap());
    simulate::run(releases, events, Options { stock: None, seed: 1, progress: &|_| {} })
}

fn granted(report: &Report, reward: &str, week: usize) -> i64 {
    let reward = report.rewards.iter().find(|r| r.reward == reward).unwrap();
    let day = ["2020-09-22", "2020-09-29"][week];
    reward.cycles.iter().find(|c| c.cycle == day).map_or(0, |c| c.units.granted)
}

#[test]
fn both_releases_pay_what_the_model_counts() {
    let lines = learning_race(1);
    let model = Model::of(&lines);
    assert_eq!(model.cards, OPENED as i64);
    assert!(model.thousands(0) >= 10 && model.thousands(1) >= 10, "{} and {}", model.thousands(0), model.thousands(1));
    for (folder, reward, each) in [("learning-race", "jd-100", 1), ("learning-race-5x20", "jd-20", 5)] {
        let report = simulate(Releases::new(vec![Arc::new(support::campaign(folder))]), &lines);
        assert_eq!(report.failed, [], "{folder}");
        assert_eq!(report.outcomes.get("failed"), None, "{folder}");
        assert!(!report.corrections.is_empty(), "late reports come after the first settlement");
        let settled = each * (model.thousands(0) + model.thousands(1));
        let invited = granted(&report, "jd-20", 0) + granted(&report, "jd-20", 1) - if reward == "jd-20" { settled } else { 0 };
        assert_eq!(invited, OPENED as i64, "{folder}");
        if reward == "jd-100" {
            assert_eq!([granted(&report, reward, 0), granted(&report, reward, 1)], [model.thousands(0), model.thousands(1)]);
        }
        let learning = report.accounts.iter().find(|a| a.account == "learning").unwrap();
        let points: Vec<i64> = learning.cycles.iter().map(|c| c.points).collect();
        assert_eq!(points, [model.points_in(0), model.points_in(1)], "{folder}");
    }
}

/// Incident I7: the second week's close is decided by the release that takes effect with it, the first week's is not.
#[test]
fn a_release_that_takes_effect_with_a_week_settles_that_week() {
    let lines = learning_race(1);
    let model = Model::of(&lines);
    let mut names = support::Names::default();
    let first = support::release(1, i64::MIN, &support::files("learning-race"), &mut names);
    let second = support::release(2, STARTS_MS + WEEK_MS, &support::files("learning-race-5x20"), &mut names);
    let report = simulate(Releases::new(vec![Arc::new(first), Arc::new(second)]), &lines);
    assert_eq!([granted(&report, "jd-100", 0), granted(&report, "jd-100", 1)], [model.thousands(0), 0]);
    let cards = granted(&report, "jd-20", 0) + granted(&report, "jd-20", 1);
    assert_eq!(cards, model.cards + 5 * model.thousands(1));
}

/// Where the budget ends is told whether what does not fit is owed or cut off.
#[test]
fn a_budget_ends_at_the_same_instant_whatever_becomes_of_the_rest() {
    let lines = learning_race(1);
    let ends = |on_budget: &str| {
        let mut files = support::files("learning-race");
        let text = String::from_utf8(files["campaign.toml"].to_vec()).unwrap();
        let small = text
            .replace("budget = \"50000.00 CNY\"\non_budget = \"owe\"", &format!("budget = \"5000.00 CNY\"\non_budget = \"{on_budget}\""));
        assert_ne!(text, small);
        files.insert("campaign.toml".into(), small.into_bytes().into());
        let release = support::release(1, i64::MIN, &files, &mut support::Names::default());
        let report = simulate(Releases::new(vec![Arc::new(release)]), &lines);
        (report.budget_out.clone().unwrap(), granted(&report, "jd-20", 0))
    };
    let (owed, refused) = (ends("owe"), ends("refuse"));
    assert_eq!(owed.0, refused.0);
    assert!(owed.1 > 250 && refused.1 == 250, "{owed:?} {refused:?}");
}

/// The recording that demos and documents show: whoever changes the generator sees that it changed.
#[test]
fn the_recording_is_the_same_on_every_machine() {
    let lines = learning_race(1);
    assert_eq!(lines, learning_race(1));
    assert_ne!(lines, learning_race(2));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for line in &lines {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        *counts.entry(event["type"].as_str().unwrap().to_string()).or_default() += 1;
    }
    let key = guerdon_rules::event::key_of(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let shown = format!("{} lines {counts:?} {}", lines.len(), key.iter().map(|b| format!("{b:02x}")).collect::<String>());
    assert_eq!(
        shown,
        r#"12235 lines {"account.open": 3, "account.opened": 1631, "guerdon.member.joined": 3000, "guerdon.referral.accepted": 1057, "guerdon.referral.invited": 1040, "lesson.finished": 5504} 3ada9d8bbce4a90cd3900782188203b4"#
    );
}

/// Two members who do nothing but learn: as good as every question has changed when its turn comes.
#[test]
fn what_was_asked_too_early_is_asked_again() {
    let lesson = |n: u64| {
        let (day, hour, minute, second) = (22 + n / 1000, 8 + n % 1000 / 100, n / 2 % 60, n % 60);
        format!(
            r#"{{"specversion":"1.0","source":"app","id":"l{n}","type":"lesson.finished","time":"2020-09-{day}T{hour:02}:{minute:02}:{second:02}+08:00","data":{{"member":"m{}","lesson":"l{n}","points":7}}}}"#,
            n % 2
        )
    };
    let lines: Vec<String> = (0..6000).map(lesson).collect();
    let releases = Releases::new(vec![Arc::new(support::campaign("learning-race"))]);
    let early = simulate(releases.clone(), &lines);
    let mut world = World::new(releases, &BTreeMap::new(), 1);
    world.keep(Keeps::Sums);
    let mut playback = Playback::new(world, None);
    for line in &lines {
        playback.play(Event::from_json(line).unwrap());
    }
    assert_eq!(early, playback.finish().0);
    // A hundred points a day for each of them, on six days.
    assert_eq!(Model::of(&lines).points_in(0), 1200);
    assert_eq!(early.accounts.iter().find(|a| a.account == "learning").unwrap().points, 1200);
}

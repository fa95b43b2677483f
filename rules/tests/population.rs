//! `population.toml`: what is wrong in it is told in place; the same seed makes the same events, in order, and in the
//! shares that the file says; many runs of it come to the same forecast on any number of threads.

use guerdon_rules::book::prepare::Releases;
use guerdon_rules::event::Event;
use guerdon_rules::simulate::Options;
use guerdon_rules::simulate::forecast::{Forecast, forecast};
use guerdon_rules::simulate::population::crowd::Crowd;
use guerdon_rules::simulate::population::{Population, file};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use support::campaign;

mod support;

const EXAMPLE: &str = include_str!("../../campaigns/learning-race/population.toml");

/// A population of one segment; `more` is added to it.
fn one_segment(more: &str) -> String {
    format!("members = 100\n[segments.all]\nweight = 1\n{more}")
}

const LESSON: &str = "[[segments.all.does]]\nevent = \"lesson.finished\"\nper_day = 1\ndata.points = 30\n";

fn read(text: &str) -> Result<Population, String> {
    let shown =
        |findings: Vec<guerdon_rules::diagnostic::Diagnostic>| findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    file::parse("population.toml", text.as_bytes(), &campaign("learning-race").campaign).map_err(shown)
}

fn population(text: &str) -> Arc<Population> {
    Arc::new(read(text).unwrap_or_else(|wrong| panic!("{wrong}")))
}

fn events(text: &str, seed: u64) -> Vec<Event> {
    Crowd::new(population(text), &campaign("learning-race").campaign.calendar, seed).collect()
}

#[test]
fn what_is_wrong_is_told_in_place() {
    let lesson = |line: &str| one_segment(&LESSON.replace("data.points = 30", line));
    #[rustfmt::skip]
    let table = [
        (one_segment("").replace("members", "membres"),     "1:1: unknown key `membres` (did you mean \"members\"?)"),
        (one_segment("").replace("members = 100\n", ""),    "`members` is missing (write members = 10_000)"),
        (one_segment("").replace("100", "-1"),              "1:11: `members` is negative (-1) (write 0 or more)"),
        (one_segment("").replace("100", "30_000_000"),      "1:11: `members` is 30000000: at most 20000000"),
        (one_segment("").replace("weight = 1", ""),         "1:11: nobody knows how these members behave (give a segment a weight, as in weight = 1)"),
        ("members = 100".into(),                            "there are no segments (write [segments.everybody] with weight = 1: how members behave)"),
        (format!("hours = [24, 8]\n{}", one_segment("")),   "1:9: `hours` should be two hours of a day, the earlier first (write hours = [8, 24])"),
        (format!("ends = \"2021-01-01\"\n{}", one_segment("")), "1:8: `ends` is outside the campaign"),
        (format!("{}[arrival]\nhalf = \"3 days\"\n", one_segment("")), "5:8: `half`: \"3 days\" is no duration (write it in d, h, m and s, as \"7d\", \"2h\" or \"1h30m\")"),
        (format!("{}[late]\nshare = 1.5\n", one_segment("")), "5:9: `share` should be a part from 0 to 1 with at most 6 decimals, is the number 1.5 (write share = 0.25 for a quarter)"),
        (format!("{}[retries]\ntimes = 2\n", one_segment("")), "4:1: `share` is missing (write share = 0.6)"),
        (format!("{}[[rings]]\ncount = 2\nsize = 1\nsegment = \"al\"\n", one_segment("")), "6:8: a ring has 2 accounts or more"),
        (format!("{}[[rings]]\ncount = 2\nsize = 5\nsegment = \"alles\"\n", one_segment("")), "7:11: there is no segment \"alles\" (did you mean \"all\"?)"),
        (one_segment("invites = { friends = 3, segment = \"all\" }"), "4:11: `accept` is missing (write accept = 0.6)"),
        (one_segment("invites = { friends = { from = 5, to = 3 }, accept = 1, segment = \"all\" }"), "4:40: `to` of `friends` is less than `from` (the smaller one comes first)"),
        (one_segment(&LESSON.replace("lesson.finished", "lesson.finishd")), "5:9: the campaign has no event \"lesson.finishd\" (did you mean \"lesson.finished\"?)"),
        (one_segment(&LESSON.replace("lesson.finished", "guerdon.member.joined")), "5:9: \"guerdon.member.joined\" comes by itself (`members` and `invites` say how often)"),
        (one_segment(&LESSON.replace("per_day = 1\n", "")), "4:1: `per_day` is missing (write per_day = 0.5, or once = 0.8 for what a member does one time at most)"),
        (one_segment(&LESSON.replace("per_day = 1", "per_day = 1\nper_week = 2")), "6:1: per_day and per_week exclude each other (keep one of them)"),
        (one_segment(&LESSON.replace("per_day = 1", "per_day = 1000")), "6:11: `per_day` should be a number from 0 to 200, is the number 1000 (write per_day = 2.5)"),
        (one_segment(&LESSON.replace("per_day = 1", "per_day = 1\nafter = \"2h\"")), "7:9: `after` belongs to `once` (remove it)"),
        (one_segment(LESSON),                               "5:9: lesson.finished needs the field \"lesson\" (write data.lesson = { text = \"L{n}\", from = 1, to = 200 })"),
        (lesson("data.pionts = 30"),                        "7:6: lesson.finished has no field \"pionts\" (did you mean \"points\"?)"),
        (lesson("data.member = \"x\""),                     "7:6: \"member\" is the member who does it (remove it: it is filled in)"),
        (lesson("data.points = \"30\""),                    "7:15: the field \"points\" is int, this is the text \"30\""),
        (lesson("data.points = { one_of = [] }"),           "7:26: `one_of` is empty (write what there is to choose from)"),
        (lesson("data.points = { one_of = [1, 2], weights = [1] }"), "7:44: `weights` should be 2 whole numbers, not negative and not all 0 (one for each choice, as in one_of = [10, 60], weights = [3, 1])"),
        (lesson("data.points = { from = 9, to = 3 }"),      "7:32: `to` (3) is less than `from` (9) (the smaller one comes first)"),
        (lesson("data.points = { from = 9, until = 30 }"),  "7:15: `to` is missing (write to = 200)"),
        (lesson("data.points = { from = 1, to = 3, present = 0.5 }"), "7:45: the field \"points\" is in every event (remove `present`, or declare points = \"int?\")"),
        (lesson("data.lesson = { text = \"L\", from = 1, to = 3 }"), "7:24: \"L\" has no place for the number (write {n} where it stands, as in \"L{n}\")"),
        (lesson("data.lesson = { from = 1, to = 3 }"),      "7:6: where does the string of \"lesson\" come from? (write { one_of = [\"a\", \"b\"] }, or { text = \"L{n}\", from = 1, to = 9 } for a text)"),
        ("members = ＝".into(),                             "no valid TOML"),
    ];
    for (text, wanted) in table {
        let wrong = read(&text).expect_err(&text);
        assert!(
            wrong.lines().any(|line| line.contains("error: population.toml") && line.contains(wanted)),
            "{text}\n{wrong}\n  wanted: {wanted}"
        );
    }
}

/// Only what a member did and when, whatever number the event has.
fn deeds(events: &[Event], of: &str) -> BTreeSet<(i64, String, String)> {
    let own = events.iter().filter(|e| e.data.contains(&format!("\"member\":\"{of}-")));
    own.map(|e| (*e.at_ms.as_ref().unwrap(), e.kind.to_string(), e.data.to_string())).collect()
}

#[test]
fn the_seed_decides_and_nobody_moves_anybody_else() {
    let once = events(EXAMPLE, 7);
    assert!(once == events(EXAMPLE, 7));
    assert!(once != events(EXAMPLE, 8));
    // Casual members study twice as often: champions do what they did.
    let twice = events(&EXAMPLE.replace("per_week = 1.5", "per_week = 3"), 7);
    let (champions, casuals) = (deeds(&once, "champion"), deeds(&once, "casual"));
    assert!(champions.len() > 1000 && champions == deeds(&twice, "champion"));
    assert!(casuals.len() > 10_000 && casuals != deeds(&twice, "casual"));
}

#[test]
fn events_come_in_order_and_in_the_shares_that_the_file_says() {
    let without_faults = &EXAMPLE[..EXAMPLE.find("# 同样的报文").unwrap()];
    let plain = events(without_faults, 3);
    let times: Vec<i64> = plain.iter().map(|e| *e.at_ms.as_ref().unwrap()).collect();
    assert!(times.is_sorted());
    let calendar = &campaign("learning-race").campaign.calendar;
    assert!(times.iter().all(|at_ms| calendar.contains(*at_ms)));
    assert!(plain.iter().all(|e| e.kind.starts_with("guerdon.")
        || (8..24).contains(&calendar.moment(*e.at_ms.as_ref().unwrap()).hour)
        || &*e.kind == "account.opened"));
    let ids: BTreeSet<&str> = plain.iter().map(|e| &*e.id).collect();
    assert_eq!(ids.len(), plain.len());

    let count = |kind: &str| plain.iter().filter(|e| &*e.kind == kind).count();
    let joined = |of: &str| plain.iter().filter(|e| &*e.kind == "guerdon.member.joined" && e.data.contains(&format!("\"{of}-"))).count();
    assert_eq!(joined("casual") + joined("champion"), 6_000);
    assert_eq!(joined("fraudster"), 40);
    // Within a twentieth, or within three standard deviations where there are few.
    let within = |n: usize, about: usize| n.abs_diff(about) * 20 <= about || n.abs_diff(about).pow(2) <= 9 * about;
    assert!(within(joined("champion"), 62), "{}", joined("champion"));
    assert_eq!(count("guerdon.referral.accepted"), joined("friend") + joined("fraudster"));
    assert!(within(count("account.opened"), joined("friend") * 3 / 4 + 40), "{} of {}", count("account.opened"), joined("friend"));
    // Half of them within three days.
    let early = plain.iter().filter(|e| &*e.kind == "guerdon.member.joined" && e.data.contains("\"casual-"));
    let early = early.filter(|e| *e.at_ms.as_ref().unwrap() < calendar.starts_ms() + 3 * 86_400_000).count();
    assert!(within(early, joined("casual") / 2), "{early} of {}", joined("casual"));
    let about = Crowd::estimate(&population(without_faults), calendar, 3) as usize;
    assert!(within(about, plain.len()), "{about} for {}", plain.len());
}

#[test]
fn faults_repeat_rename_and_delay_deliveries() {
    let all = events(EXAMPLE, 3);
    let mut deliveries: BTreeMap<&str, usize> = BTreeMap::new();
    all.iter().for_each(|e| *deliveries.entry(&e.id).or_default() += 1);
    let (events, again) = (deliveries.len(), deliveries.keys().filter(|id| id.ends_with("-again")).count());
    let retried = deliveries.values().filter(|n| **n > 1).count();
    assert!((30..50).contains(&(retried * 1000 / events)), "{retried} of {events}");
    assert!((6..15).contains(&(again * 1000 / events)), "{again} of {events}");
    assert!(deliveries.values().all(|n| *n <= 3));
    let mut latest = i64::MIN;
    let late = all.iter().filter(|e| {
        let at_ms = *e.at_ms.as_ref().unwrap();
        latest = latest.max(at_ms);
        at_ms < latest - 3_600_000
    });
    assert!(late.count() > events / 100);
    // The same event says the same every time.
    let mut bodies: BTreeMap<&str, &Event> = BTreeMap::new();
    assert!(all.iter().all(|e| bodies.entry(&e.id).or_insert(e) == &e));
}

fn forecast_of(threads: usize, stock: Option<BTreeMap<String, i64>>) -> Forecast {
    let releases = Releases::new(vec![Arc::new(campaign("learning-race"))]);
    let few = population(&EXAMPLE.replace("6_000", "300").replace("count = 5", "count = 1"));
    forecast(&releases, &few, &Options { stock, seed: 1, progress: &|_| {} }, 5, threads)
}

#[test]
fn a_forecast_adds_up_and_does_not_depend_on_threads() {
    let stock = BTreeMap::from([("jd-20".to_string(), 20), ("jd-100".to_string(), 1000)]);
    let forecast = forecast_of(2, Some(stock.clone()));
    assert!(forecast == forecast_of(1, Some(stock)));
    assert_eq!(forecast.seeds, [1, 2, 3, 4, 5]);
    let cost = forecast.cost_minor;
    assert!(cost.least <= cost.p5 && cost.p5 <= cost.p50 && cost.p50 <= cost.p95 && cost.p95 <= cost.most && cost.least < cost.most);

    let middle = &forecast.middle;
    assert_eq!(middle.cost_minor, cost.p50);
    assert_eq!(middle.lines.iter().map(|line| line.cost_minor).sum::<i64>(), middle.cost_minor);
    assert_eq!(middle.rewards.iter().map(|reward| reward.all.cost_minor).sum::<i64>(), middle.cost_minor);
    assert_eq!(middle.timeline.cost_minor.last(), Some(&middle.cost_minor));
    assert!(middle.timeline.cost_minor.is_sorted() && middle.timeline.at.is_sorted());
    assert_eq!(forecast.segments.iter().map(|segment| segment.cost_minor).sum::<i64>(), middle.cost_minor);
    assert_eq!(forecast.segments.iter().map(|segment| segment.members as i64).sum::<i64>(), middle.members);
    for (pool, timeline) in middle.pools.iter().zip(&middle.timeline.pools) {
        assert_eq!(timeline.needed.last(), Some(&pool.needed), "{}", pool.pool);
    }
    let spread = &middle.distributions[0];
    assert_eq!(spread.bars.iter().sum::<u64>(), spread.members);
    let points: i64 = middle.lines.iter().filter(|line| line.effect == "award").map(|line| line.count).sum();
    assert_eq!(points, middle.accounts.iter().find(|a| a.account == "learning").unwrap().points);
    let places: Vec<(&str, &str)> = middle.lines.iter().map(|l| (l.place.as_deref().unwrap(), l.function.as_str())).collect();
    assert!(places.contains(&("rules.rhai:9", "on_account_opened")), "{places:?}");

    let [jd_100, jd_20] = &forecast.pools[..] else { panic!("{:?}", forecast.pools) };
    assert_eq!((jd_100.stock, jd_100.runs_out, &jd_100.ran_out), (Some(1000), 0, &None));
    assert_eq!((jd_20.stock, jd_20.runs_out), (Some(20), 5));
    let [earliest, middle_one, latest] = jd_20.ran_out.as_ref().unwrap();
    assert!("2020-09-22" <= earliest.as_str() && earliest <= middle_one && middle_one <= latest, "{earliest}");
}

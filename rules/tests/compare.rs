//! Two releases over the same events: the learning race's change of 16 September 2020 with its exact figures, and small
//! changes of the odds and ends, a line for each.

use guerdon_rules::book::prepare::Releases;
use guerdon_rules::event::Event;
use guerdon_rules::simulate::Options;
use guerdon_rules::simulate::compare::examples::Cause;
use guerdon_rules::simulate::compare::{Both, Comparison, compare};
use guerdon_rules::simulate::recorded::{OPENED, STARTS_MS, learning_race};
use std::sync::Arc;
use support::table::{CAMPAIGN, RULES, event};
use support::{Files, Names, campaign, release};

mod support;

const HOUR_MS: i64 = 3_600_000;

fn compared(old: Releases, new: Releases, events: Vec<Event>) -> Comparison {
    compare(old, new, events, Options { stock: None, seed: 1, progress: &|_| {} }, 3)
}

fn both(old: i64, new: i64) -> Both<i64> {
    Both { old, new }
}

#[test]
fn one_hundred_is_five_times_twenty() {
    let releases = |name| Releases::new(vec![Arc::new(campaign(name))]);
    let events: Vec<Event> = learning_race(2020).iter().map(|line| Event::from_json(line).unwrap()).collect();
    let comparison = compared(releases("learning-race"), releases("learning-race-5x20"), events);
    let cards = comparison.old.rewards.iter().find(|r| r.reward == "jd-100").unwrap().all.granted;
    let opened = OPENED as i64;
    assert_eq!(cards, 30);

    assert!(comparison.differ);
    let cost = opened * 2000 + cards * 10_000;
    assert_eq!(comparison.cost_minor, both(cost, cost));
    let pools: Vec<(&str, Both<i64>, i64)> = comparison.pools.iter().map(|p| (&*p.pool, p.codes, p.codes.more())).collect();
    assert_eq!(pools, [("jd-100", both(cards, 0), -cards), ("jd-20", both(opened, opened + 5 * cards), 5 * cards)]);
    assert_eq!((comparison.outcomes.len(), comparison.accounts.len()), (0, 0));

    let members = &comparison.members;
    assert_eq!((members.gain.members, members.lose.members, members.exchange.members, members.same), (0, 0, 29, 2971));
    let first = &members.exchange.largest[0];
    let rewards: Vec<(&str, Both<i64>)> = first.rewards.iter().map(|r| (&*r.name, r.both)).collect();
    assert_eq!((&*first.member, rewards), ("u00001", vec![("jd-20", both(70, 80)), ("jd-100", both(2, 0))]));
    assert!(!first.cost_minor.differ());

    let example = &comparison.examples[0];
    assert_eq!(example.cause, Cause::Close { cycle: "2020-09-22".into(), revision: 1, member: "u00001".into() });
    let lines: Vec<String> = [&example.old, &example.new]
        .into_iter()
        .flatten()
        .flat_map(|r| &r.effects)
        .map(|e| format!("{} {} {}", e.place.as_deref().unwrap(), e.name.as_deref().unwrap(), e.count.unwrap()))
        .collect();
    assert_eq!(lines, ["rules.rhai:24 jd-100 2", "rules.rhai:24 jd-20 10"]);
}

#[test]
fn a_release_differs_from_itself_in_nothing() {
    let releases = || Releases::new(vec![Arc::new(campaign("learning-race"))]);
    let events: Vec<Event> = learning_race(1).iter().map(|line| Event::from_json(line).unwrap()).collect();
    let comparison = compared(releases(), releases(), events);
    assert!(!comparison.differ, "{comparison:?}");
    assert_eq!((comparison.members.same, comparison.old), (3000, comparison.new));
}

fn odds(manifest: (&str, &str), rules: (&str, &str)) -> Releases {
    let changed = |text: &str, (from, to): (&str, &str)| -> Arc<[u8]> {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1).into_bytes().into()
    };
    let files = Files::from([("campaign.toml".into(), changed(CAMPAIGN, manifest)), ("rules.rhai".into(), changed(RULES, rules))]);
    Releases::new(vec![Arc::new(release(1, i64::MIN, &files, &mut Names::default()))])
}

const AS_IT_IS: (&str, &str) = ("", "");

/// `hours id kind data…`, an event for each line.
fn events(story: &str) -> Vec<Event> {
    let of_line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        event(STARTS_MS + words[0].parse::<i64>().unwrap() * HOUR_MS, words[1], words[2], &words[3..])
    };
    story.lines().filter(|line| !line.trim().is_empty()).map(of_line).collect()
}

#[test]
fn who_gains_and_who_loses() {
    let story = "
        1 a accept invitee=bob inviter=alice
        2 b opened invitee=bob
        3 c coin m=carol n=30
        4 d cashed m=dave n=10
        5 e gift m=eve n=2
        6 f spend m=carol n=20";
    #[rustfmt::skip]
    let table = [
        // what changes in campaign.toml, in the rules                              gain       lose       exchange  cost more
        (AS_IT_IS, AS_IT_IS,                                                        "",        "",        "",       0),
        (AS_IT_IS, ("// ", "// "),                                                  "",        "",        "",       0),
        (AS_IT_IS, ("award(\"learning\", 20)", "award(\"learning\", 30)"),          "alice",   "carol",   "",       0),
        (AS_IT_IS, ("event.member.grant(\"card\", event.data.n)", "event.member.grant(\"card\", 1)"), "", "eve", "", -2000),
        (AS_IT_IS, ("award(\"cash\", event.data.n)", "award(\"cash\", 15)"),        "dave",    "",        "",       5),
        (AS_IT_IS, ("deduct(\"coins\", event.data.n)", "deduct(\"coins\", 50)"),    "carol",   "",        "",       0),
        (("\"20.00 CNY\"", "\"30.00 CNY\""), AS_IT_IS,                              "alice eve", "",      "",       3000),
        (AS_IT_IS, ("    event.roles.inviter.grant(\"card\");", "    event.roles.inviter.award(\"cash\", 2000);"), "", "", "alice", 0),
        (("worth = \"0.01 CNY\"", ""), ("award(\"cash\", event.data.n)", "award(\"coins\", 5)"), "", "dave", "", -10),
    ];
    for (manifest, rules, gain, lose, exchange, more) in table {
        let rules = if rules.0 == "// " { ("", "// A comment moves every line.\n") } else { rules };
        let comparison = compared(odds(AS_IT_IS, AS_IT_IS), odds(manifest, rules), events(story));
        let names = |sort: &guerdon_rules::simulate::compare::members::Sort| {
            let mut names: Vec<&str> = sort.largest.iter().map(|m| m.member.as_str()).collect();
            names.sort_unstable();
            names.join(" ")
        };
        let members = &comparison.members;
        let came = (names(&members.gain), names(&members.lose), names(&members.exchange), comparison.cost_minor.more());
        assert_eq!(came, (gain.into(), lose.into(), exchange.into(), more), "{manifest:?} {rules:?}");
        assert_eq!(comparison.differ, !(gain.is_empty() && lose.is_empty() && exchange.is_empty()), "{manifest:?} {rules:?}");
        let by_member = members.gain.cost_more_minor + members.lose.cost_more_minor + members.exchange.cost_more_minor;
        assert_eq!(by_member, more, "{manifest:?} {rules:?}");
    }
}

#[test]
fn events_that_come_out_otherwise_are_counted_and_shown() {
    let story = "
        1 a opened invitee=bob
        2 b accept invitee=bob inviter=alice
        3 c coin m=carol n=30
        4 d spend m=carol n=25";
    let rules = ("deduct(\"coins\", event.data.n)", "deduct(\"coins\", 31)");
    let waits = ("roles.inviter = \"member.referral\"", "roles.inviter = { path = \"member.referral\", wait = \"30m\" }");
    let comparison = compared(odds(AS_IT_IS, AS_IT_IS), odds(waits, rules), events(story));
    let outcomes: Vec<(&str, &str, u64)> = comparison.outcomes.iter().map(|o| (o.old, o.new, o.events)).collect();
    assert_eq!(outcomes, [("booked", "refused", 1), ("booked", "failed", 1)]);
    let shown: Vec<(String, u64, Option<String>, Option<String>)> = comparison
        .examples
        .iter()
        .map(|e| match &e.cause {
            Cause::Event { id, .. } => (id.clone(), e.moved_minor, e.old.clone().map(|r| r.outcome), e.new.clone().map(|r| r.outcome)),
            Cause::Close { .. } => panic!("{e:?}"),
        })
        .collect();
    // What waited is told by its own event, not by the one that let it go.
    assert_eq!(shown[0], ("a".into(), 2000, Some("booked".into()), Some("refused".into())));
    assert_eq!(shown[1], ("d".into(), 0, Some("booked".into()), Some("failed".into())));
}

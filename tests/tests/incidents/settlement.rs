//! Settlement: two settlers at the same time, one that sleeps past its lease, a second run, late events, and members whose
//! close fails. Totals are exact, whoever did it; a second run reproduces the digest and writes nothing.

use crate::facts::*;
use crate::world::*;
use guerdon::flow::{Host, Settings};
use guerdon::store::{Options, SettlementRow, SettlementState};
use guerdon_rules::event::Event;
use guerdon_rules::language::Files;
use serde_json::json;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

const MEMBERS: usize = 40;
const CLOSED: &str = "2020-09-29T03:00:00+08:00";

/// Lessons earn points, a withdrawn one takes them back; every full 100 points of a week earn a card. 13 points are too
/// much for this rule.
const MANIFEST: &str = r#"
id = "learning-race"
name = { zh = "结算", en = "Settlement" }
time_zone = "Asia/Shanghai"
starts = "2020-09-22T00:00:00"
ends = "2020-10-20T00:00:00"
rules = "rules.rhai"

[cycle]
every = "week"
starts_on = "tuesday"
grace = "2h"

[accounts.learning]
leaderboard = true

[rewards.jd-100]
kind = "gift-card"
face_value = "100.00 CNY"
pool = "jd-100"

[events."lesson.finished"]
member = "data.member"
once_per = ["member", "data.lesson"]
data = { member = "member", lesson = "string", points = "int" }

[events."lesson.withdrawn"]
member = "data.member"
data = { member = "member", points = "int" }
"#;

const EARNS: &str = r#"
fn on_lesson_finished(event) {
    event.member.award("learning", event.data.points);
}

fn on_lesson_withdrawn(event) {
    event.member.deduct("learning", event.data.points);
}
"#;

const GIVES: &str = r#"
fn on_cycle_close(member, cycle) {
    let points = member.points("learning", "cycle");
    let checked = 100 / (points - 13);
    member.grant("jd-100", points / 100);
}
"#;

fn files() -> Files {
    files_that_close(GIVES)
}

fn files_that_close(close: &str) -> Files {
    let rules = format!("{EARNS}{close}");
    Files::from([("campaign.toml".to_string(), MANIFEST.as_bytes().into()), ("rules.rhai".to_string(), rules.as_bytes().into())])
}

/// Small pages, so that settlers meet.
fn settings(name: &str) -> Settings {
    Settings { settle_page: 3, lease_seconds: 1, name: name.into(), ..Settings::default() }
}

/// A first week in which member n has n times 50 points: 0, 0, 1, 1, 2, 2 … cards.
async fn a_week(world: &World, host: &std::sync::Arc<Host>) -> usize {
    host.add_release(files(), None, "product", "").await.unwrap();
    import(host, "jd-100", 1..=1000).await;
    let lessons: Vec<Event> = (1..=MEMBERS).map(|n| lesson(FIRST_WEEK, &format!("m{n}"), "L1", n as i64 * 50)).collect();
    host.submit(RACE, lessons).await.unwrap();
    world.set_clock(CLOSED);
    (1..=MEMBERS).map(|n| n / 2).sum()
}

fn withdrawn(member: &str, points: i64) -> Event {
    event(&fact(FIRST_WEEK, "course", &format!("withdrawn-{member}"), "lesson.withdrawn", &json!({"member": member, "points": points})))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn settlers_that_overlap_give_each_card_once() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.host_with(settings("a"), &Options::default()).await;
        let cards = a_week(world, &host).await;
        let mut hosts = vec![host.clone(), host.clone()];
        if !world.database.is_sqlite() {
            hosts.push(world.host_with(settings("b"), &Options::default()).await);
            hosts.push(world.host_with(settings("c"), &Options::default()).await);
        }
        let settling: Vec<_> =
            hosts.iter().cloned().map(|h| tokio::spawn(async move { h.settle(RACE, 1, false).await.unwrap() })).collect();
        let mut reports = Vec::new();
        for one in settling {
            reports.push(one.await.unwrap());
        }
        assert!(reports.iter().all(|r| r.digest == reports[0].digest && matches!(&*r.state, "done" | "verified")), "{reports:?}");
        assert_eq!(world.granted("on_cycle_close").await, cards.to_string());
        world.is_sound(&host, RACE).await;
        // A second run reproduces the digest, and no row of any table is another one.
        let before = world.database.dump().await;
        let again = hosts.pop().unwrap().settle(RACE, 1, false).await.unwrap();
        assert_eq!((&*again.state, &again.digest), ("verified", &reports[0].digest));
        assert_eq!(world.database.dump().await, before);
    })
    .await;
}

/// Events of the next week, and late ones, come in small groups from many senders while pages of the week are closed, by
/// the same host and where there can be, by another: nobody is lost, and everybody gets what a settlement alone gives.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn events_flow_on_while_a_week_is_settled() {
    on_each(FIRST_WEEK, async |world| {
        let few = |name| Settings { group_events: 4, ..settings(name) };
        let host = world.host_with(few("a"), &Options::default()).await;
        let cards = a_week(world, &host).await;
        let mut hosts = vec![host.clone()];
        if !world.database.is_sqlite() {
            hosts.push(world.host_with(few("b"), &Options::default()).await);
        }
        let mut senders = Vec::new();
        for sender in 0..8 {
            let host = hosts[sender % hosts.len()].clone();
            senders.push(tokio::spawn(async move {
                let mut answers = Vec::new();
                for n in 1..=MEMBERS {
                    let member = format!("m{n}");
                    let late = lesson(FIRST_WEEK, &member, &format!("late-{sender}"), 0);
                    let events = [late, lesson(SECOND_WEEK, &member, &format!("next-{sender}"), 1)];
                    answers.extend(submit(&host, &events).await);
                }
                answers
            }));
        }
        let report = host.settle(RACE, 1, false).await.unwrap();
        assert_eq!((&*report.state, report.failed.len()), ("done", 0));
        for sender in senders {
            let answers = sender.await.unwrap();
            assert!(answers.iter().all(|a| a.outcome == "booked" && !a.repeated), "{answers:?}");
        }
        assert_eq!(world.granted("on_cycle_close").await, cards.to_string());
        // The late lessons gave no points: the correction that they left due finds nothing to give.
        host.run_due().await;
        assert_eq!(world.granted("on_cycle_close").await, cards.to_string());
        world.is_sound(&host, RACE).await;
    })
    .await;
}

/// A settler is stopped at some point between two of its commits, for longer than its lease, while another one takes
/// over; then it goes on.
#[tokio::test]
async fn a_settler_that_slept_past_its_lease_is_refused() {
    on_each(FIRST_WEEK, async |world| {
        let sleeper = world.host_with(settings("sleeper"), &Options::default()).await;
        let cards = a_week(world, &sleeper).await;
        let other = world.host_with(settings("other"), &Options::default()).await;
        let cursor = "select coalesce(max(cursor), 0) from settlements";
        let mut sleeping = pin!(sleeper.settle(RACE, 1, false));
        // Nothing of it moves while nobody polls it.
        loop {
            assert!(futures_util::poll!(&mut sleeping).is_pending(), "it is asleep before its end");
            tokio::time::sleep(Duration::from_millis(1)).await;
            if world.is_at_rest().await && world.value(cursor).await.parse::<usize>().unwrap() >= MEMBERS / 4 {
                break;
            }
        }
        let slept_at = world.value(cursor).await;
        let fence = world.value("select fence from settlements").await;
        let report = other.settle(RACE, 1, false).await.unwrap();
        assert_eq!(report.state, "done");
        assert_ne!(world.value("select fence from settlements").await, fence, "the lease was taken over after member {slept_at}");
        let before = world.database.dump().await;
        let late = sleeping.await.unwrap();
        assert_eq!((&*late.state, &late.digest), ("verified", &report.digest), "it was refused, looked again, and found it done");
        assert_eq!(world.database.dump().await, before, "the one that woke up wrote nothing");
        assert_eq!(world.granted("on_cycle_close").await, cards.to_string());
        world.is_sound(&other, RACE).await;
    })
    .await;
}

/// Nobody of many gets anything: the run still says now and then how far it is, and so keeps its lease.
#[tokio::test]
async fn a_run_that_gives_nothing_says_how_far_it_is() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.host_with(Settings { settle_page: 1, ..settings("a") }, &Options::default()).await;
        host.add_release(files(), None, "product", "").await.unwrap();
        let lessons: Vec<Event> = (1..=100).map(|n| lesson(FIRST_WEEK, &format!("m{n}"), "L1", 10)).collect();
        host.submit(RACE, lessons).await.unwrap();
        world.set_clock(CLOSED);
        let mut settling = pin!(host.settle(RACE, 1, false));
        let mut seen = Vec::new();
        let report = loop {
            if let Poll::Ready(done) = futures_util::poll!(&mut settling) {
                break done.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
            if world.is_at_rest().await {
                seen.push(world.value("select coalesce(max(cursor), 0) from settlements").await.parse::<u64>().unwrap());
            }
        };
        assert_eq!((&*report.state, report.members), ("done", 100));
        assert!(seen.is_sorted() && seen.iter().any(|cursor| (1..100).contains(cursor)), "{seen:?}");
        assert_eq!(world.granted("on_cycle_close").await, "0");
        world.is_sound(&host, RACE).await;
    })
    .await;
}

/// The same attack by hand: with the fence asked, nothing may be committed; a settler that did not ask moves the cursor
/// back under the feet of the one that took over.
#[tokio::test]
async fn without_the_fence_a_stale_settler_overwrites() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.host_with(settings("a"), &Options::default()).await;
        a_week(world, &host).await;
        let campaign = host.campaign(RACE).unwrap().row.campaign;
        let mut open = host.store.begin(campaign).await.unwrap();
        let row = SettlementRow { state: SettlementState::Running, release: 1, ..SettlementRow::planned(1, 1, "the cycle ended") };
        open.put_settlement(&row).await.unwrap();
        let stale = open.take_lease(1, 1, "a", 0).await.unwrap().unwrap();
        let fence = open.take_lease(1, 1, "b", 60).await.unwrap().expect("a's lease of no time is over");
        open.put_settlement(&SettlementRow { cursor: 30, ..row.clone() }).await.unwrap();
        open.commit().await.unwrap();
        assert!(stale < fence);
        let mut open = host.store.begin(campaign).await.unwrap();
        assert!(!open.hold_lease(1, 1, stale, 60).await.unwrap(), "the fence tells the stale one");
        open.put_settlement(&SettlementRow { cursor: 3, ..row }).await.unwrap();
        assert_eq!(open.settlements(1).await.unwrap()[0].cursor, 3, "and nothing else would");
        drop(open);
        let back = format!("update settlements set fence = {stale}");
        assert!(world.database.attack(&[&back], false).await.unwrap_err().contains("a fence never goes back"));
        let drop =
            if world.database.is_sqlite() { "drop trigger settlements_fence" } else { "drop trigger settlements_fence on settlements" };
        assert_eq!(world.database.attack(&[drop, &back], false).await, Ok(1));
    })
    .await;
}

#[tokio::test]
async fn late_events_are_corrected_what_is_missing_is_given_what_is_too_much_is_listed() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.host_with(settings("a"), &Options::default()).await;
        let cards = a_week(world, &host).await;
        host.run_due().await;
        let closes = async || world.granted("on_cycle_close").await;
        assert_eq!(closes().await, cards.to_string());
        // m1 had 50 points and gets 250 more: 3 cards. m4 had 200, of which 150 are withdrawn: 2 cards too many.
        let late = [lesson(FIRST_WEEK, "m1", "late", 250), withdrawn("m4", 150), lesson(FIRST_WEEK, "m7", "late", 1)];
        assert_eq!(outcomes(&host, RACE, &late).await, "booked booked booked");
        assert_eq!(closes().await, cards.to_string(), "nothing before the correction");
        host.run_due().await;
        assert_eq!(closes().await, (cards + 3).to_string());
        let cycle = host.cycles(RACE).await.unwrap().remove(0);
        let correction = &cycle.settlements[1];
        assert_eq!((correction.revision, &*correction.state, &*correction.why), (2, "done", "late events"));
        let excess: Vec<_> = correction.excess.iter().map(|e| (&*e.member, &*e.measure, e.count)).collect();
        assert_eq!(excess, [("m4", "granted jd-100", 2)]);
        assert_eq!(host.grants(RACE, "m4").await.unwrap().len(), 2, "nothing is taken back silently");
        // Both revisions are reproduced, and nothing is due any more.
        let before = world.database.dump().await;
        assert_eq!(host.settle(RACE, 1, false).await.unwrap().state, "verified");
        host.run_due().await;
        assert_eq!(world.database.dump().await, before);
        world.is_sound(&host, RACE).await;
    })
    .await;
}

#[tokio::test]
async fn a_member_whose_close_fails_is_listed_and_tried_again() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.host_with(settings("a"), &Options::default()).await;
        host.add_release(files(), None, "product", "").await.unwrap();
        host.submit(RACE, vec![lesson(FIRST_WEEK, "unlucky", "L1", 13)]).await.unwrap();
        let cards = a_week(world, &host).await;
        let failed = |report: &guerdon::flow::views::SettleReport| report.failed.iter().map(|f| f.member.clone()).collect::<Vec<_>>();
        for _ in 0..2 {
            let report = host.settle(RACE, 1, false).await.unwrap();
            assert_eq!((&*report.state, failed(&report)), ("failed", vec!["unlucky".to_string()]));
            assert!(report.failed[0].reason.contains("zero"), "{report:?}");
            assert_eq!(world.granted("on_cycle_close").await, cards.to_string(), "the others have theirs, once");
        }
        // Late points mend it: the correction closes that member.
        host.submit(RACE, vec![lesson(FIRST_WEEK, "unlucky", "late", 100)]).await.unwrap();
        host.run_due().await;
        assert_eq!(host.grants(RACE, "unlucky").await.unwrap().len(), 1);
        assert_eq!(world.granted("on_cycle_close").await, (cards + 1).to_string());
        world.is_sound(&host, RACE).await;
    })
    .await;
}

/// Dropping a settlement anywhere leaves no transaction open, and the next one finishes it.
#[tokio::test]
async fn a_settlement_that_is_dropped_anywhere_is_finished_by_the_next() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.host_with(settings("a"), &Options::default()).await;
        let cards = a_week(world, &host).await;
        for polls in [1, 2, 5, 9, 17, 40] {
            {
                let mut settling = pin!(host.settle(RACE, 1, false));
                for _ in 0..polls {
                    if let Poll::Ready(done) = futures_util::poll!(&mut settling) {
                        done.unwrap();
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            world.comes_to_rest().await;
        }
        let report = host.settle(RACE, 1, false).await.unwrap();
        assert!(matches!(&*report.state, "done" | "verified"), "{report:?}");
        assert_eq!(world.granted("on_cycle_close").await, cards.to_string());
        world.is_sound(&host, RACE).await;
    })
    .await;
}

/// What the close takes was spent after the cycle's end: the close of these members fails until they have points again.
const TAKES: &str = r#"
fn on_cycle_close(member, cycle) {
    member.deduct("learning", 50);
    if member.points("learning", "cycle") > 1000000 { member.grant("jd-100"); }
}
"#;
const SECOND_WEEK: &str = "2020-09-29T01:00:00+08:00";

/// Members whose close has failed for want of points, which they then earn.
async fn who_fail_at_first(world: &World, host: &std::sync::Arc<Host>, members: &[&str]) {
    host.add_release(files_that_close(TAKES), None, "product", "").await.unwrap();
    let spends = |member: &str| {
        let data = json!({"member": member, "points": 50});
        event(&fact(SECOND_WEEK, "course", &format!("spent-{member}"), "lesson.withdrawn", &data))
    };
    host.submit(RACE, members.iter().map(|m| lesson(FIRST_WEEK, m, "L1", 50)).collect()).await.unwrap();
    world.set_clock(SECOND_WEEK);
    host.submit(RACE, members.iter().map(|m| spends(m)).collect()).await.unwrap();
    world.set_clock(CLOSED);
    let report = host.settle(RACE, 1, false).await.unwrap();
    assert_eq!((&*report.state, report.failed.len()), ("failed", members.len()), "{report:?}");
    host.submit(RACE, members.iter().map(|m| lesson(SECOND_WEEK, m, "L2", 500)).collect()).await.unwrap();
}

/// Points that closes have taken.
const TAKEN: &str = "select coalesce(sum(p.amount), 0) from postings p join journal j on j.campaign = p.campaign
    and j.position = p.position and j.line = p.line where j.kind = 2";

#[tokio::test]
async fn whoever_was_not_tried_again_before_a_crash_is_tried_by_the_next() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.host_with(settings("a"), &Options::default()).await;
        who_fail_at_first(world, &host, &["m1", "m2", "m3", "m4"]).await;
        {
            // Nothing of it moves while nobody polls it; dropped, it is gone as after a crash.
            let mut settling = pin!(host.settle(RACE, 1, false));
            while world.value(TAKEN).await == "0" {
                assert!(futures_util::poll!(&mut settling).is_pending(), "it is cut off before its end");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        world.comes_to_rest().await;
        assert_ne!(world.value(TAKEN).await, "200", "some are still to be tried");
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(host.settle(RACE, 1, false).await.unwrap().state, "done");
        assert_eq!(world.value(TAKEN).await, "200");
        assert_eq!(host.settle(RACE, 1, false).await.unwrap().state, "verified");
        world.is_sound(&host, RACE).await;
    })
    .await;
}

/// The correction closes the member first; then the failed first close is tried again.
#[tokio::test]
async fn a_failed_close_that_a_correction_made_up_for_takes_nothing_again() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.host_with(settings("a"), &Options::default()).await;
        who_fail_at_first(world, &host, &["m1"]).await;
        host.submit(RACE, vec![lesson(FIRST_WEEK, "m1", "late", 1)]).await.unwrap();
        for _ in 0..3 {
            host.run_due().await;
        }
        assert_eq!(world.value(TAKEN).await, "50");
        let cycle = host.cycles(RACE).await.unwrap().remove(0);
        assert!(cycle.settlements.iter().all(|s| s.state == "done"), "{cycle:?}");
        world.is_sound(&host, RACE).await;
    })
    .await;
}

/// A settler is stopped after it read what there is to do and before it has the lease; another one does all of it.
#[tokio::test]
async fn a_settler_that_slept_before_its_lease_reads_again() {
    on_each(FIRST_WEEK, async |world| {
        let sleeper = world.host_with(settings("sleeper"), &Options::default()).await;
        sleeper.add_release(files_that_close(TAKES), None, "product", "").await.unwrap();
        let lessons: Vec<Event> = (1..=MEMBERS).map(|n| lesson(FIRST_WEEK, &format!("m{n}"), "L1", 500)).collect();
        sleeper.submit(RACE, lessons).await.unwrap();
        world.set_clock(CLOSED);
        let other = world.host_with(settings("other"), &Options::default()).await;
        let mut sleeping = pin!(sleeper.settle(RACE, 1, false));
        while world.value("select count(*) from settlements").await == "0" {
            assert!(futures_util::poll!(&mut sleeping).is_pending());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(world.value("select count(*) from settlements where owner is not null").await, "0", "it has no lease yet");
        let report = other.settle(RACE, 1, false).await.unwrap();
        assert_eq!(report.state, "done");
        let late = sleeping.await.unwrap();
        assert_eq!((&*late.state, &late.digest), ("verified", &report.digest));
        assert_eq!(world.value(TAKEN).await, (MEMBERS * 50).to_string());
        world.is_sound(&other, RACE).await;
    })
    .await;
}

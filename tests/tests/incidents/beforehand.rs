//! What a change would pay, before it pays: forecasts over the recorded events, and shadows beside live ones.

use crate::facts::*;
use crate::world::*;
use guerdon::flow::FlowError;
use guerdon::flow::effective::Effective;
use guerdon::flow::plan_views::{Both, Plan};

const MUST_FIT: &str = "\n[releases]\nforecast = \"must fit\"\n";

fn pair<T>(was: T, would: T) -> Both<T> {
    Both { was, would }
}

/// `jd-20 60 -> 65` for every reward.
fn units(plan: &Plan) -> Vec<String> {
    let rewards = &plan.forecast.as_ref().expect("a forecast").rewards;
    rewards.iter().map(|r| format!("{} {} -> {}", r.reward, r.units.was, r.units.would)).collect()
}

#[tokio::test]
async fn a_plan_says_what_the_last_cycle_would_have_paid() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.host().await;
        host.add_release(race_with(RACE, MUST_FIT), None, "product", "go-live").await.unwrap();
        import(&host, "jd-20", 1..=61).await;
        import(&host, "jd-100", 1001..=1001).await;
        assert!(
            host.plan(RACE, &campaign("learning-race-5x20"), Effective::AtOnce).await.unwrap().forecast.is_none(),
            "nothing has happened"
        );
        // Ada has 1000 points, bob 200.
        let mut events = friends(FIRST_WEEK, "ada", 0..50);
        events.extend(friends(FIRST_WEEK, "bob", 50..60));
        outcomes(&host, RACE, &events).await;
        let so_far = host.plan(RACE, &campaign("learning-race-5x20"), Effective::AtOnce).await.unwrap();
        assert!(!so_far.forecast.as_ref().unwrap().ended);
        world.set_clock(SECOND_WEEK);
        host.run_due().await;
        // What comes after the cycle is no part of it.
        outcomes(&host, RACE, &friends(SECOND_WEEK, "eve", 60..61)).await;

        let change = race_with("learning-race-5x20", MUST_FIT);
        let plan = host.plan(RACE, &change, Effective::NextCycle).await.unwrap();
        assert_eq!(units(&plan), ["jd-100 1 -> 0", "jd-20 60 -> 65"]);
        let forecast = plan.forecast.clone().unwrap();
        assert_eq!((forecast.cycle, &*forecast.first_day, forecast.ended), (1, "2020-09-22", true));
        assert_eq!(forecast.cost, Some(pair("1300.00 CNY".into(), "1300.00 CNY".into())));
        assert_eq!((forecast.gain, forecast.lose, forecast.exchange), (0, 0, 1));
        let ada: Vec<_> = forecast.members.iter().map(|m| (&*m.member, &*m.what, m.count.was, m.count.would)).collect();
        assert_eq!(ada, [("ada", "jd-100", 1, 0), ("ada", "jd-20", 50, 55)]);
        assert_eq!(forecast.budget.as_ref().map(|b| (&*b.left, b.fits)), Some(("48680.00 CNY", true)));
        // 61 codes, and 61 are gone: another such week takes 65.
        assert_eq!(
            forecast.stock.iter().map(|s| (&*s.pool, s.free, s.per_cycle.clone(), s.fits)).collect::<Vec<_>>(),
            [("jd-20", 0, pair(60, 65), false)]
        );
        let refused = "a cycle like the last one takes 65 codes of pool jd-20, and 0 are free";
        assert_eq!(plan.refused, [refused]);
        let added = host.add_release(change.clone(), Effective::NextCycle, "mia", "").await;
        assert!(matches!(added, Err(FlowError::Conflict(why)) if why == refused));
        import(&host, "jd-20", 62..=126).await;
        assert_eq!(host.add_release(change, Effective::NextCycle, "mia", "").await.unwrap().number, 2);
        // Nothing of it was booked.
        assert_eq!(world.granted("on_cycle_close").await, "1");
    })
    .await;
}

/// What a shadow would have done, as `subject: effects` for each difference.
async fn differences(host: &guerdon::flow::Host) -> Vec<String> {
    let report = host.shadow_report(RACE, None, (0, 0)).await.unwrap();
    let effects = |receipt: &serde_json::Value| {
        let list = receipt["effects"].as_array().cloned().unwrap_or_default();
        let one = |e: &serde_json::Value| format!("{} {} {}", e["effect"], e["name"], e["count"]).replace('"', "");
        list.iter().map(one).collect::<Vec<_>>().join(" + ")
    };
    report.differences.iter().map(|d| format!("{}: {} | {}", d.subject, effects(&d.was), effects(&d.would))).collect()
}

#[tokio::test]
async fn a_shadow_decides_and_pays_nothing() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.racing(300).await;
        import(&host, "jd-100", 1001..=1010).await;
        outcomes(&host, RACE, &friends(FIRST_WEEK, "ada", 0..48)).await;
        // Five points more for each account; five cards of 20 instead of one of 100.
        let change = changed(&campaign("learning-race-5x20"), &[("inviter.award(\"learning\", 20)", "inviter.award(\"learning\", 25)")]);
        let view = host.start_shadow(RACE, change.clone(), "mia", "try it").await.unwrap();
        assert_eq!((view.number, view.decisions), (1, 0));
        assert!(
            matches!(host.start_shadow(RACE, change.clone(), "li", "").await, Err(FlowError::Conflict(why)) if why.contains("is running"))
        );
        outcomes(&host, RACE, &[lesson(FIRST_WEEK, "bob", "L1", 5)]).await;
        assert_eq!(differences(&host).await, Vec::<String>::new());
        outcomes(&host, RACE, &friends(FIRST_WEEK, "ada", 48..50)).await;
        let award = |n| format!("crm opened-friend-{n}: award learning 20 + grant jd-20 1 | award learning 25 + grant jd-20 1");
        assert_eq!(differences(&host).await, [award(48), award(49)]);
        let cause = host.shadow_report(RACE, None, (0, 0)).await.unwrap().differences[0].event.clone().unwrap();
        assert_eq!((&*cause.r#type, &cause.data["invitee"]), ("account.opened", &"friend-48".into()));
        // Another host takes over where this one was: it plays the journal again.
        world.set_clock(SECOND_WEEK);
        host.run_due().await;
        let close = "the close of cycle 1 for ada: grant jd-100 1 | grant jd-20 5";
        assert_eq!(differences(&host).await, [award(48), award(49), close.to_string()]);
        let ended = host.stop_shadow(RACE, "mia").await.unwrap();
        assert_eq!((ended.differences, ended.ended_by.as_deref()), (3, Some("mia")));
        outcomes(&host, RACE, &friends(SECOND_WEEK, "ada", 50..51)).await;
        assert_eq!(differences(&host).await.len(), 3);
        assert!(matches!(host.stop_shadow(RACE, "mia").await, Err(FlowError::NotFound(_))));
        // Nothing of it was booked.
        assert_eq!(world.granted("on_cycle_close").await, "1");
        world.is_sound(&host, RACE).await;
        assert_eq!(host.campaign_view(RACE).await.unwrap().releases.len(), 1);
    })
    .await;
}

/// A host that takes a shadow over goes on where the other one was.
#[tokio::test]
async fn a_shadow_outlives_its_host() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.racing(300).await;
        let change = changed(&campaign(RACE), &[("inviter.award(\"learning\", 20)", "inviter.award(\"learning\", 25)")]);
        host.start_shadow(RACE, change, "mia", "").await.unwrap();
        outcomes(&host, RACE, &friends(FIRST_WEEK, "ada", 0..3)).await;
        assert_eq!(differences(&host).await.len(), 3);
        world.database.sql("update shadows set owner = 'gone', lease_until_ms = 0").await;
        let other = world.host().await;
        outcomes(&other, RACE, &friends(FIRST_WEEK, "ada", 3..5)).await;
        assert_eq!(differences(&other).await.len(), 5);
        // The first one sees that, and decides nothing twice.
        world.database.sql("update shadows set owner = 'gone', lease_until_ms = 0").await;
        outcomes(&host, RACE, &friends(FIRST_WEEK, "ada", 5..6)).await;
        assert_eq!(differences(&host).await.len(), 6);
        assert_eq!(world.value("select count(*) from shadow_decisions").await, "12");
    })
    .await;
}

/// Late events and their corrections are followed too, and two closes of one member add up.
#[tokio::test]
async fn a_shadow_follows_corrections() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.racing(300).await;
        outcomes(&host, RACE, &friends(FIRST_WEEK, "ada", 0..48)).await;
        host.start_shadow(RACE, campaign("learning-race-5x20"), "mia", "").await.unwrap();
        world.set_clock(SECOND_WEEK);
        host.run_due().await;
        assert_eq!(differences(&host).await, Vec::<String>::new());
        outcomes(&host, RACE, &friends(FIRST_WEEK, "ada", 48..50)).await;
        host.run_due().await;
        assert_eq!(differences(&host).await, ["the close of cycle 1 for ada: grant jd-100 1 | grant jd-20 5"]);
        host.stop_shadow(RACE, "mia").await.unwrap();
        // The first settlement finds two cycles over: the shadow closes both, and gets more events of the second.
        host.start_shadow(RACE, campaign(RACE), "mia", "the same").await.unwrap();
        outcomes(&host, RACE, &friends(SECOND_WEEK, "bob", 100..150)).await;
        world.set_clock("2020-10-13T03:00:00+08:00");
        host.settle(RACE, 2, false).await.unwrap();
        outcomes(&host, RACE, &friends("2020-10-07T12:00:00+08:00", "bob", 150..200)).await;
        host.settle(RACE, 3, false).await.unwrap();
        assert_eq!(differences(&host).await, Vec::<String>::new());
    })
    .await;
}

/// An event that is decided again has the clock of its last decision in its row: what came before it was earlier.
#[tokio::test]
async fn what_waited_moves_no_clock_ahead() {
    on_each(FIRST_WEEK, async |world| {
        let wait = ("roles.inviter = \"member.referral\"", "roles.inviter = { path = \"member.referral\", wait = \"7d\" }");
        let (rules, host) = (changed(&campaign(RACE), &[wait]), world.host().await);
        host.add_release(rules.clone(), None, "product", "").await.unwrap();
        import(&host, "jd-20", 1..=10).await;
        host.start_shadow(RACE, rules.clone(), "mia", "the same").await.unwrap();
        let events = [opened(FIRST_WEEK, "nobodys"), opened(FIRST_WEEK, "bob"), accepted(FIRST_WEEK, "ada", "bob")];
        assert_eq!(outcomes(&host, RACE, &events).await, "waiting waiting booked");
        world.set_clock("2020-10-03T12:00:00+08:00");
        host.run_due().await;
        assert_eq!(host.event(RACE, "crm", "opened-nobodys").await.unwrap().outcome, "refused");
        assert_eq!(host.event(RACE, "crm", "opened-bob").await.unwrap().outcome, "booked");
        assert_eq!(differences(&host).await, Vec::<String>::new());
        let plan = host.plan(RACE, &rules, Effective::NextCycle).await.unwrap();
        assert_eq!(units(&plan), ["jd-100 0 -> 0", "jd-20 1 -> 1"]);
    })
    .await;
}

/// A quarantined event that was corrected is followed as it was, and then as it is.
#[tokio::test]
async fn a_shadow_follows_what_was_quarantined() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.racing(10).await;
        host.start_shadow(RACE, campaign(RACE), "mia", "the same").await.unwrap();
        let broken = |lesson: &str| {
            let data = serde_json::json!({ "member": "ada", "lesson": lesson, "points": "five" });
            event(&fact(FIRST_WEEK, "course", &format!("ada-{lesson}"), "lesson.finished", &data))
        };
        assert_eq!(outcomes(&host, RACE, &[broken("L1"), broken("L2")]).await, "quarantined quarantined");
        assert_eq!(outcomes(&host, RACE, &[lesson(FIRST_WEEK, "ada", "L1", 5)]).await, "booked");
        assert_eq!(differences(&host).await, Vec::<String>::new());
        // This one was followed before it was corrected.
        assert_eq!(outcomes(&host, RACE, &[lesson(FIRST_WEEK, "ada", "L2", 5)]).await, "booked");
        assert_eq!(differences(&host).await, Vec::<String>::new());
        assert_eq!(host.shadow_report(RACE, None, (0, 0)).await.unwrap().shadow.decisions, 3, "of L1 only what it became");
    })
    .await;
}

//! I1: a timer job began again before it had finished, and inviters were paid again: 2166 cards for 736 accounts. Here
//! any number of workers and hosts deliver the same facts, each several times, at the same time: 736 cards. And a rule
//! that would pay too much stops its own campaign.

use crate::facts::*;
use crate::world::*;
use guerdon::flow::Host;
use guerdon_rules::event::Event;
use guerdon_rules::simulate::recorded::{OPENED, learning_race};
use serde_json::json;
use std::sync::Arc;

const WORKERS_OF_A_HOST: u64 = 3;
const BATCH: usize = 64;

/// Referrals and reports of the recorded race, repeats, both channels and broken ones included.
fn reports() -> (Vec<Event>, Vec<Event>) {
    let of = |kind: &str| {
        let lines = learning_race(1);
        lines.iter().map(|line| Event::from_json(line).unwrap()).filter(|event| &*event.kind == kind).collect::<Vec<_>>()
    };
    (of("guerdon.referral.accepted"), of("account.opened"))
}

/// A run of the job: everything, in an order of its own.
async fn run(host: Arc<Host>, mut events: Vec<Event>, seed: u64) {
    shuffle(&mut events, seed);
    for batch in events.chunks(BATCH) {
        submit(&host, batch).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn overlapping_runs_pay_736_accounts_736_times() {
    let (accepted, opened) = reports();
    on_each("2020-10-07T12:00:00+08:00", async |world| {
        let first = world.racing(800).await;
        let mut hosts = world.hosts(2).await;
        hosts.push(first.clone());
        let hosts = if world.database.is_sqlite() { vec![first.clone()] } else { hosts };
        let mut runs = Vec::new();
        for (index, host) in hosts.iter().enumerate() {
            for worker in 0..WORKERS_OF_A_HOST {
                // Some find the referrals in place, some bring them along in the middle.
                let events = if worker == 0 { [&accepted[..], &opened[..]].concat() } else { opened.clone() };
                runs.push(tokio::spawn(run(host.clone(), events, index as u64 * WORKERS_OF_A_HOST + worker + 1)));
            }
        }
        for run in runs {
            run.await.unwrap();
        }
        assert_eq!(world.granted("on_account_opened").await, OPENED.to_string());
        assert_eq!(world.value("select count(*) from codes where state = 2").await, OPENED.to_string());
        world.is_sound(&first, RACE).await;
    })
    .await;
}

#[tokio::test]
async fn without_the_grant_key_a_second_run_pays_again() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.racing(10).await;
        host.submit(RACE, friends(FIRST_WEEK, "ada", 0..2)).await.unwrap();
        // The same grants under new numbers, as a job without memory would write them.
        let again = "insert into grants (campaign, number, member, reward, function, cause, ordinal, state, held, pool, position, line,
               rule_line, release, cycle, at_ms, face_value)
             select campaign, number + 100, member, reward, function, cause, ordinal, state, held, pool, position, line, rule_line, release,
               cycle, at_ms, face_value from grants";
        let refused = world.database.attack(&[again], false).await.unwrap_err();
        assert!(refused.contains("is there already") || refused.contains("grants_key"), "{refused}");
        let undefended: &[&str] = match world.database.is_sqlite() {
            true => &["drop trigger grants_replace", "drop index grants_key", again],
            false => &["drop index grants_key", again],
        };
        assert_eq!(world.database.attack(undefended, false).await, Ok(2), "paid again");
    })
    .await;
}

/// A mistake in the rule: who is no new customer pays two cards. Lessons of 500 points earn one too.
const MISTAKEN: &[(&str, &str)] = &[
    (
        "if event.data.existing_customer == true { refuse(\"existing customer\"); }\n    let inviter = event.roles.inviter;",
        "let inviter = event.roles.inviter;\n    if event.data.existing_customer == true { inviter.grant(\"jd-20\"); }",
    ),
    ("let left =", "if event.data.points == 500 { event.member.grant(\"jd-20\"); }\n    let left ="),
];

#[tokio::test]
async fn a_breached_invariant_stops_its_own_campaign() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.host().await;
        host.add_release(changed(&campaign(RACE), MISTAKEN), None, "product", "a mistake").await.unwrap();
        host.add_release(changed(&campaign(RACE), &[("id = \"learning-race\"", "id = \"another-race\"")]), None, "product", "")
            .await
            .unwrap();
        import(&host, "jd-20", 1..=50).await;
        let other = world.hosts(2).await.pop().filter(|_| !world.database.is_sqlite()).unwrap_or_else(|| host.clone());
        let card = |n: usize| lesson(FIRST_WEEK, "ada", &format!("L{n}"), 500);
        let mistaken = event(&fact(FIRST_WEEK, "crm", "bad", "account.opened", &json!({"invitee": "friend-9", "existing_customer": true})));
        let before = [&friends(FIRST_WEEK, "ada", 0..3)[..], &[accepted(FIRST_WEEK, "ada", "friend-9")]].concat();
        let cards = async || {
            let views = host.grants(RACE, "ada").await.unwrap();
            let count = |state: &str| views.iter().filter(|g| g.state == state && g.owed_for.as_deref() != Some("stock")).count();
            (count("issued"), count("owed"))
        };
        let closed = async || {
            host.store.head(host.campaign(RACE).unwrap().row.campaign).await.unwrap().switches.get("issue").is_some_and(|s| s.closed)
        };

        assert_eq!(outcomes(&host, RACE, &before).await, "booked ".repeat(7).trim_end());
        assert_eq!((cards().await, closed().await), ((3, 0), false));
        assert_eq!(outcomes(&host, RACE, std::slice::from_ref(&mistaken)).await, "failed");
        assert_eq!((cards().await, closed().await), ((3, 0), true), "nothing of the event was kept, and issuing is closed");
        let view = host.campaign_view(RACE).await.unwrap().switches.remove(0);
        assert_eq!((&*view.by, view.why.contains("one card per opened account")), ("invariant", true), "{view:?}");
        // Further ones are owed, whichever host they come to; another campaign is not touched.
        assert_eq!(outcomes(&other, RACE, &[card(1)]).await, "booked");
        assert_eq!(outcomes(&host, RACE, &friends(FIRST_WEEK, "ada", 3..4)).await, "booked booked");
        assert_eq!(cards().await, (3, 2));
        assert_eq!(outcomes(&host, "another-race", &friends(FIRST_WEEK, "ben", 0..1)).await, "booked booked");
        assert_eq!(host.grants("another-race", "ben").await.unwrap()[0].state, "issued");
        // An operator opens it again: what was held is paid.
        other.set_switch(RACE, "issue", false, "operations", "the rule is mended").await.unwrap();
        assert_eq!((cards().await, closed().await), ((5, 0), false));
        // The event that failed is decided again, and closes it again, as long as the rule is wrong.
        assert_eq!(outcomes(&other, RACE, &[mistaken]).await, "failed");
        assert_eq!((cards().await, closed().await), ((5, 0), true));
        world.is_sound(&host, RACE).await;
    })
    .await;
}

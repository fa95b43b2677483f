//! Groups that are decided and written ahead of each other: small ones here, so that many are under way at the same
//! time. What comes twice, what contradicts an earlier event, and what another host writes in between must come out as
//! if every event had come alone.

use crate::facts::*;
use crate::world::*;
use guerdon::flow::{Host, Settings};
use guerdon::store::Options;
use guerdon_rules::event::Event;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;

const SENDERS: usize = 24;
const FRIENDS_OF_A_SENDER: usize = 12;

/// Members who invite: each stays below the limit of cards.
const INVITERS: usize = 4;

/// Lessons of everybody, and friends of few members.
fn of_sender(sender: usize) -> Vec<Vec<Event>> {
    let numbers = sender * FRIENDS_OF_A_SENDER..(sender + 1) * FRIENDS_OF_A_SENDER;
    let mut all = friends(FIRST_WEEK, &format!("ada-{}", sender % INVITERS), numbers.clone());
    all.extend(numbers.map(|n| lesson(FIRST_WEEK, &format!("friend-{n}"), &format!("lesson-{sender}"), 3)));
    all.chunks(6).map(<[Event]>::to_vec).collect()
}

/// Sends everything at the same time; how often each outcome was answered.
async fn send_all(hosts: &[Arc<Host>], senders: impl Iterator<Item = Vec<Vec<Event>>>) -> BTreeMap<(String, bool), usize> {
    let mut tasks = Vec::new();
    for (place, batches) in senders.enumerate() {
        let host = hosts[place % hosts.len()].clone();
        tasks.push(tokio::spawn(async move {
            let mut answers = Vec::new();
            for batch in batches {
                answers.extend(submit(&host, &batch).await);
            }
            answers
        }));
    }
    let mut counts = BTreeMap::new();
    for task in tasks {
        for answer in task.await.unwrap() {
            *counts.entry((answer.outcome, answer.repeated)).or_default() += 1;
        }
    }
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn groups_under_way_together_come_out_as_if_alone() {
    on_each(FIRST_WEEK, async |world| {
        let settings = Settings { group_events: 12, ..Settings::default() };
        let first = world.host_with(settings.clone(), &Options::default()).await;
        first.add_release(campaign(RACE), None, "product", "go-live").await.unwrap();
        import(&first, "jd-20", 1..=SENDERS * FRIENDS_OF_A_SENDER).await;
        let all = SENDERS * FRIENDS_OF_A_SENDER;
        let booked = |repeated| ("booked".to_string(), repeated);

        // Nothing is known before: every event is booked.
        let counts = send_all(std::slice::from_ref(&first), (0..SENDERS).map(of_sender)).await;
        assert_eq!(counts, [(booked(false), 3 * all)].into());

        // Everything again, from two hosts where there can be two, among reports of the same accounts under other ids.
        // The rule refuses existing customers, but the account counts already: that is what they are told.
        let mut hosts = vec![first.clone()];
        if !world.database.is_sqlite() {
            hosts.push(world.host_with(settings, &Options::default()).await);
        }
        let again = (0..SENDERS).flat_map(|sender| {
            let other_ids = (sender * FRIENDS_OF_A_SENDER..(sender + 1) * FRIENDS_OF_A_SENDER).map(|n| {
                let data = json!({"invitee": format!("friend-{n}"), "existing_customer": true});
                event(&fact(FIRST_WEEK, "broker", &format!("again-{n}"), "account.opened", &data))
            });
            let late = (0..6).map(|n| lesson(FIRST_WEEK, &format!("late-{sender}-{n}"), "lesson", 3)).collect();
            [of_sender(sender), vec![late, other_ids.collect()]]
        });
        let counts = send_all(&hosts, again).await;
        let expected = [(booked(true), 3 * all), (booked(false), 6 * SENDERS), (("duplicate".to_string(), false), all)];
        assert_eq!(counts, expected.into());

        assert_eq!(world.granted("on_account_opened").await, all.to_string());
        assert_eq!(world.value("select count(*) from codes where state = 2").await, all.to_string());
        for inviter in 0..INVITERS {
            let view = first.member(RACE, &format!("ada-{inviter}"), None).await.unwrap();
            assert_eq!((view.accounts[0].points, view.cards.len()), (20 * (all / INVITERS) as i64, all / INVITERS));
        }
        world.is_sound(&first, RACE).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hosts_that_meet_book_every_event_once() {
    on_each(FIRST_WEEK, async |world| {
        let settings = Settings { group_events: 12, ..Settings::default() };
        let first = world.host_with(settings.clone(), &Options::default()).await;
        first.add_release(campaign(RACE), None, "product", "go-live").await.unwrap();
        let all = SENDERS * FRIENDS_OF_A_SENDER;
        import(&first, "jd-20", 1..=all).await;
        let mut hosts = vec![first.clone()];
        if !world.database.is_sqlite() {
            for _ in 0..2 {
                hosts.push(world.host_with(settings.clone(), &Options::default()).await);
            }
        }
        // None of them has met another one: they decide ahead from the same head, with the same numbers for cards.
        let counts = send_all(&hosts, (0..SENDERS).map(of_sender)).await;
        assert_eq!(counts, [(("booked".to_string(), false), 3 * all)].into());

        assert_eq!(world.value("select count(*) from codes where state = 2").await, all.to_string());
        assert_eq!(world.value("select max(number) from grants").await, all.to_string());
        assert_eq!(world.value("select count(*) from events").await, (3 * all).to_string());
        world.is_sound(&first, RACE).await;
    })
    .await;
}

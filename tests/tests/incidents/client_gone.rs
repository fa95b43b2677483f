//! Callers that leave: a request dropped at any await leaves no transaction open, and its events are decided. A full queue
//! says so, and never grows.

use crate::facts::*;
use crate::world::*;
use guerdon::flow::{FlowError, Settings};
use guerdon::store::Options;
use std::pin::pin;
use std::time::Duration;

#[tokio::test]
async fn a_request_dropped_at_any_poll_is_decided() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.racing(200).await;
        for polls in 1..=12 {
            let (name, next) = (format!("friend-{polls}"), format!("next-{polls}"));
            let events = vec![accepted(FIRST_WEEK, "ada", &name), opened(FIRST_WEEK, &name)];
            {
                let mut asking = pin!(host.submit(RACE, events.clone()));
                for _ in 0..polls {
                    if futures_util::poll!(&mut asking).is_ready() {
                        break;
                    }
                    tokio::task::yield_now().await;
                }
            }
            // Who asks after it comes after it.
            submit(&host, &[lesson(FIRST_WEEK, "ada", &next, 1)]).await;
            let results = submit(&host, &events).await;
            assert!(results.iter().all(|r| r.outcome == "booked" && r.repeated), "dropped at poll {polls}: {results:?}");
            world.comes_to_rest().await;
        }
        // Never polled: nothing was asked.
        let unasked = vec![accepted(FIRST_WEEK, "ada", "unasked"), opened(FIRST_WEEK, "unasked")];
        drop(host.submit(RACE, unasked.clone()));
        assert!(submit(&host, &unasked).await.iter().all(|r| r.outcome == "booked" && !r.repeated));
        assert_eq!(world.granted("on_account_opened").await, "13");
        world.is_sound(&host, RACE).await;
    })
    .await;
}

#[tokio::test]
async fn a_full_queue_says_so_and_never_grows() {
    on_each(FIRST_WEEK, async |world| {
        let settings = Settings { queue_events: 4, ..Settings::default() };
        let host = world.host_with(settings, &Options::default()).await;
        host.add_release(campaign(RACE), None, "product", "").await.unwrap();
        let one = |n: usize| vec![lesson(FIRST_WEEK, "ada", &format!("L{n}"), 1)];
        for round in 0..3 {
            // The lane waits for the campaign's head.
            let held = host.store.begin(host.campaign(RACE).unwrap().row.campaign).await.unwrap();
            {
                let mut waiting: Vec<_> = (0..4).map(|n| Box::pin(host.submit(RACE, one(round * 10 + n)))).collect();
                for request in &mut waiting {
                    assert!(futures_util::poll!(request).is_pending());
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
                let refused = host.submit(RACE, one(99)).await;
                assert!(matches!(refused, Err(FlowError::Busy { retry_after_seconds: 1, .. })), "{refused:?}");
            }
            // Their callers left: what was accepted keeps its room until it is decided.
            for _ in 0..3 {
                assert!(matches!(host.submit(RACE, one(99)).await, Err(FlowError::Busy { .. })));
            }
            drop(held);
            while host.submit(RACE, one(round * 10 + 3)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            let booked = world.value("select count(*) from events").await;
            assert_eq!(booked, ((round + 1) * 4).to_string(), "all of them, and none of the refused");
        }
        world.comes_to_rest().await;
    })
    .await;
}

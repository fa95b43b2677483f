//! I7: 1 × 100 became 5 × 20 yuan five days before go-live, and took all five. Here a rule file changes while events
//! flow: no request fails, each cycle is settled under its own rules, and other hosts pick the change up by themselves.

use crate::facts::*;
use crate::process::{Ground, post};
use crate::world::*;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_cycle_is_settled_under_its_own_rules() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.racing(300).await;
        import(&host, "jd-100", 1001..=1010).await;
        let other = world.hosts(1).await.remove(0);
        let other = if world.database.is_sqlite() { host.clone() } else { other };
        // Both weeks bring ada 1000 points. The change comes in the middle of the first.
        let traffic = |host: Arc<guerdon::flow::Host>, time: &'static str, first: usize| {
            tokio::spawn(async move {
                for n in 0..25 {
                    let event = friends(time, "ada", first + n..first + n + 1);
                    assert_eq!(outcomes(&host, RACE, &event).await, "booked booked");
                }
            })
        };
        let flowing = [traffic(host.clone(), FIRST_WEEK, 0), traffic(other.clone(), FIRST_WEEK, 25)];
        let added = host.add_release(campaign("learning-race-5x20"), Some(at_ms(FIRST_CLOSE)), "product", "5 × 20").await.unwrap();
        assert_eq!((added.number, added.added), (2, true));
        for one in flowing {
            one.await.unwrap();
        }
        world.set_clock(SECOND_WEEK);
        host.run_due().await;
        let flowing = [traffic(host.clone(), SECOND_WEEK, 50), traffic(other.clone(), SECOND_WEEK, 75)];
        for one in flowing {
            one.await.unwrap();
        }
        // Nobody told the other host: it has seen the release in its own commits.
        assert_eq!(other.campaign(RACE).unwrap().rules.load().releases.len(), 2);
        world.set_clock("2020-10-06T03:00:00+08:00");
        other.run_due().await;
        let mut closed = BTreeMap::new();
        for grant in other.grants(RACE, "ada").await.unwrap().into_iter().filter(|g| g.function == "on_cycle_close") {
            *closed.entry((grant.cycle, grant.release, grant.reward)).or_insert(0) += 1;
        }
        let expected = BTreeMap::from([((1, 1, "jd-100".to_string()), 1), ((2, 2, "jd-20".to_string()), 5)]);
        assert_eq!(closed, expected);
        assert_eq!(world.granted("on_account_opened").await, "100");
        world.is_sound(&other, RACE).await;
    })
    .await;
}

/// The same over HTTP, with real processes: every request is answered 200 throughout.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_a_release_is_added() {
    on_each(FIRST_WEEK, async |world| {
        let ground = Ground::new(world);
        let mut hosts = vec![ground.serve()];
        if !world.database.is_sqlite() {
            hosts.push(ground.serve());
        }
        let done = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(AtomicUsize::new(0));
        let traffic: Vec<_> = (0..4)
            .map(|sender| {
                let (done, sent, address) = (done.clone(), sent.clone(), hosts[sender % hosts.len()].address.clone());
                let lessons: Vec<_> = (0..400).map(|n| ground.lesson(&format!("m{sender}"), &format!("L{n}"))).collect();
                tokio::spawn(async move {
                    let client = reqwest::Client::new();
                    // Until the release is there, and some time longer.
                    for (n, lesson) in lessons.iter().enumerate() {
                        let answers = post(&client, &address, std::slice::from_ref(lesson)).await.expect("an answer");
                        assert_eq!(answers[0]["outcome"], "booked", "{answers:?}");
                        sent.fetch_add(1, Ordering::SeqCst);
                        if n > 50 && done.load(Ordering::SeqCst) {
                            return;
                        }
                    }
                })
            })
            .collect();
        while sent.load(Ordering::SeqCst) < 20 {
            tokio::task::yield_now().await;
        }
        let text = |content: &[u8]| String::from_utf8(content.to_vec()).unwrap();
        let files: BTreeMap<String, String> =
            ground.campaign("learning-race-5x20").iter().map(|(name, content)| (name.clone(), text(content))).collect();
        let client = reqwest::Client::new();
        let release = json!({"files": files, "effective_from": ground.now, "author": "product", "note": "5 × 20"});
        let answer = client.post(format!("{}/v1/releases", hosts[0].address)).json(&release).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        // Every host, also the one that was not asked, decides by it from now on.
        for (index, host) in hosts.iter().enumerate() {
            let lesson = ground.lesson("after", &format!("L{index}"));
            post(&client, &host.address, std::slice::from_ref(&lesson)).await.unwrap();
            let query = format!("{}/v1/campaigns/{RACE}/events/lookup?source=course&id=after-L{index}", host.address);
            let event: serde_json::Value = client.get(query).send().await.unwrap().json().await.unwrap();
            assert_eq!(event["release"], 2, "{event}");
        }
        done.store(true, Ordering::SeqCst);
        for one in traffic {
            one.await.unwrap();
        }
    })
    .await;
}

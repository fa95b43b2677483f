//! I7: 1 × 100 became 5 × 20 yuan five days before go-live, and took all five. Here a rule file changes while events
//! flow: no request fails, each cycle is settled under its own rules, and other hosts pick the change up by themselves.

use crate::facts::*;
use crate::process::{Ground, post, post_codes};
use crate::world::*;
use guerdon::clock::{Clock, SystemClock};
use guerdon::flow::effective::Effective;
use guerdon::flow::proposal::Wanted;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const POLICY: &str = "\n[releases]\napprovals = 1\ncases = \"must pass\"\nforecast = \"must fit\"\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_cycle_is_settled_under_its_own_rules() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.host().await;
        host.add_release(race_with(RACE, POLICY), None, "product", "go-live").await.unwrap();
        import(&host, "jd-20", 1..=300).await;
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
        let (files, effective) = (race_with("learning-race-5x20", POLICY), Effective::NextCycle);
        let plan = host.plan(RACE, &files, effective).await.unwrap();
        assert_eq!(plan.takes_effect.parse::<jiff::Timestamp>().unwrap().as_millisecond(), at_ms(FIRST_CLOSE));
        let wanted = Wanted { files, base: plan.base, effective, author: "mia".into(), note: "5 × 20".into() };
        let proposed = host.propose(RACE, wanted).await.unwrap().proposal.unwrap();
        let live = other.approve(RACE, &proposed.hash, "li", "").await.unwrap().release.unwrap();
        assert_eq!((live.number, live.added), (2, true));
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

/// The same with real processes and the commands that people use: planned, applied and approved while events flow. Every
/// request is answered 200 throughout, and every host decides by the new release, also the one that was not asked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn planned_applied_and_approved_while_events_flow() {
    on_each(FIRST_WEEK, async |world| {
        let ground = Ground::new(world);
        let with_policy = |name: &str| {
            let mut files = ground.campaign(name);
            let text = String::from_utf8(files["campaign.toml"].to_vec()).unwrap() + POLICY;
            files.insert("campaign.toml".into(), text.into_bytes().into());
            files
        };
        ground.write("campaigns/learning-race", &with_policy(RACE));
        let mut hosts = vec![ground.serve()];
        if !world.database.is_sqlite() {
            hosts.push(ground.serve());
        }
        let client = reqwest::Client::new();
        post_codes(&client, &hosts[0].address, "jd-20", 200).await;
        let done = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(AtomicUsize::new(0));
        let traffic: Vec<_> = (0..4)
            .map(|sender| {
                let (done, sent, address) = (done.clone(), sent.clone(), hosts[sender % hosts.len()].address.clone());
                let lesson = |n: usize| ground.lesson(&format!("m{sender}"), &format!("L{n}"));
                let lessons: Vec<_> = (0..20_000).map(lesson).collect();
                tokio::spawn(async move {
                    let client = reqwest::Client::new();
                    for lesson in &lessons {
                        let answers = post(&client, &address, std::slice::from_ref(lesson)).await.expect("an answer");
                        assert_eq!(answers[0]["outcome"], "booked", "{answers:?}");
                        sent.fetch_add(1, Ordering::SeqCst);
                        if done.load(Ordering::SeqCst) {
                            return;
                        }
                    }
                })
            })
            .collect();
        while sent.load(Ordering::SeqCst) < 20 {
            tokio::task::yield_now().await;
        }

        let folder = ground.write("change", &with_policy("learning-race-5x20"));
        let path = folder.to_str().unwrap();
        let plan = ["plan", path, "--out", "change.plan", "--note", "5 × 20 as agreed"];
        let (code, told) = ground.run_as("mia", &hosts[0], &plan);
        assert_eq!(code, 0, "{told}");
        for words in ["function on_cycle_close changes", "needs 1 approval", "rewards.jd-100.face_value"] {
            assert!(told.contains(words), "{words}: {told}");
        }
        // Edited after it was planned.
        let rules = folder.join("rules.rhai");
        let text = std::fs::read_to_string(&rules).unwrap();
        std::fs::write(&rules, text.replace("5 * (member", "50 * (member")).unwrap();
        let (code, told) = ground.run_as("mia", &hosts[0], &["apply", "change.plan"]);
        assert!(code == 2 && told.contains("the plan is stale"), "{told}");
        std::fs::write(&rules, text).unwrap();
        let (code, told) = ground.run_as("mia", &hosts[0], &["apply", "change.plan", "--format", "json"]);
        assert_eq!(code, 0, "{told}");
        let applied: serde_json::Value = serde_json::from_str(&told).unwrap();
        let hash = applied["proposal"]["hash"].as_str().unwrap();
        let (code, told) = ground.run_as("mia", &hosts[0], &["approve", RACE, hash]);
        assert!(code == 2 && told.contains("mia proposed this: somebody else approves it"), "{told}");
        let other = hosts.last().unwrap();
        let (code, told) = ground.run_as("li", other, &["approve", RACE, hash]);
        assert!(code == 0 && told.contains("release 2 is live"), "{told}");

        for (index, host) in hosts.iter().enumerate() {
            let now = jiff::Timestamp::from_millisecond(SystemClock.now_ms()).unwrap().to_string();
            let data = json!({"member": "after", "lesson": format!("L{index}"), "points": 1});
            let lesson = fact(&now, "course", &format!("after-L{index}"), "lesson.finished", &data);
            post(&client, &host.address, std::slice::from_ref(&lesson)).await.unwrap();
            let query = format!("{}/v1/campaigns/{RACE}/events/lookup?source=course&id=after-L{index}", host.address);
            let event: serde_json::Value = client.get(query).send().await.unwrap().json().await.unwrap();
            assert_eq!(event["release"], 2, "{event}");
        }
        // One command back, and nobody has to be asked.
        let (code, told) = ground.run_as("ops", &hosts[0], &["rollback", RACE, "--note", "a drill"]);
        assert!(code == 0 && told.contains("release 3 brings back release 1"), "{told}");
        done.store(true, Ordering::SeqCst);
        for one in traffic {
            one.await.unwrap();
        }
    })
    .await;
}

//! I1 with kill -9: real host processes over HTTP, one of them killed again and again in the middle, callers that send
//! everything several times and retry what was not answered. Nothing acknowledged is lost, nothing is paid twice.

use crate::facts::*;
use crate::process::*;
use crate::world::*;
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const ACCOUNTS: usize = 736;
const INVITERS: usize = 8;
const SENDERS: u64 = 4;
const BATCH: usize = 32;
const KILLS: usize = 5;

/// What senders share.
struct Shared {
    /// Where to send: of each host, its present address.
    addresses: Mutex<Vec<String>>,
    /// Source, id and outcome of everything that was answered.
    acknowledged: Mutex<Vec<(Value, Value)>>,
    batches: AtomicUsize,
}

/// Sends everything, in an order of its own, each batch until it is answered.
async fn send(shared: Arc<Shared>, mut facts: Vec<Value>, sender: u64) {
    let client = reqwest::Client::new();
    shuffle(&mut facts, sender);
    for (index, batch) in facts.chunks(BATCH).enumerate() {
        let mut attempt = sender as usize + index;
        loop {
            let address = {
                let addresses = shared.addresses.lock().unwrap();
                addresses[attempt % addresses.len()].clone()
            };
            match post(&client, &address, batch).await {
                Ok(results) => {
                    let answers = results.into_iter().map(|r| (r["id"].clone(), r["outcome"].clone()));
                    shared.acknowledged.lock().unwrap().extend(answers);
                    shared.batches.fetch_add(1, Ordering::SeqCst);
                    break;
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
            attempt += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_host_loses_nothing_and_pays_nothing_twice() {
    on_each("2020-09-22T00:00:00+08:00", async |world| {
        let ground = Ground::new(world);
        let client = reqwest::Client::new();
        let mut hosts = vec![ground.serve()];
        if !world.database.is_sqlite() {
            hosts.push(ground.serve());
        }
        post_codes(&client, &hosts[0].address, "jd-20", 800).await;
        let invited: Vec<String> = (0..ACCOUNTS).map(|n| format!("friend-{n}")).collect();
        let accepted = invited.iter().enumerate().map(|(n, friend)| ground.accepted(&format!("inviter-{}", n % INVITERS), friend));
        let opened: Vec<Value> = invited.iter().map(|friend| ground.opened(friend)).collect();
        let addresses = hosts.iter().map(|h| h.address.clone()).collect();
        let shared = Arc::new(Shared { addresses: Mutex::new(addresses), acknowledged: Mutex::default(), batches: AtomicUsize::new(0) });
        let with_referrals: Vec<Value> = accepted.chain(opened.iter().cloned()).collect();
        let senders: Vec<_> = (0..SENDERS)
            .map(|n| tokio::spawn(send(shared.clone(), if n == 0 { with_referrals.clone() } else { opened.clone() }, n + 1)))
            .collect();
        let all = (opened.len() * SENDERS as usize + ACCOUNTS) / BATCH;
        for kill in 1..=KILLS {
            while shared.batches.load(Ordering::SeqCst) < kill * all / (KILLS + 2) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            hosts[0].kill();
            hosts[0] = ground.serve();
            shared.addresses.lock().unwrap()[0] = hosts[0].address.clone();
        }
        for sender in senders {
            sender.await.unwrap();
        }
        // Whatever was acknowledged is there: sent again, it is known, with the outcome that its caller was told, or the
        // one that followed when the referral came.
        let last = hosts.len() - 1;
        let mut known = Vec::new();
        for batch in opened.chunks(256) {
            known.extend(post(&client, &hosts[last].address, batch).await.unwrap());
        }
        assert!(known.iter().all(|r| r["outcome"] == "booked" && r["repeated"] == true), "{known:?}");
        let acknowledged = shared.acknowledged.lock().unwrap().clone();
        assert!(acknowledged.iter().all(|(_, outcome)| outcome == "booked" || outcome == "waiting"), "{acknowledged:?}");
        drop(hosts);
        assert_eq!(world.granted("on_account_opened").await, ACCOUNTS.to_string());
        assert_eq!(world.value("select count(*) from codes where state = 2").await, ACCOUNTS.to_string());
        let host = world.host().await;
        world.is_sound(&host, RACE).await;
    })
    .await;
}

/// A report that waited for its referral is decided in a commit of its own, right after the one that brought it. When the
/// host dies, or the database fails, between the two, the card still comes: as soon as somebody looks for what is due.
#[tokio::test]
async fn what_waited_is_decided_although_its_commit_never_came() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.racing(5).await;
        let [make, mend] = world.fault("grants");
        world.database.sql(&make).await;
        let both = [opened(FIRST_WEEK, "friend"), accepted(FIRST_WEEK, "ada", "friend")];
        assert_eq!(outcomes(&host, RACE, &both).await, "waiting booked");
        world.database.sql(&mend).await;
        assert_eq!(world.granted("on_account_opened").await, "0");
        let other = world.host().await;
        world.set_clock("2020-09-23T12:00:05+08:00");
        other.run_due().await;
        assert_eq!(world.granted("on_account_opened").await, "1");
        assert_eq!(world.value("select count(*) from waits").await, "0");
        world.is_sound(&other, RACE).await;
    })
    .await;
}

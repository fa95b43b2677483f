//! How fast a store books: deltas of 1000 booked events, each with a changed member, a standing, an event, a posting and
//! a journal line; then the same with a card for each; then an import of codes.
//!
//! `cargo run --release -p guerdon-tests --example store_rate -- ADDRESS…`; without one, both stores in fresh databases.

use guerdon::store::{self, Options, Store};
use guerdon_rules::book::rows::Delta;
use guerdon_tests::{postgres, rows};
use std::sync::Arc;
use std::time::{Duration, Instant};

const EVENTS: i64 = 1000;
const MEMBERS: i64 = 20_000;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut addresses: Vec<String> = std::env::args().skip(1).collect();
    if addresses.is_empty() {
        addresses = vec![folder.path().join("rate.db").display().to_string(), postgres::database().await];
    }
    for address in addresses {
        let store = store::open(&address, &Options::default()).await.expect("the store opens");
        measure(store).await;
    }
}

async fn measure(store: Arc<dyn Store>) {
    let campaign = store.ensure_campaign("rate", 0).await.expect("a campaign").campaign;
    members(&*store, campaign).await;
    report(&*store, "booked", book(&*store, campaign, 40, None).await, 40 * EVENTS);
    let begun = Instant::now();
    for chunk in 0..10 {
        store.import_codes("jd-20", &rows::codes(chunk * 5000, 5000), 0).await.expect("an import");
    }
    report(&*store, "codes imported", begun.elapsed(), 50_000);
    report(&*store, "booked with a card each", book(&*store, campaign, 20, Some("jd-20")).await, 20 * EVENTS);
}

fn report(store: &dyn Store, what: &str, took: Duration, count: i64) {
    println!("{:<9} {what}: {:.0}/s", store.backend(), count as f64 / took.as_secs_f64());
}

async fn members(store: &dyn Store, campaign: i32) {
    for first in (1..=MEMBERS).step_by(1000) {
        let mut open = store.begin(campaign).await.expect("a transaction");
        let mut delta = rows::delta(open.head());
        delta.new_members = (first..first + 1000).map(rows::member).collect();
        delta.head.last_member = first + 999;
        open.write(&delta).await.expect("members");
        open.commit().await.expect("a commit");
    }
}

async fn book(store: &dyn Store, campaign: i32, batches: i64, pool: Option<&str>) -> Duration {
    let begun = Instant::now();
    for batch in 0..batches {
        let mut open = store.begin(campaign).await.expect("a transaction");
        let mut delta: Delta = rows::delta(open.head());
        let pool = match pool {
            Some(name) => Some(open.pools(&[name]).await.expect("the pool")[0].pool),
            None => None,
        };
        let (position, last_grant) = (delta.head.position, delta.head.last_grant);
        let first = batch * EVENTS % MEMBERS;
        for place in 1..=EVENTS {
            let (line, member) = (place as i32, first + place);
            delta.changed_members.push(rows::standing_member(member, 1, 1));
            delta.standings.push(rows::standing(1, 1, member));
            delta.new_events.push(rows::event(&format!("{position}-{line}"), member, position, line));
            delta.postings.push(rows::posting(line, member));
            if let Some(pool) = pool {
                delta.grants.push(rows::grant(last_grant + place, pool));
                delta.head.last_grant += 1;
            }
            if place > 1 {
                delta.journal.push(rows::journal(line));
            }
        }
        open.write(&delta).await.expect("a delta");
        open.commit().await.expect("a commit");
    }
    begun.elapsed()
}

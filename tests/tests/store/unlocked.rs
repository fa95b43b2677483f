//! Commits of what was decided without the campaign's lock, in one statement or with the new rows first: all of it, as a
//! transaction would have written it, or nothing, when anything is not as it was seen.

use guerdon::store::postgres::group_statements;
use guerdon::store::{Kept, Seen, SettlementRow, SettlementState, Store, StoreError};
use guerdon_rules::book::rows::{Delta, GrantRow, Head, StandingRow};
use guerdon_tests::rows::*;
use guerdon_tests::stores::World;
use std::time::Duration;

/// How a delta is written.
const WAYS: [&str; 2] = ["at once", "new rows first"];

async fn write(way: &str, store: &dyn Store, seen: &Seen, delta: &Delta) -> Result<bool, StoreError> {
    match way {
        "at once" => Ok(store.write_at_once(seen, delta).await?.expect("PostgreSQL, and a whole delta")),
        _ => store.write_early(delta).await?.finish(seen, delta, None).await,
    }
}

/// After a refusal: PostgreSQL tells of it before it gives its locks back, so that the next one may just meet them.
async fn write_after_refusal(way: &str, store: &dyn Store, seen: &Seen, delta: &Delta) -> Result<bool, StoreError> {
    for _ in 0..100 {
        match write(way, store, seen, delta).await {
            Ok(false) => tokio::time::sleep(Duration::from_millis(10)).await,
            other => return other,
        }
    }
    Ok(false)
}

/// A campaign, and five codes in the pool `a`.
async fn with_codes(store: &dyn Store) -> i32 {
    let campaign = store.ensure_campaign("race", 0).await.unwrap().campaign;
    store.import_codes("a", &codes(1, 5), 0).await.unwrap();
    campaign
}

async fn seen(store: &dyn Store, campaign: i32, pool: &str) -> Seen {
    let mut open = store.begin(campaign).await.unwrap();
    let pools = open.pools(&[pool]).await.unwrap();
    let seen = Seen { head: open.head().clone(), pools };
    open.commit().await.unwrap();
    seen
}

/// A group of every kind of row that a group has as a rule.
fn group(head: &Head, pool: i32) -> Delta {
    let mut delta = issuing(head, vec![grant(1, pool), grant(2, pool)]);
    delta.head.last_member = 2;
    delta.new_members = vec![standing_member(1, 1, 1), standing_member(2, 2, 1)];
    delta.new_events = vec![event("e1", 1, delta.head.position, 1)];
    delta.postings = vec![posting(1, 1)];
    delta.standings = vec![standing(1, 1, 1), standing(1, 1, 2), standing(2, 1, 2)];
    delta.cycles = vec![cycle(1)];
    delta
}

#[tokio::test]
async fn what_is_as_it_was_seen_is_written_as_in_a_transaction() {
    let mut dumps = Vec::new();
    for way in ["in a transaction", "at once", "new rows first"] {
        let world = World::postgres().await;
        let store = &*world.store;
        let campaign = with_codes(store).await;
        let before = seen(store, campaign, "a").await;
        let first = group(&before.head, before.pools[0].pool);
        let changed = |seen: &Seen| Delta {
            changed_members: vec![standing_member(1, 2, 1), standing_member(2, 2, 1)],
            moved: vec![1],
            standings: vec![standing(2, 1, 1)],
            changed_standings: vec![StandingRow { tally: tally(&[1, 40]), ..standing(1, 1, 2) }],
            ..issuing(&seen.head, vec![grant(3, seen.pools[0].pool)])
        };
        for next in [true, false] {
            let now = seen(store, campaign, "a").await;
            let delta = if next { first.clone() } else { changed(&now) };
            if WAYS.contains(&way) {
                assert!(write(way, store, &now, &delta).await.unwrap(), "{way}");
            } else {
                let mut open = store.begin(campaign).await.unwrap();
                open.write(&delta).await.unwrap();
                open.commit().await.unwrap();
            }
        }
        let after = seen(store, campaign, "a").await;
        assert_eq!((after.head.position, after.pools[0].available), (2, 2), "{way}");
        dumps.push(world.dump().await);
    }
    assert_eq!(dumps[0], dumps[1]);
    assert_eq!(dumps[0], dumps[2]);
}

#[tokio::test]
async fn what_is_not_as_it_was_seen_leaves_nothing() {
    for way in WAYS {
        let world = World::postgres().await;
        let store = &*world.store;
        let campaign = with_codes(store).await;
        let right = seen(store, campaign, "a").await;
        let delta = group(&right.head, right.pools[0].pool);
        let before = world.dump().await;

        let others_wrote = Seen { head: Head { position: 7, ..right.head.clone() }, ..right.clone() };
        assert!(!write(way, store, &others_wrote, &delta).await.unwrap(), "{way}: the head");
        let mut others_took = right.clone();
        others_took.pools[0].available = 4;
        assert!(!write(way, store, &others_took, &delta).await.unwrap(), "{way}: the pool");
        let held = store.begin(campaign).await.unwrap();
        let waits = tokio::time::timeout(Duration::from_secs(5), write(way, store, &right, &delta)).await;
        assert!(!waits.expect("it does not wait for the lock").unwrap(), "{way}: the lock");
        held.commit().await.unwrap();

        let of_nobody = Delta { changed_members: vec![member(9)], ..delta.clone() };
        assert!(matches!(write(way, store, &right, &of_nobody).await, Err(StoreError::Refused(_))), "{way}: a row that is not there");
        let pool = right.pools[0].pool;
        let too_many: Vec<GrantRow> = (1..=6).map(|number| grant(number, pool)).collect();
        let beyond_stock = Delta { grants: issuing(&right.head, too_many).grants, ..delta.clone() };
        assert!(matches!(write_after_refusal(way, store, &right, &beyond_stock).await, Err(StoreError::Refused(_))), "{way}: codes");

        assert_eq!(world.dump().await, before, "{way}");
        assert!(write_after_refusal(way, store, &right, &delta).await.unwrap(), "{way}");
        let written = world.dump().await;
        assert!(write(way, store, &right, &delta).await.is_err_and(|e| matches!(e, StoreError::Refused(_))) || way == "at once");
        assert_eq!(world.dump().await, written, "{way}: a second time");
    }
}

#[tokio::test]
async fn what_needs_more_than_one_statement_is_left_to_a_transaction() {
    let world = World::postgres().await;
    let store = &*world.store;
    let campaign = store.ensure_campaign("race", 0).await.unwrap().campaign;
    let right = seen(store, campaign, "a").await;
    let delta = delta(&right.head);
    let owed = owed(1, right.pools[0].pool, guerdon_rules::book::rows::Held::Stock);
    let cases = [
        ("a changed event", Delta { changed_events: vec![event("e1", 1, 1, 1)], ..delta.clone() }),
        ("a wait that ended", Delta { ended_waits: vec![key("e1")], ..delta.clone() }),
        ("a correction that is due", Delta { corrections: vec![(1, 2)], ..delta.clone() }),
        ("a grant that waits for stock", issuing(&right.head, vec![owed])),
    ];
    for (name, delta) in cases {
        assert_eq!(store.write_at_once(&right, &delta).await.unwrap(), None, "{name}");
        assert!(!store.writes_early(&delta), "{name}");
    }
    let sqlite = World::sqlite().await;
    let campaign = sqlite.store.ensure_campaign("race", 0).await.unwrap().campaign;
    let right = seen(&*sqlite.store, campaign, "a").await;
    assert_eq!(sqlite.store.write_at_once(&right, &delta).await.unwrap(), None);
    assert!(!sqlite.store.writes_early(&delta));
}

#[tokio::test]
async fn a_settlement_that_lost_its_lease_keeps_nothing() {
    let world = World::postgres().await;
    let store = &*world.store;
    let campaign = store.ensure_campaign("race", 0).await.unwrap().campaign;
    let right = seen(store, campaign, "a").await;
    let mut open = store.begin(campaign).await.unwrap();
    let row = SettlementRow { state: SettlementState::Running, release: 1, ..SettlementRow::planned(1, 1, "the cycle ended") };
    open.put_settlement(&row).await.unwrap();
    let stale = open.take_lease(1, 1, "a", 0).await.unwrap().unwrap();
    let fence = open.take_lease(1, 1, "b", 60).await.unwrap().unwrap();
    open.commit().await.unwrap();
    let delta = delta(&right.head);
    for (fence, is_kept) in [(stale, false), (fence, true)] {
        let before = world.dump().await;
        let kept = Kept { row: SettlementRow { cursor: 9, ..row.clone() }, fence, lease_seconds: 60 };
        let early = store.write_early(&delta).await.unwrap();
        assert_eq!(early.finish(&right, &delta, Some(&kept)).await.unwrap(), is_kept);
        assert_eq!(world.dump().await == before, !is_kept, "fence {fence}");
    }
    assert_eq!(store.settlements(campaign).await.unwrap()[0].cursor, 9);
}

/// The types of the statements' parameters: where none of them names one, it is that of the column, or of the condition.
fn parameter_types(texts: &[&str]) -> String {
    let mut types = vec!["text"; 95];
    for (number, unnamed) in [(1, "integer"), (83, "integer"), (84, "integer"), (89, "boolean"), (95, "boolean")] {
        types[number - 1] = unnamed;
    }
    for number in [2, 81, 82, 90] {
        types[number - 1] = "bigint";
    }
    for (number, rest) in texts.iter().flat_map(|text| text.split('$').skip(1)).filter_map(|part| part.split_once("::")) {
        if let Ok(number) = number.parse::<usize>() {
            let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '[' && c != ']').unwrap_or(rest.len());
            types[number - 1] = &rest[..end];
        }
    }
    types.join(", ")
}

#[tokio::test]
async fn every_statement_for_a_group_is_one_that_postgresql_takes() {
    let world = World::postgres().await;
    let texts: Vec<&str> = group_statements().collect();
    let types = parameter_types(&texts);
    for text in &texts {
        world.sql(&format!("prepare group_statement ({types}) as {text}; deallocate group_statement")).await;
    }
    assert_eq!(texts.len(), 256, "seven parts, each there or not, with and without the lock");
}

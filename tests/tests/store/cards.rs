//! Codes: the lowest available goes first, whatever the hint says; what is not there is owed, and counted.

use guerdon::store::{Imported, PoolStatus, Store, StoreError};
use guerdon_rules::book::rows::{GrantRow, GrantState, Held};
use guerdon_tests::rows::*;
use guerdon_tests::stores::{World, on_both};

async fn pool(store: &dyn Store, campaign: i32, name: &str) -> i32 {
    let mut open = store.begin(campaign).await.unwrap();
    let number = open.pools(&[name]).await.unwrap()[0].pool;
    open.commit().await.unwrap();
    number
}

async fn issue(store: &dyn Store, campaign: i32, grants: Vec<GrantRow>) -> Result<(), StoreError> {
    let mut open = store.begin(campaign).await?;
    let next = issuing(open.head(), grants);
    open.write(&next).await?;
    open.commit().await
}

/// The number of a grant's code.
async fn code_of(store: &dyn Store, campaign: i32, grant: i64) -> Option<i64> {
    store.begin(campaign).await.unwrap().grant_with_code(grant).await.unwrap().unwrap().code_number
}

async fn counts(store: &dyn Store, campaign: i32, name: &str) -> (i64, i64) {
    let mut open = store.begin(campaign).await.unwrap();
    let pool = open.pools(&[name]).await.unwrap().remove(0);
    (pool.available, pool.owed)
}

async fn set_state(world: &World, campaign: i32, grant: i64, state: GrantState) -> Result<(), StoreError> {
    let mut open = world.store.begin(campaign).await?;
    open.set_grant_state(grant, state).await?;
    open.commit().await
}

#[tokio::test]
async fn the_lowest_available_code_goes_first() {
    on_both(async |world| {
        let store = &*world.store;
        let campaign = store.ensure_campaign("race", 0).await.unwrap().campaign;
        let (a, b) = (pool(store, campaign, "a").await, pool(store, campaign, "b").await);
        store.import_codes("a", &codes(1, 10), 0).await.unwrap();
        store.import_codes("b", &codes(100, 10), 0).await.unwrap();
        issue(store, campaign, vec![grant(1, a), grant(2, b), grant(3, a), GrantRow { pool: None, ..grant(4, a) }, grant(5, b)])
            .await
            .unwrap();
        for (number, code) in [(1, Some(1)), (2, Some(1)), (3, Some(2)), (4, None), (5, Some(2))] {
            assert_eq!(code_of(store, campaign, number).await, code, "grant {number}");
        }
        // A recalled card comes back, and goes out first again; a revealed one never does.
        set_state(world, campaign, 1, GrantState::Recalled).await.unwrap();
        set_state(world, campaign, 3, GrantState::Revealed).await.unwrap();
        set_state(world, campaign, 3, GrantState::Recalled).await.unwrap();
        assert_eq!(counts(store, campaign, "a").await, (9, 0));
        issue(store, campaign, vec![grant(6, a), grant(7, a)]).await.unwrap();
        assert_eq!((code_of(store, campaign, 6).await, code_of(store, campaign, 7).await), (Some(1), Some(3)));
        // A hint that jumped past available codes does not hide them.
        world.sql("update pools set first_available = 9 where name = 'a'").await;
        let grants = (8..=13).map(|number| grant(number, a)).collect();
        issue(store, campaign, grants).await.unwrap();
        assert_eq!(code_of(store, campaign, 8).await, Some(9));
        issue(store, campaign, vec![grant(14, a)]).await.unwrap();
        assert_eq!(code_of(store, campaign, 14).await, Some(8));
        assert_eq!(counts(store, campaign, "a").await, (0, 0));
        let with_code = store.begin(campaign).await.unwrap().grant_with_code(2).await.unwrap().unwrap();
        assert_eq!((with_code.pool_name.as_deref(), with_code.code), (Some("b"), Some(codes(100, 1).remove(0))));
        assert!(store.begin(campaign).await.unwrap().grant_with_code(99).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_pool_that_said_too_much_is_corrected_and_the_retry_decides_right() {
    on_both(async |world| {
        let store = &*world.store;
        let campaign = store.ensure_campaign("race", 0).await.unwrap().campaign;
        let a = pool(store, campaign, "a").await;
        store.import_codes("a", &codes(1, 2), 0).await.unwrap();
        world.sql("update pools set available = 5 where name = 'a'").await;
        let error = issue(store, campaign, vec![grant(1, a), grant(2, a), grant(3, a)]).await.unwrap_err();
        assert!(matches!(error, StoreError::Busy(_)), "{error:?}");
        assert_eq!(counts(store, campaign, "a").await, (2, 0));
        assert_eq!(store.head(campaign).await.unwrap().position, 0);
        issue(store, campaign, vec![grant(1, a), grant(2, a), owed(3, a, Held::Stock)]).await.unwrap();
        assert_eq!(counts(store, campaign, "a").await, (0, 1));
    })
    .await;
}

#[tokio::test]
async fn what_is_owed_is_counted_filled_and_voided() {
    on_both(async |world| {
        let store = &*world.store;
        let campaign = store.ensure_campaign("race", 0).await.unwrap().campaign;
        let a = pool(store, campaign, "a").await;
        let grants = vec![
            owed(1, a, Held::Stock),
            owed(2, a, Held::Budget),
            owed(3, a, Held::Stock),
            owed(4, a, Held::Stock),
            GrantRow { pool: None, ..owed(5, a, Held::Switch) },
        ];
        issue(store, campaign, grants).await.unwrap();
        assert_eq!(counts(store, campaign, "a").await, (0, 3));
        let mut open = store.begin(campaign).await.unwrap();
        let numbers = |grants: Vec<GrantRow>| grants.iter().map(|g| g.number).collect::<Vec<_>>();
        assert_eq!(numbers(open.owed(a, 2).await.unwrap()), [1, 3]);
        assert_eq!(numbers(open.held(i64::MAX, 9).await.unwrap()), [2, 5]);
        open.unhold(&[2, 5, 1]).await.unwrap();
        assert_eq!(numbers(open.owed(a, 9).await.unwrap()), [1, 2, 3, 4]);
        assert!(open.held(i64::MAX, 9).await.unwrap().is_empty());
        open.commit().await.unwrap();
        assert_eq!(counts(store, campaign, "a").await, (0, 4));

        store.import_codes("a", &codes(1, 2), 0).await.unwrap();
        let mut open = store.begin(campaign).await.unwrap();
        open.fill(&[1, 5, 2]).await.unwrap();
        open.commit().await.unwrap();
        assert_eq!(counts(store, campaign, "a").await, (0, 2));
        assert_eq!((code_of(store, campaign, 1).await, code_of(store, campaign, 2).await), (Some(1), Some(2)));
        assert_eq!(store.grant(campaign, 5).await.unwrap().unwrap().state, GrantState::Issued);
        let mut open = store.begin(campaign).await.unwrap();
        assert!(matches!(open.fill(&[3]).await, Err(StoreError::Busy(_))), "there is no code");
        let mut open = store.begin(campaign).await.unwrap();
        assert!(matches!(open.fill(&[1]).await, Err(StoreError::Refused(_))), "it is issued already");
        drop(open);
        set_state(world, campaign, 3, GrantState::Void).await.unwrap();
        assert_eq!(counts(store, campaign, "a").await, (0, 1));
        let refused = set_state(world, campaign, 3, GrantState::Revealed).await.unwrap_err();
        assert!(refused.to_string().contains("grant 3 of campaign 1 is void: it cannot become revealed"), "{refused}");
        assert_eq!(store.pool_status().await.unwrap(), [PoolStatus { name: "a".into(), imported: 2, available: 0, issued: 2, owed: 1 }]);
    })
    .await;
}

#[tokio::test]
async fn a_code_is_imported_once() {
    on_both(async |world| {
        let store = &*world.store;
        let mut list = codes(1, 3);
        list.insert(1, list[0].clone());
        list[1].sealed = vec![1];
        assert_eq!(store.import_codes("a", &list, 7).await.unwrap(), Imported { accepted: 3, duplicate: 1 });
        assert_eq!(store.import_codes("b", &codes(3, 2), 8).await.unwrap(), Imported { accepted: 1, duplicate: 1 });
        assert_eq!(store.import_codes("a", &codes(1, 3), 9).await.unwrap(), Imported { accepted: 0, duplicate: 3 });
        assert_eq!(store.import_codes("c", &[], 9).await.unwrap(), Imported::default());
        assert_eq!(store.import_codes("a", &codes(1000, 10_000), 9).await.unwrap().accepted, 10_000);
        assert_eq!(store.pool_status().await.unwrap()[0].available, 10_003);
    })
    .await;
}

#[tokio::test]
async fn campaigns_that_share_a_pool_never_share_a_code() {
    let story = async |world: &World| {
        world.store.import_codes("a", &codes(1, 200), 0).await.unwrap();
        let mut writers = Vec::new();
        for name in ["x", "y", "z"] {
            let campaign = world.store.ensure_campaign(name, 0).await.unwrap().campaign;
            let store = world.store.clone();
            writers.push(tokio::spawn(async move {
                for number in 1..=50 {
                    let mut open = store.begin(campaign).await.unwrap();
                    let pool = open.pools(&["a"]).await.unwrap()[0].pool;
                    let next = issuing(open.head(), vec![grant(number, pool)]);
                    open.write(&next).await.unwrap();
                    open.commit().await.unwrap();
                }
            }));
        }
        for writer in writers {
            writer.await.unwrap();
        }
        let status = &world.store.pool_status().await.unwrap()[0];
        assert_eq!((status.available, status.issued), (50, 150));
        assert_eq!(world.store.code_mismatches().await.unwrap(), Vec::<String>::new());
    };
    // Which campaign gets which code depends on who comes first, so that the tables are not compared.
    story(&World::sqlite().await).await;
    story(&World::postgres().await).await;
}

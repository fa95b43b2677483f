//! Opening: by whom, how often, and which databases are not opened.

use guerdon::store::{self, Options, ReleaseRow, StoreError, encode};
use guerdon_rules::language::Files;
use guerdon_tests::postgres;
use guerdon_tests::stores::on_both;

#[tokio::test]
async fn a_newer_or_changed_database_is_refused() {
    on_both(async |world| {
        let cast = if world.is_sqlite() { "x'00'" } else { "'\\x00'" };
        let newer = format!(
            "insert into _sqlx_migrations (version, description, installed_on, success, checksum, execution_time)
             values (9001, 'later', current_timestamp, true, {cast}, 0)"
        );
        world.sql(&newer).await;
        let refused = store::open(&world.address, &Options::default()).await.err();
        assert!(matches!(refused, Some(StoreError::Newer { database: 9001, host: 10 })), "{refused:?}");
        world.sql("delete from _sqlx_migrations where version = 9001").await;
        store::open(&world.address, &Options::default()).await.map(drop).unwrap();
        world.sql(&format!("update _sqlx_migrations set checksum = {cast} where version = 1")).await;
        let refused = store::open(&world.address, &Options::default()).await.err().unwrap().to_string();
        assert!(refused.contains("migration 1 of the database is not the one of this host"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn several_hosts_open_a_new_database_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for address in [folder.path().join("new.db").display().to_string(), postgres::database().await] {
        let opening: Vec<_> = (0..6)
            .map(|_| {
                let address = address.clone();
                tokio::spawn(async move { store::open(&address, &Options::default()).await.map(drop) })
            })
            .collect();
        for one in opening {
            one.await.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_unavailable() {
    for address in ["/nowhere/at/all.db", "postgres://nobody@127.0.0.1:1/nothing"] {
        let refused = store::open(address, &Options::default()).await.err();
        assert!(matches!(refused, Some(StoreError::Unavailable(_))), "{address}: {refused:?}");
    }
}

#[tokio::test]
async fn releases_and_names_come_back() {
    on_both(async |world| {
        let store = &*world.store;
        let campaign = store.ensure_campaign("race", 0).await.unwrap().campaign;
        let folder: Files = [("rules.rhai".to_string(), b"fn on_x(event) {}\0".as_slice().into())].into();
        let release = |number| ReleaseRow {
            number,
            hash: "ab".into(),
            effective_from_ms: 1,
            files: encode::files(&folder),
            author: "me".into(),
            note: "first".into(),
            at_ms: 2,
            copy_of: (number == 2).then_some(1),
        };
        let mut open = store.begin(campaign).await.unwrap();
        open.add_release(&release(1)).await.unwrap();
        open.add_release(&release(2)).await.unwrap();
        open.add_names(1, &["learning".to_string(), "jd-20".to_string()]).await.unwrap();
        open.add_names(3, &["'\"行".to_string()]).await.unwrap();
        open.commit().await.unwrap();
        assert_eq!(store.releases(campaign, 1).await.unwrap(), [release(2)]);
        assert_eq!(encode::unpack(&store.releases(campaign, 0).await.unwrap()[0].files).unwrap(), folder);
        assert_eq!(store.names(campaign).await.unwrap(), ["learning", "jd-20", "'\"行"]);
        let mut open = store.begin(campaign).await.unwrap();
        assert!(matches!(open.add_release(&release(2)).await, Err(StoreError::Refused(_))));
        drop(open);
        let mut open = store.begin(campaign).await.unwrap();
        assert!(matches!(open.add_names(4, &["learning".to_string()]).await, Err(StoreError::Refused(_))));
        drop(open);
        assert_eq!(store.campaigns().await.unwrap()[0].id, "race");
    })
    .await;
}

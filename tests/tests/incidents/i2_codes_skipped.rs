//! I2: codes were handed out by walking a sequence that had jumped past 1700 unissued ones, and customers got nothing.
//! Here a position is a hint: codes go by state, nobody waits while there is one, and who waits is served first.

use crate::facts::*;
use crate::world::*;

#[tokio::test]
async fn a_position_that_jumped_hides_no_code() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.racing(30).await;
        let states = async || {
            let of = |state: &str| format!("select count(*) from grants where state = {state}");
            (world.value(&of("2")).await, world.value(&of("1")).await)
        };
        let mut friend = 0;
        // Beyond the last code, in the middle, back at the start: each time somebody moved it by hand.
        for moved_to in ["31", "1000000", "17", "1", "0", "29"] {
            world.database.sql(&format!("update pools set first_available = {moved_to}")).await;
            host.submit(RACE, friends(FIRST_WEEK, "ada", friend..friend + 5)).await.unwrap();
            friend += 5;
            assert_eq!(states().await, (friend.to_string(), "0".to_string()), "moved to {moved_to}");
        }
        assert_eq!(world.value("select count(*) from codes where state = 1").await, "0");
        // None is left: three are owed, and that is reported.
        host.submit(RACE, friends(FIRST_WEEK, "ada", 30..33)).await.unwrap();
        let pool = host.pools().await.unwrap().into_iter().find(|p| p.pool == "jd-20").unwrap();
        assert_eq!((pool.imported, pool.available, pool.issued, pool.owed), (30, 0, 30, 3));
        // Stock arrives behind a position that is wrong: the oldest is served first.
        world.database.sql("update pools set first_available = 5000").await;
        let owed = "select min(number) from grants where state = 1";
        assert_eq!(world.value(owed).await, "31");
        assert_eq!(import(&host, "jd-20", 31..=31).await.filled, 1);
        assert_eq!((world.value(owed).await, states().await), ("32".into(), ("31".into(), "2".into())));
        assert_eq!(import(&host, "jd-20", 32..=34).await.filled, 2);
        assert_eq!(states().await, ("33".into(), "0".into()));
        world.is_sound(&host, RACE).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_waits_while_stock_and_grants_arrive_together() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.racing(0).await;
        let others = world.hosts(1).await;
        let importer = if world.database.is_sqlite() { host.clone() } else { others[0].clone() };
        let sending = {
            let host = host.clone();
            tokio::spawn(async move {
                for n in 0..20 {
                    submit(&host, &friends(FIRST_WEEK, "ada", n * 3..n * 3 + 3)).await;
                }
            })
        };
        for n in 0..12 {
            import(&importer, "jd-20", n * 5 + 1..=n * 5 + 5).await;
        }
        sending.await.unwrap();
        // A grant may have been decided just after the last look at what is owed: looking again leaves nobody behind.
        importer.run_due().await;
        let left = world.value("select count(*) from codes where state = 1").await;
        assert_eq!((left.as_str(), &*world.value("select count(*) from grants where state = 1").await), ("0", "0"));
        world.is_sound(&host, RACE).await;
    })
    .await;
}

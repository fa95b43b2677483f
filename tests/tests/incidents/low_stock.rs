//! A pool that runs low is told before it is empty: once, and again only after it recovered.

use crate::facts::*;
use crate::world::*;

#[tokio::test]
async fn a_pool_that_runs_low_is_warned_of_once_until_it_recovers() {
    on_each(FIRST_WEEK, async |world| {
        let mut files = campaign(RACE);
        let toml = String::from_utf8(files["campaign.toml"].to_vec()).unwrap();
        files.insert("campaign.toml".into(), toml.replace("pool = \"jd-20\"", "pool = \"jd-20\"\nlow_stock = 3").as_bytes().into());
        let host = world.host().await;
        host.add_release(files, None, "product", "go-live").await.unwrap();
        import(&host, "jd-20", 1..=5).await;
        // (friends who open an account, codes that arrive, codes left, whether it is low, whether it is warned of)
        let table = [
            (1, 0, 4, false, false),
            (1, 0, 3, true, true),
            (1, 0, 2, true, false),
            (0, 1, 3, true, false),
            (0, 1, 4, false, false),
            (2, 0, 2, true, true),
            (4, 0, 0, true, false),
        ];
        let (mut friend, mut code) = (0, 5);
        for (friends_opened, codes, left, low, warned) in table {
            submit(&host, &friends(FIRST_WEEK, "ada", friend..friend + friends_opened)).await;
            friend += friends_opened;
            if codes > 0 {
                import(&host, "jd-20", code + 1..=code + codes).await;
                code += codes;
            }
            let told = host.watch_stock().await.unwrap();
            let pool = host.pools().await.unwrap().into_iter().find(|p| p.pool == "jd-20").unwrap();
            assert_eq!((pool.available, pool.low_stock, pool.low), (left, Some(3), low));
            assert_eq!(told, if warned { vec!["jd-20"] } else { Vec::new() }, "with {left} left");
        }
        world.is_sound(&host, RACE).await;
    })
    .await;
}

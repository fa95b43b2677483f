//! Campaigns that come while hosts run, and those that cannot be made.

use crate::facts::*;
use crate::world::*;
use guerdon::flow::effective::Effective;

/// What one host makes, the others serve without a restart.
#[tokio::test]
async fn a_new_campaign_is_served_by_every_host() {
    on_each(FIRST_WEEK, async |world| {
        let mut hosts = world.hosts(3).await;
        let host = hosts.remove(0);
        host.add_release(campaign(RACE), None, "product", "go-live").await.unwrap();
        for other in hosts {
            assert!(other.campaign(RACE).is_err(), "nobody told it");
            other.run_due().await;
            assert_eq!(outcomes(&other, RACE, &[lesson(FIRST_WEEK, "ada", "L1", 5)]).await, "booked");
            assert_eq!(other.campaign_views().await.unwrap().len(), 1);
        }
    })
    .await;
}

/// A campaign whose first release cannot be is not made; and one that has none is nobody else's trouble.
#[tokio::test]
async fn a_campaign_without_a_release_disturbs_nobody() {
    on_each("2020-11-01T12:00:00+08:00", async |world| {
        let host = world.host().await;
        let added = host.add_release(campaign(RACE), Effective::NextCycle, "product", "").await;
        assert!(added.unwrap_err().to_string().contains("there is no next cycle"));
        assert_eq!(world.value("select count(*) from campaigns").await, "0");
        world.database.store.ensure_campaign("empty", 1).await.unwrap();
        for host in [host, world.host().await] {
            host.run_due().await;
            host.add_release(campaign(RACE), None, "product", "").await.unwrap();
            let ids: Vec<String> = host.campaign_views().await.unwrap().into_iter().map(|view| view.id).collect();
            assert_eq!(ids, [RACE]);
        }
    })
    .await;
}

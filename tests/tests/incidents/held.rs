//! Cards that are owed because the budget is used up: they are paid as far as it allows, in whatever order it allows.

use crate::facts::*;
use crate::world::*;
use guerdon::flow::effective::Effective;
use guerdon_rules::book::rows::{GrantRow, Held};
use guerdon_tests::rows::{issuing, owed};

const DEAR: i64 = 501;

#[tokio::test]
async fn what_is_too_dear_holds_nothing_up() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.host().await;
        let budget = |most: &str| changed(&campaign(RACE), &[("budget = \"50000.00 CNY\"", &format!("budget = \"{most} CNY\""))]);
        host.add_release(budget("30.00"), None, "product", "").await.unwrap();
        import(&host, "jd-20", 1..=600).await;
        let running = host.campaign(RACE).unwrap();
        let mut open = world.database.store.begin(running.row.campaign).await.unwrap();
        let pool = open.pools(&["jd-20"]).await.unwrap()[0].pool;
        let card = |number, face_value| GrantRow { face_value, ..owed(number, pool, Held::Budget) };
        // More than are looked at together, and behind them one that fits.
        let grants = (1..=DEAR).map(|number| card(number, 50_00)).chain([card(DEAR + 1, 10_00)]).collect();
        let next = issuing(open.head(), grants);
        open.write(&next).await.unwrap();
        open.commit().await.unwrap();
        assert_eq!(host.release_held(&running).await.unwrap(), 1);
        assert_eq!(world.value("select max(number) from grants where state = 2").await, (DEAR + 1).to_string());
        // A larger budget counts from the instant on at which its release is in force.
        host.add_release(budget("50000.00"), Effective::NextCycle, "product", "").await.unwrap();
        assert_eq!(host.release_held(&running).await.unwrap(), 0);
        world.set_clock(SECOND_WEEK);
        assert_eq!(host.release_held(&running).await.unwrap(), DEAR as u64);
        assert_eq!(world.value("select count(*) from grants where state = 2").await, (DEAR + 1).to_string());
    })
    .await;
}

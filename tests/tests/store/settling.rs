//! Settlement: leases with a fence, pages, and what each revision gave.

use guerdon::store::{SettlementRow, SettlementState};
use guerdon_rules::book::rows::{MemberRow, StandingRow};
use guerdon_tests::rows::*;
use guerdon_tests::stores::on_both;
use std::time::Duration;

fn settlement(cycle: i32, revision: i32) -> SettlementRow {
    SettlementRow {
        cycle,
        revision,
        state: SettlementState::Planned,
        release: 0,
        cursor: 0,
        fence: 0,
        digest: None,
        failed: "[]".into(),
        excess: "[]".into(),
        why: "cycle ended".into(),
    }
}

#[tokio::test]
async fn an_older_fence_is_refused() {
    on_both(async |world| {
        let store = &*world.store;
        let campaign = store.ensure_campaign("race", 0).await.unwrap().campaign;
        let mut open = store.begin(campaign).await.unwrap();
        open.put_settlement(&settlement(1, 1)).await.unwrap();
        assert_eq!(open.take_lease(1, 1, "a", 60).await.unwrap(), Some(1));
        assert_eq!(open.take_lease(1, 1, "b", 60).await.unwrap(), None, "a holds it");
        assert_eq!(open.take_lease(9, 1, "b", 60).await.unwrap(), None, "there is no such settlement");
        assert!(open.hold_lease(1, 1, 1, 1).await.unwrap());
        open.commit().await.unwrap();

        tokio::time::sleep(Duration::from_millis(1100)).await;
        let mut open = store.begin(campaign).await.unwrap();
        assert_eq!(open.take_lease(1, 1, "b", 60).await.unwrap(), Some(2), "a's lease has ended");
        assert!(!open.hold_lease(1, 1, 1, 60).await.unwrap(), "a comes too late");
        open.release_lease(1, 1, 1).await.unwrap();
        assert!(open.hold_lease(1, 1, 2, 60).await.unwrap(), "an older fence does not release it");
        open.put_settlement(&SettlementRow { state: SettlementState::Done, digest: Some("00".into()), cursor: 7, ..settlement(1, 1) })
            .await
            .unwrap();
        open.release_lease(1, 1, 2).await.unwrap();
        assert!(!open.hold_lease(1, 1, 2, 60).await.unwrap(), "released");
        assert_eq!(open.take_lease(1, 1, "a", 60).await.unwrap(), Some(3));
        let row = open.settlements(1).await.unwrap().remove(0);
        assert_eq!((row.state, row.fence, row.cursor, row.digest.as_deref()), (SettlementState::Done, 3, 7, Some("00")));
        open.commit().await.unwrap();
        assert_eq!(store.settlements(campaign).await.unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn pages_see_the_revision_they_ask_for() {
    on_both(async |world| {
        let store = &*world.store;
        let campaign = store.ensure_campaign("race", 0).await.unwrap().campaign;
        let mut open = store.begin(campaign).await.unwrap();
        let mut next = delta(open.head());
        next.new_members = vec![standing_member(1, 1, 1), standing_member(2, 3, 1), standing_member(3, 1, 1)];
        let members = next.new_members.clone();
        next.head.last_member = 3;
        next.standings = vec![
            standing(1, 1, 1),
            standing(1, 1, 2),
            standing(1, 2, 2),
            standing(1, 3, 2),
            standing(1, 1, 3),
            standing(2, 1, 2),
            standing(2, 2, 2),
            standing(3, 1, 2),
        ];
        next.cycles = vec![cycle(1), cycle(2), cycle(3)];
        open.write(&next).await.unwrap();
        let found = |rows: Vec<StandingRow>| rows.iter().map(|s| (s.cycle, s.member, s.revision)).collect::<Vec<_>>();
        let page = |rows: Vec<(MemberRow, StandingRow)>| {
            assert!(rows.iter().all(|(row, standing)| *row == members[standing.member as usize - 1]));
            found(rows.into_iter().map(|(_, standing)| standing).collect())
        };
        assert_eq!(page(open.settlement_page(1, 2, false, 0, 2).await.unwrap()), [(1, 1, 1), (1, 2, 2)]);
        assert_eq!(page(open.settlement_page(1, 2, false, 2, 9).await.unwrap()), [(1, 3, 1)]);
        assert_eq!(page(open.settlement_page(1, 2, true, 0, 9).await.unwrap()), [(1, 2, 2)]);
        assert_eq!(found(open.standings(&[(1, 2), (2, 2)]).await.unwrap()).len(), 2);
        assert_eq!(found(open.standings_until(2, 1, &[2, 3]).await.unwrap()), [(1, 2, 3), (2, 2, 1), (1, 3, 1)]);
        open.commit().await.unwrap();
        assert_eq!(page(store.standings_in(campaign, 1, 1, 1, 9).await.unwrap()), [(1, 2, 1), (1, 3, 1)]);
    })
    .await;
}

#[tokio::test]
async fn a_page_finds_the_only_standing_of_a_cycle_however_far_on_it_is() {
    on_both(async |world| {
        let store = &*world.store;
        let campaign = store.ensure_campaign("race", 0).await.unwrap().campaign;
        let mut open = store.begin(campaign).await.unwrap();
        let mut next = delta(open.head());
        let cycle_of = |member| if member == 950 { 2 } else { 1 };
        next.new_members = (1..=1000).map(|member| standing_member(member, cycle_of(member), 1)).collect();
        next.head.last_member = 1000;
        next.standings = (1..=1000).map(|member| standing(cycle_of(member), 1, member)).collect();
        next.standings.sort_by_key(|standing| (standing.cycle, standing.member));
        next.cycles = vec![cycle(1), cycle(2)];
        open.write(&next).await.unwrap();
        open.commit().await.unwrap();
        let members_in = async |cycle, after, most| -> Vec<i64> {
            let page = store.standings_in(campaign, cycle, 1, after, most).await.unwrap();
            page.into_iter().map(|(_, standing)| standing.member).collect()
        };
        assert_eq!(members_in(2, 0, 2).await, [950]);
        assert_eq!(members_in(2, 950, 2).await, [0_i64; 0]);
        assert_eq!(members_in(3, 0, 2).await, [0_i64; 0]);
        assert_eq!(members_in(1, 948, 2).await, [949, 951]);
    })
    .await;
}

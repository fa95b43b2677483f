//! Deltas: what is written is read, twice is refused, half is nothing.

use guerdon::store::{LedgerLine, Store, StoreError, StoredJournal};
use guerdon_rules::book::rows::{Delta, EventRow, Head, Outcome, REFERRAL, StandingRow, Switch, WaitRow};
use guerdon_rules::value::{MemberId, Value};
use guerdon_tests::rows::*;
use guerdon_tests::stores::on_both;
use std::time::Duration;

async fn write(store: &dyn Store, campaign: i32, delta: &Delta) -> Result<(), StoreError> {
    let mut open = store.begin(campaign).await?;
    open.write(delta).await?;
    open.commit().await
}

fn wait(member: i64, id: &str) -> WaitRow {
    WaitRow { member, what: REFERRAL, identity: event(id, 1, 1, 1).identity, until_ms: 5_000 }
}

fn waiting(id: &str) -> EventRow {
    EventRow { outcome: Outcome::Waiting, once_key: None, reason: Some("waits".into()), at_ms: None, ..event(id, 1, 1, 2) }
}

/// A first delta with something in every list.
fn everything(campaign: i32, pool: i32) -> Delta {
    let mut delta = delta(&Default::default());
    delta.head.campaign = campaign;
    delta.head.last_member = 2;
    delta.head.last_grant = 2;
    delta.head.totals = tally(&[1, 20]);
    delta.head.switches = [("issue".to_string(), Switch { closed: true, by: "ops".into(), why: "\"why\"".into(), at_ms: 3 })].into();
    let mut second = standing_member(2, 2, 1);
    second.id = MemberId::of_kind("branch", "北京");
    second.attributes = vec![(4, Value::Text("a\u{0}b'".into())), (5, Value::Decimal("1.50".parse().unwrap())), (6, Value::Bool(true))];
    delta.new_members = vec![standing_member(1, 1, 1), second];
    delta.standings = vec![standing(1, 1, 1), standing(1, 1, 2), standing(2, 1, 2)];
    delta.cycles = vec![cycle(1)];
    delta.new_events = vec![event("e1", 1, 1, 1), waiting("e2"), waiting("e3")];
    delta.new_waits = vec![wait(1, "e2"), wait(2, "e2"), wait(2, "e3")];
    delta.postings = vec![posting(1, 1), posting(2, 2)];
    delta.grants = vec![grant(1, pool), owed(2, pool, guerdon_rules::book::rows::Held::Stock)];
    delta.journal = vec![journal(1), journal(2)];
    delta.journal[1].identity = Some(key("e1"));
    delta
}

#[tokio::test]
async fn what_is_written_is_read() {
    on_both(async |world| {
        let store = &*world.store;
        let campaign = store.ensure_campaign("race", 0).await.unwrap().campaign;
        assert_eq!(store.ensure_campaign("race", 0).await.unwrap().campaign, campaign);
        store.import_codes("jd-20", &codes(1, 1), 5).await.unwrap();
        let mut open = store.begin(campaign).await.unwrap();
        let pool = open.pools(&["jd-20"]).await.unwrap()[0].pool;
        let first = everything(campaign, pool);
        open.write(&first).await.unwrap();
        open.commit().await.unwrap();

        let mut open = store.begin(campaign).await.unwrap();
        assert_eq!(open.head(), &first.head);
        let ids: Vec<MemberId> = first.new_members.iter().map(|m| m.id.clone()).chain([MemberId::new("nobody")]).collect();
        let mut found = open.members(&ids).await.unwrap();
        found.latest.sort_by_key(|s| s.member);
        assert_eq!((found.rows.len(), found.latest), (2, vec![standing(1, 1, 1), standing(2, 1, 2)]));
        let mut found = open.members_by_number(&[2, 1, 9]).await.unwrap();
        found.rows.sort_by_key(|m| m.number);
        found.latest.sort_by_key(|s| s.member);
        assert_eq!((found.rows, found.latest), (first.new_members.clone(), vec![standing(1, 1, 1), standing(2, 1, 2)]));
        let mut standings = open.standings(&[(1, 2), (1, 1), (2, 2), (2, 1)]).await.unwrap();
        standings.sort_by_key(|s| (s.cycle, s.member));
        assert_eq!(standings, first.standings);
        assert_eq!(open.cycles(&[1, 2]).await.unwrap(), first.cycles);
        let identities: Vec<_> = first.new_events.iter().map(|e| e.identity).collect();
        let mut events = open.events(&identities).await.unwrap();
        events.sort_by(|a, b| a.id.cmp(&b.id));
        assert_eq!(events, first.new_events);
        assert_eq!(open.claims(&[first.new_events[0].once_key.unwrap(), key("free")]).await.unwrap(), first.new_events[..1]);
        assert_eq!(open.waits(&[2]).await.unwrap().len(), 2);
        assert_eq!(open.expired_waits(5_000, 10).await.unwrap(), []);
        assert_eq!(open.expired_waits(5_001, 2).await.unwrap().len(), 2);
        for none in
            [open.events(&[]).await.unwrap().len(), open.members(&[]).await.unwrap().rows.len(), open.standings(&[]).await.unwrap().len()]
        {
            assert_eq!(none, 0);
        }

        let mut second = delta(&first.head);
        let mut changed = first.new_members[0].clone();
        changed.inviter = Some(2);
        changed.tally = tally(&[1, 40]);
        changed.latest = Some((1, 2));
        second.changed_members = vec![changed.clone()];
        second.moved = vec![1];
        second.standings = vec![standing(1, 2, 1)];
        second.cycles = vec![guerdon_rules::book::rows::CycleRow { revision: 2, ..cycle(1) }];
        second.changed_events = vec![EventRow { data: "{}".into(), ..event("e2", 2, 2, 1) }];
        second.ended_waits = vec![event("e2", 1, 1, 1).identity];
        second.new_waits = vec![wait(9, "e3")];
        open.write(&second).await.unwrap();
        open.commit().await.unwrap();

        assert_eq!(store.head(campaign).await.unwrap(), second.head);
        assert_eq!(store.member(campaign, &changed.id).await.unwrap(), Some(changed));
        assert_eq!(store.members_by_number(campaign, &[2]).await.unwrap(), first.new_members[1..]);
        assert_eq!(store.event(campaign, &second.changed_events[0].identity).await.unwrap().as_ref(), Some(&second.changed_events[0]));
        assert_eq!(store.standings_of(campaign, 1).await.unwrap(), [standing(1, 1, 1), standing(1, 2, 1)]);
        assert_eq!(store.grants_of(campaign, 1).await.unwrap(), first.grants);
        assert_eq!(store.grant(campaign, 2).await.unwrap().as_ref(), Some(&first.grants[1]));
        assert_eq!(store.event_counts(campaign).await.unwrap(), [(1, 2), (5, 1)]);
        assert_eq!(store.grant_counts(campaign).await.unwrap().len(), 2);
        assert_eq!(store.moved_since(campaign, 0).await.unwrap(), [(1, 1), (1, 2)]);
        assert_eq!(store.moved_since(campaign, 1).await.unwrap(), []);
        let ledger = store.ledger(campaign, (0, 0), 1).await.unwrap();
        assert_eq!(ledger, [LedgerLine { position: 1, ordinal: 1, member: 1, debit: 0, credit: 1, amount: 20, cycle: 1 }]);
        let ledger = store.ledger(campaign, (1, 1), 5).await.unwrap();
        assert_eq!(ledger.iter().map(|l| (l.position, l.ordinal, l.member)).collect::<Vec<_>>(), [(1, 2, 2)]);
        assert_eq!(store.code_mismatches().await.unwrap(), Vec::<String>::new());
        assert_eq!(store.campaigns_owed_by("jd-20").await.unwrap(), [campaign]);
        let lines: Vec<StoredJournal> = store.journal(campaign, (1, 1), 10).await.unwrap();
        assert_eq!(lines.iter().map(|l| (l.position, l.line, l.identity)).collect::<Vec<_>>(), [(1, 2, Some(key("e1"))), (2, 1, None)]);
        assert!(store.head(99).await.is_err() && store.begin(99).await.is_err());
        store.ping().await.unwrap();
    })
    .await;
}

/// Wherever a state is kept, the same is read, by every read.
#[tokio::test]
async fn the_latest_standing_goes_with_the_member() {
    on_both(async |world| {
        let store = &*world.store;
        let campaign = store.ensure_campaign("race", 0).await.unwrap().campaign;
        let worth = |cycle, revision, points| StandingRow { tally: tally(&[1, points]), ..standing(cycle, revision, 1) };
        let cycles = vec![cycle(1), cycle(2)];
        let steps = [
            (
                "the first",
                Delta { new_members: vec![standing_member(1, 1, 1)], standings: vec![worth(1, 1, 5)], cycles, ..Delta::default() },
            ),
            (
                "changes",
                Delta { changed_members: vec![standing_member(1, 1, 1)], changed_standings: vec![worth(1, 1, 6)], ..Delta::default() },
            ),
            ("stays, while the member changes", Delta { changed_members: vec![standing_member(1, 1, 1)], ..Delta::default() }),
            (
                "moves",
                Delta {
                    changed_members: vec![standing_member(1, 2, 1)],
                    standings: vec![worth(2, 1, 7)],
                    moved: vec![1],
                    ..Delta::default()
                },
            ),
            (
                "moves, and the one before changes",
                Delta {
                    changed_members: vec![standing_member(1, 2, 2)],
                    standings: vec![worth(2, 2, 9)],
                    changed_standings: vec![worth(1, 1, 8), worth(2, 1, 8)],
                    ..Delta::default()
                },
            ),
        ];
        let expected = [&[5][..], &[6], &[6], &[6, 7], &[8, 8, 9]];
        for ((step, part), expected) in steps.into_iter().zip(expected) {
            let Delta { head, journal, .. } = delta(&store.head(campaign).await.unwrap());
            let next = Delta { head: Head { last_member: 1, ..head }, journal, ..part };
            write(store, campaign, &next).await.unwrap();
            let points = |rows: Vec<StandingRow>| rows.iter().map(|row| row.tally.get(1)).collect::<Vec<_>>();
            assert_eq!(points(store.standings_of(campaign, 1).await.unwrap()), expected, "{step}");
            let mut open = store.begin(campaign).await.unwrap();
            let latest = open.members_by_number(&[1]).await.unwrap().latest;
            assert_eq!(points(latest), expected[expected.len() - 1..], "{step}");
            let last = next.changed_members.iter().chain(&next.new_members).find_map(|m| m.latest).unwrap();
            assert_eq!(points(open.standings(&[(last.0, 1)]).await.unwrap()), expected[expected.len() - 1..], "{step}");
            let until = open.standings_until(last.0, last.1, &[1]).await.unwrap();
            assert_eq!(points(until).last(), expected.last(), "{step}");
            drop(open);
            let page = store.standings_in(campaign, last.0, last.1, 0, 9).await.unwrap();
            assert!(page.iter().all(|(row, _)| row.latest == Some(last)), "{step}");
            let page = page.into_iter().map(|(_, row)| row).collect();
            assert_eq!(points(page), expected[expected.len() - 1..], "{step}");
        }
        let next = delta(&store.head(campaign).await.unwrap());
        let nobody = Delta { moved: vec![2], ..next.clone() };
        assert!(write(store, campaign, &nobody).await.is_err(), "a standing to move that is not there");
        let without_state = Delta { changed_members: vec![standing_member(1, 3, 1)], moved: vec![1], ..next };
        assert!(write(store, campaign, &without_state).await.is_err(), "a latest standing that is not written");
    })
    .await;
}

#[tokio::test]
async fn twice_is_refused_and_leaves_nothing() {
    on_both(async |world| {
        let store = &*world.store;
        let campaign = store.ensure_campaign("race", 0).await.unwrap().campaign;
        let mut open = store.begin(campaign).await.unwrap();
        let pool = open.pools(&["jd-20"]).await.unwrap()[0].pool;
        open.commit().await.unwrap();
        let mut first = everything(campaign, pool);
        first.grants.remove(0);
        write(store, campaign, &first).await.unwrap();
        let before = world.dump().await;

        let base = delta(&first.head);
        let refused: [(&str, Delta); 8] = [
            ("the whole delta again", first.clone()),
            ("an event's identity", Delta { new_events: vec![event("e1", 1, 2, 1)], ..base.clone() }),
            (
                "a business key under another id",
                Delta { new_events: vec![EventRow { once_key: first.new_events[0].once_key, ..event("e9", 1, 2, 1) }], ..base.clone() },
            ),
            ("a grant key", {
                let again = guerdon_rules::book::rows::GrantRow { number: 3, ..first.grants[0].clone() };
                Delta { grants: vec![again], ..base.clone() }
            }),
            ("a grant number", Delta { grants: vec![owed(2, pool, guerdon_rules::book::rows::Held::Switch)], ..base.clone() }),
            ("a member's id", {
                let again = guerdon_rules::book::rows::MemberRow { number: 3, ..member(1) };
                Delta { new_members: vec![again], ..base.clone() }
            }),
            ("a posting", Delta { head: first.head.clone(), postings: vec![posting(1, 1)], ..Delta::default() }),
            (
                "a final outcome",
                Delta { changed_events: vec![EventRow { outcome: Outcome::Failed, ..first.new_events[0].clone() }], ..base.clone() },
            ),
        ];
        for (what, delta) in refused {
            let mut open = store.begin(campaign).await.unwrap();
            let error = open.write(&delta).await.expect_err(what);
            assert!(matches!(error, StoreError::Refused(_)), "{what}: {error:?}");
            assert!(open.members_by_number(&[1]).await.is_err(), "{what}: a broken transaction does nothing more");
            assert!(open.commit().await.is_err(), "{what}: a broken transaction does not commit");
            assert_eq!(world.dump().await, before, "{what}");
        }
        for missing in [
            Delta { changed_members: vec![member(9)], ..base.clone() },
            Delta { changed_events: vec![event("nothing", 1, 2, 1)], ..base.clone() },
        ] {
            assert!(matches!(write(store, campaign, &missing).await, Err(StoreError::Corrupt(_))));
        }
        assert_eq!(world.dump().await, before);
    })
    .await;
}

#[tokio::test]
async fn a_dropped_transaction_and_a_cancelled_begin_leave_nothing_open() {
    on_both(async |world| {
        let store = &*world.store;
        let campaign = store.ensure_campaign("race", 0).await.unwrap().campaign;
        for _ in 0..20 {
            let mut open = store.begin(campaign).await.unwrap();
            let next = delta(open.head());
            open.write(&next).await.unwrap();
        }
        for polls in 0..40 {
            let mut begin = Box::pin(store.begin(campaign));
            for _ in 0..polls {
                if futures_util::poll!(&mut begin).is_ready() {
                    break;
                }
                tokio::time::sleep(Duration::from_micros(20)).await;
            }
        }
        assert_eq!(store.head(campaign).await.unwrap().position, 0);
        let open = store.begin(campaign).await.unwrap();
        let next = delta(open.head());
        drop(open);
        write(store, campaign, &next).await.unwrap();
        assert_eq!(store.head(campaign).await.unwrap().position, 1);
    })
    .await;
}

#[tokio::test]
async fn writers_of_one_campaign_come_one_after_the_other() {
    on_both(async |world| {
        let campaign = world.store.ensure_campaign("race", 0).await.unwrap().campaign;
        let writers: Vec<_> = (0..8)
            .map(|_| {
                let store = world.store.clone();
                tokio::spawn(async move {
                    for _ in 0..10 {
                        let mut open = store.begin(campaign).await.unwrap();
                        let next = delta(open.head());
                        open.write(&next).await.unwrap();
                        open.commit().await.unwrap();
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        assert_eq!(world.store.head(campaign).await.unwrap().position, 80);
    })
    .await;
}

#[tokio::test]
async fn text_is_kept_to_the_letter() {
    on_both(async |world| {
        let store = &*world.store;
        let campaign = store.ensure_campaign("race", 0).await.unwrap().campaign;
        let large = "行 'x\" \\ \u{1F600}\n".repeat(100_000);
        let mut next = delta(&store.head(campaign).await.unwrap());
        next.new_events = vec![EventRow { data: large.clone(), reason: Some("a\0b".into()), ..event("e1", 1, 1, 1) }];
        // More rows than one statement of SQLite takes.
        next.new_events.extend((2..=3000).map(|n| event(&format!("e{n}"), 1, 1, n)));
        next.journal[0].body = large.clone();
        write(store, campaign, &next).await.unwrap();
        let stored = store.event(campaign, &next.new_events[0].identity).await.unwrap().unwrap();
        assert_eq!((stored.data == large, stored.reason.as_deref()), (true, Some("a\u{2400}b")));
        assert!(store.journal(campaign, (0, 0), 1).await.unwrap()[0].body == large);
        assert_eq!(store.event_counts(campaign).await.unwrap(), [(1, 3000)]);
    })
    .await;
}

//! I3: issued cards were not marked, an operator put them back by editing the table, and 166 codes went to two people.
//! Here the database refuses the edit, on every path there is to a second owner; and a code is imported once.

use crate::facts::*;
use crate::world::*;

/// What the operator could try, and what the database says.
const EDITS: &[(&str, &str)] = &[
    ("update codes set state = 1, campaign = null, grant_number = null where number = 1", "only a recall makes it available"),
    ("update codes set state = 1 where number = 1", ""),
    ("update codes set grant_number = 2 where number = 1", "it cannot be issued again"),
    ("update codes set state = 1, campaign = null, grant_number = null", "only a recall makes it available"),
    ("update grants set state = 1 where number = 1", "it cannot become owed"),
    ("update grants set state = 6, revealed = 0 where number = 3", "was revealed: that is never undone"),
    ("update grants set member = member + 1 where number = 1", "only its state changes"),
    ("delete from grants where number = 1", "it is never deleted"),
    ("delete from codes where number = 1", "it is never deleted"),
    ("update codes set pool = 2 where number = 1", ""),
];

#[tokio::test]
async fn an_issued_card_is_not_queued_again() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.racing(5).await;
        host.submit(RACE, friends(FIRST_WEEK, "ada", 0..2)).await.unwrap();
        host.submit(RACE, friends(FIRST_WEEK, "ben", 2..4)).await.unwrap();
        let shown = host.reveal(RACE, 3, "ben").await.unwrap().code.unwrap();
        let before = world.database.dump().await;
        for (edit, says) in EDITS {
            let refused = world.database.attack(&[edit], true).await.expect_err(edit);
            assert!(refused.contains(says), "{edit}: {refused}");
        }
        assert_eq!(world.database.dump().await, before, "nothing of it was kept");
        // Who owns what is as it was; the next one gets the next code.
        host.submit(RACE, friends(FIRST_WEEK, "eve", 4..5)).await.unwrap();
        assert_eq!(host.reveal(RACE, 3, "ben").await.unwrap().code.as_deref(), Some(&*shown));
        assert!(host.reveal(RACE, 3, "ada").await.is_err(), "not hers");
        let mut codes = Vec::new();
        for (number, owner) in [(1, "ada"), (2, "ada"), (3, "ben"), (4, "ben"), (5, "eve")] {
            codes.push(host.reveal(RACE, number, owner).await.unwrap().code.unwrap());
        }
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), 5);
    })
    .await;
}

/// With the guard of codes gone, the operator's edit goes through, and a code has a second owner.
#[tokio::test]
async fn without_the_guard_the_edit_gives_a_code_two_owners() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.racing(1).await;
        host.submit(RACE, friends(FIRST_WEEK, "ada", 0..2)).await.unwrap();
        let edits = [
            "update codes set state = 1, campaign = null, grant_number = null where number = 1",
            "update grants set state = 2 where number = 2",
            "update codes set state = 2, campaign = 1, grant_number = 2 where number = 1",
        ];
        assert!(world.database.attack(&edits, false).await.is_err());
        let drop = if world.database.is_sqlite() { "drop trigger codes_free" } else { "drop trigger codes_owner on codes" };
        assert_eq!(world.database.attack(&[&[drop], &edits[..]].concat(), false).await, Ok(1), "given again");
        world.is_sound(&host, RACE).await;
    })
    .await;
}

/// Where it went through, the audit names it.
#[tokio::test]
async fn a_code_that_was_moved_by_hand_is_named() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.racing(2).await;
        host.submit(RACE, friends(FIRST_WEEK, "ada", 0..4)).await.unwrap();
        assert!(host.audit(RACE).await.unwrap().is_clean());
        let guards: &[&str] = match world.database.is_sqlite() {
            true => &["drop trigger codes_free", "drop trigger codes_issued"],
            false => &["drop trigger codes_owner on codes"],
        };
        // Code 1 goes to grant 3, which is made to look issued; code 2 to grant 4, which is owed.
        let edits = [
            "update codes set state = 1, campaign = null, grant_number = null where number = 1",
            "update grants set state = 2 where number = 3",
            "update codes set state = 2, campaign = 1, grant_number = 3 where number = 1",
            "update codes set grant_number = 4 where number = 2",
        ];
        world.database.attack(&[guards, &edits[..]].concat(), true).await.unwrap();
        let report = host.audit(RACE).await.unwrap();
        let expected = [
            "code 2 of pool jd-20 is with grant 4 of campaign learning-race, which cannot have one in its state",
            "grant 1 of campaign learning-race should have a code, and has none",
            "grant 2 of campaign learning-race should have a code, and has none",
        ];
        assert_eq!((report.code_mismatches, report.codes_issued_twice), (expected.map(String::from).to_vec(), 3));
    })
    .await;
}

#[tokio::test]
async fn a_code_is_imported_once() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.racing(0).await;
        let list = |codes: &[&str]| codes.iter().enumerate().map(|(n, c)| (n as u64 + 1, Ok(c.to_string()))).collect::<Vec<_>>();
        /// Pool, lines, (accepted, duplicate, malformed).
        type Import<'a> = (&'a str, &'a [&'a str], (u64, u64, u64));
        let table: &[Import] = &[
            ("jd-20", &["A-1", "A-2", "A-1", " A-2 "], (2, 2, 0)),
            ("jd-20", &["A-2", "A-3"], (1, 1, 0)),
            ("jd-100", &["A-1", "A-4", ""], (1, 1, 1)),
            ("jd-20", &["A-4"], (0, 1, 0)),
        ];
        for (pool, codes, (accepted, duplicate, malformed)) in table {
            let report = host.import_codes(pool, list(codes).into_iter(), |_| ()).await.unwrap();
            assert_eq!((report.accepted, report.duplicate, report.malformed), (*accepted, *duplicate, *malformed), "{pool} {codes:?}");
        }
        assert_eq!(world.value("select count(*) from codes").await, "4");
    })
    .await;
}

/// With a key of its own a host would not see that a code is there already, and could open none.
#[tokio::test]
async fn a_host_with_another_code_key_is_refused() {
    on_each(FIRST_WEEK, async |world| {
        let _host = world.racing(1).await;
        let refused = world.host_with_key("08").await.err().unwrap().to_string();
        assert!(refused.contains("code key 1 is not the one that this database was used with"), "{refused}");
        assert!(world.host_with_key(crate::world::CODE_KEY).await.is_ok());
    })
    .await;
}

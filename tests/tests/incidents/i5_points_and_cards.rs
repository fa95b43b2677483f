//! I5: points and cards were two writes, and disagreed: 49 points shown where 140 yuan of cards asked for 140. Here both
//! are one commit, whatever interrupts it; the ledger gives every balance, and every grant says why it is there.

use crate::facts::*;
use crate::world::*;
use guerdon_rules::book::receipt::Receipt;
use guerdon_rules::event::key_of;

/// Hand-made faults: the database fails just there.
const FAULTS: &[&str] = &["grants", "postings", "journal", "members", "events"];

#[tokio::test]
async fn a_commit_that_fails_half_way_leaves_neither() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.racing(50).await;
        host.submit(RACE, friends(FIRST_WEEK, "ada", 0..3)).await.unwrap();
        let both = async || {
            let view = host.member(RACE, "ada", None).await.unwrap();
            (view.accounts[0].points, view.cards.len())
        };
        let mut friend = 3;
        for table in FAULTS {
            let [make, mend] = world.fault(table);
            host.submit(RACE, vec![accepted(FIRST_WEEK, "ada", &format!("friend-{friend}"))]).await.unwrap();
            let before = world.database.dump().await;
            world.database.sql(&make).await;
            let event = opened(FIRST_WEEK, &format!("friend-{friend}"));
            let error = host.submit(RACE, vec![event.clone()]).await.unwrap_err().to_string();
            assert!(error.contains("broken here"), "{table}: {error}");
            world.database.sql(&mend).await;
            assert_eq!(world.database.dump().await, before, "{table}: nothing was kept");
            assert_eq!(outcomes(&host, RACE, &[event]).await, "booked", "{table}: sent again");
            friend += 1;
            assert_eq!(both().await, (20 * friend as i64, friend), "{table}");
        }
        world.is_sound(&host, RACE).await;
    })
    .await;
}

/// The real figures: a hand edit that makes books and ledger disagree is named by the audit.
#[tokio::test]
async fn a_balance_that_was_edited_is_named() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.racing(50).await;
        host.submit(RACE, friends(FIRST_WEEK, "ada", 0..7)).await.unwrap();
        assert_eq!(host.member(RACE, "ada", None).await.unwrap().accounts[0].points, 140);
        let number = world.value("select member from members where id = 'ada'").await;
        let booked = world.value(&format!("select tally from members where member = {number}")).await;
        assert!(booked.contains("140"), "{booked}");
        world.database.sql(&format!("update members set tally = '{}' where member = {number}", booked.replace("140", "49"))).await;
        let report = host.audit(RACE).await.unwrap();
        assert!(!report.is_clean());
        assert!(matches!(&report.postings_sum_mismatches[..], [only] if only.starts_with("ada: ")), "{report:?}");
    })
    .await;
}

#[tokio::test]
async fn every_grant_names_its_event_release_line_and_ledger_line() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.racing(200).await;
        import(&host, "jd-100", 1001..=1005).await;
        host.submit(RACE, friends(FIRST_WEEK, "ada", 0..51)).await.unwrap();
        // One that waited for its referral, and one close.
        host.submit(RACE, vec![opened(FIRST_WEEK, "late"), accepted(FIRST_WEEK, "ben", "late")]).await.unwrap();
        world.set_clock("2020-09-29T03:00:00+08:00");
        host.run_due().await;
        let running = host.campaign(RACE).unwrap();
        let rules = running.rules.load_full();
        let source = campaign(RACE)["rules.rhai"].clone();
        let source: Vec<&str> = std::str::from_utf8(&source).unwrap().lines().collect();
        let mut by_function = [0, 0];
        for member in ["ada", "ben"] {
            for grant in host.grants(RACE, member).await.unwrap() {
                let journal = host.store.journal(running.row.campaign, (grant.journal.0, grant.journal.1 - 1), 1).await.unwrap().remove(0);
                assert_eq!((journal.position, journal.line), grant.journal);
                let receipt: Receipt = serde_json::from_str(&journal.body).unwrap();
                let place = format!("rules.rhai:{}", grant.rule_line);
                let line = receipt.effects.iter().find(|e| e.effect == "grant").unwrap();
                assert_eq!(line.place.as_deref(), Some(&*place));
                assert_eq!((line.member.as_deref(), line.name.as_deref()), (Some(member), Some(&*grant.reward)));
                assert!(source[grant.rule_line as usize - 1].contains(&format!("grant(\"{}\"", grant.reward)), "{place}");
                assert_eq!((receipt.release, rules.releases.numbered(grant.release).unwrap().number), (grant.release, grant.release));
                assert_eq!(receipt.function.as_deref(), Some(&*grant.function));
                // Points of the same decision stand under the same journal line.
                let postings = "select count(*) from postings where position = {} and line = {}";
                let postings = postings.replacen("{}", &grant.journal.0.to_string(), 1).replacen("{}", &grant.journal.1.to_string(), 1);
                match &*grant.function {
                    "on_account_opened" => {
                        let event = host.store.event(running.row.campaign, &journal.identity.unwrap()).await.unwrap().unwrap();
                        assert_eq!(event.identity, key_of(&[&event.source, &event.id]));
                        assert_eq!((&*event.kind, event.position, event.line), ("account.opened", journal.position, journal.line));
                        assert_eq!(world.value(&postings).await, "1");
                        by_function[0] += 1;
                    }
                    _ => by_function[1] += 1,
                }
            }
        }
        assert_eq!(by_function, [52, 1], "51 and 1 friends, one close with 1020 points");
    })
    .await;
}

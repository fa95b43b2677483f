//! A case of a real event, made from the rows of either database: it passes under the release that decided, and names
//! nobody. What a campaign of its own kind can do is in the rules crate's tests; here is what the rows must give.

use crate::facts::*;
use crate::world::*;
use guerdon::flow::effective::Effective;
use guerdon_rules::cases::run_alone;
use guerdon_rules::language::Runtime;
use std::sync::Arc;

#[tokio::test]
async fn a_case_of_each_real_event_passes_and_names_nobody() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.racing(4).await;
        let mut events = friends(FIRST_WEEK, "ada-lovelace", 0..6);
        // Waits for its referral; twice under other ids; broken; a second inviter; one of their own.
        events.extend([opened(FIRST_WEEK, "late-friend"), accepted(FIRST_WEEK, "ben-nevis", "late-friend")]);
        for (source, id, kind, data) in [
            ("crm-2", "again-1", "account.opened", r#"{"invitee":"late-friend"}"#),
            ("crm-2", "broken-1", "account.opened", r#"{"invitee":"late-friend","telephone":"138-0000"}"#),
            ("app-2", "second-1", "guerdon.referral.accepted", r#"{"invitee":"late-friend","inviter":"ada-lovelace"}"#),
            ("app-2", "self-1", "guerdon.referral.accepted", r#"{"invitee":"ada-lovelace","inviter":"ada-lovelace"}"#),
            ("lms-2", "lesson-9", "lesson.finished", r#"{"member":"ada-lovelace","lesson":"Bonds for all","points":90}"#),
            ("lms-2", "lesson-8", "lesson.finished", r#"{"member":"ada-lovelace","lesson":"Funds","points":90}"#),
        ] {
            let event = guerdon_rules::event::Event::new(source, id, kind, None, Some(FIRST_WEEK), data).unwrap();
            events.push(event);
        }
        host.submit(RACE, events.clone()).await.unwrap();
        let mut made = Vec::new();
        for event in &events {
            let view = host.case_of_event(RACE, &event.source, &event.id).await.unwrap();
            assert!(view.passes && view.release == 1, "{:?}\n{}", view.differs, view.case);
            for real in ["ada", "ben-", "friend", "crm", "again-1", "broken-1", "138-", "Bonds", "Funds", "lesson-8", &event.id] {
                assert!(!view.case.contains(real), "{real}\n{}", view.case);
            }
            let mut files = campaign(RACE);
            files.insert("cases/real.toml".into(), Arc::from(view.case.as_bytes()));
            let report = run_alone(&files, &Runtime::default()).unwrap();
            assert!(report.passed() && report.cases.len() == 1, "{}", view.case);
            made.push(view);
        }
        let outcomes: std::collections::BTreeSet<&str> = made.iter().map(|view| view.outcome.as_str()).collect();
        assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), ["booked", "duplicate", "quarantined", "refused"]);
        let last = &made.last().unwrap().case;
        assert!(
            last.contains("points = 90") && last.contains("\"learning.lesson\" = 90") && last.contains("\"learning.lesson\" = 100"),
            "{last}"
        );
        assert!(made.iter().any(|view| view.case.contains("owed = 1")), "four cards for seven friends");

        // Under another release the same event is another case.
        host.add_release(campaign("learning-race-5x20"), Effective::AtOnce, "product", "5 × 20").await.unwrap();
        world.set_clock("2020-09-24T18:00:00+08:00");
        let event = opened("2020-09-24T17:00:00+08:00", "friend-of-nobody");
        host.submit(RACE, vec![event.clone()]).await.unwrap();
        let view = host.case_of_event(RACE, &event.source, &event.id).await.unwrap();
        assert!(view.passes && view.release == 2 && view.case.contains("then = \"waiting: nobody is member.referral\""), "{}", view.case);
        let error = host.case_of_event(RACE, "crm", "none").await.unwrap_err().to_string();
        assert!(error.contains("there is no event none of crm"), "{error}");
    })
    .await;
}

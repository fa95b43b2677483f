//! A change that others have to approve, on both databases: what is refused, what an approval means, and the ways back.

use crate::facts::*;
use crate::world::*;
use guerdon::flow::effective::Effective;
use guerdon::flow::plan_views::Base;
use guerdon::flow::proposal::Wanted;
use guerdon::flow::views::Proposed;
use guerdon::flow::{FlowError, Host};
use guerdon_rules::language::Files;
use std::sync::Arc;

const ONE_APPROVAL: &str = "\n[releases]\napprovals = 1\ncases = \"must pass\"\n";

fn change() -> Files {
    race_with("learning-race-5x20", ONE_APPROVAL)
}

async fn started(world: &World, more: &str) -> Arc<Host> {
    let host = world.host().await;
    host.add_release(race_with(RACE, more), None, "product", "go-live").await.unwrap();
    import(&host, "jd-20", 1..=300).await;
    host
}

/// Proposes what was planned just now.
async fn propose(host: &Arc<Host>, files: Files, author: &str, effective: Effective) -> Result<Proposed, FlowError> {
    let base = host.plan(RACE, &files, effective).await?.base;
    host.propose(RACE, Wanted { files, base, effective, author: author.into(), note: "5 × 20".into() }).await
}

fn hash(proposed: &Proposed) -> String {
    proposed.proposal.as_ref().expect("a proposal").hash.clone()
}

/// The words of a refusal.
fn why<T>(result: Result<T, FlowError>) -> String {
    result.err().map(|e| e.to_string()).unwrap_or_else(|| "nothing was refused".into())
}

async fn releases(host: &Host) -> usize {
    host.campaign_view(RACE).await.unwrap().releases.len()
}

#[tokio::test]
async fn whoever_proposes_does_not_approve() {
    on_each(FIRST_WEEK, async |world| {
        let host = started(world, ONE_APPROVAL).await;
        // Nobody goes around it.
        assert!(why(host.add_release(change(), None, "mia", "").await).contains("asks for 1 approvals"));
        let proposed = propose(&host, change(), "mia", Effective::AtOnce).await.unwrap();
        assert_eq!((proposed.release.is_none(), releases(&host).await), (true, 1));
        let content = hash(&proposed);
        assert_eq!(why(host.approve(RACE, &content, "mia", "").await), "mia proposed this: somebody else approves it");
        let live = host.approve(RACE, &content, "li", "looks right").await.unwrap();
        assert_eq!(live.release.map(|r| (r.number, r.hash)), Some((2, proposed.plan.hash)));
        let all = host.proposals(RACE).await.unwrap();
        assert_eq!((all[0].state.as_str(), all[0].release, all[0].approvals[0].by.as_str()), ("live", Some(2), "li"));
        assert!(why(host.approve(RACE, &content, "bo", "").await).contains("nothing is proposed"));
        // The journal names everybody.
        let line = world.value("select body from journal where kind = 5 order by position desc limit 1").await;
        assert!(line.contains("\"approved_by\":[\"li\"]") && line.contains("\"author\":\"mia\""), "{line}");
        // What was decided before keeps its release, what happens now has the new one.
        assert_eq!(outcomes(&host, RACE, &[lesson(FIRST_WEEK, "ada", "L1", 5)]).await, "booked");
        assert_eq!(host.event(RACE, "course", "ada-L1").await.unwrap().release, 2);
    })
    .await;
}

#[tokio::test]
async fn an_edit_voids_the_approval() {
    on_each(FIRST_WEEK, async |world| {
        let host = started(world, "\n[releases]\napprovals = 2\n").await;
        let two = "\n[releases]\napprovals = 2\n";
        let first = propose(&host, race_with("learning-race-5x20", two), "mia", Effective::AtOnce).await.unwrap();
        let waiting = host.approve(RACE, &hash(&first), "li", "").await.unwrap();
        assert!(waiting.release.is_none());
        // Saying it twice is one approval.
        assert!(host.approve(RACE, &hash(&first), "li", "").await.unwrap().release.is_none());
        let edited = changed(&race_with("learning-race-5x20", two), &[("5 * (member", "6 * (member")]);
        let second = propose(&host, edited, "mia", Effective::AtOnce).await.unwrap();
        assert_ne!(hash(&first), hash(&second));
        assert!(why(host.approve(RACE, &hash(&first), "bo", "").await).contains("look at it again"));
        assert!(host.approve(RACE, &hash(&second), "bo", "").await.unwrap().release.is_none(), "li has not seen this");
        assert_eq!(releases(&host).await, 1);
        assert_eq!(host.approve(RACE, &hash(&second), "li", "").await.unwrap().release.map(|r| r.number), Some(2));
        let states: Vec<String> = host.proposals(RACE).await.unwrap().into_iter().map(|p| p.state).collect();
        assert_eq!(states, ["live", "replaced"]);
    })
    .await;
}

#[tokio::test]
async fn a_stale_plan_is_refused() {
    on_each(FIRST_WEEK, async |world| {
        let host = started(world, ONE_APPROVAL).await;
        let base = host.plan(RACE, &change(), Effective::AtOnce).await.unwrap().base;
        assert_eq!(base, Base { release: 1, proposal: 0 });
        let other = changed(&change(), &[("5 * (member", "6 * (member")]);
        propose(&host, other.clone(), "bo", Effective::AtOnce).await.unwrap();
        let wanted = |base: Base| Wanted { files: change(), base, effective: Effective::AtOnce, author: "mia".into(), note: String::new() };
        let told = why(host.propose(RACE, wanted(base)).await);
        assert_eq!(told, "the plan is stale: proposal 1 was made since it was made: plan again");
        assert!(why(propose(&host, other, "mia", Effective::AtOnce).await).contains("proposal 1 is just this, from at once"));
        // A release that came since: an approval of what was planned before it is refused too.
        let proposed = propose(&host, change(), "mia", Effective::AtOnce).await.unwrap();
        host.approve(RACE, &hash(&proposed), "li", "").await.unwrap();
        let next = propose(&host, changed(&change(), &[("5 * (member", "7 * (member")]), "mia", Effective::AtOnce).await.unwrap();
        host.rollback(RACE, None, "ops", "wrong card").await.unwrap();
        assert!(why(host.approve(RACE, &hash(&next), "li", "").await).contains("is stale"));
        let told = why(host.propose(RACE, wanted(Base { release: 2, proposal: 3 })).await);
        assert_eq!(told, "the plan is stale: release 3 came since it was made: plan again");
    })
    .await;
}

#[tokio::test]
async fn what_is_rejected_is_over() {
    on_each(FIRST_WEEK, async |world| {
        let host = started(world, ONE_APPROVAL).await;
        let content = hash(&propose(&host, change(), "mia", Effective::AtOnce).await.unwrap());
        assert!(why(host.reject(RACE, &content, "li", " ").await).contains("say why"));
        assert_eq!(host.reject(RACE, &content, "li", "ask legal first").await.unwrap().state, "rejected");
        assert!(why(host.approve(RACE, &content, "bo", "").await).contains("nothing is proposed"));
        // Proposed once more, it is a proposal of its own.
        let again = propose(&host, change(), "mia", Effective::AtOnce).await.unwrap();
        assert_eq!((hash(&again), again.proposal.unwrap().number), (content, 2));
    })
    .await;
}

/// Whoever approved the change for the next week has not approved it for this one.
#[tokio::test]
async fn an_approval_is_of_the_instant_too() {
    on_each(FIRST_WEEK, async |world| {
        let host = started(world, "\n[releases]\napprovals = 2\n").await;
        let mut seen = Vec::new();
        let later = Effective::At(at_ms("2020-10-01T00:00:00+08:00"));
        for effective in [Effective::NextCycle, later, Effective::AtOnce] {
            let proposed = propose(&host, change(), "mia", effective).await.unwrap();
            let new = hash(&proposed);
            assert!(!seen.contains(&new) && new != proposed.plan.hash);
            for old in &seen {
                assert!(why(host.approve(RACE, old, "bo", "").await).contains("look at it again"));
            }
            assert_eq!(host.proposals(RACE).await.unwrap()[0].approvals.len(), 0, "the same content at another instant is another thing");
            host.approve(RACE, &new, "li", "").await.unwrap();
            seen.push(new);
        }
        let live = host.approve(RACE, &seen[2], "bo", "").await.unwrap().release.unwrap();
        assert_eq!(live.effective_from.parse::<jiff::Timestamp>().unwrap().as_millisecond(), at_ms(FIRST_WEEK));
    })
    .await;
}

#[tokio::test]
async fn a_policy_counts_until_its_change_is_approved() {
    on_each(FIRST_WEEK, async |world| {
        let host = started(world, ONE_APPROVAL).await;
        let without = campaign("learning-race-5x20");
        assert!(why(host.add_release(without.clone(), None, "mia", "").await).contains("asks for 1 approvals"));
        let content = hash(&propose(&host, without, "mia", Effective::NextCycle).await.unwrap());
        host.approve(RACE, &content, "li", "").await.unwrap();
        // It is approved, and not in force yet.
        let more = changed(&campaign("learning-race-5x20"), &[("5 * (member", "6 * (member")]);
        assert!(why(host.add_release(more.clone(), None, "mia", "").await).contains("asks for 1 approvals"));
        world.set_clock(SECOND_WEEK);
        assert_eq!(host.add_release(more, None, "mia", "").await.unwrap().number, 3);
        // Going back to a release without a policy keeps the policy that is rolled back.
        let strict = host.add_release(change(), None, "mia", "").await.unwrap();
        assert_eq!(strict.number, 4);
        host.rollback(RACE, None, "ops", "").await.unwrap();
        let fives = changed(&campaign("learning-race-5x20"), &[("5 * (member", "9 * (member")]);
        assert!(why(host.add_release(fives, None, "mia", "").await).contains("asks for 1 approvals"));
    })
    .await;
}

#[tokio::test]
async fn cases_that_fail_stop_a_proposal() {
    on_each(FIRST_WEEK, async |world| {
        let host = started(world, ONE_APPROVAL).await;
        let mut files = change();
        let case =
            "[[case]]\nname = \"an empty week\"\nsteps = [{ at = \"2020-09-30 10:00\", do = \"settle\" }]\nexpect.totals = { jd-20 = 1 }\n";
        files.insert("cases/wrong.toml".into(), case.as_bytes().into());
        let plan = host.plan(RACE, &files, Effective::AtOnce).await.unwrap();
        assert_eq!((plan.cases.passed, plan.cases.failed.len()), (0, 1), "{:?}", plan.cases);
        assert!(plan.cases.failed[0].starts_with("cases/wrong.toml:1 an empty week: "), "{:?}", plan.cases);
        assert_eq!(
            why(propose(&host, files.clone(), "mia", Effective::AtOnce).await),
            "1 cases fail, and the policy in force wants all to pass"
        );
        // A release holds its cases: with another one it has another content.
        let fixed = String::from_utf8(files["cases/wrong.toml"].to_vec()).unwrap().replace("jd-20 = 1", "jd-20 = 0");
        files.insert("cases/wrong.toml".into(), fixed.into_bytes().into());
        let proposed = propose(&host, files, "mia", Effective::AtOnce).await.unwrap();
        assert_ne!(hash(&proposed), host.plan(RACE, &change(), Effective::AtOnce).await.unwrap().hash);
    })
    .await;
}

#[tokio::test]
async fn a_rollback_is_a_release() {
    on_each(FIRST_WEEK, async |world| {
        let host = started(world, "").await;
        let mut other = world.hosts(1).await;
        let other = if world.database.is_sqlite() { host.clone() } else { other.remove(0) };
        assert!(why(host.rollback(RACE, None, "ops", "").await).contains("no release before the first"));
        host.add_release(campaign("learning-race-5x20"), None, "mia", "").await.unwrap();
        let sixes = changed(&campaign("learning-race-5x20"), &[("5 * (member", "6 * (member")]);
        host.add_release(sixes, Effective::NextCycle, "mia", "").await.unwrap();
        // Release 3 is not in force yet: its instant is what is rolled back.
        let back = other.rollback(RACE, None, "ops", "wrong number").await.unwrap();
        assert_eq!(
            back.iter().map(|r| (r.number, r.copy_of, &*r.effective_from)).collect::<Vec<_>>(),
            [(4, Some(2), "2020-09-28T16:00:00Z")]
        );
        assert!(why(host.rollback(RACE, None, "ops", "").await).contains("is a rollback already"));
        assert!(why(host.rollback(RACE, Some(2), "ops", "").await).contains("nothing to roll back"));
        // To the first: now, and then too.
        let first = host.rollback(RACE, Some(1), "ops", "").await.unwrap();
        assert_eq!(first.iter().map(|r| (r.number, r.copy_of)).collect::<Vec<_>>(), [(5, Some(1)), (6, Some(1))]);
        assert!(why(host.rollback(RACE, Some(9), "ops", "").await).contains("there is no release 9"));
        world.set_clock(SECOND_WEEK);
        assert_eq!(outcomes(&other, RACE, &[lesson(SECOND_WEEK, "ada", "L1", 5)]).await, "booked");
        assert_eq!(other.event(RACE, "course", "ada-L1").await.unwrap().release, 6);
        assert_eq!(host.campaign_view(RACE).await.unwrap().releases[5].copy_of, Some(1));
    })
    .await;
}

#[tokio::test]
async fn a_release_that_keeps_failing_falls_back() {
    on_each(FIRST_WEEK, async |world| {
        let policy = "\n[releases]\nfall_back = { failures = 3, seconds = 60 }\n";
        let host = started(world, policy).await;
        // Fails for whoever has ten lessons' points.
        let broken =
            changed(&race_with(RACE, policy), &[("let left = DAILY_CAP", "let odd = 1 / (event.data.points - 7); let left = DAILY_CAP")]);
        assert_eq!(host.add_release(broken, None, "mia", "").await.unwrap().number, 2);
        let seven = |n: usize| lesson(FIRST_WEEK, "ada", &format!("L{n}"), 7);
        for n in 0..3 {
            assert_eq!(outcomes(&host, RACE, &[seven(n)]).await, "failed");
        }
        // Too long ago to count.
        world.set_clock("2020-09-23T12:02:00+08:00");
        // Sent again, a failure is the same one.
        assert_eq!(outcomes(&host, RACE, &[seven(0)]).await, "failed");
        for n in 3..6 {
            assert_eq!(outcomes(&host, RACE, &[seven(n)]).await, "failed");
        }
        assert_eq!(outcomes(&host, RACE, &[lesson(FIRST_WEEK, "ada", "good", 5)]).await, "booked");
        assert_eq!(releases(&host).await, 2);
        assert_eq!(outcomes(&host, RACE, &[seven(6)]).await, "failed");
        while releases(&host).await < 3 {
            tokio::task::yield_now().await;
        }
        // What failed is decided by what was in force before, when it is sent again.
        assert_eq!(outcomes(&host, RACE, &[seven(0), seven(3)]).await, "booked booked");
        let view = host.campaign_view(RACE).await.unwrap();
        assert_eq!((view.releases[2].copy_of, &*view.releases[2].author), (Some(1), "fallback"));
        let line = world.value("select body from journal where kind = 5 order by position desc limit 1").await;
        assert!(line.contains("release 2 failed more than 3 times within 60 seconds") && line.contains("\"fell_back_from\":2"), "{line}");
    })
    .await;
}

/// A rule that fails only when a cycle closes is as broken. What is tried again is no new failure.
#[tokio::test]
async fn failed_closes_count_towards_a_fallback() {
    on_each(FIRST_WEEK, async |world| {
        let policy = "\n[releases]\nfall_back = { failures = 3, seconds = 60 }\n";
        let host = started(world, policy).await;
        let broken = changed(
            &race_with(RACE, policy),
            &[(
                "fn on_cycle_close(member, cycle) {",
                "fn on_cycle_close(member, cycle) { let odd = 1 / (member.points(\"learning\", \"cycle\") - 7);",
            )],
        );
        assert_eq!(host.add_release(broken, None, "mia", "").await.unwrap().number, 2);
        let seven = |who: &str, time| lesson(time, who, "L1", 7);
        let three = ["ada", "ben", "cid"].map(|who| seven(who, FIRST_WEEK));
        assert_eq!(outcomes(&host, RACE, &three).await, "booked booked booked");
        world.set_clock(SECOND_WEEK);
        for _ in 0..3 {
            host.run_due().await;
        }
        assert_eq!(
            (host.cycles(RACE).await.unwrap()[0].settlements[0].failed.len(), releases(&host).await),
            (3, 2),
            "not more than it bears"
        );
        let four = ["ada", "ben", "cid", "dan"].map(|who| lesson(SECOND_WEEK, who, "L2", 7));
        assert_eq!(outcomes(&host, RACE, &four).await, "booked booked booked booked");
        world.set_clock("2020-10-06T03:00:00+08:00");
        host.run_due().await;
        while releases(&host).await < 3 {
            tokio::task::yield_now().await;
        }
        assert_eq!(host.campaign_view(RACE).await.unwrap().releases[2].copy_of, Some(1));
    })
    .await;
}

/// A release may leave the cycle in which it takes effect to the one before it.
#[tokio::test]
async fn a_release_may_settle_from_the_next_cycle_on() {
    on_each(FIRST_WEEK, async |world| {
        for (settles, reward) in [("this cycle", "jd-20"), ("next cycle", "jd-100")] {
            world.set_clock(FIRST_WEEK);
            let id = format!("race-{}", &settles[..4]);
            let named = |files: Files| changed(&files, &[("id = \"learning-race\"", &format!("id = \"{id}\""))]);
            let host = world.host().await;
            host.add_release(named(campaign(RACE)), None, "product", "").await.unwrap();
            let later = race_with("learning-race-5x20", &format!("\n[releases]\nsettles = \"{settles}\"\n"));
            host.add_release(named(later), None, "product", "").await.unwrap();
            let all = friends(FIRST_WEEK, "ada", 0..50);
            assert!(!outcomes(&host, &id, &all).await.contains("failed"));
            world.set_clock(SECOND_WEEK);
            host.run_due().await;
            let closed = host.grants(&id, "ada").await.unwrap().into_iter().find(|g| g.function == "on_cycle_close").unwrap();
            assert_eq!(closed.reward, reward, "{settles}");
        }
    })
    .await;
}

/// What is approved for later is no way back: one key would make it live at once.
#[tokio::test]
async fn only_what_was_in_force_is_brought_back() {
    on_each(FIRST_WEEK, async |world| {
        let host = started(world, "").await;
        let times = |n: &str| changed(&campaign("learning-race-5x20"), &[("5 * (member", &format!("{n} * (member"))]);
        let (third, october) = ("2020-10-06T00:00:00+08:00", "2020-10-01T00:00:00+08:00");
        host.add_release(times("6"), Effective::At(at_ms(october)), "mia", "").await.unwrap();
        host.add_release(times("7"), Effective::At(at_ms(third)), "mia", "").await.unwrap();
        let refused = async |to| {
            let told = why(host.rollback(RACE, to, "ops", "").await);
            assert!(told.contains("has never been in force") && told.contains("propose it instead"), "{to:?}: {told}");
        };
        refused(Some(2)).await;
        refused(Some(3)).await;
        // Before the newest comes release 2, which is as new.
        refused(None).await;
        // Now, and when release 2 would take effect: both or neither.
        let [make, mend] = world.fault("releases");
        let of_five = make
            .replace("releases begin", "releases when new.number = 5 begin")
            .replace("for each row execute", "for each row when (new.number = 5) execute");
        world.database.sql(&of_five).await;
        assert!(why(host.rollback(RACE, Some(1), "ops", "").await).contains("broken here"));
        assert_eq!(releases(&host).await, 3);
        world.database.sql(&mend).await;
        let back = host.rollback(RACE, Some(1), "ops", "").await.unwrap();
        assert_eq!(back.iter().map(|r| (r.number, r.copy_of)).collect::<Vec<_>>(), [(4, Some(1)), (5, Some(1))]);
        // Their instants came, and something else decided.
        world.set_clock("2020-10-07T12:00:00+08:00");
        refused(Some(2)).await;
        refused(Some(3)).await;
        // Once it has decided, it is a way back; and a copy of it stands for it.
        assert_eq!(host.add_release(times("6"), None, "mia", "").await.unwrap().number, 6);
        assert_eq!(host.rollback(RACE, None, "ops", "").await.unwrap()[0].copy_of, Some(1));
        assert_eq!(host.rollback(RACE, Some(2), "ops", "").await.unwrap()[0].number, 8);
        refused(Some(3)).await;
    })
    .await;
}

/// A rollback is of what its author saw: a release that comes meanwhile is not rolled back with it.
#[tokio::test]
async fn a_rollback_spares_what_comes_meanwhile() {
    on_each(FIRST_WEEK, async |world| {
        let host = started(world, "").await;
        host.add_release(campaign("learning-race-5x20"), None, "mia", "").await.unwrap();
        let number = world.database.store.campaigns().await.unwrap()[0].campaign;
        let held = world.database.store.begin(number).await.unwrap();
        let back = tokio::spawn({
            let host = host.clone();
            async move { host.rollback(RACE, None, "ops", "").await }
        });
        // It waits for the lock, having seen releases 1 and 2.
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        let mut held = held;
        let mut book = guerdon_rules::book::Book::new(held.head().clone(), Vec::new());
        book.add_release(3);
        book.add_line(guerdon_rules::book::rows::JournalKind::Release, None, None, 0, "{}".into());
        let second = world.database.store.releases(number, 1).await.unwrap().remove(0);
        held.add_release(&guerdon::store::ReleaseRow { number: 3, ..second }).await.unwrap();
        held.write(&book.take_delta()).await.unwrap();
        held.commit().await.unwrap();
        assert_eq!(why(back.await.unwrap()), "a release came after release 2: look at it first");
        assert_eq!(releases(&host).await, 3);
    })
    .await;
}

/// Two approvals at the same time are two, and the second one makes it live; one approver twice is one, and no fault.
#[tokio::test]
async fn approvals_at_the_same_time_all_count() {
    on_each(FIRST_WEEK, async |world| {
        for (approvers, live) in [(["li", "bo"], 1), (["li", "li"], 0)] {
            let name = format!("race-of-{}", approvers.concat());
            let named = |files: Files| changed(&files, &[("id = \"learning-race\"", &format!("id = \"{name}\""))]);
            let two = "\n[releases]\napprovals = 2\n";
            let host = world.host().await;
            host.add_release(named(race_with(RACE, two)), None, "product", "").await.unwrap();
            let files = named(race_with("learning-race-5x20", two));
            let base = host.plan(&name, &files, Effective::AtOnce).await.unwrap().base;
            let wanted = Wanted { files, base, effective: Effective::AtOnce, author: "mia".into(), note: String::new() };
            let content = hash(&host.propose(&name, wanted).await.unwrap());
            let number = world.database.store.campaigns().await.unwrap().iter().find(|c| c.id == name).unwrap().campaign;
            let held = world.database.store.begin(number).await.unwrap();
            let approving = approvers.map(|approver| {
                let (host, name, content) = (host.clone(), name.clone(), content.clone());
                tokio::spawn(async move { host.approve(&name, &content, approver, "").await })
            });
            // Both wait for the lock, having seen nobody's approval.
            tokio::time::sleep(std::time::Duration::from_millis(400)).await;
            drop(held);
            let mut became_live = 0;
            for approved in approving {
                became_live += usize::from(approved.await.unwrap().unwrap().release.is_some());
            }
            assert_eq!(became_live, live, "{approvers:?}");
            assert_eq!(host.campaign_view(&name).await.unwrap().releases.len(), 1 + live);
        }
    })
    .await;
}

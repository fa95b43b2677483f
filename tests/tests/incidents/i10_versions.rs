//! I10: the requirement came in many versions through chat groups, and three days of testing by hand did not cover its
//! scenarios. Here a version is a folder: its cases run at once, the fuzzer looks for the scenario that nobody wrote, and
//! two versions are compared over what really happened, before one of them is released.

use crate::facts::*;
use crate::world::*;
use guerdon::flow::effective::Effective;
use guerdon::flow::proposal::Wanted;
use guerdon_rules::book::prepare::Releases;
use guerdon_rules::cases::{Report, run_alone};
use guerdon_rules::fuzz::{Check, Finding, Fuzz};
use guerdon_rules::language::{Files, Runtime};
use guerdon_rules::names::Names;
use guerdon_rules::release::Release;
use std::path::Path;
use std::sync::Arc;

const POLICY: &str = "\n[releases]\napprovals = 1\ncases = \"must pass\"\n";
/// What everybody in the chat group took for granted.
const INVARIANT: &str = "\n[[invariants]]\nname = \"a hundred points of study a day\"\nper = [\"member\", \"day\"]\nholds = 'points(\"learning.lesson\") <= 100'\n";

/// A version of the requirement: a project's campaign with some of its cases, the policy, and changes.
fn version(name: &str, cases: &[&str], changes: &[(&str, &str)]) -> Files {
    let mut files = changed(&race_with(name, POLICY), changes);
    for case in cases {
        let path = format!("../campaigns/{name}/cases/{case}.toml");
        let text = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
        files.insert(format!("cases/{case}.toml"), text.into());
    }
    files
}

fn cases(files: &Files) -> Report {
    run_alone(files, &Runtime::default()).unwrap()
}

fn fuzzed(files: &Files) -> Vec<Finding> {
    let release = Release::compile(1, 0, files, &mut Names::default(), &Runtime::default()).unwrap();
    let fuzz = Fuzz::new(Releases::new(vec![Arc::new(release)]), files, 1).unwrap();
    fuzz.findings(&fuzz.round(0..300, 2))
}

#[tokio::test]
async fn a_version_is_proven_before_it_ships() {
    on_each(FIRST_WEEK, async |world| {
        let host = world.host().await;
        host.add_release(race_with(RACE, POLICY), None, "product", "go-live").await.unwrap();
        import(&host, "jd-20", 1..=200).await;
        import(&host, "jd-100", 1001..=1010).await;
        // 60 friends: 1200 points, one card of 100 yuan at the close. And somebody who studies.
        host.submit(RACE, friends(FIRST_WEEK, "ada", 0..60)).await.unwrap();
        host.submit(RACE, vec![lesson(FIRST_WEEK, "ben", "bonds", 80), lesson(FIRST_WEEK, "ben", "funds", 80)]).await.unwrap();
        world.set_clock(SECOND_WEEK);
        host.run_due().await;

        // "Five cards from a thousand points on": written as more than a thousand. The cases say which, and where.
        let all = ["settlement", "account-opened"];
        let first = version(
            "learning-race-5x20",
            &all,
            &[("5 * (member.points(\"learning\", \"cycle\") / 1000)", "5 * (member.points(\"learning\", \"cycle\") / 1001)")],
        );
        let failed: Vec<_> = cases(&first).cases.into_iter().filter(|case| !case.passed).collect();
        let lines: Vec<&String> = failed.iter().flat_map(|case| &case.failures).flat_map(|f| &f.rule_lines).collect();
        assert!(!failed.is_empty() && failed.iter().all(|case| case.file == "cases/settlement.toml"), "{failed:?}");
        let plan = host.plan(RACE, &first, Effective::NextCycle).await.unwrap();
        assert!(plan.refused.join("").contains("cases fail"), "{:?} {lines:?}", plan.refused);

        // "And the daily cap is per lesson": no case of this version says anything about days. The fuzzer finds the story.
        let hole = ("let left = DAILY_CAP - event.member.points(\"learning.lesson\", \"day\");", "let left = DAILY_CAP;");
        let mut second = version("learning-race-5x20", &["account-opened"], &[hole]);
        let manifest = String::from_utf8(second["campaign.toml"].to_vec()).unwrap();
        second.insert("campaign.toml".into(), (manifest + INVARIANT).into_bytes().into());
        assert!(cases(&second).passed(), "nobody wrote that scenario");
        let findings = fuzzed(&second);
        let found = findings.iter().find(|f| (f.check, &*f.of) == (Check::Invariant, "a hundred points of study a day"));
        let found = found.unwrap_or_else(|| panic!("{findings:?}"));
        assert!(found.steps <= 3, "{}", found.case);
        // Its story is a case from now on: it stops this version, and not the one that is put right.
        second.insert("cases/found.toml".into(), found.case.as_bytes().into());
        assert_eq!(cases(&second).failed(), 1);
        let plan = host.plan(RACE, &second, Effective::NextCycle).await.unwrap();
        assert!(plan.refused.join("").contains("1 cases fail"), "{:?}", plan.refused);
        let mut third = changed(&second, &[(hole.1, hole.0)]);
        // What really happened is a case too.
        let real = host.case_of_event(RACE, "course", "ben-funds").await.unwrap();
        assert!(real.passes && real.case.contains("\"learning.lesson\" = 100"), "{}", real.case);
        third.insert("cases/real.toml".into(), real.case.as_bytes().into());
        assert!(cases(&third).passed(), "{:?}", cases(&third));
        assert!(fuzzed(&third).is_empty());

        // The two versions over what was recorded: the same money in other cards, before anything changes.
        let plan = host.plan(RACE, &third, Effective::NextCycle).await.unwrap();
        assert!(plan.refused.is_empty(), "{:?}", plan.refused);
        let forecast = plan.forecast.unwrap();
        let units: Vec<_> = forecast.rewards.iter().map(|r| (r.reward.as_str(), r.units.was, r.units.would)).collect();
        assert_eq!(units, [("jd-100", 1, 0), ("jd-20", 60, 65)]);
        let cost = forecast.cost.unwrap();
        assert_eq!((cost.was == cost.would, forecast.gain, forecast.lose, forecast.exchange), (true, 0, 0, 1));
        let wanted = Wanted {
            files: third,
            base: plan.base,
            effective: Effective::NextCycle,
            author: "mia".into(),
            note: "the third version".into(),
        };
        let proposed = host.propose(RACE, wanted).await.unwrap().proposal.unwrap();
        let live = host.approve(RACE, &proposed.hash, "li", "").await.unwrap().release.unwrap();
        assert_eq!(live.number, 2);
        world.is_sound(&host, RACE).await;
    })
    .await;
}

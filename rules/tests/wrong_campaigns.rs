//! The fuzzer against fifteen campaigns that are wrong on purpose: each mistake is found within a stated number of
//! stories, the case that is written is small and fails under the case runner, and the same campaign with the mistake
//! put right survives as many stories. And both versions of the learning race survive.

use guerdon_rules::book::prepare::Releases;
use guerdon_rules::cases;
use guerdon_rules::fuzz::{Check, Finding, Fuzz};
use guerdon_rules::language::Files;
use guerdon_rules::names::Names;
use std::sync::Arc;

mod support;

const SEED: u64 = 1;
/// Stories of the learning race, and of campaigns whose mistake was put right.
const RUNS: u64 = 500;

struct Wrong {
    campaign: &'static str,
    /// What must be found: the check, and what it is about.
    finds: (Check, &'static str),
    /// Within how many stories.
    runs: u64,
    /// Steps of the case at most.
    steps: usize,
    /// (file, what is wrong there, what would be right)
    right: &'static [(&'static str, &'static str, &'static str)],
}

const RULES: &str = "rules.rhai";
const TOML: &str = "campaign.toml";

#[rustfmt::skip]
const WRONG: [Wrong; 15] = [
    Wrong {
        campaign: "budget-exceeded-through-points",
        finds: (Check::Invariant, "a hundred yuan in all"), runs: 500, steps: 4,
        right: &[(TOML, "[accounts.cents]", "[accounts.cents]\nworth = \"0.01 CNY\"")],
    },
    Wrong {
        campaign: "cap-checked-after-granting",
        finds: (Check::Invariant, "a hundred points a day"), runs: 500, steps: 2,
        right: &[(RULES, "event.member.award(\"learning\", points)", "event.member.award(\"learning\", min(points, 100 - event.member.points(\"learning\", \"day\")))")],
    },
    Wrong {
        campaign: "cycle-by-utc",
        finds: (Check::Invariant, "two stars a day"), runs: 500, steps: 3,
        right: &[(TOML, "starts_at = \"08:00\"", "")],
    },
    Wrong {
        campaign: "double-pay-on-re-registration",
        finds: (Check::Invariant, "one card for each friend"), runs: 500, steps: 4,
        right: &[(TOML, "once_per = [\"data.registration\"]", "once_per = [\"member\"]")],
    },
    Wrong {
        campaign: "negative-correction",
        finds: (Check::Failure, "order.corrected at rules.rhai:8"), runs: 500, steps: 1,
        right: &[(RULES, "deduct(\"coins\", -by)", "deduct(\"coins\", min(-by, event.member.points(\"coins\", \"all\")))")],
    },
    Wrong {
        campaign: "off-by-one-at-1000",
        finds: (Check::Invariant, "a card from 1000 points on"), runs: 500, steps: 2,
        right: &[(RULES, "> 1000", ">= 1000")],
    },
    Wrong {
        campaign: "order-dependence-declared-independent",
        finds: (Check::Order, ""), runs: 500, steps: 2,
        right: &[(RULES, "event.member.award(\"coins\", yuan); }", "event.member.award(\"coins\", 5); }")],
    },
    Wrong {
        campaign: "overflow-by-a-huge-amount",
        finds: (Check::Failure, "order.paid at rules.rhai:3"), runs: 500, steps: 1,
        right: &[(TOML, "yuan = \"int\"", "yuan = \"int from 0 to 1000000\"")],
    },
    Wrong {
        campaign: "points-counted-every-week",
        finds: (Check::Invariant, "three stars for each card"), runs: 500, steps: 3,
        right: &[(RULES, "\"all\"", "\"cycle\"")],
    },
    Wrong {
        campaign: "rank-ties",
        finds: (Check::Invariant, "one champion a week"), runs: 500, steps: 3,
        right: &[
            (RULES, "member.points(\"learning\", \"cycle\") >= 100", "member.rank(\"learning\") == 1"),
            // A correction may see another champion, and the first one keeps the trophy.
            (TOML, "[[invariants]]", "[limits.rewards.trophy]\nper_cycle = 1\n\n[[invariants]]"),
        ],
    },
    Wrong {
        campaign: "refund-paid-twice",
        finds: (Check::Invariant, "no more refunds than orders"), runs: 500, steps: 3,
        right: &[(RULES, "event.member.events(\"order.paid\", \"all\") == 0", "event.member.events(\"order.paid\", \"all\") <= event.member.events(\"order.refunded\", \"all\")")],
    },
    Wrong {
        campaign: "reversed-roles",
        finds: (Check::Invariant, "a card for each friend"), runs: 500, steps: 3,
        right: &[(RULES, "event.member.grant", "inviter.grant")],
    },
    Wrong {
        campaign: "self-invite-ring",
        finds: (Check::Invariant, "whoever was invited is paid at most for those whom the host knows they invited"), runs: 500, steps: 1,
        right: &[(TOML, "roles.inviter = \"data.inviter\"", "roles.inviter = \"member.referral\"")],
    },
    Wrong {
        campaign: "streak-never-broken",
        finds: (Check::Invariant, "a badge takes three days of its week"), runs: 500, steps: 3,
        right: &[(RULES, "event.member.get(\"streak\") + 1", "event.member.events(\"checked.in\", \"cycle\") + 1")],
    },
    Wrong {
        campaign: "work-grows-with-the-amount",
        finds: (Check::RuleLimit, "order.paid at rules.rhai:5: operations"), runs: 20, steps: 1,
        right: &[
            (RULES, "for yuan in 1..event.data.yuan + 1 {\n        if yuan % 100 == 0 { coins += 1; }\n    }", "coins = event.data.yuan / 100;"),
        ],
    },
];

fn wrong_files(campaign: &str) -> Files {
    support::files(&format!("../tests/wrong-campaigns/{campaign}"))
}

fn releases(files: &Files) -> Releases {
    Releases::new(vec![Arc::new(support::release(1, 0, files, &mut Names::default()))])
}

fn fuzz(files: &Files) -> Fuzz {
    Fuzz::new(releases(files), files, SEED).unwrap()
}

fn found(files: &Files, runs: u64) -> Vec<Finding> {
    let fuzz = fuzz(files);
    fuzz.findings(&fuzz.round(0..runs, 2))
}

fn told(findings: &[Finding]) -> String {
    findings.iter().map(|f| format!("{:?} {:?}\n{}\n", f.check, f.of, f.case)).collect()
}

/// Why a wrong campaign is not caught as it should be, or nothing.
fn missed(wrong: &Wrong) -> Option<String> {
    let files = wrong_files(wrong.campaign);
    let findings = found(&files, wrong.runs);
    let Some(finding) = findings.iter().find(|f| (f.check, &*f.of) == wrong.finds) else {
        return Some(format!("not found in {} stories, but\n{}", wrong.runs, told(&findings)));
    };
    let mut with_case = files.clone();
    with_case.insert("cases/fuzz.toml".into(), finding.case.as_bytes().into());
    let report = cases::run(&releases(&files), &with_case);
    if finding.steps > wrong.steps {
        return Some(format!("{} steps\n{}", finding.steps, finding.case));
    }
    let fails = report.diagnostics.is_empty() && (report.cases.len(), report.failed()) == (1, 1);
    (!fails).then(|| format!("its case does not fail: {:?}\n{}", report.diagnostics, finding.case))
}

#[test]
fn each_wrong_campaign_is_found_and_its_case_is_small_and_fails() {
    let missed: String = WRONG.iter().filter_map(|w| Some(format!("{}: {}\n", w.campaign, missed(w)?))).collect();
    assert!(missed.is_empty(), "{missed}");
}

#[test]
fn a_mistake_that_is_put_right_is_not_found() {
    let found = WRONG.iter().filter_map(|wrong| {
        let mut files = wrong_files(wrong.campaign);
        for (file, was, becomes) in wrong.right {
            let text = String::from_utf8(files[*file].to_vec()).unwrap();
            assert!(text.contains(was), "{}: {was}", wrong.campaign);
            files.insert(file.to_string(), text.replace(was, becomes).as_bytes().into());
        }
        let findings = found(&files, RUNS);
        (!findings.is_empty()).then(|| format!("{}:\n{}", wrong.campaign, told(&findings)))
    });
    let found: String = found.collect();
    assert!(found.is_empty(), "{found}");
}

#[test]
fn every_wrong_campaign_of_the_folder_is_in_the_table() {
    let folder = support::folder("../tests/wrong-campaigns");
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut folders: Vec<String> = names.collect();
    folders.sort();
    assert_eq!(folders, WRONG.map(|wrong| wrong.campaign));
}

#[test]
fn the_learning_race_survives() {
    for name in ["learning-race", "learning-race-5x20"] {
        let findings = found(&support::files(name), RUNS);
        assert!(findings.is_empty(), "{name}:\n{}", told(&findings));
    }
}

#[test]
fn the_same_seed_finds_the_same_on_however_many_threads() {
    let files = wrong_files("refund-paid-twice");
    let fuzz = fuzz(&files);
    let findings = |threads: usize| fuzz.findings(&fuzz.round(0..500, threads));
    assert!(!findings(1).is_empty());
    assert_eq!(findings(1), findings(3));
}

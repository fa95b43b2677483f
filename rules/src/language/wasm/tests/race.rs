//! Decisions of honest modules: what they are told, and the learning race in Rust where it has been built.

use super::campaign::{campaign, question};
use super::wat::{Said, assemble, text};
use crate::campaign::calendar::Cycle;
use crate::effect::{Action, Verdict};
use crate::fact::{Fact, Period};
use crate::language::wasm::{CodeCache, Engine, load};
use crate::language::{Handler, Read, RuleModule, Runtime, Write};
use crate::value::{MemberId, Value};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Built by tests/build-guests; None where nobody has built it.
fn learning_race(runtime: &Runtime) -> Option<Box<dyn RuleModule>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../campaigns/learning-race-wasm/rules.wasm");
    let Ok(bytes) = std::fs::read(path) else {
        eprintln!("skipped: run tests/build-guests first");
        return None;
    };
    let loaded = load(&campaign(), &bytes, runtime).unwrap_or_else(|findings| panic!("{findings:?}"));
    assert_eq!(loaded.warnings, []);
    Some(loaded.module)
}

fn written(verdict: &Verdict) -> String {
    let Verdict::Booked(effects) = verdict else { return format!("{verdict:?}") };
    let action = |action: &Action| match action {
        Action::Award { account, points } => format!("award {account} {points}"),
        Action::Grant { reward, count } => format!("grant {reward} {count}"),
        Action::Note(text) => format!("note \"{text}\""),
        other => format!("{other:?}"),
    };
    effects.iter().map(|effect| format!("{} {}", effect.of, action(&effect.action))).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_learning_race_decides_as_its_script_does() {
    let Some(module) = learning_race(&Runtime::default()) else { return };
    let (bob, alice) = (Some(MemberId::new("bob")), Some(MemberId::new("alice")));
    let pair = [bob.clone(), alice];
    let opened = |existing: Value| written(&module.decide(0, &question(&pair, &[existing, Value::Text("bob".into())], &[], None)));
    assert_eq!(opened(Value::Missing), "1 award 0 20, 1 grant 0 1");
    assert_eq!(opened(Value::Bool(false)), "1 award 0 20, 1 grant 0 1");
    assert!(
        opened(Value::Bool(true)).starts_with("Refused { reason: \"existing customer\", place: Some(Place { file: \"src/lib.rs\", line: ")
    );
    let alone = [bob];
    let lesson = |points: i64, today: i64| {
        let data = [Value::Text("L1".into()), Value::Text("bob".into()), Value::Int(points)];
        written(&module.decide(1, &question(&alone, &data, &[Value::Int(today)], None)))
    };
    assert_eq!(lesson(30, 0), "0 award 1 30");
    assert_eq!(lesson(60, 60), "0 note \"daily cap: 40 of 60 points\", 0 award 1 40");
    let cycle = Cycle { number: 1, starts_ms: 0, ends_ms: 7 * 86_400_000, first_day: 0, last_day: 6, is_last: false };
    for (points, cards) in [(0, 0), (999, 0), (1000, 5), (1999, 5), (11_000, 55)] {
        let verdict = module.decide(2, &question(&alone, &[], &[Value::Int(points)], Some(&cycle)));
        assert_eq!(written(&verdict), format!("0 grant 0 {cards}"), "{points}");
    }
}

/// `data` reads are answered from the event, the others in their own order, whatever order the module lists them in.
#[test]
fn every_read_gets_its_own_answer() {
    let said = Said {
        event: Some("account.opened"),
        roles: &["inviter"],
        reads: &[
            ("member", "points learning day"),
            ("event", "data existing_customer"),
            ("inviter", "attribute streak"),
            ("event", "data invitee"),
        ],
        writes: &[("grant", "jd-20"), ("award", "learning")],
    };
    // Facts are a list, 60 bytes into the question: 24 bytes each, the value 8 bytes on. The answer at 20000 is booked,
    // one effect at 20048: an award of points * 100 + existing_customer * 10 + streak.
    let body = "
        (local $facts i32)
        (local.set $facts (i32.load (i32.add (local.get $question) (i32.const 60))))
        (i64.store (i32.const 20080) (i64.add
            (i64.mul (i64.load offset=8 (local.get $facts)) (i64.const 100))
            (i64.add (i64.mul (i64.load8_u offset=32 (local.get $facts)) (i64.const 10)) (i64.load offset=56 (local.get $facts)))))
        (i32.store (i32.const 20004) (i32.const 20048)) (i32.store (i32.const 20008) (i32.const 1))
        (i32.store (i32.const 20064) (i32.const 20200)) (i32.store (i32.const 20068) (i32.const 8))
        (i64.store (i32.const 20072) (i64.load (i32.const 20080)))
        (i32.const 20000)";
    let bytes = assemble(&text(&[said], "1.0.0", body, "(data (i32.const 20200) \"learning\")"));
    let module = load(&campaign(), &bytes, &Runtime::default()).unwrap_or_else(|findings| panic!("{findings:?}")).module;
    assert_eq!(
        module.handlers(),
        [Handler {
            function: "on_account_opened".into(),
            event: Some(0),
            roles: vec![0],
            reads: vec![
                Read { of: 0, fact: Fact::Points { account: 0, period: Period::Day } },
                Read { of: 1, fact: Fact::Attribute { attribute: 0 } },
            ],
            writes: vec![
                Write { effect: "grant", name: Some("jd-20".into()), line: None },
                Write { effect: "award", name: Some("learning".into()), line: None },
            ],
        }]
    );
    let members = [Some(MemberId::new("bob")), Some(MemberId::new("alice"))];
    let data = [Value::Bool(true), Value::Text("bob".into())];
    let verdict = module.decide(0, &question(&members, &data, &[Value::Int(7), Value::Int(4)], None));
    assert_eq!(written(&verdict), "0 award 0 714");
}

/// Counts what it is asked.
#[derive(Default)]
struct Kept {
    code: Mutex<BTreeMap<String, Vec<u8>>>,
    hits: AtomicUsize,
}

impl CodeCache for Kept {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        let found = self.code.lock().unwrap().get(key).cloned();
        self.hits.fetch_add(usize::from(found.is_some()), Ordering::Relaxed);
        found
    }
    fn put(&self, key: &str, code: &[u8]) {
        self.code.lock().unwrap().insert(key.into(), code.into());
    }
}

#[test]
fn compiled_code_is_read_back_and_a_damaged_one_compiled_again() {
    let kept = Arc::new(Kept::default());
    let bytes = super::wat::module(&[super::wat::HONEST], "(unreachable)");
    let load_once = || {
        let runtime = Runtime { wasm: Engine::with_cache(kept.clone()), ..Runtime::default() };
        load(&campaign(), &bytes, &runtime).map(|loaded| loaded.module.handlers().len()).unwrap()
    };
    assert_eq!((load_once(), kept.hits.load(Ordering::Relaxed), kept.code.lock().unwrap().len()), (1, 0, 1));
    assert_eq!((load_once(), kept.hits.load(Ordering::Relaxed), kept.code.lock().unwrap().len()), (1, 1, 1));
    kept.code.lock().unwrap().values_mut().for_each(Vec::clear);
    assert_eq!(load_once(), 1);
    assert!(kept.code.lock().unwrap().values().all(|code| !code.is_empty()));
}

#[test]
fn more_decisions_at_a_time_than_the_pool_has_slots() {
    let module = load(&campaign(), &super::wat::module(&[super::wat::HONEST], "(unreachable)"), &Runtime::default()).map(|l| l.module);
    let module = module.unwrap_or_else(|findings| panic!("{findings:?}"));
    let members = [Some(MemberId::new("bob"))];
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| {
                for _ in 0..20 {
                    let Verdict::Failed(failure) = module.decide(0, &question(&members, &[], &[], None)) else { panic!("it traps") };
                    assert!(failure.reason.contains("unreachable"), "{}", failure.reason);
                }
            });
        }
    });
}

/// `cargo test --release -p guerdon-rules -- --ignored --nocapture decision_costs`
#[test]
#[ignore = "measures; only a release build says something"]
fn decision_costs() {
    let Some(module) = learning_race(&Runtime::default()) else { return };
    let members = [Some(MemberId::new("bob")), Some(MemberId::new("alice"))];
    let data = [Value::Missing, Value::Text("bob".into())];
    let asked = question(&members, &data, &[], None);
    for _ in 0..5 {
        let (start, rounds) = (std::time::Instant::now(), 20_000);
        for _ in 0..rounds {
            std::hint::black_box(module.decide(0, &asked));
        }
        println!("{:.2} µs per decision", start.elapsed().as_secs_f64() * 1e6 / f64::from(rounds));
    }
}

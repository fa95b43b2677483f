//! How long a decision takes. Nothing is asserted: run it by hand, in release.
//! `cargo test --release -p guerdon-rules --lib speed -- --ignored --nocapture`

use super::race::{invitee, race};
use super::{CYCLE, question};
use crate::language::Question;
use crate::value::Value;
use std::hint::black_box;

#[test]
#[ignore = "measures"]
fn speed_of_the_learning_race() {
    let (_, loaded) = race();
    let members = invitee();
    let opened = [Value::Missing, Value::Text("invitee".into())];
    let lesson = [Value::Text("l1".into()), Value::Text("m".into()), Value::Int(30)];
    let facts = [Value::Int(10)];
    let questions = [
        ("on_account_opened", question(&members, &opened, &[])),
        ("on_lesson_finished", question(&members[..1], &lesson, &facts)),
        ("on_cycle_close", Question { cycle: Some(&CYCLE), ..question(&members[..1], &[], &facts) }),
    ];
    for (handler, (name, question)) in questions.iter().enumerate() {
        const CALLS: u32 = 100_000;
        let mut best = f64::MAX;
        for _ in 0..5 {
            let started = std::time::Instant::now();
            for _ in 0..CALLS {
                black_box(loaded.module.decide(handler, black_box(question)));
            }
            best = best.min(started.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS));
        }
        println!("{name}: {best:.2} µs");
    }
}

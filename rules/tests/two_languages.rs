//! The learning race in rhai and as a wasm component: they must decide the same, on the recorded events and on random
//! questions. Needs campaigns/learning-race-wasm/rules.wasm, which `tests/build-guests` makes.

use guerdon_rules::book::prepare::Releases;
use guerdon_rules::campaign::calendar::Cycle;
use guerdon_rules::effect::{Action, Verdict};
use guerdon_rules::event::Event;
use guerdon_rules::fact::Fact;
use guerdon_rules::language::{Files, Question, Runtime};
use guerdon_rules::limits::{Limits, NoWatch};
use guerdon_rules::names::Names;
use guerdon_rules::release::Release;
use guerdon_rules::simulate::{self, Options, recorded};
use guerdon_rules::value::{MemberId, Value};
use proptest::prelude::*;
use std::path::Path;
use std::sync::{Arc, LazyLock};

fn release(folder: &str, rules: &str) -> Arc<Release> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../campaigns").join(folder);
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}: run tests/build-guests first"));
    let files = Files::from(["campaign.toml", rules].map(|name| (name.to_string(), read(name).into())));
    let runtime = Runtime { limits: Limits { watch: Arc::new(NoWatch), ..Limits::default() }, ..Runtime::default() };
    let release = Release::compile(1, 0, &files, &mut Names::default(), &runtime);
    Arc::new(release.unwrap_or_else(|found| panic!("{found:?}")))
}

static SCRIPT: LazyLock<Arc<Release>> = LazyLock::new(|| release("learning-race-5x20", "rules.rhai"));
static MODULE: LazyLock<Arc<Release>> = LazyLock::new(|| release("learning-race-wasm", "rules.wasm"));

#[test]
fn the_recorded_events_come_to_the_same() {
    let events = || recorded::learning_race(1).into_iter().map(|line| Event::from_json(&line).unwrap());
    let report = |release: &Arc<Release>| {
        let mut report = simulate::run(Releases::new(vec![release.clone()]), events(), Options { stock: None, seed: 7, progress: &|_| {} });
        // Each says the line of its own file.
        report.lines.iter_mut().for_each(|line| line.place = None);
        report
    };
    assert_eq!(report(&SCRIPT), report(&MODULE));
}

/// A question's parts, whatever the language.
#[derive(Clone, Debug)]
struct Asked {
    function: usize,
    existing_customer: Option<bool>,
    points: i64,
    fact: i64,
    seed: u64,
}

const FUNCTIONS: [&str; 3] = ["on_account_opened", "on_lesson_finished", "on_cycle_close"];

/// What a rule asked for, without the lines of its own source.
fn decide(release: &Release, asked: &Asked) -> String {
    let handlers = release.module.handlers();
    let index = handlers.iter().position(|h| *h.function == *FUNCTIONS[asked.function]).unwrap();
    let handler = &handlers[index];
    let declared = handler.event.map(|event| &release.campaign.events[event]);
    let data = declared.into_iter().flat_map(|e| &e.fields).map(|field| match &*field.name {
        "existing_customer" => asked.existing_customer.map_or(Value::Missing, Value::Bool),
        "points" => Value::Int(asked.points),
        _ => Value::Text("x".into()),
    });
    let data: Vec<Value> = data.collect();
    let members: Vec<Option<MemberId>> = (0..=handler.roles.len()).map(|i| Some(MemberId::new(&format!("m{i}")))).collect();
    let facts: Vec<Value> =
        handler.reads.iter().map(|read| if let Fact::Points { .. } = read.fact { Value::Int(asked.fact) } else { Value::Int(0) }).collect();
    let cycle = Cycle { number: 1, starts_ms: 0, ends_ms: 1, first_day: 18_527, last_day: 18_533, is_last: false };
    let question = Question {
        id: "1",
        event: declared.map_or("", |e| &e.name),
        moment: release.campaign.calendar.moment(recorded::STARTS_MS),
        cycle: handler.event.is_none().then_some(&cycle),
        members: &members,
        data: &data,
        facts: &facts,
        seed: asked.seed,
        forced_draws: &[],
    };
    match release.module.decide(index, &question) {
        Verdict::Booked(effects) => {
            let not_nothing = |a: &Action| !matches!(a, Action::Award { points: 0, .. } | Action::Grant { count: 0, .. });
            let effects: Vec<String> =
                effects.iter().filter(|e| not_nothing(&e.action)).map(|e| format!("{} {:?}", e.of, e.action)).collect();
            effects.join("; ")
        }
        Verdict::Refused { reason, .. } => format!("refused: {reason}"),
        // Each language says a mistake in its own words.
        Verdict::Failed(_) => "failed".into(),
    }
}

fn any_number() -> impl Strategy<Value = i64> {
    prop_oneof![0..3000_i64, -5..5_i64, Just(999), Just(1000), Just(2000), Just(100), any::<i32>().prop_map(i64::from)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_questions_are_answered_alike(
        function in 0..FUNCTIONS.len(), existing_customer in any::<Option<bool>>(), points in any_number(), fact in any_number(), seed in any::<u64>(),
    ) {
        let asked = Asked { function, existing_customer, points, fact, seed };
        prop_assert_eq!(decide(&SCRIPT, &asked), decide(&MODULE, &asked));
    }
}

//! Rules without a database: a whole campaign in memory (one core decides, another reads and asks the rules), and a single call in each
//! language, on one core, beside other engines.
//! Must not know: databases, HTTP.

use super::baselines::{self, Asked, Ours};
use super::decision::{self, Case};
use super::world::files;
use super::{BenchError, Entry, Goal, Options, Progress, Result, stream};
use guerdon_rules::book::prepare::Releases;
use guerdon_rules::event::Event;
use guerdon_rules::language::{Files, Runtime};
use guerdon_rules::names::Names;
use guerdon_rules::release::Release;
use guerdon_rules::simulate;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const SIMULATE_GOAL: f64 = 300_000.0;
const RHAI_GOAL_MICROSECONDS: f64 = 2.0;
const WASM_GOAL_MICROSECONDS: f64 = 12.0;
/// The campaign whose rules are a wasm component, seen from the folder of the project.
const WASM_CAMPAIGN: &str = "campaigns/learning-race-wasm";
/// Why something about wasm is not measured.
pub const NO_WASM: &str = "campaigns/learning-race-wasm/rules.wasm is not here: build it with tests/build-guests";

fn releases(files: &Files, runtime: &Runtime) -> Result<Releases> {
    let release = Release::compile(1, 0, files, &mut Names::default(), runtime);
    let release = release.map_err(|found| BenchError::Wrong(found.first().map_or_else(String::new, ToString::to_string)))?;
    Ok(Releases::new(vec![Arc::new(release)]))
}

/// Events in memory, with settlement, read beforehand.
pub fn simulate(options: &Options, progress: Progress<'_>) -> Result<Entry> {
    let count: u64 = if options.quick { 100_000 } else { 500_000 };
    progress("simulate", 0, count);
    // Most members are friends who open an account, after accepting an invitation; nine lessons for each of them.
    let members = count / stream::OPENED_EVERY * 10 / 9;
    let accepted = (0..count / stream::OPENED_EVERY).map(stream::accepted);
    let texts = accepted.chain((0..count).map(|n| stream::event(n, members)));
    let events: Vec<Event> = texts.map(|text| Event::from_json(&text).map_err(BenchError::Wrong)).collect::<Result<_>>()?;
    let releases = releases(&files(), &Runtime::default())?;
    let all = events.len();
    let began = Instant::now();
    let chosen = simulate::Options { stock: None, seed: 1, progress: &|_| {} };
    let report = simulate::run(releases, events, chosen);
    let took = began.elapsed();
    if report.outcomes.get("booked").copied() != Some(all as u64) {
        return Err(BenchError::Wrong(format!("not every simulated event was booked: {:?}", report.outcomes)));
    }
    let rate = all as f64 / took.as_secs_f64();
    Ok(Entry {
        bottleneck: Some("both cores: deciding and booking; most answers of the rule are known".into()),
        details: vec![format!("{:.1} µs an event, {} members, settlement included", 1e6 / rate, report.members)],
        ..Entry::value("simulate", SIMULATE_GOAL, "events/s", rate)
    })
}

/// A call in each of our languages, and in other engines beside a rhai call of the same run.
pub fn calls(options: &Options, runtime: &Runtime, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Entry>> {
    let rounds = if options.quick { 2_000 } else { 20_000 };
    // Other engines do not know answers from before.
    let cases = learning_race(&Runtime { evaluates_always: true, ..runtime.clone() })?;
    let effects = expected(&cases)?;
    let rhai = time(&cases, rounds)?;
    let known = time(&learning_race(runtime)?, rounds)?;
    let wasm = wasm(&effects, rounds, runtime)?;
    let details = vec![format!("evaluated; {known:.2} µs where the answer is known from before")];
    let mut entries = vec![Entry { details, ..ours("rule.rhai", RHAI_GOAL_MICROSECONDS, rhai) }];
    entries.push(match wasm {
        Some(wasm) => ours("rule.wasm", WASM_GOAL_MICROSECONDS, wasm),
        None => Entry::skipped("rule.wasm", Goal::Value(WASM_GOAL_MICROSECONDS), "µs", NO_WASM),
    });
    let asked = Asked { cases: &cases, effects: &effects, rounds };
    entries.extend(baselines::measure(&asked, &Ours { rhai, wasm }, wanted)?);
    Ok(entries)
}

fn ours(name: &'static str, goal: f64, microseconds: f64) -> Entry {
    Entry { bottleneck: Some("one core: the call".into()), ..Entry::value(name, goal, "µs", microseconds) }
}

/// What the rhai rules of the learning race are asked.
pub fn learning_race(runtime: &Runtime) -> Result<Vec<Case>> {
    decision::cases(&releases(&files(), runtime)?)
}

/// What a campaign's own rules ask for.
pub fn expected(cases: &[Case]) -> Result<Vec<serde_json::Value>> {
    cases.iter().map(|case| case.effects(&case.decide(&case.question()?))).collect()
}

/// Microseconds of one call of the campaign's own rules.
fn time(cases: &[Case], rounds: usize) -> Result<f64> {
    let questions = cases.iter().map(Case::question).collect::<Result<Vec<_>>>()?;
    Ok(decision::microseconds(rounds, |n| {
        std::hint::black_box(cases[n].decide(&questions[n]));
    }))
}

/// Each call on a fresh instance, as in production. None where its component was not built.
fn wasm(effects: &[serde_json::Value], rounds: usize, runtime: &Runtime) -> Result<Option<f64>> {
    let Some(files) = wasm_campaign() else { return Ok(None) };
    let cases = decision::cases(&releases(&files, runtime)?)?;
    decision::same("rule.wasm", effects, &expected(&cases)?)?;
    time(&cases, rounds).map(Some)
}

/// None where its component was not built.
pub fn wasm_campaign() -> Option<Files> {
    let read = |name: &str| std::fs::read(Path::new(WASM_CAMPAIGN).join(name)).map(|bytes| (name.to_string(), bytes.into()));
    ["campaign.toml", "rules.wasm"].into_iter().map(read).collect::<std::io::Result<Files>>().ok()
}

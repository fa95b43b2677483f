//! Rules without a database: a whole campaign in memory (one core decides, another reads), and a single call in each
//! language, on one core.
//! Must not know: databases, HTTP.

use super::world::{files, prepared};
use super::{BenchError, Entry, Options, Progress, Result, stream};
use guerdon_rules::book::prepare::{Prepared, Releases};
use guerdon_rules::effect::Verdict;
use guerdon_rules::event::Event;
use guerdon_rules::language::{Files, Question, Runtime};
use guerdon_rules::names::Names;
use guerdon_rules::release::Release;
use guerdon_rules::simulate;
use guerdon_rules::value::{MemberId, Value};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const SIMULATE_GOAL: f64 = 120_000.0;
const RHAI_GOAL_MICROSECONDS: f64 = 4.0;
const WASM_GOAL_MICROSECONDS: f64 = 25.0;
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
        name: "simulate",
        goal: SIMULATE_GOAL,
        value: Some(rate),
        unit: "events/s",
        bottleneck: Some("one core: the rule and the book; another reads".into()),
        met: Some(rate >= SIMULATE_GOAL),
        details: vec![format!("{:.1} µs an event, {} members, settlement included", 1e6 / rate, report.members)],
        ..Entry::default()
    })
}

pub fn rhai(options: &Options, runtime: &Runtime) -> Result<Entry> {
    call("rule.rhai", RHAI_GOAL_MICROSECONDS, options, &files(), runtime)
}

/// Each call on a fresh instance, as in production.
pub fn wasm(options: &Options, runtime: &Runtime) -> Result<Entry> {
    match wasm_campaign() {
        Some(files) => call("rule.wasm", WASM_GOAL_MICROSECONDS, options, &files, runtime),
        None => Ok(Entry::skipped("rule.wasm", WASM_GOAL_MICROSECONDS, "µs", NO_WASM)),
    }
}

/// None where its component was not built.
pub fn wasm_campaign() -> Option<Files> {
    let read = |name: &str| std::fs::read(Path::new(WASM_CAMPAIGN).join(name)).map(|bytes| (name.to_string(), bytes.into()));
    ["campaign.toml", "rules.wasm"].into_iter().map(read).collect::<std::io::Result<Files>>().ok()
}

/// The same questions again and again: nine lessons and an opened account.
fn call(name: &'static str, goal: f64, options: &Options, files: &Files, runtime: &Runtime) -> Result<Entry> {
    let releases = releases(files, runtime)?;
    let batch = prepared((0..stream::OPENED_EVERY).map(|n| stream::event(n, 1000)), &releases)?;
    let rounds = if options.quick { 2_000 } else { 20_000 };
    // The first rounds fill caches.
    for prepared in batch.iter().cycle().take(200) {
        ask(prepared)?;
    }
    let began = Instant::now();
    for _ in 0..rounds {
        for prepared in &batch {
            ask(prepared)?;
        }
    }
    let value = began.elapsed().as_secs_f64() * 1e6 / (rounds * batch.len()) as f64;
    Ok(Entry {
        name,
        goal,
        value: Some(value),
        unit: "µs",
        bottleneck: Some("one core: the call".into()),
        met: Some(value <= goal),
        ..Entry::default()
    })
}

fn ask(prepared: &Prepared) -> Result<()> {
    let wrong = || BenchError::Wrong(format!("{}: the rule did not book it", prepared.event.id));
    let parsed = prepared.contract.as_ref().map_err(|reason| BenchError::Wrong(reason.clone()))?;
    let handler = prepared.release.handler_of_event[parsed.kind].ok_or_else(wrong)?;
    let declared = prepared.release.handler(handler);
    let members: Vec<Option<MemberId>> = (0..=declared.roles.len()).map(|_| Some(parsed.member.clone())).collect();
    let facts = vec![Value::Int(0); declared.reads.len()];
    let question = Question {
        id: &prepared.event.id,
        event: &prepared.event.kind,
        moment: parsed.moment,
        cycle: None,
        members: &members,
        data: &parsed.data,
        facts: &facts,
        seed: 1,
        forced_draws: &[],
    };
    match std::hint::black_box(prepared.release.module.decide(handler, &question)) {
        Verdict::Booked(_) => Ok(()),
        _ => Err(wrong()),
    }
}

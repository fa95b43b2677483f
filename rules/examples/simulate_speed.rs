//! How many events a second the simulation decides on one core: the learning race's rules over many seeds of the
//! recorded events, each with members and ids of its own. `cargo run --release -p guerdon-rules --example simulate_speed`

use guerdon_rules::book::prepare::Releases;
use guerdon_rules::event::Event;
use guerdon_rules::language::{Files, Runtime};
use guerdon_rules::names::Names;
use guerdon_rules::release::Release;
use guerdon_rules::simulate::{self, Options, recorded};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

fn main() -> Result<(), String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../campaigns/learning-race-5x20");
    let mut files = Files::new();
    for name in ["campaign.toml", "rules.rhai"] {
        files.insert(name.into(), std::fs::read(folder.join(name)).map_err(|e| e.to_string())?.into());
    }
    let release =
        Release::compile(1, i64::MIN, &files, &mut Names::default(), &Runtime::default()).map_err(|found| format!("{found:?}"))?;
    let releases = Releases::new(vec![Arc::new(release)]);
    let copies: u64 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(40);
    let mut lines: Vec<String> = Vec::new();
    for copy in 0..copies {
        lines.extend(
            recorded::learning_race(copy)
                .into_iter()
                .map(|line| line.replace("\"u0", &format!("\"c{copy}-u0")).replace("\"id\":\"", &format!("\"id\":\"c{copy}-"))),
        );
    }
    // In the order of their times, as one stream would have them.
    lines.sort_by_cached_key(|line| line.split("\"time\":\"").nth(1).map(|rest| rest[..10].to_string()));
    let started = Instant::now();
    let events: Vec<Event> = lines.iter().filter_map(|line| Event::from_json(line).ok()).collect();
    let parsed = started.elapsed();
    let started = Instant::now();
    let count = events.len();
    let report = simulate::run(releases, events, Options { stock: None, seed: 1, progress: &|_| {} });
    let took = started.elapsed();
    println!(
        "{count} events: {:.0}/s decided, {:.0}/s read from JSON",
        count as f64 / took.as_secs_f64(),
        count as f64 / parsed.as_secs_f64()
    );
    println!("{:?} {:?}", report.outcomes, report.rewards.iter().map(|r| (&r.reward, r.all)).collect::<Vec<_>>());
    Ok(())
}

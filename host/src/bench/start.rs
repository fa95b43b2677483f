//! From starting the program to the first answer of the last of twenty campaigns, whose wasm rules were compiled at an
//! earlier start. Must not know: where compiled code is kept.

use super::rules::wasm_campaign;
use super::{BenchError, Entry, Goal, Options, Progress, Result, stream};
use serde::Deserialize;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

pub const NAME: &str = "start";
const GOAL_MS: f64 = 300.0;
const CAMPAIGNS: usize = 20;
const ROUNDS: u64 = 7;

/// Every start is a process of its own, on SQLite; the median of some.
pub async fn measure(options: &Options, progress: Progress<'_>) -> Result<Entry> {
    let Some(files) = wasm_campaign() else {
        return Ok(Entry::skipped(NAME, Goal::Value(GOAL_MS), "ms", super::rules::NO_WASM));
    };
    let here = tempfile::tempdir()?;
    let campaigns = here.path().join("campaigns");
    for n in 0..CAMPAIGNS {
        write_campaign(&campaigns.join(id(n)), n, &files)?;
    }
    let rounds = if options.quick { 3 } else { ROUNDS };
    progress(NAME, 0, rounds);
    let data = here.path().join("data");
    let compiling = first_answer(&data, Some(&campaigns), 0).await?;
    let mut times = Vec::new();
    for round in 1..=rounds {
        times.push(first_answer(&data, None, round).await?);
        progress(NAME, round, rounds);
    }
    times.sort_unstable();
    let mut entry = Entry::value(NAME, GOAL_MS, "ms", times[times.len() / 2].as_secs_f64() * 1e3);
    entry.bottleneck = Some("reading and checking the rules of every campaign".into());
    entry.details = vec![format!(
        "{CAMPAIGNS} campaigns, each with wasm rules of its own, from the start of the process to the first booked event; {:.0} ms when all are compiled",
        compiling.as_secs_f64() * 1e3
    )];
    Ok(entry)
}

fn id(n: usize) -> String {
    format!("wasm-{n}")
}

/// A component that nobody has compiled: a custom section of its own makes it another file.
fn write_campaign(folder: &Path, n: usize, files: &guerdon_rules::language::Files) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let text = |name: &str| files.get(name).map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
    std::fs::write(folder.join("campaign.toml"), text("campaign.toml").replace("learning-race-wasm", &id(n)))?;
    let mut rules = files.get("rules.wasm").map(|bytes| bytes.to_vec()).unwrap_or_default();
    rules.extend([0, 3, 1, b'n', n as u8]);
    std::fs::write(folder.join("rules.wasm"), rules)?;
    Ok(())
}

#[derive(Deserialize)]
struct Announced {
    address: String,
}

async fn first_answer(data: &Path, campaigns: Option<&Path>, round: u64) -> Result<Duration> {
    let began = Instant::now();
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["serve", "--insecure-local", "--listen", "127.0.0.1:0", "--format", "json", "--data"]).arg(data);
    if let Some(campaigns) = campaigns {
        command.arg("--campaigns").arg(campaigns);
    }
    // What an operator has set for a host of theirs must not reach this one.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GUERDON_")) {
        command.env_remove(name);
    }
    let mut host = command.current_dir(std::env::temp_dir()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn()?;
    let answered = ask(&mut host, round).await;
    let took = began.elapsed();
    host.kill().await?;
    answered.map(|()| took)
}

async fn ask(host: &mut Child, round: u64) -> Result<()> {
    let wrong = |what: String| BenchError::Wrong(format!("the host that was started: {what}"));
    let stdout = host.stdout.take().ok_or_else(|| wrong("it has no output".into()))?;
    let line = BufReader::new(stdout).lines().next_line().await?.ok_or_else(|| wrong("it ended at once".into()))?;
    let Announced { address } = serde_json::from_str(&line).map_err(|e| wrong(e.to_string()))?;
    let url = format!("{address}/v1/campaigns/{}/events", id(CAMPAIGNS - 1));
    let sending = reqwest::Client::new().post(url).header("Content-Type", "application/cloudevents+json").body(stream::event(round, 1000));
    let answer = sending.send().await.map_err(|e| wrong(e.to_string()))?;
    let (status, text) = (answer.status(), answer.text().await.map_err(|e| wrong(e.to_string()))?);
    if status.is_success() && text.contains("\"booked\"") { Ok(()) } else { Err(wrong(format!("{status}: {text}"))) }
}

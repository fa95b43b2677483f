//! GoRules Zen and json-rules-engine, measured by the script in `tests/baselines`: questions as JSON go in, effects and
//! times come out. Must not know: how their rules are written.

use super::super::decision::{TIMED, WARM_UP_ROUNDS, same};
use super::super::{BenchError, Result};
use super::{Asked, Attempt, Measured};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Seen from the folder of the project.
const FOLDER: &str = "tests/baselines";
const SCRIPT: &str = "engines.mjs";
const INSTALL: &str = "install Node.js 20 or newer and run npm ci in tests/baselines";

#[derive(Deserialize)]
struct Answers {
    zen: Answer,
    json_rules_engine: Answer,
}

#[derive(Deserialize)]
struct Answer {
    version: String,
    effects: Vec<Json>,
    microseconds: f64,
    abreast_microseconds: f64,
}

/// GoRules Zen, and json-rules-engine.
pub fn measure(asked: &Asked) -> Result<(Attempt, Attempt)> {
    let answers = match ask(asked)? {
        Ok(answers) => answers,
        Err(why) => return Ok((Err(why.clone()), Err(why))),
    };
    let threads = "handing each call to another thread and back";
    let zen = measured("@gorules/zen-engine", threads, answers.zen, asked)?;
    let json_rules_engine = measured("json-rules-engine", "one core: the call", answers.json_rules_engine, asked)?;
    Ok((Ok(zen), Ok(json_rules_engine)))
}

fn measured(package: &str, bottleneck: &'static str, answer: Answer, asked: &Asked) -> Result<Measured> {
    same(package, asked.effects, &answer.effects)?;
    let details = vec![format!(
        "{package} {}, each call after the one before; {:.2} µs for each of {TIMED} at once",
        answer.version, answer.abreast_microseconds
    )];
    Ok(Measured { microseconds: answer.microseconds, bottleneck, details })
}

/// What the script says, or why there is nothing.
fn ask(asked: &Asked) -> Result<std::result::Result<Answers, String>> {
    if !Path::new(FOLDER).join("node_modules").is_dir() {
        return Ok(Err(format!("the packages are not here: {INSTALL}")));
    }
    let questions = asked.cases.iter().map(|case| case.as_json()).collect::<Result<Vec<_>>>()?;
    let (timed, checked) = questions.split_at(TIMED);
    let input = json!({ "questions": timed, "checked": checked, "warm_up": WARM_UP_ROUNDS, "rounds": asked.rounds });
    let mut command = Command::new("node");
    command.arg(Path::new(FOLDER).join(SCRIPT)).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut node) = command.spawn() else { return Ok(Err(format!("there is no `node`: {INSTALL}"))) };
    if let Some(mut stdin) = node.stdin.take() {
        // A script that ended already says why on stderr.
        let _ = stdin.write_all(input.to_string().as_bytes());
    }
    let output = node.wait_with_output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let error = said.lines().find(|line| line.contains("Error")).unwrap_or("it says nothing");
        return Ok(Err(format!("{FOLDER}/{SCRIPT} failed ({}): {INSTALL}", error.trim())));
    }
    let answers = serde_json::from_slice(&output.stdout);
    answers.map(Ok).map_err(|e| BenchError::Wrong(format!("{FOLDER}/{SCRIPT} printed no answer: {e}")))
}

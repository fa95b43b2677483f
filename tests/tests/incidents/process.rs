//! Real host processes, served over HTTP: started, killed and asked.

use crate::facts::fact;
use crate::world::{World, campaign, changed};
use guerdon::clock::{Clock, SystemClock};
use guerdon_rules::language::Files;
use guerdon_rules::simulate::recorded::STARTS_MS;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

const WEEK_MS: i64 = 7 * 24 * 3600 * 1000;

/// A `guerdon serve`. Killed when it is dropped.
pub struct Served {
    child: Child,
    pub address: String,
}

/// What host processes of one scenario share: a data folder with the code key, and the campaign, moved to these days,
/// because a process reads the machine's clock.
pub struct Ground {
    pub folder: TempDir,
    pub database: String,
    /// An instant within the campaign, and not after now.
    pub now: String,
    /// Manifest lines of the campaign's own days, and what they are moved to.
    days: [(&'static str, String); 2],
}

impl Ground {
    pub fn new(world: &World) -> Ground {
        let now_ms = SystemClock.now_ms();
        let starts_ms = STARTS_MS + ((now_ms - STARTS_MS) / WEEK_MS - 1) * WEEK_MS;
        let text =
            |at_ms| Timestamp::from_millisecond(at_ms).unwrap().in_tz("Asia/Shanghai").unwrap().strftime("%Y-%m-%dT%H:%M:%S").to_string();
        let days = [("2020-09-22T00:00:00", text(starts_ms)), ("2020-10-20T00:00:00", text(starts_ms + 4 * WEEK_MS))];
        let folder = tempfile::tempdir().unwrap();
        let into = folder.path().join("campaigns/learning-race");
        std::fs::create_dir_all(&into).unwrap();
        std::fs::write(folder.path().join("codes.key"), crate::world::CODE_KEY.repeat(32)).unwrap();
        let now = Timestamp::from_millisecond(now_ms).unwrap().to_string();
        let ground = Ground { folder, database: world.database.address.clone(), now, days };
        ground.campaign("learning-race").iter().for_each(|(name, content)| std::fs::write(into.join(name), content).unwrap());
        ground
    }

    /// One of the project's campaigns, moved to these days.
    pub fn campaign(&self, name: &str) -> Files {
        let days: Vec<(&str, &str)> = self.days.iter().map(|(from, to)| (*from, to.as_str())).collect();
        changed(&campaign(name), &days)
    }

    /// Puts a campaign's files into a folder of that name; its path.
    pub fn write(&self, folder: &str, files: &Files) -> std::path::PathBuf {
        let folder = self.folder.path().join(folder);
        for (name, content) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        folder
    }

    /// Runs the program as somebody, against a host: its exit code, and what it printed.
    pub fn run_as(&self, name: &str, host: &Served, arguments: &[&str]) -> (i32, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_guerdon-tested"))
            .args(arguments)
            .args(["--as", name, "--host", &host.address])
            .env("NO_COLOR", "1")
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
        (output.status.code().unwrap_or(-1), text)
    }

    pub fn serve(&self) -> Served {
        let path = |path: &Path| path.to_str().unwrap().to_string();
        let mut child = Command::new(env!("CARGO_BIN_EXE_guerdon-tested"))
            .args(["serve", "--insecure-local", "--listen", "127.0.0.1:0", "--format", "json", "--database", &self.database])
            .args(["--campaigns", &path(&self.folder.path().join("campaigns")), "--data", &path(self.folder.path())])
            .env("GUERDON_LOG__FILTER", "off")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a host starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).expect("it says where it listens");
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("the host said {line:?}: {e}"));
        Served { child, address: said["address"].as_str().unwrap().into() }
    }

    pub fn accepted(&self, inviter: &str, invitee: &str) -> Value {
        crate::facts::accepted_fact(&self.now, inviter, invitee)
    }
    pub fn opened(&self, invitee: &str) -> Value {
        crate::facts::opened_fact(&self.now, invitee)
    }
    pub fn lesson(&self, member: &str, lesson: &str) -> Value {
        let data = json!({"member": member, "lesson": lesson, "points": 1});
        fact(&self.now, "course", &format!("{member}-{lesson}"), "lesson.finished", &data)
    }
}

impl Served {
    /// kill -9.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Posts a batch: the results in order, or why there are none.
pub async fn post(client: &reqwest::Client, address: &str, facts: &[Value]) -> Result<Vec<Value>, String> {
    let request = client
        .post(format!("{address}/v1/campaigns/learning-race/events"))
        .header("content-type", "application/cloudevents-batch+json")
        .body(Value::from(facts.to_vec()).to_string());
    let answer = request.send().await.map_err(|e| e.to_string())?;
    let status = answer.status();
    let body: Value = answer.json().await.map_err(|e| e.to_string())?;
    match body["results"].as_array() {
        Some(results) if status == 200 => Ok(results.clone()),
        _ => Err(format!("{status}: {body}")),
    }
}

pub async fn post_codes(client: &reqwest::Client, address: &str, pool: &str, count: usize) {
    let codes: String = (1..=count).map(|n| format!("JD-{n:06}\n")).collect();
    let request = client.post(format!("{address}/v1/pools/{pool}/codes")).header("content-type", "text/plain").body(codes);
    let report: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(report["accepted"], count, "{report}");
}

//! What the tests of the program share: a folder with a small campaign in it, and the program run there.
#![allow(dead_code)] // Each test file uses its share.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

pub const MANIFEST: &str = r#"
id = "race"
name = { en = "Race" }
time_zone = "Asia/Shanghai"
starts = "2020-09-22T00:00:00"
ends = "2020-10-20T00:00:00"
rules = "rules.rhai"

[cycle]
every = "week"
starts_on = "tuesday"

[accounts.learning]

[rewards.card]
kind = "gift-card"
face_value = "20.00 CNY"
pool = "cards"

[events."lesson.finished"]
member = "data.member"
once_per = ["member", "data.lesson"]
data = { member = "member", lesson = "string", points = "int" }
"#;

pub const RULES: &str = "fn on_lesson_finished(event) {\n    event.member.award(\"learning\", event.data.points);\n    if event.data.points == 1000 { event.member.grant(\"card\"); }\n}\n";

pub const CASES: &str = r#"
[[case]]
name = "a lesson counts"
steps = [{ at = "2020-09-23T10:00:00", event = "lesson.finished", data = { member = "alice", lesson = "1", points = 5 } }]
expect.members.alice.points = { learning = 5 }
"#;

/// A folder of its own for each test, with a campaign in it.
pub struct Bench {
    pub folder: TempDir,
}

impl Bench {
    pub fn empty() -> Bench {
        Bench { folder: tempfile::tempdir().unwrap() }
    }

    pub fn new(rules: &str) -> Bench {
        let bench = Bench::empty();
        bench.write("campaigns/race/campaign.toml", MANIFEST);
        bench.write("campaigns/race/rules.rhai", rules);
        bench
    }

    pub fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_guerdon"));
        command.args(arguments).current_dir(self.folder.path()).env("NO_COLOR", "1");
        command
    }

    /// The exit code with what it printed.
    pub fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (status.code().unwrap_or(-1), text(stdout), text(stderr))
    }

    pub fn code(&self, arguments: &[&str]) -> i32 {
        let (code, stdout, stderr) = self.run(arguments);
        println!("{arguments:?}: {code}\n{stdout}{stderr}");
        code
    }
}

//! docs/ci.md: the script and the steps of the workflow are run as they stand there, in a repository whose branch changes
//! a campaign, and against a host that serves what is on the main branch.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use support::Bench;

mod support;

const PAGE: &str = include_str!("../../docs/ci.md");

/// The page's only block in a language.
fn block(language: &str) -> &'static str {
    let (_, rest) = PAGE.split_once(&format!("```{language}\n")).unwrap();
    let (block, rest) = rest.split_once("```\n").unwrap();
    assert!(!rest.contains(&format!("```{language}\n")), "two blocks of {language}");
    block
}

/// What the steps of the workflow run, the installation left out.
fn steps() -> Vec<&'static str> {
    let runs: Vec<&str> = block("yaml").lines().filter_map(|line| line.trim().strip_prefix("run: ")).collect();
    assert_eq!(runs.len(), 5, "{runs:?}");
    runs.into_iter().filter(|run| !run.contains("cargo install")).collect()
}

/// A host on the campaigns of the main branch; it ends with the test.
struct Host(Child, String);

impl Host {
    fn serving(bench: &Bench) -> Host {
        let arguments = ["serve", "--insecure-local", "--listen", "127.0.0.1:0", "--campaigns", "campaigns", "--data", "../data"];
        let mut command = bench.command(&arguments);
        let mut child = command.current_dir(repository(bench)).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let line = BufReader::new(child.stdout.take().unwrap()).lines().next().unwrap().unwrap();
        let address = line.split_once(" on ").unwrap().1.to_string();
        Host(child, address)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn repository(bench: &Bench) -> std::path::PathBuf {
    bench.folder.path().join("repository")
}

/// The exit code and what was printed, stdout and stderr.
fn shell(bench: &Bench, script: &str, host: Option<&Host>) -> (Option<i32>, String) {
    let programs = Path::new(env!("CARGO_BIN_EXE_guerdon")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.args(["-ec", script]).current_dir(repository(bench)).env("PATH", path).env("NO_COLOR", "1");
    command.env("MAIN", "main").env("FUZZ_TIME", "1s").env("GITHUB_STEP_SUMMARY", "../summary.md").env_remove("GUERDON_HOST");
    if let Some(Host(_, address)) = host {
        command.env("GUERDON_HOST", address);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), text)
}

/// A repository with two campaigns on its main branch, and a branch on which a card became two.
fn changed() -> (Bench, Host) {
    let bench = Bench::empty();
    std::fs::create_dir(repository(&bench)).unwrap();
    std::fs::write(repository(&bench).join("ci.sh"), block("sh")).unwrap();
    let begun = "git init -q -b main . && git config user.name test && git config user.email test@localhost \
        && guerdon new campaigns/wheel --template draw && guerdon new campaigns/friends --template invite \
        && sed -i s/2_000/200/ campaigns/*/population.toml && git add . && git commit -q -m main && git checkout -q -b change";
    let (code, told) = shell(&bench, begun, None);
    assert_eq!(code, Some(0), "{told}");
    let host = Host::serving(&bench);
    edit(&bench, "campaigns/friends/rules.rhai", "grant(\"card-20\")", "grant(\"card-20\", 2)");
    edit(&bench, "campaigns/friends/campaign.toml", "granted(\"card-20\") <= referrals()", "granted(\"card-20\") <= 2 * referrals()");
    (bench, host)
}

fn edit(bench: &Bench, file: &str, was: &str, becomes: &str) {
    let path = repository(bench).join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(was), "{file}: {was}");
    std::fs::write(path, text.replace(was, becomes)).unwrap();
}

#[test]
fn the_script_says_what_a_branch_changes_and_fails_on_what_it_breaks() {
    let (bench, host) = changed();
    let (code, told) = shell(&bench, "sh ci.sh", Some(&host));
    // The cases still say one card.
    assert_eq!(code, Some(1), "{told}");
    for part in [
        "campaigns/friends: ok",
        "campaigns/wheel: 9 cases passed",
        "The cost changes by +",
        ": no difference",
        "function on_account_opened changes",
        "nothing found",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    let left = |name: &str| std::fs::read_to_string(repository(&bench).join("ci").join(name)).unwrap();
    let report = junit_parser::from_reader(left("cases.xml").as_bytes()).unwrap();
    assert!(report.failures > 0 && junit_parser::from_reader(left("check.xml").as_bytes()).unwrap().failures == 0);
    assert!(left("coverage.info").contains("SF:campaigns/friends/rules.rhai") && left("diff-friends.txt").contains("card-20"));

    // With the change taken back there is nothing to say.
    let (code, told) = shell(&bench, "git checkout -q main -- campaigns && sh ci.sh", Some(&host));
    assert!(code == Some(0) && !told.contains("The cost changes"), "{told}");
}

#[test]
fn the_steps_of_the_workflow_run() {
    let (bench, _host) = changed();
    for step in steps() {
        let (code, told) = shell(&bench, step, None);
        assert_eq!(code, Some(i32::from(step == "sh ci.sh")), "{step}\n{told}");
    }
    let summary = std::fs::read_to_string(bench.folder.path().join("summary.md")).unwrap();
    assert!(summary.contains("The cost changes by +"), "{summary}");
    let sarif = std::fs::read_to_string(repository(&bench).join("check.sarif")).unwrap();
    assert!(sarif.contains("\"2.1.0\""), "{sarif}");
}

//! Completions and manual pages, in the hands of the programs that they are for.

use std::process::Command;
use support::Bench;

mod support;

fn runs(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What bash offers for a line, whose last word is not finished.
fn completed(bench: &Bench, line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let (last, before) = (words.len() - 1, words[words.len() - 2]);
    let quoted = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
    let script = format!(
        "source ./guerdon.bash; COMP_WORDS=({quoted}); COMP_CWORD={last}; COMPREPLY=(); _guerdon guerdon '{}' '{before}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words[last]
    );
    runs(Command::new("bash").args(["--norc", "-c", &script]).current_dir(bench.folder.path())).lines().map(str::to_string).collect()
}

#[test]
fn bash_completes_commands_options_and_their_values() {
    let bench = Bench::empty();
    let (code, script, _) = bench.run(&["completions", "bash"]);
    assert_eq!(code, 0);
    let path = bench.write("guerdon.bash", &script);
    runs(Command::new("bash").arg("-n").arg(path));
    assert_eq!(completed(&bench, "guerdon che"), ["check"]);
    assert_eq!(completed(&bench, "guerdon check --exp"), ["--explain"]);
    assert_eq!(completed(&bench, "guerdon new x --template sp"), ["spend-and-earn"]);
    assert_eq!(completed(&bench, "guerdon codes im"), ["import"]);
}

#[test]
fn every_shell_has_a_script() {
    let bench = Bench::empty();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let (code, script, _) = bench.run(&["completions", shell]);
        assert!(code == 0 && script.contains("threshold") && script.contains("rollback"), "{shell}");
    }
}

#[test]
fn every_command_has_a_page_with_an_example() {
    let bench = Bench::empty();
    let (code, json, _) = bench.run(&["man", "pages/man1", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let pages: Vec<&str> = json["pages"].as_array().unwrap().iter().map(|page| page.as_str().unwrap()).collect();
    assert!(code == 0 && pages.len() > 25, "{pages:?}");
    let groff = Command::new("groff").arg("--version").output().is_ok();
    for page in &pages {
        let path = bench.folder.path().join("pages/man1").join(page);
        let source = std::fs::read_to_string(&path).unwrap();
        // A command of commands says which there are.
        assert!(source.contains("Example") || source.contains(".SH SUBCOMMANDS"), "{page} has no example");
        if groff {
            let output = Command::new("groff").args(["-Kutf8", "-man", "-Tutf8", "-ww", "-P-cbou"]).arg(&path).output().unwrap();
            let (shown, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success() && told.is_empty() && shown.contains("SYNOPSIS"), "{page}: {told}{shown}");
        }
    }
    for page in ["guerdon.1", "guerdon-check.1", "guerdon-codes-import.1"] {
        assert!(pages.contains(&page), "{page}: {pages:?}");
    }
}

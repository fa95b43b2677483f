//! What is different between two versions of a campaign's folder, for whoever has to say yes to the change: settings
//! of campaign.toml by their path, functions and cases by name, and each file line by line.
//!
//! Promises: two folders with the same content have no difference. Must not know: releases, what a setting means.

use crate::language::Files;
use serde::{Deserialize, Serialize};
use similar::TextDiff;
use std::collections::{BTreeMap, BTreeSet};

const MANIFEST: &str = "campaign.toml";

/// See the module. Every list is sorted; empty ones mean that nothing there is different.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Of campaign.toml: limits, rewards, accounts, events, the policy, …
    pub settings: Vec<Changed>,
    /// Of the rule files, with `was` and `is` naming the file and line that each begins at.
    pub functions: Vec<Changed>,
    /// Of `cases/`, by their name, with `was` and `is` naming the file.
    pub cases: Vec<Changed>,
    pub files: Vec<FileDifference>,
}

/// Something that has a name and is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Changed {
    /// `limits.rewards.jd-20.per_member_per_cycle`, `on_cycle_close`.
    pub name: String,
    /// None: it is new.
    pub was: Option<String>,
    /// None: it is gone.
    pub is: Option<String>,
}

/// One file that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileDifference {
    pub path: String,
    /// As `diff -u` has it; for what is no text, the sizes.
    pub diff: String,
}

impl Difference {
    pub fn between(was: &Files, is: &Files) -> Difference {
        Difference {
            settings: changed(&settings(was), &settings(is)),
            functions: changed_named(&functions(was), &functions(is)),
            cases: changed_named(&cases(was), &cases(is)),
            files: files(was, is),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

fn changed(was: &BTreeMap<String, String>, is: &BTreeMap<String, String>) -> Vec<Changed> {
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let differ = names.into_iter().filter(|name| was.get(*name) != is.get(*name));
    differ.map(|name| Changed { name: name.clone(), was: was.get(name).cloned(), is: is.get(name).cloned() }).collect()
}

fn text<'f>(files: &'f Files, path: &str) -> Option<&'f str> {
    std::str::from_utf8(files.get(path)?).ok()
}

/// Every value of campaign.toml by its path.
fn settings(files: &Files) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    if let Some(table) = text(files, MANIFEST).and_then(|text| text.parse::<toml::Table>().ok()) {
        flatten("", &toml::Value::Table(table), &mut all);
    }
    all
}

fn flatten(path: &str, value: &toml::Value, into: &mut BTreeMap<String, String>) {
    let joined = |key: &str| if path.is_empty() { key.to_string() } else { format!("{path}.{key}") };
    match value {
        toml::Value::Table(table) if !table.is_empty() => {
            for (key, value) in table {
                let quoted = if key.contains('.') { format!("\"{key}\"") } else { key.clone() };
                flatten(&joined(&quoted), value, into);
            }
        }
        // A list of tables: an invariant goes by its name.
        toml::Value::Array(list) if list.iter().any(toml::Value::is_table) => {
            for (index, value) in list.iter().enumerate() {
                let name = value.get("name").and_then(toml::Value::as_str).map_or_else(|| (index + 1).to_string(), |n| format!("\"{n}\""));
                flatten(&joined(&name), value, into);
            }
        }
        value => {
            into.insert(path.to_string(), value.to_string());
        }
    }
}

/// By name: the text of something, and where it is.
type Named = BTreeMap<String, (String, String)>;

fn changed_named(was: &Named, is: &Named) -> Vec<Changed> {
    let texts = |of: &Named| of.iter().map(|(name, (text, _))| (name.clone(), text.clone())).collect();
    let place = |of: &Named, name: &str| of.get(name).map(|(_, place)| place.clone());
    let differ = changed(&texts(was), &texts(is)).into_iter();
    differ.map(|c| Changed { was: place(was, &c.name), is: place(is, &c.name), name: c.name }).collect()
}

/// Functions of scripts. One goes from its `fn` to the next one at the beginning of a line.
fn functions(files: &Files) -> Named {
    let mut all = BTreeMap::new();
    for path in files.keys().filter(|path| path.ends_with(".rhai")) {
        let mut open: Option<(String, usize, Vec<&str>)> = None;
        let mut close = |open: Option<(String, usize, Vec<&str>)>| {
            if let Some((name, line, lines)) = open {
                all.insert(name, (lines.join("\n").trim_end().to_string(), format!("{path}:{line}")));
            }
        };
        for (index, line) in text(files, path).unwrap_or_default().lines().enumerate() {
            let begins = line.strip_prefix("fn ").or_else(|| line.strip_prefix("private fn "));
            if let Some(name) = begins.and_then(|rest| rest.split('(').next()) {
                close(open.replace((name.trim().to_string(), index + 1, Vec::new())));
            }
            // What stands before the next function explains that one.
            if let Some((_, _, lines)) = open.as_mut().filter(|_| !line.starts_with("//")) {
                lines.push(line);
            }
        }
        close(open);
    }
    all
}

fn cases(files: &Files) -> Named {
    let mut all = BTreeMap::new();
    for path in files.keys().filter(|path| path.starts_with("cases/") && path.ends_with(".toml")) {
        let table = text(files, path).and_then(|text| text.parse::<toml::Table>().ok()).unwrap_or_default();
        for case in table.get("case").and_then(toml::Value::as_array).into_iter().flatten() {
            let name = case.get("name").and_then(toml::Value::as_str).unwrap_or("without a name");
            all.insert(name.to_string(), (case.to_string(), path.clone()));
        }
    }
    all
}

fn files(was: &Files, is: &Files) -> Vec<FileDifference> {
    let paths: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let differ = paths.into_iter().filter(|path| was.get(*path) != is.get(*path));
    differ.map(|path| FileDifference { path: path.clone(), diff: file_difference(was, is, path) }).collect()
}

fn file_difference(was: &Files, is: &Files, path: &str) -> String {
    let side = |files: &Files| match files.get(path) {
        None => Ok(String::new()),
        Some(bytes) => std::str::from_utf8(bytes).map(String::from).map_err(|_| bytes.len()),
    };
    match (side(was), side(is)) {
        (Ok(was), Ok(is)) => {
            TextDiff::from_lines(&was, &is).unified_diff().context_radius(2).header(path, path).missing_newline_hint(false).to_string()
        }
        (was, is) => {
            let size = |side: Result<String, usize>| side.map_or_else(|bytes| bytes, |text| text.len());
            format!("no text: {} bytes became {}\n", size(was), size(is))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(manifest: &str, rules: &str, cases: &str) -> Files {
        let file = |path: &str, text: &str| (path.to_string(), text.as_bytes().into());
        Files::from([file("campaign.toml", manifest), file("rules.rhai", rules), file("cases/a.toml", cases)])
    }

    fn told(list: &[Changed]) -> Vec<String> {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "-".into());
        list.iter().map(|c| format!("{}: {} => {}", c.name, side(&c.was), side(&c.is))).collect()
    }

    #[test]
    fn settings_functions_and_cases_are_named() {
        let was = folder(
            "id = \"a\"\n[limits.rewards.jd-20]\nper_member = 5\n[events.\"a.b\"]\nonce_per = [\"member\"]\n[[invariants]]\nname = \"one\"\nholds = \"x\"\n",
            "// first\nfn on_a_b(event) {\n    1\n}\n// second\nfn gone() {}\n",
            "[[case]]\nname = \"stays\"\n[[case]]\nname = \"goes\"\n",
        );
        let is = folder(
            "id = \"a\"\n[limits.rewards.jd-20]\nper_member = 8\n[events.\"a.b\"]\nonce_per = [\"member\", \"day\"]\n[[invariants]]\nname = \"one\"\nholds = \"y\"\n",
            "fn on_a_b(event) {\n    2\n}\n// another word on the same function\nfn new() {}\n",
            "[[case]]\nname = \"stays\"\n",
        );
        let found = Difference::between(&was, &is);
        #[rustfmt::skip]
        assert_eq!(told(&found.settings), [
            "events.\"a.b\".once_per: [\"member\"] => [\"member\", \"day\"]",
            "invariants.\"one\".holds: \"x\" => \"y\"",
            "limits.rewards.jd-20.per_member: 5 => 8",
        ]);
        assert_eq!(told(&found.functions), ["gone: rules.rhai:6 => -", "new: - => rules.rhai:5", "on_a_b: rules.rhai:2 => rules.rhai:1"]);
        assert_eq!(told(&found.cases), ["goes: cases/a.toml => -"]);
        assert!(found.files[0].diff.contains("-per_member = 5\n+per_member = 8\n"), "{}", found.files[0].diff);
        assert!(Difference::between(&was, &was).is_empty());
    }

    #[test]
    fn what_is_no_text_is_told_by_its_size() {
        let was = Files::from([("rules.wasm".to_string(), b"\xff\xfe".as_slice().into())]);
        let is = Files::from([("rules.wasm".to_string(), b"\xff".as_slice().into())]);
        assert_eq!(Difference::between(&was, &is).files[0].diff, "no text: 2 bytes became 1\n");
    }
}

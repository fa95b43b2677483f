//! The walls between the rooms, read from the sources: who may name the database, HTTP, the rule engines and the wall
//! clock; what the rules crate must never depend on; and that both databases have the same files. A breach is told with
//! its file and line.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A word that only some rooms may write, in any code of `rooms`.
struct Wall {
    rooms: &'static [&'static str],
    words: &'static [&'static str],
    /// Beginnings of paths that may.
    allowed: &'static [&'static str],
    why: &'static str,
}

const WALLS: &[Wall] = &[
    Wall {
        rooms: &["host/src", "rules/src", "sdk/rust/src"],
        words: &["sqlx"],
        // The bench holds the host against plain SQL.
        allowed: &["host/src/store/", "host/src/bench/"],
        why: "only the stores know SQL",
    },
    Wall {
        rooms: &["host/src", "rules/src", "sdk/rust/src"],
        words: &["axum", "hyper", "tower", "hyper_util", "tower_http"],
        // The bench holds the host against a usual one.
        allowed: &["host/src/http/", "host/src/cli/serve.rs", "host/src/bench/usual.rs"],
        why: "only http knows HTTP",
    },
    Wall {
        rooms: &["host/src", "rules/src", "sdk/rust/src"],
        words: &["wasmtime", "wasmparser"],
        allowed: &["rules/src/language/wasm/"],
        why: "only language/wasm knows its engine",
    },
    Wall {
        rooms: &["host/src", "rules/src", "sdk/rust/src"],
        words: &["rhai"],
        // Its module has the engine's name.
        allowed: &["rules/src/language/rhai/", "rules/src/language/mod.rs", "host/src/bench/"],
        why: "only language/rhai knows its engine",
    },
    Wall {
        rooms: &["host/src", "rules/src", "sdk/rust/src"],
        words: &["lsp_server", "gen_lsp_types"],
        allowed: &["host/src/cli/lsp/"],
        why: "only cli/lsp knows the language server's protocol",
    },
    Wall {
        rooms: &["host/src", "rules/src", "sdk/rust/src"],
        words: &["SystemTime", "Instant", "Timestamp::now", "Utc::now", "Zoned::now", "clock_gettime"],
        allowed: &["host/src/clock.rs", "host/src/bench/"],
        why: "only host/src/clock.rs reads the machine's clock",
    },
    Wall {
        rooms: &["rules/src", "sdk/rust/src"],
        words: &["tokio", "async fn", "std::fs", "std::net", "std::env", "std::process", "getrandom"],
        allowed: &[],
        why: "rules do no I/O and have no randomness of their own",
    },
    Wall {
        rooms: &["host/src/flow"],
        words: &[
            "crate::http",
            "crate::cli",
            "crate::store::sqlite",
            "crate::store::postgres",
            "\"select ",
            "\"insert into ",
            "\"update ",
            "\"delete from ",
        ],
        allowed: &[],
        why: "flows know neither SQL nor HTTP",
    },
    Wall { rooms: &["host/src/store"], words: &["crate::http", "crate::cli", "crate::flow"], allowed: &[], why: "stores know rows only" },
    Wall {
        rooms: &["host/src/http", "host/src/cli"],
        words: &["store::sqlite", "store::postgres"],
        allowed: &[],
        why: "which database there is, is the store's own matter",
    },
];

/// Dependencies that a crate must not have.
const NOT_NEEDED: &[(&str, &[&str])] = &[
    ("rules/Cargo.toml", &["tokio", "sqlx", "axum", "hyper", "tower", "reqwest", "getrandom", "guerdon", "async-trait"]),
    ("sdk/rust/Cargo.toml", &["tokio", "sqlx", "axum", "wasmtime", "rhai", "guerdon", "guerdon-rules"]),
];

/// Beginnings of paths that exist on one machine only.
const MACHINE_PATHS: &[&str] = &["/work/", "/home/", "/root/", "/Users/", "/tmp/bash", "C:\\\\"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// Files below a folder with one of these endings, as paths from the root with `/`. Build output and hidden files are not
/// part of the project.
fn files(folder: &str, endings: &[&str]) -> Vec<String> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if name.starts_with('.') || name == "target" || name == "node_modules" {
                continue;
            }
            if path.is_dir() { walk(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), &mut found);
    let name = |path: PathBuf| path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
    let mut names: Vec<String> = found.into_iter().map(name).filter(|n| endings.iter().any(|e| n.ends_with(e))).collect();
    names.sort();
    assert!(!names.is_empty(), "{folder} has no files with {endings:?}");
    names
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// The code of a line, without what a comment says, and nothing from a line that ends the product code.
fn code(line: &str) -> &str {
    let trimmed = line.trim_start();
    if trimmed.starts_with("//") { "" } else { line.split_once(" // ").map_or(line, |(code, _)| code) }
}

/// Whether a line names a word as a whole: `rhai::` but neither `rules.rhai` nor `rhai_module`.
fn names(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let whole_before = !before.is_some_and(|c| part(c) || matches!(c, '.' | '"' | '/' | '-' | '`' | '\''));
        let whole_after = word.ends_with(' ') || !after.is_some_and(|c| part(c) || matches!(c, '"' | '.' | '-'));
        whole_before && whole_after
    })
}

fn told(breaches: &[String]) {
    assert!(breaches.is_empty(), "{} breaches of a wall:\n{}", breaches.len(), breaches.join("\n"));
}

#[test]
fn only_one_room_names_each_thing() {
    let mut breaches = Vec::new();
    for wall in WALLS {
        for file in wall.rooms.iter().flat_map(|room| files(room, &[".rs"])) {
            if wall.allowed.iter().any(|allowed| file.starts_with(allowed)) || file.contains("/tests") {
                continue;
            }
            for (index, line) in read(&file).lines().enumerate() {
                for word in wall.words.iter().filter(|word| names(code(line), word)) {
                    breaches.push(format!("{file}:{}: `{}`: {}", index + 1, word.trim_end(), wall.why));
                }
            }
        }
    }
    told(&breaches);
}

#[test]
fn crates_depend_on_nothing_that_they_must_not_know() {
    let mut breaches = Vec::new();
    for (file, unwanted) in NOT_NEEDED {
        let mut section = String::new();
        for (index, line) in read(file).lines().enumerate() {
            if line.starts_with('[') {
                section = line.to_string();
            }
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            if section.contains("dependencies") && !section.contains("dev-") && unwanted.contains(&name) {
                breaches.push(format!("{file}:{}: must not depend on {name}", index + 1));
            }
        }
    }
    told(&breaches);
}

#[test]
fn both_databases_have_the_same_files() {
    for (one, other, endings) in
        [("host/src/store/sqlite", "host/src/store/postgres", ".rs"), ("host/migrations/sqlite", "host/migrations/postgres", ".sql")]
    {
        let of = |folder: &str| -> BTreeSet<String> {
            files(folder, &[endings]).into_iter().map(|file| file[folder.len()..].to_string()).collect()
        };
        let only: Vec<String> = of(one).symmetric_difference(&of(other)).cloned().collect();
        // SQLite has no arrays to bind: it writes lists as JSON, in a file that PostgreSQL does not need. And it lets one
        // transaction write at a time: nothing can be written without its lock, in a single statement or before it.
        let expected = ["/list.rs", "/early.rs", "/single.rs", "/statements.rs"];
        let only: Vec<&String> = only.iter().filter(|name| !expected.contains(&name.as_str())).collect();
        assert!(only.is_empty(), "{one} and {other} list the same names, but for {only:?}");
    }
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    let breaches: Vec<String> = ["host", "rules", "sdk", "tests", "campaigns"]
        .iter()
        .flat_map(|room| files(room, &[".rs"]))
        .filter(|file| !read(file).starts_with("//!"))
        .map(|file| format!("{file}:1: a file opens with `//!`: what it is for"))
        .collect();
    told(&breaches);
}

#[test]
fn no_file_names_a_path_of_one_machine() {
    let own = file!().replace('\\', "/");
    let mut breaches = Vec::new();
    for file in files("", &[".rs", ".toml", ".sql", ".rhai", ".md", ".wit", ".sh", ".json", ".yml", ".yaml"]) {
        if own.ends_with(&file) || file.ends_with("Cargo.lock") {
            continue;
        }
        for (index, line) in read(&file).lines().enumerate() {
            for path in MACHINE_PATHS.iter().filter(|path| line.contains(**path)) {
                breaches.push(format!("{file}:{}: names {path}, a path of one machine", index + 1));
            }
        }
    }
    told(&breaches);
}

#[test]
fn the_walls_stand_where_they_are_leant_on() {
    let table = [
        ("use sqlx::Row;", "sqlx", true),
        ("    let x: sqlx::Error = y;", "sqlx", true),
        ("// sqlx does this", "sqlx", false),
        ("\"rules.rhai\"", "rhai", false),
        ("use rhai::Engine;", "rhai", true),
        ("mod rhai;", "rhai", true),
        ("let rhai_file = 1;", "rhai", false),
        ("std::time::Instant::now()", "Instant", true),
        ("fn instant_ms()", "Instant", false),
        ("query(\"select 1\")", "\"select ", true),
    ];
    for (line, word, expected) in table {
        assert_eq!(names(code(line), word), expected, "{line}");
    }
}

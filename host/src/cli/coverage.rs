//! What the cases of a folder reached: the rule files with what was missed marked for people, LCOV for editors and CI.
//! Must not know: how it was recorded.

use guerdon_rules::cases::render::columns;
use guerdon_rules::language::Files;
use guerdon_rules::language::coverage::{BranchCoverage, Coverage, FileCoverage, Share};
use std::fmt::Write;

/// `85.7`, of 8571.
pub fn percent(basis_points: u32) -> String {
    format!("{}.{}", basis_points / 100, basis_points % 100 / 10)
}

/// A line for each file that was reached in full; any other file as it is written, with what was missed.
pub fn pretty(coverage: &Coverage, folder: &str, files: &Files) -> String {
    if coverage.files.is_empty() {
        return functions(coverage, folder);
    }
    let mut text = String::new();
    for file in &coverage.files {
        let (lines, branches) = (file.lines(), file.branches());
        let _ = writeln!(text, "{folder}/{}: reached {}, {}", file.file, share(lines, "lines"), share(branches, "branches"));
        if lines.reached < lines.all || branches.reached < branches.all {
            let source = files.get(&file.file).and_then(|bytes| std::str::from_utf8(bytes).ok());
            let _ = writeln!(text, "\n{}", listing(file, source.unwrap_or("")));
        }
    }
    text
}

fn share(share: Share, what: &str) -> String {
    let Share { reached, all } = share;
    if all == 0 { format!("no {what}") } else { format!("{reached} of {all} {what} ({} %)", percent(share.basis_points())) }
}

/// Which functions were called is all that can be said where the engine tells no lines.
fn functions(coverage: &Coverage, folder: &str) -> String {
    let reached = share(coverage.functions(), "functions");
    let mut text = format!("{folder}: reached {reached}; a wasm module does not tell its lines\n");
    for function in coverage.functions.iter().filter(|function| function.calls == 0) {
        let _ = writeln!(text, "    never called: {}", function.function);
    }
    text
}

fn listing(file: &FileCoverage, source: &str) -> String {
    let mut text = String::new();
    let gutter = |hits: &str, number: &str, rest: &str| format!("{hits:>9} |{number:>4} | {rest}").trim_end().to_string() + "\n";
    for (index, source) in source.trim_start_matches('\u{feff}').lines().enumerate() {
        let number = index + 1;
        let hits = file.lines.iter().find(|line| line.line == number).map_or(String::new(), |line| match line.hits {
            0 if line.partly => "in part".into(),
            0 => "never".into(),
            hits => hits.to_string(),
        });
        text += &gutter(&hits, &number.to_string(), source);
        for branch in file.branches.iter().filter(|branch| branch.line == number && branch.hits == 0) {
            let before: String = source.chars().take(branch.column - 1).collect();
            text += &gutter("", "", &format!("{}^ {}", " ".repeat(columns(&before)), missed(branch)));
        }
    }
    text
}

/// `if` was never false
fn missed(branch: &BranchCoverage) -> String {
    match (branch.of, &*branch.side) {
        ("if", side) => format!("`if` was never {side}"),
        ("switch", "no arm") => "`switch` always found an arm".into(),
        ("switch", "_") => "`switch` never came to `_`".into(),
        ("switch", arm) => format!("`switch` never came to {arm}"),
        (operator, side) => format!("the left side of `{operator}` was never {side}"),
    }
}

/// The tracefile format of geninfo(1): records that editors and CI show beside the source.
pub fn lcov(coverage: &Coverage, folder: &str) -> String {
    let mut text = String::new();
    for file in &coverage.files {
        let _ = writeln!(text, "SF:{folder}/{}", file.file);
        for line in &file.lines {
            let _ = writeln!(text, "DA:{},{}", line.line, line.hits);
        }
        let (lines, branches) = (file.lines(), file.branches());
        let _ = writeln!(text, "LF:{}\nLH:{}", lines.all, lines.reached);
        // Sides of one choice are neighbours; each choice is a block of its line.
        let (mut block, mut side) = (0, 0);
        for (index, branch) in file.branches.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|before| file.branches.get(before));
            let same = |b: &&BranchCoverage| (b.line, b.column, b.of) == (branch.line, branch.column, branch.of);
            match before {
                Some(_) if before.filter(same).is_some() => side += 1,
                Some(before) if before.line == branch.line => (block, side) = (block + 1, 0),
                _ => (block, side) = (0, 0),
            }
            let _ = writeln!(text, "BRDA:{},{block},{side},{}", branch.line, branch.hits);
        }
        let _ = writeln!(text, "BRF:{}\nBRH:{}\nend_of_record", branches.all, branches.reached);
    }
    text
}

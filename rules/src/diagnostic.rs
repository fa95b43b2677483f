//! What is wrong in a file: where, what was expected, what to write instead. Rendered by whoever shows it.

use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Error,
    Warning,
}

/// One finding. `line` and `column` count from 1, columns in characters; `None` is for the file as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    pub severity: Severity,
    /// Path within the campaign folder: `campaign.toml`, `rules.rhai`.
    pub file: String,
    pub at: Option<Position>,
    /// What is wrong, and what was expected.
    pub message: String,
    /// What to write or do; empty when there is nothing to add.
    pub help: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    pub line: usize,
    pub column: usize,
    /// How many characters to underline, at least 1.
    pub length: usize,
}

impl Diagnostic {
    pub fn error(file: &str, at: Option<Position>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Error, file: file.into(), at, message: message.into(), help: help.into() }
    }
    pub fn warning(file: &str, at: Option<Position>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Diagnostic { severity: Severity::Warning, ..Self::error(file, at, message, help) }
    }
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// `error: campaign.toml:3:7: message (help)`, on one line.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_error() { "error" } else { "warning" };
        write!(f, "{word}: {}", self.file)?;
        if let Some(at) = self.at {
            write!(f, ":{}:{}", at.line, at.column)?;
        }
        write!(f, ": {}", self.message)?;
        if self.help.is_empty() { Ok(()) } else { write!(f, " ({})", self.help) }
    }
}

/// The line and column of a byte offset in a text.
pub fn position_of(text: &str, range: std::ops::Range<usize>) -> Position {
    let before = &text[..range.start.min(text.len())];
    let line_start = before.rfind('\n').map_or(0, |n| n + 1);
    let spanned = text.get(range).unwrap_or("");
    Position {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        length: spanned.lines().next().map_or(1, |l| l.chars().count().max(1)),
    }
}

/// The name nearest to a mistyped word, if one is near enough to be meant.
pub fn closest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|name| (distance(word, name), name))
        .filter(|(far, name)| *far <= 2.max(name.chars().count() / 4))
        .min()
        .map(|(_, name)| name)
}

/// `did you mean "x"?`, or the list of what is declared.
pub fn suggestion<'a>(word: &str, names: impl IntoIterator<Item = &'a str> + Clone) -> String {
    match closest(word, names.clone()) {
        Some(name) => format!("did you mean \"{name}\"?"),
        None => format!("declared: {}", names.into_iter().collect::<Vec<_>>().join(", ")),
    }
}

/// Levenshtein's edit distance, in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let next = (diagonal + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = row[j + 1];
            row[j + 1] = next;
        }
    }
    row[b.len()]
}

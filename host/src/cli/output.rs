//! Printing: tables that fit the terminal for people, JSON for programs, and which other formats a command can be asked
//! for. Stdout only.

use super::exit::Failure;
use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use guerdon_rules::campaign::money::Money;
use serde::Serialize;
use std::io::Write;

/// What every command that prints a result has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Pretty,
    Json,
}

/// What `--format` may say; a command refuses what it does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Asked {
    /// For people
    Pretty,
    /// For programs: the values of the API
    Json,
    /// check: annotations that GitHub Actions shows beside the lines
    Github,
    /// check: SARIF 2.1.0, as code scanning reads it
    Sarif,
    /// check and test: JUnit XML, as CI servers read it
    Junit,
}

impl Asked {
    /// For a command that has these two and no other.
    pub fn plain(self) -> Result<Format, Failure> {
        match self {
            Asked::Pretty => Ok(Format::Pretty),
            Asked::Json => Ok(Format::Json),
            other => Err(other.refused(&[Asked::Pretty, Asked::Json])),
        }
    }

    /// What is said to whoever asks a command for a format that is not among those it has.
    pub fn refused(self, has: &[Asked]) -> Failure {
        let name = |asked: Asked| asked.to_possible_value().map_or_else(String::new, |value| value.get_name().to_string());
        let names: Vec<String> = has.iter().copied().map(name).collect();
        Failure::Usage(format!("this command has no --format {}, only {}", name(self), names.join(", ")))
    }
}

/// Prints a value: as JSON, or as `pretty` writes it.
pub fn print<T: Serialize>(format: Format, value: &T, pretty: impl FnOnce(&T) -> String) -> Result<(), Failure> {
    match format {
        Format::Json => write(&serde_json::to_string_pretty(value).map_err(|e| Failure::Infrastructure(e.to_string()))?),
        Format::Pretty => write(&pretty(value)),
    }
}

/// Prints a text as it is, with one line break at its end.
pub fn write(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
        // Whoever reads this (`| head`) has read enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Failure::from),
    }
}

/// A table with a head; nothing but the head when there are no rows.
pub fn table<R: IntoIterator<Item = String>>(head: &[&str], rows: impl IntoIterator<Item = R>) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_content_arrangement(ContentArrangement::Dynamic).set_header(head.iter().copied());
    for row in rows {
        table.add_row(row.into_iter().collect::<Vec<_>>());
    }
    format!("{table}\n")
}

/// An amount of money with the decimals of its currency.
pub fn money(minor: i64, currency: &str) -> String {
    let nothing: Result<Money, _> = format!("0 {currency}").parse();
    nothing.map_or_else(|_| format!("{minor} {currency}"), |money| Money { minor, ..money }.to_string())
}

/// Columns of the terminal; 100 when there is none.
pub fn width() -> usize {
    usize::from(Table::new().width().unwrap_or(100))
}

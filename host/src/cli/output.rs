//! Printing: tables that fit the terminal for people, JSON for programs. Stdout only.

use super::exit::Failure;
use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use guerdon_rules::campaign::money::Money;
use serde::Serialize;
use std::io::Write;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Pretty,
    /// For programs: the values of the API
    Json,
}

/// Prints a value: as JSON, or as `pretty` writes it.
pub fn print<T: Serialize>(format: Format, value: &T, pretty: impl FnOnce(&T) -> String) -> Result<(), Failure> {
    let text = match format {
        Format::Json => serde_json::to_string_pretty(value).map_err(|e| Failure::Infrastructure(e.to_string()))?,
        Format::Pretty => pretty(value),
    };
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

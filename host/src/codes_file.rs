//! Files of gift-card codes, line by line: one code a line, or CSV with a column `code` (the first one, when no
//! header names it). Promises: what is wrong with a line is said by its number and never by its content.
//! Must not know: where lines come from, what becomes of codes.

use crate::flow::views::ImportReport;

/// The number of a line, with its code or why there is none.
pub type CodeLine = (u64, Result<String, String>);

/// How many malformed lines a report names; the rest is only counted.
pub const NAMED_LINES: usize = 100;

/// Which column holds the code; learned from the first line.
#[derive(Default)]
pub struct Columns {
    code: usize,
    is_first_read: bool,
}

impl Columns {
    /// The code of a line; none for a header and for an empty line.
    pub fn read(&mut self, number: u64, line: Result<&str, String>) -> Option<CodeLine> {
        let text = match line {
            Ok(text) => text.trim_start_matches('\u{feff}').trim(),
            Err(reason) => return Some((number, Err(reason))),
        };
        if text.is_empty() {
            return None;
        }
        if !std::mem::replace(&mut self.is_first_read, true)
            && let Some(column) = header(text)
        {
            self.code = column;
            return None;
        }
        Some((number, field(text, self.code)))
    }
}

/// The place of `code` in a header.
fn header(text: &str) -> Option<usize> {
    text.split(',').position(|name| name.trim().trim_matches('"').eq_ignore_ascii_case("code"))
}

fn field(text: &str, column: usize) -> Result<String, String> {
    if column == 0 && !text.contains([',', '"']) {
        return Ok(text.into());
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let record = reader.records().next().and_then(Result::ok).ok_or("the line is no CSV")?;
    match record.get(column).map(str::trim) {
        Some(code) if !code.is_empty() => Ok(code.into()),
        _ => Err(format!("column {} is empty", column + 1)),
    }
}

/// Adds the report of a part to that of the whole.
pub fn add(whole: &mut ImportReport, part: ImportReport) {
    whole.accepted += part.accepted;
    whole.duplicate += part.duplicate;
    whole.malformed += part.malformed;
    whole.filled += part.filled;
    let room = NAMED_LINES.saturating_sub(whole.malformed_lines.len());
    whole.malformed_lines.extend(part.malformed_lines.into_iter().take(room));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Vec<String> {
        let mut columns = Columns::default();
        let lines = text.lines().enumerate().filter_map(|(n, line)| columns.read(n as u64 + 1, Ok(line)));
        lines.map(|(number, code)| format!("{number} {}", code.unwrap_or_else(|reason| format!("({reason})")))).collect()
    }

    #[test]
    fn a_code_a_line_or_a_column() {
        assert_eq!(codes("A1\n\n B2 \n"), ["1 A1", "3 B2"]);
        assert_eq!(codes("\u{feff}code\nA1\n"), ["2 A1"]);
        assert_eq!(codes("serial,Code\n7,\"A,1\"\n8\n"), ["2 A,1", "3 (column 2 is empty)"]);
        assert_eq!(codes("A1,2026-01-01\n"), ["1 A1"]);
    }
}

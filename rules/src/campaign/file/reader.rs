//! Reads TOML tables key by key and collects every finding with its place in the text.
//!
//! Promises: a wrong value is reported once and reads as if it were absent, so that reading goes on; a key that
//! nobody asked for is reported with the nearest one that somebody did. Must not know: what the keys mean.

use crate::diagnostic::{Diagnostic, Position, closest, position_of};
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// A value and where it stands, in bytes of the file.
#[derive(Clone, Debug)]
pub struct Found<T> {
    pub value: T,
    pub span: Range<usize>,
}

/// Everything found wrong so far.
pub struct Findings<'t> {
    /// The file that all findings are about.
    file: &'t str,
    text: &'t str,
    /// Where each line starts, so that a long file is not counted through for each place.
    lines: Vec<usize>,
    list: Vec<Diagnostic>,
}

impl<'t> Findings<'t> {
    pub fn new(file: &'t str, text: &'t str) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Findings { file, text, lines, list: Vec::new() }
    }

    /// What is wrong at a place, and what to write instead (empty: nothing to add).
    pub fn error(&mut self, span: &Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        let at = Some(self.position(span));
        self.list.push(Diagnostic::error(self.file, at, message, help));
    }

    /// What is wrong with the file as a whole.
    pub fn error_of_file(&mut self, message: impl Into<String>, help: impl Into<String>) {
        self.list.push(Diagnostic::error(self.file, None, message, help));
    }

    pub fn position(&self, span: &Range<usize>) -> Position {
        let before = self.lines.partition_point(|start| *start <= span.start) - 1;
        let start = self.lines[before];
        let within = position_of(&self.text[start..], span.start - start..span.end.max(start) - start);
        Position { line: before + 1, ..within }
    }

    /// The line of a place, for a finding that refers to another place.
    pub fn line(&self, span: &Range<usize>) -> usize {
        self.position(span).line
    }

    /// The source text of a value, quotes included.
    pub fn source(&self, span: &Range<usize>) -> &'t str {
        self.text.get(span.clone()).unwrap_or_default()
    }

    /// Findings in the order of the file.
    pub fn finish(mut self) -> Vec<Diagnostic> {
        self.list.sort_by_key(|finding| finding.at);
        self.list.dedup();
        self.list
    }
}

/// One table of the file, being read. Whoever made it asks for its keys and then calls [`Table::close`].
pub struct Table<'t> {
    entries: &'t DeTable<'t>,
    span: Option<Range<usize>>,
    asked: Vec<&'static str>,
}

impl<'t> Table<'t> {
    /// The file itself.
    pub fn root(entries: &'t DeTable<'t>) -> Self {
        Table { entries, span: None, asked: Vec::new() }
    }

    /// A value as a table; reports anything else.
    pub fn of(value: &'t Spanned<DeValue<'t>>, what: &str, findings: &mut Findings) -> Option<Self> {
        let table = Table::within(value);
        if table.is_none() {
            findings.error(&value.span(), format!("{what} should be a table, is {}", kind_of(value.get_ref())), "");
        }
        table
    }

    /// A value as a table, without a word where it is none.
    pub fn within(value: &'t Spanned<DeValue<'t>>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(entries) => Some(Table { entries, span: Some(value.span()), asked: Vec::new() }),
            _ => None,
        }
    }

    /// Whether a key is there, without asking for it.
    pub fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// The value of a key, whatever its type.
    pub fn value(&mut self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.asked.push(key);
        self.entries.get(key)
    }

    /// Reports that a key must be there; `example` is what could be written.
    pub fn missing(&self, key: &str, example: &str, findings: &mut Findings) {
        let (message, help) = (format!("`{key}` is missing"), format!("write {key} = {example}"));
        match &self.span {
            Some(span) => findings.error(span, message, help),
            None => findings.error_of_file(message, help),
        }
    }

    /// A text; `example` is a right one as the file would write it.
    pub fn text(&mut self, key: &'static str, example: &str, findings: &mut Findings) -> Option<Found<&'t str>> {
        let value = self.value(key)?;
        text_of(value, &format!("`{key}`"), example, findings)
    }

    pub fn required_text(&mut self, key: &'static str, example: &str, findings: &mut Findings) -> Option<Found<&'t str>> {
        if !self.has(key) {
            self.asked.push(key);
            self.missing(key, example, findings);
            return None;
        }
        let found = self.text(key, example, findings)?;
        if found.value.trim().is_empty() {
            findings.error(&found.span, format!("`{key}` is empty"), format!("write {key} = {example}"));
            return None;
        }
        Some(found)
    }

    /// A whole number, not negative.
    pub fn count(&mut self, key: &'static str, findings: &mut Findings) -> Option<Found<i64>> {
        let value = self.value(key)?;
        count_of(value, key, findings)
    }

    pub fn bool(&mut self, key: &'static str, findings: &mut Findings) -> Option<bool> {
        let value = self.value(key)?;
        if let DeValue::Boolean(value) = value.get_ref() {
            return Some(*value);
        }
        findings.error(&value.span(), format!("`{key}` should be true or false, is {}", kind_of(value.get_ref())), "");
        None
    }

    /// The texts of a list; `example` is one of them.
    pub fn texts(&mut self, key: &'static str, example: &str, findings: &mut Findings) -> Vec<Found<&'t str>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Array(list) => {
                list.iter().filter_map(|item| text_of(item, &format!("an entry of `{key}`"), example, findings)).collect()
            }
            other => {
                let help = format!("write {key} = [{example}]");
                findings.error(&value.span(), format!("`{key}` should be a list, is {}", kind_of(other)), help);
                Vec::new()
            }
        }
    }

    pub fn table(&mut self, key: &'static str, findings: &mut Findings) -> Option<Table<'t>> {
        let value = self.value(key)?;
        Table::of(value, &format!("`{key}`"), findings)
    }

    /// The tables of `[[key]]`.
    pub fn tables(&mut self, key: &'static str, findings: &mut Findings) -> Vec<Table<'t>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Array(list) => list.iter().filter_map(|item| Table::of(item, &format!("an entry of `{key}`"), findings)).collect(),
            other => {
                let message = format!("`{key}` should be a list of tables, is {}", kind_of(other));
                findings.error(&value.span(), message, format!("write [[{key}]]"));
                Vec::new()
            }
        }
    }

    /// Every entry in the order of the file, for a table whose keys are names that the campaign chooses.
    pub fn named(&self) -> Vec<(Found<&'t str>, &'t Spanned<DeValue<'t>>)> {
        let name = |key: &'t Spanned<DeString<'t>>| Found { value: &**key.get_ref(), span: key.span() };
        let mut entries: Vec<_> = self.entries.iter().map(|(key, value)| (name(key), value)).collect();
        entries.sort_by_key(|(name, _)| name.span.start);
        entries
    }

    /// Reports every key that nobody asked for.
    pub fn close(self, findings: &mut Findings) {
        for (key, _) in self.named() {
            if !self.asked.contains(&key.value) {
                let help = nearest(key.value, self.asked.iter().copied(), "known here");
                findings.error(&key.span, format!("unknown key `{}`", key.value), help);
            }
        }
    }
}

/// A value as a text; reports anything else.
pub fn text_of<'t>(value: &'t Spanned<DeValue<'t>>, what: &str, example: &str, findings: &mut Findings) -> Option<Found<&'t str>> {
    if let DeValue::String(text) = value.get_ref() {
        return Some(Found { value: text, span: value.span() });
    }
    let message = format!("{what} should be a text, is {}", kind_of(value.get_ref()));
    findings.error(&value.span(), message, format!("write it as {example}"));
    None
}

/// A value as a whole number, not negative; reports anything else.
pub fn count_of(value: &Spanned<DeValue<'_>>, key: &str, findings: &mut Findings) -> Option<Found<i64>> {
    let span = value.span();
    match integer(value.get_ref()) {
        Some(number) if number >= 0 => return Some(Found { value: number, span }),
        Some(number) => findings.error(&span, format!("`{key}` is negative ({number})"), "write 0 or more"),
        None => findings.error(&span, format!("`{key}` should be a whole number, is {}", kind_of(value.get_ref())), ""),
    }
    None
}

/// A value as a whole number that fits into 64 bits.
pub fn integer(value: &DeValue) -> Option<i64> {
    match value {
        DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix()).ok(),
        _ => None,
    }
}

/// What a value is, with a glimpse of it.
pub fn kind_of(value: &DeValue) -> String {
    match value {
        DeValue::String(text) => format!("the text \"{text}\""),
        DeValue::Integer(digits) => format!("the number {digits}"),
        DeValue::Float(digits) => format!("the number {digits}"),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Datetime(at) => format!("the time {at}"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// `did you mean "x"?`, or the list of what there is: `declared: a, b`.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str> + Clone, listed_as: &str) -> String {
    // Every word of two letters is within two edits of every other.
    if word.chars().count() > 2
        && let Some(name) = closest(word, names.clone())
    {
        return format!("did you mean \"{name}\"?");
    }
    match names.into_iter().collect::<Vec<_>>().join(", ") {
        none if none.is_empty() => format!("{listed_as}: nothing"),
        list => format!("{listed_as}: {list}"),
    }
}

/// Where the byte `offset` of a text's value stands in its source: escapes are longer there than what they mean.
pub fn offset_in_source(source: &str, offset: usize) -> usize {
    let multiline = source.starts_with("\"\"\"") || source.starts_with("'''");
    let quote = if multiline { 3 } else { 1 };
    let mut at = quote;
    if multiline {
        at += source[quote..].strip_prefix('\r').map_or(0, |_| 1);
        at += source.get(at..).and_then(|rest| rest.strip_prefix('\n')).map_or(0, |_| 1);
    }
    let escapes = source.starts_with('"');
    let mut meant = 0;
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        let (long, means) = if escapes && rest.starts_with('\\') { escape(rest) } else { character(rest) };
        // An escape that means nothing stands before the place, not after it.
        if meant >= offset && means > 0 {
            break;
        }
        at += long;
        meant += means;
    }
    at
}

fn character(rest: &str) -> (usize, usize) {
    let bytes = rest.chars().next().map_or(1, char::len_utf8);
    (bytes, bytes)
}

/// Bytes of an escape in the source, and bytes of what it means.
fn escape(rest: &str) -> (usize, usize) {
    let hex = |digits: usize| {
        let code = rest.get(2..2 + digits).and_then(|d| u32::from_str_radix(d, 16).ok()).and_then(char::from_u32);
        (2 + digits, code.map_or(1, char::len_utf8))
    };
    match rest.as_bytes().get(1) {
        Some(b'x') => hex(2),
        Some(b'u') => hex(4),
        Some(b'U') => hex(8),
        // A backslash at the end of a line swallows the break and the blanks after it.
        Some(b'\n' | b'\r' | b' ' | b'\t') => (1 + rest[1..].len() - rest[1..].trim_start().len(), 0),
        _ => (2, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::offset_in_source;

    #[test]
    fn a_place_in_a_text_is_found_in_its_source() {
        #[rustfmt::skip]
        let table = [
            // source,                offset, the rest of the source from there
            ("\"granted >\"",          8, ">\""),
            ("'granted >'",            8, ">'"),
            ("\"a(\\\"x\\\") >\"",     7, ">\""),
            ("\"\\u5b66 >\"",          4, ">\""),
            ("\"学 >\"",               4, ">\""),
            ("\"\"\"\na\nb\"\"\"",     2, "b\"\"\""),
            ("\"\"\"a \\\n   b\"\"\"", 2, "b\"\"\""),
            ("\"ab\"",                 2, "\""),
            ("\"ab\"",                 9, ""),
        ];
        for (source, offset, rest) in table {
            assert_eq!(&source[offset_in_source(source, offset).min(source.len())..], rest, "{source}");
        }
    }
}

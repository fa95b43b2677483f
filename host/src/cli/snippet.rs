//! A diagnostic with the lines that it is about, underlined, as compilers show them.

use super::output::width;
use guerdon_rules::diagnostic::{Diagnostic, Position};
use guerdon_rules::language::Files;
use miette::{GraphicalReportHandler, LabeledSpan, NamedSource, Severity, SourceCode};
use std::fmt;

/// Renders a diagnostic for a terminal; without its file's text, as one line.
pub fn render(diagnostic: &Diagnostic, folder: &str, files: &Files) -> String {
    let text = files.get(&diagnostic.file).and_then(|bytes| std::str::from_utf8(bytes).ok());
    let source = text.map(|text| NamedSource::new(format!("{folder}/{}", diagnostic.file), text.to_string()));
    let label = diagnostic.at.zip(text).map(|(at, text)| LabeledSpan::underline(span(text, at)));
    let mut rendered = String::new();
    let snippet = Snippet { diagnostic, source, label };
    match GraphicalReportHandler::new().with_width(width()).render_report(&mut rendered, &snippet) {
        Ok(()) => rendered,
        Err(fmt::Error) => format!("{diagnostic}\n"),
    }
}

#[derive(Debug)]
struct Snippet<'a> {
    diagnostic: &'a Diagnostic,
    source: Option<NamedSource<String>>,
    label: Option<LabeledSpan>,
}

impl fmt::Display for Snippet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without a place there is no snippet, and so nothing else that names the file.
        match self.label {
            Some(_) => f.write_str(&self.diagnostic.message),
            None => write!(f, "{}: {}", self.diagnostic.file, self.diagnostic.message),
        }
    }
}

impl std::error::Error for Snippet<'_> {}

impl miette::Diagnostic for Snippet<'_> {
    fn severity(&self) -> Option<Severity> {
        Some(if self.diagnostic.is_error() { Severity::Error } else { Severity::Warning })
    }
    fn help(&self) -> Option<Box<dyn fmt::Display + '_>> {
        let help = &self.diagnostic.help;
        (!help.is_empty()).then(|| Box::new(help) as Box<dyn fmt::Display>)
    }
    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.label.as_ref().and(self.source.as_ref()).map(|source| source as &dyn SourceCode)
    }
    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.label.clone().map(|label| Box::new(std::iter::once(label)) as Box<dyn Iterator<Item = LabeledSpan>>)
    }
}

/// The bytes of a place that counts lines and characters.
fn span(text: &str, at: Position) -> std::ops::Range<usize> {
    let line_start: usize = text.split_inclusive('\n').take(at.line.saturating_sub(1)).map(str::len).sum();
    let line = text[line_start..].lines().next().unwrap_or("");
    let byte = |character: usize| line.char_indices().nth(character).map_or(line.len(), |(byte, _)| byte);
    let first = at.column.saturating_sub(1);
    line_start + byte(first)..line_start + byte(first + at.length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_and_spans_count_bytes() {
        let text = "one\n学习 = 7\n";
        assert_eq!(&text[span(text, Position { line: 2, column: 1, length: 2 })], "学习");
        assert_eq!(&text[span(text, Position { line: 2, column: 6, length: 9 })], "7");
        assert_eq!(span(text, Position { line: 9, column: 1, length: 1 }), text.len()..text.len());
    }

    #[test]
    fn a_diagnostic_shows_its_line() {
        let files = Files::from([("rules.rhai".to_string(), b"let x = 1;\n".as_slice().into())]);
        let at = Some(Position { line: 1, column: 5, length: 1 });
        let shown = render(&Diagnostic::error("rules.rhai", at, "x is not used", "remove it"), "race", &files);
        assert!(["x is not used", "let x = 1;", "race/rules.rhai:1:5", "remove it"].iter().all(|part| shown.contains(part)), "{shown}");
    }
}

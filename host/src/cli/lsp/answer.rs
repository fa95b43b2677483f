//! Items and findings in the protocol's words. Must not know: where they come from.

use super::server::Client;
use super::text::{range_of, range_of_finding};
use gen_lsp_types::{
    CompletionItem, CompletionItemKind, CompletionItemTextEdit, Diagnostic, DiagnosticSeverity, Documentation, Hover, InsertTextFormat,
    MarkupContent, MarkupKind, Message, TextEdit,
};
use guerdon_rules::diagnostic::{self, Severity};
use guerdon_rules::editor::item::{Completion, Item, Kind, Place};

pub fn completion(text: &str, found: Completion, client: Client) -> Vec<CompletionItem> {
    let range = range_of(text, &found.replace);
    let one = |item: Item| {
        let (written, format) = match item.snippet {
            Some(snippet) if client.knows_snippets => (snippet, InsertTextFormat::Snippet),
            Some(snippet) => (without_stops(&snippet), InsertTextFormat::PlainText),
            None => (item.label.clone(), InsertTextFormat::PlainText),
        };
        let order = match item.place {
            Place::First => 1,
            Place::Then => 2,
            Place::Last => 3,
        };
        CompletionItem {
            sort_text: Some(format!("{order}{}", item.label)),
            filter_text: Some(item.label.clone()),
            label: item.label,
            kind: Some(kind(item.kind)),
            detail: Some(item.detail).filter(|detail| !detail.is_empty()),
            documentation: Some(item.about).filter(|about| !about.is_empty()).map(|about| Documentation::MarkupContent(markdown(about))),
            insert_text_format: Some(format),
            text_edit: Some(CompletionItemTextEdit::TextEdit(TextEdit { range, new_text: written })),
            ..CompletionItem::default()
        }
    };
    found.items.into_iter().map(one).collect()
}

pub fn hover(text: &str, found: &guerdon_rules::editor::item::Hover) -> Hover {
    Hover { contents: markdown(found.item.described()).into(), range: Some(range_of(text, &found.word)) }
}

pub fn finding(text: &str, found: &diagnostic::Diagnostic) -> Diagnostic {
    let severity = match found.severity {
        Severity::Error => DiagnosticSeverity::Error,
        Severity::Warning => DiagnosticSeverity::Warning,
    };
    let message = if found.help.is_empty() { found.message.clone() } else { format!("{}\n{}", found.message, found.help) };
    Diagnostic {
        range: range_of_finding(text, found.at),
        severity: Some(severity),
        source: Some("guerdon".into()),
        message: Message::String(message),
        ..Diagnostic::default()
    }
}

fn markdown(value: String) -> MarkupContent {
    MarkupContent { kind: MarkupKind::Markdown, value }
}

/// A snippet for a client that knows none: `$1` goes, `\$` is a dollar.
fn without_stops(snippet: &str) -> String {
    let mut plain = String::new();
    let mut rest = snippet.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' => plain.extend(rest.next()),
            '$' => while rest.next_if(char::is_ascii_digit).is_some() {},
            c => plain.push(c),
        }
    }
    plain
}

fn kind(kind: Kind) -> CompletionItemKind {
    match kind {
        Kind::Method => CompletionItemKind::Method,
        Kind::Function => CompletionItemKind::Function,
        Kind::Property => CompletionItemKind::Field,
        Kind::Variable => CompletionItemKind::Variable,
        Kind::Constant => CompletionItemKind::Constant,
        Kind::Keyword => CompletionItemKind::Keyword,
        Kind::Name => CompletionItemKind::EnumMember,
        Kind::Event => CompletionItemKind::Event,
        Kind::Value => CompletionItemKind::Value,
        Kind::File => CompletionItemKind::File,
        Kind::Key => CompletionItemKind::Property,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_snippet_loses_its_stops_for_a_client_that_knows_none() {
        assert_eq!(super::without_stops("award(\"$1\", $2) \\$3 $$12"), "award(\"\", ) $3 ");
    }
}

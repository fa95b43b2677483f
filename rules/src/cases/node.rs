//! A case file's values with their places, and how a variant fills them.
//!
//! Promises: a text that is only `{x}` becomes the variant's value with its type and place; inside a longer text it is
//! printed. Keys are filled too. Must not know: what the keys mean.

use crate::diagnostic::{Diagnostic, position_of, suggestion};
use std::ops::Range;
use toml::Spanned;
use toml::de::DeValue;

#[derive(Clone, Debug)]
pub struct Node {
    pub span: Range<usize>,
    pub kind: Kind,
}

#[derive(Clone, Debug)]
pub enum Kind {
    Text(String),
    Int(i64),
    /// A number with a point, as it is written.
    Decimal(String),
    Bool(bool),
    /// A date or time without quotes.
    Time(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub key: String,
    pub key_span: Range<usize>,
    pub value: Node,
}

impl Node {
    /// A value of the file; none for a whole number beyond 64 bits.
    pub fn of(value: &Spanned<DeValue<'_>>) -> Option<Node> {
        let kind = match value.get_ref() {
            DeValue::String(text) => Kind::Text(text.to_string()),
            DeValue::Integer(digits) => Kind::Int(i64::from_str_radix(digits.as_str(), digits.radix()).ok()?),
            DeValue::Float(digits) => Kind::Decimal(digits.as_str().trim_start_matches('+').to_string()),
            DeValue::Boolean(truth) => Kind::Bool(*truth),
            DeValue::Datetime(at) => Kind::Time(at.to_string()),
            DeValue::Array(list) => Kind::List(list.iter().map(Node::of).collect::<Option<_>>()?),
            DeValue::Table(entries) => Kind::Table(Node::entries(entries)?),
        };
        Some(Node { span: value.span(), kind })
    }

    /// A table's entries in the order of the file.
    pub fn entries(table: &toml::de::DeTable<'_>) -> Option<Vec<Entry>> {
        let entry = |(key, value): (&Spanned<toml::de::DeString<'_>>, &Spanned<DeValue<'_>>)| {
            Some(Entry { key: key.get_ref().to_string(), key_span: key.span(), value: Node::of(value)? })
        };
        let mut entries: Vec<Entry> = table.iter().map(entry).collect::<Option<_>>()?;
        entries.sort_by_key(|e| e.key_span.start);
        Some(entries)
    }

    /// The value with each `{name}` filled.
    pub fn fill(&self, with: &[Entry]) -> Node {
        let kind = match &self.kind {
            Kind::Text(text) => match with.iter().find(|e| *text == format!("{{{}}}", e.key)) {
                Some(entry) => return entry.value.clone(),
                None => Kind::Text(fill_text(text, with)),
            },
            Kind::List(list) => Kind::List(list.iter().map(|item| item.fill(with)).collect()),
            Kind::Table(entries) => Kind::Table(
                entries
                    .iter()
                    .map(|e| Entry { key: fill_text(&e.key, with), key_span: e.key_span.clone(), value: e.value.fill(with) })
                    .collect(),
            ),
            other => other.clone(),
        };
        Node { span: self.span.clone(), kind }
    }

    /// What it is, with a glimpse of it.
    pub fn shown(&self) -> String {
        match &self.kind {
            Kind::Text(text) => format!("the text \"{text}\""),
            Kind::Int(n) => format!("the number {n}"),
            Kind::Decimal(n) => format!("the number {n}"),
            Kind::Bool(truth) => truth.to_string(),
            Kind::Time(at) => format!("the time {at}"),
            Kind::List(_) => "a list".into(),
            Kind::Table(_) => "a table".into(),
        }
    }

    /// As it is printed inside a text.
    fn plain(&self) -> String {
        match &self.kind {
            Kind::Text(text) | Kind::Decimal(text) | Kind::Time(text) => text.clone(),
            Kind::Int(n) => n.to_string(),
            Kind::Bool(truth) => truth.to_string(),
            Kind::List(_) | Kind::Table(_) => self.to_json(),
        }
    }

    /// As the data of an event: numbers keep their digits.
    pub fn to_json(&self) -> String {
        let text = |text: &str| serde_json::Value::from(text).to_string();
        match &self.kind {
            Kind::Text(t) | Kind::Time(t) => text(t),
            Kind::Decimal(digits) => digits.replace('_', ""),
            Kind::Int(n) => n.to_string(),
            Kind::Bool(truth) => truth.to_string(),
            Kind::List(list) => format!("[{}]", list.iter().map(Node::to_json).collect::<Vec<_>>().join(",")),
            Kind::Table(entries) => {
                let fields: Vec<String> = entries.iter().map(|e| format!("{}:{}", text(&e.key), e.value.to_json())).collect();
                format!("{{{}}}", fields.join(","))
            }
        }
    }
}

pub fn fill_text(text: &str, with: &[Entry]) -> String {
    with.iter().fold(text.to_string(), |text, e| text.replace(&format!("{{{}}}", e.key), &e.value.plain()))
}

/// Everything found wrong in one file.
pub struct Findings<'t> {
    pub file: &'t str,
    pub text: &'t str,
    pub list: Vec<Diagnostic>,
}

impl Findings<'_> {
    pub fn error(&mut self, span: &Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        let at = Some(position_of(self.text, span.clone()));
        self.list.push(Diagnostic::error(self.file, at, message, help));
    }
    pub fn line(&self, span: &Range<usize>) -> usize {
        position_of(self.text, span.clone()).line
    }
}

/// One table, being read: whoever made it takes its keys, and then closes it.
pub struct Fields<'n> {
    pub span: &'n Range<usize>,
    entries: &'n [Entry],
    asked: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    pub fn of(node: &'n Node, what: &str, findings: &mut Findings) -> Option<Fields<'n>> {
        Some(Fields { span: &node.span, entries: table(node, what, findings)?, asked: Vec::new() })
    }

    pub fn take(&mut self, key: &'static str) -> Option<&'n Node> {
        self.asked.push(key);
        self.entries.iter().find(|e| e.key == key).map(|e| &e.value)
    }

    pub fn text(&mut self, key: &'static str, findings: &mut Findings) -> Option<&'n str> {
        let node = self.take(key)?;
        match &node.kind {
            Kind::Text(text) | Kind::Time(text) => Some(text),
            _ => {
                findings.error(&node.span, format!("`{key}` should be a text, is {}", node.shown()), "");
                None
            }
        }
    }

    pub fn required_text(&mut self, key: &'static str, example: &str, findings: &mut Findings) -> Option<&'n str> {
        if !self.entries.iter().any(|e| e.key == key) {
            self.asked.push(key);
            findings.error(self.span, format!("`{key}` is missing"), format!("write {key} = {example}"));
        }
        self.text(key, findings)
    }

    pub fn int(&mut self, key: &'static str, findings: &mut Findings) -> Option<i64> {
        let node = self.take(key)?;
        whole(node, &format!("`{key}`"), findings)
    }

    pub fn list(&mut self, key: &'static str, findings: &mut Findings) -> &'n [Node] {
        match self.take(key) {
            None => &[],
            Some(Node { kind: Kind::List(list), .. }) => list,
            Some(node) => {
                findings.error(&node.span, format!("`{key}` should be a list, is {}", node.shown()), format!("write {key} = [ … ]"));
                &[]
            }
        }
    }

    /// The entries of a table whose keys are names.
    pub fn named(&mut self, key: &'static str, findings: &mut Findings) -> &'n [Entry] {
        self.take(key).and_then(|node| table(node, &format!("`{key}`"), findings)).unwrap_or(&[])
    }

    /// Reports every key that nobody asked for.
    pub fn close(self, findings: &mut Findings) {
        for entry in self.entries.iter().filter(|e| !self.asked.contains(&e.key.as_str())) {
            let help = suggestion(&entry.key, self.asked.iter().copied()).replace("declared:", "known here:");
            findings.error(&entry.key_span, format!("unknown key `{}`", entry.key), help);
        }
    }
}

pub fn table<'n>(node: &'n Node, what: &str, findings: &mut Findings) -> Option<&'n [Entry]> {
    match &node.kind {
        Kind::Table(entries) => Some(entries),
        _ => {
            findings.error(&node.span, format!("{what} should be a table, is {}", node.shown()), "");
            None
        }
    }
}

pub fn whole(node: &Node, what: &str, findings: &mut Findings) -> Option<i64> {
    match node.kind {
        Kind::Int(n) => Some(n),
        _ => {
            findings.error(&node.span, format!("{what} should be a whole number, is {}", node.shown()), "");
            None
        }
    }
}

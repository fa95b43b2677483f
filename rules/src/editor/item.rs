//! One thing that can be written somewhere, with what an editor shows of it.

use crate::language::vocabulary::About;
use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Method,
    Function,
    Property,
    Variable,
    Constant,
    Keyword,
    /// An account, reward, attribute, pool: what the campaign declares.
    Name,
    Event,
    Value,
    File,
    Key,
}

/// In which order editors list what fits alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The campaign's own, and the rule API.
    First,
    Then,
    /// What rhai brings along.
    Last,
}

#[derive(Clone, Debug)]
pub struct Item {
    /// As it stands in the file, without quotes.
    pub label: String,
    pub kind: Kind,
    /// A signature or a type, on one line; may be empty.
    pub detail: String,
    /// Markdown; may be empty.
    pub about: String,
    /// What is written instead of the label, with `$1`, `$2` where the author goes on.
    pub snippet: Option<String>,
    pub place: Place,
}

impl Item {
    pub fn new(kind: Kind, label: impl Into<String>, detail: impl Into<String>, about: impl Into<String>) -> Item {
        Item { label: label.into(), kind, detail: detail.into(), about: about.into(), snippet: None, place: Place::First }
    }
    pub fn with_snippet(self, snippet: impl Into<String>) -> Item {
        Item { snippet: Some(snippet.into()), ..self }
    }
    pub fn placed(self, place: Place) -> Item {
        Item { place, ..self }
    }
    /// Markdown for a hover: the signature as code, then what it is for.
    pub fn described(&self) -> String {
        let head = if self.detail.is_empty() { &self.label } else { &self.detail };
        let code = format!("```rhai\n{head}\n```");
        if self.about.is_empty() { code } else { format!("{code}\n\n{}", self.about) }
    }
}

/// Both languages, as Markdown.
pub fn both(about: About) -> String {
    format!("{}\n\n{}", about.en, about.zh)
}

#[derive(Debug, Default)]
pub struct Completion {
    pub items: Vec<Item>,
    /// The bytes that an item takes the place of.
    pub replace: Range<usize>,
}

#[derive(Debug)]
pub struct Hover {
    pub item: Item,
    /// Its bytes.
    pub word: Range<usize>,
}

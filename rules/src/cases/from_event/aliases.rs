//! Other names for whatever could tell who somebody is: members, texts of events, sources and ids.
//!
//! Promises: the same thing has the same other name throughout, and no other name is somebody's real one; a text that the
//! campaign's own files write, and the name of an account, reward, attribute or event, stay as they are. Numbers and
//! truth values stay.

use crate::campaign::{Campaign, EventType};
use crate::language::Files;
use crate::value::{DEFAULT_KIND, DataType, MemberId};
use rust_decimal::Decimal;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

const NAMES: [&str; 12] = ["alice", "bob", "carol", "dan", "erin", "frank", "grace", "heidi", "ivan", "judy", "karl", "lea"];

/// A short text may be part of any word: only a longer one is looked for inside words.
const TELLING_CHARACTERS: usize = 3;
/// So much of a long text is as good as all of it.
const OPENING_CHARACTERS: usize = 16;

pub struct Aliases<'c> {
    campaign: &'c Campaign,
    files: &'c Files,
    members: Vec<(MemberId, String)>,
    /// (what it was, what it is called)
    texts: Vec<(String, String)>,
    /// Texts that no alias may be.
    taken: Vec<String>,
}

impl<'c> Aliases<'c> {
    /// `taken`: everything that the real events say.
    pub fn new(campaign: &'c Campaign, files: &'c Files, taken: Vec<String>) -> Aliases<'c> {
        Aliases { campaign, files, members: Vec::new(), texts: Vec::new(), taken }
    }

    /// The text that names a member in a case file.
    pub fn member(&mut self, id: &MemberId) -> String {
        MemberId { kind: id.kind.clone(), id: self.member_id(id).into() }.to_string()
    }

    /// As [`Aliases::member`], of a text as receipts have it.
    pub fn member_text(&mut self, text: &str) -> String {
        self.member(&MemberId::parse(text, &self.campaign.kinds()))
    }

    fn member_id(&mut self, id: &MemberId) -> String {
        if let Some((_, alias)) = self.members.iter().find(|(known, _)| known == id) {
            return alias.clone();
        }
        let used =
            |alias: &str, own: &Self| own.taken.iter().any(|taken| taken == alias) || own.members.iter().any(|(_, used)| used == alias);
        let of_kind = |n: usize| format!("{}-{n}", id.kind);
        let numbered = (1..).map(of_kind);
        let named = NAMES.iter().filter(|_| *id.kind == *DEFAULT_KIND).map(ToString::to_string);
        let alias = named.chain(numbered).find(|alias| !used(alias, self)).unwrap_or_default();
        self.members.push((id.clone(), alias.clone()));
        alias
    }

    /// Says what a text is called from now on.
    pub fn call(&mut self, text: &str, alias: &str) {
        if !text.is_empty() && !self.texts.iter().any(|(known, _)| known == text) {
            self.texts.push((text.into(), alias.into()));
        }
    }

    /// What a text of this field is called.
    pub fn text(&mut self, field: &str, text: &str) -> String {
        if text.is_empty() || self.is_known(text) {
            return text.to_string();
        }
        if let Some((_, alias)) = self.members.iter().find(|(member, _)| *member.id == *text) {
            return alias.clone();
        }
        if let Some((_, alias)) = self.texts.iter().find(|(known, _)| known == text) {
            return alias.clone();
        }
        let used = |alias: &String, own: &Self| own.taken.contains(alias) || own.texts.iter().any(|(_, used)| used == alias);
        let alias = (1..).map(|n| format!("{field}-{n}")).find(|alias| !used(alias, self)).unwrap_or_default();
        self.texts.push((text.to_string(), alias.clone()));
        alias
    }

    /// Whether the campaign itself says it.
    fn is_known(&self, text: &str) -> bool {
        let campaign = self.campaign;
        campaign.account(text).is_some()
            || campaign.reward(text).is_some()
            || campaign.attribute(text).is_some()
            || campaign.event(text).is_some()
            || self.files.iter().any(|(path, content)| says(path, content, text))
    }

    /// An event's data with other names. `declared` none: an event type that the campaign does not know.
    pub fn data(&mut self, declared: Option<&EventType>, json: &str) -> String {
        let Ok(fields) = serde_json::from_str::<BTreeMap<String, &RawValue>>(json) else { return json.to_string() };
        let mut told = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            let field = declared.and_then(|event| event.fields.iter().find(|f| *f.name == name));
            let name = if field.is_some() { name } else { self.field(&name) };
            let value = self.value(&name, field.map(|f| &f.kind), value.get());
            told.push(format!("{}:{value}", quoted(&name)));
        }
        format!("{{{}}}", told.join(","))
    }

    /// An undeclared field's name is a word, or it could be anything.
    fn field(&mut self, name: &str) -> String {
        let is_word = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
        if is_word { name.to_string() } else { self.text("field", name) }
    }

    fn value(&mut self, field: &str, kind: Option<&DataType>, raw: &str) -> String {
        match raw.as_bytes().first() {
            Some(b'"') => {
                let Ok(text) = serde_json::from_str::<String>(raw) else { return raw.to_string() };
                quoted(&match kind {
                    Some(DataType::Member(kind)) if !text.is_empty() => self.member_id(&MemberId::of_kind(kind, &text)),
                    Some(DataType::Decimal) if text.parse::<Decimal>().is_ok() => text,
                    _ => self.text(field, &text),
                })
            }
            Some(b'{') => self.data(None, raw),
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(raw).unwrap_or_default();
                let items: Vec<String> = items.into_iter().map(|item| self.value(field, None, item.get())).collect();
                format!("[{}]", items.join(","))
            }
            _ => raw.to_string(),
        }
    }

    /// A reason with other names in it; none where something of the real ones would be left.
    pub fn reason(&self, reason: &str) -> Option<String> {
        let mut all: Vec<(String, &str)> = self.texts.iter().map(|(text, alias)| (text.clone(), alias.as_str())).collect();
        all.extend(self.members.iter().map(|(id, alias)| (id.id.to_string(), alias.as_str())));
        all.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        let mut told = String::new();
        let mut rest = reason;
        let mut in_word = false;
        while let Some(next) = rest.chars().next() {
            let ends = |text: &str| !rest[text.len()..].starts_with(char::is_alphanumeric);
            let found = all.iter().find(|(text, _)| !in_word && rest.starts_with(text.as_str()) && ends(text));
            let (taken, put) = found.map_or((next.len_utf8(), &rest[..next.len_utf8()]), |(text, alias)| (text.len(), *alias));
            told.push_str(put);
            in_word = rest[..taken].ends_with(char::is_alphanumeric);
            rest = &rest[taken..];
        }
        let opening = |text: &str| text.chars().take(OPENING_CHARACTERS).collect::<String>();
        let left = |(text, alias): &(String, &str)| {
            text.chars().count() >= TELLING_CHARACTERS && text != alias && !alias.contains(text.as_str()) && told.contains(&opening(text))
        };
        (!all.iter().any(left)).then_some(told)
    }
}

/// Whether a file of the campaign writes this text: in quotes, or somewhere in a component, where constants have none.
fn says(path: &str, content: &[u8], text: &str) -> bool {
    let holds = |wanted: &[u8]| content.windows(wanted.len()).any(|window| window == wanted);
    match path.rsplit_once('.') {
        Some((_, "rhai" | "toml")) if !path.starts_with("cases/") => holds(quoted(text).as_bytes()),
        Some((_, "wasm")) => text.chars().count() >= TELLING_CHARACTERS && holds(text.as_bytes()),
        _ => false,
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

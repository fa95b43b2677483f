//! What an editor shows of a campaign's folder while it is written: what is wrong, what could stand here, what a word means.
//!
//! [`findings`] says what is wrong; [`script`] knows rule files, with [`scene`] for what a name stands for, [`toml`] the
//! TOML files, by their schemas ([`schema`]) and the place in the text ([`toml_place`]); [`names`] are what the campaign
//! declares; [`definitions`] writes the rule API for editors that read rhai definition files. Promises: any text, whole or
//! not, is looked at without failing; the API's documentation is the vocabulary's. Must not know: protocols, editors, disks.

pub mod definitions;
pub mod findings;
pub mod item;
mod names;
mod scene;
mod schema;
mod script;
mod toml;
mod toml_place;

use crate::campaign::{Campaign, file};
use crate::language::Files;
use item::{Completion, Hover, Item};
use std::ops::Range;

const MANIFEST: &str = "campaign.toml";
const POPULATION: &str = "population.toml";

/// A campaign's folder with what is being written in it.
#[derive(Default)]
pub struct Folder {
    files: Files,
    /// Of the last `campaign.toml` that could be read: names do not go away while a line of it is being written.
    campaign: Option<Campaign>,
}

impl Folder {
    /// The files as they are now.
    pub fn update(&mut self, files: Files) {
        let unchanged = self.files.get(MANIFEST).is_some_and(|old| files.get(MANIFEST) == Some(old));
        if !unchanged && let Ok(campaign) = file::parse(&files) {
            self.campaign = Some(campaign);
        }
        self.files = files;
    }

    pub fn files(&self) -> &Files {
        &self.files
    }

    /// What could be written at a byte of a file of the folder.
    pub fn complete(&self, path: &str, place: usize) -> Completion {
        let Some(text) = self.text(path) else { return Completion::default() };
        let place = boundary(text, place);
        let (items, from) = self.candidates(path, text, place, true);
        Completion { items, replace: from.unwrap_or(place)..place }
    }

    /// What the word at a byte of a file means.
    pub fn hover(&self, path: &str, place: usize) -> Option<Hover> {
        let text = self.text(path)?;
        let place = boundary(text, place);
        let (items, from) = self.candidates(path, text, place, false);
        let word = word_at(text, from?, place);
        let item = items.into_iter().find(|item| item.label == text[word.clone()])?;
        Some(Hover { item, word })
    }

    fn candidates(&self, path: &str, text: &str, place: usize, new_only: bool) -> (Vec<Item>, Option<usize>) {
        if path.ends_with(".rhai") {
            return script::candidates(self, path, text, place);
        }
        schema::of_file(path).map_or((Vec::new(), None), |schema| toml::candidates(self, schema, text, place, new_only))
    }

    fn text(&self, path: &str) -> Option<&str> {
        std::str::from_utf8(self.files.get(path)?).ok()
    }
}

/// The beginning of the character at a byte.
fn boundary(text: &str, place: usize) -> usize {
    (0..=place.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The whole word of which the part from `from` to `place` is written: to the quote's end in a text, else to the name's.
fn word_at(text: &str, from: usize, place: usize) -> Range<usize> {
    let quote = text[..from].chars().next_back().filter(|c| matches!(c, '"' | '\''));
    let goes_on = |c: char| match quote {
        Some(quote) => c != quote && c != '\n',
        None => c.is_alphanumeric() || matches!(c, '_' | '-'),
    };
    let rest = text[place..].find(|c| !goes_on(c)).unwrap_or(text.len() - place);
    from..place + rest
}

//! The campaign's dictionary: every account, reward, event type, function and measure as a small number, so that
//! rows stay narrow. Numbers are given in order of first use, never change and are never used again.

use rustc_hash::FxHashMap;
use std::sync::Arc;

/// A number of the dictionary, from 1.
pub type Code = i32;

#[derive(Clone, Debug, Default)]
pub struct Names {
    names: Vec<Arc<str>>,
    codes: FxHashMap<Arc<str>, Code>,
}

impl Names {
    /// The dictionary as stored: the first name has number 1.
    pub fn from_stored(names: impl IntoIterator<Item = String>) -> Self {
        let mut all = Names::default();
        for name in names {
            all.code(&name);
        }
        all
    }
    /// The number of a name, new if it was never used.
    pub fn code(&mut self, name: &str) -> Code {
        if let Some(code) = self.codes.get(name) {
            return *code;
        }
        let name: Arc<str> = name.into();
        self.names.push(name.clone());
        let code = self.names.len() as Code;
        self.codes.insert(name, code);
        code
    }
    pub fn known(&self, name: &str) -> Option<Code> {
        self.codes.get(name).copied()
    }
    /// The name of a number; a number that was never given reads as `?`.
    pub fn name(&self, code: Code) -> &str {
        usize::try_from(code - 1).ok().and_then(|i| self.names.get(i)).map_or("?", |n| n)
    }
    pub fn len(&self) -> usize {
        self.names.len()
    }
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
    /// Names in order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|n| &**n)
    }
}

//! Rule modules that are compiled already, by the content of their folder: what was proposed is ready before it is
//! approved, and a rollback compiles nothing.

use super::error::{FlowError, Result};
use guerdon_rules::campaign::file;
use guerdon_rules::diagnostic::Diagnostic;
use guerdon_rules::language::{self, Files, Loaded, RuleModule, Runtime};
use guerdon_rules::names::Names;
use guerdon_rules::release::{Release, content_hash};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// The most that are kept; the oldest go first. Releases in force hold their own.
const KEPT: usize = 32;

#[derive(Default)]
pub(super) struct Compiled(Mutex<VecDeque<Kept>>);

#[derive(Clone)]
struct Kept {
    hash: String,
    module: Arc<dyn RuleModule>,
    warnings: Vec<Diagnostic>,
}

impl Compiled {
    fn find(&self, hash: &str) -> Option<Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().find(|kept| kept.hash == hash).cloned()
    }

    pub fn knows(&self, hash: &str) -> bool {
        self.find(hash).is_some()
    }

    fn keep(&self, kept: Kept) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.truncate(KEPT - 1);
        all.push_front(kept);
    }

    /// As [`Release::compile`], but the same content is compiled once.
    fn compile(
        &self,
        number: i32,
        effective_from_ms: i64,
        files: &Files,
        names: &mut Names,
        runtime: &Runtime,
    ) -> std::result::Result<Release, Vec<Diagnostic>> {
        let (campaign, hash) = (file::parse(files)?, content_hash(files));
        let known = match self.find(&hash) {
            Some(known) => known,
            None => {
                let Loaded { module, warnings } = language::load(&campaign, files, runtime)?;
                let kept = Kept { hash: hash.clone(), module: Arc::from(module), warnings };
                self.keep(kept.clone());
                kept
            }
        };
        let loaded = Loaded { module: Box::new(known.module), warnings: known.warnings };
        Release::assemble(number, effective_from_ms, hash, campaign, loaded, names)
    }
}

impl super::Host {
    /// Compiles off the tasks that answer requests: a large module takes a second.
    pub(super) async fn compile(&self, number: i32, effective_from_ms: i64, files: &Files, names: Names) -> Result<(Release, Names)> {
        let (known, runtime, files) = (self.compiled.clone(), self.runtime.clone(), files.clone());
        let compiling = tokio::task::spawn_blocking(move || {
            let mut names = names;
            known.compile(number, effective_from_ms, &files, &mut names, &runtime).map(|release| (release, names))
        });
        compiling.await.map_err(|e| FlowError::Internal(e.to_string()))?.map_err(FlowError::Rules)
    }
}

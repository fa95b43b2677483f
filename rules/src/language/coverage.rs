//! What of a rule module was reached: a value that every language can fill as far as its engine tells. [`recording`]
//! counts calls of entry functions for any language; lines and branches come from the module itself.
//!
//! Promises: recording changes no verdict; a module that was not loaded for recording pays nothing. Must not know: cases.

use super::{Handler, Question, RuleModule};
use crate::effect::Verdict;
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Entry functions in the module's order.
    pub functions: Vec<FunctionCoverage>,
    /// The rule file, then what it imports; empty where the engine does not tell lines (wasm).
    pub files: Vec<FileCoverage>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FunctionCoverage {
    pub function: String,
    pub calls: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FileCoverage {
    /// Path within the campaign's folder.
    pub file: String,
    /// Only lines on which a statement begins, from 1.
    pub lines: Vec<LineCoverage>,
    pub branches: Vec<BranchCoverage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LineCoverage {
    pub line: usize,
    /// Of the statement on it that ran least.
    pub hits: u64,
    /// Some of its statements ran, and some never: `if x { never(); }`.
    pub partly: bool,
}

/// One way that a choice can go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BranchCoverage {
    pub line: usize,
    pub column: usize,
    /// `if`, `switch`, `&&`, `||` or `??`
    pub of: &'static str,
    /// `true`, `false`, `missing`, `there`, `line 7` or `no arm`
    pub side: String,
    pub hits: u64,
}

/// How many of how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    pub reached: u64,
    pub all: u64,
}

impl Share {
    fn of(hits: impl Iterator<Item = u64>) -> Share {
        hits.fold(Share::default(), |share, hits| Share { reached: share.reached + u64::from(hits > 0), all: share.all + 1 })
    }
    fn and(self, other: Share) -> Share {
        Share { reached: self.reached + other.reached, all: self.all + other.all }
    }
    /// Hundredths of a percent, rounded down, so that 10,000 is only said of everything. Of nothing, everything.
    pub fn basis_points(self) -> u32 {
        (self.reached * 10_000).checked_div(self.all).map_or(10_000, |points| u32::try_from(points).unwrap_or(10_000))
    }
}

impl FileCoverage {
    pub fn lines(&self) -> Share {
        Share::of(self.lines.iter().map(|line| line.hits))
    }
    pub fn branches(&self) -> Share {
        Share::of(self.branches.iter().map(|branch| branch.hits))
    }
}

impl Coverage {
    pub fn lines(&self) -> Share {
        self.files.iter().map(FileCoverage::lines).fold(Share::default(), Share::and)
    }
    pub fn branches(&self) -> Share {
        self.files.iter().map(FileCoverage::branches).fold(Share::default(), Share::and)
    }
    pub fn functions(&self) -> Share {
        Share::of(self.functions.iter().map(|function| function.calls))
    }
    /// What a threshold is held against, in hundredths of a percent: lines, or functions where the engine tells no lines.
    pub fn basis_points(&self) -> u32 {
        if self.files.is_empty() { self.functions().basis_points() } else { self.lines().basis_points() }
    }
}

/// Counts the calls of a module's entry functions.
pub fn recording(module: Box<dyn RuleModule>) -> Box<dyn RuleModule> {
    let calls = module.handlers().iter().map(|_| AtomicU64::new(0)).collect();
    Box::new(Recording { module, calls })
}

struct Recording {
    module: Box<dyn RuleModule>,
    /// By handler.
    calls: Vec<AtomicU64>,
}

impl RuleModule for Recording {
    fn handlers(&self) -> &[Handler] {
        self.module.handlers()
    }

    fn decide(&self, handler: usize, question: &Question<'_>) -> Verdict {
        self.calls[handler].fetch_add(1, Ordering::Relaxed);
        self.module.decide(handler, question)
    }

    fn coverage(&self) -> Option<Coverage> {
        let functions = self.handlers().iter().zip(&self.calls);
        let functions = functions
            .map(|(handler, calls)| FunctionCoverage { function: handler.function.to_string(), calls: calls.load(Ordering::Relaxed) });
        Some(Coverage { functions: functions.collect(), ..self.module.coverage().unwrap_or_default() })
    }
}

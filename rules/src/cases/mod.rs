//! Cases: stories in `cases/*.toml` that say what the campaign promises, played against the book that pays.
//!
//! [`node`] are a file's values with their places, [`read`] makes stories of them, [`play`] plays one, [`render`] shows
//! what failed, [`write`] makes a file of a story, [`from_event`] tells the story of a real event, [`schema`] describes files
//! to editors. Promises: money is strict, a grant that nobody listed fails its case; the same files give the same
//! report. Must not know: where files come from, terminals.

pub mod from_event;
mod node;
pub mod play;
pub mod read;
pub mod render;
pub mod schema;
pub mod write;

use crate::book::prepare::Releases;
use crate::diagnostic::Diagnostic;
use crate::language::coverage::Coverage;
use crate::language::{Files, Runtime};
use crate::names::Names;
use crate::release::Release;
use serde::Serialize;
use std::sync::Arc;

/// Every case of a campaign's folder, in the order of files and lines.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    pub cases: Vec<CaseReport>,
    /// What is wrong with case files; the cases of such a file are not played.
    pub diagnostics: Vec<Diagnostic>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CaseReport {
    /// With the variant's values filled in.
    pub name: String,
    /// Path within the campaign's folder.
    pub file: String,
    /// Of the case, or of its variant; from 1.
    pub line: usize,
    pub passed: bool,
    pub failures: Vec<Failure>,
}

/// One expectation that did not hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// Number of the step, from 1; none: something in `given` or `expect`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// In the case file, from 1.
    pub line: usize,
    /// `alice: learning`
    pub what: String,
    pub expected: String,
    pub actual: String,
    /// What the rule did that led here, each with its file and line: `rules.rhai:6: award learning 20 to alice`.
    pub rule_lines: Vec<String>,
}

impl Report {
    pub fn passed(&self) -> bool {
        self.diagnostics.is_empty() && self.failed() == 0
    }
    pub fn failed(&self) -> usize {
        self.cases.iter().filter(|case| !case.passed).count()
    }
}

/// Plays every case of `cases/*.toml` under the releases, each in a world of its own.
pub fn run(releases: &Releases, files: &Files) -> Report {
    let mut report = Report::default();
    for (path, bytes) in files.iter().filter(|(path, _)| path.starts_with("cases/") && path.ends_with(".toml")) {
        match read::read(path, bytes, releases) {
            Ok(cases) => report.cases.extend(cases.iter().map(|case| play::play(path, case, releases))),
            Err(found) => report.diagnostics.extend(found),
        }
    }
    report
}

/// Plays every case of a folder under its own rules, as its only release. Fails with what is wrong in the folder.
pub fn run_alone(files: &Files, runtime: &Runtime) -> Result<Report, Vec<Diagnostic>> {
    Ok(run(&Releases::new(vec![alone(files, runtime)?]), files))
}

/// As [`run_alone`], and what of the rule files the cases reached. The report is of the code that pays; for the coverage
/// the cases are played once more by a module that records.
pub fn run_with_coverage(files: &Files, runtime: &Runtime) -> Result<(Report, Coverage), Vec<Diagnostic>> {
    let report = run_alone(files, runtime)?;
    let records = alone(files, &Runtime { records_coverage: true, ..runtime.clone() })?;
    run(&Releases::new(vec![records.clone()]), files);
    Ok((report, records.module.coverage().unwrap_or_default()))
}

fn alone(files: &Files, runtime: &Runtime) -> Result<Arc<Release>, Vec<Diagnostic>> {
    Release::compile(1, 0, files, &mut Names::default(), runtime).map(Arc::new)
}

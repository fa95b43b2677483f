//! `guerdon test`: the cases of campaign folders, played against the book that pays.

use super::exit::Failure;
use super::output::{self, Format};
use super::{folder, snippet};
use clap::Args;
use guerdon_rules::cases::{self, render::render};
use guerdon_rules::language::Files;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Play the cases of campaign folders: exit code 1 when one fails
#[derive(Args)]
#[command(after_help = "Example:\n  guerdon test campaigns/learning-race")]
pub struct Test {
    /// Campaign folders
    #[arg(required = true, value_name = "FOLDER")]
    folders: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Tested {
    folder: String,
    #[serde(flatten)]
    report: cases::Report,
    #[serde(skip)]
    files: Files,
}

pub fn run(test: &Test, format: Format) -> Result<(), Failure> {
    let tested = test.folders.iter().map(|folder| one(folder)).collect::<Result<Vec<_>, Failure>>()?;
    output::print(format, &tested, |all| all.iter().map(pretty).collect())?;
    if tested.iter().all(|t| t.report.passed()) { Ok(()) } else { Err(Failure::Failed) }
}

/// A folder whose files have errors fails with them, as a case file does.
fn one(path: &Path) -> Result<Tested, Failure> {
    let files = folder::read(path)?;
    let report = match folder::releases(path) {
        Ok(releases) => cases::run(&releases, &files),
        Err(folder::Unfit::Rules(_, diagnostics)) => cases::Report { cases: Vec::new(), diagnostics },
        Err(folder::Unfit::Other(failure)) => return Err(failure),
    };
    Ok(Tested { folder: path.display().to_string(), report, files })
}

fn pretty(tested: &Tested) -> String {
    let report = &tested.report;
    let mut text: String = report.diagnostics.iter().map(|d| snippet::render(d, &tested.folder, &tested.files) + "\n").collect();
    for case in report.cases.iter().filter(|case| !case.passed) {
        text.push_str(&format!("{}\n", render(case, output::width())));
    }
    let passed = report.cases.len() - report.failed();
    text.push_str(&format!("{}: {passed} cases passed, {} failed", tested.folder, report.failed()));
    if !report.diagnostics.is_empty() {
        text.push_str(&format!(", {} findings in files", report.diagnostics.len()));
    }
    text.push('\n');
    text
}

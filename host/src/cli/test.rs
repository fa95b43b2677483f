//! `guerdon test`: the cases of campaign folders, played against the book that pays.

use super::exit::{self, Failure};
use super::output::{self, Asked};
use super::{coverage, folder, junit, snippet};
use crate::watch::Watch;
use clap::Args;
use guerdon_rules::cases::{self, render::render_with};
use guerdon_rules::language::coverage::Coverage;
use guerdon_rules::language::{Files, Runtime};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Play the cases of campaign folders: exit code 1 when one fails
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    guerdon test campaigns\n  \
    guerdon test campaigns/learning-race --watch\n  \
    guerdon test campaigns --threshold 90 --format junit > cases.xml\n  \
    guerdon test campaigns/learning-race --threshold 90 --lcov coverage.info")]
pub struct Test {
    /// Campaign folders, or a folder of them
    #[arg(required = true, value_name = "FOLDER")]
    folders: Vec<PathBuf>,
    /// Say which lines and branches of the rule files no case reached
    #[arg(long)]
    coverage: bool,
    /// Fail when the cases reach fewer of the lines; implies --coverage
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=100))]
    threshold: Option<u32>,
    /// Write the coverage there, as editors and CI read it; implies --coverage
    #[arg(long, value_name = "FILE")]
    lcov: Option<PathBuf>,
    /// Play them again whenever a file is saved, until Ctrl-C
    #[arg(long)]
    watch: bool,
}

#[derive(Serialize)]
pub struct Tested {
    pub folder: String,
    #[serde(flatten)]
    pub report: cases::Report,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Covered>,
    #[serde(skip)]
    pub files: Files,
}

#[derive(Serialize)]
pub struct Covered {
    /// Of lines, or of functions where the engine tells no lines: 10,000 is everything.
    pub basis_points: u32,
    #[serde(flatten)]
    pub coverage: Coverage,
}

impl Tested {
    /// What is said when the cases reach less than so many percent.
    pub fn too_little(&self, threshold: u32) -> Option<String> {
        let covered = self.coverage.as_ref().filter(|covered| covered.basis_points < threshold * 100)?;
        Some(format!("the cases reach {} %, and {threshold} % are wanted", coverage::percent(covered.basis_points)))
    }
}

impl Test {
    fn covers(&self) -> bool {
        self.coverage || self.threshold.is_some() || self.lcov.is_some()
    }
}

pub async fn run(test: &Test, asked: Asked) -> Result<(), Failure> {
    if matches!(asked, Asked::Github | Asked::Sarif) {
        return Err(asked.refused(&[Asked::Pretty, Asked::Json, Asked::Junit]));
    }
    if !test.watch {
        return once(test, asked);
    }
    let cannot = |error| Failure::Usage(format!("cannot watch: {error}"));
    let mut watch = Watch::new(test.folders.iter().map(PathBuf::as_path)).map_err(cannot)?;
    loop {
        let played = files_of(test);
        clear_screen();
        match once(test, asked) {
            // It has been printed.
            Ok(()) | Err(Failure::Failed) => {}
            Err(failure) => {
                exit::report(&failure);
            }
        }
        eprintln!("waiting for a file to be saved; Ctrl-C ends");
        // What is written beside the campaigns, as the coverage, is no reason to play them again.
        loop {
            watch.changed().await.map_err(cannot)?;
            if files_of(test) != played {
                break;
            }
        }
    }
}

/// What would be played; none for a folder that cannot be read.
fn files_of(test: &Test) -> Vec<(PathBuf, Option<Files>)> {
    let folders = folder::each_campaign(&test.folders).unwrap_or_default();
    folders.into_iter().map(|folder| (folder.clone(), folder::read(&folder).ok())).collect()
}

/// Only where somebody looks: what a file or a program gets stays whole.
fn clear_screen() {
    if std::io::stdout().is_terminal() {
        print!("\x1b[2J\x1b[3J\x1b[H");
    }
}

fn once(test: &Test, asked: Asked) -> Result<(), Failure> {
    let folders = folder::each_campaign(&test.folders)?;
    let bar = progress_bar(folders.len());
    let mut tested = Vec::new();
    for folder in &folders {
        bar.set_message(folder.display().to_string());
        tested.push(one(folder, test.covers())?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    match asked {
        Asked::Junit => output::write(&junit::of_tested(&tested, test.threshold)?)?,
        other => output::print(other.plain()?, &tested, |all| pretty_all(all))?,
    }
    if let Some(path) = &test.lcov {
        let told = tested.iter().filter_map(|t| Some(coverage::lcov(&t.coverage.as_ref()?.coverage, &t.folder)));
        std::fs::write(path, told.collect::<String>()).map_err(|e| Failure::Infrastructure(format!("{}: {e}", path.display())))?;
    }
    let too_little = |t: &Tested| Some(format!("guerdon: {}: {}", t.folder, t.too_little(test.threshold?)?));
    let short: Vec<String> = tested.iter().filter_map(too_little).collect();
    short.iter().for_each(|said| eprintln!("{said}"));
    if short.is_empty() && tested.iter().all(|t| t.report.passed()) { Ok(()) } else { Err(Failure::Failed) }
}

/// On stderr, and hidden when that is no terminal.
fn progress_bar(folders: usize) -> ProgressBar {
    let bar = if folders > 1 { ProgressBar::new(folders as u64) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len} campaigns, {msg}") {
        bar.set_style(style);
    }
    bar
}

fn pretty_all(all: &[Tested]) -> String {
    let mut text: String = all.iter().map(pretty).collect();
    if all.len() > 1 {
        let (cases, failed) = (all.iter().map(|t| t.report.cases.len()), all.iter().map(|t| t.report.failed()).sum::<usize>());
        text.push_str(&format!("in all: {} cases passed, {failed} failed, in {} campaigns\n", cases.sum::<usize>() - failed, all.len()));
    }
    text
}

/// A folder whose files have errors fails with them, as a case file does.
fn one(path: &Path, covers: bool) -> Result<Tested, Failure> {
    let files = folder::read(path)?;
    let played = match covers {
        true => cases::run_with_coverage(&files, &Runtime::default()).map(|(report, coverage)| (report, Some(coverage))),
        false => cases::run_alone(&files, &Runtime::default()).map(|report| (report, None)),
    };
    let (report, coverage) = played.unwrap_or_else(|diagnostics| (cases::Report { cases: Vec::new(), diagnostics }, None));
    let coverage = coverage.map(|coverage| Covered { basis_points: coverage.basis_points(), coverage });
    Ok(Tested { folder: path.display().to_string(), report, coverage, files })
}

fn pretty(tested: &Tested) -> String {
    let report = &tested.report;
    let mut text: String = report.diagnostics.iter().map(|d| snippet::render(d, &tested.folder, &tested.files) + "\n").collect();
    for case in report.cases.iter().filter(|case| !case.passed) {
        text.push_str(&format!("{}\n", render_with(case, &tested.files, output::width())));
    }
    let passed = report.cases.len() - report.failed();
    text.push_str(&format!("{}: {passed} cases passed, {} failed", tested.folder, report.failed()));
    if !report.diagnostics.is_empty() {
        text.push_str(&format!(", {} findings in files", report.diagnostics.len()));
    }
    text.push('\n');
    if let Some(covered) = &tested.coverage {
        text.push_str(&coverage::pretty(&covered.coverage, &tested.folder, &tested.files));
    }
    text
}

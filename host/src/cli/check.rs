//! `guerdon check`: whether campaign folders could be releases, and what is wrong where; for people, programs and CI.

use super::exit::Failure;
use super::output::{self, Asked, Format};
use super::{annotations, folder, junit, sarif, snippet, start};
use clap::Args;
use guerdon_rules::diagnostic::Diagnostic;
use guerdon_rules::language::{Files, explain};
use guerdon_rules::limits::Limits;
use guerdon_rules::names::Names;
use guerdon_rules::release::Release;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Check campaign folders: exit code 1 when one has errors
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    guerdon check campaigns/learning-race --explain\n  \
    guerdon check campaigns/* --format github\n  \
    guerdon check campaigns/* --format sarif > check.sarif")]
pub struct Check {
    /// Campaign folders
    #[arg(required = true, value_name = "FOLDER")]
    folders: Vec<PathBuf>,
    /// Say what each function of the rule file reads and asks for
    #[arg(long)]
    explain: bool,
}

#[derive(Serialize)]
pub struct Checked {
    pub folder: String,
    ok: bool,
    pub diagnostics: Vec<Diagnostic>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<String>,
    #[serde(skip)]
    pub files: Files,
}

pub fn run(check: &Check, asked: Asked) -> Result<(), Failure> {
    let checked = check.folders.iter().map(|folder| one(folder, check.explain)).collect::<Result<Vec<_>, Failure>>()?;
    match asked {
        Asked::Pretty => output::print(Format::Pretty, &checked, |all| all.iter().map(pretty).collect())?,
        Asked::Json => output::print(Format::Json, &checked, |_| String::new())?,
        Asked::Github => output::write(&annotations::of(&checked))?,
        Asked::Sarif => output::print(Format::Json, &sarif::of(&checked), |_| String::new())?,
        Asked::Junit => output::write(&junit::of_checked(&checked)?)?,
    }
    if checked.iter().all(|c| c.ok) { Ok(()) } else { Err(Failure::Failed) }
}

fn one(folder: &Path, explained: bool) -> Result<Checked, Failure> {
    let files = folder::read(folder)?;
    let compiled = Release::compile(1, 0, &files, &mut Names::default(), &start::runtime(Limits::default()));
    let explanation =
        compiled.as_ref().ok().filter(|_| explained).map(|release| explain::explain(&release.campaign, release.module.handlers()));
    let (ok, diagnostics) = match compiled {
        Ok(release) => (true, release.warnings),
        Err(diagnostics) => (false, diagnostics),
    };
    Ok(Checked { folder: folder.display().to_string(), ok, diagnostics, explanation, files })
}

fn pretty(checked: &Checked) -> String {
    let mut text: String = checked.diagnostics.iter().map(|d| snippet::render(d, &checked.folder, &checked.files) + "\n").collect();
    text.push_str(&summary(checked));
    if let Some(explanation) = &checked.explanation {
        text.push_str(&format!("\n{explanation}"));
    }
    text
}

/// `campaigns/race: ok, 0 errors, 1 warnings`
pub fn summary(checked: &Checked) -> String {
    let errors = checked.diagnostics.iter().filter(|d| d.is_error()).count();
    let warnings = checked.diagnostics.len() - errors;
    let word = if checked.ok { "ok" } else { "failed" };
    format!("{}: {word}, {errors} errors, {warnings} warnings\n", checked.folder)
}

/// A file of a folder as CI names it: from where the command runs, with `/`.
pub fn path_of(folder: &str, file: &str) -> String {
    let folder = folder.replace('\\', "/");
    let folder = folder.trim_start_matches("./").trim_end_matches('/');
    if matches!(folder, "" | ".") { file.to_string() } else { format!("{folder}/{file}") }
}

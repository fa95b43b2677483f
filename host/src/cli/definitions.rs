//! `guerdon definitions`: the rule API as rhai definition files, for editors that read them.

use super::exit::Failure;
use super::folder;
use super::output::{self, Format};
use clap::Args;
use guerdon_rules::campaign::file;
use guerdon_rules::editor::definitions;
use serde::Serialize;
use std::path::PathBuf;

/// Write the rule API, and what a campaign declares, as rhai definition files
#[derive(Args)]
#[command(after_help = "Example:\n  guerdon definitions campaigns/learning-race\n\n\
    Writes guerdon.d.rhai, rhai.d.rhai and campaign.d.rhai.")]
pub struct Definitions {
    /// The campaign's folder
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// Where they are written [default: FOLDER/.rhai/definitions]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Serialize)]
struct Written {
    files: Vec<String>,
}

pub fn run(asked: &Definitions, format: Format) -> Result<(), Failure> {
    let files = folder::read(&asked.folder)?;
    let campaign = file::parse(&files).map_err(|found| folder::told(&asked.folder, &files, &found))?;
    let out = asked.out.clone().unwrap_or_else(|| asked.folder.join(".rhai").join("definitions"));
    let told = |e: std::io::Error| Failure::Infrastructure(format!("{}: {e}", out.display()));
    std::fs::create_dir_all(&out).map_err(told)?;
    let texts = [
        ("guerdon.d.rhai", definitions::api()),
        ("rhai.d.rhai", definitions::of_rhai()),
        ("campaign.d.rhai", definitions::campaign(&campaign)),
    ];
    let mut written = Written { files: Vec::new() };
    for (name, text) in texts {
        let path = out.join(name);
        std::fs::write(&path, text).map_err(|e| Failure::Infrastructure(format!("{}: {e}", path.display())))?;
        written.files.push(path.display().to_string());
    }
    output::print(format, &written, |written| written.files.iter().map(|file| format!("{file}\n")).collect())
}

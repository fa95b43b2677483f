//! `guerdon man`: a manual page for each command, from the same texts as `--help`.

use super::Cli;
use super::exit::Failure;
use super::output::{self, Format};
use clap::{Args, Command, CommandFactory};
use clap_mangen::Man as Page;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Write a manual page for each command into a folder
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    guerdon man ~/.local/share/man/man1\n  \
    man guerdon-test")]
pub struct Man {
    /// Where the pages are written; made if it is not there
    folder: PathBuf,
}

#[derive(Serialize)]
struct Written {
    folder: PathBuf,
    pages: Vec<String>,
}

pub fn run(man: &Man, format: Format) -> Result<(), Failure> {
    let told = |e: std::io::Error| Failure::Infrastructure(format!("{}: {e}", man.folder.display()));
    std::fs::create_dir_all(&man.folder).map_err(told)?;
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let mut pages = Vec::new();
    write(command, &man.folder, &mut pages).map_err(told)?;
    pages.sort();
    let written = Written { folder: man.folder.clone(), pages };
    output::print(format, &written, |written| {
        let folder = written.folder.display();
        format!("{} pages written to {folder}; to read one: man -l {folder}/guerdon-test.1\n", written.pages.len())
    })
}

/// The page of a command, after those of its own commands.
fn write(command: Command, folder: &Path, pages: &mut Vec<String>) -> std::io::Result<()> {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help").cloned() {
        write(sub, folder, pages)?;
    }
    let page = Page::new(command).manual("Guerdon");
    page.generate_to(folder)?;
    pages.push(page.get_filename());
    Ok(())
}

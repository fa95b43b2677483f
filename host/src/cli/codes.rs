//! `guerdon codes`: importing gift-card codes from a file, and how the pools stand. Promises: a code is never printed.

use super::exit::Failure;
use super::output::{self, Format, table};
use super::start;
use crate::codes_file::{CodeLine, Columns};
use crate::config::Loaded;
use crate::flow::views::{ImportReport, PoolView};
use crate::lines::Lines;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Import gift-card codes, and see how the pools stand
#[derive(Subcommand)]
pub enum Codes {
    Import(Import),
    Status(Status),
}

/// Import codes into a pool: one a line, or CSV with a column `code`
#[derive(Args)]
#[command(
    after_help = "Example:\n  guerdon codes import jd-20 codes.csv\n\nExit code 1 when a line is malformed; the others are imported. \
    Importing a file again changes nothing."
)]
pub struct Import {
    pool: String,
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// How many codes each pool has, gave and owes
#[derive(Args)]
#[command(after_help = "Example:\n  guerdon codes status --format json")]
pub struct Status {}

pub async fn run(codes: &Codes, loaded: &Loaded, format: Format) -> Result<(), Failure> {
    start::log(&loaded.config.log)?;
    match codes {
        Codes::Import(import) => run_import(import, loaded, format).await,
        Codes::Status(Status {}) => {
            let pools = start::existing_host(&loaded.config).await?.pools().await?;
            output::print(format, &pools, |pools| pretty_pools(pools))
        }
    }
}

async fn run_import(import: &Import, loaded: &Loaded, format: Format) -> Result<(), Failure> {
    let failed: Failing = Failing::default();
    let lines = CodeFile::open(&import.file, loaded.config.http.line_bytes, failed.clone())?;
    let host = start::existing_host(&loaded.config).await?;
    let bar = progress_bar();
    let report = host.import_codes(&import.pool, lines, |line| bar.set_position(line)).await;
    bar.finish_and_clear();
    host.shutdown().await;
    let report = report?;
    if let Some(error) = failed.lock().unwrap_or_else(PoisonError::into_inner).take() {
        let file = import.file.display();
        return Err(Failure::Infrastructure(format!("{file}: {error}; {} codes were imported before", report.accepted)));
    }
    output::print(format, &report, pretty_report)?;
    if report.malformed == 0 { Ok(()) } else { Err(Failure::Failed) }
}

/// On stderr, and hidden when that is no terminal.
fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos} lines, {per_sec}") {
        bar.set_style(style);
    }
    bar
}

/// Where the reader leaves why it had to stop: the import itself only sees that the lines end.
type Failing = Arc<Mutex<Option<io::Error>>>;

/// The code lines of a file, read as they are asked for.
struct CodeFile {
    reader: BufReader<File>,
    lines: Option<Lines>,
    columns: Columns,
    ready: VecDeque<CodeLine>,
    failed: Failing,
}

impl CodeFile {
    fn open(path: &Path, line_bytes: usize, failed: Failing) -> Result<CodeFile, Failure> {
        let file = File::open(path).map_err(|e| Failure::Usage(format!("{}: {e}", path.display())))?;
        let (lines, columns) = (Some(Lines::new(line_bytes)), Columns::default());
        Ok(CodeFile { reader: BufReader::with_capacity(1 << 16, file), lines, columns, ready: VecDeque::new(), failed })
    }

    fn read_more(&mut self, mut lines: Lines) {
        let (columns, ready) = (&mut self.columns, &mut self.ready);
        match self.reader.fill_buf() {
            Ok([]) => lines.finish(|number, line| ready.extend(columns.read(number, line))),
            Ok(bytes) => {
                let read = bytes.len();
                lines.push(bytes, |number, line| ready.extend(columns.read(number, line)));
                self.reader.consume(read);
                self.lines = Some(lines);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.lines = Some(lines),
            Err(error) => *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error),
        }
    }
}

impl Iterator for CodeFile {
    type Item = CodeLine;
    fn next(&mut self) -> Option<CodeLine> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some(line);
            }
            let lines = self.lines.take()?;
            self.read_more(lines);
        }
    }
}

fn pretty_report(report: &ImportReport) -> String {
    let mut text = format!(
        "{}: {} accepted, {} duplicate, {} malformed; {} owed grants got their code\n",
        report.pool, report.accepted, report.duplicate, report.malformed, report.filled
    );
    for (line, reason) in &report.malformed_lines {
        text.push_str(&format!("  line {line}: {reason}\n"));
    }
    let unnamed = report.malformed.saturating_sub(report.malformed_lines.len() as u64);
    if unnamed > 0 {
        text.push_str(&format!("  and {unnamed} more\n"));
    }
    text
}

fn pretty_pools(pools: &[PoolView]) -> String {
    let rows = pools.iter().map(|p| {
        let available = if p.low { format!("{} (low)", p.available) } else { p.available.to_string() };
        [p.pool.clone(), p.imported.to_string(), available, p.issued.to_string(), p.owed.to_string()]
    });
    table(&["pool", "imported", "available", "issued", "owed"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_in_lines() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"code,until\nA1,2026\n\n\xff\nB2").unwrap();
        let lines = CodeFile::open(file.path(), 100, Failing::default()).ok().unwrap();
        let found: Vec<(u64, Option<String>)> = lines.map(|(number, code)| (number, code.ok())).collect();
        assert_eq!(found, [(2, Some("A1".into())), (4, None), (5, Some("B2".into()))]);
    }
}

//! Campaign folders on disk. What makes a release: `campaign.toml`, scripts, modules and cases. Sources of guests and
//! hidden files are not part of it.

use super::exit::Failure;
use super::snippet;
use guerdon_rules::book::prepare::Releases;
use guerdon_rules::diagnostic::Diagnostic;
use guerdon_rules::language::{Files, Runtime};
use guerdon_rules::names::Names;
use guerdon_rules::release::Release;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MANIFEST: &str = "campaign.toml";
/// A component with a whole interpreter inside is about half of that.
const MOST_BYTES: u64 = 64 << 20;

/// The files of one campaign's folder.
pub fn read(folder: &Path) -> Result<Files, Failure> {
    let mut files = read_rules(folder)?;
    let cases = folder.join("cases");
    if cases.is_dir() {
        for path in entries(&cases)? {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            let within = format!("cases/{name}");
            if is_part(&within) {
                files.insert(within, content(&path)?.into());
            }
        }
    }
    Ok(files)
}

/// What is wrong with a folder, told with its lines.
pub fn told(folder: &Path, files: &Files, found: &[Diagnostic]) -> Failure {
    found.iter().for_each(|d| eprintln!("{}", snippet::render(d, &folder.display().to_string(), files)));
    Failure::Failed
}

fn read_rules(folder: &Path) -> Result<Files, Failure> {
    if !folder.join(MANIFEST).is_file() {
        return Err(Failure::Usage(format!("{} is no campaign folder: it has no {MANIFEST}", folder.display())));
    }
    let mut files = Files::new();
    read_into(folder, "", &mut files)?;
    Ok(files)
}

/// Why a folder is no release.
pub enum Unfit {
    /// The files, with what is wrong in them.
    Rules(Files, Vec<Diagnostic>),
    Other(Failure),
}

/// A folder as the only release of its campaign, with no watch: what is played does not depend on the machine.
pub fn releases(folder: &Path) -> Result<Releases, Unfit> {
    let files = read(folder).map_err(Unfit::Other)?;
    match Release::compile(1, 0, &files, &mut Names::default(), &Runtime::default()) {
        Ok(release) => Ok(Releases::new(vec![Arc::new(release)])),
        Err(diagnostics) => Err(Unfit::Rules(files, diagnostics)),
    }
}

/// [`releases`] for a command that needs nothing else: what is wrong in the files is told on stderr.
pub fn compiled(folder: &Path) -> Result<Releases, Failure> {
    releases(folder).map_err(|unfit| match unfit {
        Unfit::Other(failure) => failure,
        Unfit::Rules(files, diagnostics) => told(folder, &files, &diagnostics),
    })
}

/// Campaign folders within a folder, by name.
pub fn campaigns(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for entry in entries(folder)? {
        if entry.join(MANIFEST).is_file() {
            found.push(entry);
        }
    }
    Ok(found)
}

/// Each path that is a campaign's folder, and for any other the campaigns' folders in it.
pub fn each_campaign(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in paths {
        let within = if path.join(MANIFEST).is_file() || !path.is_dir() { Vec::new() } else { campaigns(path)? };
        if within.is_empty() { found.push(path.clone()) } else { found.extend(within) }
    }
    Ok(found)
}

fn read_into(folder: &Path, prefix: &str, files: &mut Files) -> Result<(), Failure> {
    for path in entries(folder)? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let within = format!("{prefix}{name}");
        if path.is_dir() {
            if holds_rules(name) {
                read_into(&path, &format!("{within}/"), files)?;
            }
        } else if is_part(&within) {
            files.insert(within, content(&path)?.into());
        }
    }
    Ok(())
}

/// Whether a file makes a release, by its path within the campaign's folder.
pub fn is_part(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    if folders == "cases" {
        return Path::new(name).extension().is_some_and(|extension| extension == "toml");
    }
    let is_rule = path == MANIFEST || name.ends_with(".rhai") || name.ends_with(".wasm");
    is_rule && !name.starts_with('.') && folders.split('/').all(|folder| folder.is_empty() || holds_rules(folder))
}

fn holds_rules(folder: &str) -> bool {
    !folder.starts_with('.') && !matches!(folder, "cases" | "target" | "src" | "node_modules")
}

fn content(path: &Path) -> Result<Vec<u8>, Failure> {
    let told = |e: std::io::Error| Failure::Infrastructure(format!("{}: {e}", path.display()));
    if std::fs::metadata(path).map_err(told)?.len() > MOST_BYTES {
        return Err(Failure::Usage(format!("{} is larger than {MOST_BYTES} bytes", path.display())));
    }
    std::fs::read(path).map_err(told)
}

/// Sorted, so that the same folder is read in the same order everywhere.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let told = |e: std::io::Error| Failure::Infrastructure(format!("{}: {e}", folder.display()));
    let mut paths =
        std::fs::read_dir(folder).map_err(told)?.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>().map_err(told)?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_what_makes_a_release_is_read() {
        let folder = tempfile::tempdir().unwrap();
        for path in
            ["campaign.toml", "rules.rhai", "lib/more.rhai", "cases/a.toml", "src/lib.rs", "README.md", "population.toml", ".x.rhai"]
        {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let names: Vec<String> = super::read(folder.path()).ok().unwrap().into_keys().collect();
        assert_eq!(names, ["campaign.toml", "cases/a.toml", "lib/more.rhai", "rules.rhai"]);
    }
}

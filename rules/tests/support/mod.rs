//! What the tests of this crate share: the project's own campaigns, compiled.
#![allow(dead_code)] // Each test file uses its share.

pub mod table;

pub use guerdon_rules::language::{Files, Runtime};
pub use guerdon_rules::names::Names;
use guerdon_rules::release::Release;
use std::path::{Path, PathBuf};

/// The folder of one of the project's campaigns.
pub fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../campaigns").join(name)
}

/// Every file of a campaign's folder, by path within it.
pub fn files(name: &str) -> Files {
    fn read(folder: &Path, prefix: &str, files: &mut Files) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() {
                read(&path, &format!("{name}/"), files);
            } else {
                files.insert(name, std::fs::read(&path).unwrap().into());
            }
        }
    }
    let mut files = Files::new();
    read(&folder(name), "", &mut files);
    files
}

/// The first release of one of the project's campaigns.
pub fn campaign(name: &str) -> Release {
    release(1, i64::MIN, &files(name), &mut Names::default())
}

pub fn release(number: i32, effective_from_ms: i64, files: &Files, names: &mut Names) -> Release {
    Release::compile(number, effective_from_ms, files, names, &Runtime::default())
        .unwrap_or_else(|findings| panic!("{}", findings.iter().map(|f| format!("{f}\n")).collect::<String>()))
}

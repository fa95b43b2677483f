//! Native code of wasm rules, kept in a folder of the data: a restart compiles nothing.
//!
//! Promises: only what this host wrote completely is read back (a checksum stands before the code); the folder is the
//! operator's user's own, else nothing is kept; whatever goes wrong costs time and nothing else.
//! Must not know: rules, campaigns.

use guerdon_rules::language::wasm::CodeCache;
use sha2::{Digest, Sha256};
use std::io::{Result, Write};
use std::path::{Path, PathBuf};

const CHECKSUM_BYTES: usize = 32;
/// The most files that are kept; the oldest go first.
const KEPT: usize = 256;

/// See the module.
pub struct CompiledCode {
    folder: PathBuf,
}

impl CompiledCode {
    /// Makes the folder. None, told in the log, where it cannot be made or others may write to it.
    pub fn open(folder: &Path) -> Option<CompiledCode> {
        match make_private(folder) {
            Ok(()) => Some(CompiledCode { folder: folder.into() }),
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "compiled rules are not kept: every start compiles them again");
                None
            }
        }
    }

    fn write(&self, key: &str, code: &[u8]) -> Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(&Sha256::digest(code))?;
        file.write_all(code)?;
        file.persist(self.folder.join(key))?;
        self.forget_oldest()
    }

    fn forget_oldest(&self) -> Result<()> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            files.push((entry.metadata()?.modified()?, entry.path()));
        }
        files.sort_unstable();
        let many = files.len().saturating_sub(KEPT);
        files.iter().take(many).try_for_each(|(_, path)| std::fs::remove_file(path))
    }
}

impl CodeCache for CompiledCode {
    fn get(&self, key: &str) -> Option<Vec<u8>> {
        let mut bytes = std::fs::read(self.folder.join(key)).ok()?;
        let code = bytes.split_off(CHECKSUM_BYTES.min(bytes.len()));
        (*Sha256::digest(&code) == *bytes).then_some(code)
    }

    fn put(&self, key: &str, code: &[u8]) {
        if let Err(error) = self.write(key, code) {
            tracing::warn!(folder = %self.folder.display(), %error, "a compiled rule could not be kept");
        }
    }
}

#[cfg(unix)]
fn make_private(folder: &Path) -> Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let found = std::fs::metadata(folder)?;
    let own = tempfile::NamedTempFile::new_in(folder)?.as_file().metadata()?.uid();
    if found.uid() != own || found.permissions().mode() & 0o022 != 0 {
        return Err(std::io::Error::other("other users may write to it: `chmod go-w` it, or give it to the user that runs the host"));
    }
    Ok(())
}

#[cfg(not(unix))]
fn make_private(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn only_what_was_written_completely_is_read_back() {
        let data = tempfile::tempdir().unwrap();
        let folder = data.path().join("compiled");
        let kept = CompiledCode::open(&folder).unwrap();
        assert_eq!(kept.get(KEY), None);
        kept.put(KEY, b"native code");
        assert_eq!(CompiledCode::open(&folder).unwrap().get(KEY).as_deref(), Some(&b"native code"[..]));
        let whole = std::fs::read(folder.join(KEY)).unwrap();
        for damaged in [&whole[..0], &whole[..20], &whole[..whole.len() - 1], &[&whole[..], b"!"].concat()] {
            std::fs::write(folder.join(KEY), damaged).unwrap();
            assert_eq!(kept.get(KEY), None, "{} bytes", damaged.len());
        }
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let data = tempfile::tempdir().unwrap();
        let kept = CompiledCode::open(data.path()).unwrap();
        (0..KEPT + 3).for_each(|n| kept.put(&format!("{n:064x}"), b"code"));
        assert_eq!(std::fs::read_dir(data.path()).unwrap().count(), KEPT);
        assert!(kept.get(&format!("{:064x}", KEPT + 2)).is_some());
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_others_may_write_is_not_trusted() {
        use std::os::unix::fs::PermissionsExt;
        let data = tempfile::tempdir().unwrap();
        std::fs::set_permissions(data.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(CompiledCode::open(data.path()).is_none());
    }
}

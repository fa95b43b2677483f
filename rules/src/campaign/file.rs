//! Reads `campaign.toml`.
use super::Campaign;
use crate::diagnostic::Diagnostic;
use crate::language::Files;

/// Reads and checks the folder's `campaign.toml`; fails with every error found.
pub fn parse(_files: &Files) -> Result<Campaign, Vec<Diagnostic>> {
    unimplemented!()
}

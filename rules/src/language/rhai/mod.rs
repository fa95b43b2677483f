//! rhai scripts.
use super::{Files, Loaded, Runtime};
use crate::campaign::Campaign;
use crate::diagnostic::Diagnostic;

pub fn load(_campaign: &Campaign, _files: &Files, _runtime: &Runtime) -> Result<Loaded, Vec<Diagnostic>> {
    unimplemented!()
}

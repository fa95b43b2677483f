//! wasm components.
use super::{Loaded, Runtime};
use crate::campaign::Campaign;
use crate::diagnostic::Diagnostic;

#[derive(Clone, Default)]
pub struct Engine;

pub fn load(_campaign: &Campaign, _component: &[u8], _runtime: &Runtime) -> Result<Loaded, Vec<Diagnostic>> {
    unimplemented!()
}

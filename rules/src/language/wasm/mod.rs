//! Rule modules as wasm components of `sdk/wit/campaign.wit`, in any language that compiles to wasm.
//!
//! `component` opens the bytes, `engine` compiles them and keeps each decision within its limits, `describe`
//! checks what the module says about itself against the campaign, `module` asks it, `answer` trusts nothing that
//! comes back, `cache` keeps compiled code, `interface` is the contract in Rust.
//! Promises: no module can make the host panic, wait, allocate beyond the limits or book what campaign.toml does not
//! declare; a module's fault is a diagnostic at upload or a failed verdict. Must not know: the book, files, clocks.

mod answer;
mod cache;
mod component;
mod describe;
mod engine;
mod interface;
mod module;
#[cfg(test)]
mod tests;

pub use cache::CodeCache;
pub use component::WIT;
pub use engine::{Engine, TICK_MS};

use super::{Loaded, Runtime};
use crate::campaign::Campaign;
use crate::diagnostic::Diagnostic;
use module::{Module, Program};

/// Opens, compiles and checks a component, or a core module to be wrapped into one. Fails with every finding.
pub fn load(campaign: &Campaign, bytes: &[u8], runtime: &Runtime) -> Result<Loaded, Vec<Diagnostic>> {
    let error = |message: String, help: &str| vec![Diagnostic::error(&campaign.rules, None, message, help)];
    let component = component::open(bytes).map_err(|(message, help)| error(message, &help))?;
    let limits = &runtime.limits;
    let (program, described) = runtime
        .wasm
        .compile(&component, limits, |component| {
            let program = Program::link(&component)?;
            let described = program.describe(limits).map_err(|error| module::stopped(&error, limits).reason);
            let described = described.and_then(|description| describe::within(description, limits));
            Ok((program, described))
        })
        .map_err(|reason| error(format!("the module cannot be used: {reason}"), "build it against sdk/wit/campaign.wit"))?;
    let described = described.map_err(|reason| {
        error(format!("the module cannot describe itself: {reason}"), "`describe` must answer at once, and depend on nothing")
    })?;
    let (handlers, plans, findings) = describe::check(campaign, &described);
    if findings.iter().any(Diagnostic::is_error) {
        return Err(findings);
    }
    let module = Module { program, handlers, plans, files: described.files.into_iter().map(Into::into).collect(), limits: limits.clone() };
    Ok(Loaded { module: Box::new(module), warnings: findings })
}

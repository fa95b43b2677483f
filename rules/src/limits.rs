//! The bounds of one evaluation of a rule. An operator may raise them in guerdon.toml; a campaign cannot.

use std::sync::Arc;

/// Monotonic milliseconds from any start: the only clock that `rules/` ever sees, handed in by the host, and used
/// for nothing but the deadline of an evaluation.
pub trait Watch: Send + Sync {
    fn elapsed_ms(&self) -> u64;
}

/// A watch that stands still, for simulation and tests that must not depend on the machine.
pub struct NoWatch;
impl Watch for NoWatch {
    fn elapsed_ms(&self) -> u64 {
        0
    }
}

#[derive(Clone)]
pub struct Limits {
    /// rhai operations of one evaluation.
    pub operations: u64,
    /// wasm fuel units of one evaluation.
    pub fuel: u64,
    /// Wall clock of one evaluation, in milliseconds.
    pub deadline_ms: u64,
    /// Linear memory of a wasm instance, in bytes.
    pub memory_bytes: usize,
    pub effects: usize,
    pub call_depth: usize,
    /// Bytes of one text.
    pub text_bytes: usize,
    /// Elements of one list or map.
    pub collection_size: usize,
    pub watch: Arc<dyn Watch>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            operations: 200_000,
            fuel: 10_000_000,
            deadline_ms: 50,
            memory_bytes: 16 << 20,
            effects: 64,
            call_depth: 16,
            text_bytes: 4096,
            collection_size: 1000,
            watch: Arc::new(NoWatch),
        }
    }
}

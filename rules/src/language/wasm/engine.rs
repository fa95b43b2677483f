//! Compiles modules and gives each decision an instance of its own, within the limits of the operator.
//!
//! Promises: the same module and question cost the same fuel on every machine (canonical NaNs, deterministic SIMD, no
//! threads); a fresh instance for every call, from a pool of slots where the machine can reserve one. The wall clock
//! is not in here: the host calls [`Engine::tick`] every [`TICK_MS`] milliseconds.
//! Must not know: campaigns.

use super::cache::{self, CodeCache};
use super::interface;
use crate::limits::Limits;
use std::sync::{Arc, Mutex, PoisonError};
use wasmtime::component::Component;
use wasmtime::{Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, RegallocAlgorithm, ResourceLimiter, Store};

/// How often the host calls [`Engine::tick`], in milliseconds.
pub const TICK_MS: u64 = 5;

/// The virtual memory that a pool may reserve; most of it is never touched.
const POOL_BYTES: usize = 1 << 30;
/// The most instances of a pool that run at the same time; more wait for a moment.
const SLOTS: usize = 64;
/// The unit of wasm memory.
const PAGE_BYTES: usize = 64 << 10;
/// Bytes of a slot that are wiped by hand rather than given back to the system: two system calls saved per decision.
const RESIDENT_BYTES: usize = 256 << 10;
/// The stack of a module on the host's thread; a module that needs more recurses without end.
const STACK_BYTES: usize = 256 << 10;
const TABLE_ELEMENTS: usize = 10_000;
/// Core instances, tables: what JavaScript and Python toolchains put into one component.
const PARTS_PER_COMPONENT: u32 = 20;
const TABLES_PER_COMPONENT: u32 = 4;

/// Compiles and runs wasm; made once for the process, cloned freely. Nothing is reserved before the first module.
#[derive(Clone, Default)]
pub struct Engine {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// One for each size of memory that was asked for; in practice one.
    machines: Mutex<Vec<(usize, Machine)>>,
    cache: Option<Arc<dyn CodeCache>>,
}

/// Ways to run a module, the preferred one first: pooled where the machine has room for it, then on demand, which
/// also takes components that do not fit a slot.
type Machine = Vec<wasmtime::Engine>;

impl Engine {
    /// An engine that keeps compiled code, so that a restart compiles nothing.
    pub fn with_cache(cache: Arc<dyn CodeCache>) -> Self {
        Engine { shared: Arc::new(Shared { machines: Mutex::default(), cache: Some(cache) }) }
    }

    /// The wall clock of running decisions: a decision that is still running when its deadline's ticks have passed is
    /// stopped. Without ticks only fuel stops a module.
    pub fn tick(&self) {
        let machines = self.shared.machines.lock().unwrap_or_else(PoisonError::into_inner);
        machines.iter().flat_map(|(_, machine)| machine).for_each(wasmtime::Engine::increment_epoch);
    }

    /// Compiles a component to the native code that a [`CodeCache`] keeps. Fails with the compiler's words.
    pub fn precompile(&self, component: &[u8], limits: &Limits) -> Result<Vec<u8>, String> {
        let machine = self.machine(limits)?;
        let engine = machine.first().ok_or("no way to run wasm on this machine")?;
        engine.precompile_component(component).map_err(|e| format!("{e:#}"))
    }

    /// Compiles a component for the first way of running it that takes it, or takes it from the cache, and hands it to
    /// `with`. Fails with the last reason.
    pub(super) fn compile<T>(
        &self,
        component: &[u8],
        limits: &Limits,
        mut with: impl FnMut(Component) -> wasmtime::Result<T>,
    ) -> Result<T, String> {
        let mut reason = String::from("no way to run wasm on this machine");
        for engine in &self.machine(limits)? {
            match cache::compile(engine, component, self.shared.cache.as_deref()).and_then(&mut with) {
                Ok(done) => return Ok(done),
                Err(error) => reason = format!("{error:#}"),
            }
        }
        Err(reason)
    }

    fn machine(&self, limits: &Limits) -> Result<Machine, String> {
        let mut machines = self.shared.machines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, machine)) = machines.iter().find(|(bytes, _)| *bytes == limits.memory_bytes) {
            return Ok(machine.clone());
        }
        let machine = build(limits.memory_bytes)?;
        machines.push((limits.memory_bytes, machine.clone()));
        Ok(machine)
    }
}

/// Pooled first, if this machine lets us reserve a pool, and on demand.
fn build(memory_bytes: usize) -> Result<Machine, String> {
    let pooled = wasmtime::Engine::new(config(memory_bytes).allocation_strategy(pool(memory_bytes)));
    let on_demand = wasmtime::Engine::new(&config(memory_bytes)).map_err(|e| format!("{e:#}"))?;
    Ok(pooled.ok().into_iter().chain([on_demand]).collect())
}

/// Bounds are checked by the code itself and not by guard pages: a rule is short, and changing the protection of pages
/// twice for each decision costs more than the checks. It also keeps signal handlers out of the host.
fn config(memory_bytes: usize) -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_regalloc_algorithm(RegallocAlgorithm::Backtracking)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .wasm_component_model(true)
        .concurrency_support(false)
        .wasm_multi_memory(false)
        .wasm_memory64(false)
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        .max_wasm_stack(STACK_BYTES)
        .memory_reservation(slot_bytes(memory_bytes) as u64)
        .memory_reservation_for_growth(0)
        .memory_guard_size(0)
        .guard_before_linear_memory(false)
        .signals_based_traps(false);
    config
}

fn pool(memory_bytes: usize) -> InstanceAllocationStrategy {
    let slots = (POOL_BYTES / slot_bytes(memory_bytes)).clamp(4, SLOTS) as u32;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots * PARTS_PER_COMPONENT)
        .total_memories(slots)
        .total_tables(slots * TABLES_PER_COMPONENT)
        .max_core_instances_per_component(PARTS_PER_COMPONENT)
        .max_memories_per_component(1)
        .max_tables_per_component(TABLES_PER_COMPONENT)
        .max_memories_per_module(1)
        .max_tables_per_module(TABLES_PER_COMPONENT)
        .max_memory_size(slot_bytes(memory_bytes))
        .table_elements(TABLE_ELEMENTS)
        .linear_memory_keep_resident(RESIDENT_BYTES)
        .table_keep_resident(PAGE_BYTES)
        .pagemap_scan(Enabled::No);
    InstanceAllocationStrategy::Pooling(pool)
}

/// Whole pages, at least one.
fn slot_bytes(memory_bytes: usize) -> usize {
    memory_bytes.div_ceil(PAGE_BYTES).max(1) * PAGE_BYTES
}

/// What one decision may take.
pub(super) struct Bounds {
    memory_bytes: usize,
}

/// Why a module was stopped when it asked for more memory or a larger table.
#[derive(Debug, thiserror::Error)]
#[error("the module asked for {asked} {unit}, the limit is {limit}")]
pub(super) struct MemoryRefused {
    asked: usize,
    limit: usize,
    unit: &'static str,
}

/// A refusal ends the decision at once: a module told "no" would only abort with words that hide the reason.
impl ResourceLimiter for Bounds {
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        within(desired, self.memory_bytes, "bytes of memory")
    }
    fn table_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        within(desired, TABLE_ELEMENTS, "elements of a table")
    }
    fn instances(&self) -> usize {
        PARTS_PER_COMPONENT as usize
    }
    fn tables(&self) -> usize {
        TABLES_PER_COMPONENT as usize
    }
    fn memories(&self) -> usize {
        2
    }
}

fn within(asked: usize, limit: usize, unit: &'static str) -> wasmtime::Result<bool> {
    if asked <= limit { Ok(true) } else { Err(MemoryRefused { asked, limit, unit }.into()) }
}

/// A store for one call and no other: its fuel, deadline and bounds.
pub(super) fn store(engine: &wasmtime::Engine, limits: &Limits) -> wasmtime::Result<Store<Bounds>> {
    let mut store = Store::new(engine, Bounds { memory_bytes: limits.memory_bytes });
    store.limiter(|bounds| bounds);
    store.set_fuel(limits.fuel)?;
    store.set_hostcall_fuel(interface::answer_bytes(limits));
    // One more than the deadline's own: the current tick has partly passed.
    store.set_epoch_deadline(limits.deadline_ms.div_ceil(TICK_MS) + 1);
    Ok(store)
}

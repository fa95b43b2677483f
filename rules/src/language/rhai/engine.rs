//! The tightened rhai engine: packages one by one, words that rules do without switched off, every size bounded.
//! Promises: a script cannot sleep, exit, print, run text, read a file or outlive its limits.

use super::api;
use super::dictionary::Dictionary;
use super::vocabulary::ABSENT_WORDS;
use crate::limits::Limits;
use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicIteratorPackage, BasicMapPackage, BasicMathPackage, BasicStringPackage, LogicPackage,
    MoreStringPackage, Package,
};
use rhai::{Dynamic, Engine, Module, OptimizationLevel, Shared};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How often the deadline is looked at. No single operation takes longer than a millisecond, because
/// everything that it could work on is bounded.
const OPERATIONS_PER_LOOK: u64 = 32;
/// Together with the call depth and the sizes these bound the memory of one evaluation: variables and unfinished
/// expressions of every level, each of at most one collection.
const VARIABLES: usize = 20;
const EXPRESSION_DEPTH: usize = 64;
const FUNCTIONS: usize = 200;
/// A map entry takes several times the memory of a list element.
const MAP_SHARE: usize = 4;

/// Lists and maps at the top of a file, by file and name: rhai's optimiser hands only plain values to functions.
pub type Tables = BTreeMap<(Arc<str>, String), Dynamic>;

/// Carried out of a script that ran past its deadline.
#[derive(Clone)]
pub struct PastDeadline;

/// Everything that an engine is made from; the tracing engine is made from the same.
#[derive(Clone)]
pub struct Recipe {
    pub dictionary: Arc<Dictionary>,
    pub limits: Limits,
    /// What the rule file imports, by the name that it gives.
    pub imports: Vec<(String, Shared<Module>)>,
    pub tables: Arc<Tables>,
}

impl Recipe {
    pub fn engine(&self) -> Engine {
        let mut engine = tightened(&self.dictionary, &self.limits);
        for (alias, module) in &self.imports {
            engine.register_static_module(alias, module.clone());
        }
        hand_in_tables(&mut engine, &self.tables);
        engine
    }
}

/// An engine without anything of a particular rule file.
pub fn tightened(dictionary: &Dictionary, limits: &Limits) -> Engine {
    let mut engine = Engine::new_raw();
    packages(&mut engine);
    for (word, _) in ABSENT_WORDS.iter().filter(|(word, _)| !matches!(*word, "sleep" | "exit")) {
        engine.disable_symbol(*word);
    }
    engine.set_allow_anonymous_fn(false);
    engine.set_strict_variables(true);
    engine.set_fail_on_invalid_map_property(true);
    engine.set_optimization_level(OptimizationLevel::Simple);
    // Comparisons of unlike types reach our own functions only without rhai's short cut for operators.
    engine.set_fast_operators(false);
    bound(&mut engine, limits);
    api::register(&mut engine, dictionary);
    engine
}

/// Not LanguageCorePackage: it brings `sleep`, `exit`, `take` and `.tag`.
pub(super) fn packages(engine: &mut Engine) {
    ArithmeticPackage::new().register_into_engine(engine);
    LogicPackage::new().register_into_engine(engine);
    BasicMathPackage::new().register_into_engine(engine);
    BasicStringPackage::new().register_into_engine(engine);
    BasicIteratorPackage::new().register_into_engine(engine);
    BasicArrayPackage::new().register_into_engine(engine);
    BasicMapPackage::new().register_into_engine(engine);
    MoreStringPackage::new().register_into_engine(engine);
}

fn bound(engine: &mut Engine, limits: &Limits) {
    engine
        .set_max_operations(limits.operations)
        .set_max_call_levels(limits.call_depth)
        .set_max_string_size(limits.text_bytes)
        .set_max_array_size(limits.collection_size)
        .set_max_map_size((limits.collection_size / MAP_SHARE).max(1))
        .set_max_variables(VARIABLES)
        .set_max_functions(FUNCTIONS)
        .set_max_expr_depths(EXPRESSION_DEPTH, EXPRESSION_DEPTH);
    let watch = limits.watch.clone();
    engine.on_progress(move |operations| {
        let look = operations.is_multiple_of(OPERATIONS_PER_LOOK);
        (look && watch.elapsed_ms() > STOP_AT_MS.get()).then(|| Dynamic::from(PastDeadline))
    });
}

thread_local! {
    /// When the evaluation of this thread must stop: rhai tells `on_progress` nothing but a count.
    static STOP_AT_MS: Cell<u64> = const { Cell::new(u64::MAX) };
}

/// Sets the deadline of the evaluation that this thread runs next.
pub fn stop_at(elapsed_ms: u64) {
    STOP_AT_MS.set(elapsed_ms);
}

/// Functions of rhai see no names from outside; plain constants are propagated into them, tables come through here.
fn hand_in_tables(engine: &mut Engine, tables: &Arc<Tables>) {
    if tables.is_empty() {
        return;
    }
    let tables = tables.clone();
    #[allow(deprecated)] // rhai marks it as volatile, not as going away.
    engine.on_var(move |name, _, context| {
        let source = context.source().unwrap_or("");
        let found = tables.iter().find(|((file, table), _)| **file == *source && table == name);
        Ok(found.map(|(_, value)| value.clone()))
    });
}

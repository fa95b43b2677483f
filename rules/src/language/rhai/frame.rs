//! What rhai needs for a call, kept between calls: its state, which function each name means, and the room that an
//! evaluation takes. To make it again for every call would take a fifth of it. Promises: nothing of a call is seen by the
//! next one; whatever ended with an error is thrown away. Must not know: what is called.

use super::evaluation::Evaluation;
use crate::language::Question;
use rhai::{AST, Caches, Dynamic, Engine, EvalAltResult, EvalContext, FuncArgs, GlobalRuntimeState, Scope};
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

/// One call's, at a time.
pub struct Frame {
    /// Its tag is the evaluation.
    state: GlobalRuntimeState,
    found: Caches,
    /// Empty between calls; keeps its room.
    variables: Scope<'static>,
}

/// Frames of one engine and one file, as many as calls ran at the same time.
#[derive(Default)]
pub struct Frames(Mutex<Vec<Frame>>);

impl Frames {
    /// One that nobody uses.
    pub fn take(&self) -> Option<Frame> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Not after an error.
    pub fn keep(&self, frame: Frame) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(frame);
    }
}

impl Frame {
    pub fn new(engine: &Engine, ast: &AST, evaluation: Evaluation) -> Frame {
        let mut state = engine.new_global_runtime_state();
        state.lib.push(ast.shared_lib().clone());
        state.source = ast.source().map(Into::into);
        state.tag = Dynamic::from(Arc::new(evaluation));
        Frame { state, found: Caches::new(), variables: Scope::new() }
    }

    /// Takes the next question. False when the last call's evaluation is still in use.
    pub fn begin(&mut self, handler: usize, question: &Question<'_>) -> bool {
        self.state.num_operations = 0;
        self.variables.clear();
        let Some(mut tag) = self.state.tag.write_lock::<Arc<Evaluation>>() else { return false };
        let Some(evaluation) = Arc::get_mut(&mut tag) else { return false };
        evaluation.begin(handler, question);
        true
    }

    /// Calls a function of the file about the question that was begun.
    pub fn call(&mut self, engine: &Engine, function: &str, arguments: impl FuncArgs) -> Result<Dynamic, Box<EvalAltResult>> {
        EvalContext::new(engine, &mut self.state, &mut self.found, &mut self.variables, None).call_fn(function, arguments)
    }

    /// The question that was begun, with what was asked for so far. Always there: the tag is nothing else.
    pub fn evaluation(&self) -> Option<impl Deref<Target = Arc<Evaluation>> + '_> {
        self.state.tag.read_lock::<Arc<Evaluation>>()
    }
}

//! What rhai needs for a call, kept between calls: its state, and which function each name means. To find that out again
//! for every call would take a fifth of it. Promises: nothing of a call is seen by the next one; whatever ended with an
//! error is thrown away. Must not know: what is called.

use super::evaluation::Evaluation;
use rhai::{AST, Caches, Dynamic, Engine, EvalAltResult, EvalContext, FuncArgs, GlobalRuntimeState, Scope};
use std::sync::{Arc, Mutex, PoisonError};

struct Frame {
    state: GlobalRuntimeState,
    found: Caches,
}

/// Frames of one engine and one file, as many as calls ran at the same time.
#[derive(Default)]
pub struct Frames(Mutex<Vec<Frame>>);

impl Frames {
    /// Calls a function of the file.
    pub fn call(
        &self,
        engine: &Engine,
        ast: &AST,
        evaluation: &Arc<Evaluation>,
        function: &str,
        arguments: impl FuncArgs,
    ) -> Result<Dynamic, Box<EvalAltResult>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut frame = kept.unwrap_or_else(|| Frame::new(engine, ast));
        frame.state.num_operations = 0;
        frame.state.tag = Dynamic::from(evaluation.clone());
        let scope = &mut Scope::new();
        let returned = EvalContext::new(engine, &mut frame.state, &mut frame.found, scope, None).call_fn(function, arguments)?;
        frame.state.tag = Dynamic::UNIT;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(frame);
        Ok(returned)
    }
}

impl Frame {
    fn new(engine: &Engine, ast: &AST) -> Frame {
        let mut state = engine.new_global_runtime_state();
        state.lib.push(ast.shared_lib().clone());
        state.source = ast.source().map(Into::into);
        Frame { state, found: Caches::new() }
    }
}

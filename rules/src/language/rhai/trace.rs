//! Finds the line at which a limit was reached: rhai 1.27 loses it. The rule is pure, so the call is made again under
//! the debugger, which tells every statement. Slower than a plain run; only used when a limit was reached.

use super::engine::Recipe;
use super::evaluation::Evaluation;
use rhai::debugger::DebuggerCommand;
use rhai::{ASTNode, Engine};
use std::sync::Arc;

/// How much longer than the deadline a traced run may take together with the first one, in milliseconds.
pub const GRACE_MS: u64 = 10;

/// An engine that notes in the evaluation which line runs.
pub fn engine(recipe: &Recipe) -> Engine {
    let mut engine = recipe.engine();
    #[allow(deprecated)] // rhai marks it as volatile, not as going away.
    engine.register_debugger(
        |_, debugger| debugger,
        |context, _, node, source, at| {
            let evaluation = context.tag().read_lock::<Arc<Evaluation>>();
            // The end of the call comes as an empty statement without a place.
            let is_code = !matches!(node, ASTNode::Stmt(rhai::Stmt::Noop(_)));
            if let Some(evaluation) = evaluation
                && is_code
                && let Some(place) = evaluation.place(source, at)
            {
                evaluation.remember_place(place);
            }
            Ok(DebuggerCommand::StepInto)
        },
    );
    engine
}

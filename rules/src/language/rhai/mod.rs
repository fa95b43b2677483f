//! rhai scripts as rule modules. [`load`] reads and checks the rule file with everything that it imports; the
//! module that it returns answers questions within its limits. Must not know: books, storage, clocks.
//!
//! From a file to a verdict: [`script`] compiles, [`check`] says what is wrong and what each function reads,
//! [`engine`] runs in a [`frame`], [`api`] is what the script sees, [`memo`] knows answers again, [`failure`] and [`trace`] say what stopped it, [`coverage`] what ran.

mod api;
mod check;
mod coverage;
pub mod cursor;
mod dictionary;
mod engine;
mod evaluation;
mod explain;
mod failure;
mod frame;
mod imports;
mod memo;
pub mod natives;
mod script;
#[cfg(test)]
mod tests;
mod trace;
pub mod vocabulary;

use super::coverage::Coverage;
use super::{Files, Handler, Loaded, Question, RuleModule, Runtime};
use crate::campaign::Campaign;
use crate::diagnostic::Diagnostic;
use crate::effect::{Failure, Verdict};
use coverage::Recorder;
use dictionary::Dictionary;
use engine::Recipe;
use evaluation::Evaluation;
use frame::{Frame, Frames};
use memo::{Memo, Parts};
use rhai::{AST, Dynamic, Engine, EvalAltResult};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

/// Compiles and checks the campaign's script. Fails with every finding, warnings included.
pub fn load(campaign: &Campaign, files: &Files, runtime: &Runtime) -> Result<Loaded, Vec<Diagnostic>> {
    let scripts = script::read(&campaign.rules, files, runtime)?;
    let checked = check::check(campaign, &scripts, &runtime.limits);
    if checked.findings.iter().any(Diagnostic::is_error) {
        return Err(checked.findings);
    }
    let names = scripts.scripts.iter().map(|script| script.file.clone()).collect();
    let recipe = Recipe {
        dictionary: Arc::new(Dictionary::new(campaign, names, &checked.handlers, &checked.facts)),
        limits: runtime.limits.clone(),
        imports: scripts.modules,
        tables: Arc::new(scripts.tables),
    };
    let recorder = runtime.records_coverage.then(|| Recorder::new(&scripts.scripts));
    let Some(main) = scripts.scripts.into_iter().next() else { return Err(checked.findings) };
    let mut engine = recipe.engine();
    if recorder.is_some() {
        Recorder::listen(&mut engine, &recipe.dictionary);
    }
    let frames = Frames::default();
    let memos = if runtime.evaluates_always || recorder.is_some() {
        Vec::new()
    } else {
        checked.handlers.iter().map(|_| Memo::default()).collect()
    };
    let module =
        Module { engine, ast: functions(&main), frames, memos, handlers: checked.handlers, tracing: OnceLock::new(), recorder, recipe };
    Ok(Loaded { module: Box::new(module), warnings: checked.findings })
}

/// Only functions: nothing at the top of the file runs again. rhai forgets on the way whose functions they are, and
/// they would no longer find their file's lists and maps.
fn functions(script: &script::Script) -> AST {
    let mut ast = script.runs.clone_functions_only();
    ast.set_source(&*script.file);
    ast
}

fn broke_down() -> Verdict {
    Verdict::Failed(Failure::new("the rhai engine broke down", None))
}

struct Module {
    handlers: Vec<Handler>,
    engine: Engine,
    ast: AST,
    frames: Frames,
    /// By handler; empty where every question is evaluated.
    memos: Vec<Memo>,
    recipe: Recipe,
    /// Made when a limit is reached for the first time.
    tracing: OnceLock<Engine>,
    /// Only where coverage is recorded.
    recorder: Option<Recorder>,
}

impl RuleModule for Module {
    fn handlers(&self) -> &[Handler] {
        &self.handlers
    }

    fn decide(&self, handler: usize, question: &Question<'_>) -> Verdict {
        let memo = self.memos.get(handler);
        if let Some(known) = memo.and_then(|memo| memo.recall(question)) {
            return known;
        }
        // rhai is not expected to panic; if it does, this rule has failed and the next one runs.
        let answered = catch_unwind(AssertUnwindSafe(|| self.answer(handler, question)));
        let (verdict, read) = answered.unwrap_or_else(|_| (broke_down(), Parts::OWN));
        if let Some(memo) = memo {
            memo.remember(question, read, &verdict);
        }
        if let Some(recorder) = &self.recorder {
            recorder.read_trail(matches!(verdict, Verdict::Booked(_)));
        }
        verdict
    }

    fn coverage(&self) -> Option<Coverage> {
        self.recorder.as_ref().map(|recorder| Coverage { files: recorder.files(), ..Coverage::default() })
    }
}

impl Module {
    /// With what the evaluation has read.
    fn answer(&self, handler: usize, question: &Question<'_>) -> (Verdict, Parts) {
        let limits = &self.recipe.limits;
        let started = limits.watch.elapsed_ms();
        engine::stop_at(started.saturating_add(limits.deadline_ms));
        let mut frame = self.frames.take().unwrap_or_else(|| self.frame(&self.engine));
        let called = self.call(&self.engine, &mut frame, handler, question);
        let Some(evaluation) = frame.evaluation() else { return (broke_down(), Parts::OWN) };
        let read = evaluation.what_was_read();
        let Err(error) = called else {
            let effects = evaluation.take_effects();
            drop(evaluation);
            self.frames.keep(frame);
            return (Verdict::Booked(effects), read);
        };
        if let Some(verdict) = evaluation.take_stopped() {
            return (verdict, read);
        }
        let mut failure = failure::failure(&error, &evaluation, limits);
        if failure.limit.is_some() {
            self.find_line(&mut failure, started, handler, question);
        }
        (Verdict::Failed(failure), read)
    }

    /// rhai has lost the line of a limit: see [`trace`].
    fn find_line(&self, failure: &mut Failure, started_ms: u64, handler: usize, question: &Question<'_>) {
        let limits = &self.recipe.limits;
        engine::stop_at(started_ms.saturating_add(limits.deadline_ms).saturating_add(trace::GRACE_MS));
        let tracing = self.tracing.get_or_init(|| trace::engine(&self.recipe));
        let mut frame = self.frame(tracing);
        // What it ends with is known; only the way there is asked for.
        let _ = self.call(tracing, &mut frame, handler, question);
        failure.place = frame.evaluation().and_then(|evaluation| evaluation.take_last_place()).or(failure.place.take());
    }

    fn frame(&self, engine: &Engine) -> Frame {
        Frame::new(engine, &self.ast, Evaluation::idle(&self.recipe.dictionary, self.recipe.limits.effects))
    }

    fn call(&self, engine: &Engine, frame: &mut Frame, handler: usize, question: &Question<'_>) -> Result<Dynamic, Box<EvalAltResult>> {
        if !frame.begin(handler, question) {
            *frame = self.frame(engine);
            frame.begin(handler, question);
        }
        let handler = &self.handlers[handler];
        match handler.event {
            Some(_) => frame.call(engine, &handler.function, (api::Event,)),
            None => frame.call(engine, &handler.function, (api::Member(0), api::Cycle)),
        }
    }
}

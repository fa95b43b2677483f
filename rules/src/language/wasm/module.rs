//! A loaded module: one fresh instance for each decision.
//!
//! Promises: never panics, never blocks for longer than another decision takes, and what went wrong is a verdict.
//! Must not know: campaign files, the book.

use super::answer;
use super::describe::{Plan, Source};
use super::engine::{self, Bounds, MemoryRefused};
use super::interface::{self, Cycle, Exact, Given, INTERFACE};
use crate::effect::{Failure, Limit, Verdict};
use crate::language::{Handler, Question, RuleModule};
use crate::limits::Limits;
use crate::value::Value;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use std::sync::Arc;
use wasmtime::component::{Component, ComponentExportIndex, Instance, InstancePre, Linker};
use wasmtime::{PoolConcurrencyLimitError, Store, Trap};

/// A component, linked and ready to be instantiated, with the places of its two functions.
pub struct Program {
    instance: InstancePre<Bounds>,
    describe: ComponentExportIndex,
    decide: ComponentExportIndex,
}

impl Program {
    /// Links a component that imports nothing. Fails if a function is missing or its types are not the contract's.
    pub fn link(component: &Component) -> wasmtime::Result<Program> {
        let rules = component.get_export_index(None, INTERFACE);
        let index = |name: &str| {
            let found = rules.as_ref().and_then(|rules| component.get_export_index(Some(rules), name));
            found.ok_or_else(|| wasmtime::Error::msg(format!("{INTERFACE} has no function `{name}`")))
        };
        let (describe, decide) = (index("describe")?, index("decide")?);
        let instance = Linker::new(component.engine()).instantiate_pre(component)?;
        Ok(Program { instance, describe, decide })
    }

    /// Asks the module once what it reads and writes, within the limits of a decision.
    pub fn describe(&self, limits: &Limits) -> wasmtime::Result<interface::Description> {
        let (mut store, instance) = self.instantiate(limits)?;
        // A module whose `decide` has other types is refused here, not at its first event.
        instance.get_typed_func::<(interface::Question<'_>,), (interface::Decision,)>(&mut store, &self.decide)?;
        let describe = instance.get_typed_func::<(), (interface::Description,)>(&mut store, &self.describe)?;
        let (description,) = describe.call(&mut store, ())?;
        Ok(description)
    }

    fn decide(&self, question: interface::Question<'_>, limits: &Limits) -> wasmtime::Result<interface::Decision> {
        let (mut store, instance) = self.instantiate(limits)?;
        let decide = instance.get_typed_func::<(interface::Question<'_>,), (interface::Decision,)>(&mut store, &self.decide)?;
        let (decision,) = decide.call(&mut store, (question,))?;
        Ok(decision)
    }

    /// Waits while every slot of the pool is taken; each is given back within a deadline.
    fn instantiate(&self, limits: &Limits) -> wasmtime::Result<(Store<Bounds>, Instance)> {
        loop {
            let mut store = engine::store(self.instance.engine(), limits)?;
            match self.instance.instantiate(&mut store) {
                Err(error) if error.is::<PoolConcurrencyLimitError>() => std::thread::yield_now(),
                instance => return instance.map(|instance| (store, instance)),
            }
        }
    }
}

/// See the module.
pub struct Module {
    pub program: Program,
    pub handlers: Vec<Handler>,
    /// One for each handler.
    pub plans: Vec<Plan>,
    pub files: Vec<Arc<str>>,
    pub limits: Limits,
}

impl RuleModule for Module {
    fn handlers(&self) -> &[Handler] {
        &self.handlers
    }

    fn decide(&self, handler: usize, question: &Question<'_>) -> Verdict {
        self.ask(handler, question).unwrap_or_else(Verdict::Failed)
    }
}

impl Module {
    fn ask(&self, handler: usize, question: &Question<'_>) -> Result<Verdict, Failure> {
        let plan = self.plans.get(handler).ok_or_else(|| Failure::new("the module has no such handler", None))?;
        let facts = plan.sources.iter().map(|source| given(*source, question)).collect::<Result<Vec<_>, _>>()?;
        let members: Vec<_> =
            question.members.iter().map(|member| member.as_ref().map(|m| interface::Member { id: &m.id, kind: &m.kind })).collect();
        let asked = interface::Question {
            handler: handler as u32,
            id: question.id,
            at: interface::Moment {
                unix_ms: question.moment.at_ms,
                day: question.moment.day,
                weekday: question.moment.weekday,
                hour: question.moment.hour,
            },
            cycle: question.cycle.map(|cycle| Cycle {
                number: cycle.number.unsigned_abs(),
                first_day: cycle.first_day,
                last_day: cycle.last_day,
                is_last: cycle.is_last,
            }),
            members: &members,
            facts: &facts,
            seed: question.seed,
            draws: question.forced_draws,
        };
        let decision = self.program.decide(asked, &self.limits).map_err(|error| stopped(&error, &self.limits))?;
        answer::Check { plan, files: &self.files, members: question.members, limits: &self.limits }.verdict(decision)
    }
}

/// Why a call did not come to an answer.
pub fn stopped(error: &wasmtime::Error, limits: &Limits) -> Failure {
    let (limit, reason) = match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => (Some(Limit::Operations), format!("the rule used up its {} units of fuel", limits.fuel)),
        Some(Trap::Interrupt) => (Some(Limit::Deadline), format!("the rule took longer than {} ms", limits.deadline_ms)),
        Some(Trap::StackOverflow) => (Some(Limit::CallDepth), "the rule calls itself too deeply".to_string()),
        Some(trap) => (None, format!("the module stopped: {trap}")),
        None => match error.downcast_ref::<MemoryRefused>() {
            Some(refused) => (Some(Limit::Memory), refused.to_string()),
            // Wasmtime keeps the type of this error to itself; a test holds it to its words.
            None if error.to_string().starts_with("too much data is being copied") => {
                (Some(Limit::Memory), format!("the module's answer is larger than {} bytes", interface::answer_bytes(limits)))
            }
            None => (None, format!("the module's answer is garbage: {error:#}")),
        },
    };
    Failure { reason, place: None, limit }
}

fn given<'q>(source: Source, question: &Question<'q>) -> Result<Given<'q>, Failure> {
    let value = match source {
        Source::Data(index) => question.data.get(index),
        Source::Fact(index) => question.facts.get(index),
    };
    Ok(match value {
        None => return Err(Failure::new("the question answers fewer reads than the module declared", None)),
        Some(Value::Missing) => Given::Missing,
        Some(Value::Int(n)) => Given::Integer(*n),
        Some(Value::Text(text)) => Given::Text(text),
        Some(Value::Bool(truth)) => Given::Truth(*truth),
        Some(Value::Decimal(decimal)) => Given::Exact(exact(*decimal)?),
    })
}

/// The contract's decimal: 64 bits and at most 18 places.
fn exact(decimal: Decimal) -> Result<Exact, Failure> {
    let short = decimal.normalize();
    match (short.mantissa().to_i64(), u8::try_from(short.scale())) {
        (Some(unscaled), Ok(scale @ 0..=18)) => Ok(Exact { unscaled, scale }),
        _ => Err(Failure::new(format!("{decimal} has more digits than a module can be given"), None)),
    }
}

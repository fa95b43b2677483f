//! The learning race's rules as expressions of the Common Expression Language, one for each type of event, compiled
//! beforehand; data and facts are variables of their names. Must not know: the other engines.

use super::super::decision::{Case, microseconds, same};
use super::super::{BenchError, Result};
use super::{Asked, Measured};
use ::cel::{Context, Env, Program, Value};
use guerdon_rules::value::Value as Ours;
use serde_json::Value as Json;
use std::hint::black_box;
use std::sync::Arc;

const ACCOUNT_OPENED: &str = "existing_customer == true
    ? [{'effect': 'refuse', 'text': 'existing customer'}]
    : [{'effect': 'award', 'of': 'inviter', 'name': 'learning', 'count': 20},
       {'effect': 'grant', 'of': 'inviter', 'name': 'jd-20', 'count': 1}]";
const LESSON_FINISHED: &str = "points <= 100 - points_today
    ? [{'effect': 'award', 'of': 'member', 'name': 'learning.lesson', 'count': points}]
    : [{'effect': 'note', 'text': 'daily cap: ' + string(100 - points_today) + ' of ' + string(points) + ' points'},
       {'effect': 'award', 'of': 'member', 'name': 'learning.lesson', 'count': 100 - points_today}]";

pub fn measure(asked: &Asked) -> Result<Measured> {
    let env = Arc::new(Env::stdlib());
    let compiled = |source: &str| env.compile(source).map_err(wrong);
    let (opened, lesson) = (compiled(ACCOUNT_OPENED)?, compiled(LESSON_FINISHED)?);
    let root = Context::with_env(env.clone());
    let program = |case: &Case| if &*case.prepared.event.kind == "account.opened" { &opened } else { &lesson };
    let programs: Vec<&Program> = asked.cases.iter().map(program).collect();
    let contexts: Vec<Context> = asked.cases.iter().map(|case| context(&root, case)).collect();
    let effects = programs.iter().zip(&contexts).map(|(program, context)| effects(&program.execute(context).map_err(wrong)?));
    same("CEL", asked.effects, &effects.collect::<Result<Vec<_>>>()?)?;
    let execution = microseconds(asked.rounds, |n| {
        let _ = black_box(programs[n].execute(&contexts[n]));
    });
    let whole = microseconds(asked.rounds, |n| {
        let _ = black_box(programs[n].execute(&context(&root, &asked.cases[n])));
    });
    let whole = format!("only the execution of a compiled program; {whole:.2} µs when each call also sets the variables, as ours does");
    Ok(Measured { microseconds: execution, bottleneck: "one core: the call", details: vec![whole] })
}

/// What the rule may name, beside what every rule may.
fn context<'p>(root: &'p Context<'p, 'static>, case: &Case) -> Context<'p, 'static> {
    let mut context = root.new_inner_scope();
    for (name, value) in case.named_data() {
        context.add_variable_from_value(name, of_ours(value));
    }
    context.add_variable_from_value("points_today", Value::Int(case.points_today));
    context
}

fn of_ours(value: &Ours) -> Value {
    match value {
        Ours::Missing => Value::Null,
        Ours::Int(n) => Value::Int(*n),
        Ours::Bool(is) => Value::Bool(*is),
        other => Value::String(Arc::new(other.to_string())),
    }
}

fn effects(answer: &Value) -> Result<Json> {
    answer.json().map_err(wrong)
}

fn wrong(error: impl std::fmt::Display) -> BenchError {
    BenchError::Wrong(format!("CEL: {error}"))
}

//! Everything about a script that can be known before the first event. Walks the files as they are written; each
//! file of this folder looks for one kind of mistake. Promises: all findings, errors first, each with its place and
//! what to write instead. Also finds what each entry function reads and asks for.

mod assignments;
mod calls;
mod comparisons;
mod entries;
mod growth;
mod literals;
mod names;
mod nesting;
mod order;
mod properties;
mod reach;
mod rewards;
mod tables;
mod top_level;

use super::explain;
use super::script::{Script, Scripts};
use super::vocabulary::Property;
use crate::campaign::{Campaign, Field, Role};
use crate::diagnostic::Diagnostic;
use crate::fact::Fact;
use crate::language::{Handler, Write};
use crate::limits::Limits;
use rhai::{AST, ASTNode, Expr, FnCallExpr, Position, ScriptFuncDef, Stmt};
use std::collections::BTreeSet;
use std::sync::Arc;

pub struct Checked {
    pub findings: Vec<Diagnostic>,
    pub handlers: Vec<Handler>,
    /// By handler, the facts that it reads of each of its members.
    pub facts: Vec<Vec<Fact>>,
}

/// Checks all files of a rule.
pub fn check(campaign: &Campaign, scripts: &Scripts, limits: &Limits) -> Checked {
    let scripts = &scripts.scripts[..];
    let functions = functions(campaign, scripts);
    let known = names::known(&functions);
    let mut findings = Findings::default();
    let mut uses = Vec::new();
    for script in scripts {
        top_level::check(script, &mut findings);
        tables::check_constants(script, limits.collection_size, &mut findings);
    }
    names::check_files(&functions, &mut findings);
    for function in &functions {
        entries::check(campaign, function, &mut findings);
        names::check_definition(function, &mut findings);
        let tables = |node: ASTNode<'_>, findings: &mut Findings| tables::check(function, node, limits.collection_size, findings);
        uses.push(look_through(campaign, &known, function, scripts, &tables, &mut findings));
    }
    let reached = reach::reach(campaign, &functions, &uses, &mut findings);
    entries::check_events(campaign, &functions, &scripts[0].file, &mut findings);
    rewards::check(campaign, scripts, &uses, &reached.functions, &mut findings);
    Checked { findings: findings.sorted(scripts), handlers: reached.handlers, facts: reached.facts }
}

/// One function of one file.
pub struct Function<'a> {
    pub script: &'a Script,
    pub definition: &'a ScriptFuncDef,
    pub name: &'a str,
    /// Of its name.
    pub at: Position,
    /// What it answers, if it is an entry function of the rule file.
    pub entry: Option<Entry>,
    /// Its arguments whose properties are known.
    pub subjects: Vec<Subject<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    Event(usize),
    Close,
}

/// `event` or `cycle`, by whatever name the function gives it.
pub struct Subject<'a> {
    pub variable: &'a str,
    /// `an event`, `a cycle`
    pub what: &'static str,
    /// `event "account.opened"`, `the close`
    pub title: String,
    pub properties: &'static [Property],
    pub fields: &'a [Field],
    pub roles: &'a [Role],
}

/// What one function does, gathered while it is checked.
#[derive(Default)]
pub struct Uses {
    pub facts: Vec<(Fact, Position)>,
    pub writes: Vec<Write>,
    /// File and name of the functions that it calls.
    pub calls: BTreeSet<(Arc<str>, String)>,
    /// Every text that it writes.
    pub texts: BTreeSet<String>,
}

#[derive(Default)]
pub struct Findings(Vec<Diagnostic>);

impl Findings {
    pub fn error(&mut self, script: &Script, at: Position, message: impl Into<String>, help: impl Into<String>) {
        self.push(explain::at(&script.file, &script.source, at, message, help));
    }
    pub fn warn(&mut self, script: &Script, at: Position, message: impl Into<String>, help: impl Into<String>) {
        let position = explain::position(&script.source, at);
        self.push(Diagnostic::warning(&script.file, position, message, help));
    }
    /// The same place is met more than once where a function is reached from several entries.
    pub fn push(&mut self, finding: Diagnostic) {
        if !self.0.contains(&finding) {
            self.0.push(finding);
        }
    }
    /// Errors first, then by file and place; findings without a place come last in their file.
    fn sorted(mut self, scripts: &[Script]) -> Vec<Diagnostic> {
        let order = |file: &str| scripts.iter().position(|script| *script.file == *file).unwrap_or(scripts.len());
        self.0.sort_by_key(|f| (!f.is_error(), order(&f.file), f.at.is_none(), f.at));
        self.0
    }
}

fn functions<'a>(campaign: &'a Campaign, scripts: &'a [Script]) -> Vec<Function<'a>> {
    let mut functions = Vec::new();
    for (index, script) in scripts.iter().enumerate() {
        let mut definitions: Vec<&ScriptFuncDef> = script.plain.iter_fn_def().map(|definition| &**definition).collect();
        definitions.sort_by_key(|definition| definition.body.start_position());
        for definition in definitions {
            // Only the rule file that the campaign names answers events.
            let entry = if index == 0 { entries::entry(campaign, &definition.name) } else { None };
            functions.push(Function {
                script,
                definition,
                name: &definition.name,
                at: entries::position_of(script, definition),
                subjects: entries::subjects(campaign, entry, definition),
                entry,
            });
        }
    }
    functions
}

/// A call in whatever form it is written.
pub struct Call<'a> {
    pub expression: &'a FnCallExpr,
    pub name: &'a str,
    pub at: Position,
    /// `x.f(…)`; else `f(x, …)`.
    pub is_method: bool,
}

impl<'a> Call<'a> {
    fn of(node: ASTNode<'a>) -> Option<Self> {
        let (expression, at, is_method) = match node {
            ASTNode::Expr(Expr::MethodCall(call, at)) => (call, at, true),
            ASTNode::Expr(Expr::FnCall(call, at)) => (call, at, false),
            ASTNode::Stmt(Stmt::FnCall(call, at)) => (call, at, false),
            _ => return None,
        };
        Some(Call { expression, name: &expression.name, at: *at, is_method })
    }
    /// The arguments after the member of `x.f(…)` or `f(x, …)`.
    fn arguments(&self) -> &'a [Expr] {
        let all = &self.expression.args[..];
        if self.is_method { all } else { all.get(1..).unwrap_or(&[]) }
    }
}

fn look_through<'a>(
    campaign: &Campaign,
    known: &names::Known,
    function: &Function<'a>,
    scripts: &[Script],
    tables: &dyn Fn(ASTNode<'_>, &mut Findings),
    findings: &mut Findings,
) -> Uses {
    let mut uses = Uses::default();
    let mut order = order::Order::default();
    let look = &mut |path: &[ASTNode]| {
        // A walk stops altogether on `false`, so every node answers `true`.
        let Some(&node) = path.last() else { return true };
        if let ASTNode::Expr(Expr::StringConstant(text, _)) = node {
            uses.texts.insert(text.to_string());
        }
        names::check_node(function, known, node, findings);
        assignments::check(campaign, function, node, findings);
        properties::check(campaign, function, path, findings);
        growth::check(function, node, findings);
        nesting::check(function, path, findings);
        tables(node, findings);
        comparisons::check(function, node, findings);
        literals::check(node, function, findings);
        if let Some(call) = Call::of(node) {
            names::check_call(function, known, &call, scripts, &mut uses, findings);
            if let Some(named) = calls::check(campaign, function, &call, findings) {
                order.check(campaign, function, &call, &named, findings);
                calls::gather(campaign, &call, &named, std::ptr::eq(function.script, &scripts[0]), &mut uses);
            }
        }
        true
    };
    alone(function).walk(look);
    uses
}

/// A file with nothing in it but this function, because a walk goes through all of a file. (Not
/// `clone_functions_only_filtered`: in rhai 1.27 it ignores its filter.)
fn alone(function: &Function<'_>) -> AST {
    let (name, parameters) = (function.name, function.definition.params.len());
    let mut ast = function.script.plain.clone_functions_only();
    ast.retain_functions(|_, _, other, count| other == name && count == parameters);
    ast
}

/// `event.data.FIELD` as an expression of its own: the field and where it stands.
fn field_of<'a>(function: &'a Function<'_>, expression: &Expr) -> Option<(&'a Field, Position)> {
    let Expr::Dot(outer, ..) = expression else { return None };
    let (Expr::Variable(variable, ..), Expr::Dot(inner, ..)) = (&outer.lhs, &outer.rhs) else { return None };
    let (Expr::Property(data, _), Expr::Property(field, at)) = (&inner.lhs, &inner.rhs) else { return None };
    let subject = function.subjects.iter().find(|subject| *subject.variable == *variable.1)?;
    let field = subject.fields.iter().find(|f| *f.name == *field.2).filter(|_| data.2 == "data")?;
    Some((field, *at))
}

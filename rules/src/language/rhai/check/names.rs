//! Names: functions that do not exist, words that rules do without, and names that hide another one.

use super::super::engine;
use super::super::script::Script;
use super::super::vocabulary::{ABSENT_WORDS, METHODS, api_names};
use super::{Call, Findings, Function, Uses};
use crate::diagnostic::closest;
use crate::language::rhai::dictionary::Dictionary;
use crate::limits::Limits;
use rhai::{ASTNode, Expr, Position, Stmt};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// More arguments than anybody reads; the bound also bounds how many unfinished values are alive at once.
const MOST_ARGUMENTS: usize = 4;

/// Functions that a script may call by name.
pub struct Known {
    /// rhai's own and the API's.
    native: BTreeSet<String>,
    /// File and name.
    scripted: BTreeSet<(Arc<str>, String)>,
}

pub fn known(functions: &[Function<'_>]) -> Known {
    let engine = engine::tightened(&Dictionary::empty(), &Limits::default());
    let signatures = engine.gen_fn_signatures(true);
    let mut native: BTreeSet<String> = signatures.iter().filter_map(|s| s.split('(').next().map(str::to_string)).collect();
    native.insert("type_of".into());
    Known { native, scripted: functions.iter().map(|f| (f.script.file.clone(), f.name.to_string())).collect() }
}

/// The function's own name and those of its arguments.
pub fn check_definition(function: &Function<'_>, findings: &mut Findings) {
    let name = function.name;
    if api_names().any(|api| api == name) {
        findings.error(function.script, function.at, format!("`{name}` is a word of the rule API"), "give the function another name");
    }
    let parameters = &function.definition.params;
    if parameters.len() > MOST_ARGUMENTS {
        findings.error(function.script, function.at, format!("`{name}` has more than {MOST_ARGUMENTS} arguments"), "split the function");
    }
    for parameter in parameters.iter().filter(|p| function.script.constants.contains(p)) {
        findings.error(
            function.script,
            function.at,
            format!("`{parameter}` is already a const of this file"),
            "give the argument another name",
        );
    }
}

/// Functions of two files with one name: rhai 1.27 remembers where a name and a number of arguments lead, whatever file
/// it was asked from, and would call the other file's.
pub fn check_files(functions: &[Function<'_>], findings: &mut Findings) {
    let mut first: BTreeMap<(&str, usize), &Function<'_>> = BTreeMap::new();
    for function in functions {
        let first = first.entry((function.name, function.definition.params.len())).or_insert(function);
        // That an entry function stands in another file is told by `entries`.
        if first.script.file != function.script.file && first.entry.is_none() {
            let message = format!("`{}` is already a function of `{}`", function.name, first.script.file);
            let help = "the files of a campaign share the names of their functions: give this one another name";
            findings.error(function.script, function.at, message, help);
        }
    }
}

/// Variables that hide something, and functions used as values.
pub fn check_node(function: &Function<'_>, known: &Known, node: ASTNode<'_>, findings: &mut Findings) {
    match node {
        ASTNode::Stmt(Stmt::Var(variable, ..)) => check_new(function, known, &variable.0.name, variable.0.pos, findings),
        ASTNode::Stmt(Stmt::For(parts, _)) => {
            for name in [Some(&parts.0), parts.1.as_ref()].into_iter().flatten() {
                check_new(function, known, &name.name, name.pos, findings);
            }
        }
        ASTNode::Stmt(Stmt::Import(_, at)) => {
            findings.error(function.script, *at, "an import stands at the top of the file", "move it before the first function");
        }
        ASTNode::Stmt(Stmt::Return(_, flags, at)) if flags.contains(rhai::ASTFlags::BREAK) => {
            findings.error(function.script, *at, "there is no `throw` in rules", "write refuse(\"reason\")");
        }
        ASTNode::Expr(Expr::Variable(variable, _, at)) => {
            let (_, name, namespace, _) = &**variable;
            if !namespace.is_empty() {
                let help = "constants stay in their file: write a function there that returns it";
                findings.error(function.script, namespace.position(), format!("`{namespace}::{name}` is not seen here"), help);
            } else if known.scripted.contains(&(function.script.file.clone(), name.to_string())) {
                findings.error(
                    function.script,
                    *at,
                    format!("`{name}` is a function, and functions are not values here"),
                    format!("call it: {name}(…)"),
                );
            }
        }
        _ => {}
    }
}

fn check_new(function: &Function<'_>, known: &Known, name: &str, at: Position, findings: &mut Findings) {
    let script = function.script;
    if script.constants.contains(name) {
        findings.error(script, at, format!("`{name}` is already a const of this file"), "give the variable another name");
    } else if function.subjects.iter().any(|subject| subject.variable == name) {
        findings.error(script, at, format!("`{name}` is already the argument of `{}`", function.name), "give the variable another name");
    } else if known.scripted.contains(&(script.file.clone(), name.to_string())) {
        findings.error(script, at, format!("`{name}` is already a function of this file"), "give the variable another name");
    }
}

/// A call: does the function exist, and where?
pub fn check_call(function: &Function<'_>, known: &Known, call: &Call<'_>, scripts: &[Script], uses: &mut Uses, findings: &mut Findings) {
    let script = function.script;
    if call.expression.args.len() + usize::from(call.is_method) > MOST_ARGUMENTS {
        findings.error(script, call.at, format!("more than {MOST_ARGUMENTS} arguments"), "put them into a list or a map");
    }
    if call.expression.capture_parent_scope {
        findings.error(script, call.at, "a function does not see the variables of its caller", "hand them over as arguments");
    }
    if !call.expression.namespace.is_empty() {
        return check_imported(function, known, call, scripts, uses, findings);
    }
    let here = (script.file.clone(), call.name.to_string());
    if known.scripted.contains(&here) {
        uses.calls.insert(here);
        return;
    }
    let is_operator = !call.name.starts_with(|c: char| c.is_alphabetic() || c == '_');
    if is_operator || known.native.contains(call.name) && !is_absent(call.name) {
        return;
    }
    findings.error(script, call.at, format!("there is no `{}`", call.name), help_for(call.name, script, known));
}

fn check_imported(function: &Function<'_>, known: &Known, call: &Call<'_>, scripts: &[Script], uses: &mut Uses, findings: &mut Findings) {
    let script = function.script;
    let alias = call.expression.namespace.to_string();
    let Some(file) = script.imports.get(&alias) else {
        let help = format!("write `import \"{alias}\" as {alias};` at the top of the file");
        return findings.error(script, call.at, format!("nothing is imported as `{alias}`"), help);
    };
    let there = (file.clone(), call.name.to_string());
    if known.scripted.contains(&there) {
        uses.calls.insert(there);
        return;
    }
    let names: Vec<&str> = known.scripted.iter().filter(|(f, _)| f == file).map(|(_, name)| &**name).collect();
    let help = closest(call.name, names).map_or(String::new(), |name| format!("did you mean `{alias}::{name}`?"));
    let file = scripts.iter().find(|script| script.file == *file).map_or("the file", |script| &script.file);
    findings.error(script, call.at, format!("`{file}` has no function `{}`", call.name), help);
}

fn is_absent(name: &str) -> bool {
    ABSENT_WORDS.iter().any(|(word, _)| *word == name)
}

fn help_for(name: &str, script: &Script, known: &Known) -> String {
    if let Some((_, help)) = ABSENT_WORDS.iter().find(|(word, _)| *word == name) {
        return (*help).into();
    }
    let own = known.scripted.iter().filter(|(file, _)| *file == script.file).map(|(_, name)| &**name);
    // Words of the API are the likeliest, then the file's own, then rhai's.
    let mut words: Vec<&str> = own.collect();
    // One by one: `extend` would want the file's names to live as long as the API's.
    for word in api_names() {
        words.push(word);
    }
    let near = closest(name, words);
    let near = near.or_else(|| closest(name, known.native.iter().map(|n| &**n).filter(|n| n.len() > 2)));
    near.map_or(String::new(), |name| format!("did you mean `{name}`?"))
}

/// Is it a word of a member?
pub fn is_method(name: &str) -> bool {
    METHODS.iter().any(|method| method.name == name)
}

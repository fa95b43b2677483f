//! What may stand outside of functions: constants with plain values, imports, and nothing that runs.

use super::super::api::LONGEST_KEY;
use super::super::script::Script;
use super::Findings;
use rhai::{ASTFlags, Dynamic, Stmt};

pub fn check(script: &Script, findings: &mut Findings) {
    for statement in script.plain.statements() {
        match statement {
            Stmt::Noop(_) | Stmt::Import(..) => {}
            Stmt::Var(variable, flags, _) if flags.contains(ASTFlags::CONSTANT) => {
                let name = &variable.0;
                if script.constants.get(&name.name).is_some_and(has_long_key) {
                    findings.error(script, name.pos, format!("a key of a map has at most {LONGEST_KEY} bytes"), "shorten it");
                }
                if !script.constants.contains(&name.name) {
                    let help = "write its value as a number, text, list or map";
                    findings.error(script, name.pos, format!("the value of `{}` is not known before the rule runs", name.name), help);
                }
            }
            Stmt::Var(variable, ..) => {
                let name = &variable.0;
                let message = format!("`{}` is outside of every function, where no function sees it", name.name);
                findings.error(script, name.pos, message, format!("write const {} = …; or move it into the function", name.name));
            }
            Stmt::Export(names, at) => {
                let help = "constants stay in their file; its functions are seen without it";
                findings.error(script, *at, format!("`{}` cannot be exported", names.0.name), help);
            }
            other => {
                findings.error(
                    script,
                    other.position(),
                    "this is outside of every function and would never run",
                    "move it into a function",
                );
            }
        }
    }
}

fn has_long_key(value: &Dynamic) -> bool {
    if let Ok(list) = value.as_array_ref() {
        return list.iter().any(has_long_key);
    }
    value.as_map_ref().is_ok_and(|map| map.iter().any(|(key, value)| key.len() > LONGEST_KEY || has_long_key(value)))
}

//! `import "lib" as x;`: only files of the campaign's own folder, from memory, at the top of a file.

use super::explain;
use crate::diagnostic::{Diagnostic, suggestion};
use crate::language::Files;
use rhai::{AST, Expr, Position, Stmt};
use std::sync::Arc;

pub struct Import {
    /// None where it is not written as a plain text.
    pub path: Option<String>,
    pub alias: String,
    pub at: Position,
}

/// The imports at the top of a file. Those inside functions are the check's to refuse.
pub fn statements(ast: &AST) -> impl Iterator<Item = Import> + '_ {
    ast.statements().iter().filter_map(|statement| match statement {
        Stmt::Import(import, at) => {
            let (path, alias) = &**import;
            let (path, at) = match path {
                Expr::StringConstant(path, at) => (Some(path.to_string()), *at),
                _ => (None, *at),
            };
            Some(Import { path, alias: alias.name.to_string(), at })
        }
        _ => None,
    })
}

/// The path of the file that an import names.
pub fn resolve(import: &Import, file: &str, source: &str, files: &Files) -> Result<Arc<str>, Box<Diagnostic>> {
    let wrong = |message: String, help: String| Box::new(explain::at(file, source, import.at, message, help));
    let Some(path) = &import.path else {
        return Err(wrong("an import names its file as a text".into(), "import \"lib\" as lib;".into()));
    };
    if import.alias.is_empty() {
        return Err(wrong("an import needs a name".into(), format!("import \"{path}\" as lib;")));
    }
    let outside = path.starts_with('/') || path.contains('\\') || path.contains(':') || path.split('/').any(|part| part == "..");
    if outside {
        let help = "name a .rhai file of this folder: import \"lib\" as lib;";
        return Err(wrong(format!("\"{path}\" is outside of the campaign's folder"), help.into()));
    }
    let wanted = path.trim_start_matches("./").trim_end_matches(".rhai");
    let wanted = format!("{wanted}.rhai");
    if files.contains_key(&wanted) {
        return Ok(wanted.into());
    }
    let scripts: Vec<&str> = files.keys().filter_map(|name| name.strip_suffix(".rhai")).collect();
    Err(wrong(format!("there is no file \"{wanted}\" in the campaign's folder"), suggestion(path, scripts)))
}

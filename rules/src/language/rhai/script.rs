//! Reads the rule file and what it imports: constants, imports, and the two compiled forms of each file (as it is
//! written, for the check; and the one that runs, optimised). Must not know: campaigns.

use super::engine::{self, Tables};
use super::explain;
use super::imports;
use crate::diagnostic::Diagnostic;
use crate::language::rhai::dictionary::Dictionary;
use crate::language::{Files, Runtime};
use rhai::module_resolvers::StaticModuleResolver;
use rhai::{AST, Engine, Module, OptimizationLevel, Scope, Shared};
use std::collections::BTreeMap;
use std::sync::Arc;

/// More than any rule needs, and little enough to be read and compiled within a moment.
const MOST_SOURCE_BYTES: usize = 256 << 10;
const MOST_FILES: usize = 16;

/// One `.rhai` file.
pub struct Script {
    pub file: Arc<str>,
    pub source: String,
    /// Plain values at the top of the file.
    pub constants: Scope<'static>,
    /// As written; the optimiser folds away what is to be checked.
    pub plain: AST,
    /// What runs: optimised; as written, where what runs is recorded.
    pub runs: AST,
    /// The name it gives to an imported file, and which file that is.
    pub imports: BTreeMap<String, Arc<str>>,
}

/// The rule file first, then what it imports, in the order in which they were met.
pub struct Scripts {
    pub scripts: Vec<Script>,
    /// The rule file's imports as modules that run.
    pub modules: Vec<(String, Shared<Module>)>,
    pub tables: Tables,
}

/// Reads everything from the rule file on. Fails with what cannot be compiled.
pub fn read(file: &str, files: &Files, runtime: &Runtime) -> Result<Scripts, Vec<Diagnostic>> {
    let mut reader = Reader { files, runtime, read: Vec::new(), modules: BTreeMap::new(), tables: Tables::new(), open: Vec::new() };
    reader.read(file).map_err(|d| vec![*d])?;
    let main = reader.read.pop().into_iter();
    let scripts: Vec<Script> = main.chain(reader.read).collect();
    let modules = &reader.modules;
    let imported = scripts.first().into_iter().flat_map(|main| &main.imports);
    let modules = imported.filter_map(|(alias, file)| Some((alias.clone(), modules.get(file)?.clone()))).collect();
    Ok(Scripts { scripts, modules, tables: reader.tables })
}

struct Reader<'a> {
    files: &'a Files,
    runtime: &'a Runtime,
    read: Vec<Script>,
    /// By file, those that were imported.
    modules: BTreeMap<Arc<str>, Shared<Module>>,
    tables: Tables,
    /// Files on the way from the rule file to here: meeting one again is a circle.
    open: Vec<String>,
}

impl Reader<'_> {
    fn read(&mut self, file: &str) -> Result<(), Box<Diagnostic>> {
        let source = self.source(file)?;
        self.open.push(file.into());
        let lax = self.engine(|engine| {
            engine.set_strict_variables(false);
        });
        let failed = |error: rhai::ParseError| Box::new(explain::parse_error(&error, file, &source));
        let first = lax.compile(&source).map_err(failed)?;
        let imports = self.imports(&first, file, &source)?;

        let name: Arc<str> = file.into();
        let mut constants = Scope::new();
        for (constant, _, value) in first.iter_literal_variables(true, false) {
            // The optimiser puts plain values where they are used.
            if value.is_array() || value.is_map() || self.runtime.records_coverage {
                self.tables.insert((name.clone(), constant.into()), value.clone());
            }
            constants.push_constant_dynamic(constant, value);
        }
        let engine = |level| {
            self.engine(|engine| {
                engine.set_optimization_level(level);
                for (alias, file) in &imports {
                    if let Some(module) = self.modules.get(file) {
                        engine.register_static_module(alias, module.clone());
                    }
                }
            })
        };
        let plain = engine(OptimizationLevel::None).compile_with_scope(&constants, &source).map_err(failed)?;
        let level = if self.runtime.records_coverage { OptimizationLevel::None } else { OptimizationLevel::Simple };
        let mut runs = engine(level).compile_with_scope(&constants, &source).map_err(failed)?;
        runs.set_source(file);
        self.open.pop();
        self.read.push(Script { file: name, source, constants, plain, runs, imports });
        Ok(())
    }

    fn engine(&self, adjust: impl FnOnce(&mut Engine)) -> Engine {
        let mut engine = engine::tightened(&Dictionary::empty(), &self.runtime.limits);
        adjust(&mut engine);
        engine
    }

    fn source(&self, file: &str) -> Result<String, Box<Diagnostic>> {
        let bytes = self.files.get(file).map_or(&[][..], |bytes| bytes);
        let wrong = |message: String, help: &str| Box::new(Diagnostic::error(file, None, message, help));
        if bytes.len() > MOST_SOURCE_BYTES {
            return Err(wrong(format!("the file has more than {} KiB", MOST_SOURCE_BYTES >> 10), "split it with `import`"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| wrong("the file is not UTF-8".into(), "save it as UTF-8 (另存为 UTF-8)"))?;
        Ok(text.trim_start_matches('\u{feff}').into())
    }

    /// Reads the imported files first, so that their functions are known when this one is compiled.
    fn imports(&mut self, ast: &AST, file: &str, source: &str) -> Result<BTreeMap<String, Arc<str>>, Box<Diagnostic>> {
        let mut imports = BTreeMap::new();
        for import in imports::statements(ast) {
            let path = imports::resolve(&import, file, source, self.files)?;
            if self.open.iter().any(|open| **open == *path) {
                let message = format!("`{file}` and `{path}` import each other");
                return Err(Box::new(explain::at(file, source, import.at, message, "move what both need into a third file")));
            }
            if !self.modules.contains_key(&path) {
                if self.modules.len() + 1 >= MOST_FILES {
                    let message = format!("more than {MOST_FILES} files");
                    return Err(Box::new(explain::at(file, source, import.at, message, "put functions together in fewer files")));
                }
                self.read(&path)?;
                let module = self.module(&path)?;
                self.modules.insert(path.clone(), module);
            }
            imports.insert(import.alias, path);
        }
        Ok(imports)
    }

    /// The functions of a file that was just read, ready to be called from another.
    fn module(&self, file: &Arc<str>) -> Result<Shared<Module>, Box<Diagnostic>> {
        let failed = |reason: String| Box::new(Diagnostic::error(file, None, reason, ""));
        let script = self.read.iter().find(|script| script.file == *file).ok_or_else(|| failed("the file was not read".into()))?;
        let mut resolver = StaticModuleResolver::new();
        for import in imports::statements(&script.runs) {
            if let Some(module) = script.imports.get(&import.alias).and_then(|file| self.modules.get(file)) {
                resolver.insert(import.path.unwrap_or_default(), (**module).clone());
            }
        }
        let engine = self.engine(|engine| {
            engine.set_module_resolver(resolver);
        });
        let module = Module::eval_ast_as_new(Scope::new(), &script.runs, &engine).map_err(|error| failed(error.to_string()))?;
        Ok(module.into())
    }
}

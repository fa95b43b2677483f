//! What rules may call of rhai itself: functions of texts, lists, maps and numbers, with rhai's own documentation.
//! Must not know: the rule API, which is the [`super::vocabulary`].

use super::engine;
use super::vocabulary::{ABSENT_WORDS, api_names};
use rhai::{Engine, FuncInfo};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// A function with all of its shapes.
#[derive(Debug)]
pub struct Native {
    pub name: String,
    pub shapes: Vec<Shape>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shape {
    /// `index_of(string: String, find: String) -> int`
    pub signature: String,
    /// Markdown; may be empty.
    pub about: String,
}

/// By name.
pub fn natives() -> &'static [Native] {
    static NATIVES: OnceLock<Vec<Native>> = OnceLock::new();
    NATIVES.get_or_init(gather)
}

fn gather() -> Vec<Native> {
    let mut engine = Engine::new_raw();
    engine::packages(&mut engine);
    let mut found: BTreeMap<String, BTreeSet<Shape>> = BTreeMap::new();
    for (name, shape) in engine.collect_fn_metadata(None, |info| shape(&info), true) {
        found.entry(name).or_default().insert(shape);
    }
    found.into_iter().map(|(name, shapes)| Native { name, shapes: shapes.into_iter().collect() }).collect()
}

/// None for what rules do not use.
fn shape(info: &FuncInfo<'_>) -> Option<(String, Shape)> {
    let name = info.metadata.name.to_string();
    let is_word = name.starts_with(|c: char| c.is_ascii_lowercase()) && !name.contains('$');
    // `chars` is replaced by an error: see `api/bounds`.
    let is_absent = ABSENT_WORDS.iter().any(|(word, _)| *word == name) || name == "chars" || api_names().any(|word| word == name);
    let about = documentation(&info.metadata.comments);
    // Functions are not values in rules, neither by name.
    let takes_functions = info.metadata.params_info.iter().any(|of| of.contains("FnPtr")) || about.contains("function named by");
    if !is_word || is_absent || takes_functions {
        return None;
    }
    let signature = plain(&info.metadata.gen_signature(|kind| kind.into()));
    Some((name, Shape { signature, about }))
}

/// Types by their names in scripts, and not by those in Rust.
fn plain(signature: &str) -> String {
    let (call, gives) = signature.split_once(" -> ").unwrap_or((signature, "()"));
    let gives = gives.strip_prefix("Result<").and_then(|gives| gives.strip_suffix(", Box<EvalAltResult>>")).unwrap_or(gives);
    let names = [("&mut ", ""), ("mut ", ""), ("&str", "String"), ("ImmutableString", "String"), ("Dynamic", "?"), ("i64", "int")];
    names.iter().fold(format!("{call} -> {gives}"), |text, (rust, script)| text.replace(rust, script))
}

/// Without its examples, which are written for programs and not for rules.
fn documentation(comments: &[impl AsRef<str>]) -> String {
    let lines = comments.iter().flat_map(|comment| comment.as_ref().lines());
    let text = lines.map(|line| line.trim_start_matches("///").trim()).take_while(|line| !line.starts_with("# "));
    text.collect::<Vec<_>>().join("\n").trim().into()
}

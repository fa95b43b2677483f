//! What people type, in words: rhai's own texts are for programmers. Many rule authors type Chinese, so full-width
//! punctuation is recognised and answered in both languages.

use super::vocabulary::ABSENT_WORDS;
use crate::diagnostic::{Diagnostic, Position};
use rhai::ParseErrorType;

/// Full-width character, what to type.
const WIDE: [(char, &str); 16] = [
    ('（', "("),
    ('）', ")"),
    ('，', ","),
    ('；', ";"),
    ('：', ":"),
    ('“', "\""),
    ('”', "\""),
    ('‘', "\""),
    ('’', "\""),
    ('。', "."),
    ('！', "!"),
    ('＝', "="),
    ('【', "["),
    ('】', "]"),
    ('｛', "{"),
    ('｝', "}"),
];

/// Words of other languages, what to write.
const FOREIGN: [(&str, &str); 15] = [
    ("and", "&&"),
    ("or", "||"),
    ("not", "!"),
    ("then", "{"),
    ("elseif", "else if"),
    ("elif", "else if"),
    ("function", "fn"),
    ("def", "fn"),
    ("null", "missing(x)"),
    ("None", "missing(x)"),
    ("nil", "missing(x)"),
    ("undefined", "missing(x)"),
    ("True", "true"),
    ("False", "false"),
    ("var", "let"),
];

/// A finding at a position of rhai's, underlining the word that stands there.
pub fn at(file: &str, source: &str, at: rhai::Position, message: impl Into<String>, help: impl Into<String>) -> Diagnostic {
    Diagnostic::error(file, position(source, at), message, help)
}

/// The position as diagnostics count it, with the length of the word or text there.
pub fn position(source: &str, at: rhai::Position) -> Option<Position> {
    let line = at.line()?;
    let column = at.position().unwrap_or(1);
    let rest: Vec<char> = source.lines().nth(line - 1).unwrap_or("").chars().skip(column - 1).collect();
    Some(Position { line, column, length: length_of_word(&rest) })
}

fn length_of_word(rest: &[char]) -> usize {
    match rest.first() {
        Some('"') => rest.iter().skip(1).position(|c| *c == '"').map_or(1, |end| end + 2),
        Some(c) if c.is_alphanumeric() || *c == '_' => rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').count(),
        _ => 1,
    }
}

/// What rhai's parser stumbled over.
pub fn parse_error(error: &rhai::ParseError, file: &str, source: &str) -> Diagnostic {
    let line = error.position().line().and_then(|line| source.lines().nth(line - 1)).unwrap_or("");
    let rest: String = line.chars().skip(error.position().position().unwrap_or(1) - 1).collect();
    let (message, help) = typed(line, &rest).unwrap_or_else(|| of_kind(error.err_type()));
    if let ParseErrorType::MissingToken(token, _) = error.err_type()
        && token == ";"
        && message.starts_with("`;`")
    {
        return at(file, source, end_of_line_before(error.position(), source), message, help);
    }
    at(file, source, error.position(), message, help)
}

/// Mistakes that show in what was typed.
fn typed(line: &str, rest: &str) -> Option<(String, String)> {
    let first = rest.chars().next().unwrap_or(' ');
    let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    if let Some((wide, narrow)) = WIDE.iter().find(|(wide, _)| *wide == first) {
        return Some((format!("full-width `{wide}` (全角标点)"), format!("type `{narrow}` in half-width (切换到半角/英文标点)")));
    }
    if let Some((_, instead)) = FOREIGN.iter().find(|(foreign, _)| *foreign == word) {
        return Some((format!("there is no `{word}` here"), format!("write `{instead}`")));
    }
    if let Some((_, help)) = ABSENT_WORDS.iter().find(|(absent, _)| *absent == word) {
        return Some((format!("there is no `{word}` in rules"), (*help).into()));
    }
    if rest.starts_with("=<") || rest.starts_with('<') && line.contains("=<") {
        return Some(("there is no `=<`".into(), "write `<=`".into()));
    }
    if rest.starts_with("=>") {
        return Some(("there is no `=>` here".into(), "write `>=`".into()));
    }
    if rest.starts_with('=') && !rest.starts_with("==") && ["if ", "&&", "||"].iter().any(|word| line.contains(word)) {
        return Some(("`=` sets a value".into(), "write `==` to compare".into()));
    }
    if first == '\'' {
        return Some(("single quotes are for one character".into(), "use double quotes: \"…\"".into()));
    }
    if first == '|' {
        return Some(("functions are not values here".into(), "write a function `fn name(x) { … }` and a `for` loop".into()));
    }
    None
}

/// Mistakes that only the parser's own reason tells.
fn of_kind(kind: &ParseErrorType) -> (String, String) {
    match kind {
        ParseErrorType::MissingToken(token, _) if token == ";" => ("`;` is missing at the end of this line".into(), String::new()),
        ParseErrorType::VariableUndefined(name) => (
            format!("nothing here is called `{name}`"),
            "names live inside one function; a const at the top of the file is seen everywhere; texts go in \"…\"".into(),
        ),
        ParseErrorType::ModuleUndefined(name) => {
            (format!("nothing is imported as `{name}`"), format!("write `import \"{name}\" as {name};` at the top of the file"))
        }
        ParseErrorType::ExprTooDeep => ("this is nested too deeply".into(), "use `let` for parts of it, or a function".into()),
        ParseErrorType::TooManyFunctions => {
            ("more than 200 functions in one file".into(), "move some into another file and import it".into())
        }
        ParseErrorType::FnDuplicatedDefinition(name, _) => (format!("`{name}` is defined twice"), "keep one of them".into()),
        other => (other.to_string(), String::new()),
    }
}

/// rhai points at the next statement; the `;` belongs at the end of the one before.
fn end_of_line_before(at: rhai::Position, source: &str) -> rhai::Position {
    let lines: Vec<&str> = source.lines().collect();
    let is_code = |n: &usize| !lines.get(n - 1).map_or("", |line| line.split("//").next().unwrap_or("").trim()).is_empty();
    let line = (1..at.line().unwrap_or(1)).rev().find(is_code).unwrap_or(1);
    let code = lines.get(line - 1).map_or("", |line| line.split("//").next().unwrap_or("")).trim_end();
    let (line, column) = (u16::try_from(line).unwrap_or(u16::MAX), u16::try_from(code.chars().count().max(1)).unwrap_or(u16::MAX));
    rhai::Position::new(line, column)
}

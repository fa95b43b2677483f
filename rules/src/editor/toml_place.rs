//! Where a place of a TOML file lies, by toml's own tokens: in which tables, at a key or at a value, what stands beside it.
//! The file need not be whole. Promises: never fails, whatever the text. Must not know: what the keys mean.

use toml_parser::Source;
use toml_parser::lexer::{Token, TokenKind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A key, or a name in a table's head.
    Key,
    Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub what: What,
    /// The keys down to the place; for a value, its own key is the last one. Lists count as what is in them.
    pub path: Vec<String>,
    /// Where the word begins that is being written.
    pub from: usize,
    /// Whether it stands in quotes.
    pub quoted: bool,
    /// Keys that the table has already.
    pub keys: Vec<String>,
    /// Texts beside the place, then those around its table: key and value.
    pub texts: Vec<(String, String)>,
}

/// Looks at the text up to a byte that begins a character; none in a comment.
pub fn look(text: &str, place: usize) -> Option<Place> {
    let before = &text[..place];
    let mut tokens = lex(before);
    let last = tokens.last().copied();
    let (from, quoted) = match last.map(|token| (token, token.kind())) {
        Some((_, TokenKind::Comment)) => return None,
        Some((token, TokenKind::Atom)) => (token.span().start(), false),
        Some((token, kind)) if is_open_text(kind, raw(before, token)) => {
            let quotes = if matches!(kind, TokenKind::MlBasicString | TokenKind::MlLiteralString) { 3 } else { 1 };
            ((token.span().start() + quotes).min(place), true)
        }
        _ => (place, false),
    };
    if from != place || quoted {
        tokens.pop();
    }
    let walk = walk(before, &tokens);
    let level = walk.levels.last()?;
    let what = if level.in_value { What::Value } else { What::Key };
    // A dot before the place says that the key goes on, nothing that it begins anew.
    let path = level.path.iter().chain(&level.key).cloned().collect();
    let texts = walk.levels.iter().rev().flat_map(|level| level.texts.iter().rev().cloned()).collect();
    Some(Place { what, path, from, quoted, keys: level.keys.clone(), texts })
}

/// The heads of all tables, `[segments.casual]` as `segments` and `casual`.
pub fn heads(text: &str) -> Vec<Vec<String>> {
    walk(text, &lex(text)).heads
}

fn lex(text: &str) -> Vec<Token> {
    Source::new(text).lex().into_vec().into_iter().filter(|token| token.kind() != TokenKind::Eof).collect()
}

fn raw(text: &str, token: Token) -> &str {
    text.get(token.span().start()..token.span().end()).unwrap_or_default()
}

/// A text whose closing quote is still to come.
fn is_open_text(kind: TokenKind, raw: &str) -> bool {
    let quote = match kind {
        TokenKind::BasicString => "\"",
        TokenKind::LiteralString => "'",
        TokenKind::MlBasicString => "\"\"\"",
        TokenKind::MlLiteralString => "'''",
        _ => return false,
    };
    let Some(inner) = raw.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) else { return true };
    let escapes = inner.len() - inner.trim_end_matches('\\').len();
    quote.starts_with('"') && escapes % 2 == 1
}

/// A table, inline table or list that is open.
#[derive(Default)]
struct Level {
    path: Vec<String>,
    /// The dotted key so far.
    key: Vec<String>,
    in_value: bool,
    is_list: bool,
    keys: Vec<String>,
    texts: Vec<(String, String)>,
}

#[derive(Default)]
struct Walk {
    levels: Vec<Level>,
    heads: Vec<Vec<String>>,
    /// Inside of `[a.b]`.
    in_head: bool,
    line_begins: bool,
}

fn walk(text: &str, tokens: &[Token]) -> Walk {
    let mut walk = Walk { levels: vec![Level::default()], line_begins: true, ..Walk::default() };
    for token in tokens {
        walk.take(token.kind(), raw(text, *token), token.span().start(), text);
    }
    walk
}

impl Walk {
    fn take(&mut self, kind: TokenKind, raw: &str, start: usize, text: &str) {
        let begins = std::mem::replace(&mut self.line_begins, kind == TokenKind::Newline);
        let at_margin = begins && (start == 0 || text.as_bytes()[start - 1] == b'\n');
        match kind {
            // A table's head ends whatever was left open above it.
            TokenKind::LeftSquareBracket if at_margin && (self.levels.len() == 1 || is_head(&text[start..])) => {
                self.levels = vec![Level::default()];
                self.in_head = true;
            }
            TokenKind::LeftSquareBracket if self.in_head => {}
            TokenKind::RightSquareBracket if self.in_head => {
                self.in_head = false;
                let level = self.level();
                level.path = std::mem::take(&mut level.key);
                let head = level.path.clone();
                self.heads.push(head);
            }
            TokenKind::Newline => self.line_ends(),
            TokenKind::Equals => {
                let level = self.level();
                level.in_value = true;
                level.keys.extend(level.key.first().cloned());
            }
            TokenKind::Comma => {
                let level = self.level();
                if !level.is_list {
                    level.in_value = false;
                    level.key.clear();
                }
            }
            TokenKind::LeftCurlyBracket => self.open(false),
            TokenKind::LeftSquareBracket => self.open(true),
            TokenKind::RightCurlyBracket | TokenKind::RightSquareBracket if self.levels.len() > 1 => {
                self.levels.pop();
            }
            TokenKind::BasicString | TokenKind::LiteralString | TokenKind::MlBasicString | TokenKind::MlLiteralString => {
                self.word(content(raw), true);
            }
            TokenKind::Atom => self.word(raw, false),
            _ => {}
        }
    }

    fn level(&mut self) -> &mut Level {
        if self.levels.is_empty() {
            self.levels.push(Level::default());
        }
        let last = self.levels.len() - 1;
        &mut self.levels[last]
    }

    fn open(&mut self, is_list: bool) {
        let level = self.level();
        let path = level.path.iter().chain(&level.key).cloned().collect();
        self.levels.push(Level { path, in_value: is_list, is_list, ..Level::default() });
    }

    fn word(&mut self, word: &str, is_text: bool) {
        let level = self.level();
        if !level.in_value {
            level.key.push(word.into());
        } else if let (true, Some(key)) = (is_text, level.key.last()) {
            let text = (key.clone(), word.into());
            level.texts.push(text);
        }
    }

    fn line_ends(&mut self) {
        self.in_head = false;
        if self.levels.len() == 1 {
            let level = self.level();
            level.in_value = false;
            level.key.clear();
        }
    }
}

/// Whether a line that begins with `[` is the head of a table and no list: `[a]`, `[[a.b]]`.
fn is_head(rest: &str) -> bool {
    let line = rest.lines().next().unwrap_or_default();
    let name = line.trim_start_matches('[');
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && !line.contains([',', '=', '{'])
}

fn content(raw: &str) -> &str {
    let inner = raw.trim_start_matches(['"', '\'']);
    inner.trim_end_matches(['"', '\''])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(marked: &str) -> String {
        let at = marked.find('|').unwrap();
        let Some(place) = look(&marked.replacen('|', "", 1), at) else { return "nothing".into() };
        let quoted = if place.quoted { " quoted" } else { "" };
        format!("{:?} {}{quoted} {:?}", place.what, place.path.join("/"), &marked[place.from..at])
    }

    #[test]
    fn the_place_is_found_in_unfinished_files() {
        for (text, expected) in [
            ("|", "Key  \"\""),
            ("ti|", "Key  \"ti\""),
            ("# 学 ti|", "nothing"),
            ("id = \"学习\" # x\nna|", "Key  \"na\""),
            ("id = |", "Value id \"\""),
            ("id = \"le|", "Value id quoted \"le\""),
            ("order_independent = tr|", "Value order_independent \"tr\""),
            ("[|", "Key  \"\""),
            ("[limits.re|", "Key limits \"re\""),
            ("[limits.rewards.|]", "Key limits/rewards \"\""),
            ("[[inv|", "Key  \"inv\""),
            ("[events.\"acc|", "Key events quoted \"acc\""),
            ("[events.\"a.b\"]\nme|", "Key events/a.b \"me\""),
            ("[events.\"a.b\"]\nroles.inv|", "Key events/a.b/roles \"inv\""),
            ("[events.\"a.b\"]\nonce_per = [\"member\", \"d|", "Value events/a.b/once_per quoted \"d\""),
            ("[events.\"a.b\"]\ndata = { a = \"int\", b = \"|", "Value events/a.b/data/b quoted \"\""),
            ("[events.\"a.b\"]\ndata = { a = \"int\", |", "Key events/a.b/data \"\""),
            ("[[case]]\nsteps = [\n  { at = \"x\", ev|", "Key case/steps \"ev\""),
            ("[[case]]\nsteps = [\n  { at = \"x\", event = \"a.b\", data = { |", "Key case/steps/data \"\""),
            ("[[case]]\nsteps = [\n  { at = \"x\" },\n  |\n]", "Value case/steps \"\""),
            ("given = { members = { |\n[cycle]\nx = 1", "Key given/members \"\""),
            ("given = { members = {\n[cycle]\nev|", "Key cycle \"ev\""),
            ("a = \"open\nb|", "Key  \"b\""),
        ] {
            assert_eq!(seen(text), expected, "{text}");
        }
    }

    #[test]
    fn what_stands_beside_is_known() {
        let text = "[[case]]\nname = \"n\"\nsteps = [{ event = \"a.b\", id = 'x', data = { y = 1, ";
        let place = look(text, text.len()).unwrap();
        assert_eq!(place.keys, ["y"]);
        let texts: Vec<_> = place.texts.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(texts, ["id=x", "event=a.b", "name=n"]);
        assert_eq!(heads("[a]\nx = 1\n[[b.\"c d\"]]\n"), [vec!["a"], vec!["b", "c d"]]);
    }

    #[test]
    fn any_place_of_any_text_is_looked_at() {
        let text = "# 学\n[[a.\"b\"]]]\n}} x.y.\"z = {a = [1, '''q\n[x]\n\u{1F600}\"\"\"\n= ,";
        for (place, _) in text.char_indices() {
            look(text, place);
        }
        look(text, text.len());
    }
}

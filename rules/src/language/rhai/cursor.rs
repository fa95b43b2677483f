//! What stands before a place of a script that somebody is writing, by rhai's own tokens: the script need not be whole.
//! Promises: never fails, whatever the text. Must not know: campaigns, what the names mean.

use rhai::{Engine, LexError, Token};

/// A token, as far as an editor must tell them apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// A name, of whatever: `event`, `award`.
    Name(String),
    /// A text's content.
    Text(String),
    /// A keyword or sign: `let`, `(`.
    Sign(String),
    /// A number, or what rhai cannot read.
    Other,
}

impl Piece {
    pub fn is_sign(&self, sign: &str) -> bool {
        matches!(self, Piece::Sign(own) if own == sign)
    }
    pub fn name(&self) -> Option<&str> {
        match self {
            Piece::Name(name) => Some(name),
            _ => None,
        }
    }
}

/// What is being written at the place. Bytes of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// A comment, or something that is no word.
    Nothing,
    /// A word that begins there; at the place itself where none has begun.
    Word { from: usize },
    /// A text in double quotes whose content begins there.
    Text { from: usize },
}

pub struct Cursor {
    /// Everything before what is being written, in order.
    pub before: Vec<Piece>,
    pub at: At,
}

/// Written at the place before the tokens are read: what swallows it says where the place is.
const MARK: &str = "guerdon_place";

/// Looks at the script up to a byte of it, which is moved back to the beginning of its character.
pub fn look(script: &str, place: usize) -> Cursor {
    let place = (0..=place.min(script.len())).rev().find(|at| script.is_char_boundary(*at)).unwrap_or(0);
    let marked = format!("{}{MARK}", &script[..place]);
    let (mut before, last) = pieces(&marked);
    let at = match last {
        Some(Unfinished::Text(from)) => At::Text { from },
        Some(Unfinished::Other) => At::Nothing,
        None => match before.pop() {
            Some(Piece::Name(name)) if name.ends_with(MARK) => At::Word { from: place - (name.len() - MARK.len()) },
            other => {
                before.extend(other);
                At::Nothing
            }
        },
    };
    Cursor { before, at }
}

/// The whole script.
pub fn all(script: &str) -> Vec<Piece> {
    pieces(script).0
}

/// What the script ends within.
enum Unfinished {
    Text(usize),
    Other,
}

fn pieces(script: &str) -> (Vec<Piece>, Option<Unfinished>) {
    let engine = Engine::new_raw();
    let inputs = [script];
    let (tokens, control) = engine.lex(&inputs);
    let mut pieces = Vec::new();
    let mut unfinished = None;
    let mut depth = 0_usize;
    // Depths at which a text goes on after `${…}`.
    let mut texts = Vec::new();
    for (token, at) in tokens.take_while(|(token, _)| *token != Token::EOF) {
        unfinished = None;
        let piece = match token {
            Token::Comment(_) => continue,
            Token::Identifier(name) | Token::Reserved(name) | Token::Custom(name) => word(&name),
            Token::StringConstant(text) => Piece::Text(text.to_string()),
            Token::InterpolatedString(text) => {
                texts.push(depth);
                Piece::Text(text.to_string())
            }
            Token::LexError(error) => {
                let quote = byte_of(script, at);
                unfinished = matches!(*error, LexError::UnterminatedString).then(|| match script[quote..].starts_with('"') {
                    true => Unfinished::Text(quote + 1),
                    false => Unfinished::Other,
                });
                Piece::Other
            }
            token => {
                match token {
                    Token::LeftBrace | Token::MapStart => depth += 1,
                    Token::RightBrace => {
                        depth = depth.saturating_sub(1);
                        if texts.last() == Some(&depth) {
                            texts.pop();
                            control.borrow_mut().is_within_text = true;
                        }
                    }
                    _ => {}
                }
                if token.is_literal() { Piece::Sign(token.literal_syntax().into()) } else { Piece::Other }
            }
        };
        pieces.push(piece);
    }
    // What ends a line is no end of the script.
    let unfinished = unfinished.filter(|what| match what {
        Unfinished::Text(from) => !script[*from..].contains('\n'),
        Unfinished::Other => true,
    });
    (pieces, unfinished)
}

fn word(name: &str) -> Piece {
    if name.starts_with(|c: char| c.is_alphabetic() || c == '_') { Piece::Name(name.into()) } else { Piece::Sign(name.into()) }
}

/// The byte of a position that counts lines and characters.
fn byte_of(script: &str, at: rhai::Position) -> usize {
    let (Some(line), Some(column)) = (at.line(), at.position()) else { return script.len() };
    let start: usize = script.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let rest = &script[start..];
    start + rest.char_indices().nth(column.saturating_sub(1)).map_or(rest.len(), |(byte, _)| byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces, shortened, and what is being written at `|`.
    fn seen(marked: &str) -> String {
        let place = marked.find('|').unwrap();
        let script = marked.replacen('|', "", 1);
        let Cursor { before, at } = look(&script, place);
        let shown: Vec<String> = before
            .iter()
            .map(|piece| match piece {
                Piece::Name(name) => name.clone(),
                Piece::Text(text) => format!("'{text}'"),
                Piece::Sign(sign) => sign.clone(),
                Piece::Other => "?".into(),
            })
            .collect();
        let at = match at {
            At::Nothing => "nothing".into(),
            At::Word { from } => format!("word {}", &script[from..place]),
            At::Text { from } => format!("text {}", &script[from..place]),
        };
        format!("{} > {at}", shown.join(" "))
    }

    #[test]
    fn the_place_is_found_in_unfinished_scripts() {
        for (script, expected) in [
            ("|", " > word "),
            ("let x = ev|ent;", "let x = > word ev"),
            ("event.|", "event . > word "),
            ("event?.mem|", "event ?. > word mem"),
            ("// 学习 event.|", " > nothing"),
            ("/* event.|", " > nothing"),
            ("/// event.|\nfn f() {}", " > nothing"),
            ("m.award(\"lear|ning\", 1)", "m . award ( ? > text lear"),
            ("note(\"学习\"); m.award(\"|", "note ( '学习' ) ; m . award ( ? > text "),
            ("note(`学 ${event.|} 习`)", "note ( '学 ' { event . > word "),
            ("note(`a ${x} b ${y} c|", "note ( 'a ' { x } ' b ' { y } ? > nothing"),
            ("note(`a ${#{a: 1}.a} b`); x.|", "note ( 'a ' { #{ a : ? } . a } ' b' ) ; x . > word "),
            ("let a = \"open\nlet b = c.|", "let a = ? let b = c . > word "),
            ("f(（event.|", "f ( ? event . > word "),
            ("let 次|数 = 2;", "let > word 次"),
        ] {
            assert_eq!(seen(script), expected, "{script}");
        }
    }

    #[test]
    fn any_place_of_any_text_is_looked_at() {
        let script = "fn on_x(event) { note(`学 ${event.id} \\\" \"`); /* */ let a = #{ b: 1.5 }; } \u{1F600} \"\\u{";
        for place in 0..=script.len() + 3 {
            look(script, place);
        }
        assert_eq!(all("let x").len(), 2);
    }
}

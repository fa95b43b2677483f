//! What a name in a rule file stands for, as far as an unfinished script tells: the function that the place lies in, its
//! arguments, and what was given a name with `let`. Must not know: what is shown of it.

use crate::campaign::{CLOSE_FUNCTION, Campaign, EventType, Role};
use crate::language::cursor::Piece;

/// What a rule can look into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    Event(Occasion),
    Cycle,
    Member,
    /// `event.data`
    Data(Occasion),
    /// `event.roles`, `cycle.roles`
    Roles(Occasion),
    /// A number, a text, a list.
    Plain,
    Unknown,
}

/// What a function answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Occasion {
    /// Index into `Campaign::events`.
    Event(usize),
    Close,
    /// A function that others call.
    Any,
}

pub struct Function {
    pub name: String,
    pub arguments: Vec<String>,
    /// Where its body begins among the pieces.
    body: usize,
}

pub struct Scene<'a> {
    pub campaign: Option<&'a Campaign>,
    /// Everything before the place.
    pub pieces: &'a [Piece],
    /// Whose body the place lies in.
    pub function: Option<Function>,
}

/// Names given by names given by names: nobody goes further.
const DEPTH_MOST: usize = 16;

impl<'a> Scene<'a> {
    pub fn new(campaign: Option<&'a Campaign>, pieces: &'a [Piece]) -> Scene<'a> {
        Scene { campaign, pieces, function: innermost(pieces) }
    }

    pub fn occasion(&self) -> Occasion {
        let Some(function) = &self.function else { return Occasion::Any };
        if function.name == CLOSE_FUNCTION {
            return Occasion::Close;
        }
        let answered = self.campaign.and_then(|c| c.events.iter().position(|event| *event.function == *function.name));
        answered.map_or(Occasion::Any, Occasion::Event)
    }

    /// What stands before a dot that ends the pieces before the place: `event.data` of `event.data.`.
    pub fn before_dot(&self) -> Option<Thing> {
        let (dot, rest) = self.pieces.split_last()?;
        if !(dot.is_sign(".") || dot.is_sign("?.")) {
            return None;
        }
        Some(self.thing(rest, 0))
    }

    /// What the chain of names at the end of some pieces stands for.
    fn thing(&self, pieces: &[Piece], depth: usize) -> Thing {
        let chain = chain(pieces);
        let Some((head, steps)) = chain.split_first() else {
            return match pieces.last() {
                Some(Piece::Text(_) | Piece::Other) => Thing::Plain,
                _ => Thing::Unknown,
            };
        };
        let before = pieces.len() - (chain.len() * 2 - 1);
        let head = self.named(head, &pieces[..before], depth);
        steps.iter().fold(head, |thing, step| self.step(thing, step))
    }

    /// A name that stands alone: an argument, or the last `let` of it.
    fn named(&self, name: &str, before: &[Piece], depth: usize) -> Thing {
        let Some(function) = &self.function else { return Thing::Unknown };
        let is_let = |window: &[Piece]| window[0].is_sign("let") && window[1].name() == Some(name) && window[2].is_sign("=");
        let body = before.get(function.body..).unwrap_or_default();
        if depth < DEPTH_MOST
            && let Some(at) = body.windows(3).rposition(is_let)
        {
            let value = &body[at + 3..];
            let end = value.iter().position(|piece| piece.is_sign(";")).unwrap_or(0);
            let value_end = function.body + at + 3 + end;
            // A chain and nothing else; anything more is computed.
            return if chain(&value[..end]).len() * 2 == end + 1 { self.thing(&before[..value_end], depth + 1) } else { Thing::Unknown };
        }
        let argument = function.arguments.iter().position(|argument| argument == name);
        match (self.occasion(), argument, name) {
            (Occasion::Event(event), Some(0), _) => Thing::Event(Occasion::Event(event)),
            (Occasion::Close, Some(0), _) => Thing::Member,
            (Occasion::Close, Some(1), _) => Thing::Cycle,
            (Occasion::Any, Some(_), "event") => Thing::Event(Occasion::Any),
            (Occasion::Any, Some(_), "cycle") => Thing::Cycle,
            (Occasion::Any, Some(_), "member") => Thing::Member,
            _ => Thing::Unknown,
        }
    }

    fn step(&self, thing: Thing, step: &str) -> Thing {
        match (thing, step) {
            (Thing::Event(_), "member") => Thing::Member,
            (Thing::Event(occasion), "data") => Thing::Data(occasion),
            (Thing::Event(occasion), "roles") => Thing::Roles(occasion),
            (Thing::Cycle, "roles") => Thing::Roles(Occasion::Close),
            (Thing::Roles(_), _) => Thing::Member,
            (Thing::Event(_) | Thing::Cycle | Thing::Member | Thing::Data(_) | Thing::Plain, _) => Thing::Plain,
            (Thing::Unknown, _) => Thing::Unknown,
        }
    }

    /// The events that an occasion can be.
    pub fn events(&self, occasion: Occasion) -> &'a [EventType] {
        let events = self.campaign.map_or(&[][..], |campaign| &campaign.events);
        match occasion {
            Occasion::Event(index) => events.get(index..=index).unwrap_or_default(),
            Occasion::Close => &[],
            Occasion::Any => events,
        }
    }

    pub fn roles(&self, occasion: Occasion) -> Vec<&'a [Role]> {
        match (occasion, self.campaign) {
            (Occasion::Close, Some(campaign)) => vec![&campaign.close_roles],
            _ => self.events(occasion).iter().map(|event| &event.roles[..]).collect(),
        }
    }

    /// Names that the function's body gives before the place.
    pub fn variables(&self) -> Vec<&'a str> {
        let body = self.function.as_ref().and_then(|function| self.pieces.get(function.body..)).unwrap_or_default();
        let gives = |window: &'a [Piece]| {
            let gives = window[0].is_sign("let") || window[0].is_sign("const") || window[0].is_sign("for");
            window[1].name().filter(|_| gives)
        };
        body.windows(2).filter_map(gives).collect()
    }

    /// The call whose arguments the place lies in: its name, whether it is a method, and how many arguments come before.
    pub fn call(&self) -> Option<(&'a str, bool, usize)> {
        // What is being written is no piece that counts.
        let pieces = match self.pieces.split_last() {
            Some((Piece::Other, rest)) => rest,
            _ => self.pieces,
        };
        let (mut depth, mut commas) = (0_usize, 0);
        for (at, piece) in pieces.iter().enumerate().rev() {
            match piece {
                Piece::Sign(sign) => match sign.as_str() {
                    ")" | "]" | "}" => depth += 1,
                    "(" if depth == 0 => {
                        let name = pieces.get(at.checked_sub(1)?)?.name()?;
                        let is_method = at >= 2 && (pieces[at - 2].is_sign(".") || pieces[at - 2].is_sign("?."));
                        return Some((name, is_method, commas));
                    }
                    "[" | "{" | "#{" if depth == 0 => return None,
                    "(" | "[" | "{" | "#{" => depth -= 1,
                    ";" if depth == 0 => return None,
                    "," if depth == 0 => commas += 1,
                    _ => {}
                },
                Piece::Name(_) | Piece::Text(_) | Piece::Other => {}
            }
        }
        None
    }
}

/// The names of `a.b.c` at the end of some pieces; empty where it ends otherwise.
fn chain(pieces: &[Piece]) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = pieces;
    while let Some((piece, before)) = rest.split_last() {
        let Some(name) = piece.name() else { return Vec::new() };
        names.push(name);
        match before.split_last() {
            Some((dot, left)) if dot.is_sign(".") || dot.is_sign("?.") => rest = left,
            _ => break,
        }
    }
    names.reverse();
    names
}

/// The function in whose body the pieces end. Functions do not nest, so each `fn` begins anew, whatever is open.
fn innermost(pieces: &[Piece]) -> Option<Function> {
    let start = pieces.iter().rposition(|piece| piece.is_sign("fn"))?;
    let name = pieces.get(start + 1)?.name()?;
    let open = start + pieces[start..].iter().position(|piece| piece.is_sign("{"))?;
    let arguments = pieces[start + 2..open].iter().filter_map(|piece| piece.name().map(str::to_string)).collect();
    let mut depth = 0_usize;
    for piece in &pieces[open..] {
        match piece {
            Piece::Sign(sign) if matches!(sign.as_str(), "{" | "#{") => depth += 1,
            Piece::Sign(sign) if sign == "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return None;
        }
    }
    Some(Function { name: name.into(), arguments, body: open + 1 })
}

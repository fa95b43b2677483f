//! `[[invariants]]`: comparisons of totals that every commit keeps: the campaign's own, or each member's, over all
//! time or one day or cycle.
//!
//! A comparison is `sum < sum` with `<`, `<=`, `==`, `>=` or `>`; a sum joins terms by `+`, `-` and `*`; a term is a
//! whole number, a sum in parentheses, or one of granted("REWARD"), granted("REWARD", "FUNCTION"), events("TYPE"),
//! points("ACCOUNT") and referrals(). One side of each `*` is made of numbers. Read by recursive descent.

use super::reader::{Findings, Found, Table, nearest, offset_in_source};
use crate::campaign::{Account, CLOSE_FUNCTION, Comparison, EventType, Invariant, OnBreach, Reward, Total};
use crate::fact::Period;
use std::ops::Range;

/// What an invariant may name.
pub struct Names<'a> {
    pub accounts: &'a [Account],
    pub rewards: &'a [Reward],
    pub events: &'a [EventType],
    /// Whether grants can be told apart by function: only over the whole campaign.
    pub by_function: bool,
}

/// Parentheses within parentheses; deeper ones are a mistake or an attack on the stack.
const DEPTH_MAX: usize = 32;
const TEXT_BYTES_MAX: usize = 1000;

pub fn invariants(root: &mut Table, names: &Names, findings: &mut Findings) -> Vec<Invariant> {
    let mut invariants: Vec<Invariant> = Vec::new();
    for mut table in root.tables("invariants", findings) {
        let name = table.required_text("name", "\"one card per opened account\"", findings);
        let holds = table.required_text("holds", "'granted(\"jd-20\") <= events(\"account.opened\")'", findings);
        let (per_member, period) = per(&mut table, findings);
        let at_close = at_close(&mut table, findings);
        let on_breach = on_breach(&mut table, findings);
        table.close(findings);
        let names = &Names { by_function: !per_member && period.is_none(), ..*names };
        let compared = holds.as_ref().and_then(|holds| comparison(holds, names, findings));
        if let Some(name) = &name
            && invariants.iter().any(|other| other.name == name.value)
        {
            findings.error(&name.span, format!("there are two invariants \"{}\"", name.value), "");
        }
        if let (Some(name), Some(holds), Some((left, comparison, right))) = (name, holds, compared) {
            let (name, text) = (name.value.to_owned(), holds.value.to_owned());
            invariants.push(Invariant { name, text, per_member, period, at_close, left, comparison, right, on_breach });
        }
    }
    invariants
}

/// `per = ["member", "day"]`: of each member, over each day. Where nothing is said, it is about the campaign's totals.
fn per(table: &mut Table, findings: &mut Findings) -> (bool, Option<Period>) {
    let (mut per_member, mut period) = (false, None);
    for word in table.texts("per", "\"member\"", findings) {
        match word.value {
            "member" if !per_member => per_member = true,
            "day" if period.is_none() => period = Some(Period::Day),
            "cycle" if period.is_none() => period = Some(Period::Cycle),
            "member" | "day" | "cycle" => findings.error(&word.span, "`per` names one stretch, and each word once", ""),
            other => {
                let help = nearest(other, ["member", "day", "cycle"], "it takes");
                findings.error(&word.span, format!("`per` cannot name \"{other}\""), help);
            }
        }
    }
    (per_member, period)
}

/// `at = "close"`: asked only when a member's cycle is closed.
fn at_close(table: &mut Table, findings: &mut Findings) -> bool {
    let Some(word) = table.text("at", "\"close\"", findings) else { return false };
    if word.value != "close" {
        findings.error(&word.span, format!("`at` cannot be \"{}\"", word.value), "it takes \"close\", or is left out: always");
    }
    true
}

/// Where nothing is said, the event fails.
fn on_breach(table: &mut Table, findings: &mut Findings) -> OnBreach {
    let Some(word) = table.text("on_breach", "\"fail\"", findings) else { return OnBreach::Fail };
    match word.value {
        "fail" => OnBreach::Fail,
        "close issue" => OnBreach::CloseIssue,
        other => {
            let help = nearest(other, ["fail", "close issue"], "it takes");
            findings.error(&word.span, format!("`on_breach` cannot be \"{other}\""), help);
            OnBreach::Fail
        }
    }
}

fn comparison(holds: &Found<&str>, names: &Names, findings: &mut Findings) -> Option<(Total, Comparison, Total)> {
    if holds.value.len() > TEXT_BYTES_MAX {
        findings.error(&holds.span, format!("an invariant is at most {TEXT_BYTES_MAX} bytes long"), "write several");
        return None;
    }
    let mut parser = Parser { text: holds.value, at: 0, names, depth: 0 };
    match parser.comparison() {
        Ok(parsed) => Some(parsed),
        Err(fault) => {
            let source = findings.source(&holds.span);
            let place = |offset| holds.span.start + offset_in_source(source, offset);
            findings.error(&(place(fault.at.start)..place(fault.at.end)), format!("`holds`: {}", fault.message), fault.help);
            None
        }
    }
}

/// What is wrong, by bytes of the expression.
struct Fault {
    at: Range<usize>,
    message: String,
    help: String,
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    names: &'a Names<'a>,
    depth: usize,
}

const COMPARISONS: [(&str, Comparison); 5] = [
    ("<=", Comparison::LessOrEqual),
    (">=", Comparison::GreaterOrEqual),
    ("==", Comparison::Equal),
    ("<", Comparison::Less),
    (">", Comparison::Greater),
];
const TERMS: [&str; 4] = ["granted", "events", "points", "referrals"];

impl<'a> Parser<'a> {
    fn comparison(&mut self) -> Result<(Total, Comparison, Total), Fault> {
        let left = self.sum()?;
        let found = COMPARISONS.iter().find(|(sign, _)| self.rest().starts_with(sign));
        let Some((sign, comparison)) = found else {
            return Err(self.unexpected("a comparison"));
        };
        self.at += sign.len();
        let right = self.sum()?;
        if self.rest().is_empty() { Ok((left, *comparison, right)) } else { Err(self.unexpected("the end")) }
    }

    fn sum(&mut self) -> Result<Total, Fault> {
        let mut sum = self.product()?;
        loop {
            let join: fn(Box<Total>, Box<Total>) -> Total = match self.rest().bytes().next() {
                Some(b'+') => Total::Add,
                Some(b'-') => Total::Subtract,
                _ => return Ok(sum),
            };
            self.at += 1;
            sum = join(Box::new(sum), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Result<Total, Fault> {
        self.rest();
        let start = self.at;
        let mut product = self.term()?;
        while self.rest().starts_with('*') {
            self.at += 1;
            let factor = self.term()?;
            if !is_number(&product) && !is_number(&factor) {
                let message = "two totals cannot be multiplied".to_owned();
                return Err(Fault { at: start..self.at, message, help: "one side of `*` is a whole number".to_owned() });
            }
            product = Total::Multiply(Box::new(product), Box::new(factor));
        }
        Ok(product)
    }

    fn term(&mut self) -> Result<Total, Fault> {
        let rest = self.rest();
        match rest.bytes().next() {
            Some(b'0'..=b'9') => self.number(),
            Some(b'(') => {
                self.depth += 1;
                if self.depth > DEPTH_MAX {
                    return Err(self.fault_here(1, "too many parentheses", ""));
                }
                self.at += 1;
                let sum = self.sum()?;
                self.take(')')?;
                self.depth -= 1;
                Ok(sum)
            }
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_') => self.call(),
            _ => Err(self.unexpected("a total or a number")),
        }
    }

    fn number(&mut self) -> Result<Total, Fault> {
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(rest.len());
        match rest[..length].replace('_', "").parse() {
            Ok(number) if !rest[length..].starts_with('.') => {
                self.at += length;
                Ok(Total::Number(number))
            }
            Ok(_) => Err(self.fault_here(length + 1, "numbers are whole", "multiply the other side instead")),
            Err(_) => Err(self.fault_here(length, "the number is too large", "")),
        }
    }

    fn call(&mut self) -> Result<Total, Fault> {
        let rest = self.rest();
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let word = &rest[..length];
        if !TERMS.contains(&word) {
            let help = nearest(word, TERMS, "totals");
            return Err(self.fault_here(length, &format!("there is no total `{word}`"), &help));
        }
        self.at += length;
        self.take('(')?;
        let total = match word {
            "granted" => self.granted()?,
            "events" => Total::Events { event: self.name("event", self.names.events.iter().map(|e| &*e.name))? },
            "points" => Total::Points { account: self.name("account", self.names.accounts.iter().map(|a| &*a.name))? },
            _ => Total::Referrals,
        };
        self.take(')')?;
        Ok(total)
    }

    fn granted(&mut self) -> Result<Total, Fault> {
        let reward = self.name("reward", self.names.rewards.iter().map(|r| &*r.name))?;
        if !self.rest().starts_with(',') {
            return Ok(Total::Granted { reward, function: None });
        }
        if !self.names.by_function {
            let help = "write granted(\"REWARD\"), or leave `per` out";
            return Err(self.fault_here(1, "functions are told apart only over the whole campaign", help));
        }
        self.at += 1;
        let functions = self.names.events.iter().map(|e| &*e.function).chain([CLOSE_FUNCTION]);
        let index = self.name("function", functions.clone())?;
        let function = functions.clone().nth(index).map(Into::into);
        Ok(Total::Granted { reward, function })
    }

    /// A quoted name, as its index among those that there are.
    fn name<'n>(&mut self, what: &str, mut names: impl Iterator<Item = &'n str> + Clone) -> Result<usize, Fault> {
        let Some(inner) = self.rest().strip_prefix('"') else {
            return Err(self.unexpected(&format!("the name of the {what} in quotes")));
        };
        let Some(length) = inner.find('"') else {
            return Err(self.fault_here(1, "the quote is not closed", "write the name as \"jd-20\""));
        };
        let name = &inner[..length];
        let all = names.clone();
        match names.position(|n| n == name) {
            Some(index) => {
                self.at += length + 2;
                Ok(index)
            }
            None => {
                let help = nearest(name, all, "declared");
                Err(self.fault_here(length + 2, &format!("there is no {what} \"{name}\""), &help))
            }
        }
    }

    fn take(&mut self, sign: char) -> Result<(), Fault> {
        if self.rest().starts_with(sign) {
            self.at += 1;
            return Ok(());
        }
        Err(self.unexpected(&format!("`{sign}`")))
    }

    /// What is left, blanks skipped.
    fn rest(&mut self) -> &'a str {
        let rest = self.text[self.at..].trim_start();
        self.at = self.text.len() - rest.len();
        rest
    }

    fn unexpected(&mut self, expected: &str) -> Fault {
        let rest = self.rest();
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let length = if word > 0 { word } else { rest.chars().next().map_or(0, char::len_utf8) };
        let help = advice(rest);
        if rest.is_empty() {
            return self.fault_here(0, &format!("expected {expected} here"), help);
        }
        self.fault_here(length, &format!("expected {expected}, found `{}`", &rest[..length]), help)
    }

    fn fault_here(&mut self, length: usize, message: &str, help: &str) -> Fault {
        Fault { at: self.at..self.at + length, message: message.to_owned(), help: help.to_owned() }
    }
}

/// What people write who know other languages.
fn advice(rest: &str) -> &'static str {
    const KNOWN: [(&str, &str); 13] = [
        ("=", "write `==`"),
        ("!=", "it takes <, <=, ==, >= and >"),
        ("≤", "write `<=`"),
        ("≥", "write `>=`"),
        ("/", "there is no division: multiply the other side"),
        ("&&", "write two [[invariants]]"),
        ("and", "write two [[invariants]]"),
        ("'", "write names in \" quotes"),
        ("“", "write the plain `\"`"),
        ("（", "write the plain `(`"),
        ("）", "write the plain `)`"),
        ("，", "write the plain `,`"),
        ("<", "an invariant has one comparison: write two [[invariants]]"),
    ];
    KNOWN.iter().find(|(start, _)| rest.starts_with(start)).map_or("", |(_, help)| help)
}

fn is_number(total: &Total) -> bool {
    match total {
        Total::Number(_) => true,
        Total::Add(a, b) | Total::Subtract(a, b) | Total::Multiply(a, b) => is_number(a) && is_number(b),
        _ => false,
    }
}

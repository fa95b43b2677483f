//! The words of the rule API, in one place: what a rule may call, in which shape, and the names that properties
//! have. The API registers them, the check compares a file with them, and error texts list them.
//! Must not know: campaigns, rhai.

/// What an argument stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    Account,
    Reward,
    Event,
    Attribute,
    Period,
    /// A whole number, not negative.
    Whole,
    /// The value of an attribute.
    Value,
}

impl Slot {
    pub fn word(self) -> &'static str {
        match self {
            Slot::Account => "account",
            Slot::Reward => "reward",
            Slot::Event => "event",
            Slot::Attribute => "attribute",
            Slot::Period => "period",
            Slot::Whole => "whole number",
            Slot::Value => "value",
        }
    }
}

/// A method of a member.
pub struct Method {
    pub name: &'static str,
    pub slots: &'static [Slot],
    /// Facts are fetched before the rule runs; the others are effects.
    pub is_fact: bool,
}

const fn fact(name: &'static str, slots: &'static [Slot]) -> Method {
    Method { name, slots, is_fact: true }
}

const fn effect(name: &'static str, slots: &'static [Slot]) -> Method {
    Method { name, slots, is_fact: false }
}

pub const METHODS: &[Method] = &[
    fact("points", &[Slot::Account, Slot::Period]),
    fact("granted", &[Slot::Reward, Slot::Period]),
    fact("events", &[Slot::Event, Slot::Period]),
    fact("referrals", &[Slot::Period]),
    fact("rank", &[Slot::Account]),
    fact("get", &[Slot::Attribute]),
    effect("award", &[Slot::Account, Slot::Whole]),
    effect("deduct", &[Slot::Account, Slot::Whole]),
    effect("grant", &[Slot::Reward]),
    effect("grant", &[Slot::Reward, Slot::Whole]),
    effect("set", &[Slot::Attribute, Slot::Value]),
];

/// Functions that belong to nobody.
pub const HELPERS: [&str; 8] = ["refuse", "note", "draw", "missing", "whole", "day", "min", "max"];

pub const EVENT_PROPERTIES: [&str; 8] = ["type", "id", "day", "weekday", "hour", "member", "data", "roles"];
pub const CYCLE_PROPERTIES: [&str; 5] = ["number", "first_day", "last_day", "is_last", "roles"];
pub const MEMBER_PROPERTIES: [&str; 2] = ["id", "kind"];

/// Monday first.
pub const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Every name that a rule may call and must not define.
pub fn api_names() -> impl Iterator<Item = &'static str> + Clone {
    METHODS.iter().map(|method| method.name).chain(HELPERS)
}

/// Words of rhai that rules do without, and what to write instead.
pub const ABSENT_WORDS: &[(&str, &str)] = &[
    ("while", "write `for i in 0..n { … }`: a rule must end"),
    ("loop", "write `for i in 0..n { … }`: a rule must end"),
    ("do", "write `for i in 0..n { … }`: a rule must end"),
    ("try", "a rule does not catch errors: test first, with missing(x)"),
    ("throw", "write refuse(\"reason\")"),
    ("eval", "a rule cannot run text"),
    ("Fn", "functions are not values here: call them by name"),
    ("call", "functions are not values here: call them by name"),
    ("curry", "functions are not values here: call them by name"),
    ("print", "write note(\"text\"): it appears on the receipt"),
    ("debug", "write note(\"text\"): it appears on the receipt"),
    ("sleep", "a rule decides at once"),
    ("exit", "write `return;`"),
    ("is_shared", ""),
    ("is_def_var", ""),
    ("is_def_fn", ""),
    ("export", "constants stay in their file; functions of an imported file are seen without it"),
];

//! The types of `sdk/wit/campaign.wit` as they cross into and out of a module.
//!
//! What goes in is borrowed, so that asking copies nothing twice. What comes out is copied before the call returns,
//! because the module frees it then; [`answer_bytes`] bounds the copy, else a module that answers with a million names
//! that are all the same megabyte would make the host run out of memory.
//! Must not know: campaigns.

use crate::limits::Limits;
use wasmtime::component::{ComponentType, Lift, Lower};

/// The interface that a module must export; a later 1.x is found under this name too.
pub const INTERFACE: &str = "guerdon:campaign/rules@1.0.0";

/// The most that is copied out of one answer: every effect that a rule may ask for, each with two of the longest texts.
pub fn answer_bytes(limits: &Limits) -> usize {
    limits.effects.saturating_mul(limits.text_bytes.saturating_mul(2).saturating_add(256))
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub struct Question<'a> {
    pub handler: u32,
    pub id: &'a str,
    pub at: Moment,
    pub cycle: Option<Cycle>,
    pub members: &'a [Option<Member<'a>>],
    pub facts: &'a [Given<'a>],
    pub seed: u64,
    pub draws: &'a [i64],
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub struct Moment {
    #[component(name = "unix-ms")]
    pub unix_ms: i64,
    pub day: i32,
    pub weekday: u8,
    pub hour: u8,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub struct Cycle {
    pub number: u32,
    #[component(name = "first-day")]
    pub first_day: i32,
    #[component(name = "last-day")]
    pub last_day: i32,
    #[component(name = "is-last")]
    pub is_last: bool,
}

#[derive(ComponentType, Lower)]
#[component(record)]
pub struct Member<'a> {
    pub id: &'a str,
    pub kind: &'a str,
}

#[derive(ComponentType, Lift, Lower, Clone, Copy)]
#[component(record)]
pub struct Exact {
    pub unscaled: i64,
    pub scale: u8,
}

/// A `value` on its way in.
#[derive(ComponentType, Lower)]
#[component(variant)]
pub enum Given<'a> {
    #[component(name = "missing")]
    Missing,
    #[component(name = "integer")]
    Integer(i64),
    #[component(name = "exact")]
    Exact(Exact),
    #[component(name = "text")]
    Text(&'a str),
    #[component(name = "truth")]
    Truth(bool),
}

/// A `value` on its way out.
#[derive(ComponentType, Lift)]
#[component(variant)]
pub enum Taken {
    #[component(name = "missing")]
    Missing,
    #[component(name = "integer")]
    Integer(i64),
    #[component(name = "exact")]
    Exact(Exact),
    #[component(name = "text")]
    Text(String),
    #[component(name = "truth")]
    Truth(bool),
}

#[derive(ComponentType, Lift)]
#[component(variant)]
pub enum Decision {
    #[component(name = "booked")]
    Booked(Vec<Effect>),
    #[component(name = "refused")]
    Refused(Refusal),
    #[component(name = "failed")]
    Failed(Refusal),
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub struct Effect {
    pub of: u32,
    pub action: Action,
    pub at: Place,
}

#[derive(ComponentType, Lift)]
#[component(variant)]
pub enum Action {
    #[component(name = "award")]
    Award(Amount),
    #[component(name = "deduct")]
    Deduct(Amount),
    #[component(name = "grant")]
    Grant(Amount),
    #[component(name = "set")]
    Set(Setting),
    #[component(name = "note")]
    Note(String),
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub struct Amount {
    pub name: String,
    pub count: i64,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub struct Setting {
    pub name: String,
    pub value: Taken,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub struct Refusal {
    pub reason: String,
    pub at: Place,
}

#[derive(ComponentType, Lift, Clone, Copy)]
#[component(record)]
pub struct Place {
    pub file: u32,
    pub line: u32,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub struct Description {
    pub handlers: Vec<Handler>,
    pub files: Vec<String>,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub struct Handler {
    pub event: Option<String>,
    pub roles: Vec<String>,
    pub reads: Vec<Read>,
    pub writes: Vec<Write>,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub struct Read {
    pub of: String,
    pub fact: String,
}

#[derive(ComponentType, Lift)]
#[component(record)]
pub struct Write {
    pub effect: String,
    pub name: String,
}

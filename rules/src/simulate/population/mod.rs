//! Who comes to a campaign, and what they do there: `population.toml`, and the events that such people send.
//!
//! [`file`] reads the text into a [`Population`] and says what is wrong with it, [`values`] are the fields of their
//! events, [`rate`] how often something happens, [`crowd`] makes the events, in the order of delivery and one day at a
//! time. Promises: the same population, calendar and seed give the same events; what the rules make of an event moves
//! no other one, so that two releases can be held against each other. Must not know: the book, rule languages.

pub mod crowd;
pub mod file;
pub mod rate;
pub mod schema;
pub mod values;

use rate::{Rate, Share};
use smol_str::SmolStr;
use std::sync::Arc;
use values::Filled;

/// Everything that `population.toml` says.
#[derive(Clone, Debug)]
pub struct Population {
    /// Those who come by themselves; whom they invite, and rings, come on top.
    pub members: i64,
    pub seed: u64,
    /// When things begin and end, within the campaign.
    pub window_ms: (i64, i64),
    /// Local hours in which people are up: from, to (24 is midnight).
    pub hours: (i64, i64),
    pub arrival: Arrival,
    pub segments: Vec<Segment>,
    pub rings: Vec<Rings>,
    pub faults: Faults,
}

/// When members come, from the beginning on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Everybody has come by then, in milliseconds.
    pub over_ms: i64,
    /// Half of those who are still to come do so within this; none: evenly.
    pub half_ms: Option<i64>,
}

/// Members who behave alike.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Members are called by it: `champion-17`.
    pub name: Arc<str>,
    /// Of those who come by themselves, beside the other segments' weights.
    pub weight: i64,
    pub invites: Option<Invites>,
    pub does: Vec<Habit>,
}

/// Whom a member brings.
#[derive(Clone, Debug)]
pub struct Invites {
    /// Members who invite at all.
    pub share: Share,
    /// How many each of them invites.
    pub friends: Range,
    /// Of those who are invited, who accept.
    pub accept: Share,
    /// After the inviter came, in milliseconds.
    pub within_ms: i64,
    /// From the invitation to its acceptance, in milliseconds.
    pub answer_ms: Range,
    /// What those who accept become.
    pub segment: usize,
}

/// An event that members send.
#[derive(Clone, Debug)]
pub struct Habit {
    pub event: SmolStr,
    pub source: SmolStr,
    pub how: How,
    pub data: Vec<Filled>,
    /// The member's own place in the data, as `"member":`; none: the subject.
    pub member_field: Option<Arc<str>>,
}

#[derive(Clone, Debug)]
pub enum How {
    /// Again and again, while they are up.
    Often(Rate),
    /// One time at most: who does it, and how long after they came, in milliseconds.
    Once { share: Share, after_ms: Range },
}

/// People with several accounts, who invite themselves in a circle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rings {
    pub count: i64,
    pub size: i64,
    /// How each of their accounts behaves otherwise.
    pub segment: usize,
}

/// What goes wrong on the way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Delivered again as it is: who, how often at most, and within how many milliseconds.
    pub retries: Option<Retries>,
    /// Reported again under another id.
    pub duplicates: Option<Share>,
    /// Delivered later than it happened: who, and by how many milliseconds at most.
    pub late: Option<(Share, i64)>,
}

#[derive(Clone, Copy, Debug)]
pub struct Retries {
    pub share: Share,
    pub most: i64,
    pub within_ms: i64,
}

/// Whole numbers, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub from: i64,
    pub to: i64,
}

/// More people than any campaign has; those who are invited beyond it do not come.
pub const MEMBERS_MOST: i64 = 20_000_000;

//! What happened: an event, or the end of a cycle.

use crate::call::{mistake, with};
use crate::member::{Member, read};
use crate::value::Value;
use std::panic::Location;

/// The event that a rule answers.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    pub member: Member,
    /// Milliseconds since 1970-01-01T00:00Z.
    pub at_ms: i64,
    /// The local calendar day, counted from 1970-01-01; see [`crate::day`].
    pub day: i64,
    /// Monday is 1.
    pub weekday: i64,
    /// Local, 0 to 23.
    pub hour: i64,
}

/// The cycle that ends. Days are local, counted from 1970-01-01, both included.
#[derive(Clone, Copy, Debug)]
pub struct Cycle {
    /// From 1.
    pub number: i64,
    pub first_day: i64,
    pub last_day: i64,
    pub is_last: bool,
}

impl Event {
    pub fn id(&self) -> String {
        with(|call| call.question.id.clone())
    }
    /// A field of the event's data.
    #[track_caller]
    pub fn data(&self, field: &str) -> Value {
        read("event", &["data", field], Location::caller())
    }
    /// Who fills a role.
    #[track_caller]
    pub fn role(&self, name: &str) -> Member {
        role(name, Location::caller()).unwrap_or_else(|| {
            mistake(format!("nobody fills the role \"{name}\": use optional_role"), Location::caller());
            Member { index: 0 }
        })
    }
    /// Who fills a role, if anybody does.
    #[track_caller]
    pub fn optional_role(&self, name: &str) -> Option<Member> {
        role(name, Location::caller())
    }

    /// The event of the decision being made.
    pub(crate) fn current() -> Event {
        with(|call| {
            let at = call.question.at;
            Event { member: Member { index: 0 }, at_ms: at.unix_ms, day: at.day.into(), weekday: at.weekday.into(), hour: at.hour.into() }
        })
    }
}

impl Cycle {
    /// Who fills a role of the close.
    #[track_caller]
    pub fn role(&self, name: &str) -> Option<Member> {
        role(name, Location::caller())
    }

    /// The cycle of the decision being made; all zeros when it answers an event.
    pub(crate) fn current() -> Cycle {
        with(|call| match call.question.cycle {
            Some(cycle) => Cycle {
                number: cycle.number.into(),
                first_day: cycle.first_day.into(),
                last_day: cycle.last_day.into(),
                is_last: cycle.is_last,
            },
            None => Cycle { number: 0, first_day: 0, last_day: 0, is_last: false },
        })
    }
}

fn role(name: &str, line: &Location<'_>) -> Option<Member> {
    let rule = with(|call| call.rule);
    let Some(place) = rule.roles.iter().position(|role| *role == name) else {
        mistake(format!("add {name} to the roles of {}", rule.name), line);
        return None;
    };
    let index = place + 1;
    with(|call| call.question.members.get(index).is_some_and(Option::is_some)).then_some(Member { index: index as u32 })
}

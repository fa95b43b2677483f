//! Events that scenarios tell their stories with.

use guerdon_rules::event::Event;
use serde_json::{Value, json};

/// Wednesday of the first cycle, noon in Shanghai.
pub const FIRST_WEEK: &str = "2020-09-23T12:00:00+08:00";
pub const SECOND_WEEK: &str = "2020-09-30T12:00:00+08:00";
/// When the second cycle begins; the first is settled two hours later.
pub const FIRST_CLOSE: &str = "2020-09-29T00:00:00+08:00";

pub fn fact(time: &str, source: &str, id: &str, kind: &str, data: &Value) -> Value {
    json!({"specversion": "1.0", "source": source, "id": id, "type": kind, "time": time, "data": data})
}

pub fn event(fact: &Value) -> Event {
    Event::from_json(&fact.to_string()).unwrap()
}

pub fn accepted_fact(time: &str, inviter: &str, invitee: &str) -> Value {
    let data = json!({"inviter": inviter, "invitee": invitee});
    fact(time, "app", &format!("accepted-{invitee}"), "guerdon.referral.accepted", &data)
}

pub fn opened_fact(time: &str, invitee: &str) -> Value {
    fact(time, "crm", &format!("opened-{invitee}"), "account.opened", &json!({"invitee": invitee}))
}

pub fn accepted(time: &str, inviter: &str, invitee: &str) -> Event {
    event(&accepted_fact(time, inviter, invitee))
}

pub fn opened(time: &str, invitee: &str) -> Event {
    event(&opened_fact(time, invitee))
}

/// Friends of one inviter, each accepted and opened.
pub fn friends(time: &str, inviter: &str, numbers: std::ops::Range<usize>) -> Vec<Event> {
    numbers
        .flat_map(|n| {
            let friend = format!("friend-{n}");
            [accepted(time, inviter, &friend), opened(time, &friend)]
        })
        .collect()
}

pub fn lesson(time: &str, member: &str, lesson: &str, points: i64) -> Event {
    let data = json!({"member": member, "lesson": lesson, "points": points});
    event(&fact(time, "course", &format!("{member}-{lesson}"), "lesson.finished", &data))
}

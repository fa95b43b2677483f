//! The events that are measured: nine lessons, then a friend who opens an account and earns a card. Every event is new
//! and is booked. Members are named by index, from 0.
//!
//! Must not know: who receives them.

use guerdon_rules::language::mix;
use guerdon_rules::simulate::recorded::STARTS_MS;

pub const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// What the host's clock says meanwhile: after every event.
pub const NOW_MS: i64 = STARTS_MS + 7 * DAY_MS;
/// One event in this many is an opened account.
pub const OPENED_EVERY: u64 = 10;
/// Points that earn a card when the week is settled.
pub const WINNING_POINTS: u32 = 90;
/// Members of a block; the first two invited the others.
const BLOCK: u64 = 20;

pub fn member(index: u64) -> String {
    format!("m{index}")
}

/// Who invited a member. Even members are invited by even ones, so that two halves of the members never meet.
pub fn inviter(index: u64) -> Option<u64> {
    (index % BLOCK >= 2).then(|| index / BLOCK * BLOCK + index % 2)
}

/// The k-th member who was invited; an even one for an even k.
fn invited(k: u64) -> u64 {
    k / (BLOCK - 2) * BLOCK + 2 + k % (BLOCK - 2)
}

/// The first of those whom the member 0 invited: the last tenth.
fn first_fan(members: u64) -> u64 {
    members / 10 * 9 / BLOCK * BLOCK
}

/// Who invited a member, where member 0 is popular.
pub fn inviter_among(index: u64, members: u64) -> Option<u64> {
    if index >= first_fan(members) { Some(0) } else { inviter(index) }
}

/// Accounts that can be opened, by those who were invited by different members.
pub fn invited_members(members: u64) -> u64 {
    first_fan(members) / BLOCK * (BLOCK - 2)
}

/// The n-th event as CloudEvents JSON, among this many members.
pub fn event(n: u64, members: u64) -> String {
    if n % OPENED_EVERY == OPENED_EVERY - 1 {
        return opened(n, invited(n / OPENED_EVERY));
    }
    lesson(&format!("e{n}"), mix(n) % members, n, 5)
}

/// As `event`, in the week after.
pub fn event_next_week(n: u64, members: u64) -> String {
    let day = 29 + n % 2;
    event(n, members).replacen(&format!("2020-09-{}T", 22 + n % 6), &format!("2020-09-{day}T"), 1)
}

/// The n-th event that touches member 0: their lessons, and the accounts that their friends open.
pub fn popular_event(n: u64, members: u64) -> String {
    if n % OPENED_EVERY == OPENED_EVERY - 1 {
        return opened(n, first_fan(members) + n / OPENED_EVERY).replacen("\"e", "\"p", 1);
    }
    lesson(&format!("p{n}"), 0, n, 1)
}

/// As `event`, but of even or of odd members only: `half` is 0 or 1, and `n` counts within the half.
pub fn event_of_half(n: u64, members: u64, half: u64, first_opened: u64) -> String {
    let name = n * 2 + half;
    if n % OPENED_EVERY == OPENED_EVERY - 1 {
        return opened(name, invited(first_opened.next_multiple_of(2) + n / OPENED_EVERY * 2 + half)).replacen("\"e", "\"h", 1);
    }
    lesson(&format!("h{name}"), mix(name) % (members / 2) * 2 + half, name, 5)
}

/// What a member did before: one lesson each, and a long one for every tenth.
pub fn before(index: u64) -> String {
    lesson(&format!("before-{index}"), index, index, if index.is_multiple_of(10) { WINNING_POINTS } else { 10 })
}

/// The friend accepts the invitation that [`inviter`] sent.
pub fn accepted(k: u64) -> String {
    let invitee = invited(k);
    let data = format!(r#"{{"invitee":"{}","inviter":"{}"}}"#, member(invitee), member(inviter(invitee).unwrap_or_default()));
    envelope(&format!("accept-{k}"), "guerdon.referral.accepted", 0, &data)
}

fn opened(n: u64, invitee: u64) -> String {
    let data = format!(r#"{{"invitee":"{}","existing_customer":false}}"#, member(invitee));
    envelope(&format!("e{n}"), "account.opened", n, &data)
}

fn lesson(id: &str, index: u64, n: u64, points: u32) -> String {
    let data = format!(r#"{{"member":"{}","lesson":"{id}","points":{points}}}"#, member(index));
    envelope(id, "lesson.finished", n, &data)
}

/// Spread over the week.
fn envelope(id: &str, kind: &str, n: u64, data: &str) -> String {
    let (day, hour, minute) = (22 + n % 6, 8 + n / 7 % 12, n / 5 % 60);
    format!(
        r#"{{"specversion":"1.0","source":"bench","id":"{id}","type":"{kind}","time":"2020-09-{day}T{hour:02}:{minute:02}:00+08:00","data":{data}}}"#
    )
}

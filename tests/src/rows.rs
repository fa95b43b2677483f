//! Rows for tests of the stores: plain ones to start from, and deltas as the book would make them.

use guerdon::store::SealedCode;
use guerdon_rules::book::rows::{
    CycleRow, Delta, EventRow, GrantRow, GrantState, Head, Held, JournalKind, JournalRow, MemberRow, Outcome, PostingRow, StandingRow,
};
use guerdon_rules::book::tally::{Days, Tally};
use guerdon_rules::event::{Key, key_of};
use guerdon_rules::value::MemberId;

pub fn key(text: &str) -> Key {
    key_of(&[text])
}

/// Of measure, amount, measure, amount. Not by what the stores read with, which is held against it.
pub fn tally(flat: &[i64]) -> Tally {
    let mut tally = Tally::default();
    for pair in flat.chunks(2) {
        tally.add(i32::try_from(pair[0]).expect("a measure"), pair[1]).expect("a sum that fits");
    }
    tally
}

/// The sums of one day, flat as in [`tally`].
pub fn day(day: i32, flat: &[i64]) -> Days {
    let mut days = Days::default();
    for pair in flat.chunks(2) {
        days.add(day, i32::try_from(pair[0]).expect("a measure"), pair[1]).expect("a sum that fits");
    }
    days
}

pub fn member(number: i64) -> MemberRow {
    MemberRow { number, id: MemberId::new(&format!("m{number}")), inviter: None, tally: tally(&[1, 20]), attributes: vec![], latest: None }
}

/// A member whose latest standing is of this cycle and revision.
pub fn standing_member(number: i64, cycle: i32, revision: i32) -> MemberRow {
    MemberRow { latest: Some((cycle, revision)), ..member(number) }
}

pub fn standing(cycle: i32, revision: i32, member: i64) -> StandingRow {
    StandingRow {
        cycle,
        revision,
        member,
        tally: tally(&[1, 20]),
        days: day(18_527, &[1, 20]),
        reached: vec![(1, 1_600_740_000_000)],
        attributes: vec![],
        ..StandingRow::default()
    }
}

pub fn cycle(number: i32) -> CycleRow {
    CycleRow { cycle: number, revision: 1, tally: tally(&[1, 20]), days: Days::default() }
}

/// A booked event.
pub fn event(id: &str, member: i64, position: i64, line: i32) -> EventRow {
    EventRow {
        identity: key_of(&["crm", id]),
        source: "crm".into(),
        id: id.into(),
        kind: "account.opened".into(),
        subject: Some(format!("m{member}")),
        member: Some(member),
        at_ms: Some(1_600_740_000_000),
        received_ms: 1_600_740_000_100,
        data: "{\"account\":\"6222-0001\",\"inviter\":\"m1\",\"existing_customer\":false}".into(),
        body_hash: key(id),
        outcome: Outcome::Booked,
        reason: None,
        once_key: Some(key_of(&["once", id])),
        release: 1,
        position,
        line,
    }
}

pub fn posting(ordinal: i32, member: i64) -> PostingRow {
    PostingRow { ordinal, line: ordinal, member, debit: 0, credit: 1, amount: 20, at_ms: 1_600_740_000_000, cycle: 1, day: 18_527 }
}

/// An issued grant.
pub fn grant(number: i64, pool: i32) -> GrantRow {
    GrantRow {
        number,
        member: 1,
        reward: 2,
        function: 3,
        cause: key(&format!("cause {number}")),
        ordinal: 1,
        state: GrantState::Issued,
        held: Held::Stock,
        pool: Some(pool),
        position: 1,
        line: 1,
        rule_line: 4,
        release: 1,
        cycle: 1,
        at_ms: 1_600_740_000_000,
        face_value: 2_000,
    }
}

pub fn owed(number: i64, pool: i32, held: Held) -> GrantRow {
    GrantRow { state: GrantState::Owed, held, ..grant(number, pool) }
}

pub fn journal(line: i32) -> JournalRow {
    let body = "{\"outcome\":\"booked\",\"postings\":[[1,1,20]],\"rule\":[1,\"on_account_opened\",4],\"clipped\":[]}";
    JournalRow { line, kind: JournalKind::Event, identity: None, member: Some(1), at_ms: 1_600_740_000_000, body: body.into() }
}

/// A delta of one journal line on top of a head.
pub fn delta(head: &Head) -> Delta {
    let head = Head { position: head.position + 1, ..head.clone() };
    Delta { head, journal: vec![journal(1)], ..Delta::default() }
}

/// Issued grants from `first` on, in one delta.
pub fn issuing(head: &Head, grants: Vec<GrantRow>) -> Delta {
    let mut delta = delta(head);
    delta.head.last_grant = grants.iter().map(|g| g.number).max().unwrap_or(0).max(head.last_grant);
    delta.grants = grants.into_iter().map(|g| GrantRow { position: delta.head.position, ..g }).collect();
    delta
}

pub fn codes(first: u64, count: u64) -> Vec<SealedCode> {
    let code = |number: u64| {
        let mut hash = [7; 32];
        hash[..8].copy_from_slice(&number.to_be_bytes());
        SealedCode { hash, sealed: [&[9; 40], &number.to_be_bytes()[..]].concat(), key: 1 }
    };
    (first..first + count).map(code).collect()
}

//! What holds for any stream of events: sums agree everywhere, deliveries repeated in any order change nothing, and
//! batches on a store come to the same rows as one complete book.

use guerdon_rules::book::Book;
use guerdon_rules::book::prepare::{Releases, prepare};
use guerdon_rules::book::rows::{GrantState, Head, PoolRow};
use guerdon_rules::event::Event;
use guerdon_rules::release::Release;
use guerdon_rules::simulate::rows::Rows;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

mod support;
use support::table;

/// 2020-09-22T00:00+08:00, and a clock after every event.
const STARTS_MS: i64 = 1_600_704_000_000;
const NOW_MS: i64 = STARTS_MS + 27 * 24 * 3_600_000;

const LIMITS: &str = r#"
[limits]
budget = "300.00 CNY"
[limits.accounts.coins]
per_member_per_day = 40
[limits.rewards.card]
per_member_per_cycle = 6
per_day = 11
[[invariants]]
name = "few"
holds = "granted(\"card\", \"on_gift\") <= 25"
on_breach = "close issue"
"#;

fn releases() -> Releases {
    static RELEASE: OnceLock<Arc<Release>> = OnceLock::new();
    Releases::new(vec![RELEASE.get_or_init(|| Arc::new(table::odds(LIMITS))).clone()])
}

/// What one event is made of: kind, two members, a number, an hour of the first 20 days.
type Dice = (usize, u8, u8, i64, i64);

fn dice() -> impl Strategy<Value = Dice> {
    (0..12_usize, 0..5_u8, 0..5_u8, 0..30_i64, 0..480_i64)
}

/// `id` makes it an event of its own. Kinds from 10 on may fail, and so may come out otherwise when they are sent again.
fn event(id: usize, (kind, a, b, n, hour): Dice) -> Event {
    let (a, b) = (format!("m{a}"), format!("m{b}"));
    let (m, n) = (format!("m={a}"), format!("n={n}"));
    let (invitee, inviter) = (format!("invitee={a}"), format!("inviter={b}"));
    let (kind, data): (&str, Vec<&str>) = match kind {
        0 => ("accept", vec![&invitee, &inviter]),
        1 => ("opened", vec![&invitee]),
        2 => ("opened", vec![&invitee, "old=true"]),
        3 => ("teamwork", vec![&m]),
        4 => ("enlist", vec![&m, if n.len() % 2 == 0 { "team=red" } else { "team=blue" }]),
        5 => ("daily", vec![&m]),
        6 => ("cashed", vec![&m, &n]),
        7 => ("invite", vec![&invitee, &inviter]),
        8 => ("quick", vec![&invitee]),
        9 => ("cashed", vec![&m, "n=none"]),
        10 => ("spend", vec![&m, &n]),
        _ => (if hour % 2 == 0 { "coin" } else { "gift" }, vec![&m, &n]),
    };
    table::event(STARTS_MS + hour * 3_600_000, &format!("e{id}"), kind, &data)
}

fn stream(dice: &[Dice]) -> Vec<Event> {
    dice.iter().enumerate().map(|(id, dice)| event(id, *dice)).collect()
}

fn empty() -> Rows {
    let pool = PoolRow { pool: 1, name: "card".into(), available: 5, owed: 0 };
    Rows::new(Head { seed: 7, ..Head::default() }, vec![pool])
}

/// One complete book, one commit for each event.
fn one_by_one(events: &[Event]) -> Rows {
    let (releases, mut rows) = (releases(), empty());
    let mut book = Book::in_memory(rows.pools.clone());
    book.set_seed(7);
    for event in events {
        let prepared = prepare(event.clone(), &releases, NOW_MS).unwrap();
        book.apply(&prepared).unwrap();
        rows.write(book.take_delta()).unwrap();
    }
    rows.pools = book.pools().to_vec();
    rows
}

fn in_batches(events: &[Event], sizes: &[usize]) -> Rows {
    let (releases, mut rows) = (releases(), empty());
    let mut left = events;
    for size in sizes.iter().cycle() {
        if left.is_empty() {
            break;
        }
        let (batch, rest) = left.split_at((*size).min(left.len()));
        rows.decide(batch.to_vec(), &releases, NOW_MS).unwrap();
        left = rest;
    }
    rows
}

/// Positions and lines depend on how events were grouped; the texts of the journal are not written in memory.
fn without_positions(mut rows: Rows) -> Rows {
    rows.head.position = 0;
    for event in rows.events.values_mut() {
        (event.position, event.line) = (0, 0);
    }
    for posting in &mut rows.postings {
        (posting.ordinal, posting.line) = (0, 0);
    }
    for grant in rows.grants.values_mut() {
        (grant.position, grant.line) = (0, 0);
    }
    for line in &mut rows.journal {
        line.line = 0;
        line.body.clear();
    }
    rows
}

/// What repeated deliveries may not change: everything but what only tells them apart.
fn effects(rows: &Rows) -> impl PartialEq + std::fmt::Debug + use<> {
    let rows = without_positions(rows.clone());
    (rows.members, rows.standings, rows.cycles, rows.postings, rows.grants, rows.head.totals, rows.pools, rows.waits)
}

fn add<K: Ord>(sums: &mut BTreeMap<K, i64>, key: K, amount: i64) {
    *sums.entry(key).or_default() += amount;
}

fn conserves(rows: &Rows) -> Result<(), TestCaseError> {
    let releases = releases();
    let release = releases.newest().unwrap();
    let (mut of_member, mut of_cycle) = (BTreeMap::new(), BTreeMap::new());
    for posting in &rows.postings {
        let (account, amount) = if posting.debit == 0 { (posting.credit, posting.amount) } else { (posting.debit, -posting.amount) };
        prop_assert!(posting.amount > 0 && (posting.debit == 0) != (posting.credit == 0));
        let index = release.codes.accounts.iter().position(|code| *code == account).unwrap();
        add(&mut of_member, (posting.member, release.codes.points[index]), amount);
        add(&mut of_cycle, (posting.cycle, release.codes.points[index]), amount);
    }
    for grant in rows.grants.values() {
        let index = release.codes.rewards.iter().position(|code| *code == grant.reward).unwrap();
        add(&mut of_member, (grant.member, release.codes.granted[index]), 1);
        add(&mut of_cycle, (grant.cycle, release.codes.granted[index]), 1);
        prop_assert!(matches!(grant.state, GrantState::Owed | GrantState::Issued));
    }
    let measures: Vec<i32> = release.codes.points.iter().chain(&release.codes.granted).copied().collect();
    for measure in measures {
        let total: i64 = rows.members.keys().map(|n| of_member.get(&(*n, measure)).copied().unwrap_or(0)).sum();
        prop_assert_eq!(rows.head.totals.get(measure), total);
        for (number, member) in &rows.members {
            let booked = of_member.get(&(*number, measure)).copied().unwrap_or(0);
            let standings: i64 = rows.standings.values().filter(|s| s.member == *number).map(|s| s.tally.get(measure)).sum();
            let days: i64 = rows
                .standings
                .values()
                .filter(|s| s.member == *number)
                .map(|s| s.days.sum(&(i32::MIN..i32::MAX), &[measure]).unwrap())
                .sum();
            prop_assert_eq!([member.tally.get(measure), standings, days], [booked; 3]);
            prop_assert!(booked >= 0);
        }
        for (number, cycle) in &rows.cycles {
            prop_assert_eq!(cycle.tally.get(measure), of_cycle.get(&(*number, measure)).copied().unwrap_or(0));
        }
    }
    let issued = rows.grants.values().filter(|g| g.state == GrantState::Issued && g.pool.is_some()).count() as i64;
    prop_assert_eq!(rows.pools[0].available + issued, 5);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn sums_agree_everywhere(dice in prop::collection::vec(dice(), 1..80)) {
        conserves(&one_by_one(&stream(&dice)))?;
    }

    #[test]
    fn batches_on_a_store_decide_as_one_complete_book(
        dice in prop::collection::vec(dice(), 1..80),
        sizes in prop::collection::vec(1..30_usize, 1..5),
    ) {
        let events = stream(&dice);
        let (single, batched) = (without_positions(one_by_one(&events)), without_positions(in_batches(&events, &sizes)));
        prop_assert_eq!(&single.members, &batched.members);
        prop_assert_eq!(&single.events, &batched.events);
        prop_assert_eq!(&single.waits, &batched.waits);
        prop_assert_eq!(&single.grants, &batched.grants);
        prop_assert_eq!(&single.journal, &batched.journal);
        prop_assert_eq!(single, batched);
    }

    #[test]
    fn what_is_delivered_again_changes_nothing(
        dice in prop::collection::vec(dice().prop_filter("never fails", |d| d.0 < 10), 1..60),
        again in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..60),
    ) {
        let events = stream(&dice);
        let mut repeated = events.clone();
        for (which, later) in again {
            let event = events[which.index(events.len())].clone();
            let first = repeated.iter().position(|e| e.id == event.id).unwrap();
            let at = first + 1 + later.index(repeated.len() - first);
            repeated.insert(at, event);
        }
        prop_assert_eq!(effects(&one_by_one(&events)), effects(&one_by_one(&repeated)));
    }
}

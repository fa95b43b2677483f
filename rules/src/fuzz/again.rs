//! The same story once more, in every way that must come to the same: every event sent again, settled again, on a
//! store that a new book is loaded from for each event, and, where the campaign says so, in another order.

use super::play::Played;
use super::story::{Act, Delivery, Story};
use crate::book::decide::Answered;
use crate::book::prepare::Releases;
use crate::book::ranking::points_in;
use crate::book::rows::MemberRow;
use crate::book::rows::{Head, Outcome};
use crate::campaign::Campaign;
use crate::event::Event;
use crate::release::Release;
use crate::simulate::rows::Rows;
use crate::simulate::world::World;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An event that was sent again and was not answered as before.
pub struct SentAgain {
    /// Which delivery of the story.
    pub delivery: usize,
    /// It waited, somebody filled its role, and then it could not be booked. Else: the books changed.
    pub failed: bool,
    pub why: String,
}

/// Sends every event again, and settles again. Changes the world of the story.
pub fn sent_again(played: &mut Played) -> Option<SentAgain> {
    let before = size(&played.world);
    for (index, (delivery, first)) in played.answers.iter().enumerate() {
        let step = played.world.event(delivery.event.clone(), played.now_ms, &[]);
        if step.answer.outcome == Answered::Is(Outcome::Failed) {
            return Some(SentAgain { delivery: index, failed: true, why: step.answer.reason.unwrap_or_default() });
        }
        if size(&played.world) != before {
            let why = format!("it was {} before, and sent again it changed the books", first.name());
            return Some(SentAgain { delivery: index, failed: false, why });
        }
    }
    if !played.world.settle(played.now_ms).failed.is_empty() {
        return None;
    }
    let before = size(&played.world);
    let more = !played.world.settle(played.now_ms).is_empty() || size(&played.world) != before;
    let last = played.answers.len().checked_sub(1)?;
    more.then(|| SentAgain { delivery: last, failed: false, why: "a second settlement found more to do".into() })
}

/// Ledger lines, grants and the last closed cycle: nothing is booked without one more.
fn size(world: &World) -> (usize, usize, i32) {
    (world.postings().len(), world.grants().len(), world.book().head().closed_through)
}

/// Plays the story on a store in memory, with a fresh book for each act, and compares what was written with the one
/// complete book. After each settlement another one, by somebody who has seen nothing of the first, must find nothing to do.
pub fn restarted(story: &Story, releases: &Releases, campaign: &Campaign) -> Option<String> {
    let mut world = World::new(releases.clone(), &story.stock, story.seed);
    let head = Head { seed: story.seed, ..Head::default() };
    let mut rows = Rows::new(head, world.book().pools().to_vec());
    let mut now_ms = i64::MIN;
    for (index, step) in story.steps.iter().enumerate() {
        for (n, at_ms) in step.times() {
            now_ms = now_ms.max(at_ms);
            let why = match &step.act {
                Act::Event(said) => event(&mut world, &mut rows, releases, said.event(campaign, index, n, at_ms), now_ms),
                Act::Settle => settle(&mut world, &mut rows, releases, now_ms),
                Act::Stock { pool, codes } => {
                    world.add_stock(pool, *codes);
                    World::resume(&mut rows, releases, now_ms, |own| own.add_stock(pool, *codes)).err()
                }
            };
            if let Some(why) = why {
                return Some(format!("time {n} of step {}: {why}", index + 1));
            }
        }
    }
    differs(&world, &rows)
}

/// Why an event is decided otherwise on the store, or nothing.
fn event(world: &mut World, rows: &mut Rows, releases: &Releases, event: Event, now_ms: i64) -> Option<String> {
    let refused = |violation: String| Some(format!("a store would refuse it: {violation}"));
    // What ends a wait by itself is the host's scheduler.
    if rows.waits.iter().any(|wait| wait.until_ms <= now_ms)
        && let Err(violation) = World::resume(rows, releases, now_ms, |own| own.expire_waits(now_ms))
    {
        return refused(violation);
    }
    let answer = world.event(event.clone(), now_ms, &[]).answer;
    match rows.decide(vec![event], releases, now_ms) {
        Err(violation) => refused(violation),
        Ok(answers) if answers != [answer.clone()] => Some(format!("it was answered otherwise: {answers:?}, {answer:?}")),
        Ok(_) => None,
    }
}

/// Why a settlement comes to something else on the store, or is done twice, or nothing.
fn settle(world: &mut World, rows: &mut Rows, releases: &Releases, now_ms: i64) -> Option<String> {
    let settled = world.settle(now_ms);
    let mut once = || World::resume(rows, releases, now_ms, |own| own.settle(now_ms));
    match (once(), once()) {
        (Err(violation), _) | (_, Err(violation)) => Some(format!("a store would refuse the settlement: {violation}")),
        (Ok(own), _) if own != settled => Some("a settlement after a restart gave something else".into()),
        (_, Ok(again)) if !again.is_empty() => Some("a second settlement, after a restart, found more to do".into()),
        _ => None,
    }
}

fn differs(world: &World, rows: &Rows) -> Option<String> {
    let book = world.book();
    let told = |what: &str| Some(format!("after a restart, {what} are others"));
    let members: Vec<_> = book.members().filter(|row| row.number != 0).collect();
    if members.len() != rows.members.len() || members.iter().any(|row| rows.members.get(&row.number) != Some(*row)) {
        return told("members");
    }
    if rows.cycles.values().any(|row| book.cycle_row(row.cycle) != Some(row)) {
        return told("the sums of a cycle");
    }
    // What a settlement has frozen stays in the store beside the latest.
    let mut latest = rows.standings.values().filter(|row| rows.latest_standing((row.cycle, row.member)) == Some(row));
    if latest.any(|row| book.standing(row.cycle, row.member) != Some(row)) {
        return told("standings");
    }
    if book.head().totals != rows.head.totals || book.pools() != rows.pools {
        return told("the campaign's totals or its stock");
    }
    let postings = world.postings().iter().map(|p| (p.member, p.debit, p.credit, p.amount, p.at_ms, p.cycle));
    if !postings.eq(rows.postings.iter().map(|p| (p.member, p.debit, p.credit, p.amount, p.at_ms, p.cycle))) {
        return told("ledger lines");
    }
    let grants = world.grants().iter().map(|g| (g.number, g.member, g.function, g.cause, g.reward, g.ordinal, g.state));
    if !grants.eq(rows.grants.values().map(|g| (g.number, g.member, g.function, g.cause, g.reward, g.ordinal, g.state))) {
        return told("grants");
    }
    None
}

/// What a member ends with, by the names of accounts, rewards and attributes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ended {
    pub points: Vec<(String, i64)>,
    pub grants: Vec<(String, i64)>,
    pub attributes: Vec<(String, Value)>,
}

/// Two orders of the same events that come to different books.
pub struct OtherOrder {
    pub deliveries: Vec<Delivery>,
    /// What the first order came to, for the members for whom the other comes to something else.
    pub wanted: BTreeMap<String, Ended>,
    pub why: String,
}

/// Plays the booked events in other orders: backwards, and with each single one first. Events that another one
/// contradicts (another body, a business key that is taken) are left out: which of two comes first must matter.
pub fn other_order(played: &Played, releases: &Releases, release: &Release, story: &Story) -> Option<OtherOrder> {
    let mut known = BTreeSet::new();
    let mut events: Vec<Delivery> = Vec::new();
    for (delivery, _) in &played.answers {
        let identity = delivery.event.identity();
        if played.world.book().outcome_of(&identity) == Some(Outcome::Booked) && known.insert(identity) {
            events.push(delivery.clone());
        }
    }
    let first = ended(&events, story, releases, release);
    let moved_first = (1..events.len().min(6)).map(|n| {
        let mut order = events.clone();
        let moved = order.remove(n);
        order.insert(0, moved);
        order
    });
    let backwards = (events.len() > 1).then(|| events.iter().rev().cloned().collect());
    for order in backwards.into_iter().chain(moved_first) {
        let other = ended(&order, story, releases, release);
        if other != first {
            return Some(told(order, &first, &other));
        }
    }
    None
}

fn told(deliveries: Vec<Delivery>, first: &BTreeMap<String, Ended>, other: &BTreeMap<String, Ended>) -> OtherOrder {
    let nothing = Ended::default();
    let mut wanted = BTreeMap::new();
    for id in first.keys().chain(other.keys()).collect::<BTreeSet<_>>() {
        let (first, other) = (first.get(id).unwrap_or(&nothing), other.get(id).unwrap_or(&nothing));
        if first != other {
            wanted.insert(id.clone(), first.beside(other));
        }
    }
    let who: Vec<&str> = wanted.keys().map(String::as_str).collect();
    let why = format!("the same events in another order leave {} with something else", who.join(", "));
    OtherOrder { deliveries, wanted, why }
}

impl Ended {
    /// This, with zeros for what only the other has.
    fn beside(&self, other: &Ended) -> Ended {
        let whole = |own: &[(String, i64)], others: &[(String, i64)]| {
            let mut all = own.to_vec();
            all.extend(others.iter().filter(|(name, _)| !own.iter().any(|(n, _)| n == name)).map(|(name, _)| (name.clone(), 0)));
            all
        };
        Ended {
            points: whole(&self.points, &other.points),
            grants: whole(&self.grants, &other.grants),
            attributes: self.attributes.clone(),
        }
    }
}

/// Members after these events, all of which come in at the end, and the settlements of every cycle they touch.
fn ended(events: &[Delivery], story: &Story, releases: &Releases, release: &Release) -> BTreeMap<String, Ended> {
    let mut world = World::new(releases.clone(), &story.stock, story.seed);
    let now_ms = events.iter().map(|d| d.now_ms).max().unwrap_or(0);
    for delivery in events {
        world.event(delivery.event.clone(), now_ms, &[]);
    }
    let (campaign, codes) = (&release.campaign, &release.codes);
    let calendar = &campaign.calendar;
    let last = calendar.cycle_of(now_ms).map_or(now_ms, |cycle| cycle.ends_ms.saturating_add(calendar.grace_ms()));
    world.settle(last.max(now_ms));
    let book = world.book();
    let of = |row: &MemberRow| Ended {
        points: (0..campaign.accounts.len())
            .map(|index| (campaign.accounts[index].name.to_string(), points_in(release, index, &row.tally).unwrap_or(i64::MAX)))
            .filter(|(_, points)| *points != 0)
            .collect(),
        grants: campaign
            .rewards
            .iter()
            .zip(&codes.granted)
            .map(|(r, code)| (r.name.to_string(), row.tally.get(*code)))
            .filter(|(_, n)| *n != 0)
            .collect(),
        attributes: campaign
            .attributes
            .iter()
            .zip(&codes.attributes)
            .filter_map(|(a, code)| Some((a.name.to_string(), row.attributes.iter().find(|(c, _)| c == code)?.1.clone())))
            .collect(),
    };
    book.members().filter(|row| row.number != 0).map(|row| (row.id.to_string(), of(row))).collect()
}

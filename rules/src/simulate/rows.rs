//! A store in memory: rows in maps, loaded by gaps and written by deltas as a database would. Tests and fuzzing drive
//! the book through it to see that a batch on a store decides as the one complete book does.
//!
//! Must not know: what the rows mean.

use crate::book::Book;
use crate::book::decide::{Answer, NeedsRows};
use crate::book::prepare::{Prepared, Releases, prepare, prepare_again};
use crate::book::rows::{
    CycleRow, Delta, EventRow, GrantRow, Head, JournalRow, MemberRow, Members, PoolRow, PostingRow, StandingRow, WaitRow,
};
use crate::event::{Event, Key};
use std::collections::BTreeMap;

/// Every table of one campaign.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub head: Head,
    pub pools: Vec<PoolRow>,
    /// By number.
    pub members: BTreeMap<i64, MemberRow>,
    /// By cycle, member and revision.
    pub standings: BTreeMap<(i32, i64, i32), StandingRow>,
    pub cycles: BTreeMap<i32, CycleRow>,
    pub events: BTreeMap<Key, EventRow>,
    pub waits: Vec<WaitRow>,
    pub postings: Vec<PostingRow>,
    /// By number.
    pub grants: BTreeMap<i64, GrantRow>,
    pub journal: Vec<JournalRow>,
    pub corrections: Vec<(i32, i32)>,
}

/// Rows that a delta may not write: a mistake of the book.
pub type Violation = String;

impl Rows {
    pub fn new(head: Head, pools: Vec<PoolRow>) -> Rows {
        Rows { head, pools, ..Rows::default() }
    }

    /// Decides a batch as a host does: groups that share one book each, committed one after the other. The answers are
    /// in the order of the events.
    pub fn decide(&mut self, events: Vec<Event>, releases: &Releases, now_ms: i64) -> Result<Vec<Answer>, Violation> {
        let mut left: Vec<Prepared> = events.into_iter().filter_map(|event| prepare(event, releases, now_ms)).collect();
        let mut answers = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let done = self.group(&left, releases, now_ms, &mut answers)?;
            if done == 0 {
                return Err("the first event of a group lacks rows".into());
            }
            left.drain(..done);
        }
        Ok(answers)
    }

    /// One group: as many of the events as can be decided with what was loaded, and one commit.
    fn group(&mut self, batch: &[Prepared], releases: &Releases, now_ms: i64, answers: &mut Vec<Answer>) -> Result<usize, Violation> {
        let mut book = self.load(batch, releases, now_ms);
        let mut done = 0;
        let mut deferred = Vec::new();
        for prepared in batch {
            let Ok(answer) = book.apply(prepared) else { break };
            answers.push(answer);
            done += 1;
            deferred = book.take_deferred();
            // What this event has set free comes before the next event.
            if !deferred.is_empty() {
                break;
            }
        }
        self.write(book.take_delta())?;
        self.pools = book.pools().to_vec();
        self.decide_deferred(deferred, releases, now_ms)?;
        Ok(done)
    }

    fn decide_deferred(&mut self, mut deferred: Vec<Key>, releases: &Releases, now_ms: i64) -> Result<(), Violation> {
        deferred.reverse();
        while let Some(identity) = deferred.pop() {
            let Some(prepared) = self.events.get(&identity).and_then(|row| prepare_again(row, releases, now_ms)) else {
                return Err("a deferred event is not stored".into());
            };
            let batch = [prepared];
            let mut book = self.load(&batch, releases, now_ms);
            book.apply(&batch[0]).map_err(|NeedsRows| "a deferred event lacks rows".to_string())?;
            deferred.extend(book.take_deferred().into_iter().rev());
            self.write(book.take_delta())?;
            self.pools = book.pools().to_vec();
        }
        Ok(())
    }

    /// A working set with what the batch may read.
    pub fn load(&self, batch: &[Prepared], releases: &Releases, now_ms: i64) -> Book {
        let mut book = Book::new(self.head.clone(), self.pools.clone());
        let identities: Vec<Key> = batch.iter().map(|p| p.identity).collect();
        book.load_events(&identities, self.events_of(&identities));
        loop {
            let gaps = book.member_gaps(batch);
            if gaps.is_empty() {
                break;
            }
            let mut found: Vec<MemberRow> = gaps.numbers.iter().filter_map(|n| self.members.get(n).cloned()).collect();
            found.extend(self.members.values().filter(|m| gaps.ids.contains(&m.id)).cloned());
            book.load_members(&gaps.ids, self.with_latest(found));
            book.load_waits(&gaps.waits, self.waits.iter().filter(|w| gaps.waits.contains(&w.member)).cloned().collect());
            book.load_events(&gaps.events, self.events_of(&gaps.events));
            book.load_waiting(&gaps.events, releases, now_ms);
        }
        let gaps = book.row_gaps(batch);
        let found = gaps.standings.iter().filter_map(|key| self.latest_standing(*key).cloned()).collect();
        book.load_standings(&gaps.standings, found);
        book.load_cycles(&gaps.cycles, gaps.cycles.iter().filter_map(|n| self.cycles.get(n).cloned()).collect());
        let claims = self.events.values().filter(|e| e.once_key.is_some_and(|key| gaps.claims.contains(&key))).cloned().collect();
        book.load_claims(&gaps.claims, claims);
        book
    }

    fn events_of(&self, identities: &[Key]) -> Vec<EventRow> {
        identities.iter().filter_map(|identity| self.events.get(identity).cloned()).collect()
    }

    /// Members with what stands beside their rows.
    pub fn with_latest(&self, rows: Vec<MemberRow>) -> Members {
        let place = |row: &MemberRow| row.latest.map(|(cycle, revision)| (cycle, row.number, revision));
        let latest = rows.iter().filter_map(|row| self.standings.get(&place(row)?).cloned()).collect();
        Members { rows, latest }
    }

    pub fn latest_standing(&self, (cycle, member): (i32, i64)) -> Option<&StandingRow> {
        self.standings.range((cycle, member, i32::MIN)..=(cycle, member, i32::MAX)).next_back().map(|(_, row)| row)
    }

    /// Writes a commit, and holds it against what a database would refuse.
    pub fn write(&mut self, delta: Delta) -> Result<(), Violation> {
        if delta.is_empty() {
            return Ok(());
        }
        self.check_moved(&delta)?;
        self.head = delta.head;
        for row in delta.new_members {
            let number = row.number;
            if self.members.values().any(|m| m.id == row.id) || self.members.insert(number, row).is_some() {
                return Err(format!("member {number} is there already"));
            }
        }
        for row in delta.changed_members {
            let number = row.number;
            let old = self.members.insert(number, row).ok_or_else(|| format!("member {number} is not there"))?;
            if old.inviter.is_some() && old.inviter != self.members[&number].inviter {
                return Err(format!("the inviter of member {number} changed"));
            }
        }
        self.standings.extend(delta.standings.into_iter().map(|row| ((row.cycle, row.member, row.revision), row)));
        for row in delta.changed_standings {
            let key = (row.cycle, row.member, row.revision);
            self.standings.insert(key, row).ok_or_else(|| format!("standing {key:?} is not there"))?;
        }
        self.cycles.extend(delta.cycles.into_iter().map(|row| (row.cycle, row)));
        self.write_events(delta.new_events, delta.changed_events)?;
        self.waits.retain(|wait| !delta.ended_waits.contains(&wait.identity));
        for wait in delta.new_waits {
            self.waits.retain(|w| (w.member, w.what, w.identity) != (wait.member, wait.what, wait.identity));
            self.waits.push(wait);
        }
        self.postings.extend(delta.postings);
        for grant in delta.grants {
            let key = |g: &GrantRow| (g.function, g.member, g.cause, g.reward, g.ordinal);
            if self.grants.values().any(|g| key(g) == key(&grant)) || self.grants.insert(grant.number, grant).is_some() {
                return Err("a grant is there already".into());
            }
        }
        self.journal.extend(delta.journal);
        self.corrections.extend(delta.corrections);
        Ok(())
    }

    /// A standing that gives its place beside the member's row to a later one keeps its state, by being written or moved; the
    /// later one is written.
    fn check_moved(&self, delta: &Delta) -> Result<(), Violation> {
        let mut moved = Vec::new();
        for row in &delta.changed_members {
            let written = |place: (i32, i32)| {
                let mut all = delta.standings.iter().chain(&delta.changed_standings);
                all.any(|s| (s.cycle, s.revision, s.member) == (place.0, place.1, row.number))
            };
            let Some(old) = self.members.get(&row.number).map(|old| old.latest).filter(|old| *old != row.latest) else { continue };
            if row.latest < old || !row.latest.is_some_and(written) {
                return Err(format!("the latest standing of member {} went back, or is not written", row.number));
            }
            moved.extend(old.filter(|old| !written(*old)).map(|_| row.number));
        }
        if moved != delta.moved {
            return Err(format!("standings of {moved:?} move, and the delta moves {:?}", delta.moved));
        }
        Ok(())
    }

    fn write_events(&mut self, new: Vec<EventRow>, changed: Vec<EventRow>) -> Result<(), Violation> {
        for row in new {
            if let Some(key) = row.once_key
                && self.events.values().any(|e| e.once_key == Some(key))
            {
                return Err("a business key is claimed already".into());
            }
            if self.events.insert(row.identity, row).is_some() {
                return Err("an event is there already".into());
            }
        }
        for row in changed {
            let old = self.events.insert(row.identity, row).ok_or("a changed event is not there")?;
            if old.outcome.is_final() {
                return Err("a final event changed".into());
            }
        }
        Ok(())
    }
}

//! A world that goes on from the rows of a store, as a host does that was started again: for what a store in memory has
//! no code of its own for, settlements, waits that end, stock.

use super::World;
use crate::book::Book;
use crate::book::prepare::Releases;
use crate::book::rows::{Delta, JournalKind, WaitRow};
use crate::event::Key;
use crate::simulate::rows::{Rows, Violation};
use std::cmp::Reverse;
use std::collections::BTreeMap;

impl World {
    /// Does something with a world that knows nothing but these rows, and writes what came of it into them.
    pub fn resume<T>(rows: &mut Rows, releases: &Releases, now_ms: i64, act: impl FnOnce(&mut World) -> T) -> Result<T, Violation> {
        let mut world = World::loaded(rows, releases, now_ms);
        let told = act(&mut world);
        world.drain();
        for delta in world.written.take().unwrap_or_default() {
            rows.write(delta)?;
        }
        rows.pools = world.book.pools().to_vec();
        rows.corrections = world.due.into_iter().collect();
        rows.grants = world.grants.into_iter().map(|grant| (grant.number, grant)).collect();
        Ok(told)
    }

    fn loaded(rows: &Rows, releases: &Releases, now_ms: i64) -> World {
        let mut world = World::new(releases.clone(), &BTreeMap::new(), rows.head.seed);
        let book = &mut world.book;
        *book = Book::resumed(rows.head.clone(), rows.pools.clone());
        book.load_members(&[], rows.with_latest(rows.members.values().cloned().collect()));
        let events: Vec<Key> = rows.events.keys().copied().collect();
        book.load_events(&events, rows.events.values().cloned().collect());
        book.load_claims(&[], rows.events.values().cloned().collect());
        book.load_cycles(&[], rows.cycles.values().cloned().collect());
        // In the order of revisions: the latest of each stays.
        book.load_standings(&[], rows.standings.values().cloned().collect());
        let members: Vec<i64> = rows.members.keys().copied().collect();
        book.load_waits(&members, rows.waits.clone());
        book.load_waiting(&rows.waits.iter().map(|wait| wait.identity).collect::<Vec<_>>(), releases, now_ms);
        world.waits = rows.waits.iter().map(|wait: &WaitRow| Reverse((wait.until_ms, wait.identity))).collect();
        world.due = rows.corrections.iter().copied().collect();
        world.grants = rows.grants.values().cloned().collect();
        world.written = Some(Vec::new());
        world
    }

    /// What was decided since the last commit, as a host would write it: with a line of the journal.
    pub(super) fn commit(&mut self) -> Delta {
        self.book.add_line(JournalKind::Settlement, None, None, 0, String::new());
        self.book.take_delta()
    }
}

//! Campaigns in memory, at full speed: what a stream of events would cost, and who would get what.
//!
//! [`world`] is the campaign with its settlements, [`playback`] drives one with events, [`report`] says what came of
//! it, [`costs`] adds up by rule line and member, [`compare`] plays two releases side by side, [`cycle`] one cycle of
//! a running campaign under two, and [`follow`] follows one. `reading` reads events on a thread of its own, `asking` asks
//! the rules on another. [`population`] makes events of people who are described, [`forecast`] plays them many times.
//! [`rows`] is a store in memory that tests and fuzzing drive the book with as a database would, [`recorded`] makes the
//! learning race's events.
//! Promises: the same events, releases and seed give the same report. Must not know: files, databases, the wall clock.

mod asking;
pub mod compare;
pub mod costs;
pub mod cycle;
pub mod follow;
pub mod forecast;
pub mod playback;
pub mod population;
pub mod random;
mod reading;
pub mod recorded;
pub mod report;
pub mod rows;
pub mod world;

use crate::book::prepare::Releases;
use crate::event::Event;
use asking::Asking;
use playback::Playback;
pub use report::Report;
use std::collections::BTreeMap;
use world::{Keeps, World};

/// What a simulation may choose.
#[derive(Clone)]
pub struct Options<'a> {
    /// Codes by pool; none: every pool has enough.
    pub stock: Option<BTreeMap<String, i64>>,
    pub seed: i64,
    /// Called now and then, from any thread, with the number of events since the last call.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// Plays events in the order in which they come, while other threads read those after them and ask their rules.
pub fn run<E: IntoIterator<Item = Event, IntoIter: Send>>(releases: Releases, events: E, options: Options) -> Report {
    run_to_end(releases, events, &options).1
}

/// [`run`], with the world as it is then.
fn run_to_end<E: IntoIterator<Item = Event, IntoIter: Send>>(releases: Releases, events: E, options: &Options) -> (World, Report) {
    let mut playback = Playback::new(empty(releases.clone(), options, Keeps::Sums), options.stock.clone());
    std::thread::scope(|scope| {
        let mut asking = Asking::begin(scope, &mut playback);
        reading::ahead(events.into_iter(), &releases, |read| {
            let count = read.len() as u64;
            asking.play(read);
            (options.progress)(count);
        });
        asking.finish();
    });
    let report = playback.finish().0;
    (playback.into_world(), report)
}

/// A world in which nothing has happened.
fn empty(releases: Releases, options: &Options, keeps: Keeps) -> World {
    let stock = options.stock.clone().unwrap_or_else(|| plenty(&releases));
    let mut world = World::new(releases, &stock, options.seed);
    world.keep(keeps);
    world
}

/// More codes than anybody could be granted.
fn plenty(releases: &Releases) -> BTreeMap<String, i64> {
    let pools = releases.iter().flat_map(|r| &r.campaign.rewards).filter_map(|reward| reward.pool.as_deref());
    pools.map(|pool| (pool.to_string(), i64::MAX / 2)).collect()
}

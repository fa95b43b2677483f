//! Reads events on a thread of its own, while those before them are decided: their contracts and their hashes need no
//! state. Promises: the order stays. Must not know: what becomes of an event.

use super::playback::clock;
use crate::book::prepare::{Prepared, Releases, prepare};
use crate::event::Event;
use std::sync::mpsc;

/// Events that are handed over together. Little against the members of a campaign: rules are asked so far ahead.
const CHUNK: usize = 256;
/// Chunks that are read ahead at most.
const AHEAD: usize = 4;

/// Hands `take` every event, in its order, as it is read at the time on the playback's clock.
pub fn ahead(events: impl Iterator<Item = Event> + Send, releases: &Releases, mut take: impl FnMut(Vec<Prepared>)) {
    let (sender, receiver) = mpsc::sync_channel(AHEAD);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut now_ms = i64::MIN;
            let mut read = events.filter_map(|event| {
                now_ms = clock(now_ms, &event);
                // Without any release nothing is decided.
                prepare(event, releases, now_ms)
            });
            loop {
                let chunk: Vec<Prepared> = read.by_ref().take(CHUNK).collect();
                // Nobody takes them any more: the other thread panicked, and that is told there.
                if chunk.is_empty() || sender.send(chunk).is_err() {
                    return;
                }
            }
        });
        receiver.into_iter().for_each(&mut take);
    });
}

//! Hosts that write to one campaign take turns at deciding ahead: what one of them has in memory is worth nothing once
//! the other has written, and rows that both write before they have the lock would wait for each other. A turn is a lock
//! of its own in the database, given in the order of asking, held for some groups and given back as soon as there is
//! nothing to do; a host that is gone has lost it. Promises: nothing is right only because of a turn, the head's lock and
//! its position see to that; while nothing else writes to its campaign, a host asks for none.
//!
//! Must not know: what is decided.

use super::host::{Host, Running};
use crate::store::Turn;

/// How long a turn lasts while there is work, in milliseconds: long against what the next host must read again.
const TURN_MS: u64 = 250;
/// For how long a host that met another one goes on to take turns, in milliseconds.
const SHARED_MS: u64 = 30_000;

/// A lane's part in the turns of its campaign.
#[derive(Default)]
pub(super) struct Turns {
    /// Until then somebody else may be writing.
    shared_until_ms: u64,
    /// Somebody wrote meanwhile since the last turn began.
    has_met: bool,
    held: Option<Held>,
}

/// What has begun with a turn: whatever was read before is old.
pub(super) enum Begun {
    /// Whoever else writes takes turns, or is done.
    Apart,
    /// Somebody wrote meanwhile, and asked for no turn: they have to be told, which a commit under the lock does.
    Unheard,
}

struct Held {
    turn: Box<dyn Turn>,
    until_ms: u64,
}

impl Turns {
    /// Somebody else wrote meanwhile: another host, or a settlement of this one.
    pub fn met(&mut self, host: &Host) {
        self.shared_until_ms = now_ms(host) + SHARED_MS;
        self.has_met = true;
    }

    /// Whether others may be writing.
    pub fn are_shared(&self, host: &Host) -> bool {
        now_ms(host) <= self.shared_until_ms
    }

    /// Waits for a turn when there may be others. None: there are none, or it goes on.
    pub async fn begin(&mut self, host: &Host, running: &Running) -> Option<Begun> {
        if self.held.is_some() || !self.are_shared(host) {
            return None;
        }
        let (turn, waited) = match host.store.take_turn(running.row.campaign).await {
            Ok(taken) => taken?,
            // Without a turn it is only slower.
            Err(error) => {
                tracing::debug!(%error, "no turn");
                return None;
            }
        };
        let had_met = std::mem::take(&mut self.has_met);
        if waited {
            self.shared_until_ms = now_ms(host) + SHARED_MS;
        }
        self.held = Some(Held { turn, until_ms: now_ms(host) + TURN_MS });
        Some(if had_met && !waited { Begun::Unheard } else { Begun::Apart })
    }

    /// Whether it is somebody else's turn now.
    pub fn is_over(&self, host: &Host) -> bool {
        self.held.as_ref().is_some_and(|held| now_ms(host) >= held.until_ms)
    }

    /// Gives the turn back. Nothing may be being written.
    pub async fn end(&mut self) {
        if let Some(held) = self.held.take() {
            held.turn.end().await;
        }
    }
}

fn now_ms(host: &Host) -> u64 {
    host.runtime.limits.watch.elapsed_ms()
}

//! The only place that reads the machine's clock. Everything else is handed a [`Clock`].

use guerdon_rules::limits::Watch;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01T00:00Z.
pub trait Clock: Send + Sync {
    fn now_ms(&self) -> i64;
}

/// The machine's clock.
pub struct SystemClock;
impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // Here, and nowhere else.
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }
}

/// A clock that somebody sets, for the demo and for tests.
pub struct SetClock(AtomicI64);
impl SetClock {
    pub fn at(now_ms: i64) -> SetClock {
        SetClock(AtomicI64::new(now_ms))
    }
    pub fn set(&self, now_ms: i64) {
        self.0.store(now_ms, Ordering::SeqCst);
    }
}
impl Clock for SetClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Time since it was made, for the deadline of an evaluation and for what has been idle.
pub struct Stopwatch(Instant);
impl Default for Stopwatch {
    fn default() -> Self {
        Stopwatch(Instant::now())
    }
}
impl Watch for Stopwatch {
    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

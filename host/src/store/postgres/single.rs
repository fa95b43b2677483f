//! Connections for statements that are whole transactions. Nothing is ever begun here, so that none of them can be left
//! inside a transaction that is never committed.
//!
//! The one that was used last comes first: its server's process has the plans, and its memory at hand. The pool would give
//! the one that was idle longest, and ask each that comes back whether it lives, which is a round trip.
//! Must not know: statements.

use super::{ASKED_AFTER_MS, store_error};
use crate::clock::Stopwatch;
use crate::store::Result;
use guerdon_rules::limits::Watch;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgPool, Postgres};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone)]
pub struct Single {
    pool: PgPool,
    idle: Arc<Mutex<Vec<Idle>>>,
    watch: Arc<Stopwatch>,
}

struct Idle {
    connection: PoolConnection<Postgres>,
    since_ms: u64,
}

impl Single {
    pub fn new(pool: PgPool) -> Single {
        Single { pool, idle: Arc::default(), watch: Arc::default() }
    }

    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub async fn acquire(&self) -> Result<PoolConnection<Postgres>> {
        let last = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match last {
            Some(Idle { connection, since_ms }) if self.watch.elapsed_ms() < since_ms + ASKED_AFTER_MS => Ok(connection),
            // The pool asks the ones that were idle for long.
            _ => self.pool.acquire().await.map_err(store_error),
        }
    }

    /// To be called when its last statement has succeeded. Dropped, a connection goes to the pool, which looks after it.
    pub fn give_back(&self, connection: PoolConnection<Postgres>) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(Idle { connection, since_ms: self.watch.elapsed_ms() });
    }
}

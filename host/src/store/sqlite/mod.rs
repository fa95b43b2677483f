//! The store on SQLite, embedded: one file, one writer, any number of readers.
//!
//! Promises: what was committed survives power loss (WAL, synchronous=FULL, one sync for each commit). Transactions take
//! the write lock when they begin, so that every statement after it sees what is true.
//! Must not know: what rows mean.

mod cards;
mod error;
mod list;
mod prefetch;
mod reads;
mod releases;
mod rows;
mod settlement;
mod shadows;
mod transaction;
mod write;

use self::error::store_error;
use super::{Options, Result, Store, StoreError};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// See the module.
pub struct SqliteStore {
    writer: SqlitePool,
    reads: SqlitePool,
}

/// Opens and migrates; makes the file when it is not there. Several hosts may do so at once.
pub async fn open(path: &str, options: &Options) -> Result<Arc<dyn Store>> {
    let file = file(path).create_if_missing(true).busy_timeout(options.lock_timeout);
    let one = || SqlitePoolOptions::new().max_connections(1).acquire_timeout(options.lock_timeout).idle_timeout(None).max_lifetime(None);
    let writer = patiently(options.lock_timeout, || one().connect_with(file.clone())).await?;
    migrate(&writer).await?;
    let reads = SqlitePoolOptions::new().max_connections(options.read_connections).acquire_timeout(options.lock_timeout);
    let reads = reads.connect_with(file.pragma("query_only", "1")).await.map_err(store_error)?;
    Ok(Arc::new(SqliteStore { writer, reads }))
}

/// How a file is opened to be written: what is committed is on the disk.
pub fn file(path: impl AsRef<Path>) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .statement_cache_capacity(256)
        .pragma("cache_size", "-65536")
        // Else what a statement of many rows would undo goes through a file.
        .pragma("temp_store", "memory")
        // In pages, 64 MB: one commit of a large campaign is 15 MB, and a page that changes in many is copied once.
        .pragma("wal_autocheckpoint", "16384")
}

/// Switching a new file to WAL fails at once while another host does the same, without the busy timeout's patience.
async fn patiently<T, F: Future<Output = sqlx::Result<T>>>(patience: Duration, attempt: impl Fn() -> F) -> Result<T> {
    let pause = Duration::from_millis(20);
    let mut waited = Duration::ZERO;
    loop {
        match attempt().await.map_err(store_error) {
            Err(StoreError::Busy(_)) if waited < patience => tokio::time::sleep(pause).await,
            other => return other,
        }
        waited += pause;
    }
}

async fn migrate(writer: &SqlitePool) -> Result<()> {
    // All of it under the write lock, so that a second host finds it done.
    let mut open = writer.begin_with(transaction::BEGIN).await.map_err(store_error)?;
    match MIGRATIONS.run_direct(None, &mut *open, false).await {
        Ok(()) => open.commit().await.map_err(store_error),
        Err(MigrateError::VersionMissing(_)) => {
            let database =
                sqlx::query_scalar("select max(version) from _sqlx_migrations").fetch_one(&mut *open).await.map_err(store_error)?;
            Err(StoreError::Newer { database, host: newest() })
        }
        Err(MigrateError::VersionMismatch(number)) => Err(StoreError::Other(format!(
            "migration {number} of the database is not the one of this host: one of them was changed after it was released"
        ))),
        Err(MigrateError::Execute(error)) => Err(store_error(error)),
        Err(error) => Err(StoreError::Other(error.to_string())),
    }
}

/// Number of the newest schema that this host knows.
pub fn newest() -> i64 {
    MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0)
}

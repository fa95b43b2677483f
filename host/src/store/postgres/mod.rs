//! The store on PostgreSQL 15 or later, for any number of hosts.
//!
//! Sets of connections: lanes write, with timeouts and with plans that always go by key, and have a few more for statements
//! that are whole transactions, and to wait for their turn; reads never hold a lock.
//! READ COMMITTED: the head's row lock serialises a campaign, so that every statement after it sees what is true.
//! Must not know: what rows mean.

mod cards;
mod early;
mod error;
mod prefetch;
mod reads;
mod releases;
mod rows;
mod settlement;
mod shadows;
mod single;
mod statements;
mod transaction;
mod write;

use self::error::store_error;
use self::single::Single;
use super::{Options, Result, Store, StoreError};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{Connection, PgConnection};
use std::sync::Arc;
use std::time::Duration;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/postgres");

/// See the module.
pub struct PostgresStore {
    lanes: PgPool,
    single: Single,
    reads: PgPool,
    /// Who waits for a turn must not keep a connection from whoever has one.
    turns: PgPool,
}

/// Opens and migrates. Several hosts may do so at once: an advisory lock lets one migrate.
pub async fn open(url: &str, options: &Options) -> Result<Arc<dyn Store>> {
    let address: PgConnectOptions = url.parse().map_err(store_error)?;
    let address = address.application_name("guerdon").statement_cache_capacity(256);
    migrate(&address).await?;
    let lane = lane(address.clone(), options);
    let lanes = pool(options.write_connections, options).connect_with(lane.clone()).await.map_err(store_error)?;
    let single = Single::new(pool(options.write_connections, options).connect_lazy_with(lane.clone()));
    let turns = pool(options.write_connections, options).connect_lazy_with(lane);
    // Pages and single rows by key: to start workers for one takes longer than to read it.
    let reads = address.options([("statement_timeout", "60000"), ("max_parallel_workers_per_gather", "0"), ("jit", "off")]);
    let reads = pool(options.read_connections, options).connect_with(reads).await.map_err(store_error)?;
    Ok(Arc::new(PostgresStore { lanes, single, reads, turns }))
}

/// To find out whether a connection still lives is a round trip, so that only one that was idle for this long is asked.
/// What one of the others meets when its server is gone is tried again, or told to the caller as that.
const ASKED_AFTER_MS: u64 = 1000;

fn pool(connections: u32, options: &Options) -> PgPoolOptions {
    let pool = PgPoolOptions::new().max_connections(connections).acquire_timeout(options.lock_timeout);
    pool.test_before_acquire(false).before_acquire(|connection, state| {
        Box::pin(async move {
            if state.idle_for > Duration::from_millis(ASKED_AFTER_MS) {
                connection.ping().await?;
            }
            Ok(true)
        })
    })
}

/// How a lane connects.
pub fn lane(address: PgConnectOptions, options: &Options) -> PgConnectOptions {
    let milliseconds = |timeout: Duration| timeout.as_millis().to_string();
    // A lane's statements all go by key. Without this, a plan made while a table was small, or before it was ever
    // analysed, reads the whole campaign for each commit: a bitmap or materialized scan by campaign with a filter.
    address.options([
        ("statement_timeout", milliseconds(options.statement_timeout)),
        ("lock_timeout", milliseconds(options.lock_timeout)),
        ("idle_in_transaction_session_timeout", milliseconds(options.idle_timeout)),
        ("enable_seqscan", "off".into()),
        ("enable_hashjoin", "off".into()),
        ("enable_mergejoin", "off".into()),
        ("enable_material", "off".into()),
        ("enable_bitmapscan", "off".into()),
        ("jit", "off".into()),
        // The statements are long and the plans always the same: planning one anew costs more than running it.
        ("plan_cache_mode", "force_generic_plan".into()),
        // A rollback outside a transaction warns; see `transaction::BEGIN`.
        ("client_min_messages", "error".into()),
    ])
}

async fn migrate(address: &PgConnectOptions) -> Result<()> {
    // Not from a pool, which would go on trying while there is no server.
    let mut connection = PgConnection::connect_with(address).await.map_err(store_error)?;
    let ran = match MIGRATIONS.run_direct(None, &mut connection, false).await {
        Ok(()) => Ok(()),
        Err(MigrateError::VersionMissing(_)) => {
            let database =
                sqlx::query_scalar("select max(version) from _sqlx_migrations").fetch_one(&mut connection).await.map_err(store_error)?;
            Err(StoreError::Newer { database, host: newest() })
        }
        Err(MigrateError::VersionMismatch(number)) => Err(StoreError::Other(format!(
            "migration {number} of the database is not the one of this host: one of them was changed after it was released"
        ))),
        Err(MigrateError::Execute(error)) => Err(store_error(error)),
        Err(error) => Err(StoreError::Other(error.to_string())),
    };
    // Closing the connection also gives up the advisory lock, which a failed migration keeps.
    connection.close().await.map_err(store_error)?;
    ran
}

/// Gives the lowest available codes of a pool to these grants, as a commit does; the pools that had too few. For measuring
/// what that costs.
pub async fn take_codes(connection: &mut PgConnection, campaign: i32, pool: i32, grants: &[i64]) -> Result<Vec<i32>> {
    let wanted: Vec<(i32, i64)> = grants.iter().map(|grant| (pool, *grant)).collect();
    cards::allocate(connection, campaign, &wanted).await
}

/// Every statement that may write a group, whatever it has rows for. For tests, which ask PostgreSQL about each: what it
/// refused would be decided again under the lock, so that it would only be slow.
pub fn group_statements() -> impl Iterator<Item = &'static str> {
    statements::all()
}

/// Number of the newest schema that this host knows.
pub fn newest() -> i64 {
    MIGRATIONS.iter().map(|m| m.version).max().unwrap_or(0)
}

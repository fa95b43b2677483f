//! The real host on a database of its own: what it books over HTTP, beside the usual host and beside plain SQL. The
//! database is made for this and dropped at the end, whatever happened. Must not know: how either of them works.

use super::bulk::{self, Commit};
use super::usage::{self, Usage};
use super::world::{BATCH, World};
use super::{BenchError, Entry, Options, Progress, Result, bulk_postgres, bulk_sqlite, client, stream, usual};
use crate::store;
use guerdon_rules::language::Runtime;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::sync::Arc;
use std::time::Duration;

const UNIT: &str = "events/s";
/// Times what the usual host books.
const USUAL_GOAL: f64 = 6.0;
/// Of what plain SQL writes.
const BULK_GOAL: f64 = 0.4;
/// Connections of the client: enough that a group is full while the one before it is committed.
const CONNECTIONS: usize = 32;

/// How much of each.
struct Size {
    /// Over HTTP.
    events: u64,
    /// Of each bulk run.
    commits: u64,
    usual_seconds: u64,
}

impl Size {
    fn of(options: &Options) -> Size {
        match options.quick {
            true => Size { events: 20_000, commits: 10, usual_seconds: 2 },
            false => Size { events: 100_000, commits: 40, usual_seconds: 5 },
        }
    }

    /// Accounts that are opened, by all runs.
    fn opened(&self) -> u64 {
        (self.events + 2 * self.commits * bulk::EVENTS) / stream::OPENED_EVERY + 2
    }

    fn check(&self, members: u64) -> Result<()> {
        let least = self.opened();
        if stream::invited_members(members) >= least {
            return Ok(());
        }
        Err(BenchError::Wrong(format!(
            "{members} members are too few: {least} of them open an account; ask for at least {}",
            least * 10 / 9 + 20
        )))
    }
}

pub async fn postgres(options: &Options, runtime: &Runtime, progress: Progress<'_>) -> Result<Vec<Entry>> {
    let Some(url) = &options.postgres else {
        let why = "no database: name a server with --postgres";
        let skipped = |name, goal| Entry::skipped(name, goal, UNIT, why);
        return Ok(vec![skipped("postgres.batch", USUAL_GOAL), skipped("postgres.bulk_limit", BULK_GOAL)]);
    };
    Size::of(options).check(options.members)?;
    let server: PgConnectOptions = url.parse()?;
    let mut connection = PgConnection::connect_with(&server).await?;
    let name = format!("guerdon_bench_{}", std::process::id());
    execute(&mut connection, &format!("create database {name}")).await?;
    let measured = on_postgres(options, runtime, progress, &server.database(&name), &with_database(url, &name)).await;
    // The connection may have been idle for minutes: a server may have closed it.
    let mut connection = PgConnection::connect(url).await.or(Ok::<_, sqlx::Error>(connection))?;
    execute(&mut connection, &format!("drop database {name} with (force)")).await?;
    measured
}

async fn execute(connection: &mut PgConnection, statement: &str) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(statement)).execute(connection).await?;
    Ok(())
}

/// The same address with another database.
fn with_database(url: &str, name: &str) -> String {
    let (address, parameters) = url.split_once('?').map_or((url, String::new()), |(a, p)| (a, format!("?{p}")));
    let place = address.find("://").map_or(0, |place| place + 3);
    let server = address[place..].find('/').map_or(address, |slash| &address[..place + slash]);
    format!("{server}/{name}{parameters}")
}

async fn on_postgres(
    options: &Options,
    runtime: &Runtime,
    progress: Progress<'_>,
    address: &PgConnectOptions,
    url: &str,
) -> Result<Vec<Entry>> {
    let size = Size::of(options);
    let store = store::open(url, &store::Options::default()).await?;
    let mut connection = PgConnection::connect_with(address).await?;
    let process: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut connection).await?;
    let server = u32::try_from(process).ok().and_then(usage::parent);
    let (usual, mut details) = usual::measure(address, options.members, size.usual_seconds, progress).await?;
    let world = World::open(store, runtime, options.members, size.opened() + 100, progress).await?;
    settle(&mut connection).await?;
    progress("postgres.batch", 0, size.events);
    let wal = wal_bytes(&mut connection).await?;
    let driven = over_http(&world, &size, server).await?;
    let wal = (wal_bytes(&mut connection).await? - wal) as f64 / size.events as f64;
    settle(&mut connection).await?;
    progress("postgres.bulk_limit", 0, 2);
    let commits = bulk::commits(&world, 2 * size.commits, size.events / stream::OPENED_EVERY).await?;
    let rows = rows_per_event(&commits);
    let (one, two) = commits.split_at(commits.len() / 2);
    let wal_before = wal_bytes(&mut connection).await?;
    let (usage_before, one) = (usage::now(server), bulk_postgres::write(address, one, 1).await?);
    let bulk_used = usage::bottleneck(usage_before, usage::now(server));
    let bulk_wal = (wal_bytes(&mut connection).await? - wal_before) as f64 / (size.commits * bulk::EVENTS) as f64;
    settle(&mut connection).await?;
    let two = bulk_postgres::write(address, two, 2).await?;
    progress("audit", 0, 1);
    world.audit().await?;
    let rate = |took: Duration| (size.commits * bulk::EVENTS) as f64 / took.as_secs_f64();
    let mut batch = Entry::ratio("postgres.batch", USUAL_GOAL, UNIT, driven.rate, usual);
    batch.bottleneck = driven.bottleneck;
    details.extend(driven.details);
    details.push(format!("{rows:.1} rows and {wal:.0} bytes of WAL an event; {} members; the audit is clean", options.members));
    batch.details = details;
    let mut limit = Entry::ratio("postgres.bulk_limit", BULK_GOAL, UNIT, driven.rate, rate(one).max(rate(two)));
    limit.bottleneck = bulk_used;
    limit.details = vec![
        format!("plain SQL, {} events a transaction: {:.0} events/s on 1 connection, {:.0} on 2", bulk::EVENTS, rate(one), rate(two)),
        format!("{bulk_wal:.0} bytes of WAL an event"),
    ];
    Ok(vec![batch, limit])
}

/// So that every measurement begins alike: nothing to write that others left. Only a superuser may.
async fn settle(connection: &mut PgConnection) -> Result<()> {
    let _ = execute(connection, "checkpoint").await;
    Ok(())
}

async fn wal_bytes(connection: &mut PgConnection) -> Result<i64> {
    Ok(sqlx::query_scalar("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint").fetch_one(connection).await?)
}

fn rows_per_event(commits: &[Commit]) -> f64 {
    commits.iter().map(Commit::row_count).sum::<usize>() as f64 / (commits.len() as u64 * bulk::EVENTS) as f64
}

struct Measured {
    rate: f64,
    bottleneck: Option<String>,
    details: Vec<String>,
}

async fn over_http(world: &World, size: &Size, server: Option<u32>) -> Result<Measured> {
    let requests = Arc::new(world.requests(size.events));
    let serving = world.serve().await?;
    let position = world.host.store.head(world.running.row.campaign).await?.position;
    let before: Option<Usage> = usage::now(server);
    let driven = client::drive(serving.address, &requests, CONNECTIONS, Duration::from_secs(600)).await?;
    let bottleneck = usage::bottleneck(before, usage::now(server));
    serving.stop().await?;
    if driven.booked != size.events {
        return Err(BenchError::Wrong(format!("{} of {} events were booked", driven.booked, size.events)));
    }
    let commits = (world.host.store.head(world.running.row.campaign).await?.position - position).max(1);
    let details = vec![format!(
        "over HTTP: {BATCH} events a request on {CONNECTIONS} connections, {:.0} events a commit; the slowest 1 % of requests took {:.0} ms and more",
        size.events as f64 / commits as f64,
        driven.slow.as_secs_f64() * 1e3
    )];
    Ok(Measured { rate: driven.per_second(), bottleneck, details })
}

pub async fn sqlite(options: &Options, runtime: &Runtime, progress: Progress<'_>) -> Result<Vec<Entry>> {
    let size = Size::of(options);
    size.check(options.members)?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("bench.db");
    let url = format!("sqlite:{}", path.display());
    let store = store::open(&url, &store::Options::default()).await?;
    let world = World::open(store, runtime, options.members, size.opened() + 100, progress).await?;
    progress("sqlite.batch", 0, size.events);
    let driven = over_http(&world, &size, None).await?;
    progress("sqlite.bulk_limit", 0, 1);
    let commits = bulk::commits(&world, size.commits, size.events / stream::OPENED_EVERY).await?;
    let before = usage::now(None);
    let took = bulk_sqlite::write(&path, &commits).await?;
    let bulk_used = usage::bottleneck(before, usage::now(None));
    progress("audit", 0, 1);
    world.audit().await?;
    let bulk_rate = (size.commits * bulk::EVENTS) as f64 / took.as_secs_f64();
    let rows = rows_per_event(&commits);
    let mut batch = Entry::ratio("sqlite.batch", BULK_GOAL, UNIT, driven.rate, bulk_rate);
    batch.bottleneck = driven.bottleneck;
    batch.details = driven.details;
    batch.details.push(format!("{rows:.1} rows an event; {} members; synchronous = FULL; the audit is clean", options.members));
    batch.details.push(format!(
        "plain SQL, {} events a transaction: {bulk_rate:.0} events/s, {}",
        bulk::EVENTS,
        bulk_used.unwrap_or_default()
    ));
    Ok(vec![batch])
}

#[cfg(test)]
mod tests {
    use super::with_database;

    #[test]
    fn only_the_database_of_an_address_changes() {
        assert_eq!(with_database("postgres://u:p@h:5432/old?sslmode=disable", "new"), "postgres://u:p@h:5432/new?sslmode=disable");
        assert_eq!(with_database("postgres://h", "new"), "postgres://h/new");
    }
}

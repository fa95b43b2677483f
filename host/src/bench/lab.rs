//! What the measurements on PostgreSQL share: a database of their own, made for them and dropped at the end, whatever
//! happened; a host with members in it; and events that nobody has sent before. Must not know: what is measured.

use super::client::{self, Driven, Pace};
use super::usage::{self, Usage};
use super::usual::{self, Usual};
use super::world::{BATCH, World};
use super::{BenchError, Options, Progress, Result, stream};
use crate::store;
use guerdon_rules::language::Runtime;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::time::Duration;

/// Connections of the client: enough that groups are full while those before them are written.
pub const CONNECTIONS: usize = 48;
/// Longest that a measurement may take.
pub const MOST: Duration = Duration::from_secs(600);

pub struct Lab<'a> {
    pub options: &'a Options,
    pub runtime: &'a Runtime,
    pub progress: Progress<'a>,
    pub world: World,
    pub address: PgConnectOptions,
    pub url: String,
    pub connection: PgConnection,
    /// PostgreSQL's first process, when it runs on this machine.
    pub server: Option<u32>,
    /// For comparison, in the same database.
    pub usual_host: Usual,
    /// The best of the usual host, and what each of its runs gave.
    pub usual: (f64, Vec<String>),
    /// The next event that nobody has sent.
    next: u64,
}

/// Measures in a database of its own; `what` tells apart those that are there at the same time.
pub async fn in_own_database<T>(url: &str, what: &str, measure: impl AsyncFnOnce(PgConnectOptions, String) -> Result<T>) -> Result<T> {
    let server: PgConnectOptions = url.parse()?;
    let mut connection = PgConnection::connect_with(&server).await?;
    let name = format!("guerdon_bench_{what}_{}", std::process::id());
    execute(&mut connection, &format!("create database {name}")).await?;
    let measured = measure(server.database(&name), with_database(url, &name)).await;
    // The connection may have been idle for minutes: a server may have closed it.
    let mut connection = PgConnection::connect(url).await.or(Ok::<_, sqlx::Error>(connection))?;
    execute(&mut connection, &format!("drop database {name} with (force)")).await?;
    measured
}

pub async fn execute(connection: &mut PgConnection, statement: &str) -> Result<()> {
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

impl<'a> Lab<'a> {
    pub async fn open(
        options: &'a Options,
        runtime: &'a Runtime,
        progress: Progress<'a>,
        address: PgConnectOptions,
        url: String,
    ) -> Result<Lab<'a>> {
        let store = store::open(&url, &store::Options::default()).await?;
        let mut connection = PgConnection::connect_with(&address).await?;
        let process: i32 = sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut connection).await?;
        let server = u32::try_from(process).ok().and_then(usage::parent);
        let usual_host = Usual::open(&address, options.members).await?;
        let world = World::open(store, runtime, options.members, stream::invited_members(options.members) + 100, progress).await?;
        let usual = (0.0, Vec::new());
        let mut lab = Lab { options, runtime, progress, world, address, url, connection, server, usual_host, usual, next: 0 };
        lab.find_usual().await?;
        Ok(lab)
    }

    /// Right before what is compared with it: a machine that is shared changes within minutes.
    async fn find_usual(&mut self) -> Result<()> {
        let seconds = if self.options.quick { 2 } else { 5 };
        self.usual = (0.0, Vec::new());
        for (done, connections) in usual::CONNECTIONS.into_iter().enumerate() {
            (self.progress)("the usual host", done as u64, usual::CONNECTIONS.len() as u64);
            let rate = self.usual_rate(connections, seconds).await?;
            self.usual.1.push(format!("usual host, {connections} connections: {rate:.0} events/s"));
            self.usual.0 = self.usual.0.max(rate);
        }
        Ok(())
    }

    /// Finds it again where something else was measured since: machines change within minutes.
    pub async fn find_usual_again(&mut self) -> Result<()> {
        if self.next == 0 { Ok(()) } else { self.find_usual().await }
    }

    /// The usual host's events a second, from nothing that others left to write.
    pub async fn usual_rate(&mut self, connections: usize, seconds: u64) -> Result<f64> {
        self.settle().await;
        self.usual_host.rate(connections, seconds).await
    }

    /// A host that has met nobody. One that met another writer takes turns with it for half a minute, also when that one is
    /// gone: what is measured next would be measured so.
    pub async fn begin_anew(&mut self) -> Result<()> {
        let store = store::open(&self.url, &store::Options::default()).await?;
        self.world = World::again(store, self.runtime, self.world.clock.clone(), self.world.members).await?;
        Ok(())
    }

    /// The first of so many events that nobody has sent. Fails when no more accounts can be opened.
    pub fn take(&mut self, events: u64) -> Result<u64> {
        let first = self.next;
        self.next = (first + events).next_multiple_of(BATCH);
        let (opened, can_be) = (self.next / stream::OPENED_EVERY, stream::invited_members(self.options.members));
        if opened <= can_be {
            return Ok(first);
        }
        let members = self.options.members;
        Err(BenchError::Wrong(format!(
            "{members} members are too few: {opened} of them open an account; ask for --members {}",
            members * 2
        )))
    }

    /// Events that can still be taken, as far as there are accounts to open.
    pub fn left(&self) -> u64 {
        (stream::invited_members(self.options.members) * stream::OPENED_EVERY).saturating_sub(self.next + BATCH) / BATCH * BATCH
    }

    /// Accounts opened so far.
    pub fn opened(&self) -> u64 {
        self.next / stream::OPENED_EVERY
    }

    /// Books so many events in batches over HTTP, from nothing that others left to write.
    pub async fn book(&mut self, events: u64) -> Result<Booked> {
        let first = self.take(events)?;
        let requests = self.world.batches(first, events, stream::event);
        self.drive(&requests, events).await
    }

    pub async fn drive(&mut self, requests: &std::sync::Arc<Vec<Vec<u8>>>, events: u64) -> Result<Booked> {
        self.settle().await;
        let wal = self.wal_bytes().await?;
        let booked = book(&self.world, requests, events, self.server).await?;
        let wal_bytes = (self.wal_bytes().await? - wal) as f64 / events as f64;
        Ok(Booked { wal_bytes, ..booked })
    }

    /// So that every measurement begins alike: nothing to write that others left. Only a superuser may.
    pub async fn settle(&mut self) {
        let _ = execute(&mut self.connection, "checkpoint").await;
    }

    pub async fn wal_bytes(&mut self) -> Result<i64> {
        Ok(sqlx::query_scalar("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint").fetch_one(&mut self.connection).await?)
    }
}

/// What came of booking.
pub struct Booked {
    pub per_second: f64,
    pub bottleneck: Option<String>,
    pub events_a_commit: f64,
    pub slowest: Duration,
    /// Of the write-ahead log, an event.
    pub wal_bytes: f64,
    /// The most bytes of memory that this process held, less the requests.
    pub memory: Option<u64>,
}

/// Books the events of these requests over HTTP; every one must be booked.
pub async fn book(world: &World, requests: &std::sync::Arc<Vec<Vec<u8>>>, events: u64, server: Option<u32>) -> Result<Booked> {
    let address = world.serve().await?;
    let head = || world.host.store.head(world.running.row.campaign);
    let position = head().await?.position;
    let before: Option<Usage> = usage::now(server);
    let watching = usage::MostMemory::watch();
    let driven: Driven = client::drive(address, requests, CONNECTIONS, Pace::Full(MOST)).await?;
    let memory = watching.most().await.map(|most| most.saturating_sub(requests.iter().map(|r| r.capacity() as u64).sum()));
    let bottleneck = usage::bottleneck(before, usage::now(server));
    if driven.booked != events {
        return Err(BenchError::Wrong(format!("{} of {events} events were booked", driven.booked)));
    }
    let commits = (head().await?.position - position).max(1);
    Ok(Booked {
        per_second: driven.per_second(),
        bottleneck,
        events_a_commit: events as f64 / commits as f64,
        slowest: driven.percentile(99),
        wal_bytes: 0.0,
        memory,
    })
}

impl Booked {
    pub fn detail(&self) -> String {
        format!(
            "over HTTP: {BATCH} events a request on {CONNECTIONS} connections, {:.0} events a commit; the slowest 1 % of requests took {:.0} ms and more",
            self.events_a_commit,
            self.slowest.as_secs_f64() * 1e3
        )
    }
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

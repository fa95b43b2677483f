//! What becomes slower with time: the rate with full tables, and the last codes of a large stock. Must not know: which
//! indexes there are.

use super::batch::UNIT;
use super::lab::{self, CONNECTIONS, Lab, execute};
use super::world::World;
use super::{BenchError, Entry, Growth, Point, Result, stream};
use crate::store;
use sqlx::{Connection, PgConnection};
use std::time::Instant;

const GROWTH_GOAL: f64 = 0.85;
const STOCK_GOAL: f64 = 1.2;
/// Turns of full and of empty tables.
const TURNS: u64 = 4;
/// Codes that one statement takes while the cost of taking them is measured.
const TAKEN: i64 = 100;

/// Percent of all rows that are added, after which the rate is measured.
fn steps(quick: bool) -> &'static [i64] {
    if quick { &[0, 50, 100] } else { &[0, 25, 50, 75, 100] }
}

/// Ledger lines of another campaign, and codes in the pool that the events take from; as many in the usual host's tables.
pub async fn measure(lab: &mut Lab<'_>) -> Result<Entry> {
    let (events, postings, codes) = if lab.options.quick { (6_000, 1_000_000, 250_000) } else { (50_000, 20_000_000, 5_000_000) };
    let seconds = if lab.options.quick { 1 } else { 5 };
    let (mut rows, mut points) = (Rows::default(), Vec::new());
    let steps = steps(lab.options.quick);
    for (done, percent) in steps.iter().enumerate() {
        (lab.progress)("postgres.growth", done as u64, steps.len() as u64);
        let all = Rows { postings: postings * percent / 100, codes: codes * percent / 100 };
        fill(lab, rows, all).await?;
        rows = all;
        let booked = lab.book(events).await?;
        let usual = lab.usual_rate(CONNECTIONS, seconds).await?;
        points.push(Point::new(rows.postings.cast_unsigned(), booked.per_second, usual, booked.bottleneck));
    }
    let (full, empty) = beside_empty(lab, events).await?;
    let mut entry = Entry::ratio("postgres.growth", GROWTH_GOAL, UNIT, full, empty);
    entry.bottleneck = points.last().and_then(|point| point.bottleneck.clone());
    entry.details = vec![format!(
        "{postings} ledger lines and {codes} codes more in the tables, against a database without them beside it, {TURNS} times in turns"
    )];
    entry.growth = Some(Growth::against_usual("ledger lines more", "Guerdon, 100 events a request", points));
    Ok(entry)
}

/// The rate with full tables, and the one with nothing more in them than members, in turns: a machine that is shared changes
/// more in the minutes that filling takes than the rate does for the rows.
async fn beside_empty(lab: &mut Lab<'_>, events: u64) -> Result<(f64, f64)> {
    let server = lab.url.clone();
    lab::in_own_database(&server, "empty", async |_, own| {
        let store = store::open(&own, &store::Options::default()).await?;
        let opened = TURNS * events / stream::OPENED_EVERY;
        let empty = World::open(store, lab.runtime, lab.options.members, opened + 100, lab.progress).await?;
        let (mut of_full, mut of_empty) = (0.0, 0.0);
        for turn in 0..TURNS {
            (lab.progress)("postgres.growth, in turns", turn, TURNS);
            let requests = empty.batches(turn * events, events, stream::event);
            lab.settle().await;
            of_empty += events as f64 / lab::book(&empty, &requests, events, lab.server).await?.per_second;
            of_full += events as f64 / lab.book(events).await?.per_second;
        }
        empty.audit().await?;
        let all = (TURNS * events) as f64;
        Ok((all / of_full, all / of_empty))
    })
    .await
}

/// What was added to the tables.
#[derive(Clone, Copy, Default)]
struct Rows {
    postings: i64,
    codes: i64,
}

async fn fill(lab: &mut Lab<'_>, there: Rows, all: Rows) -> Result<()> {
    let codes = all.codes - there.codes;
    if codes == 0 {
        return Ok(());
    }
    lab.usual_host.grow(all.postings - there.postings, codes).await?;
    let connection = &mut lab.connection;
    sqlx::query(
        "insert into postings (campaign, position, ordinal, line, member, debit, credit, amount, at_ms, cycle, day)
         select 0, 1 + n / 1000, 1 + n % 1000, 1 + n % 1000, 1 + n * 7919 % 1000000, 0, 1, 5, 1600740000000, 1, 18527
         from generate_series($1::bigint, $2 - 1) n",
    )
    .bind(there.postings)
    .bind(all.postings)
    .execute(&mut *connection)
    .await?;
    let mut open = connection.begin().await?;
    let (pool, last): (i32, i64) =
        sqlx::query_as("select pool, last_code from pools where name = 'jd-20' for no key update").fetch_one(&mut *open).await?;
    sqlx::query(
        "insert into codes (pool, number, state, hash, sealed, key, imported_ms)
         select $1, n, 1, sha256(('growth ' || n)::bytea), decode(repeat('5a', 60), 'hex'), 1, 0
         from generate_series($2 + 1, $2 + $3) n",
    )
    .bind(pool)
    .bind(last)
    .bind(codes)
    .execute(&mut *open)
    .await?;
    sqlx::query("update pools set available = available + $2, last_code = last_code + $2 where pool = $1")
        .bind(pool)
        .bind(codes)
        .execute(&mut *open)
        .await?;
    open.commit().await?;
    execute(&mut lab.connection, "analyze postings, codes").await
}

/// What taking the last codes of a large pool costs against the first, by the statement that the host uses.
pub async fn stock(lab: &mut Lab<'_>) -> Result<Entry> {
    let codes: i64 = if lab.options.quick { 100_000 } else { 1_000_000 };
    (lab.progress)("postgres.stock", 0, 1);
    let connection = &mut lab.connection;
    sqlx::query(
        "with made as (insert into pools (name, available, last_code) values ('bench-stock', $1, $1) returning pool)
         insert into codes (pool, number, state, hash, sealed, key, imported_ms)
         select pool, n, 1, sha256(('stock ' || n)::bytea), decode(repeat('5a', 60), 'hex'), 1, 0
         from made, generate_series(1::bigint, $1) n",
    )
    .bind(codes)
    .execute(&mut *connection)
    .await?;
    let pool: i32 = sqlx::query_scalar("select pool from pools where name = 'bench-stock'").fetch_one(&mut *connection).await?;
    // As a lane connects: its plans are what is measured.
    let lane = store::postgres::lane(lab.address.clone(), &store::Options::default());
    let connection = &mut PgConnection::connect_with(&lane).await?;
    let mut first = 0.0;
    let mut last = 0.0;
    let rounds = codes / TAKEN;
    let timed = (rounds / 20).max(1);
    // Grants of a campaign that is not there, so that no book is touched.
    for round in 0..rounds {
        let numbers: Vec<i64> = (round * TAKEN + 1..=(round + 1) * TAKEN).collect();
        let began = Instant::now();
        let mut open = connection.begin().await?;
        sqlx::query(
            "insert into grants (campaign, number, member, reward, function, cause, ordinal, state, held, pool, position, line,
               rule_line, release, cycle, at_ms, face_value)
             select -1, n, 1, 1, 1, decode(lpad(to_hex(n), 32, '0'), 'hex'), 1, 2, 0, $2, 1, 1, 1, 1, 1, 0, 0 from unnest($1::bigint[]) n",
        )
        .bind(&numbers)
        .bind(pool)
        .execute(&mut *open)
        .await?;
        let short = store::postgres::take_codes(&mut open, -1, pool, &numbers).await?;
        open.commit().await?;
        let took = began.elapsed().as_secs_f64() * 1e6 / TAKEN as f64;
        if !short.is_empty() {
            return Err(BenchError::Wrong("a pool with codes had too few".into()));
        }
        first += if round < timed { took } else { 0.0 };
        last += if round >= rounds - timed { took } else { 0.0 };
    }
    let (first, last) = (first / timed as f64, last / timed as f64);
    let mut entry = Entry::ratio("postgres.stock", STOCK_GOAL, "µs", last, first);
    entry.bottleneck = Some("the database's connection".into());
    entry.details = vec![format!("a card of the last twentieth of {codes} codes against one of the first, {TAKEN} in a commit")];
    Ok(entry)
}

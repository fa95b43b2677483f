//! What becomes slower with time: the rate with full tables, and the last codes of a large stock. Must not know: which
//! indexes there are.

use super::batch::UNIT;
use super::lab::{Lab, execute};
use super::{BenchError, Entry, Result};
use sqlx::Connection;
use std::time::Instant;

const GROWTH_GOAL: f64 = 0.85;
const STOCK_GOAL: f64 = 1.2;
/// Codes that one statement takes while the cost of taking them is measured.
const TAKEN: i64 = 100;

/// Ledger lines of another campaign, and codes in the pool that the events take from.
pub async fn measure(lab: &mut Lab<'_>) -> Result<Entry> {
    let (events, postings, codes) = if lab.options.quick { (10_000, 1_000_000, 250_000) } else { (50_000, 20_000_000, 5_000_000) };
    (lab.progress)("postgres.growth", 0, 3);
    let before = lab.book(events).await?;
    (lab.progress)("postgres.growth", 1, 3);
    fill(lab, postings, codes).await?;
    (lab.progress)("postgres.growth", 2, 3);
    let after = lab.book(events).await?;
    let mut entry = Entry::ratio("postgres.growth", GROWTH_GOAL, UNIT, after.per_second, before.per_second);
    entry.bottleneck = after.bottleneck;
    entry.details = vec![format!(
        "{postings} ledger lines and {codes} codes more in the tables; {:.0} bytes of WAL an event, {:.0} before",
        after.wal_bytes, before.wal_bytes
    )];
    Ok(entry)
}

async fn fill(lab: &mut Lab<'_>, postings: i64, codes: i64) -> Result<()> {
    let connection = &mut lab.connection;
    sqlx::query(
        "insert into postings (campaign, position, ordinal, line, member, debit, credit, amount, at_ms, cycle, day)
         select 0, 1 + n / 1000, 1 + n % 1000, 1 + n % 1000, 1 + n * 7919 % 1000000, 0, 1, 5, 1600740000000, 1, 18527
         from generate_series(0::bigint, $1 - 1) n",
    )
    .bind(postings)
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
        let short = crate::store::postgres::take_codes(&mut open, -1, pool, &numbers).await?;
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

//! Codes and the grants that get them, with the pools' counts, all under the write lock.
//!
//! Promises: a grant gets the lowest available code by state. `first_available` is only a hint that skips what was used
//! up; when it is wrong, the search begins anew without it. Must not know: what is inside a code.

use super::list::{Statement, Values, json, push_hex};
use super::transaction::BEGIN;
use super::{rows, store_error};
use crate::store::rows::columns;
use crate::store::{GrantWithCode, Imported, PoolStatus, Result, SealedCode, StoreError};
use guerdon_rules::book::rows::{GrantRow, GrantState, Held};
use sqlx::{SqliteConnection, SqlitePool};
use std::collections::BTreeMap;
use std::fmt::Write;

/// A pool and one of its grants that shall get a code.
type Wanted = (i32, i64);

/// Gives codes to a delta's issued grants, in their order. Names the pools that had too few.
pub async fn bind(connection: &mut SqliteConnection, campaign: i32, grants: &[GrantRow]) -> Result<Vec<i32>> {
    let issued = grants.iter().filter(|g| g.state == GrantState::Issued);
    let wanted: Vec<Wanted> = issued.filter_map(|g| g.pool.map(|pool| (pool, g.number))).collect();
    allocate(connection, campaign, &wanted).await
}

/// Counts a delta's grants that wait for stock.
pub async fn owe(connection: &mut SqliteConnection, grants: &[GrantRow]) -> Result<()> {
    let mut owed = BTreeMap::<i32, i64>::new();
    for grant in grants.iter().filter(|g| g.state == GrantState::Owed && g.held == Held::Stock) {
        if let Some(pool) = grant.pool {
            *owed.entry(pool).or_default() += 1;
        }
    }
    add_owed(connection, &owed).await
}

async fn add_owed(connection: &mut SqliteConnection, owed: &BTreeMap<i32, i64>) -> Result<()> {
    if owed.is_empty() {
        return Ok(());
    }
    let counts: Vec<(i32, i64)> = owed.iter().map(|(pool, count)| (*pool, *count)).collect();
    sqlx::query("update pools set owed = owed + (v.value ->> 1) from json_each($1) v where pools.pool = v.value ->> 0")
        .bind(json(&counts)?)
        .execute(connection)
        .await
        .map_err(store_error)?;
    Ok(())
}

/// Allocates by the hint; where that found too few, once more without it. The pools that still had too few.
async fn allocate(connection: &mut SqliteConnection, campaign: i32, wanted: &[Wanted]) -> Result<Vec<i32>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let left = allocate_by_hint(connection, campaign, wanted).await?;
    if left.is_empty() {
        return Ok(Vec::new());
    }
    let mut pools: Vec<i32> = left.iter().map(|(pool, _)| *pool).collect();
    pools.dedup();
    sqlx::query("update pools set first_available = 1 where pool in (select value from json_each($1))")
        .bind(json(&pools)?)
        .execute(&mut *connection)
        .await
        .map_err(store_error)?;
    let left = allocate_by_hint(connection, campaign, &left).await?;
    let mut short: Vec<i32> = left.iter().map(|(pool, _)| *pool).collect();
    short.sort_unstable();
    short.dedup();
    Ok(short)
}

/// The ones that got no code.
async fn allocate_by_hint(connection: &mut SqliteConnection, campaign: i32, wanted: &[Wanted]) -> Result<Vec<Wanted>> {
    let mut by_pool = BTreeMap::<i32, Vec<i64>>::new();
    for (pool, grant) in wanted {
        by_pool.entry(*pool).or_default().push(*grant);
    }
    let mut left = Vec::new();
    for (pool, grants) in by_pool {
        let numbers = lowest_available(connection, pool, grants.len()).await?;
        bind_codes(connection, campaign, pool, &numbers, &grants).await?;
        left.extend(grants.iter().skip(numbers.len()).map(|grant| (pool, *grant)));
    }
    Ok(left)
}

async fn lowest_available(connection: &mut SqliteConnection, pool: i32, count: usize) -> Result<Vec<i64>> {
    sqlx::query_scalar(
        "select number from codes
         where pool = $1 and number >= (select first_available from pools where pool = $1) and state = 1 order by number limit $2",
    )
    .bind(pool)
    .bind(count as i64)
    .fetch_all(connection)
    .await
    .map_err(store_error)
}

const BIND: Statement = Statement {
    before: "update codes set state = 2, campaign = v.column3, grant_number = v.column4 from (values ",
    width: 4,
    after: ") v where codes.pool = v.column1 and codes.number = v.column2",
};

/// The first codes to the first grants; the pool's row follows.
async fn bind_codes(connection: &mut SqliteConnection, campaign: i32, pool: i32, numbers: &[i64], grants: &[i64]) -> Result<()> {
    let Some(last) = numbers.last() else { return Ok(()) };
    let pairs: Vec<(i64, i64)> = numbers.iter().copied().zip(grants.iter().copied()).collect();
    let add = |values: &mut Values, (number, grant): &(i64, i64)| {
        values.add(pool)?;
        values.add(*number)?;
        values.add(campaign)?;
        values.add(*grant)
    };
    BIND.run(&mut *connection, &pairs, add).await?;
    sqlx::query("update pools set available = available - $2, first_available = $3 where pool = $1")
        .bind(pool)
        .bind(pairs.len() as i64)
        .bind(last + 1)
        .execute(connection)
        .await
        .map_err(store_error)?;
    Ok(())
}

/// Corrects the rows of pools from their codes and grants, in a transaction of its own.
pub async fn mend(pool: &SqlitePool, pools: &[i32]) -> Result<()> {
    let mut open = pool.begin_with(BEGIN).await.map_err(store_error)?;
    sqlx::query(
        "update pools set
           available = (select count(*) from codes c where c.pool = pools.pool and c.state = 1),
           first_available = coalesce((select min(number) from codes c where c.pool = pools.pool and c.state = 1), last_code + 1)
         where pool in (select value from json_each($1))",
    )
    .bind(json(&pools)?)
    .execute(&mut *open)
    .await
    .map_err(store_error)?;
    open.commit().await.map_err(store_error)
}

pub async fn owed(connection: &mut SqliteConnection, campaign: i32, pool: i32, limit: i64) -> Result<Vec<GrantRow>> {
    let found = sqlx::query(concat!(
        "select ",
        columns!(grant),
        " from grants where pool = $2 and campaign = $1 and state = 1 and held = 0 order by number limit $3"
    ))
    .bind(campaign)
    .bind(pool)
    .bind(limit)
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    rows::all(&found, rows::grant)
}

pub async fn held(connection: &mut SqliteConnection, campaign: i32, affordable: i64, limit: i64) -> Result<Vec<GrantRow>> {
    let found = sqlx::query(concat!(
        "select ",
        columns!(grant),
        " from grants where campaign = $1 and state = 1 and held <> 0 and (held <> $2 or face_value <= $3) order by number limit $4"
    ))
    .bind(campaign)
    .bind(Held::Budget as i16)
    .bind(affordable)
    .bind(limit)
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    rows::all(&found, rows::grant)
}

pub async fn unhold(connection: &mut SqliteConnection, campaign: i32, grants: &[i64]) -> Result<()> {
    if grants.is_empty() {
        return Ok(());
    }
    let changed = sqlx::query(
        "update grants set held = 0 where campaign = $1 and number in (select value from json_each($2)) and state = 1 and held <> 0 returning pool",
    )
    .bind(campaign)
    .bind(json(&grants)?)
    .fetch_all(&mut *connection)
    .await
    .map_err(store_error)?;
    let mut owed = BTreeMap::<i32, i64>::new();
    for pool in rows::all(&changed, |row| rows::get::<Option<i32>>(row, 0))?.into_iter().flatten() {
        *owed.entry(pool).or_default() += 1;
    }
    add_owed(connection, &owed).await
}

/// Names the pools that had too few codes.
pub async fn fill(connection: &mut SqliteConnection, campaign: i32, grants: &[i64]) -> Result<Vec<i32>> {
    if grants.is_empty() {
        return Ok(Vec::new());
    }
    let found = sqlx::query(
        "select g.number, g.pool, g.held from json_each($2) w
         cross join grants g on g.campaign = $1 and g.number = w.value and g.state = 1 order by w.key",
    )
    .bind(campaign)
    .bind(json(&grants)?)
    .fetch_all(&mut *connection)
    .await
    .map_err(store_error)?;
    if found.len() != grants.len() {
        return Err(StoreError::Refused(format!(
            "{} of {} grants are not owed: they cannot be filled",
            grants.len() - found.len(),
            grants.len()
        )));
    }
    sqlx::query("update grants set state = 2, held = 0 where campaign = $1 and number in (select value from json_each($2))")
        .bind(campaign)
        .bind(json(&grants)?)
        .execute(&mut *connection)
        .await
        .map_err(store_error)?;
    let mut wanted = Vec::with_capacity(found.len());
    let mut owed = BTreeMap::<i32, i64>::new();
    for row in &found {
        let (number, pool, held): (i64, Option<i32>, i16) = (rows::get(row, 0)?, rows::get(row, 1)?, rows::get(row, 2)?);
        let Some(pool) = pool else { continue };
        wanted.push((pool, number));
        if held == Held::Stock as i16 {
            *owed.entry(pool).or_default() -= 1;
        }
    }
    add_owed(connection, &owed).await?;
    allocate(connection, campaign, &wanted).await
}

pub async fn grant_with_code(connection: &mut SqliteConnection, campaign: i32, number: i64) -> Result<Option<GrantWithCode>> {
    let found = sqlx::query(concat!(
        "select g.*, p.name, c.number, c.hash, c.sealed, c.key from (select ",
        columns!(grant),
        " from grants where campaign = $1 and number = $2) g
         left join pools p on p.pool = g.pool
         left join codes c on c.campaign = $1 and c.grant_number = g.number"
    ));
    let found = found.bind(campaign).bind(number).fetch_optional(connection).await.map_err(store_error)?;
    found.as_ref().map(rows::grant_with_code).transpose()
}

/// A void grant is owed no longer; a recalled one gives its code back, unless it was revealed.
pub async fn set_grant_state(connection: &mut SqliteConnection, campaign: i32, number: i64, state: GrantState) -> Result<()> {
    let row = sqlx::query("select state, held, pool, revealed from grants where campaign = $1 and number = $2")
        .bind(campaign)
        .bind(number)
        .fetch_optional(&mut *connection)
        .await
        .map_err(store_error)?
        .ok_or_else(|| StoreError::Refused(format!("there is no grant {number} in campaign {campaign}")))?;
    let (old, held, pool, revealed): (i16, i16, Option<i32>, i16) =
        (rows::get(&row, 0)?, rows::get(&row, 1)?, rows::get(&row, 2)?, rows::get(&row, 3)?);
    if old == state as i16 {
        return Ok(());
    }
    let shown = if state == GrantState::Revealed { 1 } else { revealed };
    sqlx::query("update grants set state = $3, revealed = $4 where campaign = $1 and number = $2")
        .bind(campaign)
        .bind(number)
        .bind(state as i16)
        .bind(shown)
        .execute(&mut *connection)
        .await
        .map_err(store_error)?;
    match (state, pool) {
        (GrantState::Void, Some(pool)) if held == Held::Stock as i16 => add_owed(connection, &[(pool, -1)].into()).await,
        (GrantState::Recalled, Some(_)) if revealed == 0 => give_back(connection, campaign, number).await,
        _ => Ok(()),
    }
}

async fn give_back(connection: &mut SqliteConnection, campaign: i32, grant: i64) -> Result<()> {
    let freed = sqlx::query(
        "update codes set state = 1, campaign = null, grant_number = null where campaign = $1 and grant_number = $2
         returning pool, number",
    )
    .bind(campaign)
    .bind(grant)
    .fetch_optional(&mut *connection)
    .await
    .map_err(store_error)?;
    let Some(row) = freed else { return Ok(()) };
    let (pool, number): (i32, i64) = (rows::get(&row, 0)?, rows::get(&row, 1)?);
    sqlx::query("update pools set available = available + 1, first_available = min(first_available, $2) where pool = $1")
        .bind(pool)
        .bind(number)
        .execute(connection)
        .await
        .map_err(store_error)?;
    Ok(())
}

pub async fn import(lanes: &SqlitePool, pool: &str, codes: &[SealedCode], at_ms: i64) -> Result<Imported> {
    let mut open = lanes.begin_with(BEGIN).await.map_err(store_error)?;
    let locked = super::prefetch::pools(&mut open, &[pool]).await?;
    let number = locked.first().ok_or_else(|| StoreError::Other(format!("pool {pool} could not be made")))?.pool;
    let accepted = if codes.is_empty() { 0 } else { insert(&mut open, number, codes, at_ms).await? };
    open.commit().await.map_err(store_error)?;
    Ok(Imported { accepted, duplicate: codes.len() as u64 - accepted })
}

/// The first of each hash that no pool has, numbered in their order.
async fn insert(connection: &mut SqliteConnection, pool: i32, codes: &[SealedCode], at_ms: i64) -> Result<u64> {
    let stored = sqlx::query(
        "with listed as (select key as place, unhex(value ->> 0) as hash, value from json_each($3)),
         fresh as (
           select hash, value, row_number() over (order by min(place)) as number from listed
           where hash not in (select c.hash from listed l join codes c on c.hash = l.hash) group by hash)
         insert into codes (pool, number, state, hash, sealed, key, imported_ms)
         select $1, p.last_code + f.number, 1, f.hash, unhex(f.value ->> 1), f.value ->> 2, $2
         from pools p cross join fresh f where p.pool = $1 order by f.number",
    )
    .bind(pool)
    .bind(at_ms)
    .bind(listed(codes))
    .execute(&mut *connection)
    .await
    .map_err(store_error)?
    .rows_affected();
    sqlx::query(
        "update pools set available = available + $2, last_code = last_code + $2, first_available = min(first_available, last_code + 1)
         where pool = $1",
    )
    .bind(pool)
    .bind(stored as i64)
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(stored)
}

/// `[["hash","ciphertext",key],…]`, bytes in hex.
fn listed(codes: &[SealedCode]) -> String {
    let mut out = String::from("[");
    for (index, code) in codes.iter().enumerate() {
        out.push_str(if index > 0 { ",[\"" } else { "[\"" });
        push_hex(&mut out, &code.hash);
        out.push_str("\",\"");
        push_hex(&mut out, &code.sealed);
        // Writing into a string cannot fail.
        let _ = write!(out, "\",{}]", code.key);
    }
    out.push(']');
    out
}

pub async fn pool_status(reads: &SqlitePool) -> Result<Vec<PoolStatus>> {
    let found = sqlx::query(
        "select name, count(c.number), count(c.number) filter (where c.state = 1), count(c.number) filter (where c.state = 2), owed
         from pools p left join codes c using (pool) group by p.pool, name, owed order by name",
    );
    rows::all(&found.fetch_all(reads).await.map_err(store_error)?, rows::pool_status)
}

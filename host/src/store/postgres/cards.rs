//! Codes and the grants that get them, with the pools' counts, all under the pools' row locks.
//!
//! Promises: a grant gets the lowest available code by state. `first_available` is only a hint that skips what was used
//! up; when it is wrong, the search begins anew without it. Must not know: what is inside a code.

use super::statements::bound_codes;
use super::transaction::BEGIN;
use super::{rows, store_error};
use crate::store::rows::columns;
use crate::store::{GrantWithCode, Imported, PoolStatus, Result, SealedCode, StoreError};
use guerdon_rules::book::rows::{GrantRow, GrantState, Held};
use sqlx::{PgConnection, PgPool, Row};
use std::collections::BTreeMap;

/// A pool and one of its grants that shall get a code.
pub type Wanted = (i32, i64);

/// A delta's issued grants that get codes, in their order.
pub fn wanted(grants: &[GrantRow]) -> Vec<Wanted> {
    let issued = grants.iter().filter(|g| g.state == GrantState::Issued);
    issued.filter_map(|g| g.pool.map(|pool| (pool, g.number))).collect()
}

/// Whether a delta has grants that wait for stock.
pub fn owes(grants: &[GrantRow]) -> bool {
    grants.iter().any(|g| waits_for_stock(g).is_some())
}

/// The pool whose stock it waits for.
fn waits_for_stock(grant: &GrantRow) -> Option<i32> {
    grant.pool.filter(|_| grant.state == GrantState::Owed && grant.held == Held::Stock)
}

/// Counts a delta's grants that wait for stock.
pub async fn owe(connection: &mut PgConnection, grants: &[GrantRow]) -> Result<()> {
    let mut owed = BTreeMap::<i32, i64>::new();
    for pool in grants.iter().filter_map(waits_for_stock) {
        *owed.entry(pool).or_default() += 1;
    }
    add_owed(connection, &owed).await
}

async fn add_owed(connection: &mut PgConnection, owed: &BTreeMap<i32, i64>) -> Result<()> {
    if owed.is_empty() {
        return Ok(());
    }
    let (pools, counts): (Vec<i32>, Vec<i64>) = owed.iter().map(|(pool, count)| (*pool, *count)).unzip();
    sqlx::query(
        "update pools p set owed = p.owed + v.count from unnest($1::integer[], $2::bigint[]) v (pool, count) where p.pool = v.pool",
    )
    .bind(pools)
    .bind(counts)
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

/// Allocates by the hint; where that found too few, once more without it. The pools that still had too few.
pub async fn allocate(connection: &mut PgConnection, campaign: i32, wanted: &[Wanted]) -> Result<Vec<i32>> {
    let left = allocate_by_hint(connection, campaign, wanted).await?;
    allocate_without_hint(connection, campaign, &left).await
}

/// For those that the hint left out. The pools that had too few.
pub async fn allocate_without_hint(connection: &mut PgConnection, campaign: i32, wanted: &[Wanted]) -> Result<Vec<i32>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let mut pools: Vec<i32> = wanted.iter().map(|(pool, _)| *pool).collect();
    pools.dedup();
    sqlx::query("update pools set first_available = 1 where pool = any($1::integer[])")
        .bind(&pools)
        .execute(&mut *connection)
        .await
        .map_err(store_error)?;
    let left = allocate_by_hint(connection, campaign, wanted).await?;
    let mut short: Vec<i32> = left.iter().map(|(pool, _)| *pool).collect();
    short.sort_unstable();
    short.dedup();
    Ok(short)
}

/// The ones that got no code.
async fn allocate_by_hint(connection: &mut PgConnection, campaign: i32, wanted: &[Wanted]) -> Result<Vec<Wanted>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let (pools, grants): (Vec<i32>, Vec<i64>) = wanted.iter().copied().unzip();
    let bound = sqlx::query(concat!("with ", bound_codes!("$1", "$2", "$3", ""), " select grant_number from bound"))
        .bind(campaign)
        .bind(pools)
        .bind(grants)
        .fetch_all(connection)
        .await
        .map_err(store_error)?;
    if bound.len() == wanted.len() {
        return Ok(Vec::new());
    }
    let bound = rows::all(&bound, |row| rows::get::<i64>(row, 0))?.into_iter().collect::<std::collections::HashSet<i64>>();
    Ok(wanted.iter().filter(|(_, grant)| !bound.contains(grant)).copied().collect())
}

/// Corrects the rows of pools from their codes and grants, in a transaction of its own.
pub async fn mend(pool: &PgPool, pools: &[i32]) -> Result<()> {
    let mut open = pool.begin_with(BEGIN).await.map_err(store_error)?;
    sqlx::query("select 1 from pools where pool = any($1::integer[]) order by name collate \"C\" for no key update")
        .bind(pools)
        .fetch_all(&mut *open)
        .await
        .map_err(store_error)?;
    sqlx::query(
        "update pools set
           available = (select count(*) from codes c where c.pool = pools.pool and c.state = 1),
           first_available = coalesce((select min(number) from codes c where c.pool = pools.pool and c.state = 1), last_code + 1)
         where pool = any($1::integer[])",
    )
    .bind(pools)
    .execute(&mut *open)
    .await
    .map_err(store_error)?;
    open.commit().await.map_err(store_error)
}

pub async fn owed(connection: &mut PgConnection, campaign: i32, pool: i32, limit: i64) -> Result<Vec<GrantRow>> {
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

pub async fn held(connection: &mut PgConnection, campaign: i32, affordable: i64, limit: i64) -> Result<Vec<GrantRow>> {
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

pub async fn unhold(connection: &mut PgConnection, campaign: i32, grants: &[i64]) -> Result<()> {
    if grants.is_empty() {
        return Ok(());
    }
    let changed = sqlx::query(
        "update grants set held = 0 where campaign = $1 and number = any($2::bigint[]) and state = 1 and held <> 0 returning pool",
    )
    .bind(campaign)
    .bind(grants)
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
pub async fn fill(connection: &mut PgConnection, campaign: i32, grants: &[i64]) -> Result<Vec<i32>> {
    if grants.is_empty() {
        return Ok(Vec::new());
    }
    let found = sqlx::query(
        "select g.number, g.pool, g.held from unnest($2::bigint[]) with ordinality w (number, place)
         join grants g on g.campaign = $1 and g.number = w.number and g.state = 1 order by w.place",
    )
    .bind(campaign)
    .bind(grants)
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
    sqlx::query("update grants set state = 2, held = 0 where campaign = $1 and number = any($2::bigint[])")
        .bind(campaign)
        .bind(grants)
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

pub async fn grant_with_code(connection: &mut PgConnection, campaign: i32, number: i64) -> Result<Option<GrantWithCode>> {
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
pub async fn set_grant_state(connection: &mut PgConnection, campaign: i32, number: i64, state: GrantState) -> Result<()> {
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

async fn give_back(connection: &mut PgConnection, campaign: i32, grant: i64) -> Result<()> {
    sqlx::query(
        "with free as (
           update codes set state = 1, campaign = null, grant_number = null where campaign = $1 and grant_number = $2
           returning pool, number)
         update pools set available = available + 1, first_available = least(first_available, free.number)
         from free where pools.pool = free.pool",
    )
    .bind(campaign)
    .bind(grant)
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

pub async fn import(lanes: &PgPool, pool: &str, codes: &[SealedCode], at_ms: i64) -> Result<Imported> {
    let mut open = lanes.begin_with(BEGIN).await.map_err(store_error)?;
    let locked = super::prefetch::pools(&mut open, &[pool]).await?;
    let number = locked.first().ok_or_else(|| StoreError::Other(format!("pool {pool} could not be made")))?.pool;
    let accepted = if codes.is_empty() { 0 } else { insert(&mut open, number, codes, at_ms).await? };
    open.commit().await.map_err(store_error)?;
    Ok(Imported { accepted, duplicate: codes.len() as u64 - accepted })
}

/// The first of each hash that no pool has, numbered in their order.
async fn insert(connection: &mut PgConnection, pool: i32, codes: &[SealedCode], at_ms: i64) -> Result<u64> {
    let row = sqlx::query(
        "with fresh as (
           select hash, sealed, key, row_number() over (order by place) as place from (
             select distinct on (hash) hash, sealed, key, place
             from unnest($3::bytea[], $4::bytea[], $5::integer[]) with ordinality w (hash, sealed, key, place)
             order by hash, place) first
           where not exists (select 1 from codes c where c.hash = first.hash)),
         stored as (
           insert into codes (pool, number, state, hash, sealed, key, imported_ms)
           select $1, p.last_code + fresh.place, 1, fresh.hash, fresh.sealed, fresh.key, $2
           from fresh cross join pools p where p.pool = $1 order by fresh.place
           on conflict (hash) do nothing
           returning number),
         counted as (
           update pools set available = available + s.count, last_code = s.last, first_available = least(first_available, s.first)
           from (select count(*) as count, max(number) as last, min(number) as first from stored) s
           where pools.pool = $1 and s.count > 0)
         select count(*) from stored",
    )
    .bind(pool)
    .bind(at_ms)
    .bind(codes.iter().map(|c| &c.hash[..]).collect::<Vec<_>>())
    .bind(codes.iter().map(|c| &c.sealed[..]).collect::<Vec<_>>())
    .bind(codes.iter().map(|c| c.key).collect::<Vec<_>>())
    .fetch_one(connection)
    .await
    .map_err(store_error)?;
    let stored: i64 = row.try_get(0).map_err(store_error)?;
    Ok(stored as u64)
}

pub async fn pool_status(reads: &PgPool) -> Result<Vec<PoolStatus>> {
    let found = sqlx::query(
        "select name, count(c.number), count(c.number) filter (where c.state = 1), count(c.number) filter (where c.state = 2), owed
         from pools p left join codes c using (pool) group by p.pool, name, owed order by name collate \"C\"",
    );
    rows::all(&found.fetch_all(reads).await.map_err(store_error)?, rows::pool_status)
}

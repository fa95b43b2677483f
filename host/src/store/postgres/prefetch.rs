//! What a batch may read: one statement for each kind of row, by key, whatever the number of keys. From the list of keys
//! to each row, by a lateral join with a limit: with `= any(…)`, a planner without statistics goes through the whole
//! campaign and holds each of its rows against the list.
//!
//! Must not know: what rows mean.

use super::{rows, store_error};
use crate::store::Result;
use crate::store::encode;
use crate::store::rows::columns;
use guerdon_rules::book::rows::{CycleRow, EventRow, Members, PoolRow, StandingRow, WaitRow};
use guerdon_rules::event::Key;
use guerdon_rules::value::MemberId;
use sqlx::PgConnection;
use std::borrow::Cow;

/// Pools by name, locked in name order; those that are missing are made.
pub async fn pools(connection: &mut PgConnection, names: &[&str]) -> Result<Vec<PoolRow>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let mut names: Vec<&str> = names.to_vec();
    names.sort_unstable();
    names.dedup();
    let found = locked_pools(connection, &names).await?;
    if found.len() == names.len() {
        return Ok(found);
    }
    sqlx::query("insert into pools (name) select n from unnest($1::text[]) n on conflict (name) do nothing")
        .bind(&names)
        .execute(&mut *connection)
        .await
        .map_err(store_error)?;
    locked_pools(connection, &names).await
}

async fn locked_pools(connection: &mut PgConnection, names: &[&str]) -> Result<Vec<PoolRow>> {
    let found = sqlx::query(concat!(
        "select ",
        columns!(pool),
        " from pools where name = any($1::text[]) order by name collate \"C\" for no key update"
    ))
    .bind(names)
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    rows::all(&found, rows::pool)
}

pub async fn events(connection: &mut PgConnection, campaign: i32, identities: &[Key]) -> Result<Vec<EventRow>> {
    if identities.is_empty() {
        return Ok(Vec::new());
    }
    let found = sqlx::query(concat!(
        "select e.* from (select unnest($2::bytea[]) as k) w cross join lateral (select ",
        columns!(event),
        " from events where campaign = $1 and identity = w.k limit 1) e"
    ))
    .bind(campaign)
    .bind(slices(identities))
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    rows::all(&found, rows::event)
}

pub async fn claims(connection: &mut PgConnection, campaign: i32, once_keys: &[Key]) -> Result<Vec<EventRow>> {
    if once_keys.is_empty() {
        return Ok(Vec::new());
    }
    // That it is not null is said again for the planner: the index leaves out the rest.
    let found = sqlx::query(concat!(
        "select e.* from (select unnest($2::bytea[]) as k) w cross join lateral (select ",
        columns!(event),
        " from events where campaign = $1 and once_key = w.k and once_key is not null limit 1) e"
    ))
    .bind(campaign)
    .bind(slices(once_keys))
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    rows::all(&found, rows::event)
}

pub async fn members(connection: &mut PgConnection, campaign: i32, ids: &[MemberId]) -> Result<Members> {
    if ids.is_empty() {
        return Ok(Members::default());
    }
    let kinds: Vec<Cow<str>> = ids.iter().map(|m| encode::text(&m.kind)).collect();
    let names: Vec<Cow<str>> = ids.iter().map(|m| encode::text(&m.id)).collect();
    let found = sqlx::query(concat!(
        "select m.* from (select unnest($2::text[]) as k, unnest($3::text[]) as i) w cross join lateral (select ",
        columns!(member),
        ", state from members where campaign = $1 and kind = w.k and id = w.i limit 1) m"
    ))
    .bind(campaign)
    .bind(kinds)
    .bind(names)
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    rows::members(&found)
}

pub async fn members_by_number(connection: &mut PgConnection, campaign: i32, numbers: &[i64]) -> Result<Members> {
    if numbers.is_empty() {
        return Ok(Members::default());
    }
    let found = sqlx::query(concat!(
        "select m.* from (select unnest($2::bigint[]) as n) w cross join lateral (select ",
        columns!(member),
        ", state from members where campaign = $1 and member = w.n limit 1) m"
    ))
    .bind(campaign)
    .bind(numbers)
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    rows::members(&found)
}

pub async fn standings(connection: &mut PgConnection, campaign: i32, of: &[(i32, i64)]) -> Result<Vec<StandingRow>> {
    if of.is_empty() {
        return Ok(Vec::new());
    }
    let (cycles, members): (Vec<i32>, Vec<i64>) = of.iter().copied().unzip();
    let found = sqlx::query(concat!(
        "select s.* from unnest($2::integer[], $3::bigint[]) w (c, m) cross join lateral (select ",
        columns!(standing),
        " from standings s where campaign = $1 and cycle = w.c and member = w.m order by revision desc limit 1) s"
    ))
    .bind(campaign)
    .bind(cycles)
    .bind(members)
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    rows::all(&found, rows::standing)
}

pub async fn cycles(connection: &mut PgConnection, campaign: i32, numbers: &[i32]) -> Result<Vec<CycleRow>> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let found = sqlx::query(concat!("select ", columns!(cycle), " from cycles where campaign = $1 and cycle = any($2::integer[])"))
        .bind(campaign)
        .bind(numbers)
        .fetch_all(connection)
        .await
        .map_err(store_error)?;
    rows::all(&found, rows::cycle)
}

pub async fn waits(connection: &mut PgConnection, campaign: i32, members: &[i64]) -> Result<Vec<WaitRow>> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let found = sqlx::query(concat!(
        "select s.* from unnest($2::bigint[]) w (m) cross join lateral (select ",
        columns!(wait),
        " from waits where campaign = $1 and member = w.m offset 0) s"
    ))
    .bind(campaign)
    .bind(members)
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    rows::all(&found, rows::wait)
}

pub async fn expired_waits(connection: &mut PgConnection, campaign: i32, now_ms: i64, limit: i64) -> Result<Vec<WaitRow>> {
    let found = sqlx::query(concat!(
        "select ",
        columns!(wait),
        " from waits where campaign = $1 and until_ms < $2 order by until_ms, identity, member, what limit $3"
    ))
    .bind(campaign)
    .bind(now_ms)
    .bind(limit)
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    rows::all(&found, rows::wait)
}

fn slices(keys: &[Key]) -> Vec<&[u8]> {
    keys.iter().map(|key| &key[..]).collect()
}

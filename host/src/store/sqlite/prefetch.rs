//! What a batch may read: one statement for each kind of row, by key, whatever the number of keys.
//!
//! Must not know: what rows mean.

use super::list::{self, json};
use super::{rows, store_error};
use crate::store::Result;
use crate::store::encode;
use crate::store::rows::columns;
use guerdon_rules::book::rows::{CycleRow, EventRow, MemberRow, PoolRow, StandingRow, WaitRow};
use guerdon_rules::event::Key;
use guerdon_rules::value::MemberId;
use sqlx::SqliteConnection;
use std::borrow::Cow;

/// Pools by name, locked by the write lock, in name order; those that are missing are made.
pub async fn pools(connection: &mut SqliteConnection, names: &[&str]) -> Result<Vec<PoolRow>> {
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
    sqlx::query("insert into pools (name) select value from json_each($1) where true on conflict (name) do nothing")
        .bind(json(&names)?)
        .execute(&mut *connection)
        .await
        .map_err(store_error)?;
    locked_pools(connection, &names).await
}

async fn locked_pools(connection: &mut SqliteConnection, names: &[&str]) -> Result<Vec<PoolRow>> {
    let found =
        sqlx::query(concat!("select ", columns!(pool), " from pools where name in (select value from json_each($1)) order by name"))
            .bind(json(&names)?)
            .fetch_all(connection)
            .await
            .map_err(store_error)?;
    rows::all(&found, rows::pool)
}

pub async fn events(connection: &mut SqliteConnection, campaign: i32, identities: &[Key]) -> Result<Vec<EventRow>> {
    if identities.is_empty() {
        return Ok(Vec::new());
    }
    let found = sqlx::query(concat!(
        "select ",
        columns!(event),
        " from events where campaign = $1 and identity in (select unhex(value) from json_each($2))"
    ))
    .bind(campaign)
    .bind(list::keys(identities))
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    rows::all(&found, rows::event)
}

pub async fn claims(connection: &mut SqliteConnection, campaign: i32, once_keys: &[Key]) -> Result<Vec<EventRow>> {
    if once_keys.is_empty() {
        return Ok(Vec::new());
    }
    // That it is not null is said again for the planner: the index leaves out the rest.
    let found = sqlx::query(concat!(
        "select ",
        columns!(event),
        " from events where campaign = $1 and once_key in (select unhex(value) from json_each($2)) and once_key is not null"
    ))
    .bind(campaign)
    .bind(list::keys(once_keys))
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    rows::all(&found, rows::event)
}

pub async fn members(connection: &mut SqliteConnection, campaign: i32, ids: &[MemberId]) -> Result<Vec<MemberRow>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<(Cow<str>, Cow<str>)> = ids.iter().map(|m| (encode::text(&m.kind), encode::text(&m.id))).collect();
    let found = sqlx::query(concat!(
        "select ",
        columns!(member),
        " from members where campaign = $1 and (kind, id) in (select value ->> 0, value ->> 1 from json_each($2))"
    ))
    .bind(campaign)
    .bind(json(&ids)?)
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    rows::all(&found, rows::member)
}

pub async fn members_by_number(connection: &mut SqliteConnection, campaign: i32, numbers: &[i64]) -> Result<Vec<MemberRow>> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let found = sqlx::query(concat!(
        "select ",
        columns!(member),
        " from members where campaign = $1 and member in (select value from json_each($2))"
    ))
    .bind(campaign)
    .bind(json(&numbers)?)
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    rows::all(&found, rows::member)
}

pub async fn standings(connection: &mut SqliteConnection, campaign: i32, of: &[(i32, i64)]) -> Result<Vec<StandingRow>> {
    if of.is_empty() {
        return Ok(Vec::new());
    }
    let found = sqlx::query(concat!(
        "select ",
        columns!(standing),
        " from standings s where campaign = $1 and (cycle, member) in (select value ->> 0, value ->> 1 from json_each($2))
         and revision = (
           select max(revision) from standings t where t.campaign = s.campaign and t.cycle = s.cycle and t.member = s.member)"
    ))
    .bind(campaign)
    .bind(json(&of)?)
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    rows::all(&found, rows::standing)
}

pub async fn cycles(connection: &mut SqliteConnection, campaign: i32, numbers: &[i32]) -> Result<Vec<CycleRow>> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let found =
        sqlx::query(concat!("select ", columns!(cycle), " from cycles where campaign = $1 and cycle in (select value from json_each($2))"))
            .bind(campaign)
            .bind(json(&numbers)?)
            .fetch_all(connection)
            .await
            .map_err(store_error)?;
    rows::all(&found, rows::cycle)
}

pub async fn waits(connection: &mut SqliteConnection, campaign: i32, members: &[i64]) -> Result<Vec<WaitRow>> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let found =
        sqlx::query(concat!("select ", columns!(wait), " from waits where campaign = $1 and member in (select value from json_each($2))"))
            .bind(campaign)
            .bind(json(&members)?)
            .fetch_all(connection)
            .await
            .map_err(store_error)?;
    rows::all(&found, rows::wait)
}

pub async fn expired_waits(connection: &mut SqliteConnection, campaign: i32, now_ms: i64, limit: i64) -> Result<Vec<WaitRow>> {
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

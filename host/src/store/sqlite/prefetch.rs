//! What a batch may read: one statement for each kind of row, by key, whatever the number of keys.
//!
//! Must not know: what rows mean.

use super::list::{self, json};
use super::{rows, store_error};
use crate::store::Result;
use crate::store::encode;
use crate::store::rows::columns;
use guerdon_rules::book::rows::{CycleRow, EventRow, Members, PoolRow, StandingRow, WaitRow};
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

const EVENTS: &str =
    concat!("select ", columns!(event), " from events where campaign = $1 and identity in (select unhex(value) from json_each($2))");
/// From the list to the rows: with `in`, SQLite goes through all claims of the campaign.
const CLAIMS: &str = concat!(
    "select ",
    columns!(event),
    " from (select unhex(value) as wanted from json_each($2)) cross join events
     where campaign = $1 and once_key = wanted and once_key is not null"
);
/// From the list to the rows: with `in`, SQLite goes through all members of the campaign.
const MEMBERS: &str = concat!(
    "select ",
    columns!(member),
    ", state from (select value ->> 0 as of_kind, value ->> 1 as named from json_each($2)) cross join members
     where campaign = $1 and kind = of_kind and id = named"
);
const MEMBERS_BY_NUMBER: &str =
    concat!("select ", columns!(member), ", state from members where campaign = $1 and member in (select value from json_each($2))");
const STANDINGS: &str = concat!(
    "select ",
    columns!(standing),
    " from standings s where campaign = $1 and (cycle, member) in (select value ->> 0, value ->> 1 from json_each($2))
     and revision = (
       select max(revision) from standings t where t.campaign = s.campaign and t.cycle = s.cycle and t.member = s.member)"
);

pub async fn events(connection: &mut SqliteConnection, campaign: i32, identities: &[Key]) -> Result<Vec<EventRow>> {
    if identities.is_empty() {
        return Ok(Vec::new());
    }
    let found = sqlx::query(EVENTS).bind(campaign).bind(list::keys(identities)).fetch_all(connection).await.map_err(store_error)?;
    rows::all(&found, rows::event)
}

pub async fn claims(connection: &mut SqliteConnection, campaign: i32, once_keys: &[Key]) -> Result<Vec<EventRow>> {
    if once_keys.is_empty() {
        return Ok(Vec::new());
    }
    let found = sqlx::query(CLAIMS).bind(campaign).bind(list::keys(once_keys)).fetch_all(connection).await.map_err(store_error)?;
    rows::all(&found, rows::event)
}

pub async fn members(connection: &mut SqliteConnection, campaign: i32, ids: &[MemberId]) -> Result<Members> {
    if ids.is_empty() {
        return Ok(Members::default());
    }
    let ids: Vec<(Cow<str>, Cow<str>)> = ids.iter().map(|m| (encode::text(&m.kind), encode::text(&m.id))).collect();
    let found = sqlx::query(MEMBERS).bind(campaign).bind(json(&ids)?).fetch_all(connection).await.map_err(store_error)?;
    rows::members(&found)
}

pub async fn members_by_number(connection: &mut SqliteConnection, campaign: i32, numbers: &[i64]) -> Result<Members> {
    if numbers.is_empty() {
        return Ok(Members::default());
    }
    let found = sqlx::query(MEMBERS_BY_NUMBER).bind(campaign).bind(json(&numbers)?).fetch_all(connection).await.map_err(store_error)?;
    rows::members(&found)
}

pub async fn standings(connection: &mut SqliteConnection, campaign: i32, of: &[(i32, i64)]) -> Result<Vec<StandingRow>> {
    if of.is_empty() {
        return Ok(Vec::new());
    }
    let found = sqlx::query(STANDINGS).bind(campaign).bind(json(&of)?).fetch_all(connection).await.map_err(store_error)?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::{AssertSqlSafe, Connection, Row};

    /// Without statistics, SQLite has gone through a million members to find ten. The bench of a small campaign did not
    /// show it.
    #[tokio::test]
    async fn rows_are_found_by_their_whole_key() -> Result<()> {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.map_err(store_error)?;
        super::super::MIGRATIONS.run_direct(None, &mut connection, false).await.expect("the migrations run");
        let by_key = [
            (EVENTS, "events", "(campaign=? AND identity=?)"),
            (CLAIMS, "events", "(campaign=? AND once_key=?)"),
            (MEMBERS, "members", "(campaign=? AND kind=? AND id=?)"),
            (MEMBERS_BY_NUMBER, "members", "(campaign=? AND member=?)"),
            (STANDINGS, "s", "(campaign=? AND cycle=? AND member=?)"),
        ];
        for (query, table, key) in by_key {
            let plan = sqlx::query(AssertSqlSafe(format!("explain query plan {query}"))).fetch_all(&mut connection).await;
            let steps: Vec<String> = plan.map_err(store_error)?.iter().map(|step| step.get("detail")).collect();
            let looks = |step: &&String| step.starts_with(&format!("SEARCH {table} "));
            let search = steps.iter().find(looks).unwrap_or_else(|| panic!("{query}: {steps:?}"));
            assert!(search.ends_with(key), "{query}: {search}");
        }
        Ok(())
    }
}

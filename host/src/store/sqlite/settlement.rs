//! Settlements: their rows, their leases, the pages of standings that they read.
//!
//! Promises: leases go by the database's clock; a fence only goes up. Must not know: what a settlement decides.

use super::list::json;
use super::{rows, store_error};
use crate::store::rows::{columns, page_columns};
use crate::store::{Result, SettlementRow};
use guerdon_rules::book::rows::{MemberRow, StandingRow};
use sqlx::SqliteConnection;

pub async fn of_cycle(connection: &mut SqliteConnection, campaign: i32, cycle: i32) -> Result<Vec<SettlementRow>> {
    let found =
        sqlx::query(concat!("select ", columns!(settlement), " from settlements where campaign = $1 and cycle = $2 order by revision"))
            .bind(campaign)
            .bind(cycle)
            .fetch_all(connection)
            .await
            .map_err(store_error)?;
    rows::all(&found, rows::settlement)
}

pub async fn put(connection: &mut SqliteConnection, campaign: i32, row: &SettlementRow) -> Result<()> {
    sqlx::query(
        "insert into settlements (campaign, cycle, revision, state, release, cursor, fence, digest, failed, excess, why)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (campaign, cycle, revision) do update set state = excluded.state, release = excluded.release,
           cursor = excluded.cursor, digest = excluded.digest, failed = excluded.failed, excess = excluded.excess, why = excluded.why",
    )
    .bind(campaign)
    .bind(row.cycle)
    .bind(row.revision)
    .bind(row.state as i16)
    .bind(row.release)
    .bind(row.cursor)
    .bind(row.fence)
    .bind(&row.digest)
    .bind(&*crate::store::encode::text(&row.failed))
    .bind(&*crate::store::encode::text(&row.excess))
    .bind(&*crate::store::encode::text(&row.why))
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

pub async fn take_lease(
    connection: &mut SqliteConnection,
    campaign: i32,
    cycle: i32,
    revision: i32,
    owner: &str,
    seconds: i64,
) -> Result<Option<i64>> {
    sqlx::query_scalar(
        "update settlements set fence = fence + 1, owner = $4,
           lease_until_ms = cast(unixepoch('subsec') * 1000 as integer) + $5 * 1000
         where campaign = $1 and cycle = $2 and revision = $3
           and (owner is null or owner = $4 or lease_until_ms <= cast(unixepoch('subsec') * 1000 as integer))
         returning fence",
    )
    .bind(campaign)
    .bind(cycle)
    .bind(revision)
    .bind(owner)
    .bind(seconds)
    .fetch_optional(connection)
    .await
    .map_err(store_error)
}

pub async fn hold_lease(
    connection: &mut SqliteConnection,
    campaign: i32,
    cycle: i32,
    revision: i32,
    fence: i64,
    seconds: i64,
) -> Result<bool> {
    let held = sqlx::query(
        "update settlements set lease_until_ms = cast(unixepoch('subsec') * 1000 as integer) + $5 * 1000
         where campaign = $1 and cycle = $2 and revision = $3 and fence = $4 and owner is not null",
    )
    .bind(campaign)
    .bind(cycle)
    .bind(revision)
    .bind(fence)
    .bind(seconds)
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(held.rows_affected() == 1)
}

pub async fn release_lease(connection: &mut SqliteConnection, campaign: i32, cycle: i32, revision: i32, fence: i64) -> Result<()> {
    sqlx::query(
        "update settlements set owner = null, lease_until_ms = 0
         where campaign = $1 and cycle = $2 and revision = $3 and fence = $4",
    )
    .bind(campaign)
    .bind(cycle)
    .bind(revision)
    .bind(fence)
    .execute(connection)
    .await
    .map_err(store_error)?;
    Ok(())
}

const PAGE_OF: &str = concat!(
    "select ",
    page_columns!(),
    " from standings s cross join members m
     where s.campaign = $1 and s.cycle = $2 and s.revision = $3 and s.member > $4 and m.campaign = s.campaign and m.member = s.member
     order by s.member limit $5"
);
const PAGE_UP_TO: &str = concat!(
    "select ",
    page_columns!(),
    " from standings s cross join members m
     where s.campaign = $1 and s.cycle = $2 and s.member > $4 and m.campaign = s.campaign and m.member = s.member
       and s.revision = (
         select max(revision) from standings t
         where t.campaign = s.campaign and t.cycle = s.cycle and t.member = s.member and t.revision <= $3)
     order by s.member limit $5"
);

/// A page in member order, the latest revision of each not above `revision`, and the members.
pub async fn standings_in(
    connection: &mut SqliteConnection,
    campaign: i32,
    cycle: i32,
    revision: i32,
    after_member: i64,
    limit: i64,
) -> Result<Vec<(MemberRow, StandingRow)>> {
    // There is nothing before the first.
    let query = if revision == 1 { PAGE_OF } else { PAGE_UP_TO };
    page(connection, query, campaign, cycle, revision, after_member, limit).await
}

/// A page in member order of exactly this revision, and the members.
pub async fn standings_of_revision(
    connection: &mut SqliteConnection,
    campaign: i32,
    cycle: i32,
    revision: i32,
    after_member: i64,
    limit: i64,
) -> Result<Vec<(MemberRow, StandingRow)>> {
    page(connection, PAGE_OF, campaign, cycle, revision, after_member, limit).await
}

async fn page(
    connection: &mut SqliteConnection,
    query: &'static str,
    campaign: i32,
    cycle: i32,
    revision: i32,
    after_member: i64,
    limit: i64,
) -> Result<Vec<(MemberRow, StandingRow)>> {
    let statement = sqlx::query(query).bind(campaign).bind(cycle).bind(revision).bind(after_member).bind(limit);
    rows::all(&statement.fetch_all(connection).await.map_err(store_error)?, rows::standing_of)
}

pub async fn standings_until(
    connection: &mut SqliteConnection,
    campaign: i32,
    cycle: i32,
    revision: i32,
    members: &[i64],
) -> Result<Vec<StandingRow>> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let found = sqlx::query(concat!(
        "select ",
        columns!(standing),
        " from standings s
         where campaign = $1 and member in (select value from json_each($4))
           and cycle in (select cycle from cycles where campaign = $1 and cycle <= $2) and revision = (
           select max(revision) from standings t where t.campaign = s.campaign and t.cycle = s.cycle and t.member = s.member
             and (t.cycle < $2 or t.revision <= $3))
         order by member, cycle"
    ))
    .bind(campaign)
    .bind(cycle)
    .bind(revision)
    .bind(json(&members)?)
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    rows::all(&found, rows::standing)
}

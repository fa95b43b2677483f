//! Settlements: their rows, their leases, the pages of standings that they read.
//!
//! Promises: leases go by the database's clock; a fence only goes up. Must not know: what a settlement decides.

use super::{rows, store_error};
use crate::store::rows::{columns, page_columns};
use crate::store::{Result, SettlementRow};
use guerdon_rules::book::rows::{MemberRow, StandingRow};
use sqlx::PgConnection;

pub async fn of_cycle(connection: &mut PgConnection, campaign: i32, cycle: i32) -> Result<Vec<SettlementRow>> {
    let found =
        sqlx::query(concat!("select ", columns!(settlement), " from settlements where campaign = $1 and cycle = $2 order by revision"))
            .bind(campaign)
            .bind(cycle)
            .fetch_all(connection)
            .await
            .map_err(store_error)?;
    rows::all(&found, rows::settlement)
}

pub async fn put(connection: &mut PgConnection, campaign: i32, row: &SettlementRow) -> Result<()> {
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
    connection: &mut PgConnection,
    campaign: i32,
    cycle: i32,
    revision: i32,
    owner: &str,
    seconds: i64,
) -> Result<Option<i64>> {
    sqlx::query_scalar(
        "update settlements set fence = fence + 1, owner = $4,
           lease_until_ms = (extract(epoch from clock_timestamp()) * 1000)::bigint + $5 * 1000
         where campaign = $1 and cycle = $2 and revision = $3
           and (owner is null or owner = $4 or lease_until_ms <= (extract(epoch from clock_timestamp()) * 1000)::bigint)
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

pub async fn hold_lease(connection: &mut PgConnection, campaign: i32, cycle: i32, revision: i32, fence: i64, seconds: i64) -> Result<bool> {
    let held = sqlx::query(
        "update settlements set lease_until_ms = (extract(epoch from clock_timestamp()) * 1000)::bigint + $5 * 1000
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

pub async fn release_lease(connection: &mut PgConnection, campaign: i32, cycle: i32, revision: i32, fence: i64) -> Result<()> {
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

/// Exactly one revision: few rows, once there is a second one.
const PAGE_OF: &str = concat!(
    "select ",
    page_columns!(),
    " from (select cycle, member, revision, state from standings
            where campaign = $1 and cycle = $2 and revision = $3 and member > $4 order by member limit $5) s
        cross join lateral (select * from members where campaign = $1 and member = s.member limit 1) m"
);
/// Nearly every member has one in the cycle that is closed or shown, most of them beside their row. Looked for in `standings`
/// is only that of a member who has moved on from it.
const PAGE_UP_TO: &str = "select m.member, m.kind, m.id, m.inviter, m.tally, m.attributes, m.cycle, m.revision,
       coalesce(s.cycle, m.cycle), coalesce(s.revision, m.revision), coalesce(s.state, m.state)
     from members m left join lateral (
       select cycle, revision, state from standings s
       where s.campaign = $1 and s.cycle = $2 and s.member = m.member and s.revision <= $3 and (m.cycle, m.revision) > ($2, $3)
       order by s.revision desc limit 1) s on true
     where m.campaign = $1 and m.member > $4 and m.member <= $6 and (s.cycle is not null or (m.cycle = $2 and m.revision <= $3))
     order by m.member limit $5";

/// Members that are looked through by one statement, for each standing that is asked for: it ends in time, however few
/// have one.
const LOOKED_THROUGH: i64 = 20;

/// A page in member order, the latest revision of each not above `revision`, and the members. In the order of the members'
/// key, so that nothing is sorted or found one by one.
pub async fn standings_in(
    connection: &mut PgConnection,
    campaign: i32,
    cycle: i32,
    revision: i32,
    mut after_member: i64,
    limit: i64,
) -> Result<Vec<(MemberRow, StandingRow)>> {
    loop {
        let through = after_member.saturating_add(limit.saturating_mul(LOOKED_THROUGH));
        let statement = sqlx::query(PAGE_UP_TO).bind(campaign).bind(cycle).bind(revision).bind(after_member).bind(limit).bind(through);
        let page = statement.fetch_all(&mut *connection).await.map_err(store_error)?;
        if !page.is_empty() {
            return rows::all(&page, rows::standing_of);
        }
        let last: i64 = sqlx::query_scalar("select last_member from campaigns where campaign = $1")
            .bind(campaign)
            .fetch_one(&mut *connection)
            .await
            .map_err(store_error)?;
        if through >= last {
            return Ok(Vec::new());
        }
        after_member = through;
    }
}

/// A page in member order of exactly this revision, and the members. The member of each by key: without statistics, a
/// planner reads the whole rest of the cycle for each page.
pub async fn standings_of_revision(
    connection: &mut PgConnection,
    campaign: i32,
    cycle: i32,
    revision: i32,
    after_member: i64,
    limit: i64,
) -> Result<Vec<(MemberRow, StandingRow)>> {
    let statement = sqlx::query(PAGE_OF).bind(campaign).bind(cycle).bind(revision).bind(after_member).bind(limit);
    rows::all(&statement.fetch_all(connection).await.map_err(store_error)?, rows::standing_of)
}

pub async fn standings_until(
    connection: &mut PgConnection,
    campaign: i32,
    cycle: i32,
    revision: i32,
    members: &[i64],
) -> Result<Vec<StandingRow>> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let found = sqlx::query(concat!(
        "select s.* from unnest($4::bigint[]) w (m)
         cross join (select cycle as number from cycles where campaign = $1 and cycle <= $2) c
         cross join lateral (select ",
        columns!(standing),
        " from standings s where campaign = $1 and cycle = c.number and member = w.m and (cycle < $2 or revision <= $3)
          order by revision desc limit 1) s order by member, cycle"
    ))
    .bind(campaign)
    .bind(cycle)
    .bind(revision)
    .bind(members)
    .fetch_all(connection)
    .await
    .map_err(store_error)?;
    rows::all(&found, rows::standing)
}

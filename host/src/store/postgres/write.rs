//! Writes a delta: one statement for each kind of row, whatever the number of rows; an empty list needs none.
//!
//! Every list goes as arrays by column and comes back apart with `unnest`. Statements that change rows which must be
//! there count them. Must not know: what rows mean.

use super::{cards, store_error};
use crate::store::encode;
use crate::store::{ReleaseRow, Result, StoreError};
use guerdon_rules::book::rows::{
    CycleRow, Delta, EventRow, GrantRow, GrantState, Head, JournalRow, MemberRow, PostingRow, StandingRow, WaitRow,
};
use guerdon_rules::event::Key;
use guerdon_rules::names::Code;
use sqlx::PgConnection;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use std::borrow::Cow;

type Statement<'q> = Query<'q, sqlx::Postgres, PgArguments>;

/// Rows that are only new, under keys that nobody else writes.
pub async fn new_rows(connection: &mut PgConnection, campaign: i32, delta: &Delta) -> Result<()> {
    new_members(connection, campaign, &delta.new_members).await?;
    new_events(connection, campaign, &delta.new_events).await?;
    postings(connection, campaign, delta.head.position, &delta.postings).await?;
    grants(connection, campaign, &delta.grants).await?;
    journal(connection, campaign, delta.head.position, &delta.journal).await
}

/// All the others. The pools that had fewer codes than the delta's issued grants need; then nothing of it may be committed.
pub async fn rest(connection: &mut PgConnection, campaign: i32, delta: &Delta) -> Result<Vec<i32>> {
    changed_members(connection, campaign, &delta.changed_members).await?;
    standings(connection, campaign, &delta.standings).await?;
    changed_standings(connection, campaign, &delta.changed_standings).await?;
    cycles(connection, campaign, &delta.cycles).await?;
    changed_events(connection, campaign, &delta.changed_events).await?;
    ended_waits(connection, campaign, &delta.ended_waits).await?;
    new_waits(connection, campaign, &delta.new_waits).await?;
    let short = cards::bind(connection, campaign, &delta.grants).await?;
    if !short.is_empty() {
        return Ok(short);
    }
    cards::owe(connection, &delta.grants).await?;
    head(connection, campaign, &delta.head).await?;
    Ok(short)
}

/// One array for a column.
macro_rules! column {
    ($rows:expr, $value:expr) => {
        $rows.iter().map($value).collect::<Vec<_>>()
    };
}

async fn run(connection: &mut PgConnection, statement: Statement<'_>) -> Result<u64> {
    Ok(statement.execute(connection).await.map_err(store_error)?.rows_affected())
}

/// Fails when a row that must be there is not.
fn all_there(what: &str, changed: u64, wanted: usize) -> Result<()> {
    if changed == wanted as u64 {
        return Ok(());
    }
    Err(StoreError::Corrupt(format!("{wanted} {what} should change, {changed} are there")))
}

async fn new_members(connection: &mut PgConnection, campaign: i32, rows: &[MemberRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let statement = sqlx::query(
        "insert into members (campaign, member, kind, id, inviter, tally, attributes)
         select $1, * from unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[])",
    )
    .bind(campaign)
    .bind(column!(rows, |r| r.number))
    .bind(column!(rows, |r| encode::text(&r.id.kind)))
    .bind(column!(rows, |r| encode::text(&r.id.id)))
    .bind(column!(rows, |r| r.inviter))
    .bind(column!(rows, |r| encode::tally(&r.tally)))
    .bind(column!(rows, |r| encode::attributes(&r.attributes)));
    run(connection, statement).await.map(drop)
}

/// The campaign once for each row that shall change. Given as one value, a planner without statistics may go through the
/// whole campaign and look for each of its rows in the list.
fn of_all(campaign: i32, rows: usize) -> Vec<i32> {
    vec![campaign; rows]
}

async fn changed_members(connection: &mut PgConnection, campaign: i32, rows: &[MemberRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let statement = sqlx::query(
        "update members m set inviter = v.inviter, tally = v.tally, attributes = v.attributes
         from unnest($1::integer[], $2::bigint[], $3::bigint[], $4::text[], $5::text[]) v (campaign, member, inviter, tally, attributes)
         where m.campaign = v.campaign and m.member = v.member",
    )
    .bind(of_all(campaign, rows.len()))
    .bind(column!(rows, |r| r.number))
    .bind(column!(rows, |r| r.inviter))
    .bind(column!(rows, |r| encode::tally(&r.tally)))
    .bind(column!(rows, |r| encode::attributes(&r.attributes)));
    all_there("members", run(connection, statement).await?, rows.len())
}

async fn standings(connection: &mut PgConnection, campaign: i32, rows: &[StandingRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let statement = sqlx::query(
        "insert into standings (campaign, cycle, member, revision, state)
         select $1, * from unnest($2::integer[], $3::bigint[], $4::integer[], $5::text[])
         on conflict (campaign, cycle, member, revision) do update set state = excluded.state",
    )
    .bind(campaign)
    .bind(column!(rows, |r| r.cycle))
    .bind(column!(rows, |r| r.member))
    .bind(column!(rows, |r| r.revision))
    .bind(column!(rows, encode::standing));
    run(connection, statement).await.map(drop)
}

async fn changed_standings(connection: &mut PgConnection, campaign: i32, rows: &[StandingRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let statement = sqlx::query(
        "update standings s set state = v.state
         from unnest($1::integer[], $2::integer[], $3::bigint[], $4::integer[], $5::text[]) v (campaign, cycle, member, revision, state)
         where s.campaign = v.campaign and s.cycle = v.cycle and s.member = v.member and s.revision = v.revision",
    )
    .bind(of_all(campaign, rows.len()))
    .bind(column!(rows, |r| r.cycle))
    .bind(column!(rows, |r| r.member))
    .bind(column!(rows, |r| r.revision))
    .bind(column!(rows, encode::standing));
    all_there("standings", run(connection, statement).await?, rows.len())
}

async fn cycles(connection: &mut PgConnection, campaign: i32, rows: &[CycleRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let statement = sqlx::query(
        "insert into cycles (campaign, cycle, revision, state)
         select $1, * from unnest($2::integer[], $3::integer[], $4::text[])
         on conflict (campaign, cycle) do update set revision = excluded.revision, state = excluded.state",
    )
    .bind(campaign)
    .bind(column!(rows, |r| r.cycle))
    .bind(column!(rows, |r| r.revision))
    .bind(column!(rows, encode::cycle));
    run(connection, statement).await.map(drop)
}

async fn new_events(connection: &mut PgConnection, campaign: i32, rows: &[EventRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let statement = sqlx::query(
        "insert into events (campaign, identity, source, id, type, subject, member, at_ms, received_ms, data, body_hash, outcome,
           reason, once_key, release, position, line)
         select $1, * from unnest($2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[],
           $9::bigint[], $10::text[], $11::bytea[], $12::smallint[], $13::text[], $14::bytea[], $15::integer[], $16::bigint[],
           $17::integer[])",
    );
    run(connection, bind_events(statement.bind(campaign), rows)).await.map(drop)
}

async fn changed_events(connection: &mut PgConnection, campaign: i32, rows: &[EventRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let statement = sqlx::query(
        "update events e set type = v.type, subject = v.subject, member = v.member, at_ms = v.at_ms, received_ms = v.received_ms,
           data = v.data, body_hash = v.body_hash, outcome = v.outcome, reason = v.reason, once_key = v.once_key,
           release = v.release, position = v.position, line = v.line
         from unnest($1::integer[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[],
           $9::bigint[], $10::text[], $11::bytea[], $12::smallint[], $13::text[], $14::bytea[], $15::integer[], $16::bigint[],
           $17::integer[]) v (campaign, identity, source, id, type, subject, member, at_ms, received_ms, data, body_hash, outcome, reason,
           once_key, release, position, line)
         where e.campaign = v.campaign and e.identity = v.identity",
    );
    all_there("events", run(connection, bind_events(statement.bind(of_all(campaign, rows.len())), rows)).await?, rows.len())
}

/// All but the campaign, which comes first.
fn bind_events<'q>(statement: Statement<'q>, rows: &'q [EventRow]) -> Statement<'q> {
    statement
        .bind(column!(rows, |r| &r.identity[..]))
        .bind(column!(rows, |r| encode::text(&r.source)))
        .bind(column!(rows, |r| encode::text(&r.id)))
        .bind(column!(rows, |r| encode::text(&r.kind)))
        .bind(column!(rows, |r| optional_text(&r.subject)))
        .bind(column!(rows, |r| r.member))
        .bind(column!(rows, |r| r.at_ms))
        .bind(column!(rows, |r| r.received_ms))
        .bind(column!(rows, |r| encode::text(&r.data)))
        .bind(column!(rows, |r| &r.body_hash[..]))
        .bind(column!(rows, |r| r.outcome as i16))
        .bind(column!(rows, |r| optional_text(&r.reason)))
        .bind(column!(rows, |r| optional_key(&r.once_key)))
        .bind(column!(rows, |r| r.release))
        .bind(column!(rows, |r| r.position))
        .bind(column!(rows, |r| r.line))
}

async fn ended_waits(connection: &mut PgConnection, campaign: i32, identities: &[Key]) -> Result<()> {
    if identities.is_empty() {
        return Ok(());
    }
    let statement = sqlx::query("delete from waits where campaign = $1 and identity = any($2::bytea[])")
        .bind(campaign)
        .bind(column!(identities, |k| &k[..]));
    run(connection, statement).await.map(drop)
}

async fn new_waits(connection: &mut PgConnection, campaign: i32, rows: &[WaitRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let statement = sqlx::query(
        "insert into waits (campaign, member, what, identity, until_ms)
         select $1, * from unnest($2::bigint[], $3::integer[], $4::bytea[], $5::bigint[])
         on conflict (campaign, member, what, identity) do update set until_ms = excluded.until_ms",
    )
    .bind(campaign)
    .bind(column!(rows, |r| r.member))
    .bind(column!(rows, |r| r.what))
    .bind(column!(rows, |r| &r.identity[..]))
    .bind(column!(rows, |r| r.until_ms));
    run(connection, statement).await.map(drop)
}

async fn postings(connection: &mut PgConnection, campaign: i32, position: i64, rows: &[PostingRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let statement = sqlx::query(
        "insert into postings (campaign, position, ordinal, line, member, debit, credit, amount, at_ms, cycle, day)
         select $1, $2, * from unnest($3::integer[], $4::integer[], $5::bigint[], $6::integer[], $7::integer[], $8::bigint[],
           $9::bigint[], $10::integer[], $11::integer[])",
    )
    .bind(campaign)
    .bind(position)
    .bind(column!(rows, |r| r.ordinal))
    .bind(column!(rows, |r| r.line))
    .bind(column!(rows, |r| r.member))
    .bind(column!(rows, |r| r.debit))
    .bind(column!(rows, |r| r.credit))
    .bind(column!(rows, |r| r.amount))
    .bind(column!(rows, |r| r.at_ms))
    .bind(column!(rows, |r| r.cycle))
    .bind(column!(rows, |r| r.day));
    run(connection, statement).await.map(drop)
}

async fn grants(connection: &mut PgConnection, campaign: i32, rows: &[GrantRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let statement = sqlx::query(
        "insert into grants (campaign, number, member, reward, function, cause, ordinal, state, held, pool, position, line,
           rule_line, release, cycle, at_ms, face_value)
         select $1, * from unnest($2::bigint[], $3::bigint[], $4::integer[], $5::integer[], $6::bytea[], $7::integer[],
           $8::smallint[], $9::smallint[], $10::integer[], $11::bigint[], $12::integer[], $13::integer[], $14::integer[],
           $15::integer[], $16::bigint[], $17::bigint[])",
    )
    .bind(campaign)
    .bind(column!(rows, |r| r.number))
    .bind(column!(rows, |r| r.member))
    .bind(column!(rows, |r| r.reward))
    .bind(column!(rows, |r| r.function))
    .bind(column!(rows, |r| &r.cause[..]))
    .bind(column!(rows, |r| r.ordinal))
    .bind(column!(rows, |r| r.state as i16))
    .bind(column!(rows, |r| r.held as i16))
    .bind(column!(rows, |r| r.pool))
    .bind(column!(rows, |r| r.position))
    .bind(column!(rows, |r| r.line))
    .bind(column!(rows, |r| r.rule_line))
    .bind(column!(rows, |r| r.release))
    .bind(column!(rows, |r| r.cycle))
    .bind(column!(rows, |r| r.at_ms))
    .bind(column!(rows, |r| r.face_value));
    debug_assert!(rows.iter().all(|r| matches!(r.state, GrantState::Owed | GrantState::Issued)));
    run(connection, statement).await.map(drop)
}

async fn journal(connection: &mut PgConnection, campaign: i32, position: i64, rows: &[JournalRow]) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let statement = sqlx::query(
        "insert into journal (campaign, position, line, kind, identity, member, at_ms, body)
         select $1, $2, * from unnest($3::integer[], $4::smallint[], $5::bytea[], $6::bigint[], $7::bigint[], $8::text[])",
    )
    .bind(campaign)
    .bind(position)
    .bind(column!(rows, |r| r.line))
    .bind(column!(rows, |r| r.kind as i16))
    .bind(column!(rows, |r| optional_key(&r.identity)))
    .bind(column!(rows, |r| r.member))
    .bind(column!(rows, |r| r.at_ms))
    .bind(column!(rows, |r| encode::text(&r.body)));
    run(connection, statement).await.map(drop)
}

async fn head(connection: &mut PgConnection, campaign: i32, head: &Head) -> Result<()> {
    let statement = sqlx::query(
        "update campaigns set position = $2, last_member = $3, last_grant = $4, closed_through = $5, releases = $6, totals = $7,
           switches = $8
         where campaign = $1",
    )
    .bind(campaign)
    .bind(head.position)
    .bind(head.last_member)
    .bind(head.last_grant)
    .bind(head.closed_through)
    .bind(head.releases)
    .bind(encode::tally(&head.totals))
    .bind(encode::switches(&head.switches)?);
    all_there("head", run(connection, statement).await?, 1)
}

pub async fn release(connection: &mut PgConnection, campaign: i32, row: &ReleaseRow) -> Result<()> {
    let statement = sqlx::query(
        "insert into releases (campaign, number, hash, effective_from_ms, files, author, note, at_ms)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(campaign)
    .bind(row.number)
    .bind(encode::text(&row.hash))
    .bind(row.effective_from_ms)
    .bind(&row.files)
    .bind(encode::text(&row.author))
    .bind(encode::text(&row.note))
    .bind(row.at_ms);
    run(connection, statement).await.map(drop)
}

pub async fn names(connection: &mut PgConnection, campaign: i32, first: Code, names: &[String]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let statement = sqlx::query(
        "insert into names (campaign, code, name)
         select $1, $2 + place::integer - 1, name from unnest($3::text[]) with ordinality n (name, place)",
    )
    .bind(campaign)
    .bind(first)
    .bind(names);
    run(connection, statement).await.map(drop)
}

fn optional_text(text: &Option<String>) -> Option<Cow<'_, str>> {
    text.as_deref().map(encode::text)
}

fn optional_key(key: &Option<Key>) -> Option<&[u8]> {
    key.as_ref().map(|key| &key[..])
}

//! Writes a delta: everything that a group has as a rule in two statements, whatever the number of rows, and the rest one by
//! one where there is any.
//!
//! Every list goes as arrays by column and comes back apart with `unnest`. Statements that change rows which must be
//! there count them. Must not know: what rows mean.

use super::{cards, store_error};
use crate::store::encode;
use crate::store::{Result, StoreError};
use guerdon_rules::book::rows::{Delta, EventRow, GrantRow, GrantState, JournalRow, MemberRow, PostingRow, StandingRow, WaitRow};
use guerdon_rules::event::Key;
use guerdon_rules::names::Code;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::{PgConnection, Row};
use std::borrow::Cow;

type Statement<'q> = Query<'q, sqlx::Postgres, PgArguments>;

/// Rows that are only new, under keys that nobody else writes. One statement: a group of any size costs one round trip.
const NEW_ROWS: &str = "
    with new_members as (
      insert into members (campaign, member, kind, id, inviter, tally, attributes)
      select $1, * from unnest($3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[])),
    new_events as (
      insert into events (campaign, identity, source, id, type, subject, member, at_ms, received_ms, data, body_hash, outcome,
        reason, once_key, release, position, line)
      select $1, * from unnest($9::bytea[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bigint[], $15::bigint[],
        $16::bigint[], $17::text[], $18::bytea[], $19::smallint[], $20::text[], $21::bytea[], $22::integer[], $23::bigint[],
        $24::integer[])),
    new_postings as (
      insert into postings (campaign, position, ordinal, line, member, debit, credit, amount, at_ms, cycle, day)
      select $1, $2, * from unnest($25::integer[], $26::integer[], $27::bigint[], $28::integer[], $29::integer[], $30::bigint[],
        $31::bigint[], $32::integer[], $33::integer[])),
    new_grants as (
      insert into grants (campaign, number, member, reward, function, cause, ordinal, state, held, pool, position, line,
        rule_line, release, cycle, at_ms, face_value)
      select $1, * from unnest($34::bigint[], $35::bigint[], $36::integer[], $37::integer[], $38::bytea[], $39::integer[],
        $40::smallint[], $41::smallint[], $42::integer[], $43::bigint[], $44::integer[], $45::integer[], $46::integer[],
        $47::integer[], $48::bigint[], $49::bigint[]))
    insert into journal (campaign, position, line, kind, identity, member, at_ms, body)
    select $1, $2, * from unnest($50::integer[], $51::smallint[], $52::bytea[], $53::bigint[], $54::bigint[], $55::text[])";

/// Writes [`NEW_ROWS`].
pub async fn new_rows(connection: &mut PgConnection, campaign: i32, delta: &Delta) -> Result<()> {
    let statement = sqlx::query(NEW_ROWS).bind(campaign).bind(delta.head.position);
    let statement = bind_events(bind_members(statement, &delta.new_members), &delta.new_events);
    let statement = bind_grants(bind_postings(statement, &delta.postings), &delta.grants);
    run(connection, bind_journal(statement, &delta.journal)).await.map(drop)
}

/// What changes with every group, and how many rows of those that must be there were.
const CHANGED_ROWS: &str = "
    with changed_members as (
      update members m set inviter = v.inviter, tally = v.tally, attributes = v.attributes
      from unnest($2::integer[], $3::bigint[], $4::bigint[], $5::text[], $6::text[]) v (campaign, member, inviter, tally, attributes)
      where m.campaign = v.campaign and m.member = v.member returning 1),
    new_standings as (
      insert into standings (campaign, cycle, member, revision, state)
      select $1, * from unnest($7::integer[], $8::bigint[], $9::integer[], $10::text[])
      on conflict (campaign, cycle, member, revision) do update set state = excluded.state),
    changed_standings as (
      update standings s set state = v.state
      from unnest($11::integer[], $12::integer[], $13::bigint[], $14::integer[], $15::text[]) v (campaign, cycle, member, revision, state)
      where s.campaign = v.campaign and s.cycle = v.cycle and s.member = v.member and s.revision = v.revision returning 1),
    changed_cycles as (
      insert into cycles (campaign, cycle, revision, state)
      select $1, * from unnest($16::integer[], $17::integer[], $18::text[])
      on conflict (campaign, cycle) do update set revision = excluded.revision, state = excluded.state),
    head as (
      update campaigns set position = $19, last_member = $20, last_grant = $21, closed_through = $22, releases = $23, totals = $24,
        switches = $25
      where campaign = $1 returning 1)
    select (select count(*) from changed_members), (select count(*) from changed_standings), (select count(*) from head)";

/// All the others. The pools that had fewer codes than the delta's issued grants need; then nothing of it may be committed.
pub async fn rest(connection: &mut PgConnection, campaign: i32, delta: &Delta) -> Result<Vec<i32>> {
    changed_rows(connection, campaign, delta).await?;
    changed_events(connection, campaign, &delta.changed_events).await?;
    ended_waits(connection, campaign, &delta.ended_waits).await?;
    new_waits(connection, campaign, &delta.new_waits).await?;
    let short = cards::bind(connection, campaign, &delta.grants).await?;
    if short.is_empty() {
        cards::owe(connection, &delta.grants).await?;
    }
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

/// The campaign once for each row that shall change. Given as one value, a planner without statistics may go through the
/// whole campaign and look for each of its rows in the list.
fn of_all(campaign: i32, rows: usize) -> Vec<i32> {
    vec![campaign; rows]
}

async fn changed_rows(connection: &mut PgConnection, campaign: i32, delta: &Delta) -> Result<()> {
    let (members, standings, head) = (&delta.changed_members, &delta.changed_standings, &delta.head);
    let statement = sqlx::query(CHANGED_ROWS)
        .bind(campaign)
        .bind(of_all(campaign, members.len()))
        .bind(column!(members, |r| r.number))
        .bind(column!(members, |r| r.inviter))
        .bind(column!(members, |r| encode::tally(&r.tally)))
        .bind(column!(members, |r| encode::attributes(&r.attributes)));
    let statement = bind_standings(bind_standings(statement, &delta.standings).bind(of_all(campaign, standings.len())), standings)
        .bind(column!(delta.cycles, |r| r.cycle))
        .bind(column!(delta.cycles, |r| r.revision))
        .bind(column!(delta.cycles, encode::cycle))
        .bind(head.position)
        .bind(head.last_member)
        .bind(head.last_grant)
        .bind(head.closed_through)
        .bind(head.releases)
        .bind(encode::tally(&head.totals))
        .bind(encode::switches(&head.switches)?);
    let changed = statement.fetch_one(connection).await.map_err(store_error)?;
    let count = |place: usize| changed.try_get::<i64, _>(place).map(i64::unsigned_abs).map_err(store_error);
    all_there("members", count(0)?, members.len())?;
    all_there("standings", count(1)?, standings.len())?;
    all_there("head", count(2)?, 1)
}

/// All but the campaign.
fn bind_standings<'q>(statement: Statement<'q>, rows: &[StandingRow]) -> Statement<'q> {
    statement
        .bind(column!(rows, |r| r.cycle))
        .bind(column!(rows, |r| r.member))
        .bind(column!(rows, |r| r.revision))
        .bind(column!(rows, encode::standing))
}

fn bind_members<'q>(statement: Statement<'q>, rows: &'q [MemberRow]) -> Statement<'q> {
    statement
        .bind(column!(rows, |r| r.number))
        .bind(column!(rows, |r| encode::text(&r.id.kind)))
        .bind(column!(rows, |r| encode::text(&r.id.id)))
        .bind(column!(rows, |r| r.inviter))
        .bind(column!(rows, |r| encode::tally(&r.tally)))
        .bind(column!(rows, |r| encode::attributes(&r.attributes)))
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

fn bind_postings<'q>(statement: Statement<'q>, rows: &[PostingRow]) -> Statement<'q> {
    statement
        .bind(column!(rows, |r| r.ordinal))
        .bind(column!(rows, |r| r.line))
        .bind(column!(rows, |r| r.member))
        .bind(column!(rows, |r| r.debit))
        .bind(column!(rows, |r| r.credit))
        .bind(column!(rows, |r| r.amount))
        .bind(column!(rows, |r| r.at_ms))
        .bind(column!(rows, |r| r.cycle))
        .bind(column!(rows, |r| r.day))
}

fn bind_grants<'q>(statement: Statement<'q>, rows: &'q [GrantRow]) -> Statement<'q> {
    debug_assert!(rows.iter().all(|r| matches!(r.state, GrantState::Owed | GrantState::Issued)));
    statement
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
        .bind(column!(rows, |r| r.face_value))
}

fn bind_journal<'q>(statement: Statement<'q>, rows: &'q [JournalRow]) -> Statement<'q> {
    statement
        .bind(column!(rows, |r| r.line))
        .bind(column!(rows, |r| r.kind as i16))
        .bind(column!(rows, |r| optional_key(&r.identity)))
        .bind(column!(rows, |r| r.member))
        .bind(column!(rows, |r| r.at_ms))
        .bind(column!(rows, |r| encode::text(&r.body)))
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

//! Writes a delta: everything that a group has as a rule in one statement, whatever the number of rows, and the rest one by
//! one where there is any.
//!
//! Every list goes as arrays by column and comes back apart with `unnest`. Statements that change rows which must be
//! there count them. Must not know: what rows mean.

use super::statements::{self, Part, Parts};
use super::{cards, rows, store_error};
use crate::store::encode;
use crate::store::{Result, Seen, StoreError};
use guerdon_rules::book::rows::{Delta, EventRow, GrantRow, GrantState, JournalRow, MemberRow, PostingRow, StandingRow, WaitRow};
use guerdon_rules::event::Key;
use guerdon_rules::names::Code;
use rustc_hash::FxHashMap;
use sqlx::PgConnection;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use std::borrow::Cow;
use std::collections::HashSet;

type Statement<'q> = Query<'q, sqlx::Postgres, PgArguments>;
/// See [`Delta::latest`].
type Latest<'a> = FxHashMap<i64, &'a StandingRow>;

/// Writes [`statements::new_rows`].
pub async fn new_rows(connection: &mut PgConnection, campaign: i32, delta: &Delta) -> Result<()> {
    let statement = sqlx::query(statements::new_rows(new_parts(delta)));
    run(connection, bind_new_rows(statement, campaign, delta.head.position, delta, &delta.latest())).await.map(drop)
}

/// Everything of a delta, in a transaction that holds the campaign's head. The pools that had fewer codes than the delta's
/// issued grants need; then nothing of it may be committed.
pub async fn delta(connection: &mut PgConnection, campaign: i32, delta: &Delta) -> Result<Vec<i32>> {
    let done = whole(connection, campaign, delta, delta, None, false).await?;
    all_there("members", done.members, delta.changed_members.len())?;
    all_there("standings", done.standings, encode::apart(&delta.changed_standings, &delta.latest()).count())?;
    all_there("standings to move", done.moved, delta.moved.len())?;
    all_there("head", done.heads, 1)?;
    changed_events(connection, campaign, &delta.changed_events).await?;
    ended_waits(connection, campaign, &delta.ended_waits).await?;
    new_waits(connection, campaign, &delta.new_waits).await?;
    let mut left = cards::wanted(&delta.grants);
    left.retain(|(_, grant)| !done.bound.contains(grant));
    let short = cards::allocate_without_hint(connection, campaign, &left).await?;
    if short.is_empty() {
        cards::owe(connection, &delta.grants).await?;
    }
    Ok(short)
}

/// Whether [`statements::whole`] is all that a delta needs.
pub fn is_whole(delta: &Delta) -> bool {
    delta.changed_events.is_empty()
        && delta.new_waits.is_empty()
        && delta.ended_waits.is_empty()
        && delta.corrections.is_empty()
        && !cards::owes(&delta.grants)
}

/// Writes a delta that [`is_whole`], all of it or, without its new rows, what is left of it; or fails. False, and nothing
/// is written, when somebody else wrote since `seen`, or has the lock.
pub async fn if_unchanged(connection: &mut PgConnection, seen: &Seen, delta: &Delta, with_new: bool) -> Result<bool> {
    let none = Delta::default();
    let new = if with_new { delta } else { &none };
    Ok(whole(connection, seen.head.campaign, new, delta, Some(seen), true).await?.is_unchanged)
}

/// What [`statements::whole`] says.
struct Done {
    is_unchanged: bool,
    members: u64,
    standings: u64,
    moved: u64,
    heads: u64,
    /// Grants that got a code.
    bound: HashSet<i64>,
}

/// `new`: whose new rows are written. `all_or_fail`: the statement fails when a row or a code is not there.
async fn whole(
    connection: &mut PgConnection,
    campaign: i32,
    new: &Delta,
    delta: &Delta,
    seen: Option<&Seen>,
    all_or_fail: bool,
) -> Result<Done> {
    // Whose new rows they are, too, if it is not empty.
    let latest = delta.latest();
    let text = statements::whole(changed_parts(new_parts(new), delta, &latest));
    let statement = bind_new_rows(sqlx::query(text), campaign, delta.head.position, new, &latest);
    let statement = bind_cards(bind_changed_rows(statement, campaign, delta, &latest)?, &delta.grants);
    let row = bind_seen(statement, seen).bind(all_or_fail).fetch_one(connection).await.map_err(store_error)?;
    let count = |place: usize| rows::get::<i64>(&row, place).map(i64::unsigned_abs);
    Ok(Done {
        is_unchanged: count(0)? > 0,
        members: count(1)?,
        standings: count(2)?,
        moved: count(3)?,
        heads: count(4)?,
        bound: rows::get::<Vec<i64>>(&row, 5)?.into_iter().collect(),
    })
}

fn new_parts(new: &Delta) -> Parts {
    Parts::default()
        .with(Part::NewMembers, !new.new_members.is_empty())
        .with(Part::NewEvents, !new.new_events.is_empty() || !new.postings.is_empty() || !new.journal.is_empty())
        .with(Part::NewGrants, !new.grants.is_empty())
}

fn changed_parts(new: Parts, delta: &Delta, latest: &Latest) -> Parts {
    let changed_standings = encode::apart(&delta.changed_standings, latest).next().is_some();
    new.with(Part::ChangedMembers, !delta.changed_members.is_empty())
        .with(Part::NewStandings, !delta.standings.is_empty() || !delta.moved.is_empty())
        .with(Part::ChangedStandings, changed_standings || !delta.cycles.is_empty())
        .with(Part::Codes, !cards::wanted(&delta.grants).is_empty())
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

/// From the first parameter on.
fn bind_new_rows<'q>(statement: Statement<'q>, campaign: i32, position: i64, new: &'q Delta, latest: &Latest) -> Statement<'q> {
    let statement = bind_members(statement.bind(campaign).bind(position), &new.new_members, latest);
    let statement = bind_postings(bind_events(statement, &new.new_events), &new.postings);
    bind_journal(bind_grants(statement, &new.grants), &new.journal)
}

fn bind_changed_rows<'q>(statement: Statement<'q>, campaign: i32, delta: &'q Delta, latest: &Latest) -> Result<Statement<'q>> {
    let (members, head) = (&delta.changed_members, &delta.head);
    let statement = statement
        .bind(of_all(campaign, members.len()))
        .bind(column!(members, |r| r.number))
        .bind(column!(members, |r| r.inviter))
        .bind(column!(members, |r| encode::tally(&r.tally)))
        .bind(column!(members, |r| encode::attributes(&r.attributes)));
    let statement = bind_latest(statement, members, latest).bind(of_all(campaign, delta.moved.len())).bind(&delta.moved);
    let changed: Vec<&StandingRow> = encode::apart(&delta.changed_standings, latest).collect();
    let new: Vec<&StandingRow> = delta.standings.iter().collect();
    let statement = bind_standings(statement, &new, latest).bind(of_all(campaign, changed.len()));
    Ok(bind_standings(statement, &changed, latest)
        .bind(column!(delta.cycles, |r| r.cycle))
        .bind(column!(delta.cycles, |r| r.revision))
        .bind(column!(delta.cycles, encode::cycle))
        .bind(head.last_member)
        .bind(head.last_grant)
        .bind(head.closed_through)
        .bind(head.releases)
        .bind(encode::tally(&head.totals))
        .bind(encode::switches(&head.switches)?))
}

/// Issued grants and their pools.
fn bind_cards<'q>(statement: Statement<'q>, grants: &[GrantRow]) -> Statement<'q> {
    let (pools, numbers): (Vec<i32>, Vec<i64>) = cards::wanted(grants).into_iter().unzip();
    statement.bind(pools).bind(numbers)
}

fn bind_seen<'q>(statement: Statement<'q>, seen: Option<&'q Seen>) -> Statement<'q> {
    let pools = seen.map_or(&[][..], |seen| &seen.pools);
    statement
        .bind(seen.is_some())
        .bind(seen.map_or(0, |seen| seen.head.position))
        .bind(column!(pools, |r| &r.name))
        .bind(column!(pools, |r| r.pool))
        .bind(column!(pools, |r| r.available))
        .bind(column!(pools, |r| r.owed))
}

/// All but the campaign. What stands beside a member's row has no state here.
fn bind_standings<'q>(statement: Statement<'q>, rows: &[&StandingRow], latest: &Latest) -> Statement<'q> {
    statement
        .bind(column!(rows, |r| r.cycle))
        .bind(column!(rows, |r| r.member))
        .bind(column!(rows, |r| r.revision))
        .bind(column!(rows, |r| encode::is_apart(r, latest).then(|| encode::standing(r))))
}

fn bind_members<'q>(statement: Statement<'q>, rows: &'q [MemberRow], latest: &Latest) -> Statement<'q> {
    let statement = statement
        .bind(column!(rows, |r| r.number))
        .bind(column!(rows, |r| encode::text(&r.id.kind)))
        .bind(column!(rows, |r| encode::text(&r.id.id)))
        .bind(column!(rows, |r| r.inviter))
        .bind(column!(rows, |r| encode::tally(&r.tally)))
        .bind(column!(rows, |r| encode::attributes(&r.attributes)));
    bind_latest(statement, rows, latest)
}

/// Cycle, revision and state of what stands beside members' rows; no state where it stays as it is.
fn bind_latest<'q>(statement: Statement<'q>, rows: &[MemberRow], latest: &Latest) -> Statement<'q> {
    statement
        .bind(column!(rows, |r| r.latest.map(|(cycle, _)| cycle)))
        .bind(column!(rows, |r| r.latest.map(|(_, revision)| revision)))
        .bind(column!(rows, |r| latest.get(&r.number).map(|row| encode::standing(row))))
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

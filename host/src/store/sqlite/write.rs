//! Writes a delta: set-wise statements for each kind of row; an empty list needs none.
//!
//! Statements that change rows which must be there count them. Must not know: what rows mean.

use super::list::{self, Statement, Values};
use super::{cards, store_error};
use crate::store::encode;
use crate::store::{Result, StoreError};
use guerdon_rules::book::rows::{CycleRow, Delta, EventRow, GrantRow, Head, JournalRow, MemberRow, PostingRow, StandingRow, WaitRow};
use guerdon_rules::event::Key;
use guerdon_rules::names::Code;
use rustc_hash::FxHashMap;
use sqlx::SqliteConnection;

/// The pools that had fewer codes than the delta's issued grants need; then nothing of it may be committed.
pub async fn delta(connection: &mut SqliteConnection, campaign: i32, delta: &Delta) -> Result<Vec<i32>> {
    let latest = delta.latest();
    moved(connection, campaign, &delta.moved).await?;
    new_members(connection, campaign, &delta.new_members, &latest).await?;
    changed_members(connection, campaign, &delta.changed_members, &latest).await?;
    standings(connection, campaign, &delta.standings, &latest).await?;
    changed_standings(connection, campaign, &delta.changed_standings, &latest).await?;
    cycles(connection, campaign, &delta.cycles).await?;
    new_events(connection, campaign, &delta.new_events).await?;
    changed_events(connection, campaign, &delta.changed_events).await?;
    ended_waits(connection, campaign, &delta.ended_waits).await?;
    new_waits(connection, campaign, &delta.new_waits).await?;
    postings(connection, campaign, delta.head.position, &delta.postings).await?;
    grants(connection, campaign, &delta.grants).await?;
    let short = cards::bind(connection, campaign, &delta.grants).await?;
    if !short.is_empty() {
        return Ok(short);
    }
    cards::owe(connection, &delta.grants).await?;
    journal(connection, campaign, delta.head.position, &delta.journal).await?;
    head(connection, campaign, &delta.head).await?;
    Ok(short)
}

/// Fails when a row that must be there is not.
fn all_there(what: &str, changed: u64, wanted: usize) -> Result<()> {
    if changed == wanted as u64 {
        return Ok(());
    }
    Err(StoreError::Corrupt(format!("{wanted} {what} should change, {changed} are there")))
}

type Latest<'a> = FxHashMap<i64, &'a StandingRow>;

const NEW_MEMBERS: Statement = Statement {
    before: "insert into members (campaign, member, kind, id, inviter, tally, attributes, cycle, revision, state) values ",
    width: 10,
    after: "",
};

async fn new_members(connection: &mut SqliteConnection, campaign: i32, rows: &[MemberRow], latest: &Latest<'_>) -> Result<()> {
    let add = |values: &mut Values, row: &MemberRow| {
        values.add(campaign)?;
        values.add(row.number)?;
        values.add(encode::text(&row.id.kind))?;
        values.add(encode::text(&row.id.id))?;
        values.add(row.inviter)?;
        values.add(encode::tally(&row.tally))?;
        values.add(encode::attributes(&row.attributes))?;
        add_latest(values, row, latest)
    };
    NEW_MEMBERS.run(connection, rows, add).await.map(drop)
}

const CHANGED_MEMBERS: Statement = Statement {
    before: "update members set inviter = v.column3, tally = v.column4, attributes = v.column5, cycle = v.column6, \
             revision = v.column7, \
             state = iif(v.column8 is null and (cycle, revision) = (v.column6, v.column7), state, v.column8) from (values ",
    width: 8,
    after: ") v where members.campaign = v.column1 and members.member = v.column2",
};

async fn changed_members(connection: &mut SqliteConnection, campaign: i32, rows: &[MemberRow], latest: &Latest<'_>) -> Result<()> {
    let add = |values: &mut Values, row: &MemberRow| {
        values.add(campaign)?;
        values.add(row.number)?;
        values.add(row.inviter)?;
        values.add(encode::tally(&row.tally))?;
        values.add(encode::attributes(&row.attributes))?;
        add_latest(values, row, latest)
    };
    all_there("members", CHANGED_MEMBERS.run(connection, rows, add).await?, rows.len())
}

/// What stands beside a member's row; no state where it stays as it is.
fn add_latest(values: &mut Values, row: &MemberRow, latest: &Latest<'_>) -> Result<()> {
    values.add(row.latest.map(|(cycle, _)| cycle))?;
    values.add(row.latest.map(|(_, revision)| revision))?;
    values.add(latest.get(&row.number).map(|row| encode::standing(row)))
}

const MOVED: Statement = Statement {
    before: "insert into standings (campaign, cycle, member, revision, state) \
             select m.campaign, m.cycle, m.member, m.revision, m.state from (values ",
    width: 2,
    after: ") v cross join members m where m.campaign = v.column1 and m.member = v.column2 \
            on conflict (campaign, cycle, member, revision) do update set state = excluded.state",
};

/// Before the members change.
async fn moved(connection: &mut SqliteConnection, campaign: i32, members: &[i64]) -> Result<()> {
    let add = |values: &mut Values, member: &i64| {
        values.add(campaign)?;
        values.add(*member)
    };
    all_there("standings to move", MOVED.run(connection, members, add).await?, members.len())
}

const STANDINGS: Statement = Statement {
    before: "insert into standings (campaign, cycle, member, revision, state) values ",
    width: 5,
    after: " on conflict (campaign, cycle, member, revision) do update set state = excluded.state",
};

async fn standings(connection: &mut SqliteConnection, campaign: i32, rows: &[StandingRow], latest: &Latest<'_>) -> Result<()> {
    STANDINGS.run(connection, rows, |values, row| add_standing(values, campaign, row, latest)).await.map(drop)
}

const CHANGED_STANDINGS: Statement = Statement {
    before: "update standings set state = v.column5 from (values ",
    width: 5,
    after: ") v where standings.campaign = v.column1 and standings.cycle = v.column2 and standings.member = v.column3 \
            and standings.revision = v.column4",
};

async fn changed_standings(connection: &mut SqliteConnection, campaign: i32, rows: &[StandingRow], latest: &Latest<'_>) -> Result<()> {
    let rows: Vec<&StandingRow> = encode::apart(rows, latest).collect();
    let changed = CHANGED_STANDINGS.run(connection, &rows, |values, row| add_standing(values, campaign, row, latest)).await?;
    all_there("standings", changed, rows.len())
}

/// What stands beside a member's row has no state here.
fn add_standing(values: &mut Values, campaign: i32, row: &StandingRow, latest: &Latest<'_>) -> Result<()> {
    values.add(campaign)?;
    values.add(row.cycle)?;
    values.add(row.member)?;
    values.add(row.revision)?;
    values.add(encode::is_apart(row, latest).then(|| encode::standing(row)))
}

const CYCLES: Statement = Statement {
    before: "insert into cycles (campaign, cycle, revision, state) values ",
    width: 4,
    after: " on conflict (campaign, cycle) do update set revision = excluded.revision, state = excluded.state",
};

async fn cycles(connection: &mut SqliteConnection, campaign: i32, rows: &[CycleRow]) -> Result<()> {
    let add = |values: &mut Values, row: &CycleRow| {
        values.add(campaign)?;
        values.add(row.cycle)?;
        values.add(row.revision)?;
        values.add(encode::cycle(row))
    };
    CYCLES.run(connection, rows, add).await.map(drop)
}

const NEW_EVENTS: Statement = Statement {
    before: "insert into events (campaign, identity, source, id, type, subject, member, at_ms, received_ms, data, body_hash, outcome, \
             reason, once_key, release, position, line) values ",
    width: 17,
    after: "",
};

async fn new_events(connection: &mut SqliteConnection, campaign: i32, rows: &[EventRow]) -> Result<()> {
    NEW_EVENTS.run(connection, rows, |values, row| add_event(values, campaign, row)).await.map(drop)
}

const CHANGED_EVENTS: Statement = Statement {
    before: "update events set type = v.column5, subject = v.column6, member = v.column7, at_ms = v.column8, received_ms = v.column9, \
             data = v.column10, body_hash = v.column11, outcome = v.column12, reason = v.column13, once_key = v.column14, \
             release = v.column15, position = v.column16, line = v.column17 from (values ",
    width: 17,
    after: ") v where events.campaign = v.column1 and events.identity = v.column2",
};

async fn changed_events(connection: &mut SqliteConnection, campaign: i32, rows: &[EventRow]) -> Result<()> {
    let changed = CHANGED_EVENTS.run(connection, rows, |values, row| add_event(values, campaign, row)).await?;
    all_there("events", changed, rows.len())
}

fn add_event(values: &mut Values, campaign: i32, row: &EventRow) -> Result<()> {
    values.add(campaign)?;
    values.add(&row.identity[..])?;
    values.add(encode::text(&row.source))?;
    values.add(encode::text(&row.id))?;
    values.add(encode::text(&row.kind))?;
    values.add(row.subject.as_deref().map(encode::text))?;
    values.add(row.member)?;
    values.add(row.at_ms)?;
    values.add(row.received_ms)?;
    values.add(encode::text(&row.data))?;
    values.add(&row.body_hash[..])?;
    values.add(row.outcome as i16)?;
    values.add(row.reason.as_deref().map(encode::text))?;
    values.add(row.once_key.as_ref().map(|key| &key[..]))?;
    values.add(row.release)?;
    values.add(row.position)?;
    values.add(row.line)
}

async fn ended_waits(connection: &mut SqliteConnection, campaign: i32, identities: &[Key]) -> Result<()> {
    if identities.is_empty() {
        return Ok(());
    }
    sqlx::query("delete from waits where campaign = $1 and identity in (select unhex(value) from json_each($2))")
        .bind(campaign)
        .bind(list::keys(identities))
        .execute(connection)
        .await
        .map_err(store_error)?;
    Ok(())
}

const NEW_WAITS: Statement = Statement {
    before: "insert into waits (campaign, member, what, identity, until_ms) values ",
    width: 5,
    after: " on conflict (campaign, member, what, identity) do update set until_ms = excluded.until_ms",
};

async fn new_waits(connection: &mut SqliteConnection, campaign: i32, rows: &[WaitRow]) -> Result<()> {
    let add = |values: &mut Values, row: &WaitRow| {
        values.add(campaign)?;
        values.add(row.member)?;
        values.add(row.what)?;
        values.add(&row.identity[..])?;
        values.add(row.until_ms)
    };
    NEW_WAITS.run(connection, rows, add).await.map(drop)
}

const POSTINGS: Statement = Statement {
    before: "insert into postings (campaign, position, ordinal, line, member, debit, credit, amount, at_ms, cycle, day) values ",
    width: 11,
    after: "",
};

async fn postings(connection: &mut SqliteConnection, campaign: i32, position: i64, rows: &[PostingRow]) -> Result<()> {
    let add = |values: &mut Values, row: &PostingRow| {
        values.add(campaign)?;
        values.add(position)?;
        values.add(row.ordinal)?;
        values.add(row.line)?;
        values.add(row.member)?;
        values.add(row.debit)?;
        values.add(row.credit)?;
        values.add(row.amount)?;
        values.add(row.at_ms)?;
        values.add(row.cycle)?;
        values.add(row.day)
    };
    POSTINGS.run(connection, rows, add).await.map(drop)
}

const GRANTS: Statement = Statement {
    before: "insert into grants (campaign, number, member, reward, function, cause, ordinal, state, held, pool, position, line, rule_line, \
             release, cycle, at_ms, face_value) values ",
    width: 17,
    after: "",
};

async fn grants(connection: &mut SqliteConnection, campaign: i32, rows: &[GrantRow]) -> Result<()> {
    let add = |values: &mut Values, row: &GrantRow| {
        values.add(campaign)?;
        values.add(row.number)?;
        values.add(row.member)?;
        values.add(row.reward)?;
        values.add(row.function)?;
        values.add(&row.cause[..])?;
        values.add(row.ordinal)?;
        values.add(row.state as i16)?;
        values.add(row.held as i16)?;
        values.add(row.pool)?;
        values.add(row.position)?;
        values.add(row.line)?;
        values.add(row.rule_line)?;
        values.add(row.release)?;
        values.add(row.cycle)?;
        values.add(row.at_ms)?;
        values.add(row.face_value)
    };
    GRANTS.run(connection, rows, add).await.map(drop)
}

const JOURNAL: Statement = Statement {
    before: "insert into journal (campaign, position, line, kind, identity, member, at_ms, body) values ",
    width: 8,
    after: "",
};

async fn journal(connection: &mut SqliteConnection, campaign: i32, position: i64, rows: &[JournalRow]) -> Result<()> {
    let add = |values: &mut Values, row: &JournalRow| {
        values.add(campaign)?;
        values.add(position)?;
        values.add(row.line)?;
        values.add(row.kind as i16)?;
        values.add(row.identity.as_ref().map(|key| &key[..]))?;
        values.add(row.member)?;
        values.add(row.at_ms)?;
        values.add(encode::text(&row.body))
    };
    JOURNAL.run(connection, rows, add).await.map(drop)
}

async fn head(connection: &mut SqliteConnection, campaign: i32, head: &Head) -> Result<()> {
    let changed = sqlx::query(
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
    .bind(encode::switches(&head.switches)?)
    .execute(connection)
    .await
    .map_err(store_error)?;
    all_there("head", changed.rows_affected(), 1)
}

pub async fn names(connection: &mut SqliteConnection, campaign: i32, first: Code, names: &[String]) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    sqlx::query("insert into names (campaign, code, name) select $1, $2 + key, value from json_each($3)")
        .bind(campaign)
        .bind(first)
        .bind(list::json(&names)?)
        .execute(connection)
        .await
        .map_err(store_error)?;
    Ok(())
}

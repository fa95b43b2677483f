//! The usual host, for comparison: HTTP in front, one event a request, one PostgreSQL transaction of single-row
//! statements for each, in its own schema; as a good team writes it by hand, with the same guarantees to its caller (an
//! event counts once, a card has one owner, what was answered is durable). Its rules are written in Rust.
//!
//! Must not know: the host that it is compared with.

use super::client::{Driven, Pace, drive, post};
use super::{BenchError, Result, stream};
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post as on_post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{PgConnection, Postgres, Transaction};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Connections of the client, and of the pool; the best of them counts.
pub const CONNECTIONS: [usize; 3] = [1, 8, 32];

const TABLES: &str = "
    create schema usual;
    create table usual.members (id text primary key, inviter text);
    create table usual.events (source text not null, id text not null, type text not null, member text not null, once_key text not null,
      at timestamptz not null, data jsonb not null, received timestamptz not null default now(), primary key (source, id));
    create unique index events_once on usual.events (once_key);
    create table usual.balances (member text not null, account text not null, points bigint not null, primary key (member, account));
    create table usual.days (member text not null, day date not null, points bigint not null, primary key (member, day));
    create table usual.postings (id bigint primary key generated always as identity, member text not null, account text not null,
      amount bigint not null, source text not null, event text not null, at timestamptz not null default now());
    create index postings_member on usual.postings (member);
    create table usual.grants (id bigint primary key generated always as identity, member text not null, reward text not null,
      cause text not null, code bigint, at timestamptz not null default now(), unique (reward, cause));
    create table usual.codes (id bigint primary key generated always as identity, sealed bytea not null, grant_id bigint);
    create index codes_free on usual.codes (id) where grant_id is null;
    create table usual.outbox (id bigint primary key generated always as identity, body jsonb not null);";

/// A running one.
pub struct Usual {
    pool: PgPool,
    at: SocketAddr,
    served: JoinHandle<std::io::Result<()>>,
    members: u64,
    /// The next event that nobody has sent.
    next: u64,
}

impl Drop for Usual {
    fn drop(&mut self) {
        self.served.abort();
    }
}

impl Usual {
    /// In a schema of its own, with members who have points, and codes.
    pub async fn open(address: &PgConnectOptions, members: u64) -> Result<Usual> {
        // As a team would set it: no more than the client uses, and timeouts.
        let pool = PgPoolOptions::new().max_connections(32).acquire_timeout(Duration::from_secs(30)).connect_with(address.clone()).await?;
        fill(&pool, members).await?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let at = listener.local_addr()?;
        let app = Router::new().route("/events", on_post(receive)).with_state(pool.clone());
        let served = tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Usual { pool, at, served, members, next: 0 })
    }

    /// Events a second on so many connections.
    pub async fn rate(&mut self, connections: usize, seconds: u64) -> Result<f64> {
        let left = (stream::invited_members(self.members) * stream::OPENED_EVERY).saturating_sub(self.next);
        let count = left.min(seconds * 10_000);
        let requests = (self.next..self.next + count).map(|n| post("/events", "application/json", &stream::event(n, self.members)));
        let requests = Arc::new(requests.collect());
        let driven: Driven = drive(self.at, &requests, connections, Pace::Full(Duration::from_secs(seconds))).await?;
        // Requests are sent in their order, and each that was sent is answered.
        self.next += driven.booked;
        Ok(driven.per_second())
    }

    /// More ledger lines and codes of others.
    pub async fn grow(&self, postings: i64, codes: i64) -> Result<()> {
        let lines = "insert into usual.postings (member, account, amount, source, event)
           select 'other' || n * 7919 % 1000000, 'learning', 5, 'growth', 'g' || n from generate_series(1::bigint, $1) n";
        sqlx::query(lines).bind(postings).execute(&self.pool).await?;
        sqlx::query(CODES).bind(codes).execute(&self.pool).await?;
        sqlx::raw_sql("analyze usual.postings, usual.codes").execute(&self.pool).await?;
        Ok(())
    }
}

const CODES: &str = "insert into usual.codes (sealed) select decode(repeat('5a', 60), 'hex') from generate_series(1::bigint, $1) n";

async fn fill(pool: &PgPool, members: u64) -> Result<()> {
    sqlx::raw_sql(TABLES).execute(pool).await?;
    let invited = "insert into usual.members select 'm' || n, case when n % 20 >= 2 then 'm' || n / 20 * 20 + n % 2 end
       from generate_series(0::bigint, $1 - 1) n";
    let balances = "insert into usual.balances select 'm' || n, 'learning', 10 from generate_series(0::bigint, $1 - 1) n";
    for statement in [invited, balances, CODES] {
        sqlx::query(statement).bind(members.cast_signed()).execute(pool).await?;
    }
    sqlx::raw_sql("analyze usual.members, usual.balances, usual.codes").execute(pool).await?;
    Ok(())
}

#[derive(Deserialize)]
struct Incoming {
    source: String,
    id: String,
    #[serde(rename = "type")]
    kind: String,
    time: String,
    data: Data,
}

#[derive(Deserialize, Serialize)]
struct Data {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    member: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lesson: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    points: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    invitee: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    existing_customer: Option<bool>,
}

#[derive(Serialize)]
struct Answer {
    outcome: &'static str,
}

async fn receive(State(pool): State<PgPool>, Json(event): Json<Incoming>) -> std::result::Result<Json<Answer>, StatusCode> {
    let outcome = book(&pool, &event).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(Json(Answer { outcome }))
}

async fn book(pool: &PgPool, event: &Incoming) -> Result<&'static str> {
    let mut open = pool.begin().await?;
    let member = event.data.member.as_deref().or(event.data.invitee.as_deref()).unwrap_or_default();
    let once_key = format!("{} {member} {}", event.kind, event.data.lesson.as_deref().unwrap_or_default());
    let stored = sqlx::query(
        "insert into usual.events (source, id, type, member, once_key, at, data) values ($1, $2, $3, $4, $5, $6::timestamptz, $7)
         on conflict do nothing",
    )
    .bind(&event.source)
    .bind(&event.id)
    .bind(&event.kind)
    .bind(member)
    .bind(&once_key)
    .bind(&event.time)
    .bind(sqlx::types::Json(&event.data))
    .execute(&mut *open)
    .await?;
    if stored.rows_affected() == 0 {
        open.commit().await?;
        return Ok("duplicate");
    }
    match event.kind.as_str() {
        "lesson.finished" => lesson(&mut open, event, member).await?,
        _ => opened(&mut open, event, member, &once_key).await?,
    }
    sqlx::query("insert into usual.outbox (body) values ($1)")
        .bind(serde_json::json!({ "source": event.source, "id": event.id, "outcome": "booked", "member": member }))
        .execute(&mut *open)
        .await?;
    open.commit().await?;
    Ok("booked")
}

/// At most 100 points a day.
async fn lesson(open: &mut Transaction<'_, Postgres>, event: &Incoming, member: &str) -> Result<()> {
    let asked = event.data.points.unwrap_or(0);
    let day = event.time.get(..10).unwrap_or_default();
    let before: Option<i64> = sqlx::query_scalar("select points from usual.days where member = $1 and day = $2::date for update")
        .bind(member)
        .bind(day)
        .fetch_optional(&mut **open)
        .await?;
    let earned = asked.min(100 - before.unwrap_or(0));
    sqlx::query(
        "insert into usual.days (member, day, points) values ($1, $2::date, $3)
         on conflict (member, day) do update set points = days.points + excluded.points",
    )
    .bind(member)
    .bind(day)
    .bind(earned)
    .execute(&mut **open)
    .await?;
    award(open, event, member, earned).await
}

/// 20 points and a card for the inviter.
async fn opened(open: &mut Transaction<'_, Postgres>, event: &Incoming, member: &str, cause: &str) -> Result<()> {
    let inviter: Option<String> =
        sqlx::query_scalar("select inviter from usual.members where id = $1").bind(member).fetch_one(&mut **open).await?;
    let inviter = inviter.ok_or_else(|| BenchError::Wrong(format!("nobody invited {member}")))?;
    award(open, event, &inviter, 20).await?;
    let grant: i64 = sqlx::query_scalar("insert into usual.grants (member, reward, cause) values ($1, 'jd-20', $2) returning id")
        .bind(&inviter)
        .bind(cause)
        .fetch_one(&mut **open)
        .await?;
    let code: i64 = sqlx::query_scalar(
        "with free as materialized (select id from usual.codes where grant_id is null order by id limit 1 for update skip locked)
         update usual.codes c set grant_id = $1 from free where c.id = free.id returning c.id",
    )
    .bind(grant)
    .fetch_one(&mut **open)
    .await?;
    sqlx::query("update usual.grants set code = $2 where id = $1").bind(grant).bind(code).execute(&mut **open).await?;
    Ok(())
}

async fn award(open: &mut PgConnection, event: &Incoming, member: &str, points: i64) -> Result<()> {
    sqlx::query(
        "insert into usual.balances (member, account, points) values ($1, 'learning', $2)
         on conflict (member, account) do update set points = balances.points + excluded.points",
    )
    .bind(member)
    .bind(points)
    .execute(&mut *open)
    .await?;
    sqlx::query("insert into usual.postings (member, account, amount, source, event) values ($1, 'learning', $2, $3, $4)")
        .bind(member)
        .bind(points)
        .bind(&event.source)
        .bind(&event.id)
        .execute(&mut *open)
        .await?;
    Ok(())
}

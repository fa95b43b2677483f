//! One transaction that holds the campaign's head: each step goes to the file that knows its statements.
//!
//! Promises: dropped without `commit`, it is rolled back; after a failed or cancelled step it can only be rolled back.
//! Must not know: SQL, but for its own beginning.

use super::single::Single;
use super::{cards, prefetch, releases, rows, settlement, shadows, store_error, write};
use crate::store::rows::{columns, step};
use crate::store::{
    ApprovalRow, GrantWithCode, ProposalEnd, ProposalRow, ProposalState, ReleaseRow, Result, SettlementRow, ShadowRow, StoreError,
    Transaction, Turn,
};
use async_trait::async_trait;
use guerdon_rules::book::rows::{CycleRow, Delta, EventRow, GrantRow, GrantState, Head, MemberRow, Members, PoolRow, StandingRow, WaitRow};
use guerdon_rules::event::Key;
use guerdon_rules::names::Code;
use guerdon_rules::value::MemberId;
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use std::ops::{Deref, DerefMut};

/// A cancelled `begin` can give back a connection that stands inside a transaction; whatever it left is rolled back
/// in the same round trip that begins the next one.
pub const BEGIN: &str = "rollback; begin";

pub struct PostgresTransaction {
    /// None once it was rolled back.
    open: Option<Open>,
    broken: bool,
    head: Head,
    pool: PgPool,
}

enum Open {
    Transaction(sqlx::Transaction<'static, Postgres>),
    /// To read only: each statement is a transaction of its own.
    Reads(PoolConnection<Postgres>, Single),
}

impl Deref for Open {
    type Target = PgConnection;
    fn deref(&self) -> &PgConnection {
        match self {
            Open::Transaction(open) => open,
            Open::Reads(connection, _) => connection,
        }
    }
}

impl DerefMut for Open {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match self {
            Open::Transaction(open) => open,
            Open::Reads(connection, _) => connection,
        }
    }
}

const LOCKED: &str = concat!("select ", columns!(head), " from campaigns where campaign = $1 for no key update");
const LOCKED_AT_ONCE: &str = concat!("select ", columns!(head), " from campaigns where campaign = $1 for no key update skip locked");
const UNLOCKED: &str = concat!("select ", columns!(head), " from campaigns where campaign = $1");

pub async fn begin(pool: &PgPool, campaign: i32) -> Result<Box<dyn Transaction>> {
    Ok(Box::new(open(pool, campaign, LOCKED).await?))
}

pub async fn begin_at_once(pool: &PgPool, campaign: i32) -> Result<Option<Box<dyn Transaction>>> {
    let mut open = pool.begin_with(BEGIN).await.map_err(store_error)?;
    let Some(head) = read_head(&mut open, campaign, LOCKED_AT_ONCE).await? else { return Ok(None) };
    Ok(Some(Box::new(PostgresTransaction { open: Some(Open::Transaction(open)), broken: false, head, pool: pool.clone() })))
}

/// To read only, with no lock.
pub async fn peek(pool: &PgPool, campaign: i32) -> Result<Box<dyn Transaction>> {
    Ok(Box::new(open(pool, campaign, UNLOCKED).await?))
}

/// The same from a head that is known, on a connection where nothing is ever begun.
pub async fn peek_from(single: &Single, head: Head) -> Result<Box<dyn Transaction>> {
    let connection = single.acquire().await?;
    Ok(Box::new(PostgresTransaction {
        open: Some(Open::Reads(connection, single.clone())),
        broken: false,
        head,
        pool: single.pool().clone(),
    }))
}

async fn open(pool: &PgPool, campaign: i32, query: &'static str) -> Result<PostgresTransaction> {
    let mut open = pool.begin_with(BEGIN).await.map_err(store_error)?;
    let head = read_head(&mut open, campaign, query).await?;
    let head = head.ok_or_else(|| StoreError::Other(format!("there is no campaign {campaign}")))?;
    Ok(PostgresTransaction { open: Some(Open::Transaction(open)), broken: false, head, pool: pool.clone() })
}

async fn read_head(connection: &mut PgConnection, campaign: i32, query: &'static str) -> Result<Option<Head>> {
    let row = sqlx::query(query).bind(campaign).fetch_optional(connection).await.map_err(store_error)?;
    row.as_ref().map(rows::head).transpose()
}

/// The first half of a turn's lock, so that it is nobody else's: "guer" in ASCII. The second half is the campaign.
const TURN: i32 = 0x6775_6572;

/// A campaign's turn is held by a transaction that does nothing else, so that a connection which is lost gives it back.
struct HeldTurn(sqlx::Transaction<'static, Postgres>);

/// Waits for the lock; and whether somebody had it. On a connection with the timeouts of lanes, so that a host which is
/// stopped does not hold the others up for long.
pub async fn take_turn(pool: &PgPool, campaign: i32) -> Result<(Box<dyn Turn>, bool)> {
    let mut open = pool.begin_with(BEGIN).await.map_err(store_error)?;
    let lock = sqlx::query_scalar("select pg_try_advisory_xact_lock($1, $2)").bind(TURN).bind(campaign);
    let at_once: bool = lock.fetch_one(&mut *open).await.map_err(store_error)?;
    if !at_once {
        let lock = sqlx::query("select pg_advisory_xact_lock($1, $2)").bind(TURN).bind(campaign);
        lock.execute(&mut *open).await.map_err(store_error)?;
    }
    Ok((Box::new(HeldTurn(open)), !at_once))
}

#[async_trait]
impl Turn for HeldTurn {
    async fn end(self: Box<Self>) {
        if let Err(error) = self.0.rollback().await {
            // The connection is closed, and with it the lock is gone.
            tracing::debug!(%error, "the end of a turn");
        }
    }
}

impl Drop for PostgresTransaction {
    fn drop(&mut self) {
        if let (false, Some(Open::Reads(connection, single))) = (self.broken, self.open.take()) {
            single.give_back(connection);
        }
    }
}

impl PostgresTransaction {
    /// Rolls back and corrects the counts of pools that had fewer codes than they said, so that a retry decides right.
    async fn give_up(&mut self, short: &[i32]) -> StoreError {
        self.broken = true;
        let mended = async {
            if let Some(Open::Transaction(open)) = self.open.take() {
                open.rollback().await.map_err(store_error)?;
            }
            cards::mend(&self.pool, short).await
        };
        match mended.await {
            Ok(()) => StoreError::Busy(format!("pools {short:?} had fewer codes than their rows said: the rows are corrected")),
            Err(error) => error,
        }
    }
}

#[async_trait]
impl Transaction for PostgresTransaction {
    fn head(&self) -> &Head {
        &self.head
    }

    async fn pools(&mut self, names: &[&str]) -> Result<Vec<PoolRow>> {
        step!(self, connection => prefetch::pools(connection, names).await)
    }
    async fn events(&mut self, identities: &[Key]) -> Result<Vec<EventRow>> {
        step!(self, connection => prefetch::events(connection, self.head.campaign, identities).await)
    }
    async fn members(&mut self, ids: &[MemberId]) -> Result<Members> {
        step!(self, connection => prefetch::members(connection, self.head.campaign, ids).await)
    }
    async fn members_by_number(&mut self, numbers: &[i64]) -> Result<Members> {
        step!(self, connection => prefetch::members_by_number(connection, self.head.campaign, numbers).await)
    }
    async fn standings(&mut self, of: &[(i32, i64)]) -> Result<Vec<StandingRow>> {
        step!(self, connection => prefetch::standings(connection, self.head.campaign, of).await)
    }
    async fn cycles(&mut self, numbers: &[i32]) -> Result<Vec<CycleRow>> {
        step!(self, connection => prefetch::cycles(connection, self.head.campaign, numbers).await)
    }
    async fn claims(&mut self, once_keys: &[Key]) -> Result<Vec<EventRow>> {
        step!(self, connection => prefetch::claims(connection, self.head.campaign, once_keys).await)
    }
    async fn waits(&mut self, members: &[i64]) -> Result<Vec<WaitRow>> {
        step!(self, connection => prefetch::waits(connection, self.head.campaign, members).await)
    }
    async fn expired_waits(&mut self, now_ms: i64, limit: i64) -> Result<Vec<WaitRow>> {
        step!(self, connection => prefetch::expired_waits(connection, self.head.campaign, now_ms, limit).await)
    }

    async fn write(&mut self, delta: &Delta) -> Result<()> {
        let short: Result<Vec<i32>> = step!(self, connection => write::delta(connection, self.head.campaign, delta).await);
        match short?.as_slice() {
            [] => Ok(()),
            short => Err(self.give_up(short).await),
        }
    }

    async fn add_release(&mut self, release: &ReleaseRow) -> Result<()> {
        step!(self, connection => releases::add(connection, self.head.campaign, release).await)
    }
    async fn add_names(&mut self, first: Code, names: &[String]) -> Result<()> {
        step!(self, connection => write::names(connection, self.head.campaign, first, names).await)
    }
    async fn proposals(&mut self) -> Result<Vec<ProposalRow>> {
        step!(self, connection => releases::proposals(connection, self.head.campaign).await)
    }
    async fn add_proposal(&mut self, proposal: &ProposalRow, files: &[u8]) -> Result<()> {
        step!(self, connection => releases::add_proposal(connection, self.head.campaign, proposal, files).await)
    }
    async fn end_proposal(&mut self, number: i32, state: ProposalState, end: &ProposalEnd) -> Result<()> {
        step!(self, connection => releases::end_proposal(connection, self.head.campaign, number, state, end).await)
    }
    async fn approvals(&mut self) -> Result<Vec<ApprovalRow>> {
        step!(self, connection => releases::approvals(connection, self.head.campaign).await)
    }
    async fn add_approval(&mut self, approval: &ApprovalRow) -> Result<()> {
        step!(self, connection => releases::add_approval(connection, self.head.campaign, approval).await)
    }
    async fn shadows(&mut self) -> Result<Vec<ShadowRow>> {
        step!(self, connection => shadows::all(connection, self.head.campaign).await)
    }
    async fn add_shadow(&mut self, shadow: &ShadowRow) -> Result<()> {
        step!(self, connection => shadows::add(connection, self.head.campaign, shadow).await)
    }
    async fn end_shadow(&mut self, number: i32, by: &str, at_ms: i64) -> Result<bool> {
        step!(self, connection => shadows::end(connection, self.head.campaign, number, by, at_ms).await)
    }

    async fn settlements(&mut self, cycle: i32) -> Result<Vec<SettlementRow>> {
        step!(self, connection => settlement::of_cycle(connection, self.head.campaign, cycle).await)
    }
    async fn put_settlement(&mut self, row: &SettlementRow) -> Result<()> {
        step!(self, connection => settlement::put(connection, self.head.campaign, row).await)
    }
    async fn take_lease(&mut self, cycle: i32, revision: i32, owner: &str, seconds: i64) -> Result<Option<i64>> {
        step!(self, connection => settlement::take_lease(connection, self.head.campaign, cycle, revision, owner, seconds).await)
    }
    async fn hold_lease(&mut self, cycle: i32, revision: i32, fence: i64, seconds: i64) -> Result<bool> {
        step!(self, connection => settlement::hold_lease(connection, self.head.campaign, cycle, revision, fence, seconds).await)
    }
    async fn release_lease(&mut self, cycle: i32, revision: i32, fence: i64) -> Result<()> {
        step!(self, connection => settlement::release_lease(connection, self.head.campaign, cycle, revision, fence).await)
    }
    async fn settlement_page(
        &mut self,
        cycle: i32,
        revision: i32,
        only_revision: bool,
        after_member: i64,
        limit: i64,
    ) -> Result<Vec<(MemberRow, StandingRow)>> {
        let campaign = self.head.campaign;
        step!(self, connection => match only_revision {
            true => settlement::standings_of_revision(connection, campaign, cycle, revision, after_member, limit).await,
            false => settlement::standings_in(connection, campaign, cycle, revision, after_member, limit).await,
        })
    }
    async fn standings_until(&mut self, cycle: i32, revision: i32, members: &[i64]) -> Result<Vec<StandingRow>> {
        step!(self, connection => settlement::standings_until(connection, self.head.campaign, cycle, revision, members).await)
    }

    async fn owed(&mut self, pool: i32, limit: i64) -> Result<Vec<GrantRow>> {
        step!(self, connection => cards::owed(connection, self.head.campaign, pool, limit).await)
    }
    async fn held(&mut self, affordable: i64, limit: i64) -> Result<Vec<GrantRow>> {
        step!(self, connection => cards::held(connection, self.head.campaign, affordable, limit).await)
    }
    async fn unhold(&mut self, grants: &[i64]) -> Result<()> {
        step!(self, connection => cards::unhold(connection, self.head.campaign, grants).await)
    }
    async fn fill(&mut self, grants: &[i64]) -> Result<()> {
        let short: Result<Vec<i32>> = step!(self, connection => cards::fill(connection, self.head.campaign, grants).await);
        match short?.as_slice() {
            [] => Ok(()),
            short => Err(self.give_up(short).await),
        }
    }
    async fn grant_with_code(&mut self, number: i64) -> Result<Option<GrantWithCode>> {
        step!(self, connection => cards::grant_with_code(connection, self.head.campaign, number).await)
    }
    async fn set_grant_state(&mut self, number: i64, state: GrantState) -> Result<()> {
        if state == GrantState::Issued {
            return self.fill(&[number]).await;
        }
        step!(self, connection => cards::set_grant_state(connection, self.head.campaign, number, state).await)
    }

    async fn commit(mut self: Box<Self>) -> Result<()> {
        match self.open.take() {
            Some(Open::Transaction(open)) if !self.broken => open.commit().await.map_err(store_error),
            _ => Err(StoreError::Other("a statement of this transaction failed: it is rolled back".into())),
        }
    }
}

//! One transaction that holds the campaign's head: each step goes to the file that knows its statements.
//!
//! Promises: dropped without `commit`, it is rolled back; after a failed or cancelled step it can only be rolled back.
//! Must not know: SQL, but for its own beginning.

use super::{cards, prefetch, rows, settlement, store_error, write};
use crate::store::rows::{columns, step};
use crate::store::{Early, GrantWithCode, ReleaseRow, Result, SettlementRow, StoreError, Transaction};
use async_trait::async_trait;
use guerdon_rules::book::rows::{CycleRow, Delta, EventRow, GrantRow, GrantState, Head, MemberRow, PoolRow, StandingRow, WaitRow};
use guerdon_rules::event::Key;
use guerdon_rules::names::Code;
use guerdon_rules::value::MemberId;
use sqlx::{PgConnection, PgPool, Postgres};

/// A cancelled `begin` can give back a connection that stands inside a transaction; whatever it left is rolled back
/// in the same round trip that begins the next one.
pub const BEGIN: &str = "rollback; begin";

pub struct PostgresTransaction {
    /// None once it was rolled back.
    open: Option<sqlx::Transaction<'static, Postgres>>,
    broken: bool,
    head: Head,
    pool: PgPool,
    /// What is only new of the delta is written.
    wrote_new: bool,
}

const LOCKED: &str = concat!("select ", columns!(head), " from campaigns where campaign = $1 for no key update");
const UNLOCKED: &str = concat!("select ", columns!(head), " from campaigns where campaign = $1");

pub async fn begin(pool: &PgPool, campaign: i32) -> Result<Box<dyn Transaction>> {
    Ok(Box::new(open(pool, campaign, LOCKED).await?))
}

/// To read only, with no lock.
pub async fn peek(pool: &PgPool, campaign: i32) -> Result<Box<dyn Transaction>> {
    Ok(Box::new(open(pool, campaign, UNLOCKED).await?))
}

pub async fn begin_early(pool: &PgPool, campaign: i32) -> Result<Box<dyn Early>> {
    let open = pool.begin_with(BEGIN).await.map_err(store_error)?;
    let head = Head { campaign, ..Head::default() };
    Ok(Box::new(PostgresTransaction { open: Some(open), broken: false, head, pool: pool.clone(), wrote_new: false }))
}

async fn open(pool: &PgPool, campaign: i32, query: &'static str) -> Result<PostgresTransaction> {
    let mut open = pool.begin_with(BEGIN).await.map_err(store_error)?;
    let head = read_head(&mut open, campaign, query).await?;
    Ok(PostgresTransaction { open: Some(open), broken: false, head, pool: pool.clone(), wrote_new: false })
}

async fn read_head(connection: &mut PgConnection, campaign: i32, query: &'static str) -> Result<Head> {
    let row = sqlx::query(query)
        .bind(campaign)
        .fetch_optional(connection)
        .await
        .map_err(store_error)?
        .ok_or_else(|| StoreError::Other(format!("there is no campaign {campaign}")))?;
    rows::head(&row)
}

impl PostgresTransaction {
    /// Rolls back and corrects the counts of pools that had fewer codes than they said, so that a retry decides right.
    async fn give_up(&mut self, short: &[i32]) -> StoreError {
        self.broken = true;
        let mended = async {
            if let Some(open) = self.open.take() {
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
impl Early for PostgresTransaction {
    async fn write_new(&mut self, delta: &Delta) -> Result<()> {
        self.wrote_new = true;
        step!(self, connection => write::new_rows(connection, self.head.campaign, delta).await)
    }
    async fn lock(mut self: Box<Self>) -> Result<Box<dyn Transaction>> {
        let head: Result<Head> = step!(self, connection => read_head(connection, self.head.campaign, LOCKED).await);
        self.head = head?;
        Ok(self)
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
    async fn members(&mut self, ids: &[MemberId]) -> Result<Vec<MemberRow>> {
        step!(self, connection => prefetch::members(connection, self.head.campaign, ids).await)
    }
    async fn members_by_number(&mut self, numbers: &[i64]) -> Result<Vec<MemberRow>> {
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
        if !self.wrote_new {
            self.write_new(delta).await?;
        }
        let short: Result<Vec<i32>> = step!(self, connection => write::rest(connection, self.head.campaign, delta).await);
        match short?.as_slice() {
            [] => Ok(()),
            short => Err(self.give_up(short).await),
        }
    }

    async fn add_release(&mut self, release: &ReleaseRow) -> Result<()> {
        step!(self, connection => write::release(connection, self.head.campaign, release).await)
    }
    async fn add_names(&mut self, first: Code, names: &[String]) -> Result<()> {
        step!(self, connection => write::names(connection, self.head.campaign, first, names).await)
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
    ) -> Result<Vec<StandingRow>> {
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
    async fn held(&mut self, limit: i64) -> Result<Vec<GrantRow>> {
        step!(self, connection => cards::held(connection, self.head.campaign, limit).await)
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
            Some(open) if !self.broken => open.commit().await.map_err(store_error),
            _ => Err(StoreError::Other("a statement of this transaction failed: it is rolled back".into())),
        }
    }
}

//! The store outside transactions: each read is one consistent statement. Must not know: what rows mean.

use super::list::json;
use super::transaction::{self, BEGIN};
use super::{SqliteStore, cards, prefetch, releases, rows, settlement, shadows, store_error};
use crate::store::encode;
use crate::store::rows::columns;
use crate::store::{
    ApprovalRow, CampaignRow, Early, Followed, Imported, LedgerLine, PoolStatus, ProposalRow, ReleaseRow, Result, SealedCode, Seen,
    SettlementRow, ShadowDecision, ShadowRow, Store, StoreError, StoredJournal, Transaction, Turn,
};
use async_trait::async_trait;
use guerdon_rules::book::rows::{Delta, EventRow, GrantRow, GrantState, Head, MemberRow, StandingRow};
use guerdon_rules::event::Key;
use guerdon_rules::names::Code;
use guerdon_rules::value::MemberId;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Sqlite, SqliteConnection};

type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

impl SqliteStore {
    async fn rows<T>(&self, statement: Statement<'_>, read: impl Fn(&SqliteRow) -> Result<T>) -> Result<Vec<T>> {
        rows::all(&statement.fetch_all(&self.reads).await.map_err(store_error)?, read)
    }

    async fn row<T>(&self, statement: Statement<'_>, read: impl Fn(&SqliteRow) -> Result<T>) -> Result<Option<T>> {
        statement.fetch_optional(&self.reads).await.map_err(store_error)?.as_ref().map(read).transpose()
    }

    async fn reader(&self) -> Result<sqlx::pool::PoolConnection<Sqlite>> {
        self.reads.acquire().await.map_err(store_error)
    }
}

async fn campaign_of(connection: &mut SqliteConnection, id: &str) -> Result<Option<CampaignRow>> {
    let found = sqlx::query("select campaign, id, releases from campaigns where id = $1").bind(encode::text(id));
    found.fetch_optional(connection).await.map_err(store_error)?.as_ref().map(rows::campaign).transpose()
}

#[async_trait]
impl Store for SqliteStore {
    fn backend(&self) -> &'static str {
        "sqlite"
    }

    fn is_remote(&self) -> bool {
        false
    }

    async fn begin(&self, campaign: i32) -> Result<Box<dyn Transaction>> {
        transaction::begin(&self.writer, campaign).await
    }

    async fn begin_at_once(&self, campaign: i32) -> Result<Option<Box<dyn Transaction>>> {
        self.begin(campaign).await.map(Some)
    }

    async fn peek(&self, campaign: i32) -> Result<Box<dyn Transaction>> {
        transaction::peek(&self.reads, campaign).await
    }

    async fn peek_from(&self, head: Head) -> Result<Box<dyn Transaction>> {
        transaction::peek_from(&self.reads, head).await
    }

    async fn write_at_once(&self, _seen: &Seen, _delta: &Delta) -> Result<Option<bool>> {
        Ok(None)
    }

    fn writes_early(&self, _delta: &Delta) -> bool {
        false
    }

    async fn write_early(&self, _delta: &Delta) -> Result<Box<dyn Early>> {
        Err(StoreError::Other("SQLite writes nothing without its lock".into()))
    }

    async fn take_turn(&self, _campaign: i32) -> Result<Option<(Box<dyn Turn>, bool)>> {
        Ok(None)
    }

    async fn ensure_campaign(&self, id: &str, seed: i64) -> Result<CampaignRow> {
        let mut open = self.writer.begin_with(BEGIN).await.map_err(store_error)?;
        if let Some(there) = campaign_of(&mut open, id).await? {
            return Ok(there);
        }
        sqlx::query("insert into campaigns (id, seed) values ($1, $2) on conflict (id) do nothing")
            .bind(encode::text(id))
            .bind(seed)
            .execute(&mut *open)
            .await
            .map_err(store_error)?;
        let made = campaign_of(&mut open, id).await?;
        open.commit().await.map_err(store_error)?;
        made.ok_or_else(|| StoreError::Corrupt(format!("campaign {id} was made and is not there")))
    }

    async fn campaigns(&self) -> Result<Vec<CampaignRow>> {
        self.rows(sqlx::query("select campaign, id, releases from campaigns order by campaign"), rows::campaign).await
    }

    async fn names(&self, campaign: i32) -> Result<Vec<String>> {
        self.rows(sqlx::query("select name from names where campaign = $1 order by code").bind(campaign), |row| rows::get(row, 0)).await
    }

    async fn releases(&self, campaign: i32, after: i32) -> Result<Vec<ReleaseRow>> {
        let statement =
            sqlx::query(concat!("select ", columns!(release), " from releases where campaign = $1 and number > $2 order by number"));
        self.rows(statement.bind(campaign).bind(after), rows::release).await
    }

    async fn proposals(&self, campaign: i32) -> Result<Vec<ProposalRow>> {
        releases::proposals(&mut *self.reader().await?, campaign).await
    }

    async fn proposal_files(&self, campaign: i32, number: i32) -> Result<Option<Vec<u8>>> {
        releases::proposal_files(&mut *self.reader().await?, campaign, number).await
    }

    async fn approvals(&self, campaign: i32) -> Result<Vec<ApprovalRow>> {
        releases::approvals(&mut *self.reader().await?, campaign).await
    }

    async fn follow(&self, campaign: i32, after: (i64, i32), limit: i64) -> Result<Vec<Followed>> {
        shadows::follow(&mut *self.reader().await?, campaign, after, limit).await
    }

    async fn shadows(&self, campaign: i32) -> Result<Vec<ShadowRow>> {
        shadows::all(&mut *self.reader().await?, campaign).await
    }

    async fn take_shadow(&self, campaign: i32, shadow: i32, owner: &str, seconds: i64) -> Result<bool> {
        let mut open = self.writer.begin_with(BEGIN).await.map_err(store_error)?;
        let taken = shadows::take_lease(&mut open, campaign, shadow, owner, seconds).await?;
        open.commit().await.map_err(store_error)?;
        Ok(taken)
    }

    async fn keep_shadow_decisions(
        &self,
        campaign: i32,
        shadow: i32,
        from: (i64, i32),
        to: (i64, i32),
        decisions: &[ShadowDecision],
    ) -> Result<bool> {
        let mut open = self.writer.begin_with(BEGIN).await.map_err(store_error)?;
        if !shadows::advance(&mut open, campaign, shadow, from, to).await? {
            return Ok(false);
        }
        shadows::decided(&mut open, campaign, shadow, decisions).await?;
        open.commit().await.map_err(store_error)?;
        Ok(true)
    }

    async fn shadow_differences(&self, campaign: i32, shadow: i32, after: (i64, i32), limit: i64) -> Result<Vec<ShadowDecision>> {
        shadows::differences(&mut *self.reader().await?, campaign, shadow, after, limit).await
    }

    async fn shadow_counts(&self, campaign: i32, shadow: i32) -> Result<(i64, i64)> {
        shadows::counts(&mut *self.reader().await?, campaign, shadow).await
    }

    async fn import_codes(&self, pool: &str, codes: &[SealedCode], at_ms: i64) -> Result<Imported> {
        cards::import(&self.writer, pool, codes, at_ms).await
    }

    async fn pool_status(&self) -> Result<Vec<PoolStatus>> {
        cards::pool_status(&self.reads).await
    }

    async fn campaigns_owed_by(&self, pool: &str) -> Result<Vec<i32>> {
        let statement = sqlx::query(
            "select campaign from campaigns c where exists (
               select 1 from grants g join pools p on p.pool = g.pool
               where p.name = $1 and g.campaign = c.campaign and g.state = 1 and g.held = 0)
             order by campaign",
        );
        self.rows(statement.bind(encode::text(pool)), |row| rows::get(row, 0)).await
    }

    async fn head(&self, campaign: i32) -> Result<Head> {
        let statement = sqlx::query(concat!("select ", columns!(head), " from campaigns where campaign = $1")).bind(campaign);
        self.row(statement, rows::head).await?.ok_or_else(|| StoreError::Other(format!("there is no campaign {campaign}")))
    }

    async fn member(&self, campaign: i32, id: &MemberId) -> Result<Option<MemberRow>> {
        let statement = sqlx::query(concat!("select ", columns!(member), " from members where campaign = $1 and kind = $2 and id = $3"));
        self.row(statement.bind(campaign).bind(encode::text(&id.kind)).bind(encode::text(&id.id)), rows::member).await
    }

    async fn members_by_number(&self, campaign: i32, numbers: &[i64]) -> Result<Vec<MemberRow>> {
        let statement = sqlx::query(concat!(
            "select ",
            columns!(member),
            " from members where campaign = $1 and member in (select value from json_each($2))"
        ));
        self.rows(statement.bind(campaign).bind(json(&numbers)?), rows::member).await
    }

    async fn standings_of(&self, campaign: i32, member: i64) -> Result<Vec<StandingRow>> {
        let statement = sqlx::query(concat!(
            "select ",
            columns!(standing),
            " from standings s where campaign = $1 and member = $2
             and cycle in (select cycle from cycles where campaign = $1) order by cycle, revision"
        ));
        self.rows(statement.bind(campaign).bind(member), rows::standing).await
    }

    async fn standings_in(
        &self,
        campaign: i32,
        cycle: i32,
        revision: i32,
        after_member: i64,
        limit: i64,
    ) -> Result<Vec<(MemberRow, StandingRow)>> {
        settlement::standings_in(&mut *self.reader().await?, campaign, cycle, revision, after_member, limit).await
    }

    async fn standings(&self, campaign: i32, of: &[(i32, i64)]) -> Result<Vec<StandingRow>> {
        prefetch::standings(&mut *self.reader().await?, campaign, of).await
    }

    async fn moved_since(&self, campaign: i32, position: i64) -> Result<Vec<(i32, i64)>> {
        let statement =
            sqlx::query("select distinct cycle, member from postings where campaign = $1 and position > $2 order by cycle, member");
        self.rows(statement.bind(campaign).bind(position), |row| Ok((rows::get(row, 0)?, rows::get(row, 1)?))).await
    }

    async fn event(&self, campaign: i32, identity: &Key) -> Result<Option<EventRow>> {
        let statement = sqlx::query(concat!("select ", columns!(event), " from events where campaign = $1 and identity = $2"));
        self.row(statement.bind(campaign).bind(&identity[..]), rows::event).await
    }

    async fn grants_of(&self, campaign: i32, member: i64) -> Result<Vec<GrantRow>> {
        let statement =
            sqlx::query(concat!("select ", columns!(grant), " from grants where campaign = $1 and member = $2 order by number"));
        self.rows(statement.bind(campaign).bind(member), rows::grant).await
    }

    async fn grant(&self, campaign: i32, number: i64) -> Result<Option<GrantRow>> {
        let statement = sqlx::query(concat!("select ", columns!(grant), " from grants where campaign = $1 and number = $2"));
        self.row(statement.bind(campaign).bind(number), rows::grant).await
    }

    async fn journal(&self, campaign: i32, after: (i64, i32), limit: i64) -> Result<Vec<StoredJournal>> {
        let statement = sqlx::query(concat!(
            "select ",
            columns!(journal),
            " from journal where campaign = $1 and (position, line) > ($2, $3) order by position, line limit $4"
        ));
        self.rows(statement.bind(campaign).bind(after.0).bind(after.1).bind(limit), rows::journal).await
    }

    async fn settlements(&self, campaign: i32) -> Result<Vec<SettlementRow>> {
        let statement =
            sqlx::query(concat!("select ", columns!(settlement), " from settlements where campaign = $1 order by cycle, revision"));
        self.rows(statement.bind(campaign), rows::settlement).await
    }

    async fn event_counts(&self, campaign: i32) -> Result<Vec<(i16, i64)>> {
        let statement = sqlx::query("select outcome, count(*) from events where campaign = $1 group by outcome order by outcome");
        self.rows(statement.bind(campaign), |row| Ok((rows::get(row, 0)?, rows::get(row, 1)?))).await
    }

    async fn grant_counts(&self, campaign: i32) -> Result<Vec<(Code, i32, GrantState, i64)>> {
        let statement = sqlx::query(
            "select reward, cycle, state, count(*) from grants where campaign = $1
             group by reward, cycle, state order by reward, cycle, state",
        );
        let read = |row: &SqliteRow| {
            let state = crate::store::rows::state("grant state", rows::get(row, 2)?, GrantState::from_number)?;
            Ok((rows::get(row, 0)?, rows::get(row, 1)?, state, rows::get(row, 3)?))
        };
        self.rows(statement.bind(campaign), read).await
    }

    async fn code_mismatches(&self) -> Result<Vec<String>> {
        self.rows(sqlx::query(crate::store::rows::CODE_MISMATCHES), |row| rows::get(row, 0)).await
    }

    async fn ledger(&self, campaign: i32, after: (i64, i32), limit: i64) -> Result<Vec<LedgerLine>> {
        let statement = sqlx::query(concat!(
            "select ",
            columns!(ledger),
            " from postings where campaign = $1 and (position, ordinal) > ($2, $3) order by position, ordinal limit $4"
        ));
        self.rows(statement.bind(campaign).bind(after.0).bind(after.1).bind(limit), rows::ledger).await
    }

    async fn code_key_proof(&self, key: i32, proof: &[u8; 32]) -> Result<bool> {
        let mut open = self.writer.begin_with(BEGIN).await.map_err(store_error)?;
        sqlx::query("insert into code_keys (key, proof) values ($1, $2) on conflict (key) do nothing")
            .bind(key)
            .bind(&proof[..])
            .execute(&mut *open)
            .await
            .map_err(store_error)?;
        let stored: Vec<u8> =
            sqlx::query_scalar("select proof from code_keys where key = $1").bind(key).fetch_one(&mut *open).await.map_err(store_error)?;
        open.commit().await.map_err(store_error)?;
        Ok(stored == proof)
    }

    async fn ping(&self) -> Result<()> {
        self.row(sqlx::query("select 1"), |_| Ok(())).await.map(drop)
    }
}

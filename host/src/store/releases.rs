//! Releases, proposals and approvals: their rows, and the statements that both databases share word by word. Each
//! database's file of this name makes them for its own connection.
//!
//! Must not know: who may propose or approve; the database's guards hold the least of it.

/// A stored release: immutable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseRow {
    pub number: i32,
    pub hash: String,
    pub effective_from_ms: i64,
    /// The folder's files, as `encode::files` packs them.
    pub files: Vec<u8>,
    pub author: String,
    pub note: String,
    pub at_ms: i64,
    /// The earlier release whose content this one brings back.
    pub copy_of: Option<i32>,
}

/// A change that somebody proposed. Its content never changes; only its end is written, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposalRow {
    pub number: i32,
    /// The newest release when it was planned.
    pub base: i32,
    pub hash: String,
    /// `at once`, `next cycle`, or an instant.
    pub effective: String,
    /// Approvals that the policy in force asked for.
    pub needs: i32,
    /// What the host found out about it, as JSON.
    pub plan: String,
    pub author: String,
    pub note: String,
    pub at_ms: i64,
    pub state: ProposalState,
    pub end: Option<ProposalEnd>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposalEnd {
    pub by: String,
    pub why: String,
    pub at_ms: i64,
    /// The release that it became.
    pub release: Option<i32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProposalState {
    Open = 1,
    Live = 2,
    Rejected = 3,
    /// By a later proposal.
    Replaced = 4,
}

impl ProposalState {
    pub fn from_number(number: i16) -> Option<ProposalState> {
        use ProposalState::{Live, Open, Rejected, Replaced};
        [Open, Live, Rejected, Replaced].into_iter().find(|s| *s as i16 == number)
    }
    pub fn name(self) -> &'static str {
        ["open", "live", "rejected", "replaced"][self as usize - 1]
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalRow {
    pub proposal: i32,
    pub approver: String,
    /// What the approver saw.
    pub hash: String,
    pub note: String,
    pub at_ms: i64,
}

macro_rules! release_statements {
    ($database:ty, $connection:ty, $row:ty) => {
        use super::{rows, store_error};
        use crate::store::rows::{columns, state};
        use crate::store::{ApprovalRow, ProposalEnd, ProposalRow, ProposalState, ReleaseRow, Result, StoreError, encode};

        pub async fn add(connection: &mut $connection, campaign: i32, row: &ReleaseRow) -> Result<()> {
            let statement = sqlx::query::<$database>(
                "insert into releases (campaign, number, hash, effective_from_ms, files, author, note, at_ms, copy_of)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            )
            .bind(campaign)
            .bind(row.number)
            .bind(encode::text(&row.hash))
            .bind(row.effective_from_ms)
            .bind(&row.files)
            .bind(encode::text(&row.author))
            .bind(encode::text(&row.note))
            .bind(row.at_ms)
            .bind(row.copy_of);
            statement.execute(connection).await.map_err(store_error).map(drop)
        }

        fn read_proposal(row: &$row) -> Result<ProposalRow> {
            let ended_ms: Option<i64> = rows::get(row, 11)?;
            let end = match ended_ms {
                None => None,
                Some(at_ms) => Some(ProposalEnd {
                    release: rows::get(row, 10)?,
                    at_ms,
                    by: rows::get::<Option<String>>(row, 12)?.unwrap_or_default(),
                    why: rows::get::<Option<String>>(row, 13)?.unwrap_or_default(),
                }),
            };
            Ok(ProposalRow {
                number: rows::get(row, 0)?,
                base: rows::get(row, 1)?,
                hash: rows::get(row, 2)?,
                effective: rows::get(row, 3)?,
                needs: rows::get(row, 4)?,
                plan: rows::get(row, 5)?,
                author: rows::get(row, 6)?,
                note: rows::get(row, 7)?,
                at_ms: rows::get(row, 8)?,
                state: state("state of a proposal", rows::get(row, 9)?, ProposalState::from_number)?,
                end,
            })
        }

        /// In order of their numbers.
        pub async fn proposals(connection: &mut $connection, campaign: i32) -> Result<Vec<ProposalRow>> {
            let statement =
                sqlx::query::<$database>(concat!("select ", columns!(proposal), " from proposals where campaign = $1 order by number"));
            rows::all(&statement.bind(campaign).fetch_all(connection).await.map_err(store_error)?, read_proposal)
        }

        pub async fn proposal_files(connection: &mut $connection, campaign: i32, number: i32) -> Result<Option<Vec<u8>>> {
            let statement = sqlx::query_scalar::<$database, Vec<u8>>("select files from proposals where campaign = $1 and number = $2");
            statement.bind(campaign).bind(number).fetch_optional(connection).await.map_err(store_error)
        }

        pub async fn add_proposal(connection: &mut $connection, campaign: i32, row: &ProposalRow, files: &[u8]) -> Result<()> {
            let statement = sqlx::query::<$database>(
                "insert into proposals (campaign, number, base, hash, effective, needs, files, plan, author, note, at_ms)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            )
            .bind(campaign)
            .bind(row.number)
            .bind(row.base)
            .bind(encode::text(&row.hash))
            .bind(encode::text(&row.effective))
            .bind(row.needs)
            .bind(files)
            .bind(encode::text(&row.plan))
            .bind(encode::text(&row.author))
            .bind(encode::text(&row.note))
            .bind(row.at_ms);
            statement.execute(connection).await.map_err(store_error).map(drop)
        }

        pub async fn end_proposal(
            connection: &mut $connection,
            campaign: i32,
            number: i32,
            ended: ProposalState,
            end: &ProposalEnd,
        ) -> Result<()> {
            let statement = sqlx::query::<$database>(
                "update proposals set state = $3, release = $4, ended_by = $5, ended_why = $6, ended_ms = $7
                 where campaign = $1 and number = $2",
            )
            .bind(campaign)
            .bind(number)
            .bind(ended as i16)
            .bind(end.release)
            .bind(encode::text(&end.by))
            .bind(encode::text(&end.why))
            .bind(end.at_ms);
            match statement.execute(connection).await.map_err(store_error)?.rows_affected() {
                1 => Ok(()),
                _ => Err(StoreError::Corrupt(format!("there is no proposal {number}"))),
            }
        }

        /// In the order in which they were given.
        pub async fn approvals(connection: &mut $connection, campaign: i32) -> Result<Vec<ApprovalRow>> {
            let statement = sqlx::query::<$database>(concat!(
                "select ",
                columns!(approval),
                " from approvals where campaign = $1 order by proposal, at_ms, approver"
            ));
            let read = |row: &$row| {
                Ok(ApprovalRow {
                    proposal: rows::get(row, 0)?,
                    approver: rows::get(row, 1)?,
                    hash: rows::get(row, 2)?,
                    note: rows::get(row, 3)?,
                    at_ms: rows::get(row, 4)?,
                })
            };
            rows::all(&statement.bind(campaign).fetch_all(connection).await.map_err(store_error)?, read)
        }

        pub async fn add_approval(connection: &mut $connection, campaign: i32, row: &ApprovalRow) -> Result<()> {
            let statement = sqlx::query::<$database>(
                "insert into approvals (campaign, proposal, approver, hash, note, at_ms) values ($1, $2, $3, $4, $5, $6)",
            )
            .bind(campaign)
            .bind(row.proposal)
            .bind(encode::text(&row.approver))
            .bind(encode::text(&row.hash))
            .bind(encode::text(&row.note))
            .bind(row.at_ms);
            statement.execute(connection).await.map_err(store_error).map(drop)
        }
    };
}
pub(crate) use release_statements;

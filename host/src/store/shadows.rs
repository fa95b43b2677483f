//! Shadows: releases that run beside the one in force, what they decided, and the journal that they follow. Rows, and
//! the statements that both databases share word by word; each database's file of this name makes them for its own.
//!
//! Nothing here writes a table of the book. Must not know: what was decided.

use super::StoredJournal;
use guerdon_rules::book::rows::EventRow;
use guerdon_rules::event::Key;

/// A release that is tried on live events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowRow {
    pub number: i32,
    pub hash: String,
    /// The folder's files, as `encode::files` packs them.
    pub files: Vec<u8>,
    pub author: String,
    pub note: String,
    pub at_ms: i64,
    /// It decides what is decided after this position of the journal.
    pub from_position: i64,
    /// (position, line) up to which it has decided.
    pub cursor: (i64, i32),
    /// By whom and when it was ended.
    pub ended: Option<(String, i64)>,
}

/// What a shadow would have done where the release in force did something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowDecision {
    /// (position, line) of the journal line of what was done; line 0: there is none.
    pub at: (i64, i32),
    /// What it is about, for people: an event's source and id, or a member's close.
    pub subject: String,
    /// Of the event.
    pub identity: Option<Key>,
    pub differs: bool,
    /// Outcome and effects, as JSON.
    pub was: String,
    pub would: String,
}

/// A journal line; with the event that it is about, as it is stored now.
#[derive(Clone, Debug, PartialEq)]
pub struct Followed {
    pub line: StoredJournal,
    pub event: Option<EventRow>,
}

macro_rules! shadow_statements {
    ($database:ty, $connection:ty, $row:ty, $now_ms:literal) => {
        use super::{rows, store_error};
        use crate::store::rows::{columns, key};
        use crate::store::{Followed, Result, ShadowDecision, ShadowRow, encode};

        fn read(row: &$row) -> Result<ShadowRow> {
            let ended_ms: Option<i64> = rows::get(row, 10)?;
            let ended_by: Option<String> = rows::get(row, 9)?;
            Ok(ShadowRow {
                number: rows::get(row, 0)?,
                hash: rows::get(row, 1)?,
                files: rows::get(row, 2)?,
                author: rows::get(row, 3)?,
                note: rows::get(row, 4)?,
                at_ms: rows::get(row, 5)?,
                from_position: rows::get(row, 6)?,
                cursor: (rows::get(row, 7)?, rows::get(row, 8)?),
                ended: ended_ms.map(|at_ms| (ended_by.unwrap_or_default(), at_ms)),
            })
        }

        /// In order of their numbers.
        pub async fn all(connection: &mut $connection, campaign: i32) -> Result<Vec<ShadowRow>> {
            let statement =
                sqlx::query::<$database>(concat!("select ", columns!(shadow), " from shadows where campaign = $1 order by number"));
            rows::all(&statement.bind(campaign).fetch_all(connection).await.map_err(store_error)?, read)
        }

        pub async fn add(connection: &mut $connection, campaign: i32, row: &ShadowRow) -> Result<()> {
            let statement = sqlx::query::<$database>(
                "insert into shadows (campaign, number, hash, files, author, note, at_ms, from_position, cursor_position, cursor_line)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            )
            .bind(campaign)
            .bind(row.number)
            .bind(encode::text(&row.hash))
            .bind(&row.files)
            .bind(encode::text(&row.author))
            .bind(encode::text(&row.note))
            .bind(row.at_ms)
            .bind(row.from_position)
            .bind(row.cursor.0)
            .bind(row.cursor.1);
            statement.execute(connection).await.map_err(store_error).map(drop)
        }

        /// False when it has ended already.
        pub async fn end(connection: &mut $connection, campaign: i32, number: i32, by: &str, at_ms: i64) -> Result<bool> {
            let statement = sqlx::query::<$database>(
                "update shadows set ended_by = $3, ended_ms = $4 where campaign = $1 and number = $2 and ended_ms is null",
            );
            let statement = statement.bind(campaign).bind(number).bind(encode::text(by)).bind(at_ms);
            Ok(statement.execute(connection).await.map_err(store_error)?.rows_affected() == 1)
        }

        /// Takes or keeps the lease, by the database's clock; false while somebody else has it.
        pub async fn take_lease(connection: &mut $connection, campaign: i32, number: i32, owner: &str, seconds: i64) -> Result<bool> {
            let statement = sqlx::query::<$database>(concat!(
                "update shadows set owner = $3, lease_until_ms = ",
                $now_ms,
                " + $4 * 1000 where campaign = $1 and number = $2 and ended_ms is null and (owner = $3 or lease_until_ms < ",
                $now_ms,
                ")"
            ));
            let statement = statement.bind(campaign).bind(number).bind(encode::text(owner)).bind(seconds);
            Ok(statement.execute(connection).await.map_err(store_error)?.rows_affected() == 1)
        }

        /// Moves the cursor from where it is thought to be; false when somebody else moved it.
        pub async fn advance(connection: &mut $connection, campaign: i32, number: i32, from: (i64, i32), to: (i64, i32)) -> Result<bool> {
            let statement = sqlx::query::<$database>(
                "update shadows set cursor_position = $5, cursor_line = $6
                 where campaign = $1 and number = $2 and cursor_position = $3 and cursor_line = $4 and ended_ms is null",
            );
            let statement = statement.bind(campaign).bind(number).bind(from.0).bind(from.1).bind(to.0).bind(to.1);
            Ok(statement.execute(connection).await.map_err(store_error)?.rows_affected() == 1)
        }

        pub async fn decided(connection: &mut $connection, campaign: i32, number: i32, rows: &[ShadowDecision]) -> Result<()> {
            for row in rows {
                let statement = sqlx::query::<$database>(
                    "insert into shadow_decisions (campaign, shadow, position, line, subject, identity, differs, was, would)
                     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                )
                .bind(campaign)
                .bind(number)
                .bind(row.at.0)
                .bind(row.at.1)
                .bind(encode::text(&row.subject))
                .bind(row.identity.as_ref().map(|k| &k[..]))
                .bind(i16::from(row.differs))
                .bind(encode::text(&row.was))
                .bind(encode::text(&row.would));
                statement.execute(&mut *connection).await.map_err(store_error)?;
            }
            Ok(())
        }

        /// Differences after a (position, line), in order, a page.
        pub async fn differences(
            connection: &mut $connection,
            campaign: i32,
            number: i32,
            after: (i64, i32),
            limit: i64,
        ) -> Result<Vec<ShadowDecision>> {
            let statement = sqlx::query::<$database>(concat!(
                "select ",
                columns!(shadow_decision),
                " from shadow_decisions where campaign = $1 and shadow = $2 and differs = 1 and (position, line) > ($3, $4)
                 order by position, line, subject limit $5"
            ));
            let statement = statement.bind(campaign).bind(number).bind(after.0).bind(after.1).bind(limit);
            let read = |row: &$row| {
                let identity: Option<&[u8]> = rows::get(row, 3)?;
                let differs: i16 = rows::get(row, 4)?;
                Ok(ShadowDecision {
                    at: (rows::get(row, 0)?, rows::get(row, 1)?),
                    subject: rows::get(row, 2)?,
                    identity: identity.map(key).transpose()?,
                    differs: differs != 0,
                    was: rows::get(row, 5)?,
                    would: rows::get(row, 6)?,
                })
            };
            rows::all(&statement.fetch_all(connection).await.map_err(store_error)?, read)
        }

        /// (decisions, differences)
        pub async fn counts(connection: &mut $connection, campaign: i32, number: i32) -> Result<(i64, i64)> {
            let statement = sqlx::query::<$database>(
                "select count(*), coalesce(sum(differs), 0) from shadow_decisions where campaign = $1 and shadow = $2",
            );
            let row = statement.bind(campaign).bind(number).fetch_one(connection).await.map_err(store_error)?;
            Ok((rows::get(&row, 0)?, rows::get(&row, 1)?))
        }

        /// Journal lines after a (position, line), in order, a page; with the events that they are about.
        pub async fn follow(connection: &mut $connection, campaign: i32, after: (i64, i32), limit: i64) -> Result<Vec<Followed>> {
            let statement = sqlx::query::<$database>(
                "select e.identity, e.source, e.id, e.type, e.subject, e.member, e.at_ms, e.received_ms, e.data, e.body_hash, e.outcome,
                   e.reason, e.once_key, e.release, e.position, e.line,
                   j.position, j.line, j.kind, j.identity, j.member, j.at_ms, j.body
                 from journal j left join events e on e.campaign = j.campaign and e.identity = j.identity
                 where j.campaign = $1 and (j.position, j.line) > ($2, $3) order by j.position, j.line limit $4",
            );
            let statement = statement.bind(campaign).bind(after.0).bind(after.1).bind(limit);
            let read = |row: &$row| {
                let identity: Option<&[u8]> = rows::get(row, 0)?;
                let event = identity.map(|_| rows::event(row)).transpose()?;
                Ok(Followed { line: rows::journal_at(row, 16)?, event })
            };
            rows::all(&statement.fetch_all(connection).await.map_err(store_error)?, read)
        }
    };
}
pub(crate) use shadow_statements;

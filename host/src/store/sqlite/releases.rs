//! Releases, proposals and approvals on SQLite. Must not know: what rows mean.

use sqlx::sqlite::SqliteRow;
use sqlx::{Sqlite, SqliteConnection};

crate::store::releases::release_statements!(Sqlite, SqliteConnection, SqliteRow);

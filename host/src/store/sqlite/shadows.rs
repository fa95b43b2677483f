//! Shadows on SQLite. Must not know: what rows mean.

use sqlx::sqlite::SqliteRow;
use sqlx::{Sqlite, SqliteConnection};

crate::store::shadows::shadow_statements!(Sqlite, SqliteConnection, SqliteRow, "cast(unixepoch('subsec') * 1000 as integer)");

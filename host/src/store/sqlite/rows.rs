//! Readers for SQLite's rows.

crate::store::rows::readers!(sqlx::Sqlite, sqlx::sqlite::SqliteRow);

//! Readers for PostgreSQL's rows.

crate::store::rows::readers!(sqlx::Postgres, sqlx::postgres::PgRow);

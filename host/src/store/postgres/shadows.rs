//! Shadows on PostgreSQL. Must not know: what rows mean.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres};

crate::store::shadows::shadow_statements!(Postgres, PgConnection, PgRow, "(extract(epoch from clock_timestamp()) * 1000)::bigint");

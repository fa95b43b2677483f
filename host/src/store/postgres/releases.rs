//! Releases, proposals and approvals on PostgreSQL. Must not know: what rows mean.

use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Postgres};

crate::store::releases::release_statements!(Postgres, PgConnection, PgRow);

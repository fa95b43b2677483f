//! Which schema a database has, without changing it. Opening a store migrates; this only looks.

use super::{Result, StoreError};
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::path::Path;

const NEWEST_APPLIED: &str = "select max(version) from _sqlx_migrations where success";

/// The number of the newest migration that a database has; none when it is empty or not there.
pub async fn version(url: &str) -> Result<Option<i64>> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let mut connection = PgConnection::connect(url).await.map_err(unavailable)?;
        let exists: bool = sqlx::query_scalar("select to_regclass('_sqlx_migrations') is not null")
            .fetch_one(&mut connection)
            .await
            .map_err(unavailable)?;
        return if exists { sqlx::query_scalar(NEWEST_APPLIED).fetch_one(&mut connection).await.map_err(unavailable) } else { Ok(None) };
    }
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).unwrap_or(url);
    if !Path::new(path).exists() {
        return Ok(None);
    }
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(unavailable)?;
    let tables: i64 = sqlx::query_scalar("select count(*) from sqlite_master where name = '_sqlx_migrations'")
        .fetch_one(&mut connection)
        .await
        .map_err(unavailable)?;
    if tables == 0 { Ok(None) } else { sqlx::query_scalar(NEWEST_APPLIED).fetch_one(&mut connection).await.map_err(unavailable) }
}

fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

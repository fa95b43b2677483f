//! Commits of what was decided without the campaign's lock: in one statement, or in two, the first of which does not
//! wait for the lock. Must not know: SQL, how it was decided.

use super::transaction::BEGIN;
use super::{store_error, write};
use crate::store::{Early, Result, Seen};
use async_trait::async_trait;
use guerdon_rules::book::rows::Delta;
use sqlx::{PgPool, Postgres};

/// `single`: connections where nothing is ever begun.
pub async fn write_at_once(single: &PgPool, seen: &Seen, delta: &Delta) -> Result<Option<bool>> {
    if !write::is_whole(delta) {
        return Ok(None);
    }
    let mut connection = single.acquire().await.map_err(store_error)?;
    write::if_unchanged(&mut connection, seen, delta, true).await.map(Some)
}

struct NewRows(sqlx::Transaction<'static, Postgres>);

pub async fn write(lanes: &PgPool, delta: &Delta) -> Result<Option<Box<dyn Early>>> {
    if !write::is_whole(delta) {
        return Ok(None);
    }
    let mut open = lanes.begin_with(BEGIN).await.map_err(store_error)?;
    write::new_rows(&mut open, delta.head.campaign, delta).await?;
    Ok(Some(Box::new(NewRows(open))))
}

#[async_trait]
impl Early for NewRows {
    async fn finish(mut self: Box<Self>, seen: &Seen, delta: &Delta) -> Result<bool> {
        if !write::if_unchanged(&mut self.0, seen, delta, false).await? {
            return Ok(false);
        }
        self.0.commit().await.map_err(store_error)?;
        Ok(true)
    }
}

//! Commits of what was decided without the campaign's lock: in one statement, or in two, the first of which does not
//! wait for the lock. Must not know: SQL, how it was decided.

use super::single::Single;
use super::transaction::BEGIN;
use super::{settlement, store_error, write};
use crate::store::{Early, Kept, Result, Seen};
use async_trait::async_trait;
use guerdon_rules::book::rows::Delta;
use sqlx::{PgPool, Postgres};

pub async fn write_at_once(single: &Single, seen: &Seen, delta: &Delta) -> Result<Option<bool>> {
    if !write::is_whole(delta) {
        return Ok(None);
    }
    let mut connection = single.acquire().await?;
    let written = write::if_unchanged(&mut connection, seen, delta, true).await?;
    single.give_back(connection);
    Ok(Some(written))
}

struct NewRows(sqlx::Transaction<'static, Postgres>);

/// A delta that [`write::is_whole`].
pub async fn write(lanes: &PgPool, delta: &Delta) -> Result<Box<dyn Early>> {
    let mut open = lanes.begin_with(BEGIN).await.map_err(store_error)?;
    write::new_rows(&mut open, delta.head.campaign, delta).await?;
    Ok(Box::new(NewRows(open)))
}

#[async_trait]
impl Early for NewRows {
    async fn finish(mut self: Box<Self>, seen: &Seen, delta: &Delta, kept: Option<&Kept>) -> Result<bool> {
        if !write::if_unchanged(&mut self.0, seen, delta, false).await? {
            return Ok(false);
        }
        if let Some(Kept { row, fence, lease_seconds }) = kept {
            let campaign = seen.head.campaign;
            if !settlement::hold_lease(&mut self.0, campaign, row.cycle, row.revision, *fence, *lease_seconds).await? {
                return Ok(false);
            }
            settlement::put(&mut self.0, campaign, row).await?;
        }
        self.0.commit().await.map_err(store_error)?;
        Ok(true)
    }
}

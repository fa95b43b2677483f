//! Cycles of a campaign, and their settlement by hand.

use super::State;
use super::error::{Problem, undisturbed};
use super::input::{Json, Path};
use crate::flow::views::{CycleView, SettleReport};
use serde::Deserialize;

/// `GET /v1/campaigns/{campaign}/cycles`
pub async fn list(api: State, Path(campaign): Path<String>) -> Result<axum::Json<Vec<CycleView>>, Problem> {
    Ok(axum::Json(api.host.cycles(&campaign).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    /// Says who would get what, and writes nothing.
    #[serde(default)]
    dry_run: bool,
}

/// `POST /v1/campaigns/{campaign}/cycles/{cycle}/settle` with `{dry_run}`: goes on when the client goes away, and
/// asking again is safe.
pub async fn settle(
    api: State,
    Path((campaign, cycle)): Path<(String, i32)>,
    Json(asked): Json<Settle>,
) -> Result<axum::Json<SettleReport>, Problem> {
    let host = api.host.clone();
    Ok(axum::Json(undisturbed(async move { host.settle(&campaign, cycle, asked.dry_run).await }).await?))
}

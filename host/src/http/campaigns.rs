//! Campaigns as they stand, and whether their books agree with their ledgers.

use super::State;
use super::error::Problem;
use super::input::Path;
use crate::flow::views::{AuditReport, CampaignView};
use axum::Json;

/// `GET /v1/campaigns`
pub async fn list(api: State) -> Result<Json<Vec<CampaignView>>, Problem> {
    Ok(Json(api.host.campaign_views().await?))
}

/// `GET /v1/campaigns/{campaign}`
pub async fn one(api: State, Path(campaign): Path<String>) -> Result<Json<CampaignView>, Problem> {
    Ok(Json(api.host.campaign_view(&campaign).await?))
}

/// `GET /v1/campaigns/{campaign}/audit`: reads every posting, so it takes as long as that does.
pub async fn audit(api: State, Path(campaign): Path<String>) -> Result<Json<AuditReport>, Problem> {
    Ok(Json(api.host.audit(&campaign).await?))
}

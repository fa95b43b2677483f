//! Campaigns as they stand, and whether their books agree with their ledgers.

use super::State;
use super::error::Problem;
use super::input::Path;
use crate::flow::Host;
use crate::flow::views::{AuditReport, CampaignView};
use axum::extract::{RawPathParams, Request};
use axum::{Json, RequestExt};
use std::sync::Arc;

/// Before a route of a campaign that this host does not know: another host may have made it a moment ago.
pub async fn be_served(host: &Arc<Host>, request: &mut Request) -> Result<(), Problem> {
    // Where they cannot be read, the route says so.
    let parameters: Result<RawPathParams, _> = request.extract_parts().await;
    let is_unknown = |(name, value): (&str, &str)| name == "campaign" && host.campaign(value).is_err();
    if parameters.is_ok_and(|parameters| parameters.iter().any(is_unknown)) {
        host.serve_new().await?;
    }
    Ok(())
}

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

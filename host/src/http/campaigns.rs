//! Campaigns as they stand, and whether their books agree with their ledgers.

use super::State;
use super::error::Problem;
use super::input::Path;
use crate::flow::views::{AuditReport, CampaignView};
use axum::Json;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request};
use axum::middleware::Next;
use axum::response::Response;

/// Before a route of a campaign that this host does not know: another host may have made it a moment ago.
pub async fn served(
    api: State,
    // Where they cannot be read, the route says so.
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let is_unknown = |(name, value): (&str, &str)| name == "campaign" && api.host.campaign(value).is_err();
    if parameters.is_ok_and(|parameters| parameters.iter().any(is_unknown)) {
        api.host.serve_new().await?;
    }
    Ok(next.run(request).await)
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

//! Points for a reward, at the price that the campaign states.

use super::State;
use super::acts::{Id, act};
use super::error::Problem;
use super::input::{Json, Path};
use axum::http::HeaderMap;
use axum::response::Response;
use guerdon_rules::campaign::REDEEMED;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redemption {
    member: String,
    reward: String,
    /// What makes a retry the same redemption; here, or in the `Idempotency-Key` header.
    id: Option<String>,
}

/// `POST /v1/campaigns/{campaign}/redemptions` with `{member, reward, id}`
pub async fn redeem(
    api: State,
    Path(campaign): Path<String>,
    headers: HeaderMap,
    Json(asked): Json<Redemption>,
) -> Result<Response, Problem> {
    let data = json!({ "member": asked.member, "reward": asked.reward });
    act(&api, &campaign, &headers, REDEEMED, Id::Callers(asked.id), data).await
}

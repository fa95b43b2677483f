//! Members: joining, points, ranks, cards. Must not know: how they are counted.

use super::State;
use super::acts::{Id, act};
use super::error::Problem;
use super::input::{Path, Query};
use crate::flow::views::{GrantView, MemberView};
use axum::Json;
use axum::http::HeaderMap;
use axum::response::Response;
use guerdon_rules::campaign::JOINED;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    cycle: Option<i32>,
}

/// `GET /v1/campaigns/{campaign}/members/{member}?cycle=`: 404 for a member whom the campaign never saw.
pub async fn one(
    api: State,
    Path((campaign, member)): Path<(String, String)>,
    Query(asked): Query<Asked>,
) -> Result<Json<MemberView>, Problem> {
    Ok(Json(api.host.member(&campaign, &member, asked.cycle).await?))
}

/// `POST /v1/campaigns/{campaign}/members/{member}/join`, without a body.
pub async fn join(api: State, Path((campaign, member)): Path<(String, String)>, headers: HeaderMap) -> Result<Response, Problem> {
    let id = Id::Act(vec!["joined".into(), member.clone()]);
    act(&api, &campaign, &headers, JOINED, id, json!({ "member": member })).await
}

/// `GET /v1/campaigns/{campaign}/members/{member}/grants`
pub async fn grants(api: State, Path((campaign, member)): Path<(String, String)>) -> Result<Json<Vec<GrantView>>, Problem> {
    Ok(Json(api.host.grants(&campaign, &member).await?))
}

//! Grants, and the one place where a code is shown: to its owner, who asked for it.

use super::State;
use super::error::{Problem, undisturbed};
use super::input::{Json, Path};
use crate::flow::views::{GrantView, RevealView};
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

/// `GET /v1/campaigns/{campaign}/grants/{number}`
pub async fn one(api: State, Path((campaign, number)): Path<(String, i64)>) -> Result<axum::Json<GrantView>, Problem> {
    Ok(axum::Json(api.host.grant(&campaign, number).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Owner {
    member: String,
}

/// `POST /v1/campaigns/{campaign}/grants/{number}/reveal` with `{member}`: 404 for anybody but its owner.
pub async fn reveal(api: State, Path((campaign, number)): Path<(String, i64)>, Json(owner): Json<Owner>) -> Result<Response, Problem> {
    let host = api.host.clone();
    let revealed: RevealView = undisturbed(async move { host.reveal(&campaign, number, &owner.member).await }).await?;
    // Nothing between here and the owner may keep a copy.
    Ok(([(CACHE_CONTROL, "no-store")], axum::Json(revealed)).into_response())
}

//! Plans, and proposals that others approve: a change of a running campaign in steps, each by whoever may. Who proposes
//! and who approves is the name of the key.

use super::State;
use super::auth::Caller;
use super::error::{Problem, undisturbed};
use super::input::{Json, Path};
use super::releases::{Content, effective, files};
use crate::flow::plan_views::{Base, Plan};
use crate::flow::proposal::Wanted;
use crate::flow::views::{ProposalView, Proposed};
use axum::Extension;
use axum::http::StatusCode;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planned {
    /// By path within the campaign's folder, cases included.
    files: BTreeMap<String, Content>,
    effective_from: Option<String>,
}

/// `POST /v1/campaigns/{campaign}/plan`: what the folder would mean; nothing is changed.
pub async fn plan(api: State, Path(campaign): Path<String>, Json(asked): Json<Planned>) -> Result<axum::Json<Plan>, Problem> {
    let from = effective(asked.effective_from.as_deref())?;
    let files = files(asked.files)?;
    Ok(axum::Json(api.host.plan(&campaign, &files, from).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    files: BTreeMap<String, Content>,
    effective_from: Option<String>,
    /// As the plan has it.
    base: Base,
    #[serde(default)]
    note: String,
}

/// `POST /v1/campaigns/{campaign}/proposals`: 201; 409 when the plan is stale, or the policy in force says no.
pub async fn propose(
    api: State,
    Path(campaign): Path<String>,
    Extension(Caller(author)): Extension<Caller>,
    Json(change): Json<Change>,
) -> Result<(StatusCode, axum::Json<Proposed>), Problem> {
    let effective = effective(change.effective_from.as_deref())?;
    let wanted = Wanted { files: files(change.files)?, base: change.base, effective, author, note: change.note };
    let host = api.host.clone();
    let proposed = undisturbed(async move { host.propose(&campaign, wanted).await }).await?;
    Ok((StatusCode::CREATED, axum::Json(proposed)))
}

/// `GET /v1/campaigns/{campaign}/proposals`, the newest first
pub async fn list(api: State, Path(campaign): Path<String>) -> Result<axum::Json<Vec<ProposalView>>, Problem> {
    Ok(axum::Json(api.host.proposals(&campaign).await?))
}

/// `GET /v1/campaigns/{campaign}/proposals/{hash}`: with its plan
pub async fn one(api: State, Path((campaign, hash)): Path<(String, String)>) -> Result<axum::Json<Proposed>, Problem> {
    Ok(axum::Json(api.host.proposal(&campaign, &hash).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    #[serde(default)]
    note: String,
}

/// `POST /v1/campaigns/{campaign}/proposals/{hash}/approve`: 403 for whoever proposed it.
pub async fn approve(
    api: State,
    Path((campaign, hash)): Path<(String, String)>,
    Extension(Caller(approver)): Extension<Caller>,
    Json(approval): Json<Approval>,
) -> Result<axum::Json<Proposed>, Problem> {
    let host = api.host.clone();
    let approved = async move { host.approve(&campaign, &hash, &approver, &approval.note).await };
    Ok(axum::Json(undisturbed(approved).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    why: String,
}

/// `POST /v1/campaigns/{campaign}/proposals/{hash}/reject`
pub async fn reject(
    api: State,
    Path((campaign, hash)): Path<(String, String)>,
    Extension(Caller(by)): Extension<Caller>,
    Json(rejection): Json<Rejection>,
) -> Result<axum::Json<ProposalView>, Problem> {
    let host = api.host.clone();
    let rejected = async move { host.reject(&campaign, &hash, &by, &rejection.why).await };
    Ok(axum::Json(undisturbed(rejected).await?))
}

//! The shadow of a campaign: a release that is tried on live events and pays nothing.

use super::State;
use super::auth::Caller;
use super::error::{Problem, undisturbed};
use super::input::{Json, Path, Query};
use super::releases::{Content, files};
use crate::flow::views::{ShadowReport, ShadowView};
use axum::Extension;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// By path within the campaign's folder.
    files: BTreeMap<String, Content>,
    #[serde(default)]
    note: String,
}

/// `PUT /v1/campaigns/{campaign}/shadow`: starts it; 409 while another one runs.
pub async fn start(
    api: State,
    Path(campaign): Path<String>,
    Extension(Caller(author)): Extension<Caller>,
    Json(folder): Json<Folder>,
) -> Result<axum::Json<ShadowView>, Problem> {
    let files = files(folder.files)?;
    let host = api.host.clone();
    let started = async move { host.start_shadow(&campaign, files, &author, &folder.note).await };
    Ok(axum::Json(undisturbed(started).await?))
}

/// `DELETE /v1/campaigns/{campaign}/shadow`: ends it; what it decided stays.
pub async fn stop(
    api: State,
    Path(campaign): Path<String>,
    Extension(Caller(by)): Extension<Caller>,
) -> Result<axum::Json<ShadowView>, Problem> {
    let host = api.host.clone();
    Ok(axum::Json(undisturbed(async move { host.stop_shadow(&campaign, &by).await }).await?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Its number; the newest, when it is not given.
    shadow: Option<i32>,
    /// The `next` of the page before.
    #[serde(default)]
    after_position: i64,
    #[serde(default)]
    after_line: i32,
}

/// `GET /v1/campaigns/{campaign}/shadow?shadow=&after_position=&after_line=`: every difference, a page.
pub async fn report(api: State, Path(campaign): Path<String>, Query(asked): Query<Asked>) -> Result<axum::Json<ShadowReport>, Problem> {
    let host = api.host.clone();
    let after = (asked.after_position, asked.after_line);
    Ok(axum::Json(undisturbed(async move { host.shadow_report(&campaign, asked.shadow, after).await }).await?))
}

//! A campaign's files as a new release: a change of rules without a restart.

use super::State;
use super::auth::Caller;
use super::error::{Problem, undisturbed};
use super::input::{Json, Path};
use crate::flow::effective::Effective;
use crate::flow::views::ReleaseAdded;
use axum::Extension;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use guerdon_rules::language::Files;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// By path within the campaign's folder.
    files: BTreeMap<String, Content>,
    /// RFC 3339, `at once` or `next cycle`; at once, when it is not given.
    effective_from: Option<String>,
    #[serde(default)]
    note: String,
}

/// A text, or bytes as `{"base64": "…"}`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Content {
    Text(String),
    Bytes(Encoded),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Encoded {
    base64: String,
}

/// `POST /v1/releases`: 201, or 200 when the newest release has the same content; 422 with `diagnostics` when the
/// files have errors.
pub async fn add(
    api: State,
    Extension(Caller(author)): Extension<Caller>,
    Json(folder): Json<Folder>,
) -> Result<(StatusCode, axum::Json<ReleaseAdded>), Problem> {
    let from = effective(folder.effective_from.as_deref())?;
    let files = files(folder.files)?;
    let host = api.host.clone();
    let added = undisturbed(async move { host.add_release(files, from, &author, &folder.note).await }).await?;
    let status = if added.added { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, axum::Json(added)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Back {
    /// The release whose content is wanted; the one before the newest, when it is not given.
    to: Option<i32>,
    #[serde(default)]
    note: String,
}

/// `POST /v1/campaigns/{campaign}/rollback`
pub async fn roll_back(
    api: State,
    Path(campaign): Path<String>,
    Extension(Caller(author)): Extension<Caller>,
    Json(back): Json<Back>,
) -> Result<axum::Json<Vec<ReleaseAdded>>, Problem> {
    let host = api.host.clone();
    let rolled = async move { host.rollback(&campaign, back.to, &author, &back.note).await };
    Ok(axum::Json(undisturbed(rolled).await?))
}

pub(super) fn effective(text: Option<&str>) -> Result<Effective, Problem> {
    text.map_or(Ok(Effective::AtOnce), |text| text.parse().map_err(|why: String| Problem::invalid(why)))
}

pub(super) fn files(files: BTreeMap<String, Content>) -> Result<Files, Problem> {
    files.into_iter().map(read).collect()
}

fn read((path, content): (String, Content)) -> Result<(String, Arc<[u8]>), Problem> {
    let bytes = match content {
        Content::Text(text) => text.into_bytes(),
        Content::Bytes(encoded) => {
            STANDARD.decode(encoded.base64).map_err(|e| Problem::invalid(format!("{path}: this is no base64: {e}")))?
        }
    };
    Ok((path, bytes.into()))
}

//! A campaign's files as a new release: a change of rules without a restart.

use super::State;
use super::error::{Problem, undisturbed};
use super::input::{Json, instant_ms};
use crate::flow::views::ReleaseAdded;
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
    /// RFC 3339; now, when it is not given.
    effective_from: Option<String>,
    author: String,
    #[serde(default)]
    note: String,
}

/// A text, or bytes as `{"base64": "…"}`.
#[derive(Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Bytes(Encoded),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Encoded {
    base64: String,
}

/// `POST /v1/releases`: 201, or 200 when the newest release has the same content; 422 with `diagnostics` when the
/// files have errors.
pub async fn add(api: State, Json(folder): Json<Folder>) -> Result<(StatusCode, axum::Json<ReleaseAdded>), Problem> {
    let from = folder.effective_from.as_deref().map(|text| instant_ms("effective_from", text)).transpose()?;
    let files = folder.files.into_iter().map(read).collect::<Result<Files, Problem>>()?;
    let host = api.host.clone();
    let added = undisturbed(async move { host.add_release(files, from, &folder.author, &folder.note).await }).await?;
    let status = if added.added { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, axum::Json(added)))
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

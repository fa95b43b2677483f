//! What arrives, read strictly: paths, queries, bodies. Whatever is wrong with them becomes a problem that says
//! what would be right. Must not know: what the values mean.

use super::Api;
use super::error::Problem;
use super::limits::read_whole;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The parameters of the path.
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Api>> for Path<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let read = axum::extract::Path::<T>::from_request_parts(parts, api).await;
        read.map(|path| Path(path.0)).map_err(|e: PathRejection| Problem::invalid(e.body_text()))
    }
}

/// The query, every name known.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Api>> for Query<T> {
    type Rejection = Problem;
    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let read = axum::extract::Query::<T>::from_request_parts(parts, api).await;
        read.map(|query| Query(query.0)).map_err(|e: QueryRejection| Problem::invalid(e.body_text()))
    }
}

/// A JSON body.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Arc<Api>> for Json<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Problem> {
        if media_type(request.headers()) != "application/json" {
            return Err(Problem::media_type("application/json"));
        }
        let body = read_whole(request.into_body(), api.limits.body_bytes, api.limits.body_idle).await?;
        let value = serde_json::from_slice(&body).map_err(|e| Problem::invalid(format!("the body is not what it should be: {e}")))?;
        Ok(Json(value))
    }
}

/// A body of text, whole.
pub fn text(body: &Bytes) -> Result<&str, Problem> {
    std::str::from_utf8(body).map_err(|e| Problem::invalid(format!("the body is no UTF-8 from byte {} on", e.valid_up_to())))
}

/// The content type without its parameters, in lower case; empty when there is none.
pub fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("");
    value.split(';').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// The `Idempotency-Key`, quoted as the draft of the standard has it, or not.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().map_err(|_| Problem::invalid("Idempotency-Key holds what is no visible ASCII"))?.trim();
    let key = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text);
    if key.is_empty() { Err(Problem::invalid("Idempotency-Key is empty")) } else { Ok(Some(key.to_string())) }
}

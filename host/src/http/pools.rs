//! Pools of gift-card codes: how they stand, and their import as a stream. Promises: codes appear in no answer and
//! in no log; memory stays bounded however many there are.

use super::State;
use super::error::{Problem, undisturbed};
use super::input::{Path, media_type};
use super::limits::next_frame;
use crate::codes_file::{CodeLine, Columns, add};
use crate::flow::views::{ImportReport, PoolView};
use crate::lines::Lines;
use axum::Json;
use axum::extract::Request;

/// Codes of one transaction, as the store allows.
const CHUNK_CODES: usize = 10_000;

/// `GET /v1/pools`
pub async fn list(api: State) -> Result<Json<Vec<PoolView>>, Problem> {
    Ok(Json(api.host.pools().await?))
}

/// `POST /v1/pools/{pool}/codes` with one code a line, as `text/plain` or `text/csv`. What was read before a
/// connection broke is imported; sending the file again counts those as duplicates.
pub async fn import(api: State, Path(pool): Path<String>, request: Request) -> Result<Json<ImportReport>, Problem> {
    if !matches!(media_type(request.headers()).as_str(), "text/csv" | "text/plain") {
        return Err(Problem::media_type("text/csv or text/plain, one code a line"));
    }
    let mut frames = request.into_body().into_data_stream();
    let mut lines = Lines::new(api.limits.line_bytes);
    let mut columns = Columns::default();
    let mut codes: Vec<CodeLine> = Vec::new();
    let mut report = ImportReport { pool: pool.clone(), ..ImportReport::default() };
    while let Some(bytes) = next_frame(&mut frames, api.limits.body_idle).await? {
        lines.push(&bytes, |number, line| codes.extend(columns.read(number, line)));
        while codes.len() >= CHUNK_CODES {
            let rest = codes.split_off(CHUNK_CODES);
            add(&mut report, import_chunk(&api, &pool, std::mem::replace(&mut codes, rest)).await?);
        }
    }
    lines.finish(|number, line| codes.extend(columns.read(number, line)));
    if !codes.is_empty() {
        add(&mut report, import_chunk(&api, &pool, codes).await?);
    }
    Ok(Json(report))
}

async fn import_chunk(api: &State, pool: &str, codes: Vec<CodeLine>) -> Result<ImportReport, Problem> {
    let (host, pool) = (api.host.clone(), pool.to_string());
    undisturbed(async move { host.import_codes(&pool, codes.into_iter(), |_| ()).await }).await
}

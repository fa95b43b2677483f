//! What one client may take: bytes, time, places. Promises: a request that is silent, half sent or too large is
//! answered and closed; when all places are taken the answer is 503 at once, and nobody queues.
//! Must not know: what a request is about.

use super::auth::Caller;
use super::error::{self, Problem};
use crate::clock::Stopwatch;
use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use guerdon_rules::limits::Watch;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What an operator may set.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a body that is read as a whole.
    pub body_bytes: usize,
    /// Bytes of one line of a streamed body.
    pub line_bytes: usize,
    /// Requests that are worked on at the same time.
    pub requests: usize,
    /// Connections that are open at the same time.
    pub connections: usize,
    /// A request line with its headers must have arrived by then, counted from the connection or the last answer.
    pub header: Duration,
    /// Longest silence in the middle of a body.
    pub body_idle: Duration,
    /// Longest from the headers to the answer, other than for streams, settlements and audits.
    pub request: Duration,
    /// How long requests may go on after the host was told to stop.
    pub shutdown: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            body_bytes: 8 << 20,
            line_bytes: 64 << 10,
            requests: 512,
            connections: 8192,
            header: Duration::from_secs(10),
            body_idle: Duration::from_secs(10),
            request: Duration::from_secs(30),
            shutdown: Duration::from_secs(20),
        }
    }
}

/// A whole body of at most `limit` bytes.
pub async fn read_whole(body: Body, limit: usize, idle: Duration) -> Result<Bytes, Problem> {
    if body.size_hint().lower() > limit as u64 {
        return Err(Problem::too_large(limit));
    }
    let mut frames = body.into_data_stream();
    let mut first = Bytes::new();
    let mut whole: Vec<u8> = Vec::new();
    while let Some(frame) = next_frame(&mut frames, idle).await? {
        if whole.len() + first.len() + frame.len() > limit {
            return Err(Problem::too_large(limit));
        }
        // Most bodies are one frame: those are not copied.
        if whole.is_empty() && first.is_empty() {
            first = frame;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&frame);
        }
    }
    Ok(if whole.is_empty() { first } else { whole.into() })
}

/// The next bytes of a body; none at its end.
pub async fn next_frame(frames: &mut axum::body::BodyDataStream, idle: Duration) -> Result<Option<Bytes>, Problem> {
    match tokio::time::timeout(idle, frames.next()).await {
        Err(_) => Err(Problem::too_slow(idle.as_secs())),
        Ok(None) => Ok(None),
        Ok(Some(Ok(bytes))) => Ok(Some(bytes)),
        Ok(Some(Err(_))) => Err(Problem::invalid("the request's body broke off")),
    }
}

/// A problem when what answers takes longer. What it began on its own task goes on.
pub async fn in_time<T>(limit: Duration, answering: impl Future<Output = T>) -> Result<T, Problem> {
    let too_late = || {
        let detail = format!("no answer within {} seconds; it may still be done, and sending it again is safe", limit.as_secs());
        Problem::busy(detail, 5)
    };
    tokio::time::timeout(limit, answering).await.map_err(|_| too_late())
}

/// A place for a request, or a problem at once.
pub fn slot(slots: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Problem> {
    slots.clone().try_acquire_owned().map_err(|_| Problem::busy("too many requests at the same time", 1))
}

/// A streamed answer keeps its place until its end.
pub fn keep_slot(slot: OwnedSemaphorePermit, response: Response) -> Response {
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    let (parts, body) = response.into_parts();
    let held = body.into_data_stream().map(move |frame| {
        let _slot = &slot;
        frame
    });
    Response::from_parts(parts, Body::from_stream(held))
}

/// One log line for each request: the route and not the path, no headers, no bodies. Answers when a handler panicked.
pub async fn observe(request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("(none)".to_string(), |path| path.as_str().to_string());
    let watch = Stopwatch::default();
    let response = AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(error::panicked);
    let caller = response.extensions().get::<Caller>().map_or("", |caller| &caller.0);
    let milliseconds = watch.elapsed_ms();
    tracing::info!(%method, route, status = response.status().as_u16(), milliseconds, caller, "request");
    response
}

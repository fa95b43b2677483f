//! Every failure as an RFC 9457 problem (<https://www.rfc-editor.org/rfc/rfc9457>): the one place that maps what a
//! flow could not do to a status. Promises: a 5xx never says more than that it is ours; the log has the rest.

use crate::flow::FlowError;
use crate::store::StoreError;
use axum::extract::Request;
use axum::http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use std::any::Any;

/// What a client is told instead of what it asked for.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    /// The last part of the type: `urn:guerdon:problem:not-found`.
    kind: &'static str,
    title: &'static str,
    detail: String,
    extra: Map<String, Value>,
    retry_after_seconds: Option<u64>,
    /// The rest of the request is not worth reading.
    hang_up: bool,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Problem {
        Problem { status, kind, title, detail: detail.into(), extra: Map::new(), retry_after_seconds: None, hang_up: false }
    }

    /// 400: the request makes no sense.
    pub fn invalid(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "invalid-request", "The request makes no sense", detail)
    }

    /// 400: what arrived is no CloudEvent.
    pub fn invalid_event(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, "invalid-event", "This is no CloudEvent 1.0", detail)
    }

    pub fn unauthorized() -> Problem {
        let detail = "send a key that this host knows as `Authorization: Bearer KEY`";
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "A key is needed", detail)
    }

    pub fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing", detail)
    }

    pub fn conflict(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::CONFLICT, "conflict", "It contradicts what is there", detail)
    }

    pub fn too_large(limit_bytes: usize) -> Problem {
        let detail = format!("a request here has at most {limit_bytes} bytes; send more events as application/x-ndjson");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The request is too large", detail).hanging_up()
    }

    pub fn too_slow(idle_seconds: u64) -> Problem {
        let detail = format!("nothing arrived for {idle_seconds} seconds, and the request is not complete");
        Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", "The request took too long to arrive", detail).hanging_up()
    }

    pub fn media_type(accepted: &str) -> Problem {
        let detail = format!("this route reads {accepted}");
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "This content type is not read here", detail)
    }

    /// 503: nothing is wrong with the request, it only came at the wrong time.
    pub fn busy(detail: impl Into<String>, retry_after_seconds: u64) -> Problem {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not now", detail);
        Problem { retry_after_seconds: Some(retry_after_seconds.max(1)), ..problem }
    }

    /// 500. The cause is for the log, not for the client.
    pub fn internal(cause: &str) -> Problem {
        tracing::error!(cause, "a request failed through a fault of this program");
        let detail = "a fault of this host; its log says more";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something is wrong here", detail)
    }

    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Problem {
        self.extra.insert(name.into(), value.into());
        self
    }

    fn hanging_up(self) -> Problem {
        Problem { hang_up: true, ..self }
    }

    /// The JSON object of RFC 9457, section 3.
    pub fn to_json(&self) -> Value {
        let mut object = self.extra.clone();
        object.insert("type".into(), format!("urn:guerdon:problem:{}", self.kind).into());
        object.insert("title".into(), self.title.into());
        object.insert("status".into(), self.status.as_u16().into());
        object.insert("detail".into(), self.detail.as_str().into());
        Value::Object(object)
    }
}

impl From<FlowError> for Problem {
    fn from(error: FlowError) -> Problem {
        match error {
            FlowError::NotFound(detail) => Problem::not_found(detail),
            FlowError::Invalid(detail) => Problem::invalid(detail),
            FlowError::Forbidden(detail) => Problem::new(StatusCode::FORBIDDEN, "forbidden", "Somebody else may do this", detail),
            FlowError::Conflict(detail) => Problem::conflict(detail),
            FlowError::Rules(diagnostics) => {
                let detail = diagnostics.first().map(ToString::to_string).unwrap_or_default();
                let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "rules", "The campaign's files have errors", detail);
                problem.with("diagnostics", json!(diagnostics))
            }
            FlowError::Busy { reason, retry_after_seconds } => Problem::busy(reason, retry_after_seconds),
            FlowError::Store(error) => from_store(&error),
            FlowError::Internal(cause) => Problem::internal(&cause),
        }
    }
}

/// Texts of a database may hold rows: they stay in the log.
fn from_store(error: &StoreError) -> Problem {
    match error {
        StoreError::Busy(_) | StoreError::Unavailable(_) | StoreError::Newer { .. } => {
            tracing::warn!(%error, "the database did not do what was asked");
            Problem::busy("the database is not available: nothing of this was kept, and sending it again is safe", 2)
        }
        StoreError::Refused(_) | StoreError::Corrupt(_) | StoreError::Other(_) => Problem::internal(&error.to_string()),
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.to_json().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"guerdon\""));
        }
        if self.hang_up {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

pub async fn no_such_route(request: Request) -> Problem {
    Problem::not_found(format!("there is no route {}", request.uri().path()))
}

pub async fn method_not_allowed(request: Request) -> Problem {
    let detail = format!("{} cannot be asked of {}", request.method(), request.uri().path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "This method is not for this route", detail)
}

/// What a panic said may hold anything, so that only its presence is logged here; the panic hook writes the place.
pub fn panicked(_: Box<dyn Any + Send>) -> Response {
    Problem::internal("a handler panicked").into_response()
}

/// Does what writes on a task of its own: a client that goes away, or a timeout, must not cancel a transaction.
pub async fn undisturbed<T: Send + 'static>(work: impl Future<Output = Result<T, FlowError>> + Send + 'static) -> Result<T, Problem> {
    match tokio::spawn(work).await {
        Ok(done) => done.map_err(Problem::from),
        Err(_) => Err(Problem::internal("a task panicked")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_flow_could_not_do_has_a_status_and_hides_what_is_ours() {
        const SECRET: &str = "insert into codes values ('ABC-1')";
        let text = || SECRET.to_string();
        for (error, status, is_shown, retry) in [
            (FlowError::NotFound(text()), 404, true, None),
            (FlowError::Invalid(text()), 400, true, None),
            (FlowError::Forbidden(text()), 403, true, None),
            (FlowError::Conflict(text()), 409, true, None),
            (FlowError::Rules(Vec::new()), 422, false, None),
            (FlowError::Busy { reason: text(), retry_after_seconds: 7 }, 503, true, Some("7")),
            (FlowError::Internal(text()), 500, false, None),
            (FlowError::Store(StoreError::Busy(text())), 503, false, Some("2")),
            (FlowError::Store(StoreError::Unavailable(text())), 503, false, Some("2")),
            (FlowError::Store(StoreError::Newer { database: 2, host: 1 }), 503, false, Some("2")),
            (FlowError::Store(StoreError::Refused(text())), 500, false, None),
            (FlowError::Store(StoreError::Corrupt(text())), 500, false, None),
            (FlowError::Store(StoreError::Other(text())), 500, false, None),
        ] {
            let named = format!("{error:?}");
            let problem = Problem::from(error);
            assert_eq!(problem.to_json().to_string().contains(SECRET), is_shown, "{named}");
            let response = problem.into_response();
            let waited = response.headers().get(RETRY_AFTER).map(|v| v.to_str().unwrap());
            assert_eq!((response.status().as_u16(), waited), (status, retry), "{named}");
        }
    }

    #[tokio::test]
    async fn a_panic_is_answered_without_what_it_said() {
        let response = panicked(Box::new("code ABC-1"));
        assert_eq!(response.status(), 500);
        let body = axum::body::to_bytes(response.into_body(), 1 << 16).await.unwrap();
        assert!(!String::from_utf8_lossy(&body).contains("ABC-1"));
        assert!(undisturbed::<()>(async { panic!("for this test") }).await.is_err());
    }
}

//! Whether this host lives, and whether it can work. Needs no key, tells no secrets.

use super::State;
use super::error::Problem;
use axum::Json;
use serde_json::{Value, json};
use std::time::Duration;

/// A database that takes longer to say that it is there cannot carry an event either.
const PING: Duration = Duration::from_secs(2);

/// `GET /healthz`: the process answers.
pub async fn alive() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// `GET /readyz`: the database answers too, and the host is not stopping.
pub async fn ready(api: State) -> Result<Json<Value>, Problem> {
    if api.stopping.is_cancelled() {
        return Err(Problem::busy("the host is stopping", 5));
    }
    match tokio::time::timeout(PING, api.host.store.ping()).await {
        Ok(Ok(())) => Ok(Json(json!({ "status": "ok", "database": api.host.store.backend() }))),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the database does not answer");
            Err(Problem::busy("the database does not answer", 2))
        }
        Err(_) => Err(Problem::busy("the database does not answer in time", 2)),
    }
}

/// `GET /v1/version`
pub async fn version(api: State) -> Json<Value> {
    Json(json!({ "name": "guerdon", "version": env!("CARGO_PKG_VERSION"), "database": api.host.store.backend() }))
}

//! Acts of the app that are events too: joining, inviting, accepting, redeeming. Made here with the host's clock and
//! sent through the same lane as any event. Promises: the same act sent again is the same event.

use super::error::Problem;
use super::events::{one, submit_one};
use super::{Api, input};
use axum::Json;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use guerdon_rules::event::Event;
use serde_json::Value;

/// The CloudEvents source of every act.
const SOURCE: &str = "api";

/// What makes an act the same when it is sent again.
pub enum Id {
    /// The parts of the act itself, unless the caller sends an `Idempotency-Key`.
    Act(Vec<String>),
    /// The caller's: from the body, else from the `Idempotency-Key`.
    Callers(Option<String>),
}

/// Submits an act and answers with its result, as [`super::events::one`] does.
pub async fn act(api: &Api, campaign: &str, headers: &HeaderMap, kind: &str, id: Id, data: Value) -> Result<Response, Problem> {
    let id = choose(id, input::idempotency_key(headers)?)?;
    let now = instant(api.host.now_ms())?;
    let data = data.to_string();
    let event = |time: &str| Event::new(SOURCE, &id, kind, None, Some(time), &data).map_err(Problem::invalid);
    let result = submit_one(api, campaign, event(&now)?).await?;
    if result.outcome != "conflict" {
        return Ok(Json(result).into_response());
    }
    // Sent before, at its own time: as what it was then it is either the same, or truly something else.
    let stored = api.host.event(campaign, SOURCE, &id).await?;
    one(api, campaign, event(stored.time.as_deref().unwrap_or(&now))?).await
}

/// Parts are joined with `/`, and escaped so that no two lists of parts read alike.
fn choose(id: Id, key: Option<String>) -> Result<String, Problem> {
    match (id, key) {
        (Id::Callers(Some(id)), Some(key)) if id != key => Err(Problem::invalid("`id` and Idempotency-Key are both given, and differ")),
        (Id::Callers(Some(id)), _) => Ok(id),
        (_, Some(key)) => Ok(key),
        (Id::Act(parts), None) => Ok(parts.iter().map(|part| part.replace('%', "%25").replace('/', "%2F")).collect::<Vec<_>>().join("/")),
        (Id::Callers(None), None) => {
            Err(Problem::invalid("send an `id` or an Idempotency-Key: without one, a retry would redeem a second time"))
        }
    }
}

fn instant(now_ms: i64) -> Result<String, Problem> {
    let instant = jiff::Timestamp::from_millisecond(now_ms);
    instant.map(|t| t.to_string()).map_err(|e| Problem::internal(&format!("the clock says {now_ms}: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_has_one_id() {
        let act = |parts: &[&str]| Id::Act(parts.iter().map(ToString::to_string).collect());
        assert_eq!(choose(act(&["joined", "alice"]), None).unwrap(), "joined/alice");
        assert_ne!(choose(act(&["invited", "a/b", "c"]), None).unwrap(), choose(act(&["invited", "a", "b/c"]), None).unwrap());
        assert_eq!(choose(act(&["joined", "alice"]), Some("k".into())).unwrap(), "k");
        assert!(choose(Id::Callers(None), None).is_err());
        assert!(choose(Id::Callers(Some("a".into())), Some("b".into())).is_err());
    }
}

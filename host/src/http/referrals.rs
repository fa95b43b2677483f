//! Invitations and their acceptance. A referral, once recorded, never changes: whatever contradicts it is refused.

use super::State;
use super::acts::{Id, act};
use super::error::Problem;
use super::input::{Json, Path};
use axum::http::HeaderMap;
use axum::response::Response;
use guerdon_rules::campaign::{ACCEPTED, INVITED};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    inviter: String,
    invitee: String,
}

/// `POST /v1/campaigns/{campaign}/invitations` with `{inviter, invitee}`
pub async fn invite(api: State, Path(campaign): Path<String>, headers: HeaderMap, Json(pair): Json<Pair>) -> Result<Response, Problem> {
    send(&api, &campaign, &headers, INVITED, "invited", pair).await
}

/// `POST /v1/campaigns/{campaign}/invitations/accept` with `{invitee, inviter}`
pub async fn accept(api: State, Path(campaign): Path<String>, headers: HeaderMap, Json(pair): Json<Pair>) -> Result<Response, Problem> {
    send(&api, &campaign, &headers, ACCEPTED, "accepted", pair).await
}

async fn send(api: &State, campaign: &str, headers: &HeaderMap, kind: &str, word: &str, pair: Pair) -> Result<Response, Problem> {
    let id = Id::Act(vec![word.into(), pair.inviter.clone(), pair.invitee.clone()]);
    let data = json!({ "invitee": pair.invitee, "inviter": pair.inviter });
    act(api, campaign, headers, kind, id, data).await
}

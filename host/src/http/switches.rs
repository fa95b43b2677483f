//! Switches: what an operator stops and starts, with the reason kept.

use super::State;
use super::auth::Caller;
use super::error::{Problem, undisturbed};
use super::input::{Json, Path};
use crate::flow::views::SwitchView;
use axum::Extension;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    closed: bool,
    why: String,
}

/// `PUT /v1/campaigns/{campaign}/switches/{name}` with `{closed, why}`: who does it is the name of the key
pub async fn set(
    api: State,
    Path((campaign, name)): Path<(String, String)>,
    Extension(Caller(by)): Extension<Caller>,
    Json(wanted): Json<Wanted>,
) -> Result<axum::Json<SwitchView>, Problem> {
    let host = api.host.clone();
    let set = async move { host.set_switch(&campaign, &name, wanted.closed, &by, &wanted.why).await };
    Ok(axum::Json(undisturbed(set).await?))
}

//! Who is where in a cycle.

use super::State;
use super::error::Problem;
use super::input::{Path, Query};
use crate::flow::views::LeaderboardView;
use axum::Json;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    account: String,
    /// The current one, when it is not given.
    cycle: Option<i32>,
    /// 1 to 1000; 100 when it is not given.
    limit: Option<usize>,
    /// A member whose neighbours are wanted, instead of the top.
    around: Option<String>,
    /// The kind of participant, as campaign.toml names it.
    kind: Option<String>,
}

/// `GET /v1/campaigns/{campaign}/leaderboard?account=&cycle=&limit=&around=&kind=`
pub async fn show(api: State, Path(campaign): Path<String>, Query(asked): Query<Asked>) -> Result<Json<LeaderboardView>, Problem> {
    let limit = asked.limit.unwrap_or(100);
    if !(1..=1000).contains(&limit) {
        return Err(Problem::invalid("limit is from 1 to 1000"));
    }
    let (around, kind) = (asked.around.as_deref(), asked.kind.as_deref());
    Ok(Json(api.host.leaderboard(&campaign, &asked.account, asked.cycle, around, limit, kind).await?))
}

//! `guerdon rollback`: back to an earlier release, at once.

use super::exit::Failure;
use super::output::{self, Format};
use super::proposals::live;
use super::remote::{Remote, segment};
use crate::flow::views::ReleaseAdded;
use clap::Args;
use serde_json::json;

/// Bring back the content of an earlier release, as a release of its own, at once
#[derive(Args)]
#[command(after_help = "Examples:\n  guerdon rollback learning-race --host http://127.0.0.1:8080 --note \"wrong card\"\n  \
    guerdon rollback learning-race --to 3 --host http://127.0.0.1:8080")]
pub struct Rollback {
    campaign: String,
    #[command(flatten)]
    remote: Remote,
    /// The release whose content is wanted [default: the one before the newest]
    #[arg(long, value_name = "NUMBER")]
    to: Option<i32>,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
}

pub async fn run(asked: &Rollback, format: Format) -> Result<(), Failure> {
    let client = asked.remote.client(None)?;
    let path = format!("/v1/campaigns/{}/rollback", segment(&asked.campaign));
    let added: Vec<ReleaseAdded> = client.post(&path, &json!({ "to": asked.to, "note": asked.note })).await?;
    output::print(format, &added, |added| added.iter().map(live).collect::<Vec<_>>().join("\n"))
}

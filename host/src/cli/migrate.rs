//! `guerdon migrate`: the database's schema.

use super::exit::Failure;
use super::output::{self, Format};
use super::start;
use crate::config::Loaded;
use crate::store::{postgres, schema, sqlite};
use clap::Args;
use serde_json::json;

/// Bring the database's schema up to this host's, and say which it is
#[derive(Args)]
#[command(after_help = "Example:\n  guerdon migrate --check --database postgres://guerdon@localhost/guerdon")]
pub struct Migrate {
    /// Only say whether there is something to do: exit code 3 when there is
    #[arg(long)]
    check: bool,
}

pub async fn run(migrate: &Migrate, loaded: &Loaded, format: Format) -> Result<(), Failure> {
    let url = loaded.config.database_url();
    let before = schema::version(&url).await?;
    let newest = if url.starts_with("postgres") { postgres::newest() } else { sqlite::newest() };
    if !migrate.check {
        start::store(&loaded.config).await?;
    }
    let now = if migrate.check { before } else { schema::version(&url).await? };
    let said = json!({ "before": before, "now": now, "host": newest });
    output::print(format, &said, |_| match (before, now) {
        (None, None) => format!("the database has no schema yet; this host brings {newest}"),
        (before, Some(now)) if before == Some(now) => format!("schema {now}; this host knows {newest}"),
        (before, now) => format!("schema {} -> {}", number(before), number(now)),
    })?;
    if now == Some(newest) { Ok(()) } else { Err(Failure::Different) }
}

fn number(version: Option<i64>) -> String {
    version.map_or_else(|| "(none)".into(), |version| version.to_string())
}

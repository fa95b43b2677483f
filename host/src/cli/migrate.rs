//! `guerdon migrate`: the database's schema.

use super::exit::Failure;
use super::output::{self, Format};
use super::start;
use crate::config::Loaded;
use clap::Args;
use serde_json::json;

/// Bring the database's schema up to this host's, and say which it is
#[derive(Args)]
#[command(after_help = "Example:\n  guerdon migrate --database postgres://guerdon@localhost/guerdon")]
pub struct Migrate {}

pub async fn run(_: &Migrate, loaded: &Loaded, format: Format) -> Result<(), Failure> {
    let store = start::store(&loaded.config).await?;
    let said = json!({ "database": store.backend() });
    output::print(format, &said, |_| format!("{}: the schema is this host's", store.backend()))
}

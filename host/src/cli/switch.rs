//! `guerdon switch`: stopping and starting what a campaign does, directly on the database.

use super::exit::Failure;
use super::output::{self, Format};
use super::start;
use crate::config::Loaded;
use clap::{Args, ValueEnum};

/// Close or open a switch of a campaign: with `issue` closed, grants are owed and no code leaves
#[derive(Args)]
#[command(after_help = "Example:\n  guerdon switch learning-race issue close --why \"wrong card face value\"")]
pub struct Switch {
    campaign: String,
    /// The switch: issue
    name: String,
    position: Wanted,
    /// Why, for whoever looks at it later
    #[arg(long)]
    why: String,
    /// Who does this [default: the user of this shell]
    #[arg(long)]
    by: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wanted {
    Open,
    Close,
}

pub async fn run(switch: &Switch, loaded: &Loaded, format: Format) -> Result<(), Failure> {
    start::log(&loaded.config.log)?;
    let by = switch.by.clone().or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| "command line".into());
    let host = start::existing_host(&loaded.config).await?;
    let view = host.set_switch(&switch.campaign, &switch.name, switch.position == Wanted::Close, &by, &switch.why).await;
    host.shutdown().await;
    output::print(format, &view?, |view| {
        let word = if view.closed { "closed" } else { "open" };
        format!("{} of {} is {word} since {}, by {}: {}", view.name, switch.campaign, view.at, view.by, view.why)
    })
}

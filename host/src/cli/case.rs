//! `guerdon case`: case files that nobody has to write.

use super::exit::Failure;
use super::output::{self, Format};
use super::remote::{Remote, segment};
use super::start;
use crate::config::Loaded;
use crate::flow::views::CaseView;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Make case files
#[derive(Subcommand)]
pub enum Case {
    /// Make a case of a real event: what there was before it, the event, what its receipt says; under other names
    ///
    /// With --host, or GUERDON_HOST, the running host is asked; else the database. Exit code 3: the case does not come out
    /// as the event did, and says why.
    #[command(
        after_help = "Examples:\n  guerdon case from-event learning-race crm crm-1 --out campaigns/learning-race/cases/crm-1.toml\n  \
                      guerdon case from-event learning-race crm crm-1 --host http://127.0.0.1:8080"
    )]
    FromEvent(FromEvent),
}

#[derive(Args)]
pub struct FromEvent {
    campaign: String,
    /// The event's source
    source: String,
    /// The event's id
    id: String,
    /// Where the case is written; nothing that is there is overwritten [default: stdout]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

/// `load` reads the configuration, for a case that is made from the database.
pub async fn run(case: &Case, load: impl Fn() -> Result<Loaded, Failure>, format: Format) -> Result<(), Failure> {
    let Case::FromEvent(asked) = case;
    let view = if asked.remote.is_named() { asked.of_host().await? } else { asked.of_database(&load()?).await? };
    if let Some(path) = &asked.out {
        let told = |e: std::io::Error| Failure::Usage(format!("{}: {e}", path.display()));
        let mut file = std::fs::File::create_new(path).map_err(told)?;
        std::io::Write::write_all(&mut file, view.case.as_bytes()).map_err(told)?;
    }
    output::print(format, &view, |view| match &asked.out {
        Some(path) => format!("{}: release {}, {}", path.display(), view.release, view.outcome),
        None => view.case.clone(),
    })?;
    view.differs.iter().for_each(|line| eprintln!("{line}"));
    if view.passes { Ok(()) } else { Err(Failure::Different) }
}

impl FromEvent {
    async fn of_host(&self) -> Result<CaseView, Failure> {
        let (source, id) = (segment(&self.source), segment(&self.id));
        self.remote.client(None)?.get(&format!("/v1/campaigns/{}/events/case?source={source}&id={id}", segment(&self.campaign))).await
    }

    async fn of_database(&self, loaded: &Loaded) -> Result<CaseView, Failure> {
        start::log(&loaded.config.log)?;
        let host = start::existing_host(&loaded.config).await?;
        let view = host.case_of_event(&self.campaign, &self.source, &self.id).await;
        host.shutdown().await;
        Ok(view?)
    }
}

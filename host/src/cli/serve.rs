//! `guerdon serve`: the host over HTTP, with the campaigns of a folder and a scheduler. Ends in good order: a first
//! signal finishes what runs, a second one ends at once and loses nothing that was acknowledged.

use super::exit::Failure;
use super::output::{self, Format};
use super::{Common, folder, start, watching};
use crate::config::{self, Flags};
use crate::flow::{FlowError, Host};
use crate::http::{self, Access};
use clap::Args;
use guerdon_rules::language::Files;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serve the HTTP API, and settle cycles when they are due
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    guerdon serve --campaigns campaigns --insecure-local --watch\n  \
    GUERDON_KEYS='[{name=\"app\", sha256=\"…\"}]' \\\n    \
      guerdon serve --database postgres://guerdon@localhost/guerdon")]
pub struct Serve {
    /// Address and port [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// A folder of campaign folders: each becomes a release when its content is new
    #[arg(long, value_name = "FOLDER")]
    campaigns: Option<PathBuf>,
    /// Ask for no key; only on a loopback address
    #[arg(long)]
    insecure_local: bool,
    /// Swap in what is saved in the campaigns' folders; for local work
    #[arg(long)]
    watch: bool,
    /// Print what is in force, secrets masked, and end
    #[arg(long)]
    print_config: bool,
}

pub async fn run(serve: &Serve, common: &Common) -> Result<(), Failure> {
    let format = common.format.plain()?;
    let flags = Flags { listen: serve.listen.clone(), campaigns: serve.campaigns.clone(), ..Flags::default() };
    let loaded = common.load(flags)?;
    let config = &loaded.config;
    if serve.print_config {
        return output::print(format, config, |_| config::show(&loaded));
    }
    start::log(&config.log)?;
    let access = access(serve, config)?;
    let listener = listen(&config.listen, &access).await?;
    let host = start::host(config).await?;
    if let Some(campaigns) = &config.campaigns {
        load_campaigns(&host, campaigns).await?;
    }
    let stopping = CancellationToken::new();
    match (&config.campaigns, serve.watch) {
        (Some(campaigns), true) => watching::start(&host, campaigns, serve.insecure_local, stopping.clone())?,
        (None, true) => return Err(Failure::Usage("name the folder to watch with --campaigns".into())),
        (_, false) => {}
    }
    announce(format, &listener, &host)?;
    let scheduler = tokio::spawn(schedule(host.clone(), Duration::from_secs(config.lanes.schedule_seconds.max(1)), stopping.clone()));
    let options = http::Options { access, limits: config.http_limits() };
    let served = http::serve(listener, host, options, until_signalled()).await;
    stopping.cancel();
    if scheduler.await.is_err() {
        tracing::error!("the scheduler panicked");
    }
    served.map_err(Failure::from)
}

/// First of all, so that a wrong address is told at once. Whoever connects before the host serves, waits.
async fn listen(address: &str, access: &Access) -> Result<TcpListener, Failure> {
    let bound = TcpListener::bind(address).await;
    let listener = bound.map_err(|e| Failure::Infrastructure(format!("cannot listen on {address}: {e}")))?;
    match access.refuse_address(listener.local_addr()?) {
        Some(reason) => Err(Failure::Usage(reason)),
        None => Ok(listener),
    }
}

fn access(serve: &Serve, config: &config::Config) -> Result<Access, Failure> {
    if serve.insecure_local {
        return Ok(Access::ThisMachine);
    }
    if config.keys.is_empty() {
        let text = "nobody could call: configure [[keys]] in guerdon.toml, or, to try it on this machine, use --insecure-local";
        return Err(Failure::Usage(text.into()));
    }
    config.access().map_err(Failure::Usage)
}

/// A folder that cannot be a release is that campaign's trouble only: it is told, and the others are served.
async fn load_campaigns(host: &Arc<Host>, campaigns: &Path) -> Result<(), Failure> {
    for path in folder::campaigns(campaigns)? {
        let files = match folder::read(&path) {
            Ok(files) => files,
            Err(Failure::Usage(error) | Failure::Infrastructure(error)) => {
                tracing::error!(folder = %path.display(), error, "the folder could not be read");
                continue;
            }
            Err(failure) => return Err(failure),
        };
        match load_campaign(host, files, &path).await {
            Ok(()) => {}
            Err(FlowError::Rules(diagnostics)) => {
                diagnostics.iter().for_each(|d| tracing::error!(folder = %path.display(), "{d}"));
            }
            // The database is everybody's trouble.
            Err(error @ FlowError::Store(_)) => return Err(error.into()),
            Err(error) => tracing::error!(folder = %path.display(), %error, "no release"),
        }
    }
    Ok(())
}

async fn load_campaign(host: &Arc<Host>, files: Files, path: &Path) -> Result<(), FlowError> {
    // Whatever became the newest since: a restart changes nothing.
    if host.has_release(&files).await? {
        return Ok(());
    }
    let added = host.add_release(files, None, "serve", &format!("from {}", path.display())).await?;
    if added.added {
        tracing::info!(campaign = added.campaign, release = added.number, "a release was added");
    }
    Ok(())
}

/// The address on stdout, so that whoever asked for port 0 learns it.
fn announce(format: Format, listener: &TcpListener, host: &Host) -> Result<(), Failure> {
    let address = format!("http://{}", listener.local_addr()?);
    let said = json!({ "address": address, "version": env!("CARGO_PKG_VERSION"), "database": host.store.backend() });
    match format {
        Format::Pretty => output::print(format, &said, |_| format!("guerdon {} on {address}", env!("CARGO_PKG_VERSION"))),
        // One line, because more than this may follow.
        Format::Json => {
            println!("{said}");
            Ok(())
        }
    }
}

/// Looks again and again for what is due. What could not be done is logged there, and tried again here.
async fn schedule(host: Arc<Host>, pause: Duration, stopping: CancellationToken) {
    while !stopping.is_cancelled() {
        host.run_due().await;
        tokio::select! {
            () = stopping.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Ready at the first SIGINT or SIGTERM. A second one ends the process.
async fn until_signalled() {
    signalled().await;
    tracing::info!("stopping: finishing what runs");
    tokio::spawn(async {
        signalled().await;
        std::process::exit(130);
    });
}

#[cfg(unix)]
async fn signalled() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signals) => signals.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated => {}
    }
}

#[cfg(not(unix))]
async fn signalled() {
    // Without a signal there is nothing to wait for but the end of the process.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

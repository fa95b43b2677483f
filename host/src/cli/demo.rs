//! `guerdon demo`: the campaign of September 2020 against this host, and then the host to try.

use super::exit::Failure;
use super::output::{self, Format};
use super::{Common, start};
use crate::config::{Flags, Log};
use crate::demo::{self, Demo};
use clap::Args;
use guerdon_rules::simulate::recorded;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Play the campaign of September 2020 against this host, and show what it did
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    guerdon demo\n  \
    guerdon demo --once --format json\n  \
    guerdon demo --once --postgres postgres://guerdon@localhost/empty\n  \
    guerdon demo --events recorded.ndjson")]
pub struct DemoArgs {
    /// End after the report; the exit code is 1 when a promise was broken
    #[arg(long)]
    once: bool,
    /// Play it on this PostgreSQL database, which must be empty, instead of a SQLite file
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Only write the events that it plays to a file, one a line, for `simulate` and `diff`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["once", "postgres"])]
    events: Option<PathBuf>,
}

impl DemoArgs {
    /// Whether it ends by itself.
    pub fn ends(&self) -> bool {
        self.once || self.events.is_some()
    }
}

pub async fn run(args: &DemoArgs, common: &Common) -> Result<(), Failure> {
    let format = common.format.plain()?;
    if let Some(path) = &args.events {
        return record(path, format);
    }
    start::log(&Log { filter: "warn".into(), ..Log::default() })?;
    let config = common.load(Flags::default())?.config;
    let temporary = tempfile::tempdir()?;
    let data: PathBuf = common.data.clone().unwrap_or_else(|| temporary.path().to_path_buf());
    std::fs::create_dir_all(&data)?;
    let database = args.postgres.clone().unwrap_or_else(|| data.join("demo.db").display().to_string());
    let demo = Demo::start(&database, &data, start::runtime(config.rule_limits())).await.map_err(Failure::Infrastructure)?;
    let report = demo.play(&bar(format)).await.map_err(Failure::Infrastructure)?;
    output::print(format, &report, |report| demo::table(report, output::table))?;
    if !args.once {
        invite(&demo);
        let _ = tokio::signal::ctrl_c().await;
    }
    demo.stop().await.map_err(Failure::Infrastructure)?;
    if report.promises_kept { Ok(()) } else { Err(Failure::Failed) }
}

fn record(path: &Path, format: Format) -> Result<(), Failure> {
    let lines = recorded::learning_race(demo::SEED);
    std::fs::write(path, lines.join("\n") + "\n").map_err(|e| Failure::Infrastructure(format!("{}: {e}", path.display())))?;
    let written = json!({ "file": path, "events": lines.len() });
    output::print(format, &written, |_| format!("{} events written to {}\n", lines.len(), path.display()))
}

fn bar(format: Format) -> ProgressBar {
    let target = if format == Format::Pretty { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} deliveries, {per_sec}, {eta} to go");
    let bar = ProgressBar::with_draw_target(None, target);
    if let Ok(style) = style { bar.with_style(style) } else { bar }
}

/// On stderr: stdout holds the report only.
fn invite(demo: &Demo) {
    let base = format!("http://{}/v1/campaigns/learning-race", demo.address);
    eprintln!("The host goes on serving. Try, in another terminal (end with Ctrl-C):\n");
    eprintln!("  curl {base}");
    eprintln!("  curl '{base}/leaderboard?account=learning&cycle=1&limit=5'");
    eprintln!("  curl '{base}/members/u00001?cycle=1'");
    eprintln!("  curl {base}/cycles");
    eprintln!("  curl -X POST {base}/grants/1/reveal -H 'content-type: application/json' -d '{{\"member\":\"u00001\"}}'");
}

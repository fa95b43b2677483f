//! `guerdon plan` and `guerdon apply`: what a changed folder would mean on a running host, and proposing exactly that.

use super::exit::Failure;
use super::output::{self, Format};
use super::plan_text;
use super::remote::{self, Remote, segment};
use super::{folder, proposals};
use crate::flow::plan_views::Plan as Planned;
use crate::flow::views::Proposed;
use clap::Args;
use guerdon_rules::campaign::file;
use guerdon_rules::release::content_hash;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Compare a folder with what runs on a host: what changes, and what the last cycle would have paid
#[derive(Args)]
#[command(after_help = "Examples:\n  \
    guerdon plan campaigns/learning-race --host http://127.0.0.1:8080 \\\n    \
      --from \"next cycle\" --out change.plan\n  \
    guerdon plan campaigns/learning-race --host http://127.0.0.1:8080 --format json\n\n\
    Exit code 1 when the policy in force would not let it be proposed.")]
pub struct Plan {
    /// The campaign's folder
    folder: PathBuf,
    #[command(flatten)]
    remote: Remote,
    /// When it takes effect: "at once", "next cycle", or an instant of event time as 2020-09-16T00:00:00+08:00
    #[arg(long, value_name = "WHEN", default_value = "at once")]
    from: String,
    /// Why, for whoever approves it
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    /// Write the plan to a file, for `guerdon apply`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Propose exactly what a plan says; live at once where nobody has to approve
#[derive(Args)]
#[command(after_help = "Example:\n  guerdon apply change.plan\n\n\
    Refused when the folder, or what runs on the host, is not what it was when it was planned.")]
pub struct Apply {
    /// What `guerdon plan --out` wrote
    plan: PathBuf,
    #[command(flatten)]
    remote: Remote,
}

/// A plan with what is needed to apply it.
#[derive(Serialize, Deserialize)]
struct PlanFile {
    folder: PathBuf,
    host: String,
    note: String,
    plan: Planned,
}

pub async fn plan(asked: &Plan, format: Format) -> Result<(), Failure> {
    let files = folder::read(&asked.folder)?;
    let campaign = match file::parse(&files) {
        Ok(campaign) => campaign.id,
        Err(found) => return Err(folder::told(&asked.folder, &files, &found)),
    };
    let client = asked.remote.client(None)?;
    let body = json!({ "files": remote::files(&files), "effective_from": asked.from });
    let planned: Planned = client.post(&format!("/v1/campaigns/{}/plan", segment(&campaign)), &body).await?;
    let said = PlanFile { folder: absolute(&asked.folder)?, host: client.address, note: asked.note.clone(), plan: planned };
    if let Some(out) = &asked.out {
        let text = serde_json::to_string_pretty(&said).map_err(|e| Failure::Infrastructure(e.to_string()))?;
        std::fs::write(out, text + "\n").map_err(|e| Failure::Infrastructure(format!("{}: {e}", out.display())))?;
    }
    output::print(format, &said, |said| {
        let mut text = plan_text::pretty(&said.plan);
        if let Some(out) = asked.out.as_ref().filter(|_| said.plan.refused.is_empty()) {
            text.push_str(&format!("\nTo propose exactly this: guerdon apply {}\n", out.display()));
        }
        text
    })?;
    if said.plan.refused.is_empty() { Ok(()) } else { Err(Failure::Failed) }
}

pub async fn apply(asked: &Apply, format: Format) -> Result<(), Failure> {
    let told = |e: &dyn std::fmt::Display| Failure::Usage(format!("{}: {e}", asked.plan.display()));
    let text = std::fs::read_to_string(&asked.plan).map_err(|e| told(&e))?;
    let PlanFile { folder, host, note, plan } =
        serde_json::from_str(&text).map_err(|e| told(&format!("this is no plan of `guerdon plan --out`: {e}")))?;
    let files = folder::read(&folder)?;
    if content_hash(&files) != plan.hash {
        return Err(Failure::Usage(format!("the plan is stale: {} changed since it was made: plan again", folder.display())));
    }
    let client = asked.remote.client(Some(&host))?;
    let body = json!({ "files": remote::files(&files), "effective_from": plan.effective_from, "base": plan.base, "note": note });
    let proposed: Proposed = client.post(&format!("/v1/campaigns/{}/proposals", segment(&plan.campaign)), &body).await?;
    output::print(format, &proposed, |proposed| proposals::became(proposed, &client.address))
}

fn absolute(folder: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(folder).map_err(|e| Failure::Infrastructure(format!("{}: {e}", folder.display())))
}

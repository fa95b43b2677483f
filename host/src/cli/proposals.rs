//! `guerdon proposals`, `approve` and `reject`: what others want to change, and saying yes or no to it.

use super::exit::Failure;
use super::output::{self, Format, table};
use super::plan_text;
use super::remote::{Remote, segment};
use crate::flow::views::{ProposalView, Proposed, ReleaseAdded};
use clap::Args;
use serde_json::json;

/// List what is proposed for a campaign, or show one proposal with its plan
#[derive(Args)]
#[command(after_help = "Examples:\n  guerdon proposals learning-race --host http://127.0.0.1:8080\n  \
    guerdon proposals learning-race 5d41402abc4b… --host http://127.0.0.1:8080")]
pub struct Proposals {
    campaign: String,
    /// Of one proposal: its content's hash, or what it begins with
    hash: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Say yes to a proposal of somebody else; the last approval that it needs makes it live
#[derive(Args)]
#[command(after_help = "Example:\n  guerdon approve learning-race 5d41402abc4b… --host http://127.0.0.1:8080 --key-file li.key")]
pub struct Approve {
    campaign: String,
    /// The content's hash, as `guerdon proposals` shows it: whole
    hash: String,
    #[command(flatten)]
    remote: Remote,
    /// Anything to say, for the journal
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
}

/// Say no to a proposal, or take your own back
#[derive(Args)]
#[command(after_help = "Example:\n  guerdon reject learning-race 5d41402abc4b… --why \"ask legal first\" --host http://127.0.0.1:8080")]
pub struct Reject {
    campaign: String,
    /// The content's hash, as `guerdon proposals` shows it: whole
    hash: String,
    #[command(flatten)]
    remote: Remote,
    /// Why, for whoever proposed it
    #[arg(long, value_name = "TEXT")]
    why: String,
}

pub async fn list(asked: &Proposals, format: Format) -> Result<(), Failure> {
    let client = asked.remote.client(None)?;
    let path = format!("/v1/campaigns/{}/proposals", segment(&asked.campaign));
    let all: Vec<ProposalView> = client.get(&path).await?;
    let Some(hash) = &asked.hash else {
        return output::print(format, &all, |all| pretty(all));
    };
    let found: Vec<&ProposalView> = all.iter().filter(|p| p.hash.starts_with(hash.as_str())).collect();
    let Some(newest) = found.first().filter(|first| found.iter().all(|p| p.hash == first.hash)) else {
        return Err(Failure::Usage(format!("{} proposals have a hash that begins with {hash}", found.len())));
    };
    let one: Proposed = client.get(&format!("{path}/{}", newest.hash)).await?;
    output::print(format, &one, |one| {
        let head = one.proposal.as_ref().map_or_else(String::new, |p| pretty(std::slice::from_ref(p)));
        format!("{head}\n{}", plan_text::pretty(&one.plan))
    })
}

pub async fn approve(asked: &Approve, format: Format) -> Result<(), Failure> {
    let client = asked.remote.client(None)?;
    let path = format!("/v1/campaigns/{}/proposals/{}/approve", segment(&asked.campaign), segment(&asked.hash));
    let approved: Proposed = client.post(&path, &json!({ "note": asked.note })).await?;
    output::print(format, &approved, |approved| became(approved, &client.address))
}

pub async fn reject(asked: &Reject, format: Format) -> Result<(), Failure> {
    let client = asked.remote.client(None)?;
    let path = format!("/v1/campaigns/{}/proposals/{}/reject", segment(&asked.campaign), segment(&asked.hash));
    let rejected: ProposalView = client.post(&path, &json!({ "why": asked.why })).await?;
    output::print(format, &rejected, |p| format!("proposal {} is rejected: nothing changes", p.number))
}

/// What came of proposing or approving, and what is next.
pub fn became(proposed: &Proposed, address: &str) -> String {
    let campaign = &proposed.plan.campaign;
    match (&proposed.release, &proposed.proposal) {
        (Some(release), _) => live(release),
        (None, Some(p)) => {
            let missing = usize::try_from(p.needs).unwrap_or(0).saturating_sub(p.approvals.len());
            format!(
                "proposal {} by {}: {}\nneeds {missing} more approval{}, from somebody else: guerdon approve {campaign} {} --host {address}",
                p.number,
                p.author,
                p.hash,
                if missing == 1 { "" } else { "s" },
                p.hash
            )
        }
        (None, None) => format!("nothing became of it: {campaign}"),
    }
}

pub fn live(release: &ReleaseAdded) -> String {
    let ReleaseAdded { campaign, number, hash, effective_from, .. } = release;
    match (release.added, release.copy_of) {
        (true, Some(copied)) => format!("{campaign}: release {number} brings back release {copied}, from {effective_from} on"),
        (true, None) => format!("{campaign}: release {number} is live, and decides what happens from {effective_from} on\ncontent {hash}"),
        (false, _) => format!("{campaign}: this is the content of release {number}: nothing was added"),
    }
}

fn pretty(all: &[ProposalView]) -> String {
    if all.is_empty() {
        return "nothing was proposed".into();
    }
    let row = |p: &ProposalView| {
        let approved: Vec<&str> = p.approvals.iter().map(|a| a.by.as_str()).collect();
        let state = match (&p.release, &p.ended_why) {
            (Some(release), _) => format!("live as release {release}"),
            (None, Some(why)) => format!("{}: {why}", p.state),
            (None, None) => format!("{}, {} of {} approvals", p.state, p.approvals.len(), p.needs),
        };
        [p.number.to_string(), state, p.effective_from.clone(), p.author.clone(), approved.join(", "), p.note.clone(), p.hash.clone()]
    };
    table(&["", "state", "from", "by", "approved by", "note", "hash"], all.iter().map(row))
}

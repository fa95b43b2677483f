//! Proposals: a change that somebody planned, waiting for others to say yes. One at a time is open, and neither its content
//! nor the instant from which it counts ever changes: whoever wants another one proposes anew, which ends the old one and
//! every approval of it. What is approved is named by a hash over both. Whoever proposes
//! does not approve; the database holds that too. What is approved becomes a release in the same commit.

use super::effective::Effective;
use super::error::{FlowError, Result};
use super::host::{Host, Running};
use super::plan_views::{Base, Plan};
use super::read::instant;
use super::release::Signed;
use super::views::{ApprovalView, ProposalView, Proposed};
use crate::store::{ApprovalRow, ProposalEnd, ProposalRow, ProposalState, Transaction, encode};
use guerdon_rules::book::Book;
use guerdon_rules::book::rows::JournalKind;
use guerdon_rules::language::Files;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// What approvers approve: this content, from this instant on.
fn hash_of(content: &str, effective: Effective) -> String {
    let both = Sha256::digest(format!("{content} {effective}"));
    both.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Of a stored plan.
#[derive(Deserialize)]
struct Content {
    hash: String,
}

/// What somebody wants to change.
pub struct Wanted {
    pub files: Files,
    /// What it was planned against.
    pub base: Base,
    pub effective: Effective,
    pub author: String,
    pub note: String,
}

impl Host {
    /// Proposes a change, or makes it live where the policy in force asks for no approval. Refused when it is stale, or
    /// does not have what the policy asks for.
    pub async fn propose(self: &Arc<Self>, campaign: &str, wanted: Wanted) -> Result<Proposed> {
        let Wanted { files, base, effective, author, note } = wanted;
        let plan = self.plan(campaign, &files, effective).await?;
        if plan.base != base {
            return Err(stale(&base, &plan.base));
        }
        if !plan.refused.is_empty() {
            return Err(FlowError::Conflict(plan.refused.join("; ")));
        }
        if plan.needs == 0 {
            let added = self.add(files, effective, &author, &note, Some(base.release)).await?;
            return Ok(Proposed { proposal: None, release: Some(added), plan });
        }
        if plan.difference.is_empty() {
            return Err(FlowError::Conflict(format!("this is the content of release {}: there is nothing to propose", base.release)));
        }
        let running = self.campaign(campaign)?;
        let row = ProposalRow {
            number: base.proposal + 1,
            base: base.release,
            hash: hash_of(&plan.hash, effective),
            effective: effective.to_string(),
            needs: plan.needs as i32,
            plan: serde_json::to_string(&plan).map_err(|e| FlowError::Internal(e.to_string()))?,
            author,
            note,
            at_ms: self.now_ms(),
            state: ProposalState::Open,
            end: None,
        };
        self.write_proposal(&running, &row, &files).await?;
        Ok(Proposed { proposal: Some(proposal_view(&row, &[])), release: None, plan })
    }

    async fn write_proposal(&self, running: &Running, row: &ProposalRow, files: &Files) -> Result<()> {
        let mut transaction = self.store.begin(running.row.campaign).await?;
        let all = transaction.proposals().await?;
        let is = Base { release: transaction.head().releases, proposal: all.last().map_or(0, |p| p.number) };
        let base = Base { release: row.base, proposal: row.number - 1 };
        if is != base {
            return Err(stale(&base, &is));
        }
        if let Some(open) = all.iter().find(|p| p.state == ProposalState::Open) {
            if open.hash == row.hash {
                let why = format!("proposal {} is just this, from {}: reject it first", open.number, open.effective);
                return Err(FlowError::Conflict(why));
            }
            let why = format!("proposal {} takes its place", row.number);
            let end = ProposalEnd { by: row.author.clone(), why, at_ms: self.now_ms(), release: None };
            transaction.end_proposal(open.number, ProposalState::Replaced, &end).await?;
        }
        transaction.add_proposal(row, &encode::files(files)).await?;
        let said =
            json!({ "proposal": row.number, "hash": row.hash, "effective_from": row.effective, "author": row.author, "note": row.note });
        self.note(&mut *transaction, &said).await?;
        Ok(transaction.commit().await?)
    }

    /// Says yes to what is proposed with exactly this content, from exactly this instant on. The last approval that is needed makes it live.
    pub async fn approve(&self, campaign: &str, hash: &str, approver: &str, note: &str) -> Result<Proposed> {
        let running = self.campaign(campaign)?;
        loop {
            self.sync(&running).await?;
            if let Some(approved) = self.try_approve(&running, hash, approver, note).await? {
                return Ok(approved);
            }
        }
    }

    /// None: somebody else approved it in between, so that this may be the last approval that is needed.
    async fn try_approve(&self, running: &Running, hash: &str, approver: &str, note: &str) -> Result<Option<Proposed>> {
        let mut open = self.open_proposal(running, hash).await?;
        if open.author == approver {
            return Err(FlowError::Forbidden(format!("{approver} proposed this: somebody else approves it")));
        }
        let rules = running.rules.load_full();
        if open.base as usize != rules.releases.len() {
            let why = format!("release {} came after it was planned: plan it again", rules.releases.len());
            return Err(FlowError::Conflict(format!("proposal {} is stale: {why}", open.number)));
        }
        let policy = rules.policy(self.now_ms());
        let needs = u32::try_from(open.needs).unwrap_or(u32::MAX).max(policy.approvals);
        let known = approvers_of(&open, &self.store.approvals(running.row.campaign).await?);
        let is_new = !known.iter().any(|known| known == approver);
        let approvers: Vec<String> = known.iter().cloned().chain(is_new.then(|| approver.to_string())).collect();
        let plan: Plan = serde_json::from_str(&open.plan).map_err(|e| FlowError::Internal(format!("a stored plan: {e}")))?;
        let next = match approvers.len() >= needs as usize {
            false => None,
            true => {
                let files = self.proposed_files(running, open.number).await?;
                let effective: Effective = open.effective.parse().map_err(FlowError::Internal)?;
                self.still_may(running, &open, &files, effective).await?;
                Some(self.next_release(&rules, &files, effective, None).await?)
            }
        };
        let mut transaction = self.store.begin(running.row.campaign).await?;
        let still = transaction.proposals().await?.into_iter().any(|p| p.number == open.number && p.state == ProposalState::Open);
        if transaction.head().releases != open.base || !still {
            return Err(FlowError::Conflict(format!("proposal {} ended, or a release came in between: look again", open.number)));
        }
        if approvers_of(&open, &transaction.approvals().await?) != known {
            return Ok(None);
        }
        if is_new {
            let row = ApprovalRow {
                proposal: open.number,
                approver: approver.into(),
                hash: hash.into(),
                note: note.into(),
                at_ms: self.now_ms(),
            };
            transaction.add_approval(&row).await?;
        }
        match &next {
            None => {
                self.note(&mut *transaction, &json!({ "proposal": open.number, "hash": hash, "approved_by": approver, "note": note }))
                    .await?
            }
            Some(next) => {
                let because = json!({ "proposal": open.number, "approved_by": approvers });
                let signed = Signed { author: &open.author, note: &open.note, because };
                let mut book = Book::new(transaction.head().clone(), Vec::new());
                self.write_release(&mut *transaction, &mut book, next, &signed).await?;
                let why = format!("approved by {}", approvers.join(", "));
                let end = ProposalEnd { by: approver.into(), why, at_ms: self.now_ms(), release: Some(next.release.number) };
                transaction.end_proposal(open.number, ProposalState::Live, &end).await?;
                (open.state, open.end) = (ProposalState::Live, Some(end));
            }
        }
        transaction.commit().await?;
        self.sync(running).await?;
        let approvals = self.store.approvals(running.row.campaign).await?;
        Ok(Some(Proposed { proposal: Some(proposal_view(&open, &approvals)), release: next.map(|next| next.added()), plan }))
    }

    /// What may have changed since it was proposed: the clock, the stock, the budget.
    async fn still_may(&self, running: &Running, open: &ProposalRow, files: &Files, effective: Effective) -> Result<()> {
        if let Effective::At(at_ms) = effective
            && open.at_ms < at_ms
            && at_ms <= self.now_ms()
        {
            let why = format!("it was to take effect from {}, which is over: propose it again", instant(at_ms));
            return Err(FlowError::Conflict(why));
        }
        let plan = self.plan(&running.row.id, files, effective).await?;
        if plan.refused.is_empty() { Ok(()) } else { Err(FlowError::Conflict(plan.refused.join("; "))) }
    }

    /// Ends what is proposed with this content. Anybody may, its author too.
    pub async fn reject(&self, campaign: &str, hash: &str, by: &str, why: &str) -> Result<ProposalView> {
        if why.trim().is_empty() {
            return Err(FlowError::Invalid("say why (`why`): it is recorded".into()));
        }
        let running = self.campaign(campaign)?;
        let mut open = self.open_proposal(&running, hash).await?;
        let end = ProposalEnd { by: by.into(), why: why.into(), at_ms: self.now_ms(), release: None };
        let mut transaction = self.store.begin(running.row.campaign).await?;
        if !transaction.proposals().await?.iter().any(|p| p.number == open.number && p.state == ProposalState::Open) {
            return Err(FlowError::Conflict(format!("proposal {} has ended", open.number)));
        }
        transaction.end_proposal(open.number, ProposalState::Rejected, &end).await?;
        self.note(&mut *transaction, &json!({ "proposal": open.number, "hash": hash, "rejected_by": by, "why": why })).await?;
        transaction.commit().await?;
        (open.state, open.end) = (ProposalState::Rejected, Some(end));
        Ok(proposal_view(&open, &self.store.approvals(running.row.campaign).await?))
    }

    /// Every proposal, the newest first.
    pub async fn proposals(&self, campaign: &str) -> Result<Vec<ProposalView>> {
        let running = self.campaign(campaign)?;
        let approvals = self.store.approvals(running.row.campaign).await?;
        let all = self.store.proposals(running.row.campaign).await?;
        Ok(all.iter().rev().map(|row| proposal_view(row, &approvals)).collect())
    }

    /// The newest proposal with this content, and its plan as it was proposed.
    pub async fn proposal(&self, campaign: &str, hash: &str) -> Result<Proposed> {
        let running = self.campaign(campaign)?;
        let found = self.store.proposals(running.row.campaign).await?.into_iter().rev().find(|p| p.hash == hash);
        let row = found.ok_or_else(|| FlowError::NotFound(format!("nothing with the hash {hash} was proposed")))?;
        let plan = serde_json::from_str(&row.plan).map_err(|e| FlowError::Internal(format!("a stored plan: {e}")))?;
        let approvals = self.store.approvals(running.row.campaign).await?;
        Ok(Proposed { proposal: Some(proposal_view(&row, &approvals)), release: None, plan })
    }

    /// Compiles what is proposed, so that it is ready on this host when it is approved.
    pub(super) async fn prepare_proposed(&self, running: &Running) -> Result<()> {
        let Some(open) = self.store.proposals(running.row.campaign).await?.into_iter().find(|p| p.state == ProposalState::Open) else {
            return Ok(());
        };
        let Content { hash } = serde_json::from_str(&open.plan).map_err(|e| FlowError::Internal(format!("a stored plan: {e}")))?;
        if self.compiled.knows(&hash) {
            return Ok(());
        }
        let files = self.proposed_files(running, open.number).await?;
        self.compile(open.base + 1, 0, &files, running.rules.load().names.clone()).await.map(drop)
    }

    async fn open_proposal(&self, running: &Running, hash: &str) -> Result<ProposalRow> {
        let open = self.store.proposals(running.row.campaign).await?.into_iter().find(|p| p.state == ProposalState::Open);
        match open {
            Some(open) if open.hash == hash => Ok(open),
            Some(open) => Err(FlowError::Conflict(format!(
                "what is proposed now is {} (proposal {}), not {hash}: look at it again",
                open.hash, open.number
            ))),
            None => Err(FlowError::NotFound(format!("nothing is proposed for campaign \"{}\"", running.row.id))),
        }
    }

    async fn proposed_files(&self, running: &Running, number: i32) -> Result<Files> {
        let packed = self.store.proposal_files(running.row.campaign, number).await?;
        let packed = packed.ok_or_else(|| FlowError::Internal(format!("proposal {number} has no files")))?;
        Ok(encode::unpack(&packed)?)
    }

    /// A journal line about releases.
    pub(super) async fn note(&self, transaction: &mut dyn Transaction, said: &Value) -> Result<()> {
        let mut book = Book::new(transaction.head().clone(), Vec::new());
        book.add_line(JournalKind::Release, None, None, self.now_ms(), said.to_string());
        Ok(transaction.write(&book.take_delta()).await?)
    }
}

/// In the order in which they approved.
fn approvers_of(proposal: &ProposalRow, approvals: &[ApprovalRow]) -> Vec<String> {
    approvals.iter().filter(|a| a.proposal == proposal.number).map(|a| a.approver.clone()).collect()
}

fn stale(was: &Base, is: &Base) -> FlowError {
    let what = match was.release == is.release {
        true => format!("proposal {} was made", is.proposal),
        false => format!("release {} came", is.release),
    };
    FlowError::Conflict(format!("the plan is stale: {what} since it was made: plan again"))
}

fn proposal_view(row: &ProposalRow, approvals: &[ApprovalRow]) -> ProposalView {
    let own = approvals.iter().filter(|a| a.proposal == row.number);
    ProposalView {
        number: row.number,
        hash: row.hash.clone(),
        state: row.state.name().to_string(),
        effective_from: row.effective.clone(),
        author: row.author.clone(),
        note: row.note.clone(),
        proposed_at: instant(row.at_ms),
        base_release: row.base,
        needs: row.needs,
        approvals: own.map(|a| ApprovalView { by: a.approver.clone(), note: a.note.clone(), at: instant(a.at_ms) }).collect(),
        release: row.end.as_ref().and_then(|end| end.release),
        ended_by: row.end.as_ref().map(|end| end.by.clone()),
        ended_why: row.end.as_ref().map(|end| end.why.clone()),
        ended_at: row.end.as_ref().map(|end| instant(end.at_ms)),
    }
}

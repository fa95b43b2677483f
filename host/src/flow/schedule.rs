//! What falls due by itself: cycles whose grace is over, corrections, waits that ended, grants that can be paid. Any
//! number of hosts may do it at the same time: each piece is idempotent and takes its own locks.

use super::error::Result;
use super::host::{Host, Running};
use crate::store::SettlementState;
use guerdon_rules::event::Key;
use std::sync::Arc;

/// Expired waits of one round.
const WAITS: i64 = 1000;

impl Host {
    /// Does once what is due now, campaign by campaign; one campaign's trouble is logged and stays its own.
    pub async fn run_due(self: &Arc<Self>) {
        if let Err(error) = self.serve_new().await {
            tracing::warn!(%error, "whether there are new campaigns could not be seen; it is tried again");
        }
        for running in self.campaigns() {
            if let Err(error) = self.run_due_of(&running).await {
                tracing::error!(campaign = %running.row.id, %error, "what is due could not be done; it is tried again");
            }
        }
        if let Err(error) = self.watch_stock().await {
            tracing::warn!(%error, "whether codes run low could not be seen; it is tried again");
        }
    }

    async fn run_due_of(self: &Arc<Self>, running: &Arc<Running>) -> Result<()> {
        self.sync(running).await?;
        if running.rules.load().releases.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.prepare_proposed(running).await {
            tracing::warn!(campaign = %running.row.id, %error, "what is proposed could not be made ready; it is compiled when it is approved");
        }
        self.beside(running);
        self.end_waits(running).await?;
        for cycle in self.due_cycles(running).await? {
            let report = self.settle(&running.row.id, cycle, false).await?;
            tracing::info!(campaign = %running.row.id, cycle, revision = report.revision, state = %report.state, members = report.members, "settled");
        }
        super::fallback::check(self, running);
        self.release_held(running).await?;
        Ok(())
    }

    /// Lets a shadow follow, on a task of its own: it may have much to catch up with.
    fn beside(self: &Arc<Self>, running: &Arc<Running>) {
        let (host, running) = (self.clone(), running.clone());
        tokio::spawn(async move {
            if let Err(error) = host.follow_shadow(&running).await {
                tracing::warn!(campaign = %running.row.id, %error, "the shadow could not follow; it is tried again");
            }
        });
    }

    /// Ended cycles that are open, and closed ones whose correction was planned at least one grace ago.
    async fn due_cycles(&self, running: &Running) -> Result<Vec<i32>> {
        let rules = running.rules.load_full();
        let calendar = &rules.newest()?.campaign.calendar;
        if !calendar.has_cycles() {
            return Ok(Vec::new());
        }
        let closed_through = self.store.head(running.row.campaign).await?.closed_through;
        let over = |ends_ms: i64| ends_ms.saturating_add(calendar.grace_ms()) <= self.now_ms();
        let mut due: Vec<i32> =
            calendar.cycles().iter().filter(|c| c.number > closed_through && over(c.ends_ms)).map(|c| c.number).collect();
        let unfinished = self.store.settlements(running.row.campaign).await?.into_iter().filter(|s| s.state != SettlementState::Done);
        due.extend(unfinished.map(|s| s.cycle));
        due.sort_unstable();
        due.dedup();
        Ok(due)
    }

    /// Decides again what waited too long: it is refused, with the reason.
    async fn end_waits(&self, running: &Running) -> Result<()> {
        let mut transaction = self.store.begin(running.row.campaign).await?;
        let mut expired: Vec<Key> = transaction.expired_waits(self.now_ms(), WAITS).await?.into_iter().map(|w| w.identity).collect();
        drop(transaction);
        expired.sort_unstable();
        expired.dedup();
        if expired.is_empty() { Ok(()) } else { self.decide_again(running, expired).await }
    }
}

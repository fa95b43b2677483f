//! Falling back: a release that fails at run time more often than its own policy bears makes way for what was in force
//! before it. The fallback is a release too, from the first instant of the failing one on, so that what failed under it
//! is decided when it is sent again; the journal says why. Each host counts what it has decided itself: events and members'
//! closes, each once, however often it is tried again. A settlement that has begun stays with its release.

use super::error::Result;
use super::host::{Host, Running};
use super::release::Signed;
use guerdon_rules::book::Answer;
use guerdon_rules::book::decide::Answered;
use guerdon_rules::book::prepare::Prepared;
use guerdon_rules::book::rows::Outcome;
use guerdon_rules::release::Release;
use serde_json::json;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

/// Failures of late, by release: when each was.
#[derive(Default)]
pub(super) struct Failures(Mutex<BTreeMap<i32, VecDeque<i64>>>);

impl Failures {
    /// Takes note of what failed just now. Only of releases that say when they fall back.
    pub fn note(&self, batch: &[Prepared], answers: &[Answer], now_ms: i64) {
        failed(batch, answers).for_each(|prepared| self.note_one(&prepared.release, now_ms));
    }

    /// Takes note of members whose close failed just now, for the first time.
    pub fn note_closes(&self, release: &Release, members: usize, now_ms: i64) {
        (0..members).for_each(|_| self.note_one(release, now_ms));
    }

    fn note_one(&self, release: &Release, now_ms: i64) {
        let Some(policy) = release.campaign.releases.fall_back else { return };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_release = all.entry(release.number).or_default();
        of_release.push_back(now_ms);
        // One more than it bears is all that has to be known.
        while of_release.len() > policy.failures as usize + 1 {
            of_release.pop_front();
        }
    }

    /// A release that has failed more often than it bears, each time it has done so once.
    fn take_due(&self, running: &Running, now_ms: i64) -> Option<i32> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.is_empty() {
            return None;
        }
        let rules = running.rules.load();
        let due = all.iter().find(|(number, failed)| {
            let policy = rules.releases.numbered(**number).and_then(|r| r.campaign.releases.fall_back);
            policy.is_some_and(|policy| {
                let since_ms = now_ms - i64::from(policy.seconds) * 1000;
                failed.len() > policy.failures as usize && failed.front().is_some_and(|first_ms| *first_ms >= since_ms)
            })
        });
        let number = *due?.0;
        all.remove(&number);
        Some(number)
    }
}

/// Events that failed now, under a release that may fall back.
fn failed<'b>(batch: &'b [Prepared], answers: &'b [Answer]) -> impl Iterator<Item = &'b Prepared> {
    let is_failure = |answer: &Answer| !answer.repeated && answer.outcome == Answered::Is(Outcome::Failed);
    let failures = batch.iter().zip(answers).filter(move |(_, answer)| is_failure(answer)).map(|(prepared, _)| prepared);
    failures.filter(|prepared| prepared.release.campaign.releases.fall_back.is_some())
}

/// Whether there is anything to take note of.
pub(super) fn counts(batch: &[Prepared], answers: &[Answer]) -> bool {
    failed(batch, answers).next().is_some()
}

/// Lets a release that fails too often make way, on a task of its own. To be called after each group and each settlement.
pub(super) fn check(host: &Arc<Host>, running: &Arc<Running>) {
    let Some(number) = running.failures.take_due(running, host.now_ms()) else { return };
    let (host, running) = (host.clone(), running.clone());
    tokio::spawn(async move {
        let campaign = &running.row.id;
        match host.fall_back(&running, number).await {
            Ok(Some(fallback)) => {
                tracing::error!(campaign, release = number, fallback, "a release failed too often: what was before it is in force again");
            }
            Ok(None) => {}
            Err(error) => tracing::error!(campaign, release = number, %error, "a release fails too often, and could not make way"),
        }
    });
}

impl Host {
    /// The number of the fallback; none where the release makes way already, or is one itself.
    async fn fall_back(&self, running: &Running, failing: i32) -> Result<Option<i32>> {
        loop {
            self.sync(running).await?;
            let rules = running.rules.load_full();
            let Some(release) = rules.releases.numbered(failing).cloned() else { return Ok(None) };
            let in_force = rules.releases.at(self.now_ms()).is_some_and(|r| r.number == failing);
            let (Some(before), Some(policy)) = (rules.before(&release), release.campaign.releases.fall_back) else { return Ok(None) };
            if !in_force || rules.copies.contains_key(&failing) {
                return Ok(None);
            }
            let target = rules.copies.get(&before.number).copied().unwrap_or(before.number);
            let why = format!("release {failing} failed more than {} times within {} seconds", policy.failures, policy.seconds);
            let signed = Signed { author: "fallback", note: &why, because: json!({ "fell_back_from": failing }) };
            let at_ms = [release.effective_from_ms];
            if let Some(added) = self.try_bring_back(running, &rules, target, &at_ms, &signed).await? {
                return Ok(added.first().map(|a| a.number));
            }
        }
    }
}

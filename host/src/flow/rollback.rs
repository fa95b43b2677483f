//! Going back: the content of an earlier release as a new one, at once. It was in force before, so that nobody has to be
//! asked; what was approved for later and has not decided yet was not. The policy in force stays that of the release that
//! is rolled back.

use super::effective::Effective;
use super::error::{FlowError, Result};
use super::host::{Host, Rules, Running};
use super::release::{Next, Signed};
use super::views::ReleaseAdded;
use crate::store::ReleaseRow;
use guerdon_rules::book::Book;
use guerdon_rules::book::prepare::Releases;
use guerdon_rules::release::Release;
use serde_json::Value;
use std::sync::Arc;

impl Host {
    /// Brings back release `to`, or what was in force before the newest release. A release that would take effect later
    /// is rolled back at that instant too. The releases that were added, one for each instant, in one commit. Fails when
    /// another release comes in between: whoever rolls back has not seen it.
    pub async fn rollback(&self, campaign: &str, to: Option<i32>, author: &str, note: &str) -> Result<Vec<ReleaseAdded>> {
        let running = self.campaign(campaign)?;
        self.sync(&running).await?;
        let rules = running.rules.load_full();
        let target = self.target(&running, &rules, to).await?;
        let instants = self.instants(&rules, target);
        if instants.is_empty() {
            let why = format!("the content of release {target} is what decides, now and later: there is nothing to roll back");
            return Err(FlowError::Conflict(why));
        }
        let signed = Signed { author, note, because: Value::Null };
        let added = self.try_bring_back(&running, &rules, target, &instants, &signed).await?;
        added.ok_or_else(|| FlowError::Conflict(format!("a release came after release {}: look at it first", rules.releases.len())))
    }

    /// The release whose content is wanted: one that is no copy, and that has been in force.
    async fn target(&self, running: &Running, rules: &Rules, to: Option<i32>) -> Result<i32> {
        let newest = rules.newest()?;
        let wanted = match to {
            Some(number) => rules
                .releases
                .numbered(number)
                .ok_or_else(|| FlowError::NotFound(format!("there is no release {number}: there are 1 to {}", rules.releases.len())))?,
            None if rules.copies.contains_key(&newest.number) => {
                let text = format!("release {} is a rollback already: say which release you want (`to`)", newest.number);
                return Err(FlowError::Conflict(text));
            }
            None => rules.before(newest).ok_or_else(|| FlowError::Conflict("there is no release before the first".into()))?,
        };
        let rows = self.store.releases(running.row.campaign, 0).await?;
        if !was_in_force(rules, &rows, self.now_ms()).iter().any(|release| release.hash == wanted.hash) {
            let why = "going back is for what was, and this would be new: propose it instead";
            return Err(FlowError::Conflict(format!("release {} has never been in force: {why}", wanted.number)));
        }
        Ok(rules.copies.get(&wanted.number).copied().unwrap_or(wanted.number))
    }

    /// Now, and where a later release would take effect; but not where the content is that of the target anyhow.
    fn instants(&self, rules: &Rules, target: i32) -> Vec<i64> {
        let now_ms = self.now_ms();
        let mut instants = vec![now_ms];
        instants.extend(rules.releases.iter().map(|r| r.effective_from_ms).filter(|at_ms| *at_ms > now_ms));
        instants.sort_unstable();
        instants.dedup();
        let hash = rules.releases.numbered(target).map(|r| &r.hash);
        instants.retain(|at_ms| rules.releases.at(*at_ms).map(|r| &r.hash) != hash);
        instants
    }

    /// All in one commit. None: a release was added in between.
    pub(super) async fn try_bring_back(
        &self,
        running: &Running,
        rules: &Rules,
        target: i32,
        instants: &[i64],
        signed: &Signed<'_>,
    ) -> Result<Option<Vec<ReleaseAdded>>> {
        let files = self.release_files(running, target).await?;
        let mut all = Vec::new();
        for (at_ms, number) in instants.iter().zip(rules.releases.len() as i32 + 1..) {
            // Its own content was checked when it was added; what came since cannot have changed the calendar. The
            // dictionary has all its names.
            let mut next: Next = self.next_release(rules, &files, Effective::At(*at_ms), Some(target)).await?;
            next.release.number = number;
            all.push(next);
        }
        let mut transaction = self.store.begin(running.row.campaign).await?;
        if transaction.head().releases as usize != rules.releases.len() {
            return Ok(None);
        }
        let mut book = Book::new(transaction.head().clone(), Vec::new());
        for next in &all {
            self.write_release(&mut *transaction, &mut book, next, signed).await?;
        }
        transaction.commit().await?;
        self.sync(running).await?;
        Ok(Some(all.iter().map(Next::added).collect()))
    }
}

/// Every release that was in force at some instant until now, among those that were there by then: what is overtaken, or
/// rolled back, before its first instant has not been.
fn was_in_force(rules: &Rules, rows: &[ReleaseRow], now_ms: i64) -> Vec<Arc<Release>> {
    let mut found = Vec::new();
    for (index, row) in rows.iter().enumerate().take(rules.releases.len()) {
        let known = Releases::new(rules.releases.iter().take(index + 1).cloned().collect());
        let until_ms = rows.get(index + 1).map_or(now_ms, |next| next.at_ms);
        let begun = known.iter().map(|r| r.effective_from_ms).filter(|at_ms| (row.at_ms..=until_ms).contains(at_ms));
        found.extend(begun.chain([row.at_ms]).filter_map(|at_ms| known.at(at_ms).cloned()));
    }
    found
}

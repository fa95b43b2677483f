//! Going back: the content of an earlier release as a new one, at once. It was live before, so that nobody has to be
//! asked; the policy in force stays that of the release that is rolled back.

use super::effective::Effective;
use super::error::{FlowError, Result};
use super::host::{Host, Rules, Running};
use super::release::{Next, Signed};
use super::views::ReleaseAdded;
use serde_json::Value;

impl Host {
    /// Brings back release `to`, or what was in force before the newest release. A release that would take effect later
    /// is rolled back at that instant too. The releases that were added, one for each instant.
    pub async fn rollback(&self, campaign: &str, to: Option<i32>, author: &str, note: &str) -> Result<Vec<ReleaseAdded>> {
        let running = self.campaign(campaign)?;
        loop {
            self.sync(&running).await?;
            let rules = running.rules.load_full();
            let target = self.target(&rules, to)?;
            let instants = self.instants(&rules, target);
            if instants.is_empty() {
                let why = format!("the content of release {target} is what decides, now and later: there is nothing to roll back");
                return Err(FlowError::Conflict(why));
            }
            let signed = Signed { author, note, because: Value::Null };
            if let Some(added) = self.try_bring_back(&running, &rules, target, &instants, &signed).await? {
                self.sync(&running).await?;
                return Ok(added);
            }
        }
    }

    /// The release whose content is wanted: one that is no copy.
    fn target(&self, rules: &Rules, to: Option<i32>) -> Result<i32> {
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

    /// None: another host added a release in between.
    pub(super) async fn try_bring_back(
        &self,
        running: &Running,
        rules: &Rules,
        target: i32,
        instants: &[i64],
        signed: &Signed<'_>,
    ) -> Result<Option<Vec<ReleaseAdded>>> {
        let files = self.release_files(running, target).await?;
        let mut added = Vec::new();
        for at_ms in instants {
            // Its own content was checked when it was added; what came since cannot have changed the calendar.
            let next: Next = self.next_release(&running.rules.load_full(), &files, Effective::At(*at_ms), Some(target)).await?;
            let mut transaction = self.store.begin(running.row.campaign).await?;
            if transaction.head().releases + 1 != next.release.number
                || (added.is_empty() && rules.releases.len() + 1 != next.release.number as usize)
            {
                return Ok(None);
            }
            self.write_release(&mut *transaction, &next, signed).await?;
            transaction.commit().await?;
            added.push(next.added());
            self.sync(running).await?;
        }
        Ok(Some(added))
    }
}

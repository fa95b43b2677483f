//! Stock that runs low: `low_stock` of campaign.toml. Looked at by the scheduler, off the way of events. Promises: each time
//! a pool comes down to what a release in force names, this host warns once, and again only after it was above it.
//! Must not know: who reads the log.

use super::error::Result;
use super::host::Host;
use super::views::PoolView;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// Pools that this host has warned of and that did not recover since.
#[derive(Default)]
pub struct Low(Mutex<BTreeSet<String>>);

impl Low {
    /// Those of the pools that were not low before; forgets those that recovered.
    fn newly<'p>(&self, pools: &'p [PoolView]) -> Vec<&'p PoolView> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|name| pools.iter().any(|pool| pool.pool == *name && pool.low));
        pools.iter().filter(|pool| pool.low && told.insert(pool.pool.clone())).collect()
    }
}

impl Host {
    /// Warns of pools that have run low since it was last asked, and names them.
    pub async fn watch_stock(&self) -> Result<Vec<String>> {
        if self.low_marks().is_empty() {
            return Ok(Vec::new());
        }
        let pools = self.pools().await?;
        let newly = self.low.newly(&pools);
        for pool in &newly {
            tracing::warn!(
                pool = pool.pool,
                available = pool.available,
                owed = pool.owed,
                low_stock = pool.low_stock,
                "codes run low: import more with `guerdon codes import`"
            );
        }
        Ok(newly.into_iter().map(|pool| pool.pool.clone()).collect())
    }

    /// By pool, below or at how many codes somebody wants to know: the highest of the releases in force that name it.
    pub(super) fn low_marks(&self) -> BTreeMap<String, i64> {
        let mut marks = BTreeMap::new();
        for running in self.campaigns() {
            let rules = running.rules.load();
            let Some(release) = rules.releases.at(self.now_ms()) else { continue };
            for reward in &release.campaign.rewards {
                if let (Some(pool), Some(low)) = (&reward.pool, reward.low_stock) {
                    let mark = marks.entry(pool.to_string()).or_insert(low);
                    *mark = low.max(*mark);
                }
            }
        }
        marks
    }
}

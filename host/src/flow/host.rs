//! The host: the campaigns that it serves, each with its lane, and everything they share.

use super::compiled::Compiled;
use super::error::{FlowError, Result};
use super::fallback::Failures;
use super::lane::Lane;
use super::leaderboard::Leaderboards;
use super::seal::Sealer;
use super::shadow::Beside;
use super::stock::Low;
use crate::clock::Clock;
use crate::store::{CampaignRow, Store};
use arc_swap::ArcSwap;
use guerdon_rules::book::prepare::Releases;
use guerdon_rules::campaign::policy::Policy;
use guerdon_rules::language::Runtime;
use guerdon_rules::names::Names;
use guerdon_rules::release::Release;
use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

/// What an operator may set for flows.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Events that may wait in a campaign's queue; more are answered with 503.
    pub queue_events: usize,
    /// The most events of one commit.
    pub group_events: usize,
    /// Members of one settlement page.
    pub settle_page: i64,
    /// How long a settler may go without a commit before another takes over.
    pub lease_seconds: i64,
    /// This host, in leases.
    pub name: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { queue_events: 16_384, group_events: 1024, settle_page: 1800, lease_seconds: 30, name: own_name() }
    }
}

/// In a container every host is process 1: its number alone would let one host hold another one's leases.
fn own_name() -> String {
    let mut random = [0; 4];
    // Without random numbers no campaign can be made either; that says so.
    let _ = getrandom::fill(&mut random);
    format!("host-{}-{:08x}", std::process::id(), u32::from_be_bytes(random))
}

/// See the module. Cheap to share.
pub struct Host {
    pub store: Arc<dyn Store>,
    pub clock: Arc<dyn Clock>,
    pub runtime: Runtime,
    pub sealer: Arc<Sealer>,
    pub settings: Settings,
    pub(super) compiled: Arc<Compiled>,
    pub(super) low: Low,
    campaigns: RwLock<BTreeMap<String, Arc<Running>>>,
}

/// A campaign that this host serves.
pub struct Running {
    pub row: CampaignRow,
    /// Releases and the dictionary that they are bound to; replaced as a whole when a release is added.
    pub rules: ArcSwap<Rules>,
    pub lane: Lane,
    pub leaderboards: Leaderboards,
    pub(super) failures: Failures,
    pub(super) shadow: tokio::sync::Mutex<Option<Beside>>,
}

/// What a campaign decides with.
#[derive(Default)]
pub struct Rules {
    pub releases: Releases,
    pub names: Names,
    /// Releases that bring back the content of an earlier one: number by number.
    pub copies: BTreeMap<i32, i32>,
    /// Every pool that any release names, sorted.
    pools: Vec<Arc<str>>,
}

impl Rules {
    pub fn new(releases: Releases, names: Names, copies: BTreeMap<i32, i32>) -> Rules {
        let rewards = releases.iter().flat_map(|r| r.campaign.rewards.iter());
        let pools: std::collections::BTreeSet<Arc<str>> = rewards.filter_map(|r| r.pool.clone()).collect();
        Rules { pools: pools.into_iter().collect(), releases, names, copies }
    }
    pub fn pool_names(&self) -> Vec<&str> {
        self.pools.iter().map(|p| &**p).collect()
    }
    /// The newest release; a campaign that is served has one, unless it was made a moment ago.
    pub fn newest(&self) -> Result<&Arc<Release>> {
        self.releases.newest().ok_or_else(|| FlowError::NotFound("the campaign has no release yet".into()))
    }
    /// What a change must have now: the policy of the release in force. A rollback keeps the policy of the release that
    /// it rolled back, so that nobody gets rid of a policy by going back to before there was one.
    pub fn policy(&self, now_ms: i64) -> Policy {
        let mut in_force = self.releases.at(now_ms);
        while let Some(release) = in_force.filter(|r| self.copies.contains_key(&r.number)) {
            in_force = self.before(release);
        }
        in_force.map(|r| r.campaign.releases.clone()).unwrap_or_default()
    }
    /// What was in force at a release's first instant before it was added.
    pub fn before(&self, release: &Release) -> Option<&Arc<Release>> {
        let earlier = self.releases.iter().filter(|r| r.number < release.number && r.effective_from_ms <= release.effective_from_ms);
        earlier.max_by_key(|r| (r.effective_from_ms, r.number)).or_else(|| self.releases.iter().find(|r| r.number < release.number))
    }
}

impl Host {
    /// Opens a host on a store and loads every campaign that is there.
    pub async fn open(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        runtime: Runtime,
        sealer: Arc<Sealer>,
        settings: Settings,
    ) -> Result<Arc<Host>> {
        let (compiled, low, campaigns) = (Arc::default(), Low::default(), RwLock::default());
        let host = Arc::new(Host { store, clock, runtime, sealer, settings, compiled, low, campaigns });
        host.check_code_keys().await?;
        for row in host.released().await? {
            host.serve(row).await?;
        }
        Ok(host)
    }

    /// Campaigns of the store that have a release.
    async fn released(&self) -> Result<impl Iterator<Item = CampaignRow>> {
        Ok(self.store.campaigns().await?.into_iter().filter(|row| row.releases > 0))
    }

    /// Starts to serve what other hosts have made since.
    pub async fn serve_new(self: &Arc<Self>) -> Result<()> {
        for row in self.released().await? {
            let id = row.id.clone();
            if let Err(error) = self.serve(row).await {
                tracing::error!(campaign = %id, %error, "a new campaign cannot be served; it is tried again");
            }
        }
        Ok(())
    }

    /// With another key this host could open no code, and would take a code that is there for a new one.
    async fn check_code_keys(&self) -> Result<()> {
        for (number, proof) in self.sealer.proofs() {
            if !self.store.code_key_proof(number, proof).await? {
                return Err(FlowError::Invalid(format!(
                    "code key {number} is not the one that this database was used with: give this host the same key file as the others"
                )));
            }
        }
        Ok(())
    }

    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// A campaign that has at least one release.
    pub fn campaign(&self, id: &str) -> Result<Arc<Running>> {
        let campaigns = self.campaigns.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        campaigns.get(id).cloned().ok_or_else(|| FlowError::NotFound(format!("there is no campaign \"{id}\"")))
    }

    pub fn campaigns(&self) -> Vec<Arc<Running>> {
        let campaigns = self.campaigns.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        campaigns.values().cloned().collect()
    }

    /// Starts to serve a campaign, or gives the one that is served.
    pub(super) async fn serve(self: &Arc<Self>, row: CampaignRow) -> Result<Arc<Running>> {
        if let Ok(running) = self.campaign(&row.id) {
            return Ok(running);
        }
        let running = Arc::new_cyclic(|running| Running {
            lane: Lane::start(self, running.clone()),
            leaderboards: Leaderboards::default(),
            failures: Failures::default(),
            shadow: tokio::sync::Mutex::default(),
            rules: ArcSwap::default(),
            row: row.clone(),
        });
        self.sync(&running).await?;
        let mut campaigns = self.campaigns.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(campaigns.entry(row.id).or_insert(running).clone())
    }

    /// Takes no new events, and returns when every accepted one is committed and answered.
    pub async fn shutdown(&self) {
        for running in self.campaigns() {
            running.lane.finish().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_hosts_have_one_name() {
        let (one, other) = (Settings::default().name, Settings::default().name);
        assert!(one != other && one.starts_with(&format!("host-{}-", std::process::id())), "{one} {other}");
    }
}

//! `guerdon demo`: the campaign that went wrong in 2020, played again against the real host over HTTP, the way it was
//! done then: every event delivered three times by overlapping workers, both settlements run twice at the same time,
//! the reward changed in between. Promises: nothing here has a way around the API; what it prints was read back from the
//! host. Must not know: SQL, how a flow does what it is asked.

mod campaign;
mod client;
mod report;
mod traffic;

pub use report::{Report, table};

use crate::clock::SetClock;
use crate::flow::seal::Sealer;
use crate::flow::{FlowError, Host, Settings};
use crate::http::{self, Access};
use crate::store::{self, Options};
use client::Client;
use guerdon_rules::campaign::calendar::Cycle;
use guerdon_rules::language::Runtime;
use indicatif::ProgressBar;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The seed of the recording: another one gives other members, and the same 736 accounts.
pub const SEED: u64 = 2020;
/// How often every event is delivered.
const DELIVERIES: usize = 3;

pub type Result<T> = std::result::Result<T, String>;

/// The host of a demo, and what is known of it.
pub struct Demo {
    pub address: SocketAddr,
    host: Arc<Host>,
    clock: Arc<SetClock>,
    client: Client,
    stopping: CancellationToken,
    server: JoinHandle<std::io::Result<()>>,
}

impl Demo {
    /// Starts a real host on a free loopback port. `database` is a URL, or the path of a SQLite file.
    pub async fn start(database: &str, data: &Path, runtime: Runtime) -> Result<Demo> {
        let told = |what: &str, error: &dyn std::fmt::Display| format!("{what}: {error}");
        let store = store::open(database, &Options::default()).await.map_err(|e| told("the database", &e))?;
        let clock = Arc::new(SetClock::at(guerdon_rules::simulate::recorded::STARTS_MS));
        let sealer = Arc::new(Sealer::from_file(&data.join("demo.key")).map_err(|e| told("the code key", &e))?);
        let host = Host::open(store, clock.clone(), runtime, sealer, Settings::default()).await.map_err(|e| told("the host", &e))?;
        if host.campaign(campaign::ID).is_ok() {
            return Err(format!("this database has a campaign \"{}\" already: the demo needs an empty one", campaign::ID));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|e| told("a loopback port", &e))?;
        let address = listener.local_addr().map_err(|e| told("a loopback port", &e))?;
        let stopping = CancellationToken::new();
        let options = http::Options { access: Access::ThisMachine, limits: http::Limits::default() };
        let server = tokio::spawn(http::serve(listener, host.clone(), options, stopping.clone().cancelled_owned()));
        Ok(Demo { client: Client::new(address)?, address, host, clock, stopping, server })
    }

    /// Plays both weeks and reads back what happened.
    pub async fn play(&self, progress: &ProgressBar) -> Result<Report> {
        let first = campaign::first();
        self.add_release(first, None, "1 × 100 yuan for every 1000 points").await?;
        self.import("jd-20", "A", 0..300).await?;
        self.import("jd-100", "H", 0..200).await?;
        let weeks = self.weeks()?;
        let recorded = traffic::weeks(SEED, weeks[0].ends_ms);
        progress.set_length((recorded.iter().map(Vec::len).sum::<usize>() * DELIVERIES) as u64);

        let mut traffic = traffic::Traffic::default();
        self.clock.set(weeks[0].ends_ms + HOURS_2_MS);
        traffic.add(traffic::deliver(&self.client, &recorded[0], DELIVERIES, progress).await?);
        // Stock has run out by now: what is owed is kept, and filled oldest first when cards arrive.
        let owed_before_stock = self.owed().await?;
        self.import("jd-20", "B", 0..2000).await?;

        // The change of 16 September: a file, and an instant from which it holds.
        self.add_release(campaign::second(), Some(weeks[1].starts_ms), "5 × 20 yuan instead").await?;
        let first_close = self.settle_twice(1).await?;
        self.clock.set(weeks[1].ends_ms + HOURS_2_MS);
        traffic.add(traffic::deliver(&self.client, &recorded[1], DELIVERIES, progress).await?);
        let second_close = self.settle_twice(2).await?;
        // Late events of the first week left a correction due.
        let correction = self.settle_twice(1).await?;
        report::read(self, &traffic, owed_before_stock, &[first_close, second_close, correction]).await
    }

    /// Stops the server in good order.
    pub async fn stop(self) -> Result<()> {
        self.stopping.cancel();
        self.server.await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())
    }

    /// `sqlite` or `postgres`.
    pub fn backend(&self) -> &'static str {
        self.host.store.backend()
    }

    async fn add_release(&self, files: campaign::Texts, effective_from_ms: Option<i64>, note: &str) -> Result<()> {
        let effective_from = effective_from_ms.map(crate::flow::instant);
        let body = serde_json::json!({ "files": files, "effective_from": effective_from, "note": note });
        self.client.post("/v1/releases", &body).await.map(drop)
    }

    async fn import(&self, pool: &str, prefix: &str, numbers: std::ops::Range<u32>) -> Result<()> {
        let lines: Vec<String> = numbers.map(|n| format!("DEMO-{pool}-{prefix}{n:06}")).collect();
        self.client.post_text(&format!("/v1/pools/{pool}/codes"), "text/csv", lines.join("\n")).await.map(drop)
    }

    /// Two settlements of one cycle at the same time: one does it, the other must find it done.
    async fn settle_twice(&self, cycle: i32) -> Result<[serde_json::Value; 2]> {
        let path = format!("/v1/campaigns/{}/cycles/{cycle}/settle", campaign::ID);
        let body = serde_json::json!({});
        let (one, other) = tokio::join!(self.client.post(&path, &body), self.client.post(&path, &body));
        Ok([one?, other?])
    }

    async fn owed(&self) -> Result<i64> {
        let pools = self.client.get("/v1/pools").await?;
        let list = pools.as_array().or_else(|| pools["pools"].as_array()).cloned().unwrap_or_default();
        Ok(list.iter().filter_map(|p| p["owed"].as_i64()).sum())
    }

    fn weeks(&self) -> Result<Vec<Cycle>> {
        let told = |e: FlowError| e.to_string();
        let running = self.host.campaign(campaign::ID).map_err(told)?;
        let rules = running.rules.load_full();
        Ok(rules.newest().map_err(told)?.campaign.calendar.cycles().to_vec())
    }
}

const HOURS_2_MS: i64 = 2 * 3_600_000;

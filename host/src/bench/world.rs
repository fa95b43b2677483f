//! A host with a campaign to measure: the learning race with a budget that lasts, members who did something before, and
//! codes. Promises: what is there before was decided by the book, so that an audit finds it right. Must not know: SQL.

use super::{BenchError, Progress, Result, client, stream};
use crate::clock::SetClock;
use crate::flow::host::Running;
use crate::flow::seal::Sealer;
use crate::flow::{Host, Settings};
use crate::http::{self, Access};
use crate::store::Store;
use guerdon_rules::book::Book;
use guerdon_rules::book::prepare::{Prepared, Releases, prepare};
use guerdon_rules::book::rows::{Delta, Members};
use guerdon_rules::event::{Event, Key};
use guerdon_rules::language::{Files, Runtime};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

pub const CAMPAIGN: &str = "learning-race";
/// Events of one request.
pub const BATCH: u64 = 100;
/// Members that one commit makes.
const CHUNK: u64 = 5000;

pub struct World {
    pub host: Arc<Host>,
    pub running: Arc<Running>,
    pub members: u64,
    pub clock: Arc<SetClock>,
    listening: OnceCell<SocketAddr>,
    dropped: CancellationToken,
}

impl Drop for World {
    fn drop(&mut self) {
        self.dropped.cancel();
    }
}

/// The learning race, with a budget that no measurement uses up.
pub fn files() -> Files {
    let manifest = include_str!("../../../campaigns/learning-race/campaign.toml").replace("50000.00 CNY", "5000000000.00 CNY");
    let rules = include_str!("../../../campaigns/learning-race/rules.rhai");
    [("campaign.toml", manifest.into_bytes()), ("rules.rhai", rules.into())].map(|(name, bytes)| (name.to_string(), bytes.into())).into()
}

/// As `files`, with a card for each [`stream::WINNING_POINTS`], and no limit that a popular member could reach.
fn measured_files() -> Files {
    let replaced = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        let text = text.replace("/ 1000)", &format!("/ {})", stream::WINNING_POINTS));
        text.replace("per_member_per_cycle = 100\n", "per_member_per_cycle = 1000000000\n")
    };
    files().into_iter().map(|(name, bytes)| (name, replaced(&bytes).into_bytes().into())).collect()
}

impl World {
    pub async fn open(store: Arc<dyn Store>, runtime: &Runtime, members: u64, codes: u64, progress: Progress<'_>) -> Result<World> {
        let world = World::again(store, runtime, Arc::new(SetClock::at(stream::NOW_MS)), members).await?;
        world.import("jd-20", codes, progress).await?;
        for first in (0..members).step_by(CHUNK as usize) {
            world.preload(first, members.min(first + CHUNK)).await?;
            progress("members", first, members);
        }
        Ok(world)
    }

    /// Another host on the same database.
    pub async fn again(store: Arc<dyn Store>, runtime: &Runtime, clock: Arc<SetClock>, members: u64) -> Result<World> {
        let sealer = Arc::new(Sealer::from_text(&"5a".repeat(32))?);
        let host = Host::open(store, clock.clone(), runtime.clone(), sealer, Settings::default()).await?;
        host.add_release(measured_files(), None, "bench", "measured").await?;
        let running = host.campaign(CAMPAIGN)?;
        Ok(World { host, running, members, clock, listening: OnceCell::new(), dropped: CancellationToken::new() })
    }

    pub async fn import(&self, pool: &str, codes: u64, progress: Progress<'_>) -> Result<()> {
        let lines = (1..=codes).map(|n| (n, Ok(format!("bench-{pool}-{n:012}"))));
        self.host.import_codes(pool, lines, |done| progress("codes", done, codes)).await?;
        Ok(())
    }

    /// Members with a lesson each, decided by the book. Nothing of them can be in the database, so nothing is looked up.
    async fn preload(&self, first: u64, end: u64) -> Result<()> {
        let rules = self.running.rules.load_full();
        let batch = prepared((first..end).map(stream::before), &rules.releases)?;
        let mut open = self.host.store.begin(self.running.row.campaign).await?;
        let pools = open.pools(&rules.pool_names()).await?;
        let mut book = Book::new(open.head().clone(), pools);
        let identities: Vec<Key> = batch.iter().map(|p| p.identity).collect();
        book.load_events(&identities, Vec::new());
        book.load_members(&book.member_gaps(&batch).ids, Members::default());
        let gaps = book.row_gaps(&batch);
        book.load_cycles(&gaps.cycles, open.cycles(&gaps.cycles).await?);
        book.load_claims(&gaps.claims, Vec::new());
        book.load_standings(&gaps.standings, Vec::new());
        let mut delta = decide(&mut book, &batch)?;
        for member in &mut delta.new_members {
            // Numbers count from 1.
            member.inviter = stream::inviter_among(member.number.unsigned_abs() - 1, self.members).map(|index| index as i64 + 1);
        }
        open.write(&delta).await?;
        Ok(open.commit().await?)
    }

    /// A book with all that these events touch, for deltas that are made before they are written.
    pub async fn load(&self, batch: &[Prepared]) -> Result<Book> {
        let rules = self.running.rules.load_full();
        let mut open = self.host.store.begin(self.running.row.campaign).await?;
        let pools = open.pools(&rules.pool_names()).await?;
        let mut book = Book::new(open.head().clone(), pools);
        let identities: Vec<Key> = batch.iter().map(|p| p.identity).collect();
        book.load_events(&identities, Vec::new());
        loop {
            let gaps = book.member_gaps(batch);
            if gaps.is_empty() {
                break;
            }
            for ids in gaps.ids.chunks(CHUNK as usize) {
                book.load_members(ids, open.members(ids).await?);
            }
            for numbers in gaps.numbers.chunks(CHUNK as usize) {
                book.load_members(&[], open.members_by_number(numbers).await?);
            }
        }
        let gaps = book.row_gaps(batch);
        book.load_cycles(&gaps.cycles, open.cycles(&gaps.cycles).await?);
        for standings in gaps.standings.chunks(CHUNK as usize) {
            book.load_standings(standings, open.standings(standings).await?);
        }
        book.load_claims(&gaps.claims, Vec::new());
        Ok(book)
    }

    /// Requests of [`BATCH`] events each.
    pub fn batches(&self, first: u64, events: u64, event: impl Fn(u64, u64) -> String) -> Arc<Vec<Vec<u8>>> {
        let batch = |first: u64| {
            let events: Vec<String> = (first..first + BATCH).map(|n| event(n, self.members)).collect();
            client::post(&path(), "application/cloudevents-batch+json", &format!("[{}]", events.join(",")))
        };
        Arc::new((first..first + events).step_by(BATCH as usize).map(batch).collect())
    }

    /// Requests of one event each.
    pub fn singles(&self, first: u64, events: u64) -> Arc<Vec<Vec<u8>>> {
        let single = |n: u64| client::post(&path(), "application/cloudevents+json", &stream::event(n, self.members));
        Arc::new((first..first + events).map(single).collect())
    }

    /// Where the host listens: from the first call on, until this world is dropped. It is never stopped in between, because
    /// a host that was stopped takes no more events.
    pub async fn serve(&self) -> Result<SocketAddr> {
        let listening = async {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
            let address = listener.local_addr()?;
            let options = http::Options { access: Access::ThisMachine, limits: http::Limits::default() };
            let stopped = self.dropped.child_token().cancelled_owned();
            tokio::spawn(http::serve(listener, self.host.clone(), options, stopped));
            Ok(address)
        };
        self.listening.get_or_try_init(|| listening).await.copied()
    }

    /// Fails when the books, the ledger and the cards do not agree.
    pub async fn audit(&self) -> Result<()> {
        let report = self.host.audit(CAMPAIGN).await?;
        if report.is_clean() {
            return Ok(());
        }
        let found = report.postings_sum_mismatches.iter().chain(&report.grant_mismatches).take(3).cloned().collect::<Vec<_>>();
        Err(BenchError::Wrong(format!("the audit afterwards is not clean: {}", found.join("; "))))
    }
}

fn path() -> String {
    format!("/v1/campaigns/{CAMPAIGN}/events")
}

/// Events, read as a host reads them.
pub fn prepared(events: impl Iterator<Item = String>, releases: &Releases) -> Result<Vec<Prepared>> {
    let read = |text: String| {
        let event = Event::from_json(&text).map_err(BenchError::Wrong)?;
        prepare(event, releases, stream::NOW_MS).ok_or_else(|| BenchError::Wrong("the campaign has no release".into()))
    };
    events.map(read).collect()
}

/// Decides events that must all be booked.
pub fn decide(book: &mut Book, batch: &[Prepared]) -> Result<Delta> {
    for prepared in batch {
        let answer = book.apply(prepared).map_err(|_| BenchError::Wrong("an event's rows were not all loaded".into()))?;
        if answer.outcome.name() != "booked" {
            return Err(BenchError::Wrong(format!("{} is {}: {:?}", prepared.event.id, answer.outcome.name(), answer.reason)));
        }
    }
    Ok(book.take_delta())
}

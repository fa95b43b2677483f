//! A campaign's lane: the one task of this host that decides its events, and closes the members of its settlements. It
//! commits in groups: an idle lane commits at once, a busy one what has arrived, up to a bound. Callers are answered
//! after the commit; a caller that leaves changes nothing, because the transaction belongs to the lane.

use super::desk;
use super::error::{FlowError, Result};
use super::group::{Group, Item, Message, Received, Work, reply};
use super::host::{Host, Rules, Running};
use super::page::{Done as PageDone, Page};
use super::prefetch::{self, Known};
use super::views::EventResult;
use crate::store::{SettlementRow, StoreError, Transaction};
use guerdon_rules::book::prepare::{Prepared, prepare_again};
use guerdon_rules::book::rows::{Delta, Head, ISSUE};
use guerdon_rules::book::{Answer, Book};
use guerdon_rules::event::{Event, Key};
use smol_str::SmolStr;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{Semaphore, TryAcquireError, mpsc, oneshot};

/// Deciding may take this long for each group; the rest goes to the next one.
const DECIDE_MS: u64 = 100;
/// A commit that the database refuses for a passing reason is tried this often.
const TRIES: u32 = 8;
/// Evaluations in a row that ran into the deadline before the campaign is held.
const DEADLINES_TO_HOLD: u32 = 3;
/// How long it is held.
const HOLD_MS: i64 = 30_000;

/// See the module.
pub struct Lane {
    sender: mpsc::UnboundedSender<Message>,
    room: Arc<Semaphore>,
    /// All of `room`.
    room_events: u32,
}

impl Lane {
    pub(super) fn start(host: &Arc<Host>, running: Weak<Running>) -> Lane {
        // Bounded by `room`, which counts events instead of messages.
        let (sender, receiver) = mpsc::unbounded_channel();
        let room_events = u32::try_from(host.settings.queue_events).unwrap_or(u32::MAX).max(1);
        tokio::spawn(desk::run(Arc::downgrade(host), running, receiver));
        Lane { sender, room: Arc::new(Semaphore::new(room_events as usize)), room_events }
    }

    async fn send(&self, items: Vec<Item>) -> Result<Vec<Answer>> {
        let count = u32::try_from(items.len()).unwrap_or(u32::MAX).min(self.room_events);
        let busy = || FlowError::Busy { reason: "the campaign's queue is full".into(), retry_after_seconds: 1 };
        let room = self.room.clone().try_acquire_many_owned(count).map_err(|error| match error {
            TryAcquireError::Closed => stopped(),
            TryAcquireError::NoPermits => busy(),
        })?;
        let (reply, answer) = oneshot::channel();
        self.sender.send(Message::Work(Work { items, reply, _room: room })).map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Closes members of a settlement, when those events are decided that came before.
    pub(super) async fn close(&self, page: Page, answer: oneshot::Receiver<Result<PageDone>>) -> Result<PageDone> {
        let _room = self.room.clone().acquire_owned().await.map_err(|_| stopped())?;
        self.sender.send(Message::Page(Box::new(page))).map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    /// Events that were sent and are not answered.
    pub(super) fn unanswered(&self) -> usize {
        (self.room_events as usize).saturating_sub(self.room.available_permits())
    }

    /// Takes nothing more, and returns when everything accepted is answered.
    pub(super) async fn finish(&self) {
        if let Ok(all) = self.room.clone().acquire_many_owned(self.room_events).await {
            self.room.close();
            drop(all);
        }
    }
}

fn stopped() -> FlowError {
    FlowError::Busy { reason: "this host is shutting down".into(), retry_after_seconds: 5 }
}

impl Host {
    /// Decides events of a campaign, in this order, and answers each after its commit.
    pub async fn submit(&self, campaign: &str, events: Vec<Event>) -> Result<Vec<EventResult>> {
        let running = self.campaign(campaign)?;
        let mut results = Vec::with_capacity(events.len());
        let mut events = VecDeque::from(events);
        while !events.is_empty() {
            let chunk: Vec<Event> = events.drain(..events.len().min(self.settings.group_events)).collect();
            let names: Vec<(SmolStr, SmolStr)> = chunk.iter().map(|e| (e.source.clone(), e.id.clone())).collect();
            let (rules, now_ms) = (running.rules.load_full(), self.now_ms());
            let items = chunk.into_iter().map(|event| Item::New(Box::new(Received::new(event, &rules, now_ms)))).collect();
            let answers = running.lane.send(items).await?;
            results.extend(names.into_iter().zip(answers).map(|((source, id), answer)| EventResult {
                source: source.to_string(),
                id: id.to_string(),
                outcome: answer.outcome.name().to_string(),
                reason: answer.reason,
                repeated: answer.repeated,
            }));
        }
        Ok(results)
    }

    /// Decides stored events again: those that waited, or failed.
    pub(super) async fn decide_again(&self, running: &Running, identities: Vec<Key>) -> Result<()> {
        running.lane.send(identities.into_iter().map(Item::Again).collect()).await.map(|_| ())
    }
}

/// What a lane remembers between groups.
#[derive(Default)]
pub(super) struct Patience {
    deadlines_in_a_row: u32,
    held_until_ms: i64,
}

/// Decides a group under the lock, in as many commits as it takes, and answers its callers.
pub(super) async fn answer(host: &Host, running: &Running, patience: &mut Patience, group: Group) {
    match group {
        Group::Events(group) => {
            let items = group.iter().flat_map(|work| &work.items).collect();
            let answers = decide_all(host, running, patience, items).await;
            reply(group, answers);
        }
        Group::Page(page) => {
            let done = host.close_locked(running, &page).await;
            // A settlement that was given up needs no answer: whoever goes on with it finds the cursor moved.
            let _ = page.reply.send(done);
        }
    }
}

/// One answer, or one error, for each item.
async fn decide_all(host: &Host, running: &Running, patience: &mut Patience, mut items: VecDeque<&Item>) -> Vec<Result<Answer>> {
    let mut answers = Vec::with_capacity(items.len());
    let mut size = items.len();
    while !items.is_empty() {
        if patience.holds(host.now_ms()) {
            answers.extend(items.drain(..).map(|_| Err(held())));
            break;
        }
        match commit(host, running, patience, items.iter().copied().take(size)).await {
            Ok(done) => {
                items.drain(..done.answers.len());
                answers.extend(done.answers.into_iter().map(Ok));
                size = items.len();
                decide_deferred(host, running, patience, done.deferred).await;
            }
            // One event never fails its batch: find the one that the database refuses.
            Err(FlowError::Store(StoreError::Refused(_))) if size > 1 => size = (size / 2).max(1),
            Err(FlowError::Store(StoreError::Refused(reason))) => {
                items.pop_front();
                answers.push(Err(FlowError::Store(StoreError::Refused(reason))));
                size = items.len();
            }
            Err(error) => {
                tracing::error!(campaign = %running.row.id, %error, "a group of events could not be committed");
                answers.extend(items.drain(..).map(|_| Err(not_committed(&error))));
            }
        }
    }
    answers
}

/// Events that waited for what was just committed. Their senders were answered "waiting" long ago.
async fn decide_deferred(host: &Host, running: &Running, patience: &mut Patience, deferred: Vec<Key>) {
    let mut items: VecDeque<Item> = deferred.into_iter().map(Item::Again).collect();
    while !items.is_empty() {
        match commit(host, running, patience, items.iter()).await {
            Ok(done) => {
                items.drain(..done.answers.len());
                items.extend(done.deferred.into_iter().map(Item::Again));
            }
            Err(error) => {
                tracing::error!(campaign = %running.row.id, %error, "waiting events could not be decided; they wait on");
                return;
            }
        }
    }
}

/// What a caller is told. The database's own words are for the log.
fn not_committed(error: &FlowError) -> FlowError {
    let busy = |reason: String| FlowError::Busy { reason, retry_after_seconds: 1 };
    match error {
        FlowError::Store(StoreError::Busy(_) | StoreError::Unavailable(_)) => busy("the database is busy, or away".into()),
        FlowError::Store(_) | FlowError::Internal(_) => FlowError::Internal("events could not be committed".into()),
        other => busy(other.to_string()),
    }
}

fn held() -> FlowError {
    let reason = "the campaign is held: its rule ran into the deadline three times in a row".to_string();
    FlowError::Busy { reason, retry_after_seconds: (HOLD_MS / 1000).unsigned_abs() }
}

/// What one commit decided: the first items of the group, in order.
struct Done {
    answers: Vec<Answer>,
    deferred: Vec<Key>,
}

/// One commit, tried again while the database is busy or away.
async fn commit<'a>(
    host: &Host,
    running: &Running,
    patience: &mut Patience,
    items: impl Iterator<Item = &'a Item> + Clone,
) -> Result<Done> {
    let mut pause = Duration::from_millis(5);
    for _ in 1..TRIES {
        match try_commit(host, running, patience, items.clone()).await {
            Err(FlowError::Store(StoreError::Busy(_) | StoreError::Unavailable(_))) => {
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            done => return done,
        }
    }
    try_commit(host, running, patience, items).await
}

async fn try_commit<'a>(
    host: &Host,
    running: &Running,
    patience: &mut Patience,
    items: impl Iterator<Item = &'a Item> + Clone,
) -> Result<Done> {
    let now_ms = host.now_ms();
    let mut rules = running.rules.load_full();
    let prepare_new = |rules: &Arc<Rules>| -> Vec<Option<Prepared>> { items.clone().map(|item| item.prepared(rules, now_ms)).collect() };
    let mut prepared = prepare_new(&rules);
    let mut transaction = host.store.begin(running.row.campaign).await?;
    if transaction.head().releases as usize > rules.releases.len() {
        // Another host added a release. Compile it with no lock held, then begin again.
        drop(transaction);
        host.sync(running).await?;
        rules = running.rules.load_full();
        prepared = prepare_new(&rules);
        transaction = host.store.begin(running.row.campaign).await?;
    }
    let again: Vec<Key> = items.clone().filter_map(|item| if let Item::Again(identity) = item { Some(*identity) } else { None }).collect();
    if !again.is_empty() {
        let rows = transaction.events(&again).await?;
        for (item, slot) in items.zip(prepared.iter_mut()) {
            if let Item::Again(identity) = item {
                *slot = rows.iter().find(|r| r.identity == *identity).and_then(|row| prepare_again(row, &rules.releases, now_ms));
            }
        }
    }
    let batch: Vec<Prepared> = prepared
        .into_iter()
        .collect::<Option<_>>()
        .ok_or_else(|| FlowError::NotFound("the campaign has no release, or the event is not there".into()))?;
    let pool_names = rules.pool_names();
    let pools = if pool_names.is_empty() { Vec::new() } else { transaction.pools(&pool_names).await? };
    let mut book = Book::new(transaction.head().clone(), pools);
    prefetch::load(&mut *transaction, &mut book, &batch, &rules.releases, now_ms, Known::Read).await?;
    let answers = decide(host, &mut book, &batch)?;
    patience.note(&book, now_ms);
    running.failures.note(&batch, &answers, now_ms);
    let deferred = book.take_deferred();
    let delta = book.take_delta();
    if !delta.is_empty() {
        let untold = running.leaderboards.expect(delta.head.position);
        commit_delta(running, transaction, &delta).await?;
        running.leaderboards.take_over(running, &delta);
        untold.told();
    }
    Ok(Done { answers, deferred })
}

/// Writes what was decided, and commits.
pub(super) async fn commit_delta(running: &Running, mut transaction: Box<dyn Transaction>, delta: &Delta) -> Result<()> {
    if !delta.is_empty() {
        transaction.write(delta).await?;
    }
    plan_corrections(&mut *transaction, &delta.corrections).await?;
    let before = transaction.head().clone();
    transaction.commit().await?;
    warn_if_closed(running, &before, &delta.head);
    Ok(())
}

/// Tells the operator when a commit has closed issuing.
pub(super) fn warn_if_closed(running: &Running, before: &Head, now: &Head) {
    if !closed(before) && closed(now) {
        let why = now.switches.get(ISSUE).map_or("", |s| &s.why);
        tracing::error!(campaign = %running.row.id, why, "issuing is closed: grants are owed until an operator opens the switch");
    }
}

fn closed(head: &Head) -> bool {
    head.switches.get(ISSUE).is_some_and(|s| s.closed)
}

/// Decides the first events of a batch, as many as there is time for; at least one.
pub(super) fn decide(host: &Host, book: &mut Book, batch: &[Prepared]) -> Result<Vec<Answer>> {
    let watch = &host.runtime.limits.watch;
    let started_ms = watch.elapsed_ms();
    let mut answers = Vec::with_capacity(batch.len());
    for prepared in batch {
        match book.apply(prepared) {
            Ok(answer) => answers.push(answer),
            Err(_) if answers.is_empty() => return Err(FlowError::Internal("an event's rows were not all loaded".into())),
            Err(_) => break,
        }
        // What this event has set free comes before the next event.
        if book.has_deferred() {
            break;
        }
        if watch.elapsed_ms().saturating_sub(started_ms) > DECIDE_MS {
            break;
        }
    }
    Ok(answers)
}

impl Patience {
    pub(super) fn holds(&self, now_ms: i64) -> bool {
        self.held_until_ms > now_ms
    }
    fn note(&mut self, book: &Book, now_ms: i64) {
        self.deadlines_in_a_row = match book.deadlines_in_a_row() {
            (true, count) => self.deadlines_in_a_row + count,
            (false, count) => count,
        };
        if self.deadlines_in_a_row >= DEADLINES_TO_HOLD {
            self.deadlines_in_a_row = 0;
            self.held_until_ms = now_ms + HOLD_MS;
        }
    }
}

/// Late events of a closed cycle leave a correction due.
async fn plan_corrections(transaction: &mut dyn Transaction, due: &[(i32, i32)]) -> Result<()> {
    for &(cycle, revision) in due {
        if !transaction.settlements(cycle).await?.iter().any(|s| s.revision == revision) {
            transaction.put_settlement(&SettlementRow::planned(cycle, revision, "late events")).await?;
        }
    }
    Ok(())
}

//! Deciding ahead: while one group is written, the next one is read and decided in memory, so that the database and this
//! program work at the same time, and few round trips come one after the other. It is only a faster way to what
//! [`super::lane`] does with the lock held: rows that the last group touched are still in the book, others are read
//! without a lock, and the write first locks the head and the pools and must find both as the decision saw them. Whatever
//! is not as expected, or fails, is decided again: ahead, in a turn, when somebody else wrote meanwhile, else with the lock
//! held ([`super::desk`] says which); nobody is answered before.
//!
//! While nothing comes twice, it is not looked up either whether an event is known: the database's unique keys refuse
//! the commit that was wrong about it, and some groups after that are looked up again. A large group's new rows are then
//! written before the lock is taken, while the group before it still holds it; others are one statement.

use super::error::{FlowError, Result};
use super::fallback;
use super::group::{Decision, Group, Work};
use super::host::{Host, Rules, Running};
use super::lane::{Patience, commit_delta, decide, warn_if_closed};
use super::prefetch::{self, Known};
use crate::store::{Kept, Seen, StoreError, Transaction};
use futures_util::future::join;
use guerdon_rules::book::prepare::Prepared;
use guerdon_rules::book::rows::{Delta, Outcome};
use guerdon_rules::book::{Answer, Answered, Book};
use guerdon_rules::event::Key;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinHandle};

/// Rows that a book may keep between groups; then it forgets those that are stored.
const ROWS: usize = 100_000;
/// Groups whose events are looked up after one that held a known one.
const CAREFUL: u32 = 32;

/// A lane's book between groups, and the groups that are being written, in their order.
#[derive(Default)]
pub(super) struct Ahead {
    book: Option<Book>,
    rules: Option<Arc<Rules>>,
    writing: VecDeque<Writing>,
    /// Groups for which it is still looked up which events are known.
    careful: u32,
}

struct Writing {
    /// Answers the group itself: the lane may be deciding the next one.
    task: JoinHandle<Written>,
    position: i64,
    /// It will not ask for a connection of those on which others write early: it has one, or is a single statement.
    is_provided: bool,
    /// For the group after it.
    next: Option<Next>,
}

/// How a group is told that the one before it is committed, and lets it go on when its own commit is on its way: the
/// database then works while callers are answered.
struct Next {
    /// Closed when it is not committed.
    committed: oneshot::Receiver<()>,
    /// Gets what is closed when the own commit is on its way.
    waits: oneshot::Sender<oneshot::Receiver<()>>,
}

pub(super) type Written = std::result::Result<(), Unwritten>;

/// A group that could not be written, and why.
pub(super) struct Unwritten {
    /// None: its callers are told already.
    group: Option<Group>,
    error: FlowError,
}

/// A decision that is not written yet.
pub(super) struct Decided {
    decision: Decision,
    delta: Delta,
    seen: Seen,
    known: Known,
    /// Of a settlement, which is kept in the same commit.
    kept: Option<Kept>,
}

impl Decided {
    /// Groups that may still be being written when this one begins to wait for them.
    pub fn may_follow(&self) -> usize {
        usize::from(self.known == Known::Assumed || self.kept.is_some())
    }
}

impl Ahead {
    /// Groups that are being written.
    pub fn writing(&self) -> usize {
        self.writing.len()
    }

    /// The next group starts from what is stored.
    pub fn forget(&mut self) {
        self.book = None;
    }

    /// Ready when the first group that is being written is. May be dropped and asked again.
    pub async fn written(&mut self) -> Written {
        match self.writing.front_mut() {
            Some(writing) => (&mut writing.task).await.unwrap_or_else(|e| Err(Unwritten::lost(&e))),
            None => Ok(()),
        }
    }

    /// Notes that the first group was written and answered. When it could not be, gives it and those after it back, to be
    /// decided again, and whether that was for somebody else who wrote.
    pub async fn end_writing(&mut self, host: &Host, running: &Running, written: Written) -> Option<(Vec<Group>, bool)> {
        let Writing { position, .. } = self.writing.pop_front()?;
        if let Err(Unwritten { group, error }) = written {
            // What is met now and then is put right by deciding again; anything else would only ever make it slow.
            match &error {
                FlowError::Store(StoreError::Other(_) | StoreError::Corrupt(_)) => tracing::warn!(%error, "decided again"),
                _ => tracing::debug!(%error, "decided again"),
            }
            self.book = None;
            let met = matches!(error, FlowError::Conflict(_)) || is_taken(host, running, position).await;
            if !met {
                self.careful = CAREFUL;
            }
            let mut groups = Vec::from_iter(group);
            for later in std::mem::take(&mut self.writing) {
                // It fails, because this one did; only then are its locks gone.
                if let Err(later) = later.task.await.unwrap_or_else(|e| Err(Unwritten::lost(&e))) {
                    groups.extend(later.group);
                }
            }
            return Some((groups, met));
        }
        // Forgets what is stored, as far as the book need not keep it.
        if let Some(book) = &mut self.book {
            book.forget_events(position);
            if book.size() > ROWS {
                book.forget_members(position);
            }
        }
        None
    }

    /// Reads and decides a group without a lock. None: the lane must do it with the lock held.
    pub async fn decide(&mut self, host: &Host, running: &Running, patience: &Patience, group: &Group) -> Option<Decided> {
        let now_ms = host.now_ms();
        let rules = running.rules.load_full();
        let known = self.book.take().filter(|_| self.rules.as_ref().is_some_and(|r| Arc::ptr_eq(r, &rules)));
        if patience.holds(now_ms) || (known.is_none() && self.writing() > 0) {
            return None;
        }
        let (mut peek, mut book) = match known {
            Some(book) => (host.store.peek_from(book.head().clone()).await.ok()?, book),
            None => begin(host, running, &rules).await?,
        };
        let seen = Seen { head: book.head().clone(), pools: book.pools().to_vec() };
        let (decision, delta, known, kept) = match group {
            Group::Events(group) => {
                let (answers, delta, known) = self.decide_events(host, &rules, now_ms, &mut *peek, &mut book, group).await?;
                (Decision::Events(answers), delta, known, None)
            }
            Group::Page(page) => {
                let done = host.close_ahead(&mut *peek, &mut book, page).await.ok()??;
                let kept = host.kept(page, &done);
                (Decision::Page(Box::new(done)), book.take_delta(), Known::Read, Some(kept))
            }
        };
        self.book = Some(book);
        self.rules = Some(rules);
        Some(Decided { decision, delta, seen, known, kept })
    }

    async fn decide_events(
        &mut self,
        host: &Host,
        rules: &Arc<Rules>,
        now_ms: i64,
        peek: &mut dyn Transaction,
        book: &mut Book,
        group: &[Work],
    ) -> Option<(Vec<Answer>, Delta, Known)> {
        let batch: Vec<Prepared> =
            group.iter().flat_map(|work| &work.items).map(|item| item.prepared(rules, now_ms)).collect::<Option<_>>()?;
        let known = if self.careful == 0 { Known::Assumed } else { Known::Read };
        let all_new = prefetch::load(peek, book, &batch, &rules.releases, now_ms, known).await.ok()?;
        let answers = decide(host, book, &batch).ok()?;
        // What takes more than one commit, or ran into a deadline, is the lane's; and failures that are counted.
        if fallback::counts(&batch, &answers) || answers.len() < batch.len() || book.has_deferred() || book.deadlines_in_a_row().1 > 0 {
            return None;
        }
        let delta = book.take_delta();
        let right = known == Known::Read || assumed_right(book, &batch, &answers, &delta, peek).await;
        self.careful = if all_new && right { self.careful.saturating_sub(1) } else { CAREFUL };
        right.then_some((answers, delta, known))
    }

    /// Begins to write a decision, after those that are being written.
    pub fn write(&mut self, host: &Arc<Host>, running: &Arc<Running>, group: Group, decided: Decided) {
        let Decided { decision, delta, seen, known, kept } = decided;
        let (committed, told) = oneshot::channel();
        let (waits, mut waiting) = oneshot::channel::<oneshot::Receiver<()>>();
        let can_be_early = (known == Known::Assumed || kept.is_some()) && host.store.writes_early(&delta);
        // Only what is large is worth it. One that has no connection yet must not wait for one behind those that wait for it.
        let is_early =
            can_be_early && !group.is_smaller_than(host.settings.group_events / 2) && self.writing.iter().all(|before| before.is_provided);
        let is_provided = is_early || (can_be_early && kept.is_none());
        let before = self.writing.back_mut().and_then(|before| before.next.take());
        let write = Write { host: host.clone(), running: running.clone(), delta, seen, kept };
        let position = write.delta.head.position;
        let task = tokio::spawn(async move {
            let untold = write.running.leaderboards.expect(position);
            if let Err(error) = write.run(before, is_early).await {
                return Err(Unwritten { group: Some(group), error });
            }
            // Nobody waits for it when there is no next one.
            let _ = committed.send(());
            if let Ok(sent) = waiting.try_recv() {
                let _ = sent.await;
            }
            write.running.leaderboards.take_over(&write.running, &write.delta);
            untold.told();
            group.reply(decision);
            Ok(())
        });
        self.writing.push_back(Writing { task, position, is_provided, next: Some(Next { committed: told, waits }) });
    }
}

impl Unwritten {
    /// Its task is gone, and its callers are told so by what they wait for.
    fn lost(error: &JoinError) -> Unwritten {
        Unwritten { group: None, error: FlowError::Internal(error.to_string()) }
    }
}

/// Whether somebody else's commit has this position. Rows that were written early are refused then, as theirs have the keys.
async fn is_taken(host: &Host, running: &Running, position: i64) -> bool {
    host.store.head(running.row.campaign).await.is_ok_and(|head| head.position >= position)
}

/// A book as it is stored. None: another host added a release, which the lane has to load.
async fn begin(host: &Host, running: &Running, rules: &Rules) -> Option<(Box<dyn Transaction>, Book)> {
    let mut peek = host.store.peek(running.row.campaign).await.ok()?;
    if peek.head().releases as usize > rules.releases.len() {
        return None;
    }
    let names = rules.pool_names();
    let pools = if names.is_empty() { Vec::new() } else { peek.pools(&names).await.ok()? };
    let book = Book::new(peek.head().clone(), pools);
    Some((peek, book))
}

struct Write {
    host: Arc<Host>,
    running: Arc<Running>,
    delta: Delta,
    seen: Seen,
    kept: Option<Kept>,
}

impl Write {
    /// `before`: the commit that must come first.
    async fn run(&self, before: Option<Next>, is_early: bool) -> Result<()> {
        let (store, seen, delta) = (&self.host.store, &self.seen, &self.delta);
        let changed = || FlowError::Conflict("somebody else wrote meanwhile".into());
        let mut early = None;
        if is_early && before.is_some() && !delta.is_empty() {
            early = Some(store.write_early(delta).await?);
        }
        // Closes the other half when it is dropped.
        let (on_its_way, sent) = oneshot::channel();
        if let Some(before) = before {
            let _ = before.waits.send(sent);
            before.committed.await.map_err(|_| changed())?;
        }
        if delta.is_empty() && self.kept.is_none() {
            return Ok(());
        }
        // The commit before this one has given the lock back. Whoever has it now writes something else, and may wait for
        // rows that this group, or one that waits for it, has written already.
        let written = async {
            match early {
                Some(early) => early.finish(seen, delta, self.kept.as_ref()).await.map(Some),
                None if self.kept.is_some() => Ok(None),
                None => store.write_at_once(seen, delta).await,
            }
        };
        // The first is begun before the second.
        let (written, ()) = join(written, async { drop(on_its_way) }).await;
        match written? {
            Some(true) => {
                warn_if_closed(&self.running, &seen.head, &delta.head);
                Ok(())
            }
            Some(false) => Err(changed()),
            None => self.in_transaction().await?.then_some(()).ok_or_else(changed),
        }
    }

    async fn in_transaction(&self) -> Result<bool> {
        let Some(mut transaction) = self.host.store.begin_at_once(self.running.row.campaign).await? else { return Ok(false) };
        if !transaction.is_as(&self.seen).await? {
            return Ok(false);
        }
        if let Some(kept) = &self.kept {
            self.host.keep(&mut *transaction, kept).await?;
        }
        commit_delta(&self.running, transaction, &self.delta).await?;
        Ok(true)
    }
}

/// Whether the decisions about events that claim no business key would be the same if it had been looked up. Those that
/// claim one, the database refuses.
async fn assumed_right(book: &Book, batch: &[Prepared], answers: &[Answer], delta: &Delta, peek: &mut dyn Transaction) -> bool {
    let claims_none = |answer: &Answer| !matches!(answer.outcome, Answered::Is(Outcome::Booked | Outcome::Duplicate));
    let decided = batch.iter().zip(answers).filter(|(_, answer)| claims_none(answer));
    let once_keys: Vec<Key> = decided.filter_map(|(prepared, _)| book.business_key(prepared)).collect();
    delta.changed_events.is_empty() && prefetch::are_free(peek, &once_keys).await.unwrap_or(false)
}

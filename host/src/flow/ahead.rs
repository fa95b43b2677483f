//! Deciding ahead: while one group is written, the next one is read and decided in memory, so that the database and this
//! program work at the same time. It is only a faster way to what [`super::lane`] does with the lock held: rows that the
//! last group touched are still in the book, others are read without a lock, and the write first locks the head and the
//! pools and must find both as the decision saw them. Whatever is not as expected, or fails, is decided again by the
//! lane, under the lock; nobody is answered before.
//!
//! While nothing comes twice, it is not looked up either whether an event is known: the database's unique keys refuse
//! the commit that was wrong about it, and some groups after that are looked up again. A large group's new rows are then
//! written before the lock is taken, while the group before it still holds it.

use super::error::{FlowError, Result};
use super::fallback;
use super::host::{Host, Rules, Running};
use super::lane::{Patience, Work, commit_delta, decide, reply};
use super::prefetch::{self, Known};
use crate::store::Transaction;
use guerdon_rules::book::prepare::Prepared;
use guerdon_rules::book::rows::{Delta, Head, Outcome, PoolRow};
use guerdon_rules::book::{Answer, Answered, Book};
use guerdon_rules::event::Key;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

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
    task: JoinHandle<Result<()>>,
    group: Vec<Work>,
    answers: Vec<Answer>,
    position: i64,
    /// It writes its new rows before it has the lock.
    is_early: bool,
    /// Told when it is committed; closed when it is not.
    committed: Option<oneshot::Receiver<()>>,
}

/// A decision that is not written yet.
pub(super) struct Decided {
    answers: Vec<Answer>,
    delta: Delta,
    /// What it was decided with.
    head: Head,
    pools: Vec<PoolRow>,
    known: Known,
}

impl Decided {
    /// Groups that may still be being written when this one begins to be: only what is large is worth it.
    pub fn may_follow(&self, group_events: usize) -> usize {
        usize::from(self.known == Known::Assumed && self.answers.len() * 2 >= group_events)
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
    pub async fn written(&mut self) -> Result<()> {
        match self.writing.front_mut() {
            Some(writing) => (&mut writing.task).await.unwrap_or_else(|e| Err(FlowError::Internal(e.to_string()))),
            None => Ok(()),
        }
    }

    /// Answers the first group that was written. When it could not be, gives it and those after it back, to be decided
    /// again.
    pub async fn end_writing(&mut self, written: Result<()>) -> Vec<Vec<Work>> {
        let Some(Writing { group, answers, position, .. }) = self.writing.pop_front() else { return Vec::new() };
        if let Err(error) = written {
            tracing::debug!(%error, "decided again with the lock held");
            self.book = None;
            self.careful = CAREFUL;
            let mut groups = vec![group];
            for later in std::mem::take(&mut self.writing) {
                // It fails, because this one did; only then are its locks gone.
                let _ = later.task.await;
                groups.push(later.group);
            }
            return groups;
        }
        if let Some(book) = &mut self.book {
            book.forget_events(position);
            if book.size() > ROWS {
                book.forget_members(position);
            }
        }
        reply(group, answers.into_iter().map(Ok).collect());
        Vec::new()
    }

    /// Reads and decides a group without a lock. None: the lane must do it with the lock held.
    pub async fn decide(&mut self, host: &Host, running: &Running, patience: &Patience, group: &[Work]) -> Option<Decided> {
        let now_ms = host.now_ms();
        let rules = running.rules.load_full();
        let known = self.book.take().filter(|_| self.rules.as_ref().is_some_and(|r| Arc::ptr_eq(r, &rules)));
        if patience.holds(now_ms) || (known.is_none() && self.writing() > 0) {
            return None;
        }
        let batch: Vec<Prepared> =
            group.iter().flat_map(|work| &work.items).map(|item| item.prepared(&rules, now_ms)).collect::<Option<_>>()?;
        let mut peek = host.store.peek(running.row.campaign).await.ok()?;
        let mut book = match known {
            Some(book) => book,
            None if peek.head().releases as usize > rules.releases.len() => return None,
            None => {
                let names = rules.pool_names();
                let pools = if names.is_empty() { Vec::new() } else { peek.pools(&names).await.ok()? };
                Book::new(peek.head().clone(), pools)
            }
        };
        let (head, pools) = (book.head().clone(), book.pools().to_vec());
        let known = if self.careful == 0 { Known::Assumed } else { Known::Read };
        let all_new = prefetch::load(&mut *peek, &mut book, &batch, &rules.releases, now_ms, known).await.ok()?;
        let answers = decide(host, &mut book, &batch).ok()?;
        // What takes more than one commit, or ran into a deadline, is the lane's; and failures that are counted.
        if fallback::counts(&batch, &answers) || answers.len() < batch.len() || book.has_deferred() || book.deadlines_in_a_row().1 > 0 {
            return None;
        }
        let delta = book.take_delta();
        let right = known == Known::Read || assumed_right(&book, &batch, &answers, &delta, &mut *peek).await;
        self.careful = if all_new && right { self.careful.saturating_sub(1) } else { CAREFUL };
        if !right {
            return None;
        }
        self.book = Some(book);
        self.rules = Some(rules);
        Some(Decided { answers, delta, head, pools, known })
    }

    /// Begins to write a decision, after those that are being written.
    pub fn write(&mut self, host: &Arc<Host>, running: &Arc<Running>, group: Vec<Work>, decided: Decided) {
        let Decided { answers, delta, head, pools, known } = decided;
        let (committed, told) = oneshot::channel();
        let before = self.writing.back_mut();
        // One that has no connection yet must not wait for one behind those that wait for it.
        let is_early = known == Known::Assumed && before.as_ref().is_none_or(|before| before.is_early);
        let before = before.and_then(|before| before.committed.take());
        let write = Write { host: host.clone(), running: running.clone(), rules: self.rules.clone(), delta, head, pools };
        let position = write.delta.head.position;
        let task = tokio::spawn(async move {
            write.run(before, is_early).await?;
            // Nobody waits for it when there is no next one.
            let _ = committed.send(());
            write.running.leaderboards.take_over(&write.running, &write.delta).await;
            Ok(())
        });
        self.writing.push_back(Writing { task, group, answers, position, is_early, committed: Some(told) });
    }
}

struct Write {
    host: Arc<Host>,
    running: Arc<Running>,
    rules: Option<Arc<Rules>>,
    delta: Delta,
    head: Head,
    pools: Vec<PoolRow>,
}

impl Write {
    /// `before`: the commit that must come first.
    async fn run(&self, before: Option<oneshot::Receiver<()>>, is_early: bool) -> Result<()> {
        let (store, campaign) = (&self.host.store, self.running.row.campaign);
        let changed = || FlowError::Conflict("somebody else wrote meanwhile".into());
        let mut early = None;
        if is_early && before.is_some() && !self.delta.is_empty() {
            early = store.begin_early(campaign).await?;
        }
        if let Some(early) = &mut early {
            early.write_new(&self.delta).await?;
        }
        if let Some(before) = before {
            before.await.map_err(|_| changed())?;
        }
        if self.delta.is_empty() {
            return Ok(());
        }
        // The commit before this one has given the lock back. Whoever has it now writes something else, and may wait for
        // rows that this group, or one that waits for it, has written already.
        let locked = match early {
            Some(early) => early.lock_at_once().await?,
            None => store.begin_at_once(campaign).await?,
        };
        let mut transaction = locked.ok_or_else(changed)?;
        if *transaction.head() != self.head {
            return Err(changed());
        }
        let names = self.rules.as_ref().map_or_else(Vec::new, |r| r.pool_names());
        if !names.is_empty() && transaction.pools(&names).await? != self.pools {
            return Err(changed());
        }
        commit_delta(&self.running, transaction, &self.delta).await
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

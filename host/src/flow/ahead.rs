//! Deciding ahead: while one group is written, the next one is read and decided in memory, so that the database and this
//! program work at the same time. It is only a faster way to what [`super::lane`] does with the lock held: rows that the
//! last group touched are still in the book, others are read without a lock, and the write first locks the head and the
//! pools and must find both as the decision saw them. Whatever is not as expected, or fails, is decided again by the
//! lane, under the lock; nobody is answered before.

use super::error::{FlowError, Result};
use super::host::{Host, Rules, Running};
use super::lane::{Patience, Work, commit_delta, decide, reply};
use super::prefetch;
use guerdon_rules::book::prepare::Prepared;
use guerdon_rules::book::rows::{Delta, Head, PoolRow};
use guerdon_rules::book::{Answer, Book};
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Rows that a book may keep between groups; then it starts anew.
const ROWS: usize = 60_000;

/// A lane's book between groups, and the group that is being written.
#[derive(Default)]
pub(super) struct Ahead {
    book: Option<Book>,
    rules: Option<Arc<Rules>>,
    writing: Option<Writing>,
}

struct Writing {
    task: JoinHandle<Result<()>>,
    group: Vec<Work>,
    answers: Vec<Answer>,
}

/// A decision that is not written yet.
pub(super) struct Decided {
    answers: Vec<Answer>,
    delta: Delta,
    /// What it was decided with.
    head: Head,
    pools: Vec<PoolRow>,
}

impl Ahead {
    pub fn is_writing(&self) -> bool {
        self.writing.is_some()
    }

    /// The next group starts from what is stored.
    pub fn forget(&mut self) {
        self.book = None;
    }

    /// Ready when the group that is being written is. May be dropped and asked again.
    pub async fn written(&mut self) -> Result<()> {
        match &mut self.writing {
            Some(writing) => (&mut writing.task).await.unwrap_or_else(|e| Err(FlowError::Internal(e.to_string()))),
            None => Ok(()),
        }
    }

    /// Answers the group that was written; gives it back, to be decided again, when it could not be.
    pub fn end_writing(&mut self, written: Result<()>) -> Option<Vec<Work>> {
        let Writing { group, answers, .. } = self.writing.take()?;
        if let Err(error) = written {
            tracing::debug!(%error, "decided again with the lock held");
            self.book = None;
            return Some(group);
        }
        reply(group, answers.into_iter().map(Ok).collect());
        None
    }

    /// Reads and decides a group without a lock. None: the lane must do it with the lock held.
    pub async fn decide(&mut self, host: &Host, running: &Running, patience: &Patience, group: &[Work]) -> Option<Decided> {
        let now_ms = host.now_ms();
        let rules = running.rules.load_full();
        let known = self.book.take().filter(|_| self.rules.as_ref().is_some_and(|r| Arc::ptr_eq(r, &rules)));
        if patience.holds(now_ms) || (known.is_none() && self.is_writing()) {
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
        prefetch::load(&mut *peek, &mut book, &batch, &rules.releases, now_ms).await.ok()?;
        drop(peek);
        let answers = decide(host, &mut book, &batch).ok()?;
        running.failures.note(&batch, &answers, now_ms);
        // What takes more than one commit, or ran into a deadline, is the lane's.
        if answers.len() < batch.len() || book.has_deferred() || book.deadlines_in_a_row().1 > 0 {
            return None;
        }
        let delta = book.take_delta();
        self.book = Some(book).filter(|book| book.size() < ROWS);
        self.rules = Some(rules);
        Some(Decided { answers, delta, head, pools })
    }

    /// Begins to write a decision. Nothing may be being written.
    pub fn write(&mut self, host: &Arc<Host>, running: &Arc<Running>, group: Vec<Work>, decided: Decided) {
        let Decided { answers, delta, head, pools } = decided;
        let (host, running, rules) = (host.clone(), running.clone(), self.rules.clone());
        let task = tokio::spawn(async move {
            if delta.is_empty() {
                return Ok(());
            }
            let mut transaction = host.store.begin(running.row.campaign).await?;
            let changed = || FlowError::Conflict("somebody else wrote meanwhile".into());
            if *transaction.head() != head {
                return Err(changed());
            }
            let names = rules.as_ref().map_or_else(Vec::new, |r| r.pool_names());
            if !names.is_empty() && transaction.pools(&names).await? != pools {
                return Err(changed());
            }
            commit_delta(&running, transaction, &delta).await
        });
        self.writing = Some(Writing { task, group, answers });
    }
}

//! What waits for a campaign's lane, and what it commits together: events of some callers, or members of a settlement.
//! Must not know: how it is decided, or written.

use super::error::Result;
use super::host::Rules;
use super::page::{Done as PageDone, Page};
use guerdon_rules::book::Answer;
use guerdon_rules::book::prepare::{Prepared, prepare};
use guerdon_rules::event::{Event, Key};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

pub(super) enum Item {
    New(Box<Received>),
    /// A stored event that is not final, to be decided again.
    Again(Key),
}

impl Item {
    /// A new event as these rules read it; a stored one has to be read under the lock.
    pub fn prepared(&self, rules: &Arc<Rules>, now_ms: i64) -> Option<Prepared> {
        match self {
            Item::New(received) => received.prepared(rules, now_ms),
            Item::Again(_) => None,
        }
    }
}

/// A new event, read by its sender's task so that the lane has less to do: the lane is what a campaign waits for.
pub(super) struct Received {
    event: Event,
    /// None: there was no release yet.
    prepared: Option<Prepared>,
    /// What it was prepared with.
    rules: Arc<Rules>,
}

impl Received {
    pub fn new(event: Event, rules: &Arc<Rules>, now_ms: i64) -> Received {
        Received { prepared: prepare(event.clone(), &rules.releases, now_ms), event, rules: rules.clone() }
    }

    /// As these rules read it: anew when a release was added since.
    fn prepared(&self, rules: &Arc<Rules>, now_ms: i64) -> Option<Prepared> {
        if Arc::ptr_eq(rules, &self.rules) { self.prepared.clone() } else { prepare(self.event.clone(), &rules.releases, now_ms) }
    }
}

/// What is committed together.
pub(super) enum Group {
    Events(Vec<Work>),
    /// Members of a settlement.
    Page(Box<Page>),
}

/// What came of a group.
pub(super) enum Decision {
    Events(Vec<Answer>),
    Page(Box<PageDone>),
}

impl Group {
    pub fn begin(first: Message) -> Group {
        match first {
            Message::Page(page) => Group::Page(page),
            Message::Work(work) => Group::Events(vec![work]),
        }
    }

    /// Adds what has come meanwhile, up to this many events. Gives back what comes next and is not of this group.
    pub fn fill(&mut self, receiver: &mut mpsc::UnboundedReceiver<Message>, most: usize) -> Option<Message> {
        let Group::Events(group) = self else { return None };
        let mut size = events(group);
        loop {
            match receiver.try_recv() {
                Ok(Message::Work(work)) if size + work.items.len() <= most => {
                    size += work.items.len();
                    group.push(work);
                }
                Ok(other) => return Some(other),
                Err(_) => return None,
            }
        }
    }

    /// Events, and fewer than this.
    pub fn is_smaller_than(&self, size: usize) -> bool {
        matches!(self, Group::Events(group) if events(group) < size)
    }

    /// Tells the callers. A caller that left needs no answer.
    pub fn reply(self, decision: Decision) {
        match (self, decision) {
            (Group::Events(group), Decision::Events(answers)) => reply(group, answers.into_iter().map(Ok).collect()),
            (Group::Page(page), Decision::Page(done)) => drop(page.reply.send(Ok(*done))),
            _ => tracing::error!("a group was decided as what it is not"),
        }
    }
}

pub(super) enum Message {
    Work(Work),
    Page(Box<Page>),
}

pub(super) struct Work {
    pub items: Vec<Item>,
    pub reply: oneshot::Sender<Result<Vec<Answer>>>,
    /// Held until the work is answered.
    pub _room: OwnedSemaphorePermit,
}

fn events(group: &[Work]) -> usize {
    group.iter().map(|work| work.items.len()).sum()
}

/// Tells each caller of a group its own answers; one for each item of the group.
pub(super) fn reply(group: Vec<Work>, answers: Vec<Result<Answer>>) {
    let mut answers = VecDeque::from(answers);
    for work in group {
        let own: Result<Vec<Answer>> = answers.drain(..work.items.len()).collect();
        // A caller that left needs no answer.
        let _ = work.reply.send(own);
    }
}

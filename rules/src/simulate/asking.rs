//! Has rules answered on a thread of its own, while the events before them are decided: the rule is nearly half of the work,
//! and most questions do not change in between. Promises: the same decisions, in the same order, as if every event was asked
//! about at its turn; a question that did change is asked again then ([`crate::book::question`]).
//! Must not know: what becomes of an answer.

use super::playback::Playback;
use crate::book::prepare::Prepared;
use crate::book::question::Asked;
use crate::effect::{Limit, Verdict};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread::Scope;

/// See the module: decides a chunk of events while another thread answers the questions of the next.
pub struct Asking<'a> {
    playback: &'a mut Playback,
    answering: Sender<Chunk>,
    next: Option<Chunk>,
}

type Chunk = Arc<Vec<Coming>>;

/// An event whose turn comes, with the question that its rule will be asked, if nothing changes.
struct Coming {
    prepared: Prepared,
    early: Mutex<Early>,
}

/// How far its question is.
enum Early {
    /// It cannot be foreseen, or the answer was taken.
    None,
    Open(Asked),
    Answered(Asked, Verdict),
}

impl<'a> Asking<'a> {
    pub fn begin<'scope>(scope: &'scope Scope<'scope, '_>, playback: &'a mut Playback) -> Asking<'a> {
        let (answering, questions) = mpsc::channel::<Chunk>();
        scope.spawn(move || questions.into_iter().for_each(|chunk| chunk.iter().for_each(|event| _ = event.answer())));
        Asking { playback, answering, next: None }
    }

    /// Takes the questions of these events, and decides those that came before.
    pub fn play(&mut self, events: Vec<Prepared>) {
        let book = self.playback.world().book();
        let foresee = |prepared: Prepared| {
            let early = book.foresee(&prepared).map_or(Early::None, Early::Open);
            Coming { prepared, early: Mutex::new(early) }
        };
        let chunk: Chunk = Arc::new(events.into_iter().map(foresee).collect());
        // Were the other thread gone, all would be answered here.
        let _ = self.answering.send(chunk.clone());
        self.decide(Some(chunk));
    }

    /// Decides the last events.
    pub fn finish(mut self) {
        self.decide(None);
    }

    fn decide(&mut self, next: Option<Chunk>) {
        let Some(chunk) = std::mem::replace(&mut self.next, next) else { return };
        // The other thread goes from the first to the last, this one the other way until they meet.
        let _ = chunk.iter().rev().all(Coming::answer);
        for event in chunk.iter() {
            if let Early::Answered(asked, verdict) = event.take() {
                self.playback.world_mut().book_mut().expect(&event.prepared, asked, verdict);
            }
            self.playback.play_prepared(&event.prepared);
        }
    }
}

impl Coming {
    /// Answers the question, unless that is done or somebody is at it: then false.
    fn answer(&self) -> bool {
        let mut early = match self.early.try_lock() {
            Ok(early) => early,
            Err(TryLockError::Poisoned(_) | TryLockError::WouldBlock) => return false,
        };
        match (std::mem::replace(&mut *early, Early::None), &self.prepared.contract) {
            (Early::Open(asked), Ok(parsed)) => {
                let verdict = asked.answer(&self.prepared, parsed);
                // With more threads than cores, that may be because this one had to wait: it is asked again at its turn.
                let late = matches!(&verdict, Verdict::Failed(failure) if failure.limit == Some(Limit::Deadline));
                if !late {
                    *early = Early::Answered(asked, verdict);
                }
                true
            }
            (was, _) => {
                let has_none = matches!(was, Early::None);
                *early = was;
                has_none
            }
        }
    }

    /// What is known by now; waits for whoever is answering.
    fn take(&self) -> Early {
        std::mem::replace(&mut *self.early.lock().unwrap_or_else(PoisonError::into_inner), Early::None)
    }
}

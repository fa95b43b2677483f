//! What a lane works on next, and which way: decided ahead while others are being written, in a turn where hosts meet, or
//! with the lock held. Promises: whatever was taken is answered once; what has to be decided again comes before what came
//! later. Must not know: how a group is decided, or written.

use super::ahead::{Ahead, Decided, Written};
use super::group::{Group, Message};
use super::host::{Host, Running};
use super::lane::{Patience, answer};
use super::turn::{Begun, Turns};
use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use tokio::sync::mpsc::UnboundedReceiver;

/// Groups in a row that somebody else's writing made old, until what is there is decided with the lock held.
const MEETINGS: u32 = 2;
/// The part of a full group that a turn begins with, so that the database soon has something to write.
const FIRST_PART: usize = 4;
/// Groups on their way at a time: one is written, one waits for it, one is filled or decided. Of what is there, none takes
/// more than its share: else large ones and small ones take turns, and each stage waits for the other.
const SHARES: usize = 3;
/// What is worth a statement whatever else is there.
const SMALL: usize = 32;

struct Desk {
    receiver: UnboundedReceiver<Message>,
    /// What came next, and was not of the last group.
    left_over: Option<Message>,
    /// What somebody else's writing made old, in its order.
    again: VecDeque<Group>,
    meetings_in_a_row: u32,
    patience: Patience,
    ahead: Ahead,
    turns: Turns,
}

/// Until nobody can send any more, or the host is gone.
pub(super) async fn run(host: Weak<Host>, running: Weak<Running>, receiver: UnboundedReceiver<Message>) {
    let (left_over, again, meetings_in_a_row) = (None, VecDeque::new(), 0);
    let (patience, ahead, turns) = (Patience::default(), Ahead::default(), Turns::default());
    let mut desk = Desk { receiver, left_over, again, meetings_in_a_row, patience, ahead, turns };
    while let Some(next) = desk.next().await {
        let (Some(host), Some(running)) = (host.upgrade(), running.upgrade()) else { return };
        match next {
            Next::Again(group) => desk.work_on(&host, &running, group, true).await,
            Next::New(message) => desk.begin(&host, &running, message).await,
            Next::Written(written) => drop(desk.end_writing(&host, &running, written).await),
        }
        desk.end_turn(&host, &running).await;
    }
}

enum Next {
    Again(Group),
    New(Message),
    /// The first of those that were being written.
    Written(Written),
}

impl Desk {
    /// None: nobody can send any more.
    async fn next(&mut self) -> Option<Next> {
        if let Some(group) = self.again.pop_front() {
            return Some(Next::Again(group));
        }
        if let Some(message) = self.left_over.take() {
            return Some(Next::New(message));
        }
        tokio::select! {
            biased;
            message = self.receiver.recv() => message.map(Next::New),
            written = self.ahead.written(), if self.ahead.writing() > 0 => Some(Next::Written(written)),
        }
    }

    async fn begin(&mut self, host: &Arc<Host>, running: &Arc<Running>, first: Message) {
        let mut group = Group::begin(first);
        self.fill(host, running, &mut group).await;
        if !self.again.is_empty() {
            // They came before it.
            self.again.push_back(group);
            return;
        }
        let is_busy = self.left_over.is_some() || self.ahead.writing() > 0 || !self.receiver.is_empty();
        // Alone, a group is soonest done from what is in memory, or where that is worth little, under the lock.
        let may_be_ahead = is_busy || (host.store.is_remote() && !self.turns.are_shared(host));
        self.work_on(host, running, group, may_be_ahead).await;
    }

    /// Adds what has come meanwhile.
    async fn fill(&mut self, host: &Host, running: &Running, group: &mut Group) {
        let share = (running.lane.unanswered() / SHARES).max(SMALL);
        let full = host.settings.group_events;
        let is_first = self.ahead.writing() == 0 && self.turns.are_shared(host);
        let most = share.min(if is_first { full / FIRST_PART } else { full });
        self.left_over = group.fill(&mut self.receiver, most);
        // Behind one that is being written and one that waits for it, more may come before it is decided.
        while self.ahead.writing() > 1 && self.left_over.is_none() && group.is_smaller_than(share.min(full / 2)) {
            let written = self.ahead.written().await;
            self.end_writing(host, running, written).await;
            self.left_over = group.fill(&mut self.receiver, most);
        }
    }

    async fn work_on(&mut self, host: &Arc<Host>, running: &Arc<Running>, group: Group, may_be_ahead: bool) {
        let mut decided = None;
        if may_be_ahead {
            let begun = self.turns.begin(host, running).await;
            if begun.is_some() {
                self.ahead.forget();
            }
            if !matches!(begun, Some(Begun::Unheard)) {
                decided = self.ahead.decide(host, running, &self.patience, &group).await;
            }
        }
        let behind = self.again.len();
        while self.ahead.writing() > decided.as_ref().map_or(0, Decided::may_follow) {
            let written = self.ahead.written().await;
            if !self.end_writing(host, running, written).await {
                decided = None;
            }
        }
        let before = self.again.len() - behind;
        if before > 0 {
            self.again.insert(before, group);
            return;
        }
        match decided {
            Some(decided) => self.ahead.write(host, running, group, decided),
            None => {
                self.ahead.forget();
                self.answer(host, running, group).await;
            }
        }
        super::fallback::check(host, running);
    }

    /// Notes that the group was written ahead. False when it was not: then it and those after it are decided again, in a turn
    /// when somebody else wrote meanwhile, as long as that does not go on; else here, under the lock.
    async fn end_writing(&mut self, host: &Host, running: &Running, written: Written) -> bool {
        let Some((groups, met)) = self.ahead.end_writing(host, running, written).await else {
            self.meetings_in_a_row = 0;
            return true;
        };
        if met {
            self.turns.met(host);
            self.meetings_in_a_row += 1;
        }
        if met && self.meetings_in_a_row < MEETINGS {
            groups.into_iter().rev().for_each(|group| self.again.push_front(group));
            return false;
        }
        for group in groups {
            self.answer(host, running, group).await;
        }
        false
    }

    /// Under the lock, where nobody else can write meanwhile.
    async fn answer(&mut self, host: &Host, running: &Running, group: Group) {
        self.meetings_in_a_row = 0;
        answer(host, running, &mut self.patience, group).await;
    }

    /// Gives the turn back when it is over, or there is nothing to do.
    async fn end_turn(&mut self, host: &Host, running: &Running) {
        while self.turns.is_over(host) && self.ahead.writing() > 0 {
            let written = self.ahead.written().await;
            self.end_writing(host, running, written).await;
        }
        let has_more = self.left_over.is_some() || !self.again.is_empty() || !self.receiver.is_empty();
        if self.turns.is_over(host) || (self.ahead.writing() == 0 && !has_more) {
            self.turns.end().await;
        }
    }
}

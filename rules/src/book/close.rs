//! The close of a cycle for one member: facts as of the cycle's end, grants counted in that cycle, points booked in
//! the next one, so that a close cannot move the standing that it read. A later revision (a correction) books only
//! what is missing against the revision before; what was too much is for the caller to list.

use super::booking::Cause;
use super::changes::{Kind, Scope, Stopped, When};
use super::facts::{CloseFacts, fact_at_close};
use super::gaps::MemberGaps;
use super::receipt::Receipt;
use super::roles::{Declared, Unresolved};
use super::rows::{ISSUE, JournalKind, Outcome, Switch};
use super::tally::{Overflow, Tally};
use super::{Book, NeedsRows, Slot};
use crate::campaign::calendar::{Cycle, Moment, day_text};
use crate::effect::Verdict;
use crate::event::key_of;
use crate::fact::{Fact, Period};
use crate::language::Question;
use crate::names::Code;
use crate::release::Release;
use crate::value::{MemberId, Value};

/// One member's close.
pub struct Close<'a> {
    pub release: &'a Release,
    pub cycle: &'a Cycle,
    pub member: Slot,
    pub revision: i32,
    /// Facts of any member of the question, by slot.
    pub facts: &'a dyn Fn(Slot) -> CloseFacts<'a>,
    pub now_ms: i64,
    /// Decide only, to compare with what is recorded: nothing is booked.
    pub dry_run: bool,
}

/// What a close came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Closed {
    /// What the rule asked for, before limits: (measure, count), sorted. The settlement's digest is over these.
    pub entitlements: Vec<(Code, i64)>,
    /// What an earlier revision asked for beyond this: (measure, count).
    pub excess: Vec<(Code, i64)>,
    /// There is nothing to book, and an earlier revision asked for the same.
    pub is_nothing: bool,
    pub receipt: Receipt,
}

/// What the close of a release reads beyond the member's own standing of the cycle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Standings of earlier cycles: facts over all time, and attributes.
    pub history: bool,
    /// Accounts whose leaderboard it asks.
    pub ranked_accounts: Vec<usize>,
    /// One member's points can move another's reward, so that a correction concerns everybody.
    pub others: bool,
}

impl Reach {
    pub fn of(release: &Release) -> Reach {
        let handler = release.close_handler.map(|handler| release.handler(handler));
        let mut reach = Reach { others: !release.campaign.close_roles.is_empty(), ..Reach::default() };
        for read in handler.into_iter().flat_map(|h| &h.reads) {
            match read.fact {
                Fact::Rank { account } if !reach.ranked_accounts.contains(&account) => reach.ranked_accounts.push(account),
                Fact::Rank { .. } => {}
                Fact::Attribute { .. } => reach.history = true,
                Fact::Points { period, .. } | Fact::Granted { period, .. } | Fact::Events { period, .. } | Fact::Referrals { period } => {
                    reach.history |= period == Period::All;
                }
            }
        }
        reach.others |= !reach.ranked_accounts.is_empty();
        reach
    }
}

impl Book {
    /// Members that the roles of these members' closes name and the working set does not hold.
    pub fn close_gaps(&self, release: &Release, members: &[Slot]) -> MemberGaps {
        let declared = Declared { roles: &release.campaign.close_roles, fields: &[], data: &[] };
        let mut gaps = MemberGaps::default();
        for member in members {
            match self.resolve(release, &declared, *member, None) {
                Err(Unresolved::Id(id)) if !gaps.ids.contains(&id) => gaps.ids.push(id),
                Err(Unresolved::Number(number)) if !gaps.numbers.contains(&number) => gaps.numbers.push(number),
                _ => {}
            }
        }
        gaps
    }

    /// Everybody whom these members' closes may pay, by number.
    pub fn close_parties(&self, release: &Release, members: &[Slot]) -> Vec<i64> {
        let declared = Declared { roles: &release.campaign.close_roles, fields: &[], data: &[] };
        let parties = members.iter().filter_map(|member| self.resolve(release, &declared, *member, None).ok());
        let mut numbers: Vec<i64> = parties.flatten().flatten().map(|slot| self.members[slot].row.number).collect();
        numbers.extend(members.iter().map(|slot| self.members[*slot].row.number));
        numbers.sort_unstable();
        numbers.dedup();
        numbers.retain(|n| *n != 0);
        numbers
    }

    /// Runs `on_cycle_close` for one member. `Err(reason)` inside: this member's close failed and can be tried again.
    pub fn close(&mut self, close: &Close) -> Result<Result<Closed, String>, NeedsRows> {
        let release = close.release;
        let Some(handler) = release.close_handler else { return Ok(Ok(Closed::default())) };
        let declared = Declared { roles: &release.campaign.close_roles, fields: &[], data: &[] };
        let parties = loop {
            match self.resolve(release, &declared, close.member, None) {
                Ok(parties) => break parties,
                Err(Unresolved::Id(id)) if self.complete => {
                    self.slot(&id);
                }
                Err(Unresolved::Id(_) | Unresolved::Number(_)) => return Err(NeedsRows),
                Err(Unresolved::Nobody { role, .. } | Unresolved::NeverFilled { role }) => {
                    return Ok(Err(format!("nobody is {}", release.campaign.close_roles[role].text)));
                }
            }
        };
        let mut of_question = vec![parties[0]];
        of_question.extend(release.handler(handler).roles.iter().map(|role| parties[1 + role]));
        let effects = match self.ask_close(close, handler, &of_question) {
            Verdict::Booked(effects) => effects,
            Verdict::Refused { .. } => Vec::new(),
            Verdict::Failed(failure) => {
                self.rule_limit = self.rule_limit.or(failure.limit);
                return Ok(Err(failure.place.map_or_else(|| failure.reason.clone(), |p| format!("{} ({p})", failure.reason))));
            }
        };
        Ok(self.book_close(close, handler, &of_question, effects))
    }

    fn ask_close(&self, close: &Close, handler: usize, parties: &[Option<Slot>]) -> Verdict {
        let release = close.release;
        let ids: Vec<Option<MemberId>> = parties.iter().map(|slot| slot.map(|s| self.members[s].row.id.clone())).collect();
        let mut facts = Vec::new();
        for read in &release.handler(handler).reads {
            let fact = parties[read.of].map_or(Ok(Value::Missing), |slot| fact_at_close(release, &(close.facts)(slot), &read.fact));
            match fact {
                Ok(value) => facts.push(value),
                Err(_) => return Verdict::Failed(crate::effect::Failure::new("a sum does not fit into 64 bits", None)),
            }
        }
        let first_day = day_text(close.cycle.first_day);
        let member = self.members[close.member].row.id.to_string();
        let question = Question {
            id: &first_day,
            event: "",
            moment: self.end_of(close),
            cycle: Some(close.cycle),
            members: &ids,
            data: &[],
            facts: &facts,
            seed: self.seed(&key_of(&["close", &close.cycle.starts_ms.to_string(), &member])),
            forced_draws: &[],
        };
        release.module.decide(handler, &question)
    }

    /// The first instant after the cycle.
    fn end_of(&self, close: &Close) -> Moment {
        close.release.campaign.calendar.moment(close.cycle.ends_ms)
    }

    fn book_close(
        &mut self,
        close: &Close,
        handler: usize,
        parties: &[Option<Slot>],
        effects: Vec<crate::effect::Effect>,
    ) -> Result<Closed, String> {
        let (release, cycle) = (close.release, close.cycle);
        let member = self.number(close.member);
        // Also in the first revision: a member whose close failed may be closed by a correction before that one is tried again.
        let before = self.standing(cycle.number, member).map(|s| s.asked.clone()).unwrap_or_default();
        let end = self.end_of(close);
        let next = When { cycle: cycle.number + 1, day: end.day, at_ms: cycle.ends_ms };
        let grants = When { cycle: cycle.number, day: cycle.last_day, at_ms: cycle.ends_ms - 1 };
        let scope = Scope {
            release,
            handler: Some(handler),
            points: next,
            grants,
            event: None,
            inviter: None,
            closing: close.revision,
            before: &before,
        };
        let changes = match self.weigh(&scope, parties, effects) {
            Ok(changes) => changes,
            Err(stopped) => {
                self.close_issue(close, &stopped);
                return Err(stopped.reason);
            }
        };
        let asked = changes.asked.clone();
        let asked_ever = with_most(&before, &asked).map_err(|_| "a sum does not fit into 64 bits".to_string())?;
        let mut closed = Closed {
            entitlements: asked.iter().filter(|(_, n)| *n != 0).collect(),
            excess: excess(&before, &asked),
            is_nothing: changes.list.is_empty() && asked == before,
            receipt: Receipt::of(Outcome::Booked, release.number),
        };
        closed.receipt.function = Some(release.handler(handler).function.to_string());
        if close.dry_run || closed.is_nothing {
            return Ok(closed);
        }
        // Not the first day: where cycles do not start at midnight, two of them may share it.
        let starts = cycle.starts_ms.to_string();
        let cause =
            Cause { key: key_of(&["close", &starts]), function: release.codes.functions[handler], line: self.journal.len() as i32 + 1 };
        // Points that go into a cycle which is closed as well leave a correction due there.
        if changes.list.iter().any(|c| matches!(c.kind, Kind::Award { .. } | Kind::Deduct { .. })) {
            self.late(release, next.cycle);
        }
        closed.receipt.effects = self.book(&scope, changes, &cause).map_err(|_| "a sum does not fit into 64 bits".to_string())?;
        self.standing_at_close(cycle.number, member, close.revision).asked = asked_ever;
        let body = if self.complete { String::new() } else { closed.receipt.to_json() };
        self.add_line(JournalKind::Close, None, Some(member), cycle.ends_ms, body);
        Ok(closed)
    }

    fn close_issue(&mut self, close: &Close, stopped: &Stopped) {
        if stopped.closes_issue && !close.dry_run && !self.is_closed(ISSUE) {
            let why = stopped.reason.clone();
            self.set_switch(ISSUE, Switch { closed: true, by: "invariant".into(), why, at_ms: close.now_ms });
        }
    }
}

/// What is asked for, and where an earlier revision asked for more, that: it was done and is not undone, so a later
/// revision that asks for as much again does nothing.
fn with_most(before: &Tally, asked: &Tally) -> Result<Tally, Overflow> {
    let mut most = asked.clone();
    for (measure, count) in before.iter() {
        let now = asked.get(measure);
        let further = if count > 0 { count.max(now) } else { count.min(now) };
        most.add(measure, further.checked_sub(now).ok_or(Overflow)?)?;
    }
    Ok(most)
}

/// What was asked for before and is not any more.
fn excess(before: &Tally, asked: &Tally) -> Vec<(Code, i64)> {
    let given = before.iter().filter(|(_, count)| *count > 0);
    given.map(|(measure, count)| (measure, count.saturating_sub(asked.get(measure)))).filter(|(_, more)| *more > 0).collect()
}

//! What becomes of an event. The outcomes, in this order: known before · quarantined · waiting · duplicate · refused ·
//! failed · booked. A final one claims the event's source and id for ever; a booked one its business key too.

use super::booking::Cause;
use super::changes::{Scope, Stopped, When};
use super::close::Reach;
use super::gaps::cycles_needed;
use super::prepare::{Parsed, Prepared};
use super::question::questioned;
use super::receipt::{EffectLine, Receipt};
use super::roles::{Parties, Unresolved};
use super::rows::{EventRow, ISSUE, JournalKind, Outcome, REFERRAL, Switch, WaitRow};
use super::tally::Tally;
use super::{Book, Brief, KeptEvent, Slot};
use crate::campaign::{ACCEPTED, KeyPart, REDEEMED};
use crate::effect::{Effect, Limit, Verdict};
use crate::event::{Key, KeyMaker};
use crate::fact::Period;
use crate::names::Code;
use crate::release::Release;
use crate::value::{DEFAULT_KIND, DataType, MemberId, Value};

/// Events that are decided inside one another, because one set free the next.
const DEEPEST: usize = 32;

/// How the reason ends when an event has waited too long.
pub const WAIT_OVER: &str = ", and the wait is over";

/// What the sender is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub outcome: Answered,
    pub reason: Option<String>,
    /// An earlier delivery was answered so; nothing was done now.
    pub repeated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    Is(Outcome),
    /// The source and id are taken by an event with another body; nothing was stored.
    Conflict,
}

impl Answered {
    pub fn name(self) -> &'static str {
        match self {
            Answered::Is(outcome) => outcome.name(),
            Answered::Conflict => "conflict",
        }
    }
}

/// The working set lacks rows that this event needs: commit what is decided, and try it in the next group.
#[derive(Debug, PartialEq, Eq)]
pub struct NeedsRows;

/// What was decided, before it is recorded.
struct Decided {
    outcome: Outcome,
    receipt: Receipt,
    member: Option<Slot>,
    once_key: Option<Key>,
    waits_for: Option<(Slot, Code, i64)>,
    /// Who filled the roles when it was booked.
    parties: Parties,
}

impl Decided {
    fn new(prepared: &Prepared, outcome: Outcome, reason: impl Into<String>, member: Option<Slot>) -> Decided {
        let mut receipt = Receipt::of(outcome, prepared.release.number);
        receipt.reason = Some(reason.into());
        Decided { outcome, receipt, member, once_key: None, waits_for: None, parties: Parties::new() }
    }
}

impl Book {
    /// Decides one event and changes the working set. The next event sees what this one did.
    pub fn apply(&mut self, prepared: &Prepared) -> Result<Answer, NeedsRows> {
        let stored = match self.events.get(&prepared.identity) {
            Some(known) => known.as_ref().map(|kept| (kept.row.outcome, kept.row.body_hash == prepared.body_hash, kept.row.reason.clone())),
            None if !self.complete => return Err(NeedsRows),
            None => {
                let brief = self.briefs.get(&prepared.identity);
                brief.map(|brief| (brief.outcome, brief.body == Brief::body(&prepared.body_hash), None))
            }
        };
        if let Some((outcome, same_body, reason)) = stored {
            if !same_body && outcome != Outcome::Quarantined {
                let reason = "this source and id belong to an event with another body: send a new id".to_string();
                return Ok(Answer { outcome: Answered::Conflict, reason: Some(reason), repeated: false });
            }
            if outcome.is_final() {
                return Ok(Answer { outcome: Answered::Is(outcome), reason, repeated: true });
            }
        }
        let decided = self.decide(prepared)?;
        let unchanged = stored_again(self.events.get(&prepared.identity).and_then(Option::as_deref), prepared, &decided);
        let answer = Answer { outcome: Answered::Is(decided.outcome), reason: decided.receipt.reason.clone(), repeated: unchanged };
        if !unchanged {
            self.record(prepared, decided);
        }
        Ok(answer)
    }

    fn decide(&mut self, prepared: &Prepared) -> Result<Decided, NeedsRows> {
        let parsed = match &prepared.contract {
            Ok(parsed) => parsed,
            Err(reason) => return Ok(Decided::new(prepared, Outcome::Quarantined, reason, None)),
        };
        let slot = self.known_slot(&parsed.member)?;
        let parties = match self.filled_parties(prepared, parsed, slot)? {
            Ok(parties) => parties,
            Err(decided) => return Ok(decided),
        };
        self.check_rows(prepared, parsed, &parties)?;
        let once_key = self.foreseen_key(prepared, &parties).unwrap_or_else(|| self.once_key(prepared, parsed, &parties));
        if let Some(first) = self.claimed(once_key)? {
            let mut decided = Decided::new(prepared, Outcome::Duplicate, self.names_first(prepared, parsed, first), Some(slot));
            decided.receipt.function = None;
            return Ok(decided);
        }
        if let Some(refusal) = self.refuse_act(prepared, parsed, &parties) {
            return Ok(Decided::new(prepared, Outcome::Refused, refusal, Some(slot)));
        }
        Ok(self.evaluate_and_book(prepared, parsed, parties, once_key))
    }

    /// The slot of the event's member; in a store-backed book it must have been loaded.
    fn known_slot(&mut self, id: &MemberId) -> Result<Slot, NeedsRows> {
        match self.members.slot_of(id) {
            Some(slot) => Ok(slot),
            None if self.complete => Ok(self.slot(id)),
            None => Err(NeedsRows),
        }
    }

    /// Who fills the roles; or what becomes of the event because nobody does.
    fn filled_parties(&mut self, prepared: &Prepared, parsed: &Parsed, slot: Slot) -> Result<Result<Parties, Decided>, NeedsRows> {
        loop {
            let declared = &prepared.release.campaign.events[parsed.kind];
            match self.parties(prepared, parsed, slot, None) {
                Ok(parties) => return Ok(Ok(parties)),
                Err(Unresolved::Id(id)) if self.complete => {
                    self.slot(&id);
                }
                Err(Unresolved::Id(_) | Unresolved::Number(_)) => return Err(NeedsRows),
                Err(Unresolved::NeverFilled { role }) => {
                    let reason = format!("nobody is {}", declared.roles[role].text);
                    return Ok(Err(Decided::new(prepared, Outcome::Refused, reason, Some(slot))));
                }
                Err(Unresolved::Nobody { role, waits_for, what }) => {
                    let role = &declared.roles[role];
                    let ends_ms = prepared.release.campaign.calendar.ends_ms();
                    let until_ms = role.wait_ms.map_or(ends_ms, |wait| parsed.moment.at_ms.saturating_add(wait).min(ends_ms));
                    let reason = format!("nobody is {}", role.text);
                    if prepared.received_ms >= until_ms {
                        return Ok(Err(Decided::new(prepared, Outcome::Refused, format!("{reason}{WAIT_OVER}"), Some(slot))));
                    }
                    let mut decided = Decided::new(prepared, Outcome::Waiting, reason, Some(slot));
                    decided.waits_for = Some((waits_for, what, until_ms));
                    return Ok(Err(decided));
                }
            }
        }
    }

    /// Nothing may be read as zero only because it was not loaded.
    fn check_rows(&self, prepared: &Prepared, parsed: &Parsed, parties: &Parties) -> Result<(), NeedsRows> {
        if self.complete {
            return Ok(());
        }
        let release = &prepared.release;
        for cycle in cycles_needed(release, parsed) {
            let lacks = |slot: &Slot| self.lacks_standing((cycle, self.members[*slot].row.number));
            if !self.cycles.contains_key(&cycle) || parties.iter().flatten().any(lacks) {
                return Err(NeedsRows);
            }
        }
        if self.touched_by_late(release, parsed.cycle).any(|cycle| !self.cycles.contains_key(&cycle)) {
            return Err(NeedsRows);
        }
        let accepts = *release.campaign.events[parsed.kind].name == *ACCEPTED;
        let sets = release.handler_of_event[parsed.kind].is_some_and(|h| release.sets_member[h]);
        let ends_waits = if sets { parties.len() } else { usize::from(accepts) };
        if parties.iter().take(ends_waits).flatten().any(|slot| self.lacks_waits(*slot)) { Err(NeedsRows) } else { Ok(()) }
    }

    /// The event's business key: type and `once_per` parts. Not a member's number, so that the key can be recomputed.
    pub(super) fn once_key(&self, prepared: &Prepared, parsed: &Parsed, parties: &Parties) -> Option<Key> {
        let campaign = &prepared.release.campaign;
        let declared = &campaign.events[parsed.kind];
        if declared.once_per.is_empty() {
            return None;
        }
        let member = |key: &mut KeyMaker, slot: Option<Slot>| match slot.map(|s| &self.members[s].row.id) {
            None => key.add(""),
            Some(id) if *id.kind == *DEFAULT_KIND => key.add(&id.id),
            Some(id) => key.add(&id.to_string()),
        };
        let mut key = KeyMaker::default();
        key.add(&declared.name);
        for part in &declared.once_per {
            match part {
                KeyPart::Member => member(&mut key, parties[0]),
                KeyPart::Role(role) => member(&mut key, parties[1 + role]),
                KeyPart::Field(field) => match &parsed.data[*field] {
                    Value::Text(text) => key.add(text),
                    other => key.add(&other.to_string()),
                },
                KeyPart::Period(Period::Cycle) => key.add(&format!("cycle {}", parsed.cycle)),
                KeyPart::Period(period) => {
                    key.add(&format!("{period} {}", campaign.calendar.period_days(*period, parsed.moment.at_ms).start));
                }
            }
        }
        Some(key.finish())
    }

    /// The business key that decided about an event, if one did.
    pub fn business_key(&self, prepared: &Prepared) -> Option<Key> {
        let parsed = prepared.contract.as_ref().ok()?;
        let parties = self.parties(prepared, parsed, self.slot_of(&parsed.member)?, None).ok()?;
        self.once_key(prepared, parsed, &parties)
    }

    /// Whether a business key is claimed already; and the event that claims it, where that is kept.
    fn claimed(&self, once_key: Option<Key>) -> Result<Option<Option<Key>>, NeedsRows> {
        match once_key {
            None => Ok(None),
            Some(key) if self.claimed.contains(&key) => Ok(Some(None)),
            Some(key) => match self.claims.get(&key) {
                Some(claim) => Ok(claim.map(Some)),
                None if self.complete => Ok(None),
                None => Err(NeedsRows),
            },
        }
    }

    fn names_first(&self, prepared: &Prepared, parsed: &Parsed, first: Option<Key>) -> String {
        let declared = &prepared.release.campaign.events[parsed.kind];
        let parts: Vec<String> = declared
            .once_per
            .iter()
            .map(|part| match part {
                KeyPart::Member => "member".to_string(),
                KeyPart::Role(role) => declared.roles[*role].name.to_string(),
                KeyPart::Field(field) => format!("data.{}", declared.fields[*field].name),
                KeyPart::Period(period) => period.to_string(),
            })
            .collect();
        let first = first
            .and_then(|first| self.events.get(&first)?.as_ref())
            .map_or_else(String::new, |e| format!("; the first is {} {}", e.row.source, e.row.id));
        format!("once per {}{first}", parts.join(", "))
    }

    fn evaluate_and_book(&mut self, prepared: &Prepared, parsed: &Parsed, parties: Parties, once_key: Option<Key>) -> Decided {
        let release = &*prepared.release;
        let handler = release.handler_of_event[parsed.kind];
        let cause = once_key.unwrap_or(prepared.identity);
        let member = parties[0];
        let mut receipt = if self.silent { Receipt::default() } else { Receipt::of(Outcome::Booked, release.number) };
        let of_question = handler.map_or_else(|| parties.clone(), |handler| questioned(prepared, handler, &parties));
        let mut effects = self.act_effects(prepared, parsed);
        if let Some(handler) = handler {
            receipt.function = (!self.silent).then(|| release.handler(handler).function.to_string());
            let verdict = self.ask(prepared, parsed, handler, &parties, &of_question, once_key);
            self.deadlines = match &verdict {
                Verdict::Failed(failure) if failure.limit == Some(Limit::Deadline) => (self.deadlines.0, self.deadlines.1 + 1),
                _ => (false, 0),
            };
            match verdict {
                Verdict::Booked(asked) if effects.is_empty() => effects = asked,
                Verdict::Booked(asked) => effects.extend(asked),
                Verdict::Refused { reason, place } => {
                    (receipt.outcome, receipt.reason, receipt.place) =
                        (Outcome::Refused.name().into(), Some(reason), place.map(|p| p.to_string()));
                    return undone(Outcome::Refused, receipt, member);
                }
                Verdict::Failed(failure) if failure.limit.is_some() => {
                    self.rule_limit = self.rule_limit.or(failure.limit);
                    return failed(receipt, member, Stopped::because(failure.reason, failure.place));
                }
                Verdict::Failed(failure) => return failed(receipt, member, Stopped::because(failure.reason, failure.place)),
            }
        }
        let when = When { cycle: parsed.cycle, day: parsed.moment.day, at_ms: parsed.moment.at_ms };
        let scope = Scope {
            release,
            handler,
            points: when,
            grants: when,
            event: Some(parsed.kind),
            inviter: if *release.campaign.events[parsed.kind].name == *ACCEPTED { parties[1] } else { None },
            closing: 0,
            before: &Tally::default(),
        };
        match self.book_effects(&scope, prepared, parsed, &of_question, effects, cause) {
            Ok(lines) => receipt.effects = lines,
            Err(stopped) => {
                if stopped.closes_issue && !self.is_closed(ISSUE) {
                    let why = stopped.reason.clone();
                    self.set_switch(ISSUE, Switch { closed: true, by: "invariant".into(), why, at_ms: prepared.received_ms });
                }
                return if stopped.refuses { refused(receipt, member, stopped) } else { failed(receipt, member, stopped) };
            }
        }
        self.late(release, parsed.cycle);
        self.record_act(prepared, parsed, &parties, when);
        Decided { outcome: Outcome::Booked, receipt, member, once_key, waits_for: None, parties }
    }

    fn book_effects(
        &mut self,
        scope: &Scope,
        prepared: &Prepared,
        parsed: &Parsed,
        parties: &Parties,
        effects: Vec<Effect>,
        cause: Key,
    ) -> Result<Vec<EffectLine>, Stopped> {
        let changes = self.weigh(scope, parties, effects)?;
        self.refuse_clipped_redeem(prepared, &changes)?;
        let function = match scope.handler {
            Some(handler) => scope.release.codes.functions[handler],
            None => scope.release.codes.events[parsed.kind],
        };
        let cause = Cause { key: cause, function, line: self.journal.len() as i32 + 1 };
        let lines = self.book(scope, changes, &cause)?;
        if let Some(slot) = parties[0] {
            self.count(slot, scope.release.codes.booked[parsed.kind], 1, scope.points)?;
        }
        Ok(lines)
    }

    /// A booked event of a closed cycle leaves a correction due, there and in every later closed one whose close looks back.
    pub(super) fn late(&mut self, release: &Release, cycle: i32) {
        let due: Vec<(i32, i32)> = self.touched_by_late(release, cycle).map(|cycle| (cycle, self.revision(cycle))).collect();
        for due in due {
            if !self.corrections.contains(&due) {
                self.corrections.push(due);
            }
        }
    }

    /// Closed cycles whose close an event of this cycle can change.
    pub(super) fn touched_by_late(&self, release: &Release, cycle: i32) -> std::ops::RangeInclusive<i32> {
        let closed = self.head.closed_through;
        if cycle < closed && !Reach::of(release).history { cycle..=cycle } else { cycle..=closed }
    }

    pub(super) fn seed(&self, cause: &Key) -> u64 {
        draw_seed(self.head.seed, cause)
    }

    /// Writes the event's row and journal line, claims its keys, and decides what waited for it.
    fn record(&mut self, prepared: &Prepared, mut decided: Decided) {
        let previous = self.events.get(&prepared.identity).and_then(Option::as_ref);
        let was = previous.map(|kept| (kept.is_new, kept.row.outcome, kept.row.data.clone(), kept.row.body_hash));
        if let Some((_, Outcome::Quarantined, data, hash)) = &was
            && *hash != prepared.body_hash
        {
            decided.receipt.replaced = Some(data.clone());
        }
        let member = decided.member.map(|slot| self.number(slot));
        let at_ms = prepared.event.at_ms.as_ref().copied().unwrap_or(prepared.received_ms);
        let line = self.add_line(
            JournalKind::Event,
            Some(prepared.identity),
            member,
            at_ms,
            if self.complete { String::new() } else { decided.receipt.to_json() },
        );
        let brief = self.terse && was.is_none() && decided.outcome.is_final();
        if brief {
            let brief = Brief { outcome: decided.outcome, body: Brief::body(&prepared.body_hash) };
            self.briefs.insert(prepared.identity, brief);
        } else {
            let row = self.event_row(prepared, &decided, member, line);
            let is_new = was.as_ref().is_none_or(|(is_new, ..)| *is_new);
            self.events.insert(prepared.identity, Some(Box::new(KeptEvent { row, is_new, changed: true })));
            if !self.terse {
                self.touched_events.push(prepared.identity);
            }
        }
        match decided.once_key {
            Some(once_key) if brief => _ = self.claimed.insert(once_key),
            Some(once_key) => _ = self.claims.insert(once_key, Some(prepared.identity)),
            None => {}
        }
        if matches!(was, Some((_, Outcome::Waiting, ..))) && decided.outcome != Outcome::Waiting {
            // Waits are deleted before new ones are written.
            self.new_waits.retain(|wait| wait.identity != prepared.identity);
            self.ended_waits.push(prepared.identity);
            self.waiting.remove(&prepared.identity);
        }
        match decided.waits_for {
            Some((slot, what, until_ms)) => self.wait(prepared, slot, what, until_ms),
            None if decided.outcome == Outcome::Booked => self.end_waits(prepared, &decided.parties),
            None => {}
        }
        // Last, because what waited has receipts of its own.
        if self.complete && !self.silent {
            self.receipts.push((prepared.identity, decided.receipt));
        }
    }

    fn event_row(&self, prepared: &Prepared, decided: &Decided, member: Option<i64>, line: i32) -> EventRow {
        let event = &prepared.event;
        let text = |text: &str| if self.terse { String::new() } else { text.to_string() };
        EventRow {
            identity: prepared.identity,
            source: text(&event.source),
            id: text(&event.id),
            kind: text(&event.kind),
            subject: event.subject.as_deref().map(text),
            member,
            at_ms: event.at_ms.as_ref().ok().copied(),
            received_ms: prepared.received_ms,
            data: text(&event.data),
            body_hash: prepared.body_hash,
            outcome: decided.outcome,
            // Kept even when terse: what waits is told apart by its reason.
            reason: if self.terse && decided.outcome.is_final() { None } else { decided.receipt.reason.clone() },
            once_key: decided.once_key,
            release: prepared.release.number,
            position: self.next_position(),
            line,
        }
    }

    fn wait(&mut self, prepared: &Prepared, slot: Slot, what: Code, until_ms: i64) {
        let member = self.number(slot);
        self.new_waits.push(WaitRow { member, what, identity: prepared.identity, until_ms });
        self.waits.entry((member, what)).or_default().push(prepared.identity);
        self.waiting.insert(prepared.identity, prepared.clone());
    }

    /// Decides what waited for a referral or attribute that this event has just filled. `parties` are those that it was
    /// booked for: what it has set may name others.
    fn end_waits(&mut self, prepared: &Prepared, parties: &Parties) {
        let Ok(parsed) = &prepared.contract else { return };
        let release = &prepared.release;
        let Some(slot) = self.slot_of(&parsed.member) else { return };
        let mut ended: Vec<(Slot, Code, Key)> = Vec::new();
        if *release.campaign.events[parsed.kind].name == *ACCEPTED {
            ended.extend(self.take_waits(slot, REFERRAL).into_iter().map(|identity| (slot, REFERRAL, identity)));
        }
        if release.handler_of_event[parsed.kind].is_some_and(|h| release.sets_member[h]) {
            let kinds = release.campaign.attributes.iter().zip(&release.codes.attributes);
            let codes: Vec<Code> = kinds.filter(|(a, _)| matches!(a.kind, DataType::Member(_))).map(|(_, code)| *code).collect();
            for slot in parties.iter().copied().flatten() {
                for code in codes.iter().copied().filter(|code| self.has_named(slot, *code)).collect::<Vec<_>>() {
                    ended.extend(self.take_waits(slot, code).into_iter().map(|identity| (slot, code, identity)));
                }
            }
        }
        for (slot, what, identity) in ended {
            self.decide_again(prepared.received_ms, slot, what, identity);
        }
    }

    /// Whether an attribute of a member names somebody, so that nothing has to wait for it.
    fn has_named(&self, slot: Slot, attribute: Code) -> bool {
        self.members[slot]
            .row
            .attributes
            .iter()
            .any(|(code, value)| *code == attribute && matches!(value, Value::Text(id) if !id.is_empty()))
    }

    fn decide_again(&mut self, now_ms: i64, slot: Slot, what: Code, identity: Key) {
        // What comes after a deferred one must not overtake it; and one that sets free the next, and so on, goes on in the
        // next commit, because each is decided inside the one before.
        if !self.deferred.is_empty() || (self.depth >= DEEPEST && !self.complete) {
            return self.defer(now_ms, slot, what, identity);
        }
        let Some(waiting) = self.waiting.remove(&identity) else { return self.defer(now_ms, slot, what, identity) };
        let again = Prepared { received_ms: now_ms, ..waiting };
        self.depth += 1;
        let answer = self.apply(&again);
        self.depth -= 1;
        match answer {
            Err(NeedsRows) => self.defer(now_ms, slot, what, identity),
            // It waits for somebody else of the same description: nothing was recorded, so it must stay where it was.
            Ok(Answer { outcome: Answered::Is(Outcome::Waiting), repeated: true, .. }) => {
                let number = self.number(slot);
                self.waits.entry((number, what)).or_default().push(identity);
                self.waiting.insert(identity, again);
            }
            Ok(_) => {}
        }
    }

    /// Leaves an event that nothing keeps waiting to the next commit. Its wait ends now, in this commit, so that
    /// whoever looks for ended waits finds it should that next commit never come.
    fn defer(&mut self, now_ms: i64, slot: Slot, what: Code, identity: Key) {
        let member = self.number(slot);
        self.new_waits.retain(|wait| (wait.member, wait.what, wait.identity) != (member, what, identity));
        self.new_waits.push(WaitRow { member, what, identity, until_ms: now_ms });
        self.deferred.push(identity);
    }
}

/// What a decision's draws depend on: the campaign's own seed, so that nobody can foresee a draw, and the cause, so that
/// asking again cannot change one.
pub fn draw_seed(campaign: i64, cause: &Key) -> u64 {
    halves(cause).fold(campaign as u64, |mixed, half| crate::language::mix(mixed ^ half))
}

/// The seed of a campaign in which this cause draws what `draws` gives: [`draw_seed`], backwards.
pub fn campaign_seed(draws: u64, cause: &Key) -> i64 {
    halves(cause).rev().fold(draws, |mixed, half| crate::language::unmix(mixed) ^ half) as i64
}

fn halves(cause: &Key) -> impl DoubleEndedIterator<Item = u64> {
    cause.chunks_exact(8).map(|half| half.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn failed(mut receipt: Receipt, member: Option<Slot>, stopped: Stopped) -> Decided {
    let place = stopped.place.map(|p| p.to_string());
    (receipt.outcome, receipt.reason, receipt.place) = (Outcome::Failed.name().into(), Some(stopped.reason), place);
    receipt.effects.clear();
    undone(Outcome::Failed, receipt, member)
}

fn undone(outcome: Outcome, receipt: Receipt, member: Option<Slot>) -> Decided {
    Decided { outcome, receipt, member, once_key: None, waits_for: None, parties: Parties::new() }
}

fn refused(mut receipt: Receipt, member: Option<Slot>, stopped: Stopped) -> Decided {
    (receipt.outcome, receipt.reason) = (Outcome::Refused.name().into(), Some(stopped.reason));
    undone(Outcome::Refused, receipt, member)
}

/// The same body came to the same end, which is not final: nothing new to write.
fn stored_again(stored: Option<&KeptEvent>, prepared: &Prepared, decided: &Decided) -> bool {
    stored.is_some_and(|kept| {
        let row = &kept.row;
        row.body_hash == prepared.body_hash
            && row.outcome == decided.outcome
            && !decided.outcome.is_final()
            && row.reason == decided.receipt.reason
    })
}

/// The built-in acts have effects of their own.
pub(super) fn is_redeem(prepared: &Prepared, parsed: &Parsed) -> bool {
    *prepared.release.campaign.events[parsed.kind].name == *REDEEMED
}

//! What a rule is asked about an event. A rule is a function of its question: whoever foresees the question can have it
//! answered early and on another thread, and the answer counts where the question is still that one when the event's
//! turn comes. Else the rule is asked again.
//!
//! Must not know: what becomes of an answer, threads.

use super::prepare::{Parsed, Prepared};
use super::roles::Parties;
use super::tally::Overflow;
use super::{Book, Slot};
use crate::effect::{Failure, Verdict};
use crate::event::Key;
use crate::language::Question;
use crate::value::{MemberId, Value};

/// All that an answer depends on, besides the event itself and its release.
pub struct Asked {
    handler: usize,
    /// The event's, from whom the question's members follow.
    parties: Parties,
    once_key: Option<Key>,
    /// The member, then the handler's roles.
    members: Vec<Option<MemberId>>,
    /// In the order of `Handler::reads`.
    facts: Vec<Value>,
    seed: u64,
}

/// An answer that came early.
pub(super) struct Foreseen {
    /// Identity and body of the event.
    of: (Key, Key),
    asked: Asked,
    verdict: Verdict,
}

impl Asked {
    /// The rule's own answer.
    pub fn answer(&self, prepared: &Prepared, parsed: &Parsed) -> Verdict {
        let question = Question {
            id: &prepared.event.id,
            event: &prepared.event.kind,
            moment: parsed.moment,
            cycle: None,
            members: &self.members,
            data: &parsed.data,
            facts: &self.facts,
            seed: self.seed,
            forced_draws: &prepared.forced_draws,
        };
        prepared.release.module.decide(self.handler, &question)
    }
}

impl Book {
    /// What the rule would be asked if the event were decided now; none where it would not be asked, or where that
    /// cannot be said yet. Changes nothing.
    pub fn foresee(&self, prepared: &Prepared) -> Option<Asked> {
        let parsed = prepared.contract.as_ref().ok()?;
        let handler = prepared.release.handler_of_event[parsed.kind]?;
        let parties = self.parties(prepared, parsed, self.slot_of(&parsed.member)?, None).ok()?;
        let once_key = self.once_key(prepared, parsed, &parties);
        let questioned = questioned(prepared, handler, &parties);
        let facts = self.facts(prepared, parsed, handler, &questioned).ok()?;
        Some(self.question(prepared, handler, parties, once_key, facts))
    }

    /// Notes the early answer about the event that is decided next.
    pub fn expect(&mut self, prepared: &Prepared, asked: Asked, verdict: Verdict) {
        self.foreseen = Some(Foreseen { of: (prepared.identity, prepared.body_hash), asked, verdict });
    }

    /// The business key of an event with these parties, if it was foreseen.
    pub(super) fn foreseen_key(&self, prepared: &Prepared, parties: &Parties) -> Option<Option<Key>> {
        self.foreseen.as_ref().filter(|early| early.is_of(prepared, parties)).map(|early| early.asked.once_key)
    }

    /// The answer of an event's rule, from early on where the question has not changed. `questioned` are those of the
    /// parties whom it is about.
    pub(super) fn ask(
        &mut self,
        prepared: &Prepared,
        parsed: &Parsed,
        handler: usize,
        parties: &Parties,
        questioned: &[Option<Slot>],
        once_key: Option<Key>,
    ) -> Verdict {
        let Ok(facts) = self.facts(prepared, parsed, handler, questioned) else {
            return Verdict::Failed(Failure::new("a sum does not fit into 64 bits", None));
        };
        match self.foreseen.take() {
            Some(early) if early.is_of(prepared, parties) && early.asked.facts == facts => early.verdict,
            _ => self.question(prepared, handler, parties.clone(), once_key, facts).answer(prepared, parsed),
        }
    }

    fn facts(&self, prepared: &Prepared, parsed: &Parsed, handler: usize, questioned: &[Option<Slot>]) -> Result<Vec<Value>, Overflow> {
        let release = &prepared.release;
        let fact_of = |read: &crate::language::Read| match questioned[read.of] {
            Some(slot) => self.fact(release, slot, &read.fact, &parsed.moment, parsed.cycle),
            None => Ok(Value::Missing),
        };
        release.handler(handler).reads.iter().map(fact_of).collect()
    }

    fn question(&self, prepared: &Prepared, handler: usize, parties: Parties, once_key: Option<Key>, facts: Vec<Value>) -> Asked {
        let members = questioned(prepared, handler, &parties).iter().map(|slot| slot.map(|s| self.members[s].row.id.clone())).collect();
        let seed = self.seed(&once_key.unwrap_or(prepared.identity));
        Asked { handler, parties, once_key, members, facts, seed }
    }
}

impl Foreseen {
    fn is_of(&self, prepared: &Prepared, parties: &Parties) -> bool {
        self.of == (prepared.identity, prepared.body_hash) && self.asked.parties == *parties
    }
}

/// Those of an event's parties whom a handler is about: the member, then the roles that it uses.
pub(super) fn questioned(prepared: &Prepared, handler: usize, parties: &Parties) -> Parties {
    let roles = &prepared.release.handler(handler).roles;
    parties.iter().take(1).chain(roles.iter().map(|role| &parties[1 + role])).copied().collect()
}

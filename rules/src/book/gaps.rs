//! What a batch needs that the working set does not hold yet, so that a store can fetch it set-wise: members first,
//! until nobody is missing, then standings, cycles and claims.

use super::prepare::{Parsed, Prepared, Releases, prepare_again};
use super::roles::{Declared, Parties, Unresolved};
use super::rows::{CycleRow, EventRow, Members, Outcome, REFERRAL, StandingRow, WaitRow};
use super::{Book, Kept, KeptEvent, Slot, Standing};
use crate::campaign::ACCEPTED;
use crate::event::Key;
use crate::fact::{Fact, Period};
use crate::release::Release;
use crate::value::MemberId;
use rustc_hash::FxHashSet;

/// Members, and events that wait for them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct MemberGaps {
    pub ids: Vec<MemberId>,
    pub numbers: Vec<i64>,
    /// Members whose waits are to be loaded.
    pub waits: Vec<i64>,
    /// Events that wait for them.
    pub events: Vec<Key>,
}

impl MemberGaps {
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.numbers.is_empty() && self.waits.is_empty() && self.events.is_empty()
    }
}

/// Everything else, once all members are there.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RowGaps {
    pub standings: Vec<(i32, i64)>,
    pub cycles: Vec<i32>,
    pub claims: Vec<Key>,
}

/// Gaps without repetition.
#[derive(Default)]
struct Collected {
    gaps: MemberGaps,
    ids: FxHashSet<MemberId>,
    numbers: FxHashSet<i64>,
    waits: FxHashSet<i64>,
    events: FxHashSet<Key>,
}

impl Book {
    /// Rows of events as they are stored, for the identities that were asked for.
    pub fn load_events(&mut self, asked: &[Key], found: Vec<EventRow>) {
        for row in found {
            self.events.insert(row.identity, Some(Box::new(KeptEvent { row, is_new: false, changed: false })));
        }
        for identity in asked {
            self.events.entry(*identity).or_insert(None);
        }
    }

    /// Members, for the ids and numbers that were asked for. What the working set has already is newer.
    pub fn load_members(&mut self, asked: &[MemberId], found: Members) {
        for row in found.rows {
            if self.members.slot_of(&row.id).is_none() {
                self.members.push(row);
            }
        }
        for row in found.latest {
            self.standings.entry((row.cycle, row.member)).or_insert_with(|| Standing::stored(row));
        }
        for id in asked {
            self.slot(id);
        }
    }

    /// What waits for members, for those that were asked for.
    pub fn load_waits(&mut self, asked: &[i64], found: Vec<WaitRow>) {
        for wait in found {
            let list = self.waits.entry((wait.member, wait.what)).or_default();
            if !list.contains(&wait.identity) {
                list.push(wait.identity);
            }
        }
        self.waits_known.extend(asked);
    }

    /// Makes stored events that wait ready to be decided again.
    pub fn load_waiting(&mut self, identities: &[Key], releases: &Releases, now_ms: i64) {
        for identity in identities {
            if let Some(Some(kept)) = self.events.get(identity)
                && let Some(prepared) = prepare_again(&kept.row, releases, now_ms)
            {
                self.waiting.insert(*identity, prepared);
            }
        }
    }

    pub fn load_standings(&mut self, asked: &[(i32, i64)], found: Vec<StandingRow>) {
        for row in found {
            self.standings.insert((row.cycle, row.member), Standing::stored(row));
        }
        for key in asked {
            self.standings.entry(*key).or_insert(None);
        }
    }

    pub fn load_cycles(&mut self, asked: &[i32], found: Vec<CycleRow>) {
        for row in found {
            self.cycles.insert(row.cycle, Kept { row, changed: false });
        }
        for &cycle in asked {
            self.cycles
                .entry(cycle)
                .or_insert_with(|| Kept { row: CycleRow { cycle, revision: 1, ..CycleRow::default() }, changed: false });
        }
    }

    /// Events that claim business keys, for the keys that were asked for.
    pub fn load_claims(&mut self, asked: &[Key], found: Vec<EventRow>) {
        for row in found {
            if let Some(once_key) = row.once_key {
                self.claims.insert(once_key, Some(row.identity));
                self.events.entry(row.identity).or_insert(Some(Box::new(KeptEvent { row, is_new: false, changed: false })));
            }
        }
        for once_key in asked {
            self.claims.entry(*once_key).or_insert(None);
        }
    }

    /// Members that the batch names and the working set does not hold; to be asked again after loading, until empty.
    pub fn member_gaps(&self, batch: &[Prepared]) -> MemberGaps {
        let mut collected = Collected::default();
        for prepared in batch {
            let Ok(parsed) = &prepared.contract else { continue };
            let Some(slot) = self.members.slot_of(&parsed.member) else {
                collected.id(&parsed.member);
                self.named_gaps(prepared, parsed, &mut collected);
                continue;
            };
            self.party_gaps(prepared, parsed, slot, None, &mut collected);
            for filled in self.may_fill(prepared, parsed, slot) {
                self.wait_gaps(filled, prepared, parsed, &mut collected);
            }
        }
        collected.gaps
    }

    /// Members that the data itself names need no second round.
    fn named_gaps(&self, prepared: &Prepared, parsed: &Parsed, collected: &mut Collected) {
        let declared = &prepared.release.campaign.events[parsed.kind];
        for role in &declared.roles {
            if let crate::campaign::RolePath::Field(field) = role.path
                && let Some(id) = super::prepare::named_member(&parsed.data[field], &declared.fields[field].kind)
                && self.members.slot_of(&id).is_none()
            {
                collected.id(&id);
            }
        }
    }

    fn party_gaps(&self, prepared: &Prepared, parsed: &Parsed, slot: Slot, assume: Option<(Slot, Slot)>, collected: &mut Collected) {
        match self.parties(prepared, parsed, slot, assume) {
            Err(Unresolved::Id(id)) => collected.id(&id),
            Err(Unresolved::Number(number)) => collected.number(number),
            _ => {}
        }
    }

    /// Slots whose waits this event may end.
    fn may_fill(&self, prepared: &Prepared, parsed: &Parsed, slot: Slot) -> Vec<Slot> {
        let release = &prepared.release;
        if *release.campaign.events[parsed.kind].name == *ACCEPTED {
            return vec![slot];
        }
        match release.handler_of_event[parsed.kind] {
            Some(handler) if release.sets_member[handler] => match self.parties(prepared, parsed, slot, None) {
                Ok(parties) => parties.into_iter().flatten().collect(),
                Err(_) => vec![slot],
            },
            _ => Vec::new(),
        }
    }

    fn wait_gaps(&self, filled: Slot, prepared: &Prepared, parsed: &Parsed, collected: &mut Collected) {
        let number = self.members[filled].row.number;
        if self.is_new_member(number) {
            return;
        }
        if !self.waits_known.contains(&number) {
            return collected.wait(number);
        }
        let assume = self.assumed_referral(prepared, parsed, filled);
        for identity in self.waits.iter().filter(|((member, _), _)| *member == number).flat_map(|(_, list)| list) {
            match self.waiting.get(identity) {
                None if !self.events.contains_key(identity) => collected.event(*identity),
                None => {}
                Some(waiting) => {
                    let Ok(parsed) = &waiting.contract else { continue };
                    match self.members.slot_of(&parsed.member) {
                        Some(slot) => self.party_gaps(waiting, parsed, slot, assume, collected),
                        None => collected.id(&parsed.member),
                    }
                }
            }
        }
    }

    /// The referral that an accepted invitation is about to record.
    fn assumed_referral(&self, prepared: &Prepared, parsed: &Parsed, invitee: Slot) -> Option<(Slot, Slot)> {
        if *prepared.release.campaign.events[parsed.kind].name != *ACCEPTED {
            return None;
        }
        let inviter = self.parties(prepared, parsed, invitee, None).ok()?.get(1).copied()??;
        Some((invitee, inviter))
    }

    /// Standings, cycles and claims that the batch reads or writes.
    pub fn row_gaps(&self, batch: &[Prepared]) -> RowGaps {
        let mut gaps = RowGaps::default();
        let (mut standings, mut cycles, mut claims) = (FxHashSet::default(), FxHashSet::default(), FxHashSet::default());
        for prepared in batch {
            let Ok(parsed) = &prepared.contract else { continue };
            let Some(slot) = self.members.slot_of(&parsed.member) else { continue };
            let Ok(parties) = self.parties(prepared, parsed, slot, None) else { continue };
            self.rows_of(prepared, parsed, &parties, &mut standings, &mut cycles, &mut claims, &mut gaps);
            for filled in self.may_fill(prepared, parsed, slot) {
                let assume = self.assumed_referral(prepared, parsed, filled);
                let number = self.members[filled].row.number;
                for identity in self.waits.iter().filter(|((member, _), _)| *member == number).flat_map(|(_, list)| list) {
                    let Some(waiting) = self.waiting.get(identity) else { continue };
                    let Ok(parsed) = &waiting.contract else { continue };
                    let Some(slot) = self.members.slot_of(&parsed.member) else { continue };
                    if let Ok(parties) = self.parties(waiting, parsed, slot, assume) {
                        self.rows_of(waiting, parsed, &parties, &mut standings, &mut cycles, &mut claims, &mut gaps);
                    }
                }
            }
        }
        gaps
    }

    #[allow(clippy::too_many_arguments)] // The three sets and the lists they guard belong together.
    fn rows_of(
        &self,
        prepared: &Prepared,
        parsed: &Parsed,
        parties: &Parties,
        standings: &mut FxHashSet<(i32, i64)>,
        cycles: &mut FxHashSet<i32>,
        claims: &mut FxHashSet<Key>,
        gaps: &mut RowGaps,
    ) {
        for cycle in cycles_needed(&prepared.release, parsed) {
            if !self.cycles.contains_key(&cycle) && cycles.insert(cycle) {
                gaps.cycles.push(cycle);
            }
            for slot in parties.iter().flatten() {
                let key = (cycle, self.members[*slot].row.number);
                if self.lacks_standing(key) && standings.insert(key) {
                    gaps.standings.push(key);
                }
            }
        }
        for cycle in self.touched_by_late(&prepared.release, parsed.cycle) {
            if !self.cycles.contains_key(&cycle) && cycles.insert(cycle) {
                gaps.cycles.push(cycle);
            }
        }
        if let Some(once_key) = self.once_key(prepared, parsed, parties)
            && !self.claims.contains_key(&once_key)
            && claims.insert(once_key)
        {
            gaps.claims.push(once_key);
        }
    }

    /// Nobody has a standing in a later cycle than the one of their latest.
    pub(super) fn lacks_standing(&self, (cycle, member): (i32, i64)) -> bool {
        if self.complete || self.is_new_member(member) || self.standings.contains_key(&(cycle, member)) {
            return false;
        }
        let slot = self.members.slot_of_number(member);
        slot.is_none_or(|slot| self.members[slot].row.latest.is_some_and(|(latest, _)| latest >= cycle))
    }

    /// A member who cannot have rows in the store yet.
    pub(super) fn is_new_member(&self, number: i64) -> bool {
        number == 0 || number > self.loaded_through
    }

    pub(super) fn parties(
        &self,
        prepared: &Prepared,
        parsed: &Parsed,
        slot: Slot,
        assume: Option<(Slot, Slot)>,
    ) -> Result<Parties, Unresolved> {
        let declared = &prepared.release.campaign.events[parsed.kind];
        let declared = Declared { roles: &declared.roles, fields: &declared.fields, data: &parsed.data };
        self.resolve(&prepared.release, &declared, slot, assume)
    }

    /// True when the waits of a member would have to be loaded before they can end.
    pub(super) fn lacks_waits(&self, slot: Slot) -> bool {
        let number = self.members[slot].row.number;
        !self.complete && !self.is_new_member(number) && !self.waits_known.contains(&number)
    }

    /// Takes the events that wait for a member's referral or attribute, in the order in which they came.
    pub(super) fn take_waits(&mut self, slot: Slot, what: crate::names::Code) -> Vec<Key> {
        let number = self.members[slot].row.number;
        let mut list = self.waits.remove(&(number, what)).unwrap_or_default();
        debug_assert!(what >= REFERRAL);
        // What was decided in the meantime, because its wait was over, waits no longer.
        list.retain(|identity| self.events.get(identity).and_then(Option::as_ref).is_none_or(|e| e.row.outcome == Outcome::Waiting));
        list.sort_by_key(|identity| self.events.get(identity).and_then(Option::as_ref).map(|e| (e.row.position, e.row.line)));
        list
    }
}

/// The cycles whose standings an event reads or writes.
pub(super) fn cycles_needed(release: &Release, parsed: &Parsed) -> Vec<i32> {
    let mut cycles = vec![parsed.cycle];
    let mut period = |period: Period| {
        if matches!(period, Period::Day | Period::Week | Period::Month) {
            let calendar = &release.campaign.calendar;
            for cycle in calendar.cycles_touching(calendar.period_days(period, parsed.moment.at_ms)) {
                if !cycles.contains(&cycle) {
                    cycles.push(cycle);
                }
            }
        }
    };
    if release.has_day_limits {
        period(Period::Day);
    }
    if let Some(handler) = release.handler_of_event[parsed.kind] {
        for read in &release.handler(handler).reads {
            match read.fact {
                Fact::Points { period: p, .. }
                | Fact::Granted { period: p, .. }
                | Fact::Events { period: p, .. }
                | Fact::Referrals { period: p } => period(p),
                Fact::Attribute { .. } | Fact::Rank { .. } => {}
            }
        }
    }
    cycles
}

impl Collected {
    fn id(&mut self, id: &MemberId) {
        if self.ids.insert(id.clone()) {
            self.gaps.ids.push(id.clone());
        }
    }
    fn number(&mut self, number: i64) {
        if self.numbers.insert(number) {
            self.gaps.numbers.push(number);
        }
    }
    fn wait(&mut self, number: i64) {
        if self.waits.insert(number) {
            self.gaps.waits.push(number);
        }
    }
    fn event(&mut self, identity: Key) {
        if self.events.insert(identity) {
            self.gaps.events.push(identity);
        }
    }
}

//! The story of a real event: what those whom it touched had, the event, and what its receipt says came of it.

use super::Decided;
use super::aliases::Aliases;
use super::given::Reach;
use super::past::{Past, What};
use crate::book::decide::WAIT_OVER;
use crate::book::prepare::{Parsed, Prepared, Releases, prepare};
use crate::book::receipt::EffectLine;
use crate::book::rows::Outcome;
use crate::campaign::{ACCEPTED, Campaign, INVITED, RolePath};
use crate::cases::write::{Act, Counts, Expect, Given, GivenMember, Step, Story};
use crate::language::Files;
use crate::release::Release;
use crate::value::{DataType, MemberId, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Who has what everybody else had.
const OTHERS: &str = "others";

/// How much a story says.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// What everybody else had, for what counts the whole campaign.
    pub others: bool,
    /// The words of a refusal.
    pub reasons: bool,
    /// What came of it, beyond the outcome.
    pub money: bool,
}

pub struct Teller<'a> {
    pub(super) past: &'a Past,
    decided: &'a [Decided],
    release: &'a Release,
    prepared: Vec<Prepared>,
    aliases: Aliases<'a>,
    /// Everybody whom it touched: the real id, and the other name.
    pub(super) touched: Vec<(String, String)>,
}

impl<'a> Teller<'a> {
    /// Fails where a case has no words for the event.
    pub fn new(past: &'a Past, decided: &'a [Decided], release: &'a Arc<Release>, files: &'a Files) -> Result<Teller<'a>, String> {
        let only = Releases::new(vec![release.clone()]);
        let mut prepared = Vec::new();
        for one in decided {
            let at_ms = one.event.at_ms.clone().map_err(|why| format!("a case cannot tell an event without a time: {why}"))?;
            prepared.extend(prepare(one.event.clone(), &only, at_ms));
        }
        let mut teller =
            Teller { past, decided, release, prepared, aliases: Aliases::new(&release.campaign, files, Vec::new()), touched: Vec::new() };
        let real = teller.parties();
        let mut taken: Vec<String> = decided.iter().flat_map(|one| texts_of(&one.event)).collect();
        taken.extend(real.iter().map(|id| MemberId::parse(id, &release.campaign.kinds()).id.to_string()));
        teller.aliases = Aliases::new(&release.campaign, files, taken);
        for id in real {
            let alias = teller.aliases.member_text(&id);
            teller.touched.push((id, alias));
        }
        for (index, one) in decided.iter().enumerate() {
            teller.aliases.call(&one.event.id, &format!("step-{}-1", index + 1));
            teller.aliases.call(&one.event.source, "case");
        }
        Ok(teller)
    }

    pub(super) fn campaign(&self) -> &'a Campaign {
        &self.release.campaign
    }

    /// Whom the events name and whom their effects reach; who fills a role before the member, so that alice invites bob.
    fn parties(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for (prepared, one) in self.prepared.iter().zip(self.decided) {
            let mut of_event = prepared.contract.as_ref().map_or_else(|_| Vec::new(), |parsed| self.roles(parsed));
            of_event.reverse();
            of_event.extend(one.receipt.effects.iter().filter_map(|effect| effect.member.clone()));
            let own_act = matches!(&*one.event.kind, ACCEPTED | INVITED);
            let inviters: Vec<String> = of_event.iter().filter_map(|id| Some(self.past.of(id)?.inviter.as_ref()?.0.clone())).collect();
            of_event.extend(inviters.into_iter().filter(|_| own_act));
            for id in of_event {
                if !all.contains(&id) {
                    all.push(id);
                }
            }
        }
        all
    }

    /// The member, and who fills the roles.
    fn roles(&self, parsed: &Parsed) -> Vec<String> {
        let campaign = self.campaign();
        let declared = &campaign.events[parsed.kind];
        let mut parties = vec![Some(parsed.member.to_string())];
        for role in &declared.roles {
            let of = |index: usize| parties[index].as_ref().and_then(|id: &String| self.past.of(id));
            parties.push(match role.path {
                RolePath::Member => parties[0].clone(),
                RolePath::Field(field) => match (&parsed.data[field], &declared.fields[field].kind) {
                    (Value::Text(id), DataType::Member(kind)) if !id.is_empty() => Some(MemberId::of_kind(kind, id).to_string()),
                    _ => None,
                },
                RolePath::Referral { of: whose } => of(whose).and_then(|past| Some(past.inviter.as_ref()?.0.clone())),
                RolePath::Attribute { of: whose, attribute } => {
                    let attribute = &campaign.attributes[attribute];
                    let value = of(whose).and_then(|past| past.attributes.get(&*attribute.name));
                    match (value, &attribute.kind) {
                        (Some(id), DataType::Member(kind)) if !id.is_empty() => Some(MemberId::of_kind(kind, id).to_string()),
                        _ => None,
                    }
                }
            });
        }
        parties.into_iter().flatten().collect()
    }

    pub fn story(&mut self, way: Way) -> Story {
        let given = self.given(way);
        let steps = (0..self.decided.len()).map(|index| self.step(index, way)).collect();
        let expect = if way.money { self.expect() } else { Expect { others_may: true, ..Expect::default() } };
        Story { comment: self.comment(), name: self.name(), seed: 0, given, steps, expect }
    }

    fn name(&self) -> String {
        let last = &self.decided[self.decided.len() - 1];
        let at = last.event.at_ms.as_ref().map_or_else(|_| String::new(), |at_ms| self.campaign().calendar.text_of(*at_ms));
        format!("{} of {at}: {}", last.event.kind, last.receipt.outcome)
    }

    fn comment(&self) -> Vec<String> {
        let last = &self.decided[self.decided.len() - 1].receipt;
        let by = last.function.as_ref().map_or_else(String::new, |function| format!(", {function}"));
        let hash = self.release.hash.get(..12).unwrap_or(&self.release.hash);
        let mut lines = vec![
            "A real event, made a case by `guerdon case from-event`: ids and texts are replaced.".to_string(),
            format!("Decided by release {}, content {hash}{by}.", last.release),
        ];
        let clipped = last.effects.iter().filter_map(|e| Some((e.name.as_ref()?, e.asked?, e.limit.as_ref()?, e.count?)));
        lines.extend(clipped.map(|(name, asked, limit, count)| format!("{limit} made {count} of {asked} {name}.")));
        lines
    }

    fn given(&mut self, way: Way) -> Given {
        let calendar = &self.campaign().calendar;
        let Some(first) = self.prepared.first() else { return Given::default() };
        let event_ms = first.event.at_ms.clone().unwrap_or(0);
        let reach = Reach::of(self.release, first.contract.as_ref().ok().map(|parsed| parsed.kind));
        let referrals = self.referrals();
        let had = self.had(&reach, &referrals, event_ms, way);
        let accepted_ms = referrals.iter().map(|(_, _, at_ms)| *at_ms).max();
        let instants = had.iter().flat_map(|had| had.sums.iter().map(|(at_ms, _)| *at_ms));
        let at_ms = accepted_ms.or(instants.filter(|at_ms| *at_ms <= event_ms).max());
        let of_given = reach.shares(calendar, event_ms, at_ms.unwrap_or(event_ms));
        let member = |had: Had| {
            let mut member = GivenMember { id: had.alias, attributes: had.attributes, ..GivenMember::default() };
            for (at_ms, counts) in had.sums {
                match reach.shares(calendar, event_ms, at_ms) == of_given {
                    true => member.counts.and(counts),
                    false => member.earlier.push((at_ms, counts)),
                }
            }
            member
        };
        let members = had.into_iter().map(member).filter(|m| *m != empty(&m.id)).collect();
        let alias = |own: &mut Self, id: &str| own.aliases.member_text(id);
        let referrals = referrals.iter().map(|(invitee, inviter, _)| (alias(self, invitee), alias(self, inviter))).collect();
        Given { at_ms, members, referrals, stock: self.stock() }
    }

    /// What those touched had, and everybody else where that is told too.
    fn had(&mut self, reach: &Reach, referrals: &[(String, String, i64)], event_ms: i64, way: Way) -> Vec<Had> {
        let calendar = &self.campaign().calendar;
        let mut all = Vec::new();
        for (id, alias) in self.touched.clone() {
            let Some(past) = self.past.of(&id) else { continue };
            let mut entries = past.entries.clone();
            entries.retain(|entry| reach.concerns(&entry.what));
            for (_, _, accepted_ms) in referrals.iter().filter(|(_, inviter, _)| *inviter == id) {
                if let Some(counted) = entries.iter().position(|e| e.what == What::Referrals && e.at_ms == *accepted_ms) {
                    entries.remove(counted);
                }
            }
            let sums = reach.sums(entries.iter(), calendar, event_ms);
            all.push(Had { alias, sums, attributes: self.attributes(&past.attributes) });
        }
        if way.others {
            let known: Vec<String> = self.touched.iter().map(|(id, _)| id.clone()).collect();
            let entries = self.past.of_others(&known).filter(|entry| reach.concerns_total(&entry.what));
            all.push(Had { alias: OTHERS.into(), sums: reach.sums(entries, calendar, event_ms), attributes: Vec::new() });
        }
        all
    }

    /// Who invited whom among those touched: (invitee, inviter, when).
    fn referrals(&self) -> Vec<(String, String, i64)> {
        let is_touched = |id: &String| self.touched.iter().any(|(known, _)| known == id);
        let of = |(id, _): &(String, String)| {
            let (inviter, at_ms) = self.past.of(id)?.inviter.clone()?;
            is_touched(&inviter).then(|| (id.clone(), inviter, at_ms))
        };
        self.touched.iter().filter_map(of).collect()
    }

    fn attributes(&mut self, of: &BTreeMap<String, String>) -> Vec<(String, Value)> {
        of.iter().filter_map(|(name, text)| Some((name.clone(), self.attribute(name, text)?))).collect()
    }

    /// A value as a receipt has it, with its type and another name; none: the release does not declare it.
    pub(super) fn attribute(&mut self, name: &str, text: &str) -> Option<Value> {
        let campaign = self.campaign();
        Some(match &campaign.attributes[campaign.attribute(name)?].kind {
            DataType::Int => Value::Int(text.parse().ok()?),
            DataType::Decimal => Value::Decimal(text.parse().ok()?),
            DataType::Bool => Value::Bool(text.parse().ok()?),
            DataType::Member(kind) => {
                let alias = self.aliases.member(&MemberId::of_kind(kind, text));
                Value::Text(MemberId::parse(&alias, &campaign.kinds()).id)
            }
            DataType::Text => Value::Text(self.aliases.text(name, text).into()),
        })
    }

    /// Just the codes that were issued.
    fn stock(&self) -> BTreeMap<String, i64> {
        let mut stock = BTreeMap::new();
        for effect in self.effects().filter(|effect| effect.effect == "grant") {
            let reward = effect.name.as_ref().and_then(|name| self.campaign().reward(name));
            let pool = reward.and_then(|reward| self.campaign().rewards[reward].pool.as_ref());
            let issued = effect.count.unwrap_or(0) - effect.owed.unwrap_or(0);
            if let Some(pool) = pool.filter(|_| issued > 0) {
                *stock.entry(pool.to_string()).or_insert(0) += issued;
            }
        }
        stock
    }

    /// What was booked.
    pub(super) fn effects(&self) -> impl Iterator<Item = &'a EffectLine> + use<'a> {
        let decided: &'a [Decided] = self.decided;
        let booked = |one: &&Decided| one.receipt.outcome == Outcome::Booked.name();
        decided.iter().filter(booked).flat_map(|one| &one.receipt.effects)
    }

    fn step(&mut self, index: usize, way: Way) -> Step {
        let (one, campaign) = (&self.decided[index], self.campaign());
        let kind = campaign.event(&one.event.kind).map(|kind| &campaign.events[kind]);
        let is_member = kind.is_some_and(|kind| kind.member == crate::campaign::MemberPath::Subject);
        let subject = one.event.subject.as_deref().map(|subject| match is_member {
            true => self.aliases.member(&MemberId::new(subject)),
            false => self.aliases.text("subject", subject),
        });
        let data = self.aliases.data(kind, &one.event.data);
        let act = Act::Event { kind: one.event.kind.to_string(), id: None, subject, data };
        let at_ms = one.event.at_ms.clone().unwrap_or(0);
        Step { then: self.then(index, way), ..Step::new(at_ms, act) }
    }

    fn then(&self, index: usize, way: Way) -> Option<String> {
        let receipt = &self.decided[index].receipt;
        let reason = receipt.reason.as_deref().unwrap_or("");
        // A case sends the event at its own time: then it waits, whatever became of the wait.
        let (outcome, reason) = match reason.strip_suffix(WAIT_OVER) {
            Some(waits) => (Outcome::Waiting.name(), waits),
            None => (receipt.outcome.as_str(), reason),
        };
        if outcome == Outcome::Booked.name() {
            return None;
        }
        let told = Some(reason).filter(|reason| way.reasons && !reason.is_empty()).and_then(|reason| self.aliases.reason(reason));
        Some(told.map_or_else(|| outcome.to_string(), |reason| format!("{outcome}: {reason}")))
    }
}

/// What a member had.
struct Had {
    alias: String,
    /// Each at an instant.
    sums: Vec<(i64, Counts)>,
    attributes: Vec<(String, Value)>,
}

fn empty(id: &str) -> GivenMember {
    GivenMember { id: id.into(), ..GivenMember::default() }
}

/// Every text that an event says.
fn texts_of(event: &crate::event::Event) -> Vec<String> {
    fn walk(value: &serde_json::Value, into: &mut Vec<String>) {
        match value {
            serde_json::Value::String(text) => into.push(text.clone()),
            serde_json::Value::Array(list) => list.iter().for_each(|item| walk(item, into)),
            serde_json::Value::Object(fields) => fields.values().for_each(|value| walk(value, into)),
            _ => {}
        }
    }
    let mut texts = vec![event.source.to_string(), event.id.to_string()];
    texts.extend(event.subject.as_deref().map(str::to_string));
    if let Ok(data) = serde_json::from_str(&event.data) {
        walk(&data, &mut texts);
    }
    texts
}

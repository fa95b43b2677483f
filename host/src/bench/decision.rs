//! One decision for every rule engine that is measured: the learning race's, of nine lessons and an opened account. What
//! an engine asks for is compared as JSON, by names. Promises: only the call is timed, not what it is asked from.
//! Must not know: which engines there are.

use super::world::prepared;
use super::{BenchError, Result, stream};
use guerdon_rules::book::prepare::{Prepared, Releases};
use guerdon_rules::campaign::Campaign;
use guerdon_rules::effect::{Action, Effect, Verdict};
use guerdon_rules::language::Question;
use guerdon_rules::value::{MemberId, Value};
use serde_json::{Value as Json, json};
use std::time::Instant;

/// The first ones are timed; those after them are only checked.
pub const TIMED: usize = stream::OPENED_EVERY as usize;
/// Before anything is timed: caches fill, and a just-in-time compiler has seen what it compiles.
pub const WARM_UP_ROUNDS: usize = 500;

/// An event with all that a rule may know about it.
pub struct Case {
    pub prepared: Prepared,
    /// What the member earned by lessons that day.
    pub points_today: i64,
    handler: usize,
    members: Vec<Option<MemberId>>,
    data: Vec<Value>,
    facts: Vec<Value>,
}

/// Those that are timed, a lesson beyond the daily cap, and the account of somebody who was a customer before.
pub fn cases(releases: &Releases) -> Result<Vec<Case>> {
    let mut events: Vec<(String, i64)> = (0..stream::OPENED_EVERY).map(|n| (stream::event(n, 1000), 0)).collect();
    events.push((stream::event(0, 1000), 98));
    events.push((stream::event(stream::OPENED_EVERY - 1, 1000).replacen("false", "true", 1), 0));
    let read = prepared(events.iter().map(|(text, _)| text.clone()), releases)?;
    read.into_iter().zip(events).map(|(prepared, (_, points_today))| Case::new(prepared, points_today)).collect()
}

impl Case {
    fn new(prepared: Prepared, points_today: i64) -> Result<Case> {
        let parsed = prepared.contract.as_ref().map_err(|reason| BenchError::Wrong(reason.clone()))?;
        let unanswered = || BenchError::Wrong(format!("no function answers {}", prepared.event.kind));
        let handler = prepared.release.handler_of_event[parsed.kind].ok_or_else(unanswered)?;
        let declared = prepared.release.handler(handler);
        let members = (0..=declared.roles.len()).map(|_| Some(parsed.member.clone())).collect();
        let facts = vec![Value::Int(points_today); declared.reads.len()];
        let data = parsed.data.clone();
        Ok(Case { points_today, handler, members, data, facts, prepared })
    }

    pub fn question(&self) -> Result<Question<'_>> {
        let parsed = self.prepared.contract.as_ref().map_err(|reason| BenchError::Wrong(reason.clone()))?;
        Ok(Question {
            id: &self.prepared.event.id,
            event: &self.prepared.event.kind,
            moment: parsed.moment,
            cycle: None,
            members: &self.members,
            data: &self.data,
            facts: &self.facts,
            seed: 1,
            forced_draws: &[],
        })
    }

    /// The campaign's own rule.
    pub fn decide(&self, question: &Question<'_>) -> Verdict {
        self.prepared.release.module.decide(self.handler, question)
    }

    pub fn campaign(&self) -> &Campaign {
        &self.prepared.release.campaign
    }

    /// The event's data by name.
    #[cfg(feature = "baselines")]
    pub fn named_data(&self) -> impl Iterator<Item = (&str, &Value)> {
        let handler = self.prepared.release.handler(self.handler);
        let fields = handler.event.map_or(&[][..], |event| &self.campaign().events[event].fields);
        fields.iter().map(|field| &*field.name).zip(&self.data)
    }

    /// For an engine that reads JSON.
    pub fn as_json(&self) -> Result<Json> {
        let data: Json = serde_json::from_str(&self.prepared.event.data).map_err(|e| BenchError::Wrong(e.to_string()))?;
        Ok(json!({ "event": &*self.prepared.event.kind, "data": data, "facts": { "points_today": self.points_today } }))
    }

    /// What a rule of this campaign asks for, by names.
    pub fn effects(&self, verdict: &Verdict) -> Result<Json> {
        match verdict {
            Verdict::Booked(effects) => effects.iter().map(|effect| self.effect(effect)).collect(),
            Verdict::Refused { reason, .. } => Ok(json!([{ "effect": "refuse", "text": reason }])),
            Verdict::Failed(failure) => Err(BenchError::Wrong(format!("{}: {}", self.prepared.event.id, failure.reason))),
        }
    }

    fn effect(&self, effect: &Effect) -> Result<Json> {
        let campaign = self.campaign();
        let of = self.role(effect.of);
        match &effect.action {
            Action::Award { account, points } => {
                Ok(json!({ "effect": "award", "of": of, "name": &*campaign.accounts[*account].name, "count": points }))
            }
            Action::Grant { reward, count } => {
                Ok(json!({ "effect": "grant", "of": of, "name": &*campaign.rewards[*reward].name, "count": count }))
            }
            Action::Note(text) => Ok(json!({ "effect": "note", "text": text })),
            other => Err(BenchError::Wrong(format!("the learning race does not ask for {other:?}"))),
        }
    }

    /// Of whom an effect is.
    fn role(&self, of: usize) -> &str {
        let Some(place) = of.checked_sub(1) else { return "member" };
        let handler = self.prepared.release.handler(self.handler);
        handler.event.map_or("", |event| &self.campaign().events[event].roles[handler.roles[place]].name)
    }
}

/// Fails when an engine asks for something else than it should.
pub fn same(engine: &str, expected: &[Json], asked: &[Json]) -> Result<()> {
    match expected.iter().zip(asked).find(|(expected, asked)| expected != asked) {
        None if expected.len() == asked.len() => Ok(()),
        None => Err(BenchError::Wrong(format!("{engine} answered {} of {} questions", asked.len(), expected.len()))),
        Some((expected, asked)) => Err(BenchError::Wrong(format!("{engine} asks for {asked} instead of {expected}"))),
    }
}

/// Microseconds of one call, by the number of what is asked.
pub fn microseconds(rounds: usize, mut call: impl FnMut(usize)) -> f64 {
    (0..WARM_UP_ROUNDS * TIMED).for_each(|n| call(n % TIMED));
    let began = Instant::now();
    for _ in 0..rounds {
        (0..TIMED).for_each(&mut call);
    }
    began.elapsed().as_secs_f64() * 1e6 / (rounds * TIMED) as f64
}

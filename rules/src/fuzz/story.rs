//! A story as the fuzzer makes, shrinks and plays it: what a case file can say, in typed values.

use crate::campaign::{Campaign, EventType};
use crate::event::Event;
use crate::value::Value;
use smol_str::SmolStr;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Story {
    /// Decides draws.
    pub seed: i64,
    /// Codes by pool; a pool that is not here has none.
    pub stock: BTreeMap<String, i64>,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub at_ms: i64,
    pub act: Act,
    pub repeat: i64,
    /// Between repetitions, in whole seconds.
    pub every_ms: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    Event(Said),
    Settle,
    Stock { pool: String, codes: i64 },
}

/// An event. In its id and texts `{n}` is the number of the repetition.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// Index into `Campaign::events`.
    pub kind: usize,
    /// None: made of the step's number.
    pub id: Option<String>,
    pub subject: Option<SmolStr>,
    /// In the order of `EventType::fields`; what is missing is not sent.
    pub data: Vec<Value>,
}

/// One event that comes in.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Index of the step.
    pub step: usize,
    /// Number of the repetition, from 1.
    pub n: i64,
    pub event: Event,
    /// The clock when it comes in.
    pub now_ms: i64,
}

impl Step {
    pub fn once(at_ms: i64, act: Act) -> Step {
        Step { at_ms, act, repeat: 1, every_ms: 1000 }
    }

    /// When each repetition happens.
    pub fn times(&self) -> impl Iterator<Item = (i64, i64)> + use<> {
        let (at_ms, every_ms) = (self.at_ms, self.every_ms);
        (1..=self.repeat).map(move |n| (n, at_ms.saturating_add((n - 1).saturating_mul(every_ms))))
    }
}

impl Said {
    pub fn declared<'c>(&self, campaign: &'c Campaign) -> &'c EventType {
        &campaign.events[self.kind]
    }

    /// As it comes in, under the source and id that a case gives it.
    pub fn event(&self, campaign: &Campaign, step: usize, n: i64, at_ms: i64) -> Event {
        let id = self.id.as_ref().map_or_else(|| format!("step-{}-{n}", step + 1), |id| filled(id, n));
        Event {
            source: "case".into(),
            id: id.into(),
            kind: (&*self.declared(campaign).name).into(),
            subject: self.subject.clone(),
            at_ms: Ok(at_ms),
            data: filled(&self.json(campaign), n).into(),
        }
    }

    pub fn json(&self, campaign: &Campaign) -> String {
        let fields = self.declared(campaign).fields.iter().zip(&self.data);
        let fields: Vec<String> = fields
            .filter(|(_, value)| **value != Value::Missing)
            .map(|(field, value)| format!("\"{}\":{}", field.name, json(value)))
            .collect();
        format!("{{{}}}", fields.join(","))
    }
}

impl Story {
    /// Every event in the order in which it comes in, with the clock of that moment.
    pub fn deliveries(&self, campaign: &Campaign) -> Vec<Delivery> {
        let mut now_ms = i64::MIN;
        let mut all = Vec::new();
        for (step, of) in self.steps.iter().enumerate() {
            for (n, at_ms) in of.times() {
                now_ms = now_ms.max(at_ms);
                if let Act::Event(said) = &of.act {
                    all.push(Delivery { step, n, event: said.event(campaign, step, n, at_ms), now_ms });
                }
            }
        }
        all
    }
}

pub fn filled(text: &str, n: i64) -> String {
    if text.contains("{n}") { text.replace("{n}", &n.to_string()) } else { text.to_string() }
}

fn json(value: &Value) -> String {
    match value {
        Value::Text(text) => serde_json::Value::from(&**text).to_string(),
        Value::Missing => "null".into(),
        other => other.to_string(),
    }
}

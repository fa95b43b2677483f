//! A module's answer, checked as if it came from an enemy: indexes, names, counts, sizes, types.
//!
//! Promises: nothing wrong becomes an effect, and what was wrong is said with its place.
//! Must not know: how modules are run.

use super::describe::{Allowed, Plan};
use super::interface::{self, Amount, Decision, Exact, Refusal, Setting, Taken};
use crate::effect::{Action, Effect, Failure, Limit, Place, Verdict};
use crate::limits::Limits;
use crate::value::{DataType, MemberId, Value};
use rust_decimal::Decimal;
use std::sync::Arc;

/// What the handler and the question allow.
pub struct Check<'a> {
    pub plan: &'a Plan,
    pub files: &'a [Arc<str>],
    pub members: &'a [Option<MemberId>],
    pub limits: &'a Limits,
}

impl Check<'_> {
    pub fn verdict(&self, decision: Decision) -> Result<Verdict, Failure> {
        match decision {
            Decision::Booked(effects) => self.effects(effects).map(Verdict::Booked),
            Decision::Refused(refusal) => self.reason(refusal).map(|(reason, place)| Verdict::Refused { reason, place: Some(place) }),
            Decision::Failed(refusal) => self.reason(refusal).map(|(reason, place)| Verdict::Failed(Failure::new(reason, Some(place)))),
        }
    }

    fn reason(&self, refusal: Refusal) -> Result<(String, Place), Failure> {
        let place = self.place(refusal.at)?;
        let reason = self.text(refusal.reason, &place)?;
        Ok((reason, place))
    }

    fn effects(&self, effects: Vec<interface::Effect>) -> Result<Vec<Effect>, Failure> {
        let most = self.limits.effects;
        if effects.len() > most {
            let reason = format!("the rule asked for {} effects, the most is {most}", effects.len());
            return Err(Failure { reason, place: None, limit: Some(Limit::Effects) });
        }
        effects.into_iter().map(|effect| self.effect(effect)).collect()
    }

    fn effect(&self, effect: interface::Effect) -> Result<Effect, Failure> {
        let place = self.place(effect.at)?;
        let of = effect.of as usize;
        let fail = |reason: String| Err(Failure::new(reason, Some(place.clone())));
        match self.members.get(of) {
            Some(Some(_)) => {}
            Some(None) => return fail("the effect is for a role that nobody fills".into()),
            None => return fail(format!("the effect is for member {of}, of {}", self.members.len())),
        }
        let action = match effect.action {
            interface::Action::Award(amount) => {
                self.count("award", &amount, &place).map(|(account, points)| Action::Award { account, points })
            }
            interface::Action::Deduct(amount) => {
                self.count("deduct", &amount, &place).map(|(account, points)| Action::Deduct { account, points })
            }
            interface::Action::Grant(amount) => self.count("grant", &amount, &place).map(|(reward, count)| Action::Grant { reward, count }),
            interface::Action::Set(setting) => self.setting(setting, &place),
            interface::Action::Note(text) => self.text(text, &place).map(Action::Note),
        }?;
        Ok(Effect { of, action, place })
    }

    fn count(&self, effect: &str, amount: &Amount, place: &Place) -> Result<(usize, i64), Failure> {
        let allowed = self.allowed(effect, &amount.name, place)?;
        if amount.count < 0 {
            let reason = format!("{effect}(\"{}\", {}): the number must not be negative", allowed.name, amount.count);
            return Err(Failure::new(reason, Some(place.clone())));
        }
        Ok((allowed.index, amount.count))
    }

    fn setting(&self, setting: Setting, place: &Place) -> Result<Action, Failure> {
        let allowed = self.allowed("set", &setting.name, place)?;
        let value = self.value(setting.value, place)?;
        let Some((kind, may_be_missing)) = &allowed.attribute else {
            return Err(Failure::new(format!("\"{}\" is no attribute", allowed.name), Some(place.clone())));
        };
        let value = match (kind, value) {
            (DataType::Int, value @ Value::Int(_))
            | (DataType::Bool, value @ Value::Bool(_))
            | (DataType::Decimal, value @ Value::Decimal(_))
            | (DataType::Text | DataType::Member(_), value @ Value::Text(_)) => value,
            (DataType::Decimal, Value::Int(n)) => Value::Decimal(n.into()),
            (_, Value::Missing) if *may_be_missing => Value::Missing,
            (kind, value) => {
                let reason = format!("set(\"{}\", {value}): the attribute is {kind}", allowed.name);
                return Err(Failure::new(reason, Some(place.clone())));
            }
        };
        Ok(Action::Set { attribute: allowed.index, value })
    }

    fn value(&self, value: Taken, place: &Place) -> Result<Value, Failure> {
        Ok(match value {
            Taken::Missing => Value::Missing,
            Taken::Integer(n) => Value::Int(n),
            Taken::Truth(truth) => Value::Bool(truth),
            Taken::Text(text) => Value::Text(self.text(text, place)?.into()),
            Taken::Exact(Exact { unscaled, scale: scale @ 0..=18 }) => Value::Decimal(Decimal::new(unscaled, u32::from(scale))),
            Taken::Exact(Exact { scale, .. }) => {
                return Err(Failure::new(format!("a decimal with {scale} places, the most is 18"), Some(place.clone())));
            }
        })
    }

    fn allowed(&self, effect: &str, name: &str, place: &Place) -> Result<&Allowed, Failure> {
        self.plan.allowed.iter().find(|a| a.effect == effect && *a.name == *name).ok_or_else(|| {
            let name: String = name.chars().take(100).collect();
            let reason = format!("{effect}(\"{name}\"): the module's description does not list it in `writes`");
            Failure::new(reason, Some(place.clone()))
        })
    }

    fn text(&self, text: String, place: &Place) -> Result<String, Failure> {
        let most = self.limits.text_bytes;
        if text.len() > most {
            let reason = format!("a text of {} bytes, the most is {most}", text.len());
            return Err(Failure { reason, place: Some(place.clone()), limit: Some(Limit::TextSize) });
        }
        Ok(text)
    }

    fn place(&self, place: interface::Place) -> Result<Place, Failure> {
        match self.files.get(place.file as usize) {
            Some(file) => Ok(Place { file: file.clone(), line: place.line }),
            None => Err(Failure::new(format!("the answer names source file {}, of {}", place.file, self.files.len()), None)),
        }
    }
}

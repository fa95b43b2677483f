//! The learning race's rules as Rust that is compiled into the host, from the same question to the same verdict: what a
//! call costs at least. Must not know: the rules as they are written in the campaign.

use super::super::decision::{microseconds, same};
use super::super::{BenchError, Result};
use super::{Asked, Measured};
use guerdon_rules::campaign::Campaign;
use guerdon_rules::effect::{Action, Effect, Failure, Place, Verdict};
use guerdon_rules::language::Question;
use guerdon_rules::value::Value;
use std::hint::black_box;

const DAILY_CAP: i64 = 100;
const INVITER: usize = 1;

/// Where the rules find what they name.
struct Rules {
    learning: usize,
    lesson: usize,
    card: usize,
    points: usize,
    existing_customer: usize,
    place: Place,
}

impl Rules {
    fn of(campaign: &Campaign) -> Option<Rules> {
        let field = |event: &str, name: &str| {
            let event = campaign.events.iter().find(|declared| *declared.name == *event)?;
            event.fields.iter().position(|field| *field.name == *name)
        };
        Some(Rules {
            learning: campaign.account("learning")?,
            lesson: campaign.account("learning.lesson")?,
            card: campaign.reward("jd-20")?,
            points: field("lesson.finished", "points")?,
            existing_customer: field("account.opened", "existing_customer")?,
            place: Place { file: "by_hand.rs".into(), line: 1 },
        })
    }

    fn decide(&self, question: &Question<'_>) -> Verdict {
        match question.event {
            "account.opened" => self.on_account_opened(question),
            "lesson.finished" => self.on_lesson_finished(question),
            other => Verdict::Failed(Failure::new(format!("no rule for {other}"), None)),
        }
    }

    fn on_account_opened(&self, question: &Question<'_>) -> Verdict {
        if question.data[self.existing_customer] == Value::Bool(true) {
            return Verdict::Refused { reason: "existing customer".into(), place: Some(self.place.clone()) };
        }
        let award = Action::Award { account: self.learning, points: 20 };
        Verdict::Booked(vec![self.effect(INVITER, award), self.effect(INVITER, Action::Grant { reward: self.card, count: 1 })])
    }

    fn on_lesson_finished(&self, question: &Question<'_>) -> Verdict {
        let (Value::Int(points), Value::Int(today)) = (&question.data[self.points], &question.facts[0]) else {
            return Verdict::Failed(Failure::new("points are no number", None));
        };
        let earned = (*points).min(DAILY_CAP - today);
        let award = self.effect(0, Action::Award { account: self.lesson, points: earned });
        if earned == *points {
            return Verdict::Booked(vec![award]);
        }
        Verdict::Booked(vec![self.effect(0, Action::Note(format!("daily cap: {earned} of {points} points"))), award])
    }

    fn effect(&self, of: usize, action: Action) -> Effect {
        Effect { of, action, place: self.place.clone() }
    }
}

pub fn measure(asked: &Asked) -> Result<Measured> {
    let nothing = || BenchError::Wrong("the learning race has no longer what the rules by hand name".into());
    let rules = Rules::of(asked.cases[0].campaign()).ok_or_else(nothing)?;
    let questions = asked.cases.iter().map(|case| case.question()).collect::<Result<Vec<_>>>()?;
    let effects = asked.cases.iter().zip(&questions).map(|(case, question)| case.effects(&rules.decide(question)));
    same("Rust by hand", asked.effects, &effects.collect::<Result<Vec<_>>>()?)?;
    let microseconds = microseconds(asked.rounds, |n| {
        black_box(rules.decide(black_box(&questions[n])));
    });
    Ok(Measured { microseconds, bottleneck: "one core: the call", details: vec!["the same rules, compiled into the host".into()] })
}

//! Plays a story in a world of its own, as the case player does, and notes what each act came to.

use super::story::{Act, Delivery, Story};
use crate::book::decide::Answered;
use crate::book::prepare::Releases;
use crate::book::rows::Outcome;
use crate::cases::play::{word_of, word_of_settled};
use crate::effect::Limit;
use crate::release::Release;
use crate::simulate::world::World;

/// A story that was played.
pub struct Played {
    pub world: World,
    pub now_ms: i64,
    /// By step: the words of its repetitions, as a case's `then` says them.
    pub words: Vec<Vec<&'static str>>,
    /// The first thing that must not happen in any story.
    pub trouble: Option<Trouble>,
    /// What each event was answered with.
    pub answers: Vec<(Delivery, Answered)>,
}

/// An event that keeps its contract and yet fails, or a member whose close fails.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// Index of the step.
    pub step: usize,
    /// The event type, or `the close`, with the rule's line where it is known.
    pub of: String,
    pub reason: String,
    /// The limit of one evaluation that the rule ran into.
    pub limit: Option<Limit>,
}

/// Plays every step, up to the first trouble.
pub fn play(story: &Story, releases: &Releases, release: &Release) -> Played {
    let world = World::new(releases.clone(), &story.stock, story.seed);
    let mut played = Played { world, now_ms: i64::MIN, words: Vec::new(), trouble: None, answers: Vec::new() };
    for (index, step) in story.steps.iter().enumerate() {
        let mut words = Vec::with_capacity(step.repeat.clamp(1, 64) as usize);
        for (n, at_ms) in step.times() {
            played.now_ms = played.now_ms.max(at_ms);
            words.push(match &step.act {
                Act::Event(said) => {
                    let event = said.event(&release.campaign, index, n, at_ms);
                    played.event(Delivery { step: index, n, event, now_ms: played.now_ms })
                }
                Act::Settle => played.settle(index),
                Act::Stock { pool, codes } => {
                    played.world.add_stock(pool, *codes);
                    "booked"
                }
            });
            // What comes after a failure is not looked at.
            if played.trouble.is_some() {
                break;
            }
        }
        played.words.push(words);
        if played.trouble.is_some() {
            break;
        }
    }
    played
}

impl Played {
    fn event(&mut self, delivery: Delivery) -> &'static str {
        let step = self.world.event(delivery.event.clone(), self.now_ms, &[]);
        if step.answer.outcome == Answered::Is(Outcome::Failed) && self.trouble.is_none() {
            let place = step.receipt.and_then(|receipt| receipt.place).map_or_else(String::new, |place| format!(" at {place}"));
            let reason = step.answer.reason.clone().unwrap_or_default();
            self.trouble = Some(Trouble {
                step: delivery.step,
                of: format!("{}{place}", delivery.event.kind),
                reason,
                limit: self.world.book_mut().take_rule_limit(),
            });
        }
        let word = word_of(&step.answer);
        self.answers.push((delivery, step.answer.outcome));
        word
    }

    fn settle(&mut self, step: usize) -> &'static str {
        let settled = self.world.settle(self.now_ms);
        if let (Some((id, reason)), None) = (settled.failed.first(), &self.trouble) {
            let reason = format!("the close of {id}: {reason}");
            self.trouble = Some(Trouble { step, of: "the close".into(), reason, limit: self.world.book_mut().take_rule_limit() });
        }
        word_of_settled(&settled, &self.world)
    }
}

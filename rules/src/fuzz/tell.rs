//! A finding as a case file: the smallest story, what became of each step, and what should have become of the one that
//! broke something. The case fails under the case runner until the mistake is put right.

use super::again::{Ended, OtherOrder};
use super::play::Played;
use super::story::{Act, Delivery, Story, filled};
use super::{Broken, Shown};
use crate::campaign::Campaign;
use crate::cases::write::{self, Expect, ExpectedMember, Given, Step};
use crate::event::Event;
use crate::release::Release;

/// The text of the case, and its number of steps. `made_by` is the seed and the history.
pub fn case(story: &Story, broken: &Broken, played: &Played, release: &Release, made_by: (u64, u64)) -> (String, usize) {
    let campaign = &release.campaign;
    let (steps, expect) = match &broken.shown {
        Shown::Step(step) => (steps(story, played, campaign, Some(*step)), others_may()),
        Shown::Again(delivery) => (sent_again(story, played, campaign, *delivery), others_may()),
        Shown::Order(other) => in_order(other, campaign),
    };
    let mut comment = vec![format!("Found by `guerdon fuzz` (seed {}, history {}): {}.", made_by.0, made_by.1, what(broken))];
    comment.extend(broken.why.lines().map(|line| line.to_string()));
    let count = steps.len();
    let written = write::Story {
        comment,
        name: name(broken),
        seed: story.seed,
        given: Given { stock: story.stock.clone(), ..Given::default() },
        steps,
        expect,
    };
    // The fuzzer makes only what a case can say.
    let text =
        write::write(&written, &campaign.calendar).unwrap_or_else(|why| format!("# This story cannot be written as a case: {why}\n"));
    (text, count)
}

/// What the check is about, in words.
fn what(broken: &Broken) -> &'static str {
    match broken.check {
        super::Check::Invariant => "an invariant does not hold",
        super::Check::Failure => "the rule fails on an event that keeps its contract",
        super::Check::RuleLimit => "the rule runs into a limit of one evaluation",
        super::Check::Order => "order_independent is declared, and the order matters",
        super::Check::Sums => "the books do not add up",
        super::Check::Negative => "somebody holds less than nothing",
        super::Check::Twice => "something happens twice",
        super::Check::Budget => "more than the budget is spent",
        super::Check::Stock => "a pool does not add up",
        super::Check::Limit => "a limit is exceeded",
        super::Check::Cause => "somebody earned without a cause",
        super::Check::Restart => "a restart changes the books",
    }
}

fn name(broken: &Broken) -> String {
    match broken.of.as_str() {
        "" => what(broken).to_string(),
        of => format!("{}: {of}", what(broken)),
    }
}

/// Grants are not what the case is about.
fn others_may() -> Expect {
    Expect { others_may: true, ..Expect::default() }
}

/// Every step as it came out, but for one that must be booked.
fn steps(story: &Story, played: &Played, campaign: &Campaign, must: Option<usize>) -> Vec<Step> {
    let mut all = Vec::new();
    for (index, (step, words)) in story.steps.iter().zip(&played.words).enumerate() {
        let wrong = must == Some(index);
        let same = words.iter().all(|word| word == &words[0]);
        let booked_till_the_end = wrong && words.iter().rev().skip(1).all(|word| *word == "booked");
        if words.len() <= 1 || same || booked_till_the_end {
            let act = act(&step.act, campaign, None);
            let (repeat, every_ms) = (words.len() as i64, step.every_ms);
            let then = words.first().filter(|word| !wrong && **word != "booked").map(ToString::to_string);
            all.push(Step { at_ms: step.at_ms, act, repeat, every_ms, draws: Vec::new(), then: then.or(refused_instead(wrong, words)) });
            continue;
        }
        for ((n, at_ms), word) in step.times().zip(words) {
            let wrong = wrong && n == words.len() as i64;
            let then = (!wrong && *word != "booked").then(|| word.to_string());
            all.push(Step {
                then: then.or(refused_instead(wrong, &[word])),
                ..Step::new(at_ms, act(&step.act, campaign, Some((index, n))))
            });
        }
    }
    all
}

/// A step that was booked, and after which the books are wrong, should have been turned away.
fn refused_instead(wrong: bool, words: &[&str]) -> Option<String> {
    (wrong && words.last() == Some(&"booked")).then(|| "refused".to_string())
}

/// The act; one repetition of it, where a number is given.
fn act(act: &Act, campaign: &Campaign, one: Option<(usize, i64)>) -> write::Act {
    match act {
        Act::Settle => write::Act::Settle,
        Act::Stock { pool, codes } => write::Act::Stock { pool: pool.clone(), codes: *codes },
        Act::Event(said) => {
            let subject = said.subject.as_deref().map(str::to_string);
            let kind = said.declared(campaign).name.to_string();
            match one {
                None => write::Act::Event { kind, id: said.id.clone(), subject, data: said.json(campaign) },
                Some((step, n)) => {
                    let id = said.id.as_ref().map_or_else(|| format!("step-{}-{n}", step + 1), |id| filled(id, n));
                    write::Act::Event { kind, id: Some(id), subject, data: filled(&said.json(campaign), n) }
                }
            }
        }
    }
}

/// The story, and one of its events once more.
fn sent_again(story: &Story, played: &Played, campaign: &Campaign, delivery: usize) -> Vec<Step> {
    let Delivery { step, event, .. } = &played.answers[delivery].0;
    let mut named = story.clone();
    if named.steps[*step].repeat == 1
        && let Act::Event(said) = &mut named.steps[*step].act
    {
        said.id.get_or_insert_with(|| event.id.to_string());
    }
    let mut all = steps(&named, played, campaign, None);
    all.push(Step { then: Some("duplicate".into()), ..of_event(event) });
    all
}

fn of_event(event: &Event) -> Step {
    let subject = event.subject.as_deref().map(str::to_string);
    let act = write::Act::Event { kind: event.kind.to_string(), id: Some(event.id.to_string()), subject, data: event.data.to_string() };
    Step::new(event.at_ms.clone().unwrap_or(0), act)
}

/// The other order, with what the first one came to.
fn in_order(other: &OtherOrder, campaign: &Campaign) -> (Vec<Step>, Expect) {
    let mut steps: Vec<Step> = other.deliveries.iter().map(|delivery| of_event(&delivery.event)).collect();
    let calendar = &campaign.calendar;
    let now_ms = other.deliveries.iter().map(|d| d.now_ms).max().unwrap_or(0);
    if let Some(cycle) = calendar.cycle_of(now_ms).filter(|_| calendar.has_cycles()) {
        steps.push(Step::new(now_ms.max(cycle.ends_ms.saturating_add(calendar.grace_ms())), write::Act::Settle));
    }
    let member = |(id, ended): (&String, &Ended)| ExpectedMember {
        id: id.clone(),
        points: ended.points.clone(),
        grants: ended.grants.clone(),
        owed: Vec::new(),
        attributes: ended.attributes.clone(),
    };
    (steps, Expect { members: other.wanted.iter().map(member).collect(), others_may: true })
}

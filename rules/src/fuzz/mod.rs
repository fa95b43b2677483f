//! Fuzzing: stories made by chance from what a campaign declares, played on the code that pays, held against what the
//! campaign promises and what every campaign must keep. A story that breaks something is made as small as it gets and
//! written as a case.
//!
//! [`palette`] is what the declarations offer, [`generate`] makes a story of it, [`play`] plays it, [`checks`] and
//! [`again`] look, [`shrink`] makes it small, [`tell`] writes the case. Promises: the same campaign, seed and number of
//! histories give the same findings, on however many threads. Must not know: files, the wall clock.
//!
//! Own code and no fuzzing library, because a story must be what a case file can say: small typed steps are made
//! smaller one by one, which a library that shrinks bytes or trees of values cannot do for local times and business
//! keys; and whoever runs it needs neither a nightly compiler nor a corpus.

pub mod again;
pub mod checks;
pub mod dice;
pub mod generate;
pub mod palette;
pub mod play;
pub mod shrink;
pub mod story;
pub mod tell;

use crate::book::prepare::Releases;
use crate::language::Files;
use crate::release::Release;
use again::OtherOrder;
use dice::Dice;
use palette::Palette;
use play::{Played, Trouble, play};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use story::Story;

/// What was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Check {
    /// An invariant that the campaign declares.
    Invariant,
    /// The rule failed on an event that keeps its contract, or at a close.
    Failure,
    /// The rule ran into a limit of one evaluation: operations or fuel, memory, effects.
    #[serde(rename = "rule-limit")]
    RuleLimit,
    /// The same events in another order came to something else, although the campaign declares that they cannot.
    Order,
    /// Ledger lines and grants do not add up to what is held.
    Sums,
    /// Somebody holds less than nothing.
    Negative,
    /// Something was granted, or changed, twice.
    Twice,
    Budget,
    Stock,
    /// A cap was exceeded.
    Limit,
    /// Somebody earned without a cause.
    Cause,
    /// A store that was loaded again came to other books.
    Restart,
}

impl Check {
    pub fn name(self) -> &'static str {
        match self {
            Check::Invariant => "invariant",
            Check::Failure => "failure",
            Check::RuleLimit => "rule-limit",
            Check::Order => "order",
            Check::Sums => "sums",
            Check::Negative => "negative",
            Check::Twice => "twice",
            Check::Budget => "budget",
            Check::Stock => "stock",
            Check::Limit => "limit",
            Check::Cause => "cause",
            Check::Restart => "restart",
        }
    }
}

/// What a story broke.
pub struct Broken {
    pub check: Check,
    /// Which invariant, which event type and line: what tells two mistakes apart.
    pub of: String,
    pub why: String,
    pub shown: Shown,
}

/// How a case shows it.
pub enum Shown {
    /// This step must be booked.
    Step(usize),
    /// This delivery, sent again at the end, must be told what it was told before.
    Again(usize),
    /// In this order, members must end as in the other.
    Order(OtherOrder),
}

/// A mistake that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    pub check: Check,
    pub of: String,
    pub why: String,
    /// The history that showed it first, from 0.
    pub history: u64,
    /// Steps of the story as it was made, and of the case.
    pub steps_before: usize,
    pub steps: usize,
    /// The text of a case file that fails until the mistake is put right.
    pub case: String,
}

/// A campaign to be fuzzed.
pub struct Fuzz {
    releases: Releases,
    release: Arc<Release>,
    palette: Palette,
    seed: u64,
}

/// What came of some histories.
#[derive(Debug, Default)]
pub struct Round {
    pub histories: u64,
    pub events: u64,
    /// The first history that showed each mistake.
    pub broken: BTreeMap<(Check, String), u64>,
}

impl Fuzz {
    /// The newest release of a campaign. `files` are its folder, for the numbers and texts that its scripts write. None
    /// without a release.
    pub fn new(releases: Releases, files: &Files, seed: u64) -> Option<Fuzz> {
        let release = releases.newest()?.clone();
        let palette = Palette::of(&release, files);
        Some(Fuzz { releases: Releases::new(vec![release.clone()]), release, palette, seed })
    }

    /// Plays some histories on some threads.
    pub fn round(&self, histories: Range<u64>, threads: usize) -> Round {
        let next = AtomicU64::new(histories.start);
        let work = || {
            let mut round = Round::default();
            loop {
                let history = next.fetch_add(1, Ordering::Relaxed);
                if history >= histories.end {
                    return round;
                }
                let story = self.story(history);
                let (events, broken) = self.look(&story);
                round.histories += 1;
                round.events += events;
                if let Some(broken) = broken {
                    round.note((broken.check, broken.of), history);
                }
            }
        };
        let rounds: Vec<Round> = std::thread::scope(|scope| {
            let others: Vec<_> = (1..threads.max(1)).map(|_| scope.spawn(work)).collect();
            let own = work();
            // A thread that panicked has a mistake of this program to tell, which must not be swallowed.
            let joined = others.into_iter().map(|other| other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            std::iter::once(own).chain(joined).collect()
        });
        rounds.into_iter().fold(Round::default(), Round::with)
    }

    /// The story of a history.
    pub fn story(&self, history: u64) -> Story {
        generate::story(&self.release, &self.palette, &mut Dice::of(self.seed, history))
    }

    /// Plays a story and looks at everything that must hold; the number of events, and the first thing that is broken.
    pub fn look(&self, story: &Story) -> (u64, Option<Broken>) {
        let mut played = play(story, &self.releases, &self.release);
        let events = played.answers.len() as u64;
        (events, self.broken(story, &mut played))
    }

    fn broken(&self, story: &Story, played: &mut Played) -> Option<Broken> {
        if let Some(Trouble { step, of, reason, limit }) = played.trouble.clone() {
            let (check, of) = match limit {
                Some(limit) => (Check::RuleLimit, format!("{of}: {}", limit.name())),
                None => named(of, &reason),
            };
            return Some(Broken { check, of, why: reason, shown: Shown::Step(step) });
        }
        let last = story.steps.len().saturating_sub(1);
        if let Some((check, why)) = checks::books(played, story, &self.release) {
            return Some(Broken { check, of: String::new(), why, shown: Shown::Step(last) });
        }
        if self.release.campaign.order_independent
            && let Some(other) = again::other_order(played, &self.releases, &self.release, story)
        {
            return Some(Broken { check: Check::Order, of: String::new(), why: other.why.clone(), shown: Shown::Order(other) });
        }
        if let Some(why) = again::restarted(story, &self.releases, &self.release.campaign) {
            return Some(Broken { check: Check::Restart, of: String::new(), why, shown: Shown::Step(last) });
        }
        let again = again::sent_again(played)?;
        let kind = played.answers[again.delivery].0.event.kind.to_string();
        let (check, of) = if again.failed { named(kind, &again.why) } else { (Check::Twice, kind) };
        Some(Broken { check, of, why: again.why, shown: Shown::Again(again.delivery) })
    }

    /// The smallest story that shows a mistake, and its case. None: the history does not show it.
    pub fn finding(&self, mistake: &(Check, String), history: u64) -> Option<Finding> {
        let made = self.story(history);
        let shows = |story: &Story| self.look(story).1.is_some_and(|b| (b.check, &b.of) == (mistake.0, &mistake.1));
        if !shows(&made) {
            return None;
        }
        let small = shrink::smallest(&made, &self.release.campaign, &shows);
        let broken = self.look(&small).1?;
        let played = play(&small, &self.releases, &self.release);
        let (case, steps) = tell::case(&small, &broken, &played, &self.release, (self.seed, history));
        Some(Finding { check: broken.check, of: broken.of, why: broken.why, history, steps_before: made.steps.len(), steps, case })
    }

    /// The same for every mistake of a round, in the order of the histories.
    pub fn findings(&self, round: &Round) -> Vec<Finding> {
        let mut by_history: Vec<_> = round.broken.iter().collect();
        by_history.sort_by_key(|(_, history)| **history);
        by_history.into_iter().filter_map(|(mistake, history)| self.finding(mistake, *history)).collect()
    }
}

impl Round {
    fn note(&mut self, mistake: (Check, String), history: u64) {
        let first = self.broken.entry(mistake).or_insert(history);
        *first = history.min(*first);
    }

    /// Both together.
    pub fn with(mut self, other: Round) -> Round {
        self.histories += other.histories;
        self.events += other.events;
        other.broken.into_iter().for_each(|(mistake, history)| self.note(mistake, history));
        self
    }
}

/// A breached invariant is told apart by its name, whatever event breached it.
fn named(of: String, reason: &str) -> (Check, String) {
    let name = reason.split_once("invariant \"").and_then(|(_, rest)| rest.split_once("\" would not hold"));
    name.map_or((Check::Failure, of), |(name, _)| (Check::Invariant, name.to_string()))
}

//! A case of something that really happened: what the members whom an event touched had before it, the event, and what
//! its receipt says came of it, under other names.
//!
//! [`past`] sums up the receipts before it, [`given`] chooses what of that matters, [`aliases`] replaces names, [`tell`]
//! and [`expected`] make the story, [`super::write`] its text. Promises: what is expected is what was recorded, never what comes out now;
//! the case is played, and what does not come out as it was recorded is told; the smallest case that passes is taken.
//! Must not know: databases, who asks.

mod aliases;
mod expected;
mod given;
mod past;
mod tell;

pub use past::Past;

use super::read::{Case, read};
use super::{play, write};
use crate::book::decide::{campaign_seed, draw_seed};
use crate::book::prepare::Releases;
use crate::book::receipt::Receipt;
use crate::event::{Event, Key};
use crate::language::Files;
use crate::release::Release;
use std::sync::Arc;
use tell::{Teller, Way};

/// One event with what became of it.
#[derive(Clone, Debug)]
pub struct Decided {
    pub event: Event,
    /// Of its latest decision.
    pub receipt: Receipt,
    /// What its draws depended on: the business key, else source and id.
    pub cause: Key,
}

/// A case file, and how it comes out.
#[derive(Clone, Debug, PartialEq)]
pub struct Made {
    pub text: String,
    /// What comes out otherwise than it was recorded; empty: the case passes.
    pub differs: Vec<String>,
}

/// From the least that a story may say to the most, then without what need not come out the same.
const WAYS: [Way; 6] = [
    Way { others: false, reasons: true, money: true },
    Way { others: true, reasons: true, money: true },
    Way { others: false, reasons: false, money: true },
    Way { others: true, reasons: false, money: true },
    Way { others: false, reasons: true, money: false },
    Way { others: false, reasons: false, money: false },
];
/// The ways that leave nothing out that was recorded, for a story of one event.
const WHOLE: usize = 4;
/// Seeds that are tried to see whether draws matter.
const SEEDS: std::ops::RangeInclusive<i64> = 1..=8;

/// The case of the last of `decided`; one that was a duplicate comes after the event that it repeats. `past` is what was
/// decided before the first of them, `files` are those of the release that decided the last, `seed` is the campaign's.
/// Fails where a case has no words for the event.
pub fn make(past: &Past, decided: &[Decided], release: &Arc<Release>, files: &Files, seed: i64) -> Result<Made, String> {
    let mut teller = Teller::new(past, decided, release, files)?;
    let only = Releases::new(vec![release.clone()]);
    // What another release booked for the first event need not come out under this one.
    let ways = if decided.len() > 1 { &WAYS[..] } else { &WAYS[..WHOLE] };
    let mut best: Option<(write::Story, Vec<String>)> = None;
    for way in ways {
        let mut story = teller.story(*way);
        if may_draw(files) {
            seeded(&mut story, &only, draw_seed(seed, &decided[0].cause))?;
        }
        let differs = outcome(&story, &only)?.1;
        if differs.is_empty() {
            return Ok(Made { text: write::write(&story, &release.campaign.calendar)?, differs });
        }
        if best.as_ref().is_none_or(|(_, least)| differs.len() < least.len()) {
            best = Some((story, differs));
        }
    }
    let (mut story, differs) = best.ok_or("there is no story")?;
    story.comment.push("This case does not pass: a case cannot say everything that made it come out so.".into());
    Ok(Made { text: write::write(&story, &release.campaign.calendar)?, differs })
}

/// Whether a rule could draw: a script says so, a component need not.
fn may_draw(files: &Files) -> bool {
    let draws = |(path, content): (&String, &Arc<[u8]>)| match path.rsplit_once('.') {
        Some((_, "rhai")) => content.windows(4).any(|window| window == b"draw"),
        Some((_, "wasm")) => true,
        _ => false,
    };
    files.iter().any(draws)
}

/// Gives the case a seed under which it draws what was drawn, if what comes out depends on it.
fn seeded(story: &mut write::Story, releases: &Releases, draws: u64) -> Result<(), String> {
    let (case, as_it_is) = outcome(story, releases)?;
    let Some(cause) = case.and_then(|case| play::first_cause(&case, releases)) else { return Ok(()) };
    for seed in SEEDS {
        let other = outcome(&write::Story { seed, ..story.clone() }, releases)?.1;
        if other != as_it_is {
            story.seed = campaign_seed(draws, &cause);
            break;
        }
    }
    Ok(())
}

/// The case as it reads, and what comes out otherwise than it says.
fn outcome(story: &write::Story, releases: &Releases) -> Result<(Option<Case>, Vec<String>), String> {
    const FILE: &str = "cases/from-event.toml";
    let Some(newest) = releases.newest() else { return Ok((None, Vec::new())) };
    let text = write::write(story, &newest.campaign.calendar)?;
    match read(FILE, text.as_bytes(), releases) {
        Err(found) => Ok((None, found.iter().map(ToString::to_string).collect())),
        Ok(mut cases) => {
            let case = cases.pop();
            let failures = case.as_ref().map(|case| play::play(FILE, case, releases).failures).unwrap_or_default();
            let told = failures.iter().map(|f| format!("{}: expected {}, came {}", f.what, f.expected, f.actual));
            Ok((case, told.collect()))
        }
    }
}

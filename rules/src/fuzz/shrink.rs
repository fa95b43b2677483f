//! Makes a story smaller for as long as it still shows the same mistake: fewer steps, then simpler ones. Delta debugging
//! over steps, then over what each says; the same story gives the same smallest one.

use super::story::{Act, Said, Story};
use crate::campaign::Campaign;
use crate::value::Value;
use rust_decimal::Decimal;
use smol_str::SmolStr;

/// Stories that are tried at most; a story of twenty steps needs a few hundred.
const TRIES: usize = 4_000;
const DAY_MS: i64 = 86_400_000;

struct Shrinking<'a> {
    campaign: &'a Campaign,
    shows: &'a dyn Fn(&Story) -> bool,
    best: Story,
    left: usize,
}

/// The smallest story that `shows` what `story` shows.
pub fn smallest(story: &Story, campaign: &Campaign, shows: &dyn Fn(&Story) -> bool) -> Story {
    let mut shrinking = Shrinking { campaign, shows, best: story.clone(), left: TRIES };
    loop {
        let before = shrinking.best.clone();
        shrinking.fewer_steps();
        shrinking.simpler_world();
        for index in 0..shrinking.best.steps.len() {
            shrinking.simpler_step(index);
        }
        shrinking.fewer_members();
        if shrinking.best == before || shrinking.left == 0 {
            return shrinking.best;
        }
    }
}

impl Shrinking<'_> {
    /// Takes a candidate that still shows it.
    fn takes(&mut self, candidate: Story) -> bool {
        if self.left == 0 || candidate == self.best {
            return false;
        }
        self.left -= 1;
        let shows = (self.shows)(&candidate);
        if shows {
            self.best = candidate;
        }
        shows
    }

    fn tries(&mut self, change: impl FnOnce(&mut Story)) -> bool {
        let mut candidate = self.best.clone();
        change(&mut candidate);
        self.takes(candidate)
    }

    fn changes(&mut self, index: usize, change: impl FnOnce(&mut Said)) -> bool {
        self.tries(|story| {
            if let Act::Event(said) = &mut story.steps[index].act {
                change(said);
            }
        })
    }

    /// Halves, quarters, and so on down to single steps, from the end, because what came last often does not matter.
    fn fewer_steps(&mut self) {
        let mut size = self.best.steps.len().div_ceil(2).max(1);
        loop {
            let mut end = self.best.steps.len();
            while end > 0 {
                let start = end.saturating_sub(size);
                self.tries(|story| drop(story.steps.drain(start..end)));
                end = start.min(self.best.steps.len());
            }
            if size == 1 {
                return;
            }
            size /= 2;
        }
    }

    fn simpler_world(&mut self) {
        self.tries(|story| story.seed = 0);
        for pool in self.best.stock.keys().cloned().collect::<Vec<_>>() {
            let without = self.tries(|story| story.stock.retain(|name, _| *name != pool));
            if !without {
                self.tries(|story| story.stock.extend([(pool, 1)]));
            }
        }
    }

    fn simpler_step(&mut self, index: usize) {
        let repeat = self.best.steps[index].repeat;
        self.lowered(repeat, 1, |story, n| story.steps[index].repeat = n);
        if self.best.steps[index].repeat > 1 {
            let every_ms = self.best.steps[index].every_ms;
            let _ = self.tries(|story| story.steps[index].every_ms = 1000)
                || self.tries(|story| story.steps[index].every_ms = every_ms.min(DAY_MS));
        }
        if let Act::Stock { codes, .. } = self.best.steps[index].act {
            self.lowered(codes, 1, |story, n| {
                if let Act::Stock { codes, .. } = &mut story.steps[index].act {
                    *codes = n;
                }
            });
        }
        self.changes(index, |said| said.id = None);
        self.plainer_text(index);
        let fields = if let Act::Event(said) = &self.best.steps[index].act { said.data.len() } else { 0 };
        for field in 0..fields {
            self.simpler_value(index, field);
        }
        self.simpler_time(index);
    }

    /// Numbers of repetitions in texts go, where they do not matter.
    fn plainer_text(&mut self, index: usize) {
        self.changes(index, |said| {
            for value in &mut said.data {
                if let Value::Text(text) = value {
                    *value = Value::Text(text.replace("{n}", "").into());
                }
            }
        });
    }

    fn simpler_value(&mut self, index: usize, field: usize) {
        let Act::Event(said) = &self.best.steps[index].act else { return };
        let declared = &said.declared(self.campaign).fields[field];
        let (optional, value) = (declared.optional, said.data[field].clone());
        let set = |story: &mut Story, value: Value| {
            if let Act::Event(said) = &mut story.steps[index].act {
                said.data[field] = value;
            }
        };
        if optional && self.tries(|story| set(story, Value::Missing)) {
            return;
        }
        match value {
            Value::Int(n) => self.lowered(n, 0, |story, n| set(story, Value::Int(n))),
            Value::Decimal(d) => {
                let whole: i64 = d.trunc().try_into().unwrap_or(0);
                if self.tries(|story| set(story, Value::Decimal(Decimal::from(whole)))) {
                    self.lowered(whole, 0, |story, n| set(story, Value::Decimal(Decimal::from(n))));
                }
            }
            Value::Bool(true) => drop(self.tries(|story| set(story, Value::Bool(false)))),
            Value::Text(_) | Value::Bool(false) | Value::Missing => {}
        }
    }

    /// The number nearest to `least` that still shows it, where more of it always shows more; else one that is near.
    fn lowered(&mut self, from: i64, least: i64, set: impl Fn(&mut Story, i64)) {
        if from == least || self.tries(|story| set(story, least)) {
            return;
        }
        let (mut shows_not, mut shows) = (i128::from(least), i128::from(from));
        while (shows - shows_not).abs() > 1 && self.left > 0 {
            let middle = (shows + shows_not) / 2;
            match i64::try_from(middle) {
                Ok(n) if self.tries(|story| set(story, n)) => shows = middle,
                _ => shows_not = middle,
            }
        }
    }

    /// As early and as round as it may be.
    fn simpler_time(&mut self, index: usize) {
        let calendar = &self.campaign.calendar;
        let at_ms = self.best.steps[index].at_ms;
        let morning = calendar.starts_ms().saturating_add(10 * 3_600_000);
        let before = index.checked_sub(1).map(|before| self.best.steps[before].at_ms);
        let rounded = [DAY_MS, 3_600_000, 60_000, 1000].map(|unit| at_ms - at_ms.rem_euclid(unit));
        let candidates: Vec<i64> = std::iter::once(morning).chain(before).chain(before.map(|b| b + 60_000)).chain(rounded).collect();
        for candidate in candidates {
            if candidate == at_ms || self.tries(|story| story.steps[index].at_ms = candidate) {
                return;
            }
        }
    }

    /// One member plays the part of another.
    fn fewer_members(&mut self) {
        let mut named: Vec<SmolStr> = self.best.steps.iter().flat_map(|step| members(&step.act, self.campaign)).collect();
        named.sort_unstable();
        named.dedup();
        for late in named.iter().rev() {
            for early in named.iter().take_while(|early| *early != late) {
                if self.tries(|story| story.steps.iter_mut().for_each(|step| rename(&mut step.act, late, early))) {
                    break;
                }
            }
        }
    }
}

fn members(act: &Act, campaign: &Campaign) -> Vec<SmolStr> {
    let Act::Event(said) = act else { return Vec::new() };
    let fields = said.declared(campaign).fields.iter().zip(&said.data);
    let named = fields.filter(|(field, _)| super::palette::is_member(&field.kind).is_some());
    named.filter_map(|(_, value)| if let Value::Text(id) = value { Some(id.clone()) } else { None }).chain(said.subject.clone()).collect()
}

fn rename(act: &mut Act, from: &SmolStr, to: &SmolStr) {
    let Act::Event(said) = act else { return };
    for value in &mut said.data {
        if matches!(value, Value::Text(id) if id == from) {
            *value = Value::Text(to.clone());
        }
    }
    if said.subject.as_ref() == Some(from) {
        said.subject = Some(to.clone());
    }
}

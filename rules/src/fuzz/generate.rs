//! Makes a story by chance from what a campaign declares. Each history draws a few members, kinds, numbers and days
//! for itself, because mistakes come from things that meet.

use super::dice::Dice;
use super::palette::{Palette, is_member};
use super::story::{Act, Said, Step, Story};
use crate::campaign::{ACCEPTED, Campaign, Field, MemberPath, REDEEMED};
use crate::release::Release;
use crate::value::{DEFAULT_KIND, DataType, Value};
use rust_decimal::Decimal;
use smol_str::SmolStr;
use std::collections::BTreeMap;

const STEPS_MAX: usize = 20;
const REPEAT_MAX: i64 = 12;
const DAY_MS: i64 = 86_400_000;

/// What one history is made of.
struct Hand<'p> {
    campaign: &'p Campaign,
    kinds: Vec<usize>,
    members: BTreeMap<SmolStr, Vec<SmolStr>>,
    numbers: Vec<i64>,
    texts: Vec<SmolStr>,
    instants: Vec<i64>,
    priced: &'p [SmolStr],
}

/// The story of one history.
pub fn story(release: &Release, palette: &Palette, dice: &mut Dice) -> Story {
    let hand = Hand::drawn(&release.campaign, palette, dice);
    let length = 1 + dice.below(STEPS_MAX);
    let mut steps: Vec<Step> = Vec::with_capacity(length + 4);
    for _ in 0..length {
        let step = match dice.below(20) {
            0 | 1 if !steps.is_empty() => hand.again(&mut steps, dice),
            2 => hand.stock(palette, dice),
            3 => hand.settle(dice),
            _ => hand.event(dice),
        };
        steps.push(step);
    }
    if dice.chance(75) {
        steps.sort_by_key(|step| step.at_ms);
    }
    steps.extend(last_settle(&release.campaign, &steps));
    let stock = dice.some_of(&palette.pools, 60).into_iter().map(|pool| (pool, dice.between(1, 20))).collect();
    let seed = if dice.chance(50) { 0 } else { dice.between(1, 1_000) };
    Story { seed, stock, steps }
}

impl<'p> Hand<'p> {
    fn drawn(campaign: &'p Campaign, palette: &'p Palette, dice: &mut Dice) -> Hand<'p> {
        let mut numbers = dice.some(&palette.numbers, 25);
        if dice.chance(20) {
            numbers.extend(dice.some(&palette.extremes, 30));
        }
        let mut members = BTreeMap::new();
        for (kind, ids) in &palette.members {
            let count = 1 + dice.below(ids.len());
            members.insert(kind.clone(), ids[..count].to_vec());
        }
        let mut instants = dice.some(&palette.instants, 5);
        instants.truncate(3);
        Hand {
            campaign,
            kinds: dice.some(&palette.kinds, 60),
            members,
            numbers,
            texts: dice.some(&palette.texts, 50),
            instants,
            priced: &palette.priced,
        }
    }

    /// Near one of the history's instants, from either side, sometimes days later.
    fn at(&self, dice: &mut Dice) -> i64 {
        const NEAR_MS: [i64; 10] = [0, 0, -1, 1, -1000, 1000, 60_000, 3_600_000, -3_600_000, 12 * 3_600_000];
        let (Some(base), Some(near)) = (dice.pick(&self.instants), dice.pick(&NEAR_MS)) else { return self.campaign.calendar.starts_ms() };
        let days = if dice.chance(40) { dice.between(0, 3) } else { 0 };
        base + near + days * DAY_MS
    }

    fn event(&self, dice: &mut Dice) -> Step {
        let kind = dice.pick(&self.kinds).copied().unwrap_or(0);
        let declared = &self.campaign.events[kind];
        let data: Vec<Value> = declared
            .fields
            .iter()
            .map(|field| match &*declared.name {
                _ if field.optional && dice.chance(40) => Value::Missing,
                REDEEMED if field.kind == DataType::Text => dice.pick(self.priced).map_or(Value::Missing, |name| Value::Text(name.clone())),
                _ => self.field(field, dice),
            })
            .collect();
        let subject = (declared.member == MemberPath::Subject).then(|| self.member(&DEFAULT_KIND.into(), dice));
        let mut step = Step::once(self.at(dice), Act::Event(Said { kind, id: None, subject, data }));
        if *declared.name != *ACCEPTED && dice.chance(20) {
            self.repeat(&mut step, dice);
        }
        step
    }

    /// The same again and again, each under keys of its own where it has texts.
    fn repeat(&self, step: &mut Step, dice: &mut Dice) {
        step.repeat = dice.between(2, REPEAT_MAX);
        step.every_ms = *dice.pick(&[1000, 1000, 3_600_000, DAY_MS]).unwrap_or(&1000);
        let Act::Event(said) = &mut step.act else { return };
        let is_redeem = *said.declared(self.campaign).name == *REDEEMED;
        for value in said.data.iter_mut().filter(|_| !is_redeem && dice.chance(70)) {
            if let Value::Text(text) = value
                && self.texts.contains(text)
            {
                *value = Value::Text(format!("{text}{{n}}").into());
            }
        }
    }

    /// A value of the field's type, as a rule within its bounds.
    fn field(&self, field: &Field, dice: &mut Dice) -> Value {
        let number = dice.pick(&self.numbers).copied().unwrap_or(0);
        let within = number.clamp(field.bounds.least.unwrap_or(i64::MIN), field.bounds.most.unwrap_or(i64::MAX));
        let number = if dice.chance(95) { within } else { number };
        match &field.kind {
            DataType::Int => Value::Int(number),
            DataType::Decimal => Value::Decimal(if dice.chance(50) { Decimal::from(number) } else { Decimal::new(number, 2) }.normalize()),
            DataType::Bool => Value::Bool(dice.chance(50)),
            DataType::Text => Value::Text(dice.pick(&self.texts).cloned().unwrap_or_else(|| "a".into())),
            DataType::Member(kind) => Value::Text(self.member(kind, dice)),
        }
    }

    fn member(&self, kind: &SmolStr, dice: &mut Dice) -> SmolStr {
        self.members.get(kind).and_then(|ids| dice.pick(ids)).cloned().unwrap_or_else(|| "ann".into())
    }

    /// Something that came before: as it was, under another id, or under its id with another body.
    fn again(&self, steps: &mut [Step], dice: &mut Dice) -> Step {
        let which = dice.below(steps.len());
        let name = format!("e{}", which + 1);
        let first = &mut steps[which];
        let repeat = first.repeat;
        let Act::Event(said) = &mut first.act else { return self.event(dice) };
        // Later steps may stand before it once they are sorted, so that its own id must not depend on its place.
        let own = || if repeat > 1 { format!("{name}-{{n}}") } else { name.clone() };
        said.id.get_or_insert_with(own);
        let mut copy = first.clone();
        match (dice.below(5), &mut copy.act) {
            (0 | 1, Act::Event(said)) => said.id = None,
            (2, Act::Event(said)) => {
                said.id = None;
                copy.at_ms = self.at(dice);
            }
            (3, Act::Event(said)) => {
                let kinds = said.declared(self.campaign).fields.iter().map(|field| &field.kind);
                let fields: Vec<usize> = kinds.enumerate().filter(|(_, kind)| is_member(kind).is_none()).map(|(index, _)| index).collect();
                if let Some(&index) = dice.pick(&fields) {
                    said.data[index] = self.field(&self.campaign.events[said.kind].fields[index], dice);
                }
            }
            _ => {}
        }
        copy
    }

    fn stock(&self, palette: &Palette, dice: &mut Dice) -> Step {
        match dice.pick(&palette.pools) {
            Some(pool) => Step::once(self.at(dice), Act::Stock { pool: pool.clone(), codes: dice.between(1, 10) }),
            None => self.event(dice),
        }
    }

    /// Once the grace of the cycle is over, to the millisecond or somewhat later; now and then twice.
    fn settle(&self, dice: &mut Dice) -> Step {
        let calendar = &self.campaign.calendar;
        let at_ms = self.at(dice);
        match calendar.cycle_of(at_ms).filter(|_| calendar.has_cycles()) {
            Some(cycle) => {
                let mut step = Step::once(cycle.ends_ms + calendar.grace_ms() + dice.between(0, 1) * 60_000, Act::Settle);
                step.repeat = if dice.chance(30) { 2 } else { 1 };
                step
            }
            None => self.event(dice),
        }
    }
}

/// Settles every cycle in which something happened.
fn last_settle(campaign: &Campaign, steps: &[Step]) -> Option<Step> {
    let calendar = &campaign.calendar;
    let times = steps.iter().filter_map(|step| step.times().last().map(|(_, at_ms)| at_ms));
    let last_ms = times.max().unwrap_or(calendar.starts_ms()).clamp(calendar.starts_ms(), calendar.ends_ms() - 1);
    let cycle = calendar.cycle_of(last_ms).filter(|_| calendar.has_cycles())?;
    Some(Step::once(last_ms.max(cycle.ends_ms + calendar.grace_ms()), Act::Settle))
}

//! The events that a population sends, in the order of delivery, made one day at a time.
//!
//! What a member does depends on the seed and the member alone: another segment, or another release, does not move it.
//! In memory are the members, what invitations have in store for later days, and one day's deliveries without texts.

use super::rate::exponential;
use super::{Arrival, Faults, Habit, How, Invites, MEMBERS_MOST, Population};
use crate::campaign::calendar::{Calendar, local_midnight};
use crate::campaign::{ACCEPTED, INVITED, JOINED};
use crate::event::Event;
use crate::simulate::random::Random;
use smol_str::SmolStr;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;
/// Members of the sample from which the number of events is estimated.
const SAMPLE: i64 = 2_000;

/// What numbers are drawn for; each has a stream of its own.
mod stream {
    pub const SEGMENT: u64 = 1;
    pub const ARRIVAL: u64 = 2;
    pub const MEMBER: u64 = 3;
    pub const DAY: u64 = 4;
    pub const FAULT: u64 = 5;
    pub const DATA: u64 = 6;
    pub const RING: u64 = 7;
}

/// See the module: an iterator over events.
pub struct Crowd {
    population: Arc<Population>,
    seed: u64,
    days: Vec<Day>,
    /// The next day to make.
    day: usize,
    /// Members who come by themselves, by day.
    arrivals: Vec<i64>,
    came: u64,
    members: Vec<(Name, i64)>,
    /// Names given so far, by segment.
    named: Vec<u32>,
    /// Friends who accept, and accounts of rings, by the day on which they come.
    newcomers: BTreeMap<usize, Vec<Newcomer>>,
    /// Deliveries of later days.
    later: BTreeMap<usize, Vec<Delivery>>,
    /// What is left of the day, the last first.
    today: Vec<Delivery>,
    events: u64,
    kinds: [SmolStr; 3],
    source: SmolStr,
}

/// One local day, cut to the population's window.
#[derive(Clone, Copy)]
struct Day {
    midnight_ms: i64,
    from_ms: i64,
    until_ms: i64,
}

/// `champion-17`: the segment and the number within it.
#[derive(Clone, Copy)]
struct Name {
    segment: u16,
    number: u32,
}

struct Newcomer {
    name: Name,
    at_ms: i64,
    inviter: Option<Name>,
}

#[derive(Clone, Copy)]
struct Delivery {
    delivered_ms: i64,
    at_ms: i64,
    /// Of the event; its copies have the same.
    number: u64,
    /// Where its data and its faults are drawn from: the member's own, so that nobody else moves them.
    draw: u64,
    act: Act,
    /// Under an id of its own.
    again: bool,
}

#[derive(Clone, Copy)]
enum Act {
    Joined(Name),
    Invited { invitee: Name, inviter: Name },
    Accepted { invitee: Name, inviter: Name },
    Habit { who: Name, habit: u16 },
}

impl Crowd {
    pub fn new(population: Arc<Population>, calendar: &Calendar, seed: u64) -> Crowd {
        let days = days(&population, calendar);
        let arrivals = arrivals(&population, &days);
        let mut crowd = Crowd {
            seed,
            day: 0,
            arrivals,
            came: 0,
            members: Vec::new(),
            named: vec![0; population.segments.len()],
            newcomers: BTreeMap::new(),
            later: BTreeMap::new(),
            today: Vec::new(),
            events: 0,
            kinds: [JOINED.into(), INVITED.into(), ACCEPTED.into()],
            source: "app".into(),
            days,
            population,
        };
        crowd.rings();
        crowd
    }

    /// About how many events there will be, from a sample of the members.
    pub fn estimate(population: &Population, calendar: &Calendar, seed: u64) -> u64 {
        let members = population.members.min(SAMPLE);
        let rings = if population.members > SAMPLE { Vec::new() } else { population.rings.clone() };
        let sample = Population { members, rings, ..population.clone() };
        let mut crowd = Crowd::new(Arc::new(sample), calendar, seed);
        let mut events = 0_u64;
        while crowd.make_day() {
            events += crowd.today.len() as u64;
        }
        (u128::from(events) * population.members.max(1) as u128 / members.max(1) as u128) as u64
    }

    /// Everybody who has come so far.
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// Makes the deliveries of the next day; false: there are no more days. What is delivered after the last one comes
    /// after it.
    fn make_day(&mut self) -> bool {
        let day = self.day;
        if day > self.days.len() {
            return false;
        }
        self.day += 1;
        self.today = self.later.remove(&day).unwrap_or_default();
        if day < self.days.len() {
            self.arrive(day);
            self.live(day);
        }
        self.today.sort_unstable_by_key(|d| std::cmp::Reverse((d.delivered_ms, d.number, d.again)));
        true
    }

    fn arrive(&mut self, day: usize) {
        for _ in 0..self.arrivals[day] {
            self.came += 1;
            let mut random = Random::of(self.seed, &[stream::SEGMENT, self.came]);
            let segment = self.segment(&mut random);
            let mut random = Random::of(self.seed, &[stream::ARRIVAL, self.came]);
            let at_ms = self.instant_of(day, &mut random);
            if let Some(name) = self.name(segment) {
                self.admit(Newcomer { name, at_ms, inviter: None });
            }
        }
        // Whoever comes may bring others on the same day.
        while let Some(newcomers) = self.newcomers.remove(&day) {
            newcomers.into_iter().for_each(|newcomer| self.admit(newcomer));
        }
    }

    fn segment(&self, random: &mut Random) -> usize {
        let weights = self.population.segments.iter().map(|segment| segment.weight);
        let mut left = random.below(weights.clone().sum::<i64>().max(1));
        let found = weights.into_iter().position(|weight| {
            left -= weight;
            left < 0
        });
        found.unwrap_or(0)
    }

    /// The next name of a segment; none when there are too many members.
    fn name(&mut self, segment: usize) -> Option<Name> {
        if self.named.iter().map(|n| i64::from(*n)).sum::<i64>() >= MEMBERS_MOST {
            return None;
        }
        self.named[segment] += 1;
        Some(Name { segment: segment as u16, number: self.named[segment] })
    }

    fn admit(&mut self, newcomer: Newcomer) {
        let Newcomer { name, at_ms, inviter } = newcomer;
        self.members.push((name, at_ms));
        let population = self.population.clone();
        let segment = &population.segments[usize::from(name.segment)];
        let mut random = Random::of(self.seed, &[stream::MEMBER, u64::from(name.segment), u64::from(name.number)]);
        self.send(at_ms, Act::Joined(name), random.number());
        if let Some(inviter) = inviter {
            self.send(at_ms, Act::Accepted { invitee: name, inviter }, random.number());
        }
        for (habit, Habit { how, .. }) in segment.does.iter().enumerate() {
            if let How::Once { share, after_ms } = how
                && share.happens(&mut random)
            {
                let at_ms = at_ms.saturating_add(after_ms.draw(&mut random));
                self.send(at_ms, Act::Habit { who: name, habit: habit as u16 }, random.number());
            }
        }
        if let Some(invites) = segment.invites.as_ref().filter(|invites| invites.share.happens(&mut random)) {
            self.invite(name, at_ms, invites, &mut random);
        }
    }

    fn invite(&mut self, inviter: Name, from_ms: i64, invites: &Invites, random: &mut Random) {
        for _ in 0..invites.friends.draw(random) {
            let invited_ms = from_ms.saturating_add(random.below(invites.within_ms));
            let answered_ms = invited_ms.saturating_add(invites.answer_ms.draw(random));
            let accepts = invites.accept.happens(random);
            let Some(invitee) = self.name(invites.segment) else { return };
            self.send(invited_ms, Act::Invited { invitee, inviter }, random.number());
            if accepts && answered_ms < self.ends_ms() {
                let day = self.day_of(answered_ms);
                self.newcomers.entry(day).or_default().push(Newcomer { name: invitee, at_ms: answered_ms, inviter: Some(inviter) });
            }
        }
    }

    /// Accounts of a ring come within an hour, each a minute after the one that invited it; the last one invites the
    /// first.
    fn rings(&mut self) {
        let population = self.population.clone();
        let mut number = 0;
        for rings in &population.rings {
            for _ in 0..rings.count {
                number += 1;
                let mut random = Random::of(self.seed, &[stream::RING, number]);
                let day = random.below(self.days.len().max(1) as i64) as usize;
                let begins_ms = self.instant_of(day, &mut random);
                let names: Vec<Name> = (0..rings.size).map_while(|_| self.name(rings.segment)).collect();
                for (index, name) in names.iter().enumerate() {
                    let at_ms = begins_ms.saturating_add(index as i64 * MINUTE_MS);
                    let inviter = names[(index + names.len() - 1) % names.len()];
                    if at_ms < self.ends_ms() {
                        let day = self.day_of(at_ms);
                        self.newcomers.entry(day).or_default().push(Newcomer { name: *name, at_ms, inviter: Some(inviter) });
                    }
                }
            }
        }
    }

    /// What everybody does again and again.
    fn live(&mut self, day: usize) {
        let population = self.population.clone();
        let often: Vec<bool> = population.segments.iter().map(|s| s.does.iter().any(|habit| matches!(habit.how, How::Often(_)))).collect();
        for index in 0..self.members.len() {
            let (name, since_ms) = self.members[index];
            if !often[usize::from(name.segment)] {
                continue;
            }
            let path = [stream::DAY, u64::from(name.segment), u64::from(name.number), day as u64];
            let mut random = Random::of(self.seed, &path);
            for (habit, Habit { how, .. }) in population.segments[usize::from(name.segment)].does.iter().enumerate() {
                let How::Often(rate) = how else { continue };
                for _ in 0..rate.times(&mut random) {
                    let (at_ms, draw) = (self.moment_of(day, &mut random), random.number());
                    if at_ms >= since_ms && at_ms >= self.days[day].from_ms {
                        self.send(at_ms, Act::Habit { who: name, habit: habit as u16 }, draw);
                    }
                }
            }
        }
    }

    /// An instant of a day while people are up, within the window.
    fn instant_of(&self, day: usize, random: &mut Random) -> i64 {
        let at_ms = self.moment_of(day, random);
        self.days.get(day).map_or(at_ms, |day| at_ms.clamp(day.from_ms, day.until_ms - 1))
    }

    /// An instant of a day while people are up.
    fn moment_of(&self, day: usize, random: &mut Random) -> i64 {
        let (from, until) = self.population.hours;
        let midnight_ms = self.days.get(day).map_or(0, |day| day.midnight_ms);
        midnight_ms + from * HOUR_MS + random.below((until - from) * HOUR_MS)
    }

    fn ends_ms(&self) -> i64 {
        self.days.last().map_or(i64::MIN, |day| day.until_ms)
    }

    /// The day of an instant; what comes after the last one belongs to the time after it.
    fn day_of(&self, at_ms: i64) -> usize {
        if at_ms >= self.ends_ms() { self.days.len() } else { self.days.partition_point(|day| day.until_ms <= at_ms) }
    }

    /// One event, delivered as it goes on the way. What would happen after the end does not.
    fn send(&mut self, at_ms: i64, act: Act, draw: u64) {
        if at_ms >= self.ends_ms() {
            return;
        }
        self.events += 1;
        let number = self.events;
        let Faults { retries, duplicates, late } = self.population.faults;
        let mut random = Random::of(draw, &[stream::FAULT]);
        let late_ms = late.filter(|(share, _)| share.happens(&mut random)).map_or(0, |(_, by_ms)| random.below(by_ms));
        let delivery = Delivery { delivered_ms: at_ms.saturating_add(late_ms), at_ms, number, draw, act, again: false };
        self.deliver(delivery);
        if let Some(retries) = retries.filter(|retries| retries.share.happens(&mut random)) {
            for _ in 0..random.between(1, retries.most) {
                let delivered_ms = delivery.delivered_ms + 1 + random.below(retries.within_ms);
                self.deliver(Delivery { delivered_ms, ..delivery });
            }
        }
        if duplicates.is_some_and(|share| share.happens(&mut random)) {
            self.deliver(Delivery { delivered_ms: delivery.delivered_ms + 1 + random.below(HOUR_MS), again: true, ..delivery });
        }
    }

    fn deliver(&mut self, delivery: Delivery) {
        let day = self.day_of(delivery.delivered_ms);
        // The day that is being made is the one before `self.day`.
        if day < self.day { self.today.push(delivery) } else { self.later.entry(day).or_default().push(delivery) }
    }

    fn event(&self, delivery: Delivery) -> Event {
        let mut data = String::with_capacity(96);
        data.push('{');
        let mut subject = None;
        let (kind, source) = match delivery.act {
            Act::Joined(who) => {
                self.write_name("\"member\":", who, &mut data);
                (&self.kinds[0], &self.source)
            }
            Act::Invited { invitee, inviter } => {
                self.write_referral(invitee, inviter, &mut data);
                (&self.kinds[1], &self.source)
            }
            Act::Accepted { invitee, inviter } => {
                self.write_referral(invitee, inviter, &mut data);
                (&self.kinds[2], &self.source)
            }
            Act::Habit { who, habit } => {
                let segment = &self.population.segments[usize::from(who.segment)];
                let habit = &segment.does[usize::from(habit)];
                match &habit.member_field {
                    Some(key) => self.write_name(key, who, &mut data),
                    None => subject = Some(format!("{}-{}", segment.name, who.number).into()),
                }
                let mut random = Random::of(delivery.draw, &[stream::DATA]);
                habit.data.iter().for_each(|filled| filled.write(&mut random, &mut data));
                (&habit.event, &habit.source)
            }
        };
        data.push('}');
        let id = format!("e{}{}", delivery.number, if delivery.again { "-again" } else { "" });
        Event { source: source.clone(), id: id.into(), kind: kind.clone(), subject, at_ms: Ok(delivery.at_ms), data: data.into() }
    }

    fn write_name(&self, key: &str, who: Name, data: &mut String) {
        // Writing to a string cannot fail.
        let _ = write!(data, "{key}\"{}-{}\"", self.population.segments[usize::from(who.segment)].name, who.number);
    }

    fn write_referral(&self, invitee: Name, inviter: Name, data: &mut String) {
        self.write_name("\"invitee\":", invitee, data);
        self.write_name(",\"inviter\":", inviter, data);
    }
}

impl Iterator for Crowd {
    type Item = Event;
    fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(delivery) = self.today.pop() {
                return Some(self.event(delivery));
            }
            if !self.make_day() {
                return None;
            }
        }
    }
}

fn days(population: &Population, calendar: &Calendar) -> Vec<Day> {
    let (starts_ms, ends_ms) = population.window_ms;
    let (first, last) = (calendar.moment(starts_ms).day, calendar.moment(ends_ms - 1).day);
    let day = |day: i32| {
        let midnight_ms = local_midnight(calendar.zone(), day)?;
        let until_ms = local_midnight(calendar.zone(), day + 1)?.min(ends_ms);
        let from_ms = midnight_ms.max(starts_ms);
        // A zone may skip a day.
        (from_ms < until_ms).then_some(Day { midnight_ms, from_ms, until_ms })
    };
    (first..=last).filter_map(day).collect()
}

/// How many come by themselves on each day.
fn arrivals(population: &Population, days: &[Day]) -> Vec<i64> {
    let Some(first) = days.first() else { return Vec::new() };
    let mut before = 0;
    let of_day = |day: &Day| {
        let share = share_by(&population.arrival, day.until_ms - first.from_ms);
        let by_then = (population.members as f64 * share).round() as i64;
        let today = by_then - before;
        before = by_then;
        today
    };
    days.iter().map(of_day).collect()
}

/// The part of all who have come by an instant after the beginning.
fn share_by(arrival: &Arrival, after_ms: i64) -> f64 {
    let after_ms = after_ms.min(arrival.over_ms);
    match arrival.half_ms {
        None => after_ms as f64 / arrival.over_ms as f64,
        Some(half_ms) => {
            let come = |ms: i64| 1.0 - 1.0 / exponential((ms as f64 / half_ms as f64 * std::f64::consts::LN_2).min(200.0));
            come(after_ms) / come(arrival.over_ms)
        }
    }
}

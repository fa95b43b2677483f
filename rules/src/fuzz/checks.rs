//! What must hold in the books after any story, whatever the campaign: held against the ledger lines and the grants
//! themselves, and not against the sums that the book keeps.

use super::Check;
use super::play::Played;
use super::story::{Act, Story};
use crate::book::facts::points_measures;
use crate::book::ranking::points_in;
use crate::book::rows::{GrantRow, GrantState, Held, PostingRow};
use crate::campaign::Caps;
use crate::campaign::calendar::Calendar;
use crate::names::Code;
use crate::release::Release;
use crate::value::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The first promise that is broken, and how.
pub fn books(played: &Played, story: &Story, release: &Release) -> Option<(Check, String)> {
    let books = Books { played, release, moved: moved(played, release) };
    let all = [
        (Check::Sums, books.sums()),
        (Check::Negative, books.negative()),
        (Check::Twice, books.twice()),
        (Check::Budget, books.budget()),
        (Check::Stock, books.stock(story)),
        (Check::Limit, books.limits()),
        (Check::Cause, books.causes(story)),
    ];
    all.into_iter().find_map(|(check, broken)| broken.map(|why| (check, why)))
}

/// Something that was moved: points of an account, or units of a reward.
struct Moved {
    measure: Code,
    member: i64,
    cycle: i32,
    day: i32,
    amount: i64,
    /// Granted by a close, which counts in its cycle and not on a day of the member.
    by_close: bool,
}

struct Books<'a> {
    played: &'a Played,
    release: &'a Release,
    moved: Vec<Moved>,
}

fn moved(played: &Played, release: &Release) -> Vec<Moved> {
    let (campaign, codes) = (&release.campaign, &release.codes);
    let calendar: &Calendar = &campaign.calendar;
    let closes = release.close_handler.map(|handler| codes.functions[handler]);
    let posting = |p: &PostingRow| {
        let (account, amount) = if p.debit == 0 { (p.credit, p.amount) } else { (p.debit, -p.amount) };
        let index = codes.accounts.iter().position(|code| *code == account)?;
        Some(Moved { measure: codes.points[index], member: p.member, cycle: p.cycle, day: p.day, amount, by_close: false })
    };
    let grant = |g: &GrantRow| {
        let index = codes.rewards.iter().position(|code| *code == g.reward)?;
        let (measure, day) = (codes.granted[index], calendar.moment(g.at_ms).day);
        Some(Moved { measure, member: g.member, cycle: g.cycle, day, amount: 1, by_close: Some(g.function) == closes })
    };
    played.world.postings().iter().filter_map(posting).chain(played.world.grants().iter().filter_map(grant)).collect()
}

impl Books<'_> {
    fn name(&self, member: i64) -> String {
        let book = self.played.world.book();
        book.slot_of_number(member).map_or_else(|| format!("member {member}"), |slot| book.member_row(slot).id.to_string())
    }

    /// Conservation: what the ledger and the grants say is what members, the campaign and its cycles hold.
    fn sums(&self) -> Option<String> {
        let (mut of_member, mut of_cycle, mut of_all) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        for m in &self.moved {
            *of_member.entry((m.member, m.measure)).or_insert(0_i128) += i128::from(m.amount);
            *of_cycle.entry((m.cycle, m.measure)).or_insert(0_i128) += i128::from(m.amount);
            *of_all.entry(m.measure).or_insert(0_i128) += i128::from(m.amount);
        }
        let book = self.played.world.book();
        let is = |tally: &crate::book::tally::Tally, measure| i128::from(tally.get(measure));
        for measure in self.release.codes.points.iter().chain(&self.release.codes.granted).copied() {
            let booked = of_all.get(&measure).copied().unwrap_or(0);
            if is(&book.head().totals, measure) != booked {
                return Some(format!("the campaign's total is {}, booked were {booked}", is(&book.head().totals, measure)));
            }
            for row in book.members().filter(|row| row.number != 0) {
                let booked = of_member.get(&(row.number, measure)).copied().unwrap_or(0);
                if is(&row.tally, measure) != booked {
                    return Some(format!("{} holds {}, booked were {booked}", row.id, is(&row.tally, measure)));
                }
            }
        }
        let differs = |((cycle, measure), booked): (&(i32, Code), &i128)| {
            let holds = book.cycle_row(*cycle).map_or(0, |row| is(&row.tally, *measure));
            (holds != *booked).then(|| format!("cycle {cycle} counts {holds}, booked were {booked}"))
        };
        of_cycle.iter().find_map(differs)
    }

    fn negative(&self) -> Option<String> {
        let book = self.played.world.book();
        let accounts = self.release.campaign.accounts.iter().enumerate();
        accounts.into_iter().find_map(|(index, account)| {
            let below = book.members().find(|row| points_in(self.release, index, &row.tally).is_ok_and(|points| points < 0))?;
            let points = points_in(self.release, index, &below.tally).unwrap_or(0);
            Some(format!("{} holds {points} in \"{}\"", below.id, account.name))
        })
    }

    fn twice(&self) -> Option<String> {
        let mut seen = BTreeSet::new();
        let again = self.played.world.grants().iter().find(|g| !seen.insert((g.function, g.member, g.cause, g.reward, g.ordinal)))?;
        Some(format!("{} got the same grant twice", self.name(again.member)))
    }

    /// What the budget counts, once more: grants that fit it, and points at their worth when they were awarded.
    fn budget(&self) -> Option<String> {
        let budget = self.release.campaign.limits.budget?;
        let fits = |g: &&GrantRow| g.held != Held::Budget;
        let faces: i128 = self.played.world.grants().iter().filter(fits).map(|g| i128::from(g.face_value)).sum();
        let accounts = self.release.codes.points.iter().zip(&self.release.campaign.accounts);
        let worth: BTreeMap<Code, i64> = accounts.filter_map(|(code, account)| Some((*code, account.worth?.minor))).collect();
        let awarded = self.moved.iter().filter(|m| m.amount > 0);
        let points: i128 = awarded.filter_map(|m| Some(i128::from(m.amount) * i128::from(*worth.get(&m.measure)?))).sum();
        let spent = faces + points;
        (spent > i128::from(budget.minor)).then(|| format!("{spent} of {} minor units are spent", budget.minor))
    }

    fn stock(&self, story: &Story) -> Option<String> {
        let added = |pool: &str| -> i64 {
            let steps = story.steps.iter().map(|step| match &step.act {
                Act::Stock { pool: name, codes } if name == pool => codes.saturating_mul(step.repeat),
                _ => 0,
            });
            story.stock.get(pool).copied().unwrap_or(0).saturating_add(steps.sum())
        };
        let grants = self.played.world.grants();
        self.played.world.book().pools().iter().find_map(|pool| {
            let of_pool = || grants.iter().filter(|g| g.pool == Some(pool.pool));
            let issued = of_pool().filter(|g| g.state == GrantState::Issued).count() as i64;
            let owed = of_pool().filter(|g| g.state == GrantState::Owed && g.held == Held::Stock).count() as i64;
            let right = pool.available >= 0 && pool.available + issued == added(&pool.name) && owed == pool.owed;
            (!right).then(|| format!("pool \"{}\": {} available, {issued} issued, {owed} owed", pool.name, pool.available))
        })
    }

    fn limits(&self) -> Option<String> {
        let (limits, codes) = (&self.release.campaign.limits, &self.release.codes);
        let rewards =
            limits.rewards.iter().map(|(index, caps)| (&self.release.campaign.rewards[*index].name, vec![codes.granted[*index]], caps));
        let accounts = limits
            .accounts
            .iter()
            .map(|(index, caps)| (&self.release.campaign.accounts[*index].name, points_measures(self.release, *index).to_vec(), caps));
        rewards.chain(accounts).find_map(|(name, measures, caps)| self.over(caps, &measures).map(|why| format!("\"{name}\": {why}")))
    }

    /// The first cap that is exceeded.
    fn over(&self, caps: &Caps, measures: &[Code]) -> Option<String> {
        type Of = fn(&Moved) -> Option<(i64, i32)>;
        let caps: [(&str, Option<i64>, Of); 6] = [
            ("per_member", caps.per_member, |m| Some((m.member, 0))),
            ("per_member_per_cycle", caps.per_member_per_cycle, |m| Some((m.member, m.cycle))),
            ("per_member_per_day", caps.per_member_per_day, |m| (!m.by_close).then_some((m.member, m.day))),
            ("per_cycle", caps.per_cycle, |m| Some((0, m.cycle))),
            ("per_day", caps.per_day, |m| Some((0, m.day))),
            ("total", caps.total, |_| Some((0, 0))),
        ];
        caps.into_iter().find_map(|(cap, most, of)| {
            let most = i128::from(most?);
            let mut sums: BTreeMap<(i64, i32), i128> = BTreeMap::new();
            for m in self.moved.iter().filter(|m| measures.contains(&m.measure)) {
                if let Some(of) = of(m) {
                    *sums.entry(of).or_default() += i128::from(m.amount);
                }
            }
            let (of, sum) = sums.into_iter().find(|(_, sum)| *sum > most)?;
            let who = if of.0 == 0 { String::new() } else { format!(" of {}", self.name(of.0)) };
            Some(format!("{sum}{who} exceed {cap} = {most}"))
        })
    }

    /// Whoever has anything was named by an event that was not turned away.
    fn causes(&self, story: &Story) -> Option<String> {
        let mut named: BTreeSet<String> = BTreeSet::new();
        for (step, words) in story.steps.iter().zip(&self.played.words) {
            let Act::Event(said) = &step.act else { continue };
            if !words.iter().any(|word| matches!(*word, "booked" | "waiting")) {
                continue;
            }
            let texts = said.data.iter().filter_map(|value| if let Value::Text(text) = value { Some(text) } else { None });
            named.extend(texts.chain(&said.subject).map(|text| text.to_string()));
        }
        let book = self.played.world.book();
        let earned = self.moved.iter().filter_map(|m| book.slot_of_number(m.member));
        let without = earned.map(|slot| book.member_row(slot)).find(|row| !named.contains(&*row.id.id))?;
        Some(format!("{} has something, and no booked event names them", without.id))
    }
}

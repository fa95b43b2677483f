//! Plays one story in a world of its own and holds it against what it expects.

use super::node::{Entry, Kind, Node, fill_text};
use super::read::{Act, Case, Expected, GivenCounts, Named, StepAt, Units};
use super::{CaseReport, Failure};
use crate::book::Book;
use crate::book::decide::{Answer, Answered};
use crate::book::given::Refused;
use crate::book::prepare::{Releases, prepare};
use crate::book::ranking::{in_order, places, points_in};
use crate::book::receipt::Receipt;
use crate::book::rows::{GrantRow, GrantState, Outcome};
use crate::event::{Event, Key};
use crate::fact::UNRANKED;
use crate::release::Release;
use crate::simulate::world::{Settled, World};
use crate::value::{MemberId, Value};

/// What a step came to, in the words of `then`.
struct Came {
    word: &'static str,
    reason: String,
}

struct Play<'c> {
    case: &'c Case,
    world: World,
    now_ms: i64,
    /// Receipts so far, each with the number of its step.
    receipts: Vec<(usize, Receipt)>,
    failures: Vec<Failure>,
    /// Of the world's grants, the first so many were given.
    given_grants: usize,
}

/// Plays a case. `file` is for the report.
pub fn play(file: &str, case: &Case, releases: &Releases) -> CaseReport {
    let mut play = Play::begin(case, releases);
    for (index, step) in case.steps.iter().enumerate() {
        play.step(index + 1, step);
    }
    play.expect();
    CaseReport { name: case.name.clone(), file: file.into(), line: case.line, passed: play.failures.is_empty(), failures: play.failures }
}

/// What the draws of the first step depend on: its business key, else its source and id. None: it is no event.
pub fn first_cause(case: &Case, releases: &Releases) -> Option<Key> {
    let first = case.steps.first()?;
    let event = event_of(1, first, 1, first.at_ms)?;
    let mut play = Play::begin(case, releases);
    play.step(1, first);
    let prepared = prepare(event, releases, first.at_ms)?;
    Some(play.world.book().business_key(&prepared).unwrap_or(prepared.identity))
}

impl<'c> Play<'c> {
    /// The world as it is given.
    fn begin(case: &'c Case, releases: &Releases) -> Play<'c> {
        let world = World::new(releases.clone(), &case.given.stock, case.seed);
        let mut play = Play { case, world, now_ms: i64::MIN, receipts: Vec::new(), failures: Vec::new(), given_grants: 0 };
        play.give();
        play
    }

    fn give(&mut self) {
        let given = &self.case.given;
        let mut refused = Vec::new();
        let Some(release) = self.world.releases().newest().cloned() else { return };
        let book = self.world.book_mut();
        for member in &given.members {
            book.give_member(&member.id);
            for (attribute, value) in &member.attributes {
                refused.push(book.give_attribute(&attribute.release, &member.id, attribute.index, value.clone(), given.at_ms));
            }
            for (at_ms, counts) in &member.counts {
                give_counts(book, &release, &member.id, *at_ms, counts, &mut refused);
            }
        }
        for (invitee, inviter) in &given.referrals {
            refused.push(book.give_referral(&release, invitee, inviter, given.at_ms));
        }
        self.world.drain();
        self.given_grants = self.world.grants().len();
        for reason in refused.into_iter().filter_map(Result::err) {
            self.fail(None, self.case.line, "given", "can be given", &reason, Vec::new());
        }
    }

    fn step(&mut self, number: usize, step: &StepAt) {
        for n in 1..=step.repeat {
            let at_ms = step.at_ms.saturating_add((n - 1).saturating_mul(step.every_ms));
            self.now_ms = self.now_ms.max(at_ms);
            let (came, receipt) = self.act(number, step, n, at_ms);
            let (word, because) = &step.then;
            // A refusal that is told again is a refusal still.
            let fits = came.word == word && came.reason.contains(because.as_str());
            let lines = receipt.as_ref().map(lines_of).unwrap_or_default();
            self.receipts.extend(receipt.map(|receipt| (number, receipt)));
            if !fits {
                let expected = if because.is_empty() { word.clone() } else { format!("{word}: {because}") };
                let actual = if came.reason.is_empty() { came.word.to_string() } else { format!("{}: {}", came.word, came.reason) };
                let times = if step.repeat > 1 { format!(", time {n}") } else { String::new() };
                let what = format!("step {number} ({}{times})", step.at);
                return self.fail(Some(number), step.line, &what, &expected, &actual, lines);
            }
        }
    }

    fn act(&mut self, number: usize, step: &StepAt, n: i64, at_ms: i64) -> (Came, Option<Receipt>) {
        match &step.act {
            Act::Settle => (self.settle(number), None),
            Act::Stock { pool, codes } => {
                self.world.add_stock(pool, *codes);
                (Came { word: "booked", reason: String::new() }, None)
            }
            Act::Event { .. } => {
                let Some(event) = event_of(number, step, n, at_ms) else { return (Came { word: "refused", reason: String::new() }, None) };
                let step = self.world.event(event, self.now_ms, &step.draws);
                (came(step.answer), step.receipt)
            }
        }
    }

    fn settle(&mut self, number: usize) -> Came {
        let settled = self.world.settle(self.now_ms);
        let (word, failed) = (word_of_settled(&settled, &self.world), settled.failed.first().cloned());
        self.receipts.extend(settled.members.into_iter().map(|m| (number, m.closed.receipt)));
        let reason = match (word, failed) {
            (_, Some((id, reason))) => format!("{id}: {reason}"),
            ("duplicate", _) => "nothing new to settle".into(),
            ("refused", _) => "no cycle has ended with its grace".into(),
            _ => String::new(),
        };
        Came { word, reason }
    }

    fn expect(&mut self) {
        let case = self.case;
        for member in &case.expect.members {
            self.member(member);
        }
        for (reward, units) in &case.expect.totals {
            self.units(None, reward, units, case.line);
        }
        self.nobody_else();
        for (account, ids, line) in &case.expect.standing {
            let kind = ids.first().map_or_else(|| MemberId::new("").kind, |id| id.kind.clone());
            let ranked = in_order(self.world.ranked(&account.release, account.index, self.cycle()));
            let is: Vec<MemberId> = ranked.into_iter().filter(|r| r.kind == kind).filter_map(|r| self.id_of(r.member)).collect();
            if is != *ids {
                self.fail(None, *line, &format!("standing in {}", account.name), &list(ids), &list(&is), Vec::new());
            }
        }
    }

    fn member(&mut self, expected: &Expected) {
        let id = &expected.id;
        let slot = self.world.book().slot_of(id);
        let row = slot.map(|slot| self.world.book().member_row(slot).clone());
        let number = row.as_ref().map_or(0, |row| row.number);
        for (account, points) in &expected.points {
            let is = row.as_ref().map_or(0, |row| points_in(&account.release, account.index, &row.tally).unwrap_or(i64::MAX));
            self.hold(expected, &account.name, "", *points, is);
        }
        for (cycle, day, account, points) in &expected.cycles {
            let standing = self.world.book().standing(*cycle, number);
            let is = standing.map_or(0, |s| points_in(&account.release, account.index, &s.tally).unwrap_or(i64::MAX));
            self.hold(expected, &account.name, &format!(" in the cycle of {day}"), *points, is);
        }
        for (reward, units) in &expected.grants {
            self.units(Some(id), reward, units, expected.line);
        }
        for (attribute, value) in &expected.attributes {
            let code = attribute.release.codes.attributes[attribute.index];
            let set = row.as_ref().and_then(|row| row.attributes.iter().find(|(c, _)| *c == code).map(|(_, value)| value.clone()));
            let is = set.unwrap_or_else(|| attribute.release.campaign.attributes[attribute.index].default.clone());
            if shown(&is) != *value {
                let lines = self.lines_about(id, &attribute.name);
                self.fail(None, expected.line, &format!("{id}: {}", attribute.name), value, &shown(&is), lines);
            }
        }
        for (account, place) in &expected.ranks {
            let all = places(self.world.ranked(&account.release, account.index, self.cycle()));
            let is = all.get(&number).copied().unwrap_or(UNRANKED);
            if is != *place {
                let is = if is == UNRANKED { "none".into() } else { is.to_string() };
                self.fail(None, expected.line, &format!("{id}: rank in {}", account.name), &place.to_string(), &is, Vec::new());
            }
        }
        self.unlisted(expected, number);
    }

    /// Money is strict: what is not written must not have been granted. What was given stays.
    fn unlisted(&mut self, expected: &Expected, number: i64) {
        for reward in self.rewards() {
            if !expected.grants.iter().any(|(listed, _)| listed.name == reward.name) {
                let (given, is) = (self.given(number, &reward), self.granted(Some(number), &reward, None));
                self.hold(expected, &reward.name, " (not listed)", given, is);
            }
        }
    }

    fn given(&self, member: i64, reward: &Named) -> i64 {
        let code = reward.release.codes.rewards[reward.index];
        self.world.grants()[..self.given_grants].iter().filter(|g| g.member == member && g.reward == code).count() as i64
    }

    fn nobody_else(&mut self) {
        let expect = &self.case.expect;
        if expect.others_may {
            return;
        }
        let mut said = Vec::new();
        for reward in self.rewards().into_iter().filter(|r| !expect.totals.iter().any(|(listed, _)| listed.name == r.name)) {
            let code = reward.release.codes.rewards[reward.index];
            let of_reward = self.world.grants()[self.given_grants..].iter().filter(|g| g.reward == code).map(|g| g.member);
            let members: std::collections::BTreeSet<i64> = of_reward.collect();
            let others = members.into_iter().filter_map(|n| Some((n, self.id_of(n)?)));
            said.extend(others.filter(|(_, id)| !expect.members.iter().any(|m| m.id == *id)).map(|(n, id)| (reward.clone(), n, id)));
        }
        for (reward, number, id) in said {
            let is = self.granted(Some(number), &reward, None);
            let lines = self.lines_about(&id, &reward.name);
            let what = format!("{id}: {} (nobody expected it)", reward.name);
            let given = self.given(number, &reward).to_string();
            self.fail(None, self.case.line, &what, &given, &is.to_string(), lines);
        }
    }

    fn units(&mut self, id: Option<&MemberId>, reward: &Named, units: &Units, line: usize) {
        let number = id.map(|id| self.world.book().slot_of(id).map_or(0, |slot| self.world.book().member_row(slot).number));
        let who = id.map_or_else(|| "in all".to_string(), ToString::to_string);
        let mut wanted = Vec::new();
        match units {
            Units::All(n) => wanted.push((None, *n)),
            // A state that is not written is 0.
            Units::By(list) => wanted
                .extend(GrantState::ALL.iter().map(|s| (Some(*s), list.iter().find(|(listed, _)| listed == s).map_or(0, |(_, n)| *n)))),
        }
        for (state, n) in wanted {
            let is = self.granted(number, reward, state);
            if is != n {
                let what = format!("{who}: {}{}", reward.name, state.map_or_else(String::new, |s| format!(" {}", s.name())));
                let lines = id.map(|id| self.lines_about(id, &reward.name)).unwrap_or_default();
                self.fail(None, line, &what, &n.to_string(), &is.to_string(), lines);
            }
        }
    }

    fn granted(&self, member: Option<i64>, reward: &Named, state: Option<GrantState>) -> i64 {
        let code = reward.release.codes.rewards[reward.index];
        let fits = |g: &&GrantRow| g.reward == code && member.is_none_or(|m| m == g.member) && state.is_none_or(|s| s == g.state);
        self.world.grants().iter().filter(fits).count() as i64
    }

    /// Every reward that any release declares, once.
    fn rewards(&self) -> Vec<Named> {
        let mut rewards: Vec<Named> = Vec::new();
        for release in self.world.releases().iter() {
            for (index, reward) in release.campaign.rewards.iter().enumerate() {
                if !rewards.iter().any(|known| known.name == *reward.name) {
                    rewards.push(Named { release: release.clone(), index, name: reward.name.to_string() });
                }
            }
        }
        rewards
    }

    /// The cycle of ranks: as written, else that of the last event, else that of what is given.
    fn cycle(&self) -> i32 {
        let last = self.case.steps.iter().rev().find(|s| matches!(s.act, Act::Event { .. })).map_or(self.case.given.at_ms, |s| s.at_ms);
        let cycle = self.world.releases().newest().and_then(|r| r.campaign.calendar.cycle_of(last).map(|c| c.number));
        self.case.expect.cycle.or(cycle).unwrap_or(1)
    }

    fn id_of(&self, number: i64) -> Option<MemberId> {
        let book = self.world.book();
        book.slot_of_number(number).map(|slot| book.member_row(slot).id.clone())
    }

    fn hold(&mut self, expected: &Expected, name: &str, more: &str, wanted: i64, is: i64) {
        if wanted != is {
            let lines = self.lines_about(&expected.id, name);
            let what = format!("{}: {name}{more}", expected.id);
            self.fail(None, expected.line, &what, &wanted.to_string(), &is.to_string(), lines);
        }
    }

    /// The rule lines that gave a member something of a name, or of its parts.
    fn lines_about(&self, id: &MemberId, name: &str) -> Vec<String> {
        let id = id.to_string();
        let part = format!("{name}.");
        let mut lines = Vec::new();
        for (step, receipt) in &self.receipts {
            let about = receipt.effects.iter().filter(|e| e.member.as_deref() == Some(&id));
            for effect in about.filter(|e| e.name.as_deref().is_some_and(|n| n == name || n.starts_with(&part))) {
                lines.push(format!("{} (step {step})", shown_effect(effect)));
            }
        }
        lines
    }

    fn fail(&mut self, step: Option<usize>, line: usize, what: &str, expected: &str, actual: &str, rule_lines: Vec<String>) {
        let failure = Failure { step, line, what: what.into(), expected: expected.into(), actual: actual.into(), rule_lines };
        self.failures.push(failure);
    }
}

/// The n-th event of a step; none: it is another act.
fn event_of(number: usize, step: &StepAt, n: i64, at_ms: i64) -> Option<Event> {
    let Act::Event { kind, id, subject, data } = &step.act else { return None };
    let with = [Entry { key: "n".into(), key_span: 0..0, value: Node { span: 0..0, kind: Kind::Int(n) } }];
    let id = id.as_ref().map_or_else(|| format!("step-{number}-{n}"), |id| fill_text(id, &with));
    Some(Event {
        source: "case".into(),
        id: id.as_str().into(),
        kind: kind.as_str().into(),
        subject: subject.as_ref().map(|s| fill_text(s, &with).into()),
        at_ms: Ok(at_ms),
        data: data.fill(&with).to_json().into(),
    })
}

fn give_counts(book: &mut Book, newest: &Release, id: &MemberId, at_ms: i64, counts: &GivenCounts, said: &mut Vec<Result<(), Refused>>) {
    for (account, points) in &counts.points {
        said.push(book.give_points(&account.release, id, account.index, *points, at_ms));
    }
    for (event, times) in &counts.events {
        said.push(book.give_events(&event.release, id, event.index, *times, at_ms));
    }
    if counts.referrals != 0 {
        said.push(book.give_referrals(newest, id, counts.referrals, at_ms));
    }
    for (reward, units) in &counts.grants {
        let by_state = match units {
            // A card that somebody has is issued.
            Units::All(units) => vec![(GrantState::Issued, *units)],
            Units::By(list) => list.clone(),
        };
        for (state, units) in by_state {
            said.push(book.give_grants(&reward.release, id, reward.index, state, units, at_ms));
        }
    }
}

/// What a step came to, in the words of `then`.
pub fn word_of(answer: &Answer) -> &'static str {
    match answer.outcome {
        Answered::Is(Outcome::Booked) if answer.repeated => "duplicate",
        other => other.name(),
    }
}

/// What a settlement came to, in the words of `then`.
pub fn word_of_settled(settled: &Settled, world: &World) -> &'static str {
    match () {
        () if !settled.failed.is_empty() => "failed",
        () if !settled.is_empty() => "booked",
        () if world.book().head().closed_through > 0 => "duplicate",
        () => "refused",
    }
}

fn came(answer: Answer) -> Came {
    let word = word_of(&answer);
    let reason =
        answer.reason.unwrap_or_else(|| if word == "duplicate" { "the same event was booked before".into() } else { String::new() });
    Came { word, reason }
}

/// What a receipt says of the rule file: where it said no, or what it asked for.
fn lines_of(receipt: &Receipt) -> Vec<String> {
    let said = receipt.place.iter().map(|place| format!("{place}: {}", receipt.reason.as_deref().unwrap_or(&receipt.outcome)));
    said.chain(receipt.effects.iter().map(shown_effect)).collect()
}

/// `rules.rhai:6: award learning 20 to alice`.
fn shown_effect(effect: &crate::book::receipt::EffectLine) -> String {
    let mut line = format!("{}: {}", effect.place.as_deref().unwrap_or("campaign.toml"), effect.effect);
    for part in [effect.name.clone(), effect.count.map(|n| n.to_string()), effect.text.clone()].into_iter().flatten() {
        line = format!("{line} {part}");
    }
    if let Some(member) = &effect.member {
        line = format!("{line} to {member}");
    }
    if let (Some(asked), Some(limit)) = (effect.asked, &effect.limit) {
        line = format!("{line}, asked {asked}, limit {limit}");
    }
    line
}

fn shown(value: &Value) -> String {
    value.to_string()
}

fn list(ids: &[MemberId]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

//! Reads a case file into stories, and says what is wrong with it: an unknown key, a value of another type, an account
//! or reward that the campaign does not have, each with its line and column.

use super::node::{Entry, Fields, Findings, Kind, Node, fill_text, table, whole};
use crate::book::prepare::Releases;
use crate::book::rows::GrantState;
use crate::campaign::calendar::{Calendar, parse_day};
use crate::diagnostic::{Diagnostic, position_of, suggestion};
use crate::release::Release;
use crate::value::{DataType, MemberId, Value};
use std::ops::Range;
use std::sync::Arc;
use toml::de::DeTable;

/// One story, with its variant filled in.
pub struct Case {
    pub name: String,
    pub line: usize,
    pub seed: i64,
    pub given: Given,
    pub steps: Vec<StepAt>,
    pub expect: Expect,
}

#[derive(Default)]
pub struct Given {
    /// Of everything that is given.
    pub at_ms: i64,
    pub members: Vec<GivenMember>,
    /// (invitee, inviter)
    pub referrals: Vec<(MemberId, MemberId)>,
    pub stock: std::collections::BTreeMap<String, i64>,
}

pub struct GivenMember {
    pub id: MemberId,
    pub attributes: Vec<(Named, Value)>,
    /// With the instant of each: `given.at`, and what is written under `earlier`.
    pub counts: Vec<(i64, GivenCounts)>,
}

/// What a rule can count of a member.
pub struct GivenCounts {
    pub points: Vec<(Named, i64)>,
    pub grants: Vec<(Named, Units)>,
    pub events: Vec<(Named, i64)>,
    pub referrals: i64,
}

/// Something that a release declares, by its index there: the newest release that has it.
#[derive(Clone)]
pub struct Named {
    pub release: Arc<Release>,
    pub index: usize,
    pub name: String,
}

pub struct StepAt {
    pub line: usize,
    /// As written.
    pub at: String,
    pub at_ms: i64,
    pub act: Act,
    pub draws: Vec<i64>,
    pub repeat: i64,
    pub every_ms: i64,
    /// The outcome's word, and text that must occur in the reason.
    pub then: (String, String),
}

pub enum Act {
    Event { kind: String, id: Option<String>, subject: Option<String>, data: Node },
    Settle,
    Stock { pool: String, codes: i64 },
}

#[derive(Default)]
pub struct Expect {
    pub members: Vec<Expected>,
    pub totals: Vec<(Named, Units)>,
    /// (account, members in order, line)
    pub standing: Vec<(Named, Vec<MemberId>, usize)>,
    /// The cycle of ranks and standing.
    pub cycle: Option<i32>,
    /// Grants of members who are not listed are allowed.
    pub others_may: bool,
}

pub struct Expected {
    pub id: MemberId,
    pub line: usize,
    pub points: Vec<(Named, i64)>,
    /// (cycle, its first day, account, points)
    pub cycles: Vec<(i32, String, Named, i64)>,
    pub grants: Vec<(Named, Units)>,
    pub attributes: Vec<(Named, String)>,
    pub ranks: Vec<(Named, i64)>,
}

/// How many units: in whatever state, or in each state (0 where none is written).
#[derive(Clone)]
pub enum Units {
    All(i64),
    By(Vec<(GrantState, i64)>),
}

/// Steps of one `repeat`.
const REPEAT_MOST: i64 = 100_000;

/// Every story of a file, or what is wrong with it.
pub fn read(file: &str, bytes: &[u8], releases: &Releases) -> Result<Vec<Case>, Vec<Diagnostic>> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(vec![Diagnostic::error(file, None, "the file is not UTF-8 text", "save it as UTF-8")]);
    };
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map(|span| position_of(text, span));
        vec![Diagnostic::error(file, at, format!("no valid TOML: {}", error.message()), "")]
    })?;
    let Some(newest) = releases.newest() else { return Ok(Vec::new()) };
    let Some(entries) = Node::entries(table.get_ref()) else {
        return Err(vec![Diagnostic::error(file, None, "a number does not fit into 64 bits", "")]);
    };
    let mut reading = Reading { releases, newest, findings: Findings { file, text, list: Vec::new() } };
    let root = Node { span: 0..0, kind: Kind::Table(entries) };
    let cases = reading.file(&root);
    let mut list = reading.findings.list;
    list.sort_by_key(|finding| finding.at);
    list.dedup();
    if list.is_empty() { Ok(cases) } else { Err(list) }
}

struct Reading<'r, 't> {
    releases: &'r Releases,
    newest: &'r Arc<Release>,
    findings: Findings<'t>,
}

impl Reading<'_, '_> {
    fn file(&mut self, root: &Node) -> Vec<Case> {
        let Some(mut fields) = Fields::of(root, "the file", &mut self.findings) else { return Vec::new() };
        let list = fields.list("case", &mut self.findings);
        fields.close(&mut self.findings);
        if list.is_empty() {
            self.findings.error(&(0..0), "there is no [[case]]", "one [[case]] is one story: name, given, steps, expect");
        }
        list.iter().flat_map(|raw| self.variants(raw)).collect()
    }

    /// The story once for each of its variants.
    fn variants(&mut self, raw: &Node) -> Vec<Case> {
        let Some(mut fields) = Fields::of(raw, "a case", &mut self.findings) else { return Vec::new() };
        let variants = fields.list("variants", &mut self.findings);
        let template = match &raw.kind {
            Kind::Table(entries) => {
                Node { span: raw.span.clone(), kind: Kind::Table(entries.iter().filter(|e| e.key != "variants").cloned().collect()) }
            }
            _ => return Vec::new(),
        };
        if variants.is_empty() {
            return self.case(&template, raw).into_iter().collect();
        }
        let filled = |variant| {
            let with = table(variant, "a variant", &mut self.findings)?;
            self.case(&template.fill(with), variant)
        };
        variants.iter().filter_map(filled).collect()
    }

    fn case(&mut self, node: &Node, shown_at: &Node) -> Option<Case> {
        let mut fields = Fields::of(node, "a case", &mut self.findings)?;
        let name = fields.required_text("name", "\"999 points earn nothing\"", &mut self.findings).unwrap_or_default().to_string();
        let seed = fields.int("seed", &mut self.findings).unwrap_or(0);
        let given = fields.take("given");
        let steps = fields.list("steps", &mut self.findings);
        let expect = fields.take("expect");
        fields.close(&mut self.findings);
        let steps: Vec<StepAt> = steps.iter().filter_map(|step| self.step(step)).collect();
        let first_ms = steps.first().map_or(self.calendar().starts_ms(), |s| s.at_ms);
        let given = given.map_or_else(|| Given { at_ms: first_ms, ..Given::default() }, |node| self.given(node, first_ms));
        let expect = expect.map_or_else(Expect::default, |node| self.expect(node));
        Some(Case { name, line: self.findings.line(&shown_at.span), seed, given, steps, expect })
    }

    fn calendar(&self) -> &Calendar {
        &self.newest.campaign.calendar
    }

    fn instant(&mut self, text: &str, span: &Range<usize>) -> Option<i64> {
        let found = self.calendar().instant(text);
        found.map_err(|wrong| self.findings.error(span, wrong, "")).ok()
    }

    fn member(&self, text: &str) -> MemberId {
        MemberId::parse(text, &self.newest.campaign.kinds())
    }

    fn member_in(&mut self, fields: &mut Fields, key: &'static str) -> Option<String> {
        fields.required_text(key, "\"alice\"", &mut self.findings).map(str::to_string)
    }

    /// The newest release that declares a name.
    fn named(&mut self, what: &str, name: &str, span: &Range<usize>, list: fn(&Release) -> Vec<&str>) -> Option<Named> {
        let newest_first = self.releases.iter().collect::<Vec<_>>().into_iter().rev();
        for release in newest_first {
            if let Some(index) = list(release).iter().position(|n| *n == name) {
                return Some(Named { release: release.clone(), index, name: name.to_string() });
            }
        }
        let help = suggestion(name, list(self.newest));
        self.findings.error(span, format!("there is no {what} \"{name}\""), help);
        None
    }

    fn account(&mut self, e: &Entry) -> Option<Named> {
        self.named("account", &e.key, &e.key_span, |r| r.campaign.accounts.iter().map(|a| &*a.name).collect())
    }
    fn reward(&mut self, e: &Entry) -> Option<Named> {
        self.named("reward", &e.key, &e.key_span, |r| r.campaign.rewards.iter().map(|w| &*w.name).collect())
    }
    fn event(&mut self, e: &Entry) -> Option<Named> {
        self.named("event", &e.key, &e.key_span, |r| r.campaign.events.iter().map(|e| &*e.name).collect())
    }
    fn attribute(&mut self, e: &Entry) -> Option<Named> {
        self.named("attribute", &e.key, &e.key_span, |r| r.campaign.attributes.iter().map(|a| &*a.name).collect())
    }
    fn pool(&mut self, name: &str, span: &Range<usize>) -> Option<Named> {
        self.named("pool", name, span, |r| r.campaign.rewards.iter().filter_map(|w| w.pool.as_deref()).collect())
    }

    fn counts(&mut self, entries: &[Entry], named: fn(&mut Self, &Entry) -> Option<Named>) -> Vec<(Named, i64)> {
        let count = |e: &Entry| Some((named(self, e)?, whole(&e.value, &format!("\"{}\"", e.key), &mut self.findings)?));
        entries.iter().filter_map(count).collect()
    }

    fn given(&mut self, node: &Node, first_ms: i64) -> Given {
        let mut given = Given { at_ms: first_ms, ..Given::default() };
        let Some(mut fields) = Fields::of(node, "`given`", &mut self.findings) else { return given };
        if let Some(at) = fields.text("at", &mut self.findings)
            && let Some(at_ms) = self.instant(at, &node.span)
        {
            given.at_ms = at_ms;
        }
        for entry in fields.named("members", &mut self.findings) {
            given.members.extend(self.given_member(entry, given.at_ms));
        }
        for entry in fields.named("referrals", &mut self.findings) {
            match &entry.value.kind {
                Kind::Text(inviter) => given.referrals.push((self.member(&entry.key), self.member(inviter))),
                _ => self.findings.error(&entry.value.span, "an inviter should be a text", "write { bob = \"alice\" }: alice invited bob"),
            }
        }
        for entry in fields.named("stock", &mut self.findings) {
            if let (Some(pool), Some(codes)) =
                (self.pool(&entry.key, &entry.key_span), whole(&entry.value, "the number of codes", &mut self.findings))
            {
                given.stock.insert(pool.name, codes);
            }
        }
        fields.close(&mut self.findings);
        given
    }

    fn given_member(&mut self, entry: &Entry, at_ms: i64) -> Option<GivenMember> {
        let mut fields = Fields::of(&entry.value, "a member", &mut self.findings)?;
        let mut counts = vec![(at_ms, self.given_counts(&mut fields))];
        let mut attributes = Vec::new();
        for e in fields.named("attributes", &mut self.findings) {
            if let Some(named) = self.attribute(e) {
                let declared = &named.release.campaign.attributes[named.index].kind;
                match value_of(&e.value, declared) {
                    Some(value) => attributes.push((named, value)),
                    None => self.findings.error(&e.value.span, format!("\"{}\" should be {declared}, is {}", e.key, e.value.shown()), ""),
                }
            }
        }
        for e in fields.named("earlier", &mut self.findings) {
            let at_ms = self.instant(&e.key, &e.key_span);
            if let (Some(at_ms), Some(mut fields)) = (at_ms, Fields::of(&e.value, "what was there earlier", &mut self.findings)) {
                counts.push((at_ms, self.given_counts(&mut fields)));
                fields.close(&mut self.findings);
            }
        }
        fields.close(&mut self.findings);
        Some(GivenMember { id: self.member(&entry.key), attributes, counts })
    }

    fn given_counts(&mut self, fields: &mut Fields) -> GivenCounts {
        let points = fields.named("points", &mut self.findings);
        let events = fields.named("events", &mut self.findings);
        let grants = fields.named("grants", &mut self.findings);
        GivenCounts {
            points: self.counts(points, Self::account),
            events: self.counts(events, Self::event),
            grants: grants.iter().filter_map(|e| Some((self.reward(e)?, self.units(&e.value)?))).collect(),
            referrals: fields.int("referrals", &mut self.findings).unwrap_or(0),
        }
    }

    fn step(&mut self, node: &Node) -> Option<StepAt> {
        let mut fields = Fields::of(node, "a step", &mut self.findings)?;
        let at = fields.required_text("at", "\"2020-09-22 10:00\"", &mut self.findings)?.to_string();
        let at_ms = self.instant(&at, &node.span)?;
        let act = self.act(&mut fields)?;
        let draws = fields.list("draws", &mut self.findings);
        let draws = draws.iter().filter_map(|n| whole(n, "a draw", &mut self.findings)).collect();
        let repeat = fields.int("repeat", &mut self.findings).unwrap_or(1);
        if !(1..=REPEAT_MOST).contains(&repeat) {
            self.findings.error(fields.span, format!("`repeat` should be 1 to {REPEAT_MOST}, is {repeat}"), "");
        }
        let every_ms = fields.text("every", &mut self.findings).map_or(Some(1000), milliseconds);
        if every_ms.is_none() {
            self.findings.error(fields.span, "`every` is no duration", "write every = \"10m\": a number and s, m, h or d");
        }
        let then = fields.text("then", &mut self.findings).unwrap_or("booked");
        let then = self.then(then, fields.span);
        let line = self.findings.line(fields.span);
        fields.close(&mut self.findings);
        Some(StepAt { line, at, at_ms, act, draws, repeat: repeat.clamp(1, REPEAT_MOST), every_ms: every_ms?, then })
    }

    fn then(&mut self, text: &str, span: &Range<usize>) -> (String, String) {
        const WORDS: [&str; 7] = ["booked", "refused", "duplicate", "failed", "waiting", "quarantined", "conflict"];
        let (word, because) = text.split_once(':').unwrap_or((text, ""));
        if !WORDS.contains(&word) {
            let help = suggestion(word, WORDS).replace("declared:", "one of:");
            self.findings.error(span, format!("`then`: \"{word}\" is no outcome"), help);
        }
        (word.to_string(), because.trim().to_string())
    }

    fn act(&mut self, fields: &mut Fields) -> Option<Act> {
        let event = fields.text("event", &mut self.findings).map(str::to_string);
        let act = fields.text("do", &mut self.findings).map(str::to_string);
        let id = fields.text("id", &mut self.findings).map(str::to_string);
        let own = |kind: &str, fields: Vec<(&str, String)>| {
            let field = |(key, value): (&str, String)| Entry {
                key: key.into(),
                key_span: 0..0,
                value: Node { span: 0..0, kind: Kind::Text(value) },
            };
            let data = Node { span: 0..0, kind: Kind::Table(fields.into_iter().map(field).collect()) };
            Act::Event { kind: kind.to_string(), id: id.clone(), subject: None, data }
        };
        match (event, act.as_deref()) {
            (Some(kind), None) => {
                let subject = fields.text("subject", &mut self.findings).map(str::to_string);
                let empty = Node { span: 0..0, kind: Kind::Table(Vec::new()) };
                let data = fields.take("data").cloned().unwrap_or(empty);
                Some(Act::Event { kind, id, subject, data })
            }
            (None, Some("settle")) => Some(Act::Settle),
            (None, Some("stock")) => {
                let pool = fields.required_text("pool", "\"jd-20\"", &mut self.findings)?.to_string();
                self.pool(&pool, fields.span)?;
                Some(Act::Stock { pool, codes: fields.int("codes", &mut self.findings)? })
            }
            (None, Some("join")) => {
                let member = self.member_in(fields, "member")?;
                Some(own(crate::campaign::JOINED, vec![("member", member)]))
            }
            (None, Some(word @ ("accept" | "invite"))) => {
                let (invitee, inviter) = (self.member_in(fields, "invitee")?, self.member_in(fields, "inviter")?);
                let kind = if word == "accept" { crate::campaign::ACCEPTED } else { crate::campaign::INVITED };
                Some(own(kind, vec![("invitee", invitee), ("inviter", inviter)]))
            }
            (None, Some("redeem")) => {
                let (member, reward) = (self.member_in(fields, "member")?, self.member_in(fields, "reward")?);
                Some(own(crate::campaign::REDEEMED, vec![("member", member), ("reward", reward)]))
            }
            _ => {
                let help = "write event = \"account.opened\" with data, or do = \"settle\", \"accept\", \"invite\", \"join\", \"redeem\" or \"stock\"";
                self.findings.error(fields.span, "a step is one event or one act", help);
                None
            }
        }
    }

    fn expect(&mut self, node: &Node) -> Expect {
        let mut expect = Expect::default();
        let Some(mut fields) = Fields::of(node, "`expect`", &mut self.findings) else { return expect };
        for entry in fields.named("members", &mut self.findings) {
            expect.members.extend(self.expected(entry));
        }
        for entry in fields.named("totals", &mut self.findings) {
            if let (Some(reward), Some(units)) = (self.reward(entry), self.units(&entry.value)) {
                expect.totals.push((reward, units));
            }
        }
        for entry in fields.named("standing", &mut self.findings) {
            let line = self.findings.line(&entry.key_span);
            if let (Some(account), Some(ids)) = (self.account(entry), self.members_in_order(&entry.value)) {
                expect.standing.push((account, ids, line));
            }
        }
        let cycle = fields.text("cycle", &mut self.findings);
        expect.cycle = cycle.and_then(|day| self.cycle_of_day(day, fields.span));
        match fields.text("others", &mut self.findings) {
            None => {}
            Some("any") => expect.others_may = true,
            Some(other) => {
                self.findings.error(fields.span, format!("`others` is \"any\" or is left out, not \"{other}\""), "");
            }
        }
        fields.close(&mut self.findings);
        expect
    }

    fn expected(&mut self, entry: &Entry) -> Option<Expected> {
        let mut fields = Fields::of(&entry.value, "a member", &mut self.findings)?;
        let points = fields.named("points", &mut self.findings);
        let ranks = fields.named("rank", &mut self.findings);
        let mut expected = Expected {
            id: self.member(&entry.key),
            line: self.findings.line(&entry.key_span),
            points: self.counts(points, Self::account),
            cycles: Vec::new(),
            grants: Vec::new(),
            attributes: Vec::new(),
            ranks: self.counts(ranks, Self::account),
        };
        for cycle in fields.named("cycles", &mut self.findings) {
            let Some(number) = self.cycle_of_day(&cycle.key, &cycle.key_span) else { continue };
            if let Some(entries) = table(&cycle.value, &format!("\"{}\"", cycle.key), &mut self.findings) {
                let counts = self.counts(entries, Self::account);
                expected.cycles.extend(counts.into_iter().map(|(account, n)| (number, cycle.key.clone(), account, n)));
            }
        }
        for e in fields.named("grants", &mut self.findings) {
            if let (Some(reward), Some(units)) = (self.reward(e), self.units(&e.value)) {
                expected.grants.push((reward, units));
            }
        }
        for e in fields.named("attributes", &mut self.findings) {
            if let Some(named) = self.attribute(e) {
                expected.attributes.push((named, fill_text("{v}", &[Entry { key: "v".into(), ..e.clone() }])));
            }
        }
        fields.close(&mut self.findings);
        Some(expected)
    }

    /// `["alice", "bob"]`
    fn members_in_order(&mut self, node: &Node) -> Option<Vec<MemberId>> {
        let Kind::List(list) = &node.kind else {
            let help = "write the members in order: [\"alice\", \"bob\"]";
            self.findings.error(&node.span, format!("a standing should be a list, is {}", node.shown()), help);
            return None;
        };
        let member = |node: &Node| match &node.kind {
            Kind::Text(id) => Some(self.member(id)),
            _ => {
                self.findings.error(&node.span, format!("a member should be a text, is {}", node.shown()), "");
                None
            }
        };
        list.iter().map(member).collect()
    }

    /// `5`, or `{ issued = 4, owed = 1 }`.
    fn units(&mut self, node: &Node) -> Option<Units> {
        let Kind::Table(entries) = &node.kind else {
            return whole(node, "the number of units", &mut self.findings).map(Units::All);
        };
        let mut units = Vec::new();
        for e in entries {
            match GrantState::ALL.into_iter().find(|state| state.name() == e.key) {
                Some(state) => units.push((state, whole(&e.value, &format!("`{}`", e.key), &mut self.findings)?)),
                None => {
                    let help = suggestion(&e.key, GrantState::ALL.iter().map(|s| s.name())).replace("declared:", "one of:");
                    self.findings.error(&e.key_span, format!("\"{}\" is no state of a grant", e.key), help);
                }
            }
        }
        Some(Units::By(units))
    }

    fn cycle_of_day(&mut self, day: &str, span: &Range<usize>) -> Option<i32> {
        let first = parse_day(day);
        let found = self.calendar().cycles().iter().find(|c| Some(c.first_day) == first).map(|c| c.number);
        if found.is_none() {
            let days: Vec<String> =
                self.calendar().cycles().iter().take(8).map(|c| crate::campaign::calendar::day_text(c.first_day)).collect();
            self.findings.error(span, format!("no cycle begins on \"{day}\""), format!("cycles begin on {}", days.join(", ")));
        }
        found
    }
}

fn value_of(node: &Node, kind: &DataType) -> Option<Value> {
    Some(match (&node.kind, kind) {
        (Kind::Int(n), DataType::Int) => Value::Int(*n),
        (Kind::Int(n), DataType::Decimal) => Value::Decimal((*n).into()),
        (Kind::Decimal(digits), DataType::Decimal) => Value::Decimal(digits.replace('_', "").parse().ok()?),
        (Kind::Bool(truth), DataType::Bool) => Value::Bool(*truth),
        (Kind::Text(text), DataType::Text | DataType::Member(_)) => Value::Text(text.as_str().into()),
        _ => return None,
    })
}

/// `10m`: a number and s, m, h or d.
pub fn milliseconds(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit = match unit {
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit)
}

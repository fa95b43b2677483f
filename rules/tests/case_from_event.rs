//! Cases of real events: of everything that the recorded learning race came to, and of what only other campaigns can do.
//! Each is played under the release that decided, and names nobody.

use guerdon_rules::book::prepare::{Prepared, Releases, prepare};
use guerdon_rules::book::receipt::Receipt;
use guerdon_rules::book::rows::Switch;
use guerdon_rules::cases::from_event::{Decided, Made, Past, make};
use guerdon_rules::event::{Event, Key};
use guerdon_rules::language::Files;
use guerdon_rules::release::Release;
use guerdon_rules::simulate::recorded::learning_race;
use guerdon_rules::simulate::world::World;
use std::collections::BTreeMap;
use std::sync::Arc;

mod support;

const SEED: i64 = 77;

/// One line of a journal.
enum Line {
    Event { prepared: Box<Prepared>, receipt: Receipt, cause: Key },
    Close { ends_ms: i64, receipt: Receipt },
}

impl Line {
    fn receipt(&self) -> &Receipt {
        match self {
            Line::Event { receipt, .. } | Line::Close { receipt, .. } => receipt,
        }
    }
}

/// A campaign that runs, and keeps a journal.
struct Running {
    files: Files,
    release: Arc<Release>,
    world: World,
    now_ms: i64,
    known: BTreeMap<Key, Event>,
    journal: Vec<Line>,
    /// By business key: the event that claimed it.
    firsts: BTreeMap<Key, Key>,
}

impl Running {
    fn new(files: Files, stock: &[(&str, i64)]) -> Running {
        let release = Arc::new(support::release(1, i64::MIN, &files, &mut support::Names::default()));
        let stock = stock.iter().map(|(pool, codes)| (pool.to_string(), *codes)).collect();
        let world = World::new(Releases::new(vec![release.clone()]), &stock, SEED);
        let (known, firsts) = (BTreeMap::new(), BTreeMap::new());
        Running { files, release, world, now_ms: i64::MIN, known, journal: Vec::new(), firsts }
    }

    fn send(&mut self, event: Event) {
        self.now_ms = self.now_ms.max(event.at_ms.clone().unwrap_or(self.now_ms));
        self.settle();
        let identity = event.identity();
        let step = self.world.event(event.clone(), self.now_ms, &[]);
        if step.receipt.is_some() {
            // Also a corrected body in the place of one that was quarantined.
            self.known.insert(identity, event);
        }
        let own = step.receipt.map(|receipt| (identity, receipt));
        own.into_iter().chain(step.released).for_each(|(identity, receipt)| self.line(identity, receipt));
    }

    fn line(&mut self, identity: Key, receipt: Receipt) {
        let prepared = prepare(self.known[&identity].clone(), self.world.releases(), self.now_ms).unwrap();
        let cause = self.world.book().business_key(&prepared).unwrap_or(identity);
        if receipt.outcome == "booked" {
            self.firsts.insert(cause, identity);
        }
        self.journal.push(Line::Event { prepared: Box::new(prepared), receipt, cause });
    }

    fn settle(&mut self) {
        let settled = self.world.settle(self.now_ms);
        let cycles = self.release.campaign.calendar.cycles();
        for member in settled.members {
            let ends_ms = cycles.iter().find(|c| c.number == member.cycle).unwrap().ends_ms;
            self.journal.push(Line::Close { ends_ms, receipt: member.closed.receipt });
        }
        for (identity, receipt) in self.world.take_released() {
            self.line(identity, receipt);
        }
    }

    /// The case of every decision.
    fn cases(&self) -> Vec<Told> {
        let decided = |line: &Line| match line {
            Line::Event { prepared, receipt, cause } => {
                Some(Decided { event: prepared.event.clone(), receipt: receipt.clone(), cause: *cause })
            }
            Line::Close { .. } => None,
        };
        let mut repeats: BTreeMap<Key, Vec<Decided>> = BTreeMap::new();
        for one in self.journal.iter().filter_map(decided).filter(|one| one.receipt.outcome == "duplicate") {
            repeats.entry(self.firsts[&one.cause]).or_default().push(one);
        }
        let (mut past, mut cases) = (Past::default(), Vec::new());
        let mut case = |past: &Past, story: &[Decided]| {
            let outcome = story[story.len() - 1].receipt.outcome.clone();
            let real = story.iter().map(|one| one.event.id.to_string()).collect();
            cases.push(Told { outcome, real, made: make(past, story, &self.release, &self.files, SEED) });
        };
        for line in &self.journal {
            if let Some(one) = decided(line).filter(|one| one.receipt.outcome != "duplicate") {
                case(&past, std::slice::from_ref(&one));
                if one.receipt.outcome == "booked" {
                    for repeat in repeats.remove(&one.event.identity()).unwrap_or_default() {
                        case(&past, &[one.clone(), repeat]);
                    }
                }
            }
            match line {
                Line::Event { prepared, receipt, .. } => past.event(prepared, receipt),
                Line::Close { ends_ms, receipt } => past.close(*ends_ms, receipt),
            }
        }
        cases
    }
}

/// The case of one decision.
struct Told {
    outcome: String,
    /// The ids of its events.
    real: Vec<String>,
    made: Result<Made, String>,
}

impl Told {
    fn text(&self) -> &str {
        &self.made.as_ref().unwrap().text
    }
}

/// That every case passes and that none holds what `tells`, or its own event's id; how many there are by outcome.
fn check(cases: &[Told], tells: impl Fn(&str) -> bool) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for told in cases {
        let made = told.made.as_ref().unwrap();
        assert_eq!(made.differs, Vec::<String>::new(), "{}", made.text);
        let mut words = made.text.split(|c: char| !c.is_alphanumeric() && c != '-');
        assert!(!tells(&made.text) && !words.any(|word| told.real.iter().any(|id| id == word)), "{:?}\n{}", told.real, made.text);
        *counts.entry(told.outcome.clone()).or_insert(0) += 1;
    }
    counts
}

#[test]
fn every_event_of_the_learning_race_is_a_case_that_passes_and_names_nobody() {
    let lines = learning_race(1);
    let mut running = Running::new(support::files("learning-race"), &[("jd-20", 700), ("jd-100", 10)]);
    // Some more than once: what comes again is answered as before, and makes no line.
    lines.iter().for_each(|line| running.send(Event::from_json(line).unwrap()));
    let cases = running.cases();
    // Members are u00001 to u03000.
    let is_id = |word: &str| word.len() == 6 && word.starts_with('u') && word[1..].bytes().all(|b| b.is_ascii_digit());
    let counts = check(&cases, |text| text.split(|c: char| !c.is_alphanumeric()).any(is_id));
    for outcome in ["booked", "duplicate", "quarantined", "refused", "waiting"] {
        assert!(counts.contains_key(outcome), "{counts:?}");
    }
    assert!(counts["booked"] > 8000 && counts["duplicate"] > 50, "{counts:?}");
    assert!(cases.iter().any(|told| told.text().contains("owed = ")), "the pool ran out");
}

fn event(id: &str, kind: &str, at: &str, data: &str) -> Event {
    Event::new("the-shop", id, kind, None, Some(at), data).unwrap()
}

/// Everything that a decision can look at.
const ODDS: &str = r#"
id = "odds"
name = { en = "Odds" }
time_zone = "Asia/Shanghai"
starts = "2020-09-22T00:00:00"
ends = "2020-10-20T00:00:00"
rules = "rules.rhai"
[cycle]
every = "week"
starts_on = "tuesday"
[accounts.coins]
parts = ["bonus"]
[accounts.luck]
[rewards.card]
kind = "gift-card"
face_value = "20.00 CNY"
pool = "card"
[attributes]
streak = 0
city = { type = "string" }
team = { type = "member team" }
[limits]
budget = "100.00 CNY"
[limits.rewards.card]
per_member_per_day = 2
[limits.accounts.coins]
per_cycle = 100
[[invariants]]
name = "luck is rare"
holds = "points(\"luck\") <= 40 * events(\"spin\")"
[events.paid]
member = "data.customer"
once_per = ["data.order"]
data = { customer = "member", order = "string", coins = "int", channel = "string?", city = "string?" }
[events.spin]
member = "data.customer"
once_per = ["member", "day"]
data = { customer = "member", bet = "int" }
[events.spent]
member = "data.customer"
data = { customer = "member", coins = "int" }
[events.enlisted]
member = "data.customer"
data = { customer = "member", team = "member team" }
[events.helped]
member = "data.customer"
roles.team = { path = "member.team", wait = "2h" }
data = { customer = "member" }
"#;
const ODD_RULES: &str = r#"
fn on_paid(event) {
    if event.data.channel == "partner" { refuse(`partners earn nothing: ${event.data.order} of ${event.id}`); }
    if event.data.channel == "app" { note("from the app"); }
    event.member.award("coins", event.data.coins);
    if event.member.events("paid", "week") >= 2 { event.member.award("coins.bonus", 5); }
    event.member.set("streak", event.member.get("streak") + 1);
    if !missing(event.data.city) { event.member.set("city", event.data.city); }
    event.member.grant("card", event.data.coins / 10);
    note(`thanks, ${event.data.order}`);
}
fn on_spin(event) {
    event.member.award("luck", draw(50));
    event.member.award("luck", event.data.bet);
}
fn on_spent(event) { event.member.deduct("coins", event.data.coins); }
fn on_enlisted(event) { event.member.set("team", event.data.team); }
fn on_helped(event) { event.roles.team.award("luck", 1); }
"#;

#[test]
fn limits_budgets_draws_attributes_and_waits_come_out_as_they_did() {
    let files = Files::from([
        ("campaign.toml".to_string(), Arc::from(ODDS.as_bytes())),
        ("rules.rhai".to_string(), Arc::from(ODD_RULES.as_bytes())),
    ]);
    let mut running = Running::new(files, &[("card", 3)]);
    let pay = |n: usize, who: &str, at: &str, coins: i64, more: &str| {
        let data = format!(r#"{{"customer":"{who}","order":"ORD-{n:04}","coins":{coins}{more}}}"#);
        event(&format!("evt-{n:04}"), "paid", at, &data)
    };
    let (monday, tuesday) = ("2020-09-28T10:00:00+08:00", "2020-09-29T10:00:00+08:00");
    let (zoe, xaver) = ("zoe@example.com", "xaver@example.com");
    let events = vec![
        pay(1, zoe, monday, 10, r#","city":"Chengdu""#),
        pay(2, zoe, monday, 30, ""),
        // The same order under another id, and one with other coins.
        event("evt-again", "paid", monday, &format!(r#"{{"customer":"{zoe}","order":"ORD-0001","coins":10}}"#)),
        event("evt-other", "paid", tuesday, &format!(r#"{{"customer":"{xaver}","order":"ORD-0002","coins":1}}"#)),
        // Cut off by the cycle's hundred, which is also everybody else's; out of stock; over the budget.
        pay(3, xaver, monday, 70, ""),
        pay(4, xaver, monday, 20, ""),
        pay(5, xaver, tuesday, 40, r#","channel":"app""#),
        pay(6, zoe, tuesday, 20, r#","channel":"partner""#),
        pay(7, "yuri@example.com", tuesday, 90, ""),
        event("evt-spin-1", "spin", monday, &format!(r#"{{"customer":"{zoe}","bet":1}}"#)),
        event("evt-spin-2", "spin", monday, &format!(r#"{{"customer":"{xaver}","bet":2}}"#)),
        event("evt-spin-3", "spin", tuesday, &format!(r#"{{"customer":"{zoe}","bet":90}}"#)),
        event("evt-spin-4", "spin", tuesday, &format!(r#"{{"customer":"{zoe}","bet":1}}"#)),
        event("evt-spent-1", "spent", tuesday, &format!(r#"{{"customer":"{zoe}","coins":5}}"#)),
        event("evt-spent-2", "spent", tuesday, &format!(r#"{{"customer":"{zoe}","coins":5000}}"#)),
        event("evt-helped-1", "helped", tuesday, &format!(r#"{{"customer":"{xaver}"}}"#)),
        event("evt-enlisted", "enlisted", tuesday, &format!(r#"{{"customer":"{xaver}","team":"Red Dragons"}}"#)),
        event("evt-helped-2", "helped", tuesday, &format!(r#"{{"customer":"{zoe}"}}"#)),
        event("evt-helped-3", "helped", "2020-09-29T15:00:00+08:00", &format!(r#"{{"customer":"{xaver}"}}"#)),
        // Broken in several ways.
        event("evt-b1", "paid", tuesday, &format!(r#"{{"customer":"{zoe}","order":17,"coins":1}}"#)),
        event("evt-b2", "paid", tuesday, &format!(r#"{{"customer":"{zoe}","order":"ORD-0009","coins":"Chengdu"}}"#)),
        event("evt-b3", "paid", tuesday, &format!(r#"{{"customer":"{zoe}","order":"ORD-0010","coins":1,"phone":"138-0000"}}"#)),
        event("evt-b4", "payed", tuesday, &format!(r#"{{"customer":"{zoe}","list":["ORD-0010",{{"138-0000":1.50}}]}}"#)),
        event("evt-b5", "paid", "2020-08-29T15:00:00+08:00", &format!(r#"{{"customer":"{zoe}","order":"ORD-0011","coins":1}}"#)),
    ];
    let fact_words: Vec<&str> =
        vec!["example.com", "zoe", "xaver", "yuri", "ORD-", "evt-", "the-shop", "Chengdu", "Red Dragons", "138-0000"];
    events.into_iter().for_each(|event| running.send(event));
    let cases = running.cases();
    let counts = check(&cases, |text| fact_words.iter().any(|word| text.contains(word)));
    let expected = [("booked", 13), ("duplicate", 2), ("failed", 2), ("quarantined", 5), ("refused", 2), ("waiting", 2)];
    assert_eq!(counts, expected.map(|(outcome, count)| (outcome.to_string(), count)).into());
    let texts: Vec<&str> = cases.iter().map(Told::text).collect();
    let some =
        |words: &[&str]| assert!(texts.iter().any(|text| words.iter().all(|word| text.contains(word))), "{words:?}\n{}", texts.join("\n"));
    some(&["seed = "]);
    some(&["given.members.others", "per_cycle made "]);
    some(&["earlier = {", "given.at"]);
    some(&["owed = "]);
    some(&["channel = \"app\"", "order = \"order-1\""]);
    some(&["then = \"refused: partners earn nothing: order-1 of step-1-1\""]);
    some(&["city = \"city-1\""]);
    some(&["team = \"team-1\"", "\"team:team-1\" = { points = { luck = 1 } }"]);
    some(&["then = \"duplicate: once per data.order; the first is case step-1-1\""]);
}

/// What a case has no words for is told, and not left out in silence.
#[test]
fn what_does_not_come_out_again_is_told() {
    let files = support::files("learning-race");
    let mut running = Running::new(files, &[("jd-20", 10)]);
    let at = "2020-09-22T10:00:00+08:00";
    running.send(event("a", "guerdon.referral.accepted", at, r#"{"invitee":"yuri","inviter":"zoe"}"#));
    let timeless = Event::new("the-shop", "b", "account.opened", None, None, r#"{"invitee":"yuri"}"#).unwrap();
    running.send(timeless);
    let mut cases = running.cases();
    assert!(cases.pop().unwrap().made.unwrap_err().contains("without a time"));
    // A receipt that the rules do not give: as if another program had decided.
    let was = running.journal[0].receipt().clone();
    if let Line::Event { receipt, .. } = &mut running.journal[0] {
        receipt.outcome = "failed".into();
        receipt.reason = Some("the decision took too long".into());
    }
    let made = running.cases().remove(0).made.unwrap();
    assert!(made.differs.join("").contains("expected failed: the decision took too long, came booked"), "{:?}", made.differs);
    assert!(made.text.contains("# This case does not pass"), "{}", made.text);
    if let Line::Event { receipt, .. } = &mut running.journal[0] {
        *receipt = was;
    }
    let switch = Switch { closed: true, ..Switch::default() };
    running.world.set_switch("issue", switch);
    running.send(event("c", "account.opened", at, r#"{"invitee":"yuri"}"#));
    let told = running.cases().pop().unwrap();
    let made = told.made.unwrap();
    assert_eq!((told.outcome.as_str(), made.differs), ("booked", Vec::new()), "{}", made.text);
    assert!(made.text.contains("jd-20 = { issued = 0, owed = 1 }"), "{}", made.text);
}

//! The whole recorded race on the real host, both settlements and corrections included, under 1 × 100 in the first week and
//! 5 × 20 in the second: the totals are those of a model that knows no book, the rows are those of the campaign in
//! memory, and every table of SQLite and PostgreSQL holds the same.

use crate::world::*;
use guerdon::flow::Host;
use guerdon_rules::book::prepare::Releases;
use guerdon_rules::book::rows::{GrantRow, MemberRow, StandingRow};
use guerdon_rules::event::Event;
use guerdon_rules::language::Runtime;
use guerdon_rules::names::Names;
use guerdon_rules::release::Release;
use guerdon_rules::simulate::recorded::{OPENED, STARTS_MS, learning_race};
use guerdon_rules::simulate::world::World as Memory;
use guerdon_tests::rows::codes;
use guerdon_tests::stores::Dump;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const SEED: i64 = 7;
const DAY_MS: i64 = 24 * 3600 * 1000;
const WEEK_MS: i64 = 7 * DAY_MS;
const GRACE_MS: i64 = 2 * 3600 * 1000;
/// More codes than anybody is owed. In two pools, so that hashes differ.
const STOCK: [(&str, u64, u64); 2] = [("jd-100", 1, 500), ("jd-20", 1001, 2500)];

/// Events in the order of delivery, cut where the host's clock moves: the latest event time so far, and the settlements
/// that are due by then before what follows.
struct Step {
    now_ms: i64,
    settle: bool,
    events: Vec<Event>,
}

fn steps() -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let (mut now_ms, mut week) = (STARTS_MS, 0);
    for line in learning_race(1) {
        let event = Event::from_json(&line).unwrap();
        now_ms = now_ms.max(event.at_ms.clone().unwrap_or(i64::MIN));
        let due = now_ms >= STARTS_MS + (week + 1) * WEEK_MS + GRACE_MS;
        week += i64::from(due);
        if due || steps.last().is_none_or(|step| step.events.len() == 1000) {
            steps.push(Step { now_ms, settle: due, events: Vec::new() });
        }
        let step = steps.last_mut().unwrap();
        step.now_ms = now_ms;
        step.events.push(event);
    }
    // The race is over: the second week, and what came late.
    steps.push(Step { now_ms: STARTS_MS + 2 * WEEK_MS + 12 * GRACE_MS, settle: true, events: Vec::new() });
    steps
}

/// What must be paid, counted from the lines alone.
#[derive(Default)]
struct Model {
    cards: i64,
    /// Points by (week, member).
    points: BTreeMap<(i64, String), i64>,
}

impl Model {
    fn of(lines: &[String]) -> Model {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let facts: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut inviter_of = BTreeMap::new();
        for fact in facts.iter().filter(|f| f["type"] == "guerdon.referral.accepted") {
            inviter_of.entry(text(&fact["data"]["invitee"])).or_insert(text(&fact["data"]["inviter"]));
        }
        let (mut model, mut seen, mut studied) = (Model::default(), BTreeSet::new(), BTreeMap::new());
        for fact in &facts {
            let (data, since_ms) = (&fact["data"], at_ms(fact["time"].as_str().unwrap()) - STARTS_MS);
            match fact["type"].as_str().unwrap() {
                "account.opened"
                    if matches!(data["existing_customer"], Value::Null | Value::Bool(false)) && data.get("existing").is_none() =>
                {
                    let invitee = text(&data["invitee"]);
                    if let Some(inviter) = inviter_of.get(&invitee).filter(|_| seen.insert(invitee.clone())) {
                        model.cards += 1;
                        *model.points.entry((since_ms / WEEK_MS, inviter.clone())).or_insert(0) += 20;
                    }
                }
                "lesson.finished" if data["points"].is_i64() && seen.insert(format!("{} {}", data["member"], data["lesson"])) => {
                    *studied.entry((since_ms / DAY_MS, text(&data["member"]))).or_insert(0) += data["points"].as_i64().unwrap();
                }
                _ => {}
            }
        }
        for ((day, member), points) in studied {
            *model.points.entry((day / 7, member)).or_insert(0) += points.min(100);
        }
        model
    }

    fn week(&self, week: i64) -> impl Iterator<Item = i64> {
        self.points.iter().filter(move |((of, _), _)| *of == week).map(|(_, points)| *points)
    }
    fn thousands(&self, week: i64) -> i64 {
        self.week(week).map(|points| points / 1000).sum()
    }
}

/// What a campaign comes to, by any store: members, standings in both cycles, grants.
#[derive(PartialEq, Debug)]
struct Rows {
    members: Vec<MemberRow>,
    standings: Vec<StandingRow>,
    grants: Vec<GrantRow>,
}

impl Rows {
    fn sorted(mut self) -> Rows {
        self.members.sort_by_key(|m| m.number);
        self.standings.sort_by_key(|s| (s.cycle, s.member, s.revision));
        self.grants.sort_by_key(|g| (g.member, g.function, g.cause, g.reward, g.ordinal));
        // Positions count commits, and the book in memory has one for each event; there, what waited is decided at once,
        // and on a host perhaps in the next commit, under a later number.
        let plain = |g: GrantRow| GrantRow { number: 0, position: 0, line: 0, pool: None, ..g };
        Rows { grants: self.grants.into_iter().map(plain).collect(), ..self }
    }
}

fn releases() -> Releases {
    let mut names = Names::default();
    let mut release =
        |number, from_ms, folder| Arc::new(Release::compile(number, from_ms, &campaign(folder), &mut names, &Runtime::default()).unwrap());
    Releases::new(vec![release(1, STARTS_MS, RACE), release(2, STARTS_MS + WEEK_MS, "learning-race-5x20")])
}

fn in_memory() -> Rows {
    let stock = STOCK.iter().map(|(pool, _, count)| (pool.to_string(), *count as i64)).collect();
    let mut memory = Memory::new(releases(), &stock, SEED);
    for step in steps() {
        if step.settle {
            memory.settle(step.now_ms);
        }
        for event in step.events {
            memory.event(event, step.now_ms, &[]);
        }
    }
    let book = memory.book();
    let standings = (1..=2).flat_map(|cycle| book.standings_in(cycle)).cloned().collect();
    Rows { members: book.members().cloned().collect(), standings, grants: memory.grants().to_vec() }.sorted()
}

async fn on_the_host(world: &World) -> Arc<Host> {
    let host = world.host().await;
    // The seed is drawn at random when a release makes the campaign; here it is the same everywhere.
    host.store.ensure_campaign(RACE, SEED).await.unwrap();
    host.add_release(campaign(RACE), None, "product", "go-live").await.unwrap();
    host.add_release(campaign("learning-race-5x20"), Some(STARTS_MS + WEEK_MS), "product", "5 × 20").await.unwrap();
    for (pool, first, count) in STOCK {
        host.store.import_codes(pool, &codes(first, count), STARTS_MS).await.unwrap();
    }
    for step in steps() {
        world.clock.set(step.now_ms);
        if step.settle {
            host.run_due().await;
        }
        host.submit(RACE, step.events).await.unwrap();
    }
    host
}

async fn rows_of(host: &Host) -> Rows {
    let campaign = host.campaign(RACE).unwrap().row.campaign;
    let numbers: Vec<i64> = (1..=host.store.head(campaign).await.unwrap().last_member).collect();
    let members = host.store.members_by_number(campaign, &numbers).await.unwrap();
    let pairs: Vec<(i32, i64)> = (1..=2).flat_map(|cycle| numbers.iter().map(move |number| (cycle, *number))).collect();
    let standings = host.store.standings(campaign, &pairs).await.unwrap();
    let mut grants = Vec::new();
    for number in 1..=host.store.head(campaign).await.unwrap().last_grant {
        grants.push(host.store.grant(campaign, number).await.unwrap().unwrap());
    }
    Rows { members, standings, grants }.sorted()
}

async fn agrees_with_the_model(world: &World, host: &Host) {
    let model = Model::of(&learning_race(1));
    assert_eq!(model.cards, OPENED as i64);
    assert_eq!(world.granted("on_account_opened").await, OPENED.to_string());
    let closed = |cycle: i32, reward: &str| {
        format!(
            "select count(*) from grants g join names f on f.code = g.function join names r on r.code = g.reward
             where f.name = 'on_cycle_close' and g.cycle = {cycle} and r.name = '{reward}'"
        )
    };
    let table = [(1, "jd-100", model.thousands(0)), (1, "jd-20", 0), (2, "jd-100", 0), (2, "jd-20", 5 * model.thousands(1))];
    for (cycle, reward, expected) in table {
        assert_eq!(world.value(&closed(cycle, reward)).await, expected.to_string(), "{reward} at the close of cycle {cycle}");
    }
    for week in [0, 1] {
        let sum = "select sum(case when debit = 0 then amount else -amount end) from postings where cycle = ";
        let booked = world.value(&format!("{sum}{}", week + 1)).await;
        assert_eq!(booked, model.week(week).sum::<i64>().to_string(), "points of week {week}");
    }
    world.is_sound(host, RACE).await;
}

#[tokio::test]
async fn the_recorded_race_is_the_same_everywhere() {
    let memory = in_memory();
    let dumps: std::sync::Mutex<Vec<Dump>> = std::sync::Mutex::default();
    on_each("2020-09-22T00:00:00+08:00", async |world| {
        let host = on_the_host(world).await;
        agrees_with_the_model(world, &host).await;
        let rows = rows_of(&host).await;
        same("members", &rows.members, &memory.members);
        same("standings", &rows.standings, &memory.standings);
        same("grants", &rows.grants, &memory.grants);
        let dump = world.database.dump().await;
        dumps.lock().unwrap().push(dump);
    })
    .await;
    let dumps = dumps.into_inner().unwrap();
    let (sqlite, postgres) = (&dumps[0], &dumps[1]);
    assert_eq!(sqlite.keys().collect::<Vec<_>>(), postgres.keys().collect::<Vec<_>>());
    for (table, rows) in sqlite {
        same(table, rows, &postgres[table]);
    }
}

/// Names the first row that differs: whole tables would fill the screen.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, left: &[T], right: &[T]) {
    if let Some((one, other)) = left.iter().zip(right).find(|(one, other)| one != other) {
        panic!("{what}: {one:?}\nand: {other:?}");
    }
    assert_eq!(left.len(), right.len(), "{what}");
}

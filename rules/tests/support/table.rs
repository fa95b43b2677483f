//! Stories of the book as text tables: one line for each attempt, ending in what became of it.
//!
//! `22 10:00 a1 opened invitee=bob -> booked` is an event of September 22 (32 is October 2) by the local clock, with its
//! id; the text after the outcome's colon must occur in the reason. `settle 29 02:00 -> closed 1` settles;
//! `stock card 5`, `close issue`, `open issue` are the operator's; `= alice learning 20`, `= alice card issued 1`,
//! `= switch issue closed` look at the books.

use super::{Files, Names, release};
use guerdon_rules::book::prepare::Releases;
use guerdon_rules::book::ranking::points_in;
use guerdon_rules::book::rows::{GrantState, Switch};
use guerdon_rules::campaign::{ACCEPTED, INVITED, JOINED, REDEEMED};
use guerdon_rules::event::Event;
use guerdon_rules::release::Release;
use guerdon_rules::simulate::world::World;
use guerdon_rules::value::MemberId;
use std::collections::BTreeMap;
use std::sync::Arc;

pub const CAMPAIGN: &str = include_str!("odds.toml");
pub const RULES: &str = include_str!("odds.rhai");

/// The odds-and-ends campaign with more lines of campaign.toml.
pub fn odds(more: &str) -> Release {
    odds_of(more, RULES)
}

fn odds_of(more: &str, rules: &str) -> Release {
    let files = Files::from([
        ("campaign.toml".to_string(), Arc::from(format!("{CAMPAIGN}\n{more}").as_bytes())),
        ("rules.rhai".to_string(), Arc::from(rules.as_bytes())),
    ]);
    release(1, i64::MIN, &files, &mut Names::default())
}

pub fn world(more: &str) -> World {
    world_of(more, RULES)
}

/// The same with another close of the cycle.
pub fn world_that_closes(close: &str) -> World {
    world_of("", &rules_that_close(close))
}

/// The rules with another close of the cycle.
pub fn rules_that_close(close: &str) -> String {
    let (rest, _) = RULES.split_once("fn on_cycle_close").unwrap();
    format!("{rest}fn on_cycle_close(member, cycle) {{ {close} }}")
}

/// The campaign with more lines of campaign.toml, under these rules.
pub fn world_of(more: &str, rules: &str) -> World {
    World::new(Releases::new(vec![Arc::new(odds_of(more, rules))]), &BTreeMap::new(), 7)
}

/// Plays every line, and says where one came out otherwise.
pub fn play(world: &mut World, table: &str) {
    let mut now_ms = 0;
    for line in table.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let (did, wanted) = line.split_once("->").unwrap_or((line, ""));
        let came = step(world, did, &mut now_ms);
        let (word, reason) = wanted.trim().split_once(": ").unwrap_or((wanted.trim(), ""));
        let (came_word, came_reason) = came.split_once(": ").unwrap_or((&came, ""));
        assert!(word == came_word && came_reason.contains(reason), "{line}\n   was -> {came}\nin{table}");
    }
}

fn step(world: &mut World, line: &str, now_ms: &mut i64) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words.as_slice() {
        ["stock", pool, n] => {
            assert!(world.add_stock(pool, n.parse().unwrap()));
            String::new()
        }
        [word @ ("close" | "open"), switch] => {
            world.set_switch(switch, Switch { closed: *word == "close", by: "test".into(), why: String::new(), at_ms: *now_ms });
            String::new()
        }
        ["settle", day, time] => {
            *now_ms = instant(world, day, time).max(*now_ms);
            let settled = world.settle(*now_ms);
            let mut said: Vec<String> = settled.corrected.iter().map(|(cycle, revision)| format!("corrected {cycle}.{revision}")).collect();
            said.extend(settled.closed.iter().map(|cycle| format!("closed {cycle}")));
            said.extend(settled.failed.iter().map(|(id, reason)| format!("failed {id}: {reason}")));
            if said.is_empty() { "nothing".into() } else { said.join(", ") }
        }
        ["=", what @ ..] => {
            look(world, what);
            String::new()
        }
        [day, time, id, kind, data @ ..] => {
            let at_ms = instant(world, day, time);
            *now_ms = at_ms.max(*now_ms);
            let step = world.event(event(at_ms, id, kind, data), *now_ms, &[]);
            let again = if step.answer.repeated { "again " } else { "" };
            format!("{again}{}: {}", step.answer.outcome.name(), step.answer.reason.unwrap_or_default())
        }
        _ => panic!("{line}"),
    }
}

fn instant(world: &World, day: &str, time: &str) -> i64 {
    let day: i32 = day.parse().unwrap();
    let text = if day > 30 { format!("2020-10-{:02} {time}", day - 30) } else { format!("2020-09-{day:02} {time}") };
    world.releases().newest().unwrap().campaign.calendar.instant(&text).unwrap()
}

pub fn event(at_ms: i64, id: &str, kind: &str, data: &[&str]) -> Event {
    let kind = match kind {
        "join" => JOINED,
        "invite" => INVITED,
        "accept" => ACCEPTED,
        "redeem" => REDEEMED,
        other => other,
    };
    let fields: Vec<(&str, &str)> = data.iter().map(|pair| pair.split_once('=').unwrap()).collect();
    let json = |value: &str| if value.parse::<i64>().is_ok() || value == "true" { value.to_string() } else { format!("\"{value}\"") };
    let subject = fields.iter().find(|(key, _)| *key == "subject").map(|(_, value)| (*value).into());
    let data: Vec<String> =
        fields.iter().filter(|(key, _)| *key != "subject").map(|(key, value)| format!("\"{key}\":{}", json(value))).collect();
    Event {
        source: "test".into(),
        id: id.into(),
        kind: kind.into(),
        subject,
        at_ms: Ok(at_ms),
        data: format!("{{{}}}", data.join(",")).into(),
    }
}

fn look(world: &World, what: &[&str]) {
    let release = world.releases().newest().unwrap();
    if let ["switch", name, state] = what {
        return assert_eq!(world.book().is_closed(name), *state == "closed", "switch {name}");
    }
    if let ["pool", name, available, owed] = what {
        let pool = world.book().pools().iter().find(|p| p.name == *name).unwrap();
        return assert_eq!([pool.available.to_string(), pool.owed.to_string()], [*available, *owed], "pool {name}");
    }
    let id = MemberId::parse(what[0], &release.campaign.kinds());
    let row = world.book().slot_of(&id).map(|slot| world.book().member_row(slot).clone());
    let number = row.as_ref().map_or(0, |r| r.number);
    let is = match what {
        [_, name, state, _] if GrantState::ALL.iter().any(|s| s.name() == *state) => {
            let code = release.codes.rewards[release.campaign.reward(name).unwrap()];
            world.grants().iter().filter(|g| g.member == number && g.reward == code && g.state.name() == *state).count().to_string()
        }
        [_, name, "cycle", cycle, _] => {
            let account = release.campaign.account(name).unwrap();
            let standing = world.book().standing(cycle.parse().unwrap(), number);
            standing.map_or(0, |s| points_in(release, account, &s.tally).unwrap()).to_string()
        }
        [_, name, _] => match release.campaign.account(name) {
            Some(account) => row.as_ref().map_or(0, |r| points_in(release, account, &r.tally).unwrap()).to_string(),
            None => {
                let code = release.codes.attributes[release.campaign.attribute(name).unwrap()];
                row.and_then(|r| r.attributes.into_iter().find(|(c, _)| *c == code)).map_or("unset".into(), |(_, value)| value.to_string())
            }
        },
        _ => panic!("{what:?}"),
    };
    assert_eq!(is, *what.last().unwrap(), "= {}", what.join(" "));
}

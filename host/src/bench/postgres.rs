//! The measurements on PostgreSQL, one after the other in one database; those with other numbers of members in
//! databases of their own. Must not know: what each of them does.

use super::lab::{self, Lab};
use super::{Entry, Goal, Options, Progress, Result, batch, board, crowd, growth, settlement, single, sweep};
use guerdon_rules::language::Runtime;

/// Name, goal and unit.
pub const ALL: [(&str, Goal, &str); 16] = [
    ("postgres.batch", Goal::Ratio(super::USUAL_GOAL), "events/s"),
    ("postgres.bulk_limit", Goal::Ratio(super::BULK_GOAL), "events/s"),
    ("postgres.memory", Goal::Value(200.0), "MB"),
    ("postgres.single", Goal::Ratio(5.0), "events/s"),
    ("postgres.latency.p50", Goal::Ratio(6.0), "ms"),
    ("postgres.latency.p99", Goal::Ratio(20.0), "ms"),
    ("postgres.hot_member", Goal::Ratio(0.5), "events/s"),
    ("postgres.two_hosts", Goal::Ratio(1.0), "events/s"),
    ("leaderboard.rank", Goal::Value(1.0), "ms"),
    ("leaderboard.restart", Goal::Value(5.0), "s"),
    ("postgres.growth", Goal::Ratio(0.85), "events/s"),
    (sweep::MEMBERS, Goal::None, "events/s"),
    (sweep::CONNECTIONS, Goal::None, "events/s"),
    ("postgres.stock", Goal::Ratio(1.2), "µs"),
    ("settlement", Goal::Value(30.0), "s"),
    ("settlement.serving", Goal::Ratio(0.7), "events/s"),
];

pub async fn run(options: &Options, runtime: &Runtime, progress: Progress<'_>, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Entry>> {
    let Some(url) = &options.postgres else {
        let why = "no database: name a server with --postgres";
        return Ok(ALL.iter().map(|(name, goal, unit)| Entry::skipped(name, *goal, unit, why)).collect());
    };
    let mut entries = Vec::new();
    if ALL.iter().any(|(name, ..)| *name != sweep::MEMBERS && wanted(name)) {
        let measured = lab::in_own_database(url, "all", async |address, own| {
            let mut lab = Lab::open(options, runtime, progress, address, own).await?;
            measure(&mut lab, wanted).await
        });
        entries.extend(measured.await?);
    }
    if wanted(sweep::MEMBERS) {
        let batch = entries.iter().find(|entry| entry.name == "postgres.batch");
        let members = sweep::members(options, runtime, progress, url, batch).await?;
        entries.push(members);
    }
    Ok(entries)
}

async fn measure(lab: &mut Lab<'_>, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let any = |beginning: &str| ALL.iter().any(|(name, ..)| name.starts_with(beginning) && wanted(name));
    if any("postgres.b") || any("postgres.memory") {
        let (found, booked) = batch::postgres(lab).await?;
        entries.extend(found);
        if wanted("postgres.bulk_limit") {
            entries.push(batch::bulk_limit(lab, &booked).await?);
            lab.begin_anew().await?;
        }
    }
    if any("postgres.single") || any("postgres.latency") {
        entries.extend(single::measure(lab).await?);
    }
    if wanted("postgres.hot_member") {
        entries.push(crowd::hot_member(lab).await?);
    }
    if wanted("postgres.two_hosts") {
        entries.push(crowd::two_hosts(lab).await?);
        lab.begin_anew().await?;
    }
    if any("leaderboard") {
        entries.extend(board::measure(lab).await?);
        lab.begin_anew().await?;
    }
    if wanted(sweep::CONNECTIONS) {
        entries.push(sweep::connections(lab).await?);
    }
    if wanted("postgres.growth") {
        entries.push(growth::measure(lab).await?);
    }
    if wanted("postgres.stock") {
        entries.push(growth::stock(lab).await?);
    }
    (lab.progress)("audit", 0, 1);
    lab.world.audit().await?;
    if any("settlement") {
        entries.extend(settlement::measure(lab).await?);
        (lab.progress)("audit", 0, 1);
        lab.world.audit().await?;
    }
    Ok(entries)
}

//! How the cost of an event grows with the campaign's members and with the client's connections, beside the usual host at
//! the same point of the same run. Must not know: how either of them works.

use super::batch::{self, UNIT};
use super::client::{self, Pace};
use super::lab::{self, Lab};
use super::{Entry, Growth, Options, Point, Progress, Result, usage};
use guerdon_rules::language::Runtime;
use std::time::Duration;

pub const MEMBERS: &str = "postgres.members";
pub const CONNECTIONS: &str = "postgres.connections";

/// Parts of all members.
fn parts(quick: bool) -> &'static [u64] {
    if quick { &[4, 2, 1] } else { &[100, 20, 5, 1] }
}

/// Each number of members in a database of its own; with all of them, as `batch` measured where it did.
pub async fn members(options: &Options, runtime: &Runtime, progress: Progress<'_>, url: &str, batch: Option<&Entry>) -> Result<Entry> {
    let mut points = Vec::new();
    for part in parts(options.quick) {
        let members = options.members / part;
        let known = batch.filter(|_| *part == 1).and_then(|batch| Some((batch.value?, batch.baseline?, batch.bottleneck.clone())));
        let (value, usual, used) = match known {
            Some(known) => known,
            None => with_members(options, runtime, progress, url, members).await?,
        };
        points.push(Point::new(members, value, usual, used));
    }
    Ok(grown(MEMBERS, "members", "Guerdon, 100 events a request", points))
}

/// Our rate, the usual host's, and what limited ours.
type Rates = (f64, f64, Option<String>);

async fn with_members(options: &Options, runtime: &Runtime, progress: Progress<'_>, url: &str, members: u64) -> Result<Rates> {
    let options = Options { names: Vec::new(), quick: options.quick, postgres: None, members };
    lab::in_own_database(url, "members", async |address, own| {
        let mut lab = Lab::open(&options, runtime, progress, address, own).await?;
        let booked = lab.book(batch::events(&options).min(lab.left())).await?;
        lab.world.audit().await?;
        Ok((booked.per_second, lab.usual.0, booked.bottleneck))
    })
    .await
}

/// One event a request, as the usual host takes them.
pub async fn connections(lab: &mut Lab<'_>) -> Result<Entry> {
    let (numbers, seconds): (&[usize], u64) = if lab.options.quick { (&[1, 16, 256], 1) } else { (&[1, 4, 16, 64, 256], 5) };
    let most = if lab.options.quick { 3_000 } else { 10_000 * seconds };
    let address = lab.world.serve().await?;
    let mut points = Vec::new();
    for (done, number) in numbers.iter().enumerate() {
        (lab.progress)(CONNECTIONS, done as u64, numbers.len() as u64);
        let first = lab.take(most)?;
        let requests = lab.world.singles(first, most);
        lab.settle().await;
        let before = usage::now(lab.server);
        let driven = client::drive(address, &requests, *number, Pace::Full(Duration::from_secs(seconds))).await?;
        let used = usage::bottleneck(before, usage::now(lab.server));
        let usual = lab.usual_rate(*number, seconds).await?;
        points.push(Point::new(*number as u64, driven.per_second(), usual, used));
    }
    Ok(grown(CONNECTIONS, "connections", "Guerdon, one event a request", points))
}

/// The last point against the usual host there, without a goal.
fn grown(name: &'static str, over: &'static str, ours: &'static str, points: Vec<Point>) -> Entry {
    let last = points.last().map_or((f64::NAN, f64::NAN), |point| (point.value, point.baseline));
    let mut entry = Entry::times(name, None, UNIT, last.0, last.1);
    entry.bottleneck = points.last().and_then(|point| point.bottleneck.clone());
    entry.growth = Some(Growth::against_usual(over, ours, points));
    entry
}

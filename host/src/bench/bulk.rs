//! The most that a database could do: the rows of real commits, decided and put into columns beforehand, written
//! set-wise by plain SQL. Same tables, indexes, constraints, triggers and durability as the host's; no rules, no
//! reads, no HTTP. Must not know: which database.

use super::world::{World, decide, prepared};
use super::{BenchError, Result, stream};
use crate::store::encode;
use guerdon_rules::book::rows::{Delta, GrantState};

/// Events of one transaction.
pub const EVENTS: u64 = 1000;

/// A column of rows.
pub enum Column {
    Int(Vec<Option<i64>>),
    Text(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
}

impl Column {
    pub fn rows(&self) -> usize {
        match self {
            Column::Int(rows) => rows.len(),
            Column::Text(rows) => rows.len(),
            Column::Bytes(rows) => rows.len(),
        }
    }
}

/// What is done with rows of a table.
pub enum Action {
    /// With what follows the rows.
    Insert(&'static str),
    /// Of the rows with the same first columns, as many as this.
    Update(usize),
}

/// One statement's work.
pub struct Rows {
    pub table: &'static str,
    pub columns: &'static [&'static str],
    pub action: Action,
    pub data: Vec<Column>,
}

/// One transaction's rows; `last` is what every transaction changes, and comes just before the commit.
pub struct Commit {
    pub rows: Vec<Rows>,
    pub last: Vec<Rows>,
}

impl Commit {
    pub fn row_count(&self) -> usize {
        self.rows.iter().chain(&self.last).map(|rows| rows.data.first().map_or(0, Column::rows)).sum()
    }
}

/// Commits that follow what the database holds now; every second one touches the odd members, the others the even.
/// `opened` accounts are opened already.
pub async fn commits(world: &World, count: u64, opened: u64) -> Result<Vec<Commit>> {
    let rules = world.running.rules.load_full();
    let text = |chunk: u64| {
        let (members, half) = (world.members, chunk % 2);
        (0..EVENTS).map(move |n| stream::event_of_half(chunk / 2 * EVENTS + n, members, half, opened))
    };
    let batch = prepared((0..count).flat_map(text), &rules.releases)?;
    let mut book = world.load(&batch).await?;
    let mut stock: Vec<(i32, i64, i64)> = Vec::new();
    let status = world.host.store.pool_status().await?;
    for pool in book.pools() {
        // Codes are taken in the order of their numbers.
        let issued = status.iter().find(|s| s.name == pool.name).map_or(0, |s| s.issued);
        stock.push((pool.pool, issued + 1, pool.available));
    }
    let campaign = i64::from(world.running.row.campaign);
    let mut commits = Vec::new();
    for events in batch.chunks(EVENTS as usize) {
        commits.push(commit(campaign, &decide(&mut book, events)?, &mut stock)?);
    }
    Ok(commits)
}

/// One column of integers, texts or bytes over rows.
macro_rules! column {
    (int $rows:expr, $value:expr) => {
        Column::Int($rows.iter().map($value).map(|n| Option::<i64>::from(n)).collect())
    };
    (text $rows:expr, $value:expr) => {
        Column::Text($rows.iter().map($value).map(|n| Option::<String>::from(n)).collect())
    };
    (bytes $rows:expr, $value:expr) => {
        Column::Bytes($rows.iter().map($value).map(|n| Option::<&[u8]>::from(n).map(<[u8]>::to_vec)).collect())
    };
}

fn commit(campaign: i64, delta: &Delta, stock: &mut [(i32, i64, i64)]) -> Result<Commit> {
    let latest = delta.latest();
    let others = encode::apart(&delta.changed_standings, &latest).count() + delta.moved.len();
    if others > 0 || delta.changed_members.iter().any(|row| !latest.contains_key(&row.number)) {
        return Err(BenchError::Wrong("an event of the bench changes more than the latest standing of its members".into()));
    }
    let mut rows = vec![members(campaign, delta), standings(campaign, delta)];
    rows.extend([events(campaign, delta), postings(campaign, delta)]);
    rows.push(grants(campaign, delta));
    rows.push(codes(campaign, delta, stock));
    rows.push(journal(campaign, delta));
    rows.retain(|rows| rows.data.first().is_some_and(|column| column.rows() > 0));
    Ok(Commit { rows, last: vec![cycles(campaign, delta), pools(stock), head(campaign, delta)?] })
}

/// With the latest standing of each, which every event of the bench changes.
fn members(campaign: i64, delta: &Delta) -> Rows {
    let (list, latest) = (&delta.changed_members, delta.latest());
    Rows {
        table: "members",
        columns: &["campaign", "member", "inviter", "tally", "attributes", "cycle", "revision", "state"],
        action: Action::Update(2),
        data: vec![
            column!(int list, |_| campaign),
            column!(int list, |r| r.number),
            column!(int list, |r| r.inviter),
            column!(text list, |r| encode::tally(&r.tally)),
            column!(text list, |r| encode::attributes(&r.attributes)),
            column!(int list, |r| r.latest.map(|(cycle, _)| i64::from(cycle))),
            column!(int list, |r| r.latest.map(|(_, revision)| i64::from(revision))),
            column!(text list, |r| latest.get(&r.number).map(|row| encode::standing(row))),
        ],
    }
}

fn standings(campaign: i64, delta: &Delta) -> Rows {
    let (list, latest) = (&delta.standings, delta.latest());
    Rows {
        table: "standings",
        columns: &["campaign", "cycle", "member", "revision", "state"],
        action: Action::Insert("on conflict (campaign, cycle, member, revision) do update set state = excluded.state"),
        data: vec![
            column!(int list, |_| campaign),
            column!(int list, |r| i64::from(r.cycle)),
            column!(int list, |r| r.member),
            column!(int list, |r| i64::from(r.revision)),
            column!(text list, |r| encode::is_apart(r, &latest).then(|| encode::standing(r))),
        ],
    }
}

fn events(campaign: i64, delta: &Delta) -> Rows {
    let list = &delta.new_events;
    Rows {
        table: "events",
        columns: &[
            "campaign",
            "identity",
            "source",
            "id",
            "type",
            "subject",
            "member",
            "at_ms",
            "received_ms",
            "data",
            "body_hash",
            "outcome",
            "reason",
            "once_key",
            "release",
            "position",
            "line",
        ],
        action: Action::Insert(""),
        data: vec![
            column!(int list, |_| campaign),
            column!(bytes list, |r| &r.identity[..]),
            column!(text list, |r| r.source.to_string()),
            column!(text list, |r| r.id.to_string()),
            column!(text list, |r| r.kind.to_string()),
            column!(text list, |r| r.subject.as_ref().map(|s| s.to_string())),
            column!(int list, |r| r.member),
            column!(int list, |r| r.at_ms),
            column!(int list, |r| r.received_ms),
            column!(text list, |r| r.data.to_string()),
            column!(bytes list, |r| &r.body_hash[..]),
            column!(int list, |r| r.outcome as i64),
            column!(text list, |r| r.reason.clone()),
            column!(bytes list, |r| r.once_key.as_ref().map(|key| &key[..])),
            column!(int list, |r| i64::from(r.release)),
            column!(int list, |r| r.position),
            column!(int list, |r| i64::from(r.line)),
        ],
    }
}

fn postings(campaign: i64, delta: &Delta) -> Rows {
    let list = &delta.postings;
    Rows {
        table: "postings",
        columns: &["campaign", "position", "ordinal", "line", "member", "debit", "credit", "amount", "at_ms", "cycle", "day"],
        action: Action::Insert(""),
        data: vec![
            column!(int list, |_| campaign),
            column!(int list, |_| delta.head.position),
            column!(int list, |r| i64::from(r.ordinal)),
            column!(int list, |r| i64::from(r.line)),
            column!(int list, |r| r.member),
            column!(int list, |r| i64::from(r.debit)),
            column!(int list, |r| i64::from(r.credit)),
            column!(int list, |r| r.amount),
            column!(int list, |r| r.at_ms),
            column!(int list, |r| i64::from(r.cycle)),
            column!(int list, |r| i64::from(r.day)),
        ],
    }
}

fn grants(campaign: i64, delta: &Delta) -> Rows {
    let list = &delta.grants;
    Rows {
        table: "grants",
        columns: &[
            "campaign",
            "number",
            "member",
            "reward",
            "function",
            "cause",
            "ordinal",
            "state",
            "held",
            "pool",
            "position",
            "line",
            "rule_line",
            "release",
            "cycle",
            "at_ms",
            "face_value",
        ],
        action: Action::Insert(""),
        data: vec![
            column!(int list, |_| campaign),
            column!(int list, |r| r.number),
            column!(int list, |r| r.member),
            column!(int list, |r| i64::from(r.reward)),
            column!(int list, |r| i64::from(r.function)),
            column!(bytes list, |r| &r.cause[..]),
            column!(int list, |r| i64::from(r.ordinal)),
            column!(int list, |r| r.state as i64),
            column!(int list, |r| r.held as i64),
            column!(int list, |r| r.pool.map(i64::from)),
            column!(int list, |r| r.position),
            column!(int list, |r| i64::from(r.line)),
            column!(int list, |r| i64::from(r.rule_line)),
            column!(int list, |r| i64::from(r.release)),
            column!(int list, |r| i64::from(r.cycle)),
            column!(int list, |r| r.at_ms),
            column!(int list, |r| r.face_value),
        ],
    }
}

/// Each issued grant takes the next code of its pool.
fn codes(campaign: i64, delta: &Delta, stock: &mut [(i32, i64, i64)]) -> Rows {
    let mut list = Vec::new();
    for grant in delta.grants.iter().filter(|g| g.state == GrantState::Issued) {
        if let Some((pool, next, available)) = stock.iter_mut().find(|(pool, ..)| Some(*pool) == grant.pool) {
            list.push((i64::from(*pool), *next, grant.number));
            (*next, *available) = (*next + 1, *available - 1);
        }
    }
    Rows {
        table: "codes",
        columns: &["pool", "number", "state", "campaign", "grant_number"],
        action: Action::Update(2),
        data: vec![
            column!(int list, |c| c.0),
            column!(int list, |c| c.1),
            column!(int list, |_| 2),
            column!(int list, |_| campaign),
            column!(int list, |c| c.2),
        ],
    }
}

fn journal(campaign: i64, delta: &Delta) -> Rows {
    let list = &delta.journal;
    Rows {
        table: "journal",
        columns: &["campaign", "position", "line", "kind", "identity", "member", "at_ms", "body"],
        action: Action::Insert(""),
        data: vec![
            column!(int list, |_| campaign),
            column!(int list, |_| delta.head.position),
            column!(int list, |r| i64::from(r.line)),
            column!(int list, |r| r.kind as i64),
            column!(bytes list, |r| r.identity.as_ref().map(|key| &key[..])),
            column!(int list, |r| r.member),
            column!(int list, |r| r.at_ms),
            column!(text list, |r| r.body.clone()),
        ],
    }
}

fn cycles(campaign: i64, delta: &Delta) -> Rows {
    let list = &delta.cycles;
    Rows {
        table: "cycles",
        columns: &["campaign", "cycle", "revision", "state"],
        action: Action::Insert("on conflict (campaign, cycle) do update set revision = excluded.revision, state = excluded.state"),
        data: vec![
            column!(int list, |_| campaign),
            column!(int list, |r| i64::from(r.cycle)),
            column!(int list, |r| i64::from(r.revision)),
            column!(text list, encode::cycle),
        ],
    }
}

fn pools(stock: &[(i32, i64, i64)]) -> Rows {
    Rows {
        table: "pools",
        columns: &["pool", "first_available", "available"],
        action: Action::Update(1),
        data: vec![column!(int stock, |s| i64::from(s.0)), column!(int stock, |s| s.1), column!(int stock, |s| s.2)],
    }
}

fn head(campaign: i64, delta: &Delta) -> Result<Rows> {
    let list = [&delta.head];
    let switches = encode::switches(&delta.head.switches)?;
    Ok(Rows {
        table: "campaigns",
        columns: &["campaign", "position", "last_member", "last_grant", "closed_through", "releases", "totals", "switches"],
        action: Action::Update(1),
        data: vec![
            column!(int list, |_| campaign),
            column!(int list, |r| r.position),
            column!(int list, |r| r.last_member),
            column!(int list, |r| r.last_grant),
            column!(int list, |r| i64::from(r.closed_through)),
            column!(int list, |r| i64::from(r.releases)),
            column!(text list, |r| encode::tally(&r.totals)),
            column!(text list, |_| switches.clone()),
        ],
    })
}

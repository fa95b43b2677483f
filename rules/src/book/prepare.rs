//! What can be decided about an event before any state is read: the release of its time, its contract, its window.

use super::rows::EventRow;
use crate::campaign::calendar::{Cycle, Moment};
use crate::campaign::policy::Settles;
use crate::campaign::{MemberPath, contract};
use crate::event::{Event, Key};
use crate::release::Release;
use crate::value::{DataType, MemberId, Value};
use std::sync::Arc;

/// How far an event's time may lie ahead of the host's clock, in milliseconds, before it is called future.
pub const CLOCK_SLACK_MS: i64 = 5 * 60 * 1000;

/// The releases of a campaign, in order of their numbers.
#[derive(Clone, Default)]
pub struct Releases(Vec<Arc<Release>>);

impl Releases {
    /// At least one release, in order of their numbers.
    pub fn new(releases: Vec<Arc<Release>>) -> Releases {
        Releases(releases)
    }
    /// The release in force at an instant: the newest of those that take effect latest but not after it. The first
    /// also decides everything before it.
    pub fn at(&self, at_ms: i64) -> Option<&Arc<Release>> {
        self.0.iter().filter(|r| r.effective_from_ms <= at_ms).max_by_key(|r| (r.effective_from_ms, r.number)).or_else(|| self.0.first())
    }
    /// The release that closes a cycle: the one in force at its last instant, so that a rule which takes effect with the
    /// next cycle does not settle this one. A release that says so settles only cycles that begin under it.
    pub fn closing(&self, cycle: &Cycle) -> Option<&Arc<Release>> {
        let may = |r: &&Arc<Release>| match r.campaign.releases.settles {
            Settles::This => r.effective_from_ms < cycle.ends_ms,
            Settles::Next => r.effective_from_ms <= cycle.starts_ms,
        };
        self.0.iter().filter(may).max_by_key(|r| (r.effective_from_ms, r.number)).or_else(|| self.0.first())
    }
    pub fn newest(&self) -> Option<&Arc<Release>> {
        self.0.last()
    }
    pub fn numbered(&self, number: i32) -> Option<&Arc<Release>> {
        self.0.iter().find(|r| r.number == number)
    }
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Release>> {
        self.0.iter()
    }
    pub fn len(&self) -> usize {
        self.0.len()
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// An event, read as far as it can be without state.
#[derive(Clone)]
pub struct Prepared {
    pub event: Event,
    pub identity: Key,
    pub body_hash: Key,
    /// The host's clock when it came in.
    pub received_ms: i64,
    /// Results that a case forces on the first draws.
    pub forced_draws: Vec<i64>,
    pub release: Arc<Release>,
    /// The contract kept, or why the event is quarantined.
    pub contract: Result<Parsed, String>,
}

/// An event that keeps its contract.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// Index into `Campaign::events`.
    pub kind: usize,
    /// In the order of `EventType::fields`.
    pub data: Vec<Value>,
    pub member: MemberId,
    pub moment: Moment,
    pub cycle: i32,
}

/// Reads an event under the release of its time. None when the campaign has no release yet.
pub fn prepare(event: Event, releases: &Releases, now_ms: i64) -> Option<Prepared> {
    let release = match event.at_ms {
        Ok(at_ms) => releases.at(at_ms),
        Err(_) => releases.newest(),
    }?;
    let contract = parse(&event, release, now_ms);
    let (identity, body_hash) = (event.identity(), event.body_hash());
    Some(Prepared { event, identity, body_hash, received_ms: now_ms, forced_draws: Vec::new(), release: release.clone(), contract })
}

/// A stored event, to be decided again at its own time.
pub fn prepare_again(row: &EventRow, releases: &Releases, now_ms: i64) -> Option<Prepared> {
    prepare(event_of(row), releases, now_ms)
}

/// A stored event as it arrived.
pub fn event_of(row: &EventRow) -> Event {
    Event {
        source: row.source.as_str().into(),
        id: row.id.as_str().into(),
        kind: row.kind.as_str().into(),
        subject: row.subject.as_deref().map(Into::into),
        at_ms: row.at_ms.ok_or_else(|| row.reason.clone().unwrap_or_default()),
        data: row.data.as_str().into(),
    }
}

fn parse(event: &Event, release: &Release, now_ms: i64) -> Result<Parsed, String> {
    let campaign = &release.campaign;
    let Some(kind) = campaign.event(&event.kind) else {
        let names = campaign.events.iter().map(|e| &*e.name);
        return Err(format!("unknown event type \"{}\" ({})", event.kind, crate::diagnostic::suggestion(&event.kind, names)));
    };
    let declared = &campaign.events[kind];
    let at_ms = event.at_ms.clone()?;
    let calendar = &campaign.calendar;
    if at_ms > now_ms.saturating_add(CLOCK_SLACK_MS) {
        return Err("its time is in the future".into());
    }
    let Some(cycle) = calendar.cycle_of(at_ms).filter(|_| calendar.contains(at_ms)) else {
        return Err("its time is outside the campaign".into());
    };
    let data = contract::parse(declared, &event.data)?;
    let member = match declared.member {
        MemberPath::Subject => MemberId::new(event.subject.as_deref().ok_or("subject is missing: it names the member")?),
        MemberPath::Field(field) => named_member(&data[field], &declared.fields[field].kind)
            .ok_or_else(|| format!("field {} names no member", declared.fields[field].name))?,
    };
    Ok(Parsed { kind, member, moment: calendar.moment(at_ms), cycle: cycle.number, data })
}

/// The member that a data field or attribute names.
pub(super) fn named_member(value: &Value, kind: &DataType) -> Option<MemberId> {
    match (value, kind) {
        (Value::Text(id), DataType::Member(kind)) if !id.is_empty() => Some(MemberId { kind: kind.clone(), id: id.clone() }),
        _ => None,
    }
}

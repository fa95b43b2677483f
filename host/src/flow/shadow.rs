//! Shadows: a release that runs beside the one in force. It follows the journal, after the commit and off the lane, with
//! books of its own in memory; its decisions are kept, and nothing is paid. One host at a time does it, under a lease;
//! one that takes over plays the journal from its beginning.

use super::error::{FlowError, Result};
use super::host::{Host, Running};
use super::read::instant;
use super::views::{ShadowCause, ShadowDifference, ShadowReport, ShadowView};
use crate::store::{Followed, ShadowDecision, ShadowRow, encode};
use guerdon_rules::book::prepare::{Releases, event_of};
use guerdon_rules::book::receipt::Receipt;
use guerdon_rules::book::rows::{JournalKind, Outcome, Switch};
use guerdon_rules::campaign::calendar::Calendar;
use guerdon_rules::language::Files;
use guerdon_rules::simulate::follow::{Follower, Held};
use guerdon_rules::value::MemberId;
use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::MutexGuard;

/// Journal lines of one page.
const PAGE: i64 = 500;
/// How long a report waits for a task of this host that follows already; it may have the whole journal before it.
const PATIENCE: Duration = Duration::from_secs(2);
/// Differences of one answer.
pub const REPORTED: i64 = 1000;

/// A shadow as this host runs it.
pub(super) struct Beside {
    number: i32,
    from_position: i64,
    cursor: (i64, i32),
    follower: Follower,
    calendar: Calendar,
}

impl Host {
    /// Starts to run a folder beside what is in force; it decides what happens from now on.
    pub async fn start_shadow(self: &Arc<Self>, campaign: &str, files: Files, author: &str, note: &str) -> Result<ShadowView> {
        let running = self.campaign(campaign)?;
        self.sync(&running).await?;
        let rules = running.rules.load_full();
        let next = self.next_release(&rules, &files, super::effective::Effective::AtOnce, None).await?;
        if *next.release.campaign.id != *campaign {
            return Err(FlowError::Invalid(format!("the folder is of campaign \"{}\", not \"{campaign}\"", next.release.campaign.id)));
        }
        let mut transaction = self.store.begin(running.row.campaign).await?;
        let all = transaction.shadows().await?;
        if let Some(other) = all.iter().find(|s| s.ended.is_none()) {
            return Err(FlowError::Conflict(format!("shadow {} by {} is running: stop it first", other.number, other.author)));
        }
        let position = transaction.head().position;
        let row = ShadowRow {
            number: all.last().map_or(0, |s| s.number) + 1,
            hash: next.release.hash.clone(),
            files: encode::files(&files),
            author: author.into(),
            note: note.into(),
            at_ms: self.now_ms(),
            from_position: position,
            cursor: (position, i32::MAX),
            ended: None,
        };
        transaction.add_shadow(&row).await?;
        self.note(&mut *transaction, &json!({ "shadow": row.number, "hash": row.hash, "started_by": author, "note": note })).await?;
        transaction.commit().await?;
        Ok(view(&row, (0, 0)))
    }

    /// Ends it; what it decided stays to be read.
    pub async fn stop_shadow(&self, campaign: &str, by: &str) -> Result<ShadowView> {
        let running = self.campaign(campaign)?;
        let mut transaction = self.store.begin(running.row.campaign).await?;
        let running_one = transaction.shadows().await?.into_iter().find(|s| s.ended.is_none());
        let mut row = running_one.ok_or_else(|| FlowError::NotFound(format!("no shadow runs beside campaign \"{campaign}\"")))?;
        transaction.end_shadow(row.number, by, self.now_ms()).await?;
        self.note(&mut *transaction, &json!({ "shadow": row.number, "ended_by": by })).await?;
        transaction.commit().await?;
        row.ended = Some((by.into(), self.now_ms()));
        let counts = self.store.shadow_counts(running.row.campaign, row.number).await?;
        Ok(view(&row, counts))
    }

    /// What it would have done otherwise, after (position, line): a page, in the order of the journal. It first follows
    /// up to now, if no other host does, and nothing here has much to catch up with.
    pub async fn shadow_report(&self, campaign: &str, number: Option<i32>, after: (i64, i32)) -> Result<ShadowReport> {
        let running = self.campaign(campaign)?;
        // The task that follows now may have read the journal before what the caller has just seen.
        if let Ok(kept) = tokio::time::timeout(PATIENCE, running.shadow.lock()).await {
            self.catch_up(&running, kept).await?;
        }
        let all = self.store.shadows(running.row.campaign).await?;
        let found = all.iter().rev().find(|s| number.is_none_or(|number| s.number == number));
        let row = found.ok_or_else(|| FlowError::NotFound(format!("campaign \"{campaign}\" has no such shadow")))?;
        let counts = self.store.shadow_counts(running.row.campaign, row.number).await?;
        let page = self.store.shadow_differences(running.row.campaign, row.number, after, REPORTED).await?;
        let next = (page.len() as i64 == REPORTED).then(|| page.last().map(|last| last.at)).flatten();
        let mut differences = Vec::with_capacity(page.len());
        for decision in page {
            differences.push(self.difference(&running, decision).await?);
        }
        let head = self.store.head(running.row.campaign).await?.position;
        Ok(ShadowReport { shadow: view(row, counts), position: head, differences, next })
    }

    async fn difference(&self, running: &Running, decision: ShadowDecision) -> Result<ShadowDifference> {
        let json = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_string()));
        let event = match &decision.identity {
            Some(identity) => self.store.event(running.row.campaign, identity).await?,
            None => None,
        };
        let cause = event.map(|row| ShadowCause {
            source: row.source,
            id: row.id,
            r#type: row.kind,
            time: row.at_ms.map(instant),
            data: json(&row.data),
        });
        Ok(ShadowDifference {
            journal: decision.at,
            subject: decision.subject,
            event: cause,
            was: json(&decision.was),
            would: json(&decision.would),
        })
    }

    /// Decides what the journal has since the shadow decided last. Nothing, while another host or task does it.
    pub async fn follow_shadow(&self, running: &Running) -> Result<()> {
        match running.shadow.try_lock() {
            Ok(kept) => self.catch_up(running, kept).await,
            Err(_) => Ok(()),
        }
    }

    async fn catch_up(&self, running: &Running, mut kept: MutexGuard<'_, Option<Beside>>) -> Result<()> {
        let all = self.store.shadows(running.row.campaign).await?;
        let Some(row) = all.into_iter().find(|s| s.ended.is_none()) else {
            *kept = None;
            return Ok(());
        };
        if !self.store.take_shadow(running.row.campaign, row.number, &self.settings.name, self.settings.lease_seconds).await? {
            *kept = None;
            return Ok(());
        }
        let mut shadow = match kept.take().filter(|s| s.number == row.number && s.cursor == row.cursor) {
            Some(shadow) => shadow,
            None => self.begin_to_follow(running, &row).await?,
        };
        let since = row.cursor;
        loop {
            let page = self.store.follow(running.row.campaign, shadow.cursor, PAGE).await?;
            if page.is_empty() {
                *kept = Some(shadow);
                return Ok(());
            }
            let members = self.members_of(running, &page).await?;
            let from = shadow.cursor;
            let played = tokio::task::spawn_blocking(move || {
                let decisions = shadow.play(page, &members, since);
                (shadow, decisions)
            });
            let decisions;
            (shadow, decisions) = played.await.map_err(|e| FlowError::Internal(e.to_string()))?;
            // While it catches up, it decides what the rows say already.
            let is_new = shadow.cursor > row.cursor;
            if is_new
                && !self
                    .store
                    .keep_shadow_decisions(running.row.campaign, row.number, from.max(row.cursor), shadow.cursor, &decisions)
                    .await?
            {
                return Ok(());
            }
            if !self.store.take_shadow(running.row.campaign, row.number, &self.settings.name, self.settings.lease_seconds).await? {
                return Ok(());
            }
        }
    }

    async fn begin_to_follow(&self, running: &Running, row: &ShadowRow) -> Result<Beside> {
        let rules = running.rules.load_full();
        let files = encode::unpack(&row.files)?;
        let number = rules.releases.len() as i32 + 1;
        let (release, _) = self.compile(number, row.at_ms, &files, rules.names.clone()).await?;
        let calendar = release.campaign.calendar.clone();
        // What came later does not take the shadow's place.
        let mut releases: Vec<_> = rules.releases.iter().filter(|r| r.effective_from_ms <= row.at_ms).cloned().collect();
        releases.push(Arc::new(release));
        let seed = self.store.head(running.row.campaign).await?.seed;
        let follower = Follower::new(Releases::new(releases), seed);
        Ok(Beside { number: row.number, from_position: row.from_position, cursor: (0, 0), follower, calendar })
    }

    async fn members_of(&self, running: &Running, page: &[Followed]) -> Result<FxHashMap<i64, MemberId>> {
        let mut numbers: Vec<i64> =
            page.iter().filter(|f| f.line.kind == JournalKind::Close as i16).filter_map(|f| f.line.member).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let rows = self.store.members_by_number(running.row.campaign, &numbers).await?;
        Ok(rows.into_iter().map(|row| (row.number, row.id)).collect())
    }
}

/// The journal's word on a settlement.
#[derive(Deserialize)]
struct SettlementLine {
    settlement: i32,
    state: String,
}

#[derive(Deserialize)]
struct SwitchLine {
    switch: String,
    #[serde(flatten)]
    is: Switch,
}

impl Beside {
    /// Decides a page of the journal; what it decided about lines after `since`.
    fn play(&mut self, page: Vec<Followed>, members: &FxHashMap<i64, MemberId>, since: (i64, i32)) -> Vec<ShadowDecision> {
        let mut decisions = Vec::new();
        for followed in page {
            self.cursor = (followed.line.position, followed.line.line);
            self.play_one(followed, members, &mut decisions);
        }
        decisions.retain(|d: &ShadowDecision| d.at > since && d.at.0 > self.from_position);
        decisions
    }

    fn play_one(&mut self, followed: Followed, members: &FxHashMap<i64, MemberId>, into: &mut Vec<ShadowDecision>) {
        let Followed { line, event } = followed;
        let at = (line.position, line.line);
        let was = || serde_json::from_str::<Receipt>(&line.body).unwrap_or_default();
        match event {
            // Another body has taken the place of the quarantined one since: it has a line of its own.
            Some(row) if line.kind == JournalKind::Event as i16 && at != (row.position, row.line) && is_quarantined(&line.body) => {}
            Some(row) if line.kind == JournalKind::Event as i16 => {
                let subject = format!("{} {}", row.source, row.id);
                let held = self.follower.event(event_of(&row), line.received_ms(&row), was());
                into.push(decision(at, subject, Some(row.identity), &held));
            }
            _ if line.kind == JournalKind::Close as i16 => {
                let cycle = self.calendar.cycles().iter().find(|c| c.ends_ms == line.at_ms).map(|c| c.number);
                let Some((cycle, member)) = cycle.zip(line.member.and_then(|n| members.get(&n)).cloned()) else { return };
                let subject = close_of(cycle, &member);
                let held = self.follower.close(cycle, member, was());
                into.push(decision(at, subject, None, &held));
            }
            _ if line.kind == JournalKind::Settlement as i16 => {
                let Ok(SettlementLine { settlement: cycle, state }) = serde_json::from_str(&line.body) else { return };
                if state == "running" {
                    return self.follower.settle(cycle, line.at_ms);
                }
                let only_would = self.follower.settled(cycle);
                into.extend(only_would.into_iter().map(|(member, held)| decision(at, close_of(cycle, &member), None, &held)));
            }
            _ if line.kind == JournalKind::Switch as i16 => {
                if let Ok(SwitchLine { switch, is }) = serde_json::from_str(&line.body) {
                    self.follower.switch(&switch, is);
                }
            }
            _ => {}
        }
    }
}

fn is_quarantined(receipt: &str) -> bool {
    serde_json::from_str::<Receipt>(receipt).is_ok_and(|receipt| receipt.outcome == Outcome::Quarantined.name())
}

fn close_of(cycle: i32, member: &MemberId) -> String {
    format!("the close of cycle {cycle} for {member}")
}

fn decision(at: (i64, i32), subject: String, identity: Option<guerdon_rules::event::Key>, held: &Held) -> ShadowDecision {
    ShadowDecision { at, subject, identity, differs: held.differs, was: held.was.to_json(), would: held.would.to_json() }
}

fn view(row: &ShadowRow, (decisions, differences): (i64, i64)) -> ShadowView {
    ShadowView {
        number: row.number,
        hash: row.hash.clone(),
        author: row.author.clone(),
        note: row.note.clone(),
        started_at: instant(row.at_ms),
        ended_by: row.ended.as_ref().map(|(by, _)| by.clone()),
        ended_at: row.ended.as_ref().map(|(_, at_ms)| instant(*at_ms)),
        decided_through: row.cursor.0,
        decisions,
        differences,
    }
}

//! Adding releases, and loading those that other hosts added. Compiling happens with no lock held and off the path of
//! requests; a release takes effect by event time, so that nothing is dropped or delayed.

use super::effective::Effective;
use super::error::{FlowError, Result};
use super::host::{Host, Rules, Running};
use super::read::instant;
use super::views::ReleaseAdded;
use crate::store::{ReleaseRow, StoreError, Transaction, encode};
use guerdon_rules::book::Book;
use guerdon_rules::book::prepare::Releases;
use guerdon_rules::book::rows::JournalKind;
use guerdon_rules::campaign::{Campaign, file};
use guerdon_rules::language::Files;
use guerdon_rules::names::Names;
use guerdon_rules::release::{Release, content_hash};
use serde_json::{Value, json};
use std::sync::Arc;

/// A release that is compiled and not written yet.
pub(super) struct Next {
    pub release: Release,
    pub files: Files,
    pub copy_of: Option<i32>,
    names: Names,
    known_names: usize,
}

/// Who adds a release, and what they say about it.
pub(super) struct Signed<'a> {
    pub author: &'a str,
    pub note: &'a str,
    /// More for the journal: the proposal, its approvers, why it fell back.
    pub because: Value,
}

impl Host {
    /// Adds a folder as the newest release of its campaign; the campaign is made if it is not there. The first release
    /// decides everything; a later one what happens from its first instant on, by event time. Content equal to the newest
    /// release adds nothing. Fails where the policy in force asks for more than this.
    pub async fn add_release(
        self: &Arc<Self>,
        files: Files,
        effective: impl Into<Effective>,
        author: &str,
        note: &str,
    ) -> Result<ReleaseAdded> {
        self.add(files, effective.into(), author, note, None).await
    }

    /// As [`Host::add_release`]; with `base`, only if that is the newest release.
    pub(super) async fn add(
        self: &Arc<Self>,
        files: Files,
        effective: Effective,
        author: &str,
        note: &str,
        base: Option<i32>,
    ) -> Result<ReleaseAdded> {
        // Before anything is made: a campaign whose first release does not compile must not be there.
        let (alone, _) = self.compile(1, 0, &files, Names::default()).await?;
        let id = alone.campaign.id.to_string();
        let running = match self.campaign(&id) {
            Ok(running) => running,
            Err(_) => {
                self.has_what_it_asks_for(&files).await?;
                // A campaign that has no release disturbs whoever lists campaigns.
                effective.resolve(&alone.campaign.calendar, self.now_ms())?;
                let mut seed = [0; 8];
                getrandom::fill(&mut seed).map_err(|e| FlowError::Internal(format!("no random numbers: {e}")))?;
                let row = self.store.ensure_campaign(&id, i64::from_be_bytes(seed)).await?;
                self.serve(row).await?
            }
        };
        loop {
            self.sync(&running).await?;
            let newest = running.rules.load().releases.len() as i32;
            if base.is_some_and(|base| base != newest) {
                return Err(FlowError::Conflict(format!("the plan is stale: release {newest} came since it was made: plan again")));
            }
            if let Some(added) = self.try_add(&running, &files, effective, author, note).await? {
                self.sync(&running).await?;
                return Ok(added);
            }
        }
    }

    /// For local work: puts a folder in the place of what decides now, from its first instant on, so that events of any
    /// time are decided by what was saved last. `local`: nobody has to approve it, on a database that is a file of this
    /// machine.
    pub async fn swap_in(self: &Arc<Self>, files: Files, author: &str, note: &str, local: bool) -> Result<ReleaseAdded> {
        let (alone, _) = self.compile(1, 0, &files, Names::default()).await?;
        let Ok(running) = self.campaign(&alone.campaign.id) else { return self.add_release(files, None, author, note).await };
        loop {
            self.sync(&running).await?;
            let rules = running.rules.load_full();
            let newest = rules.newest()?;
            if newest.hash == alone.hash {
                return Ok(ReleaseAdded::known(newest));
            }
            let effective = Effective::At(newest.effective_from_ms);
            if !local || self.store.backend() != "sqlite" {
                self.may_be_live_at_once(&running, &rules, &files, effective).await?;
            }
            let next = self.next_release(&rules, &files, effective, None).await?;
            if let Some(added) = self.write_next(&running, &rules, &next, author, note).await? {
                self.sync(&running).await?;
                return Ok(added);
            }
        }
    }

    /// Whether these files are a release of their campaign already, the newest or an earlier one.
    pub async fn has_release(&self, files: &Files) -> Result<bool> {
        let Ok(campaign) = file::parse(files) else { return Ok(false) };
        let Ok(running) = self.campaign(&campaign.id) else { return Ok(false) };
        self.sync(&running).await?;
        let hash = content_hash(files);
        Ok(running.rules.load().releases.iter().any(|release| release.hash == hash))
    }

    /// None: another host added one in between.
    async fn try_add(
        &self,
        running: &Running,
        files: &Files,
        effective: Effective,
        author: &str,
        note: &str,
    ) -> Result<Option<ReleaseAdded>> {
        let rules = running.rules.load_full();
        let hash = content_hash(files);
        if let Some(same) = rules.releases.newest().filter(|r| r.hash == hash) {
            return Ok(Some(ReleaseAdded::known(same)));
        }
        self.may_be_live_at_once(running, &rules, files, effective).await?;
        let next = self.next_release(&rules, files, effective, None).await?;
        self.write_next(running, &rules, &next, author, note).await
    }

    /// None: another host added one in between.
    async fn write_next(&self, running: &Running, rules: &Rules, next: &Next, author: &str, note: &str) -> Result<Option<ReleaseAdded>> {
        let mut transaction = self.store.begin(running.row.campaign).await?;
        if transaction.head().releases as usize != rules.releases.len() {
            return Ok(None);
        }
        let mut book = Book::new(transaction.head().clone(), Vec::new());
        self.write_release(&mut *transaction, &mut book, next, &Signed { author, note, because: Value::Null }).await?;
        transaction.commit().await?;
        Ok(Some(next.added()))
    }

    /// Compiles the release that would follow these.
    pub(super) async fn next_release(&self, rules: &Rules, files: &Files, effective: Effective, copy_of: Option<i32>) -> Result<Next> {
        let newest = rules.releases.newest();
        let number = newest.map_or(1, |r| r.number + 1);
        let (mut release, names) = self.compile(number, 0, files, rules.names.clone()).await?;
        release.effective_from_ms = match (newest, effective) {
            (None, Effective::AtOnce) => release.campaign.calendar.starts_ms(),
            (None, effective) => effective.resolve(&release.campaign.calendar, self.now_ms())?,
            (Some(newest), effective) => {
                check_successor(&newest.campaign, &release.campaign, self.now_ms())?;
                effective.resolve(&release.campaign.calendar, self.now_ms())?
            }
        };
        Ok(Next { release, files: files.clone(), copy_of, names, known_names: rules.names.len() })
    }

    /// Writes a release with its journal line. The head in the book, which is locked, must know as many releases as `next`
    /// comes after.
    pub(super) async fn write_release(
        &self,
        transaction: &mut dyn Transaction,
        book: &mut Book,
        next: &Next,
        signed: &Signed<'_>,
    ) -> Result<()> {
        let release = &next.release;
        book.add_release(release.number);
        let mut body = json!({
            "release": release.number, "hash": release.hash, "effective_from": instant(release.effective_from_ms),
            "author": signed.author, "note": signed.note,
        });
        if let Some(copied) = next.copy_of {
            body["copy_of"] = copied.into();
        }
        if let Value::Object(more) = &signed.because {
            more.iter().for_each(|(key, value)| body[key] = value.clone());
        }
        book.add_line(JournalKind::Release, None, None, self.now_ms(), body.to_string());
        let new_names: Vec<String> = next.names.iter().skip(next.known_names).map(String::from).collect();
        transaction.add_names(next.known_names as i32 + 1, &new_names).await?;
        let row = ReleaseRow {
            number: release.number,
            hash: release.hash.clone(),
            effective_from_ms: release.effective_from_ms,
            files: encode::files(&next.files),
            author: signed.author.into(),
            note: signed.note.into(),
            at_ms: self.now_ms(),
            copy_of: next.copy_of,
        };
        transaction.add_release(&row).await?;
        Ok(transaction.write(&book.take_delta()).await?)
    }

    /// Loads the releases that this host does not know yet.
    pub async fn sync(&self, running: &Running) -> Result<()> {
        let known = running.rules.load_full();
        let rows = self.store.releases(running.row.campaign, known.releases.len() as i32).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut names = Names::from_stored(self.store.names(running.row.campaign).await?);
        let mut releases: Vec<Arc<Release>> = known.releases.iter().cloned().collect();
        let mut copies = known.copies.clone();
        for row in rows {
            let files = encode::unpack(&row.files)?;
            let compiled = self.compile(row.number, row.effective_from_ms, &files, names).await;
            let release = compiled.map_err(|error| {
                StoreError::Corrupt(format!("release {} of \"{}\" does not compile on this host: {error}", row.number, running.row.id))
            })?;
            names = release.1;
            releases.push(Arc::new(release.0));
            copies.extend(row.copy_of.map(|copied| (row.number, copied)));
        }
        running.rules.store(Arc::new(Rules::new(Releases::new(releases), names, copies)));
        Ok(())
    }

    /// The files of a release.
    pub(super) async fn release_files(&self, running: &Running, number: i32) -> Result<Files> {
        let row = self.store.releases(running.row.campaign, number - 1).await?.into_iter().find(|row| row.number == number);
        let row = row.ok_or_else(|| FlowError::NotFound(format!("campaign \"{}\" has no release {number}", running.row.id)))?;
        Ok(encode::unpack(&row.files)?)
    }
}

impl Next {
    pub fn added(&self) -> ReleaseAdded {
        let release = &self.release;
        ReleaseAdded { added: true, copy_of: self.copy_of, warnings: release.warnings.clone(), ..ReleaseAdded::known(release) }
    }
}

impl ReleaseAdded {
    fn known(release: &Release) -> ReleaseAdded {
        ReleaseAdded {
            campaign: release.campaign.id.to_string(),
            number: release.number,
            hash: release.hash.clone(),
            effective_from: instant(release.effective_from_ms),
            added: false,
            copy_of: None,
            warnings: Vec::new(),
        }
    }
}

/// What a later release may not change, because days and cycles that are already booked depend on it.
fn check_successor(before: &Campaign, after: &Campaign, now_ms: i64) -> Result<()> {
    let (old, new) = (&before.calendar, &after.calendar);
    let kept = [
        ("time_zone", old.zone() == new.zone()),
        ("starts", old.starts_ms() == new.starts_ms()),
        ("[cycle]", old.has_cycles() == new.has_cycles() && old.cycles().iter().zip(new.cycles()).all(|(a, b)| a.starts_ms == b.starts_ms)),
    ];
    if new.ends_ms() < old.ends_ms() && new.ends_ms() < now_ms {
        return Err(FlowError::Conflict("a release cannot end a campaign in the past: its cycles are booked already".into()));
    }
    match kept.iter().find(|(_, same)| !same) {
        Some((what, _)) => {
            Err(FlowError::Conflict(format!("a release cannot change {what} of a campaign that has begun: start a new campaign")))
        }
        None => Ok(()),
    }
}

//! Adding releases, and loading those that other hosts added. Compiling happens with no lock held and off the path of
//! requests; a release takes effect by event time, so that nothing is dropped or delayed.

use super::error::{FlowError, Result};
use super::host::{Host, Rules, Running};
use super::read::instant;
use super::views::ReleaseAdded;
use crate::store::{ReleaseRow, StoreError, encode};
use guerdon_rules::book::Book;
use guerdon_rules::book::prepare::Releases;
use guerdon_rules::book::rows::JournalKind;
use guerdon_rules::campaign::{Campaign, file};
use guerdon_rules::language::Files;
use guerdon_rules::names::Names;
use guerdon_rules::release::{Release, content_hash};
use std::sync::Arc;

impl Host {
    /// Adds a folder as the newest release of its campaign; the campaign is made if it is not there. The first release
    /// decides everything; a later one what happens from `effective_from_ms` on (by event time; none: from now on).
    /// Content equal to the newest release adds nothing.
    pub async fn add_release(
        self: &Arc<Self>,
        files: Files,
        effective_from_ms: Option<i64>,
        author: &str,
        note: &str,
    ) -> Result<ReleaseAdded> {
        // Before anything is made: a campaign whose first release does not compile must not be there.
        let id = Release::compile(1, 0, &files, &mut Names::default(), &self.runtime).map_err(FlowError::Rules)?.campaign.id.to_string();
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(|e| FlowError::Internal(format!("no random numbers: {e}")))?;
        let row = self.store.ensure_campaign(&id, i64::from_be_bytes(seed)).await?;
        let running = self.serve(row).await?;
        loop {
            self.sync(&running).await?;
            if let Some(added) = self.try_add(&running, &files, effective_from_ms, author, note).await? {
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
        effective_from_ms: Option<i64>,
        author: &str,
        note: &str,
    ) -> Result<Option<ReleaseAdded>> {
        let rules = running.rules.load_full();
        let (campaign, newest) = (running.row.id.clone(), rules.releases.newest());
        let hash = content_hash(files);
        if let Some(same) = newest.filter(|r| r.hash == hash) {
            let effective_from = instant(same.effective_from_ms);
            return Ok(Some(ReleaseAdded { campaign, number: same.number, hash, effective_from, added: false, warnings: Vec::new() }));
        }
        let mut names = rules.names.clone();
        let number = newest.map_or(1, |r| r.number + 1);
        let mut release = Release::compile(number, 0, files, &mut names, &self.runtime).map_err(FlowError::Rules)?;
        release.effective_from_ms = match newest {
            None => effective_from_ms.unwrap_or_else(|| release.campaign.calendar.starts_ms()),
            Some(newest) => {
                check_successor(&newest.campaign, &release.campaign, self.now_ms())?;
                effective_from_ms.unwrap_or_else(|| self.now_ms())
            }
        };
        let mut transaction = self.store.begin(running.row.campaign).await?;
        if transaction.head().releases + 1 != number {
            return Ok(None);
        }
        let mut book = Book::new(transaction.head().clone(), Vec::new());
        book.add_release(number);
        let body = serde_json::json!({ "release": number, "hash": hash, "effective_from": instant(release.effective_from_ms), "author": author, "note": note });
        book.add_line(JournalKind::Release, None, None, self.now_ms(), body.to_string());
        let new_names: Vec<String> = names.iter().skip(rules.names.len()).map(String::from).collect();
        transaction.add_names(rules.names.len() as i32 + 1, &new_names).await?;
        let row = ReleaseRow {
            number,
            hash: hash.clone(),
            effective_from_ms: release.effective_from_ms,
            files: encode::files(files),
            author: author.into(),
            note: note.into(),
            at_ms: self.now_ms(),
        };
        transaction.add_release(&row).await?;
        transaction.write(&book.take_delta()).await?;
        transaction.commit().await?;
        let effective_from = instant(release.effective_from_ms);
        Ok(Some(ReleaseAdded { campaign, number, hash, effective_from, added: true, warnings: release.warnings }))
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
        for row in rows {
            let files = encode::unpack(&row.files)?;
            let release = Release::compile(row.number, row.effective_from_ms, &files, &mut names, &self.runtime).map_err(|found| {
                let first = found.first().map(ToString::to_string).unwrap_or_default();
                StoreError::Corrupt(format!("release {} of \"{}\" does not compile on this host: {first}", row.number, running.row.id))
            })?;
            releases.push(Arc::new(release));
        }
        running.rules.store(Arc::new(Rules::new(Releases::new(releases), names)));
        Ok(())
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

//! The case of a real event: the journal up to its decision, summed up, and the story that follows of it. Reads only, all
//! of the journal before the event: for people who look into one, not for every event.

use super::error::{FlowError, Result};
use super::host::{Host, Rules, Running};
use super::prefetch::{self, Known};
use super::views::CaseView;
use crate::store::Followed;
use guerdon_rules::book::Book;
use guerdon_rules::book::prepare::{Prepared, prepare_again};
use guerdon_rules::book::receipt::Receipt;
use guerdon_rules::book::rows::{EventRow, JournalKind, Outcome};
use guerdon_rules::cases::from_event::{Decided, Made, Past, make};
use guerdon_rules::event::{Key, key_of};
use std::sync::Arc;

/// Journal lines of one page.
const PAGE: i64 = 1000;

impl Host {
    /// See the module. Fails for an event that is not there, or that a case has no words for.
    pub async fn case_of_event(&self, campaign: &str, source: &str, id: &str) -> Result<CaseView> {
        let running = self.campaign(campaign)?;
        self.sync(&running).await?;
        let rules = running.rules.load_full();
        let row = self.store.event(running.row.campaign, &key_of(&[source, id])).await?;
        let row = row.ok_or_else(|| FlowError::NotFound(format!("there is no event {id} of {source}")))?;
        let last = self.decided(&running, &rules, &row).await?;
        let mut decided = vec![last.0];
        let mut from = (row.position, row.line);
        if row.outcome == Outcome::Duplicate
            && let Some(first) = last.1
        {
            decided.insert(0, self.decided(&running, &rules, &first).await?.0);
            from = (first.position, first.line);
        }
        let past = self.past(&running, &rules, from).await?;
        let number = row.release;
        let release = rules.releases.numbered(number).ok_or_else(|| FlowError::Internal(format!("there is no release {number}")))?.clone();
        let files = self.release_files(&running, number).await?;
        let seed = self.store.head(running.row.campaign).await?.seed;
        let hash = release.hash.clone();
        let made = tokio::task::spawn_blocking(move || make(&past, &decided, &release, &files, seed)).await;
        let Made { text, differs } = made.map_err(|e| FlowError::Internal(e.to_string()))?.map_err(FlowError::Invalid)?;
        Ok(CaseView { outcome: row.outcome.name().into(), release: number, hash, passes: differs.is_empty(), differs, case: text })
    }

    /// An event with its receipt; and the event that has its business key.
    async fn decided(&self, running: &Running, rules: &Rules, row: &EventRow) -> Result<(Decided, Option<EventRow>)> {
        let journal = self.store.journal(running.row.campaign, (row.position, row.line - 1), 1).await?;
        let line = journal.first().ok_or_else(|| FlowError::Internal("an event without a journal line".into()))?;
        let receipt: Receipt = serde_json::from_str(&line.body).map_err(|e| FlowError::Internal(format!("a receipt that is none: {e}")))?;
        let prepared = prepare_again(row, &rules.releases, row.received_ms).ok_or_else(|| FlowError::Internal("no release".into()))?;
        let (cause, first) = self.cause(running, rules, &prepared).await?;
        Ok((Decided { event: prepared.event, receipt, cause }, first))
    }

    /// What an event's draws depend on, and who claims its business key.
    async fn cause(&self, running: &Running, rules: &Rules, prepared: &Prepared) -> Result<(Key, Option<EventRow>)> {
        let mut peek = self.store.peek(running.row.campaign).await?;
        let mut book = Book::new(peek.head().clone(), Vec::new());
        let batch = std::slice::from_ref(prepared);
        prefetch::load(&mut *peek, &mut book, batch, &rules.releases, self.now_ms(), Known::Read).await?;
        let Some(key) = book.business_key(prepared) else { return Ok((prepared.identity, None)) };
        Ok((key, peek.claims(&[key]).await?.pop()))
    }

    /// What was decided before this line of the journal.
    async fn past(&self, running: &Running, rules: &Arc<Rules>, until: (i64, i32)) -> Result<Past> {
        let (mut past, mut after) = (Past::default(), (0, 0));
        loop {
            let mut page = self.store.follow(running.row.campaign, after, PAGE).await?;
            page.retain(|followed| (followed.line.position, followed.line.line) < until);
            let Some(last) = page.last() else { return Ok(past) };
            after = (last.line.position, last.line.line);
            let rules = rules.clone();
            let summed = tokio::task::spawn_blocking(move || {
                page.iter().for_each(|followed| add(&mut past, followed, &rules));
                past
            });
            past = summed.await.map_err(|e| FlowError::Internal(e.to_string()))?;
        }
    }
}

fn add(past: &mut Past, followed: &Followed, rules: &Rules) {
    let Followed { line, event } = followed;
    let Ok(receipt) = serde_json::from_str::<Receipt>(&line.body) else { return };
    match event {
        Some(row) if line.kind == JournalKind::Event as i16 => {
            if let Some(prepared) = prepare_again(row, &rules.releases, row.received_ms) {
                past.event(&prepared, &receipt);
            }
        }
        _ if line.kind == JournalKind::Close as i16 => past.close(line.at_ms, &receipt),
        _ => {}
    }
}

//! Loads into a book what a batch may read: a fixed number of set-wise statements for each round, and as many rounds as
//! roles are chained (a referral of a member who is named in the data: two).

use super::error::Result;
use crate::store::Transaction;
use guerdon_rules::book::Book;
use guerdon_rules::book::gaps::MemberGaps;
use guerdon_rules::book::prepare::{Prepared, Releases};
use guerdon_rules::event::Key;

/// After this, every event of the batch can be decided, or asks for a group of its own.
pub(super) async fn load(
    transaction: &mut dyn Transaction,
    book: &mut Book,
    batch: &[Prepared],
    releases: &Releases,
    now_ms: i64,
) -> Result<()> {
    let mut identities: Vec<Key> = batch.iter().map(|p| p.identity).collect();
    identities.sort_unstable();
    identities.dedup();
    // What an earlier group of the same book brought is newer than what is stored.
    identities.retain(|identity| !book.knows_event(identity));
    book.load_events(&identities, transaction.events(&identities).await?);
    loop {
        let gaps = book.member_gaps(batch);
        if gaps.is_empty() {
            break;
        }
        load_members(transaction, book, &gaps, releases, now_ms).await?;
    }
    load_rows(transaction, book, batch).await
}

pub(super) async fn load_members(
    transaction: &mut dyn Transaction,
    book: &mut Book,
    gaps: &MemberGaps,
    releases: &Releases,
    now_ms: i64,
) -> Result<()> {
    if !gaps.ids.is_empty() {
        book.load_members(&gaps.ids, transaction.members(&gaps.ids).await?);
    }
    if !gaps.numbers.is_empty() {
        book.load_members(&[], transaction.members_by_number(&gaps.numbers).await?);
    }
    if !gaps.waits.is_empty() {
        let waits = transaction.waits(&gaps.waits).await?;
        let waiting: Vec<Key> = waits.iter().map(|w| w.identity).collect();
        book.load_waits(&gaps.waits, waits);
        if !waiting.is_empty() {
            let unknown: Vec<Key> = waiting.iter().copied().filter(|identity| !book.knows_event(identity)).collect();
            book.load_events(&unknown, transaction.events(&unknown).await?);
            book.load_waiting(&waiting, releases, now_ms);
        }
    }
    Ok(())
}

async fn load_rows(transaction: &mut dyn Transaction, book: &mut Book, batch: &[Prepared]) -> Result<()> {
    let gaps = book.row_gaps(batch);
    if !gaps.standings.is_empty() {
        book.load_standings(&gaps.standings, transaction.standings(&gaps.standings).await?);
    }
    if !gaps.cycles.is_empty() {
        book.load_cycles(&gaps.cycles, transaction.cycles(&gaps.cycles).await?);
    }
    if !gaps.claims.is_empty() {
        book.load_claims(&gaps.claims, transaction.claims(&gaps.claims).await?);
    }
    Ok(())
}

//! Loads into a book what a batch may read: a fixed number of set-wise statements for each round, and as many rounds as
//! roles are chained (a referral of a member who is named in the data: two).
//!
//! Whether an event or its business key is known already need not be read to decide: it can be [`Known::Assumed`] that
//! they are not, as the database refuses a second one.

use super::error::Result;
use crate::store::Transaction;
use guerdon_rules::book::Book;
use guerdon_rules::book::gaps::MemberGaps;
use guerdon_rules::book::prepare::{Prepared, Releases};
use guerdon_rules::event::Key;

/// How it is known which events, and which business keys, are new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// From the database.
    Read,
    /// All that the book has not seen are. Then every event that is not booked needs [`are_free`], and the unique keys
    /// refuse the commit when it was wrong.
    Assumed,
}

/// After this, every event of the batch can be decided, or asks for a group of its own. Whether nothing that was read is
/// known already.
pub(super) async fn load(
    transaction: &mut dyn Transaction,
    book: &mut Book,
    batch: &[Prepared],
    releases: &Releases,
    now_ms: i64,
    known: Known,
) -> Result<bool> {
    let mut identities: Vec<Key> = batch.iter().map(|p| p.identity).collect();
    identities.sort_unstable();
    identities.dedup();
    // What an earlier group of the same book brought is newer than what is stored.
    identities.retain(|identity| !book.knows_event(identity));
    let found = if known == Known::Read { transaction.events(&identities).await? } else { Vec::new() };
    let mut all_new = found.is_empty();
    book.load_events(&identities, found);
    loop {
        let gaps = book.member_gaps(batch);
        if gaps.is_empty() {
            break;
        }
        load_members(transaction, book, &gaps, releases, now_ms).await?;
    }
    all_new &= load_rows(transaction, book, batch, known).await?;
    Ok(all_new)
}

/// Whether business keys that were assumed to be free, and that nobody claimed by deciding, are free.
pub(super) async fn are_free(transaction: &mut dyn Transaction, once_keys: &[Key]) -> Result<bool> {
    Ok(once_keys.is_empty() || transaction.claims(once_keys).await?.is_empty())
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
    if !gaps.events.is_empty() {
        book.load_events(&gaps.events, transaction.events(&gaps.events).await?);
        book.load_waiting(&gaps.events, releases, now_ms);
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

async fn load_rows(transaction: &mut dyn Transaction, book: &mut Book, batch: &[Prepared], known: Known) -> Result<bool> {
    let gaps = book.row_gaps(batch);
    if !gaps.standings.is_empty() {
        book.load_standings(&gaps.standings, transaction.standings(&gaps.standings).await?);
    }
    if !gaps.cycles.is_empty() {
        book.load_cycles(&gaps.cycles, transaction.cycles(&gaps.cycles).await?);
    }
    let found = if known == Known::Read && !gaps.claims.is_empty() { transaction.claims(&gaps.claims).await? } else { Vec::new() };
    let all_new = found.is_empty();
    book.load_claims(&gaps.claims, found);
    Ok(all_new)
}

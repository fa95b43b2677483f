//! Issuing after the fact: owed grants get codes as stock arrives, oldest first; held ones when the switch opens or the
//! budget grows; and a code is shown to its owner, which is recorded first.

use super::error::{FlowError, Result};
use super::host::{Host, Running};
use super::views::RevealView;
use crate::store::{GrantWithCode, Transaction};
use guerdon_rules::book::Book;
use guerdon_rules::book::rows::{GrantRow, GrantState, Held, ISSUE, JournalKind};
use guerdon_rules::value::MemberId;

/// Grants of one commit.
const PAGE: i64 = 500;

impl Host {
    /// Gives every code that a pool has to the grants it owes, oldest first. How many got one.
    pub async fn fill_pool(&self, pool: &str) -> Result<u64> {
        let mut filled = 0;
        let mut closed = Vec::new();
        loop {
            let owed_by = self.store.campaigns_owed_by(pool).await?;
            let Some(campaign) = owed_by.into_iter().find(|c| !closed.contains(c)) else { return Ok(filled) };
            match self.fill_page(campaign, pool).await? {
                0 => closed.push(campaign),
                n => filled += n,
            }
        }
    }

    async fn fill_page(&self, campaign: i32, pool: &str) -> Result<u64> {
        let mut transaction = self.store.begin(campaign).await?;
        let pools = transaction.pools(&[pool]).await?;
        let mut book = Book::new(transaction.head().clone(), Vec::new());
        let Some(stock) = pools.first().filter(|p| p.available > 0 && !book.is_closed(ISSUE)) else { return Ok(0) };
        let grants = transaction.owed(stock.pool, stock.available.min(PAGE)).await?;
        if grants.is_empty() {
            return Ok(0);
        }
        self.fill_grants(&mut *transaction, &mut book, &grants, pool).await?;
        transaction.commit().await?;
        Ok(grants.len() as u64)
    }

    async fn fill_grants(&self, transaction: &mut dyn Transaction, book: &mut Book, grants: &[GrantRow], what: &str) -> Result<()> {
        let numbers: Vec<i64> = grants.iter().map(|g| g.number).collect();
        let body = serde_json::json!({ "filled": what, "grants": numbers });
        book.add_line(JournalKind::Fill, None, None, self.now_ms(), body.to_string());
        transaction.write(&book.take_delta()).await?;
        Ok(transaction.fill(&numbers).await?)
    }

    /// Pays what was held back by the switch or the budget, as far as both allow now. How many grants that were.
    pub async fn release_held(&self, running: &Running) -> Result<u64> {
        let mut released = 0;
        loop {
            let page = self.release_held_page(running).await?;
            if page == 0 {
                break;
            }
            released += page;
        }
        for pool in running.rules.load().pool_names() {
            self.fill_pool(pool).await?;
        }
        Ok(released)
    }

    async fn release_held_page(&self, running: &Running) -> Result<u64> {
        let rules = running.rules.load_full();
        let Some(release) = rules.releases.at(self.now_ms()) else { return Ok(0) };
        let mut transaction = self.store.begin(running.row.campaign).await?;
        let mut book = Book::new(transaction.head().clone(), Vec::new());
        if book.is_closed(ISSUE) {
            return Ok(0);
        }
        let spent = release.codes.spent;
        let budget = release.campaign.limits.budget.map_or(i64::MAX, |m| m.minor);
        let mut freed = Vec::new();
        // What is too dear for what is left must not stand before what is not.
        let affordable = budget.saturating_sub(book.head().totals.get(spent));
        for grant in transaction.held(affordable, PAGE).await? {
            if grant.held == Held::Budget {
                let after = book.head().totals.get(spent).saturating_add(grant.face_value);
                if after > budget || book.add_total(spent, grant.face_value).is_err() {
                    continue;
                }
            }
            freed.push(grant);
        }
        if freed.is_empty() {
            return Ok(0);
        }
        let names = rules.pool_names();
        if !names.is_empty() {
            transaction.pools(&names).await?;
        }
        let numbers: Vec<i64> = freed.iter().map(|g| g.number).collect();
        transaction.unhold(&numbers).await?;
        let without_stock: Vec<GrantRow> = freed.iter().filter(|g| g.pool.is_none()).cloned().collect();
        self.fill_grants(&mut *transaction, &mut book, &without_stock, "held").await?;
        transaction.commit().await?;
        Ok(freed.len() as u64)
    }

    /// Shows a grant's code to its owner. To anybody else the grant is not there.
    pub async fn reveal(&self, campaign: &str, number: i64, member: &str) -> Result<RevealView> {
        let running = self.campaign(campaign)?;
        let rules = running.rules.load_full();
        let not_there = || FlowError::NotFound(format!("{member} has no grant {number}"));
        let id = MemberId::parse(member, &rules.newest()?.campaign.kinds());
        let mut transaction = self.store.begin(running.row.campaign).await?;
        let owner = transaction.members(std::slice::from_ref(&id)).await?.rows.pop().ok_or_else(not_there)?;
        let found = transaction.grant_with_code(number).await?.filter(|g| g.grant.member == owner.number).ok_or_else(not_there)?;
        let mut grant = found.grant.clone();
        match grant.state {
            GrantState::Issued => {
                let mut book = Book::new(transaction.head().clone(), Vec::new());
                if book.is_closed(ISSUE) {
                    return Err(FlowError::Conflict("cards are not given out at the moment: the switch `issue` is closed".into()));
                }
                // Opened before it is recorded: a code that cannot be opened is not called revealed.
                let code = self.open_code(&found)?;
                let body = serde_json::json!({ "revealed": number, "member": member });
                book.add_line(JournalKind::Reveal, None, Some(owner.number), self.now_ms(), body.to_string());
                transaction.write(&book.take_delta()).await?;
                transaction.set_grant_state(number, GrantState::Revealed).await?;
                transaction.commit().await?;
                grant.state = GrantState::Revealed;
                Ok(RevealView { grant: self.grant_view(&rules, &grant, &owner.id.to_string()), code })
            }
            GrantState::Revealed => {
                Ok(RevealView { grant: self.grant_view(&rules, &grant, &owner.id.to_string()), code: self.open_code(&found)? })
            }
            GrantState::Owed => Err(FlowError::Conflict("the card is owed: it will be here as soon as there is one".into())),
            other => Err(FlowError::Conflict(format!("the card is {}", other.name()))),
        }
    }

    /// In clear; none for a plain entitlement.
    fn open_code(&self, found: &GrantWithCode) -> Result<Option<String>> {
        match (&found.code, &found.pool_name) {
            (Some(sealed), Some(pool)) => Ok(Some(self.sealer.open(pool, sealed)?.to_string())),
            _ => Ok(None),
        }
    }
}

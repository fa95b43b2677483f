//! The narrow seam between flows and databases: prefetch what a batch may read, write a delta in one transaction,
//! and a few reads. SQLite and PostgreSQL implement it alike; one set of stories runs on both.
//!
//! Locks, in this order everywhere: the campaign's head, then pools by name. The head serialises everything that
//! writes to a campaign, so that whatever is read after it is what is true at the commit; campaigns are independent.
//! Knows rows, not what they mean. Must not know: rules, HTTP.

pub mod encode;
pub mod postgres;
mod releases;
mod rows;
pub mod schema;
mod shadows;
pub mod sqlite;

pub use releases::{ApprovalRow, ProposalEnd, ProposalRow, ProposalState, ReleaseRow};
pub use shadows::{Followed, ShadowDecision, ShadowRow};

use async_trait::async_trait;
use guerdon_rules::book::rows::{CycleRow, Delta, EventRow, GrantRow, GrantState, Head, MemberRow, Members, PoolRow, StandingRow, WaitRow};
use guerdon_rules::event::Key;
use guerdon_rules::names::Code;
use guerdon_rules::value::MemberId;
use std::sync::Arc;
use std::time::Duration;

pub type Result<T> = std::result::Result<T, StoreError>;

/// What can go wrong with a database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused a write because it would break a promise (a constraint or a trigger). A retry will not help.
    #[error("the database refused the write: {0}")]
    Refused(String),
    /// Somebody else got there first (serialization failure, deadlock, busy). Retrying the whole transaction helps.
    #[error("the database was busy: {0}")]
    Busy(String),
    /// The database cannot be reached, or a COMMIT's answer was lost: a retry finds its own result by key.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Rows that this program did not write, or cannot have written.
    #[error("the database holds what it should not: {0}")]
    Corrupt(String),
    /// The database was written by a newer host.
    #[error("the database is at schema {database}, this host knows {host}: install the newer host")]
    Newer { database: i64, host: i64 },
    #[error("{0}")]
    Other(String),
}

/// How a store is opened. The defaults suit one host with a few campaigns.
#[derive(Clone, Debug)]
pub struct Options {
    /// Most connections that write (PostgreSQL), one for each campaign that commits at the same time.
    pub write_connections: u32,
    /// Most connections that only read.
    pub read_connections: u32,
    /// Longest that one statement of a lane may take.
    pub statement_timeout: Duration,
    /// Longest wait for a lock, or for a free connection.
    pub lock_timeout: Duration,
    /// Longest that a transaction may stand open between statements: a stopped host must not hold a campaign.
    pub idle_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            write_connections: 8,
            read_connections: 8,
            statement_timeout: Duration::from_secs(30),
            lock_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(20),
        }
    }
}

/// Opens the database of this address, making or migrating its tables: `postgres://…`, `sqlite:PATH`, or the path of a
/// SQLite file.
pub async fn open(url: &str, options: &Options) -> Result<Arc<dyn Store>> {
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return postgres::open(url, options).await;
    }
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).unwrap_or(url);
    sqlite::open(path, options).await
}

/// A campaign as the store lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignRow {
    pub campaign: i32,
    pub id: String,
    pub releases: i32,
}

/// A code as it is stored: never in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedCode {
    /// Keyed hash of the code; unique over all pools.
    pub hash: [u8; 32],
    /// Nonce and ciphertext.
    pub sealed: Vec<u8>,
    /// Which key sealed it.
    pub key: i32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolStatus {
    pub name: String,
    pub imported: i64,
    pub available: i64,
    pub issued: i64,
    pub owed: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettlementState {
    Planned = 1,
    Running = 2,
    Done = 3,
}

impl SettlementState {
    pub fn from_number(number: i16) -> Option<SettlementState> {
        [SettlementState::Planned, SettlementState::Running, SettlementState::Done].into_iter().find(|s| *s as i16 == number)
    }
    pub fn name(self) -> &'static str {
        ["planned", "running", "done"][self as usize - 1]
    }
}

/// One revision of the settlement of one cycle. Revision 1 is the close; later ones are corrections.
#[derive(Clone, Debug, PartialEq)]
pub struct SettlementRow {
    pub cycle: i32,
    pub revision: i32,
    pub state: SettlementState,
    /// The release that decides it, fixed when it begins; 0 before.
    pub release: i32,
    /// Every member up to this number is settled.
    pub cursor: i64,
    /// Raised by whoever takes the lease; a commit under an older one is refused.
    pub fence: i64,
    /// SHA-256 over sorted entitlements in hex, once done.
    pub digest: Option<String>,
    /// Members whose close failed, with the reason, as JSON `[[member, "reason"], …]`.
    pub failed: String,
    /// What an earlier revision gave too much, as JSON `[[member, "what", count], …]`.
    pub excess: String,
    /// Why there is this revision, for people: `cycle ended`, `late events`.
    pub why: String,
}

impl SettlementRow {
    pub fn planned(cycle: i32, revision: i32, why: &str) -> SettlementRow {
        let list = "[]".to_string();
        SettlementRow {
            cycle,
            revision,
            state: SettlementState::Planned,
            release: 0,
            cursor: 0,
            fence: 0,
            digest: None,
            failed: list.clone(),
            excess: list,
            why: why.to_string(),
        }
    }
}

/// A journal line as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredJournal {
    pub position: i64,
    pub line: i32,
    pub kind: i16,
    pub identity: Option<Key>,
    pub member: Option<i64>,
    pub at_ms: i64,
    pub body: String,
}

impl StoredJournal {
    /// When the event of this line had come in, as far as it is still known: the row says it of its latest decision only,
    /// which may have been much later. Never after that.
    pub fn received_ms(&self, event: &EventRow) -> i64 {
        match (self.position, self.line) == (event.position, event.line) {
            true => event.received_ms,
            false => self.at_ms.min(event.received_ms),
        }
    }
}

/// What a ledger line moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerLine {
    pub position: i64,
    pub ordinal: i32,
    pub member: i64,
    pub debit: Code,
    pub credit: Code,
    pub amount: i64,
    pub cycle: i32,
}

/// A grant with its code as sealed, for its owner.
#[derive(Clone, Debug, PartialEq)]
pub struct GrantWithCode {
    pub grant: GrantRow,
    pub code: Option<SealedCode>,
    /// Of the code, within its pool.
    pub code_number: Option<i64>,
    pub pool_name: Option<String>,
}

/// What a fill did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    pub accepted: u64,
    pub duplicate: u64,
}

/// What a decision was made from, apart from the rows of its members; it must be found unchanged under the lock.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    pub head: Head,
    /// All the pools of the campaign's releases.
    pub pools: Vec<PoolRow>,
}

/// What a settlement keeps with the commit of a page, as long as its fence is not stale.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub row: SettlementRow,
    pub fence: i64,
    /// For how long the lease goes on.
    pub lease_seconds: i64,
}

/// A database. Cheap to share.
#[async_trait]
pub trait Store: Send + Sync {
    /// `sqlite` or `postgres`.
    fn backend(&self) -> &'static str;

    /// Whether each statement is a round trip, so that what a lane has in memory saves more than its time to read.
    fn is_remote(&self) -> bool;

    /// Begins a transaction and locks the campaign's head. Fails with `Other` for a campaign that is not there.
    async fn begin(&self, campaign: i32) -> Result<Box<dyn Transaction>>;

    /// As `begin`, but without waiting for the lock where that could be a wait in a ring: None when somebody has it.
    async fn begin_at_once(&self, campaign: i32) -> Result<Option<Box<dyn Transaction>>>;

    /// As `begin`, but with no lock and only to read: what it says may be changed by the time that it is said. Whoever
    /// decides with it must find the head unchanged under the lock.
    async fn peek(&self, campaign: i32) -> Result<Box<dyn Transaction>>;

    /// As `peek`, from a head that is known: nothing is asked before the first row.
    async fn peek_from(&self, head: Head) -> Result<Box<dyn Transaction>>;

    /// Writes and commits a delta in one round trip. False, and nothing is written, when somebody else wrote since what it
    /// was decided from was `seen`, or has the lock. None: this database, or this delta, needs a transaction for it.
    async fn write_at_once(&self, seen: &Seen, delta: &Delta) -> Result<Option<bool>>;

    /// Whether `write_early` can write this delta: not where one transaction writes at a time, nor when it needs more
    /// statements.
    fn writes_early(&self, delta: &Delta) -> bool;

    /// Writes the rows of a delta that are only new before the lock is taken, while an earlier commit of the campaign still
    /// runs. Their unique keys are then locked before the head: whoever holds the head and writes one of them waits for
    /// this.
    async fn write_early(&self, delta: &Delta) -> Result<Box<dyn Early>>;

    /// Waits for this host's turn to write to a campaign, and whether somebody else had it. None: this database lets one
    /// transaction write at a time.
    async fn take_turn(&self, campaign: i32) -> Result<Option<(Box<dyn Turn>, bool)>>;

    /// The campaign of this id, made with an empty head and this seed if it is not there.
    async fn ensure_campaign(&self, id: &str, seed: i64) -> Result<CampaignRow>;
    async fn campaigns(&self) -> Result<Vec<CampaignRow>>;
    /// In order of their numbers, the first is 1.
    async fn names(&self, campaign: i32) -> Result<Vec<String>>;
    /// Those with a number greater than `after`, in order.
    async fn releases(&self, campaign: i32, after: i32) -> Result<Vec<ReleaseRow>>;
    async fn proposals(&self, campaign: i32) -> Result<Vec<ProposalRow>>;
    /// Its files, as `encode::files` packs them.
    async fn proposal_files(&self, campaign: i32, number: i32) -> Result<Option<Vec<u8>>>;
    async fn approvals(&self, campaign: i32) -> Result<Vec<ApprovalRow>>;
    /// Journal lines after (position, line), in order, a page; with the events that they are about.
    async fn follow(&self, campaign: i32, after: (i64, i32), limit: i64) -> Result<Vec<Followed>>;

    async fn shadows(&self, campaign: i32) -> Result<Vec<ShadowRow>>;
    /// Takes or keeps the lease of a shadow for `seconds` by the database's clock; false while another owner has it.
    async fn take_shadow(&self, campaign: i32, shadow: i32, owner: &str, seconds: i64) -> Result<bool>;
    /// Keeps what a shadow decided, and moves its cursor from where it was; false, and nothing is kept, when it was not
    /// there. Takes no lock of the book.
    async fn keep_shadow_decisions(
        &self,
        campaign: i32,
        shadow: i32,
        from: (i64, i32),
        to: (i64, i32),
        decisions: &[ShadowDecision],
    ) -> Result<bool>;
    /// What a shadow would have done otherwise, after (position, line), in order, a page.
    async fn shadow_differences(&self, campaign: i32, shadow: i32, after: (i64, i32), limit: i64) -> Result<Vec<ShadowDecision>>;
    /// (decisions, differences)
    async fn shadow_counts(&self, campaign: i32, shadow: i32) -> Result<(i64, i64)>;

    /// Imports codes into a pool (made if it is not there), skipping every hash that any pool already has.
    /// One transaction, under the pool's lock. At most 10,000 at a time.
    async fn import_codes(&self, pool: &str, codes: &[SealedCode], at_ms: i64) -> Result<Imported>;
    async fn pool_status(&self) -> Result<Vec<PoolStatus>>;
    /// Campaigns with grants owed by this pool for want of stock.
    async fn campaigns_owed_by(&self, pool: &str) -> Result<Vec<i32>>;

    // Reads, outside any transaction. Each is one consistent statement.
    async fn head(&self, campaign: i32) -> Result<Head>;
    async fn member(&self, campaign: i32, id: &MemberId) -> Result<Option<MemberRow>>;
    async fn members_by_number(&self, campaign: i32, numbers: &[i64]) -> Result<Vec<MemberRow>>;
    /// Every revision of a member's standings, by cycle and revision.
    async fn standings_of(&self, campaign: i32, member: i64) -> Result<Vec<StandingRow>>;
    /// A page of a cycle's standings in member order, the latest revision of each not above `revision`, and whose they are.
    async fn standings_in(
        &self,
        campaign: i32,
        cycle: i32,
        revision: i32,
        after_member: i64,
        limit: i64,
    ) -> Result<Vec<(MemberRow, StandingRow)>>;
    /// The latest revision of each (cycle, member).
    async fn standings(&self, campaign: i32, of: &[(i32, i64)]) -> Result<Vec<StandingRow>>;
    /// Members whose postings came after a journal position, each (cycle, member) once.
    async fn moved_since(&self, campaign: i32, position: i64) -> Result<Vec<(i32, i64)>>;
    async fn event(&self, campaign: i32, identity: &Key) -> Result<Option<EventRow>>;
    async fn grants_of(&self, campaign: i32, member: i64) -> Result<Vec<GrantRow>>;
    async fn grant(&self, campaign: i32, number: i64) -> Result<Option<GrantRow>>;
    /// Lines after (position, line), in order.
    async fn journal(&self, campaign: i32, after: (i64, i32), limit: i64) -> Result<Vec<StoredJournal>>;
    async fn settlements(&self, campaign: i32) -> Result<Vec<SettlementRow>>;
    /// Counts by outcome.
    async fn event_counts(&self, campaign: i32) -> Result<Vec<(i16, i64)>>;
    /// Grants by reward, cycle and state.
    async fn grant_counts(&self, campaign: i32) -> Result<Vec<(Code, i32, GrantState, i64)>>;
    /// Grants of any campaign that should have a code and have none, and codes whose owner cannot have them, each named
    /// for people; the first 10,000. A code that was moved from one grant to another by hand shows as the first.
    async fn code_mismatches(&self) -> Result<Vec<String>>;
    /// Ledger lines after (position, ordinal), in order.
    async fn ledger(&self, campaign: i32, after: (i64, i32), limit: i64) -> Result<Vec<LedgerLine>>;
    /// Whether this is the proof of the code key of this number; the first one that is told is kept.
    async fn code_key_proof(&self, key: i32, proof: &[u8; 32]) -> Result<bool>;
    /// Answers when the database does.
    async fn ping(&self) -> Result<()>;
}

/// A lock that only those know who ask for it. Dropped, it is given back, as it is when the host is gone.
#[async_trait]
pub trait Turn: Send + Sync {
    async fn end(self: Box<Self>);
}

/// New rows that are written and not committed yet. Dropped, they are rolled back.
#[async_trait]
pub trait Early: Send {
    /// Writes what is left of the same delta, and commits. False, and all of it is rolled back, when somebody else wrote
    /// since what it was decided from was `seen`, or has the lock: it does not wait for it, because whoever has it may
    /// wait for these rows. The same when a settlement that is `kept` with it has lost its lease.
    async fn finish(self: Box<Self>, seen: &Seen, delta: &Delta, kept: Option<&Kept>) -> Result<bool>;
}

/// One transaction that holds the campaign's head. Dropped without `commit`, it is rolled back.
#[async_trait]
pub trait Transaction: Send {
    /// The head as it was when the lock was taken.
    fn head(&self) -> &Head;

    /// Whether everything is as it was seen; locks the pools.
    async fn is_as(&mut self, seen: &Seen) -> Result<bool> {
        let names: Vec<&str> = seen.pools.iter().map(|pool| pool.name.as_str()).collect();
        Ok(*self.head() == seen.head && (names.is_empty() || self.pools(&names).await? == seen.pools))
    }

    // Prefetch: set-wise, one statement each, whatever the number of keys. What is not there is left out.
    /// Locks pools by name, in name order; makes the rows that are missing.
    async fn pools(&mut self, names: &[&str]) -> Result<Vec<PoolRow>>;
    async fn events(&mut self, identities: &[Key]) -> Result<Vec<EventRow>>;
    /// With their latest standings.
    async fn members(&mut self, ids: &[MemberId]) -> Result<Members>;
    async fn members_by_number(&mut self, numbers: &[i64]) -> Result<Members>;
    /// The latest revision of each (cycle, member).
    async fn standings(&mut self, of: &[(i32, i64)]) -> Result<Vec<StandingRow>>;
    async fn cycles(&mut self, numbers: &[i32]) -> Result<Vec<CycleRow>>;
    /// Events that claim these business keys.
    async fn claims(&mut self, once_keys: &[Key]) -> Result<Vec<EventRow>>;
    /// What waits for these members.
    async fn waits(&mut self, members: &[i64]) -> Result<Vec<WaitRow>>;
    /// What waited until an instant before `now_ms`.
    async fn expired_waits(&mut self, now_ms: i64, limit: i64) -> Result<Vec<WaitRow>>;

    /// Writes a delta with a fixed number of set-wise statements (an empty list needs none), allocates codes for its
    /// issued grants and keeps the pools' counts. `Busy` when a pool has fewer codes than its row said (mended by then).
    async fn write(&mut self, delta: &Delta) -> Result<()>;

    // Releases.
    async fn add_release(&mut self, release: &ReleaseRow) -> Result<()>;
    /// Appends to the dictionary: `first` is the number of the first of them.
    async fn add_names(&mut self, first: Code, names: &[String]) -> Result<()>;
    async fn proposals(&mut self) -> Result<Vec<ProposalRow>>;
    async fn add_proposal(&mut self, proposal: &ProposalRow, files: &[u8]) -> Result<()>;
    async fn end_proposal(&mut self, number: i32, state: ProposalState, end: &ProposalEnd) -> Result<()>;
    async fn approvals(&mut self) -> Result<Vec<ApprovalRow>>;
    async fn add_approval(&mut self, approval: &ApprovalRow) -> Result<()>;
    async fn shadows(&mut self) -> Result<Vec<ShadowRow>>;
    async fn add_shadow(&mut self, shadow: &ShadowRow) -> Result<()>;
    /// False when it has ended already.
    async fn end_shadow(&mut self, number: i32, by: &str, at_ms: i64) -> Result<bool>;

    // Settlement.
    async fn settlements(&mut self, cycle: i32) -> Result<Vec<SettlementRow>>;
    /// Inserts, or replaces all but fence and lease of what is there.
    async fn put_settlement(&mut self, row: &SettlementRow) -> Result<()>;
    /// Takes the lease for `seconds` by the database's clock, if nobody else holds it; the new fence.
    async fn take_lease(&mut self, cycle: i32, revision: i32, owner: &str, seconds: i64) -> Result<Option<i64>>;
    /// Extends the lease; false when the fence is stale, and then nothing may be committed.
    async fn hold_lease(&mut self, cycle: i32, revision: i32, fence: i64, seconds: i64) -> Result<bool>;
    async fn release_lease(&mut self, cycle: i32, revision: i32, fence: i64) -> Result<()>;
    /// A page of standings as `Store::standings_in`; `only_revision` leaves out members whose latest is older.
    async fn settlement_page(
        &mut self,
        cycle: i32,
        revision: i32,
        only_revision: bool,
        after_member: i64,
        limit: i64,
    ) -> Result<Vec<(MemberRow, StandingRow)>>;
    /// For each member, every standing of cycles up to `cycle` (the latest revision not above `revision` for that
    /// cycle, the latest at all for earlier ones), for facts over all time as of that cycle's end.
    async fn standings_until(&mut self, cycle: i32, revision: i32, members: &[i64]) -> Result<Vec<StandingRow>>;

    // Cards.
    /// Grants owed by a pool and not held for another reason, oldest first.
    async fn owed(&mut self, pool: i32, limit: i64) -> Result<Vec<GrantRow>>;
    /// Grants owed for the switch, and those for the budget of at most this face value; oldest first.
    async fn held(&mut self, affordable: i64, limit: i64) -> Result<Vec<GrantRow>>;
    /// Owed grants become owed for want of stock only (`held` = Stock), the pools' owed counts follow.
    async fn unhold(&mut self, grants: &[i64]) -> Result<()>;
    /// Owed grants become issued, each with the lowest available code of its pool; the pool's counts follow.
    async fn fill(&mut self, grants: &[i64]) -> Result<()>;
    async fn grant_with_code(&mut self, number: i64) -> Result<Option<GrantWithCode>>;
    /// Changes a grant's state; the triggers refuse what is not allowed.
    async fn set_grant_state(&mut self, number: i64, state: GrantState) -> Result<()>;

    async fn commit(self: Box<Self>) -> Result<()>;
}

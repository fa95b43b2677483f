//! How rows are read: one list of columns and one reader for each table, used by both stores.
//!
//! Promises: a value of the wrong type, or a state that no host writes, is `Corrupt`, never a panic.
//! Must not know: queries.

/// A grant that is issued, revealed or used has a code of its pool. Expired and revealed ones keep theirs; what is owed,
/// void, or recalled before it was revealed has none.
pub const CODE_MISMATCHES: &str = "
    select 'grant ' || g.number || ' of campaign ' || c.id || ' should have a code, and has none'
    from grants g join campaigns c on c.campaign = g.campaign
    where g.pool is not null and g.state in (2, 3, 4)
      and not exists (select 1 from codes k where k.campaign = g.campaign and k.grant_number = g.number)
    union all
    select 'code ' || k.number || ' of pool ' || p.name || ' is with grant ' || k.grant_number || ' of campaign '
      || coalesce(c.id, '(none)') || ', which ' || case
        when g.number is null then 'is not there' when g.pool is null or g.pool <> k.pool then 'is of another pool'
        else 'cannot have one in its state' end
    from codes k join pools p on p.pool = k.pool
      left join campaigns c on c.campaign = k.campaign
      left join grants g on g.campaign = k.campaign and g.number = k.grant_number
    where k.state = 2
      and (g.number is null or g.pool is null or g.pool <> k.pool
        or not (g.state in (2, 3, 4, 5) or (g.state = 6 and g.revealed = 1)))
    order by 1 limit 10000";

/// The columns of a table in the order in which its reader takes them.
macro_rules! columns {
    (head) => {
        "campaign, position, last_member, last_grant, closed_through, releases, totals, switches, seed"
    };
    (member) => {
        "member, kind, id, inviter, tally, attributes, cycle, revision"
    };
    // The latest of a member stands beside the member's row. To be selected from `standings s`.
    (standing) => {
        "s.cycle, s.member, s.revision,
         coalesce(s.state, (select m.state from members m where m.campaign = s.campaign and m.member = s.member)) as state"
    };
    (cycle) => {
        "cycle, revision, state"
    };
    (event) => {
        "identity, source, id, type, subject, member, at_ms, received_ms, data, body_hash, outcome, reason, once_key, release, position, line"
    };
    (wait) => {
        "member, what, identity, until_ms"
    };
    (pool) => {
        "pool, name, available, owed"
    };
    (grant) => {
        "number, member, reward, function, cause, ordinal, state, held, pool, position, line, rule_line, release, cycle, at_ms, face_value"
    };
    (settlement) => {
        "cycle, revision, state, release, cursor, fence, digest, failed, excess, why"
    };
    (ledger) => {
        "position, ordinal, member, debit, credit, amount, cycle"
    };
    (journal) => {
        "position, line, kind, identity, member, at_ms, body"
    };
    (release) => {
        "number, hash, effective_from_ms, files, author, note, at_ms, copy_of"
    };
    (proposal) => {
        "number, base, hash, effective, needs, plan, author, note, at_ms, state, release, ended_ms, ended_by, ended_why"
    };
    (approval) => {
        "proposal, approver, hash, note, at_ms"
    };
    (shadow) => {
        "number, hash, files, author, note, at_ms, from_position, cursor_position, cursor_line, ended_by, ended_ms"
    };
    (shadow_decision) => {
        "position, line, subject, identity, differs, was, would"
    };
}
pub(crate) use columns;

/// The columns of a member `m` with a standing `s`.
macro_rules! page_columns {
    () => {
        "m.member, m.kind, m.id, m.inviter, m.tally, m.attributes, m.cycle, m.revision, s.cycle, s.revision, coalesce(s.state, m.state)"
    };
}
pub(crate) use page_columns;

/// Defines the readers for one database's rows.
macro_rules! readers {
    ($database:ty, $row:ty) => {
        use crate::store::encode;
        use crate::store::rows::{key, state};
        use crate::store::{
            CampaignRow, GrantWithCode, LedgerLine, PoolStatus, ReleaseRow, Result, SealedCode, SettlementRow, StoreError, StoredJournal,
        };
        use guerdon_rules::book::rows::{
            CycleRow, EventRow, GrantRow, GrantState, Head, Held, MemberRow, Members, Outcome, PoolRow, StandingRow, WaitRow,
        };
        use guerdon_rules::value::MemberId;
        use sqlx::Row;

        /// One column, by its place.
        pub fn get<'r, T: sqlx::Decode<'r, $database> + sqlx::Type<$database>>(row: &'r $row, place: usize) -> Result<T> {
            row.try_get(place).map_err(|e| StoreError::Corrupt(format!("a column cannot be read: {e}")))
        }

        /// Every row through one reader.
        pub fn all<T>(rows: &[$row], read: impl Fn(&$row) -> Result<T>) -> Result<Vec<T>> {
            rows.iter().map(read).collect()
        }

        pub fn head(row: &$row) -> Result<Head> {
            Ok(Head {
                campaign: get(row, 0)?,
                position: get(row, 1)?,
                last_member: get(row, 2)?,
                last_grant: get(row, 3)?,
                closed_through: get(row, 4)?,
                releases: get(row, 5)?,
                totals: encode::read_tally(get(row, 6)?)?,
                switches: encode::read_switches(get(row, 7)?)?,
                seed: get(row, 8)?,
            })
        }

        pub fn campaign(row: &$row) -> Result<CampaignRow> {
            Ok(CampaignRow { campaign: get(row, 0)?, id: get(row, 1)?, releases: get(row, 2)? })
        }

        pub fn release(row: &$row) -> Result<ReleaseRow> {
            Ok(ReleaseRow {
                number: get(row, 0)?,
                hash: get(row, 1)?,
                effective_from_ms: get(row, 2)?,
                files: get(row, 3)?,
                author: get(row, 4)?,
                note: get(row, 5)?,
                at_ms: get(row, 6)?,
                copy_of: get(row, 7)?,
            })
        }

        pub fn member(row: &$row) -> Result<MemberRow> {
            let (cycle, revision): (Option<i32>, Option<i32>) = (get(row, 6)?, get(row, 7)?);
            Ok(MemberRow {
                latest: cycle.zip(revision),
                number: get(row, 0)?,
                id: MemberId::of_kind(get(row, 1)?, get(row, 2)?),
                inviter: get(row, 3)?,
                tally: encode::read_tally(get(row, 4)?)?,
                attributes: encode::read_attributes(get(row, 5)?)?,
            })
        }

        /// A member's columns, then the state of their latest standing.
        pub fn members(rows: &[$row]) -> Result<Members> {
            let mut members = Members::default();
            for row in rows {
                let member = member(row)?;
                let state: Option<&str> = get(row, 8)?;
                if let (Some((cycle, revision)), Some(state)) = (member.latest, state) {
                    members.latest.push(encode::read_standing(cycle, revision, member.number, state)?);
                }
                members.rows.push(member);
            }
            Ok(members)
        }

        pub fn standing(row: &$row) -> Result<StandingRow> {
            encode::read_standing(get(row, 0)?, get(row, 2)?, get(row, 1)?, get(row, 3)?)
        }

        /// A member's columns, then the cycle, the revision and the state of a standing of theirs.
        pub fn standing_of(row: &$row) -> Result<(MemberRow, StandingRow)> {
            let member = member(row)?;
            let standing = encode::read_standing(get(row, 8)?, get(row, 9)?, member.number, get(row, 10)?)?;
            Ok((member, standing))
        }

        pub fn cycle(row: &$row) -> Result<CycleRow> {
            encode::read_cycle(get(row, 0)?, get(row, 1)?, get(row, 2)?)
        }

        pub fn event(row: &$row) -> Result<EventRow> {
            let once_key: Option<&[u8]> = get(row, 12)?;
            Ok(EventRow {
                identity: key(get(row, 0)?)?,
                source: get(row, 1)?,
                id: get(row, 2)?,
                kind: get(row, 3)?,
                subject: get(row, 4)?,
                member: get(row, 5)?,
                at_ms: get(row, 6)?,
                received_ms: get(row, 7)?,
                data: get(row, 8)?,
                body_hash: key(get(row, 9)?)?,
                outcome: state("outcome", get(row, 10)?, Outcome::from_number)?,
                reason: get(row, 11)?,
                once_key: once_key.map(key).transpose()?,
                release: get(row, 13)?,
                position: get(row, 14)?,
                line: get(row, 15)?,
            })
        }

        pub fn ledger(row: &$row) -> Result<LedgerLine> {
            Ok(LedgerLine {
                position: get(row, 0)?,
                ordinal: get(row, 1)?,
                member: get(row, 2)?,
                debit: get(row, 3)?,
                credit: get(row, 4)?,
                amount: get(row, 5)?,
                cycle: get(row, 6)?,
            })
        }

        pub fn wait(row: &$row) -> Result<WaitRow> {
            Ok(WaitRow { member: get(row, 0)?, what: get(row, 1)?, identity: key(get(row, 2)?)?, until_ms: get(row, 3)? })
        }

        pub fn pool(row: &$row) -> Result<PoolRow> {
            Ok(PoolRow { pool: get(row, 0)?, name: get(row, 1)?, available: get(row, 2)?, owed: get(row, 3)? })
        }

        pub fn pool_status(row: &$row) -> Result<PoolStatus> {
            Ok(PoolStatus { name: get(row, 0)?, imported: get(row, 1)?, available: get(row, 2)?, issued: get(row, 3)?, owed: get(row, 4)? })
        }

        pub fn grant(row: &$row) -> Result<GrantRow> {
            Ok(GrantRow {
                number: get(row, 0)?,
                member: get(row, 1)?,
                reward: get(row, 2)?,
                function: get(row, 3)?,
                cause: key(get(row, 4)?)?,
                ordinal: get(row, 5)?,
                state: state("grant state", get(row, 6)?, GrantState::from_number)?,
                held: state("reason of an owed grant", get(row, 7)?, |n| {
                    [Held::Stock, Held::Budget, Held::Switch].into_iter().find(|h| *h as i16 == n)
                })?,
                pool: get(row, 8)?,
                position: get(row, 9)?,
                line: get(row, 10)?,
                rule_line: get(row, 11)?,
                release: get(row, 12)?,
                cycle: get(row, 13)?,
                at_ms: get(row, 14)?,
                face_value: get(row, 15)?,
            })
        }

        /// A grant's columns, then the pool's name and the code's number, hash, ciphertext and key.
        pub fn grant_with_code(row: &$row) -> Result<GrantWithCode> {
            let code_number: Option<i64> = get(row, 17)?;
            let code = match code_number {
                None => None,
                Some(_) => {
                    let hash: &[u8] = get(row, 18)?;
                    let hash = hash.try_into().map_err(|_| StoreError::Corrupt(format!("a hash has {} bytes", hash.len())))?;
                    Some(SealedCode { hash, sealed: get(row, 19)?, key: get(row, 20)? })
                }
            };
            Ok(GrantWithCode { grant: grant(row)?, code, code_number, pool_name: get(row, 16)? })
        }

        pub fn settlement(row: &$row) -> Result<SettlementRow> {
            Ok(SettlementRow {
                cycle: get(row, 0)?,
                revision: get(row, 1)?,
                state: state("settlement state", get(row, 2)?, crate::store::SettlementState::from_number)?,
                release: get(row, 3)?,
                cursor: get(row, 4)?,
                fence: get(row, 5)?,
                digest: get(row, 6)?,
                failed: get(row, 7)?,
                excess: get(row, 8)?,
                why: get(row, 9)?,
            })
        }

        pub fn journal(row: &$row) -> Result<StoredJournal> {
            journal_at(row, 0)
        }

        /// Its columns begin at a place.
        pub fn journal_at(row: &$row, first: usize) -> Result<StoredJournal> {
            let identity: Option<&[u8]> = get(row, first + 3)?;
            Ok(StoredJournal {
                position: get(row, first)?,
                line: get(row, first + 1)?,
                kind: get(row, first + 2)?,
                identity: identity.map(key).transpose()?,
                member: get(row, first + 4)?,
                at_ms: get(row, first + 5)?,
                body: get(row, first + 6)?,
            })
        }
    };
}
pub(crate) use readers;

use super::{Result, StoreError};
use guerdon_rules::event::Key;

pub(crate) fn key(bytes: &[u8]) -> Result<Key> {
    bytes.try_into().map_err(|_| StoreError::Corrupt(format!("a key has {} bytes", bytes.len())))
}

pub(crate) fn state<T>(what: &str, number: i16, of: impl Fn(i16) -> Option<T>) -> Result<T> {
    of(number).ok_or_else(|| StoreError::Corrupt(format!("{number} is no {what}")))
}

/// Runs one step of a transaction. Until the step has succeeded, the transaction counts as broken: after a failed or
/// cancelled statement nothing may be committed, because what it would have written is missing.
macro_rules! step {
    ($self:ident, $connection:ident => $run:expr) => {{
        let broken = std::mem::replace(&mut $self.broken, true);
        let $connection = match &mut $self.open {
            Some(open) if !broken => &mut **open,
            _ => return Err(StoreError::Other("a statement of this transaction failed: it is rolled back".into())),
        };
        let done = $run?;
        $self.broken = false;
        Ok(done)
    }};
}
pub(crate) use step;

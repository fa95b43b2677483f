//! Leaderboards: one sorted index for each cycle and account, in memory, exact at the journal position it reports. It is
//! made at the first question. Then it takes over what this host commits, and follows the ledger where others wrote, so
//! that it says the same on every host.

use super::error::{FlowError, Result};
use super::host::{Host, Running};
use super::views::{LeaderboardView, RankView};
use guerdon_rules::book::ranking::points_and_reached;
use guerdon_rules::book::rows::{Delta, StandingRow};
use guerdon_rules::release::Release;
use guerdon_rules::value::DEFAULT_KIND;
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use tokio::sync::Mutex;

/// Most points first, ties by who got there first, then by who came first at all: `ranking::in_order` says the same.
type Place = (Reverse<i64>, i64, i64);

/// One account in one cycle.
#[derive(Default)]
struct Board {
    /// Set once, when the index is made: until then nobody but who makes it waits for it.
    made: AtomicBool,
    index: Mutex<Index>,
}

#[derive(Default)]
struct Index {
    position: i64,
    /// By kind.
    boards: FxHashMap<Arc<str>, indexset::BTreeSet<Place>>,
    /// By member number: kind and place.
    of: FxHashMap<i64, (Arc<str>, Place)>,
}

/// Which account, in which cycle.
type Which = (usize, i32);

/// The leaderboards of a campaign that were asked for.
#[derive(Default)]
pub struct Leaderboards {
    boards: Mutex<FxHashMap<Which, Arc<Board>>>,
    /// Positions that this host is about to commit, or has committed, and not taken over yet. Nobody was told of them.
    untold: std::sync::Mutex<BTreeSet<i64>>,
}

/// While it lives, a commit of this host is on its way to the leaderboards.
pub(super) struct Untold<'a> {
    leaderboards: &'a Leaderboards,
    position: i64,
}

impl Drop for Untold<'_> {
    fn drop(&mut self) {
        self.leaderboards.untold().remove(&self.position);
    }
}

impl Leaderboards {
    /// To be called before a commit that [`Leaderboards::take_over`] follows, and dropped after that.
    pub(super) fn expect(&self, position: i64) -> Untold<'_> {
        self.untold().insert(position);
        Untold { leaderboards: self, position }
    }

    fn untold(&self) -> std::sync::MutexGuard<'_, BTreeSet<i64>> {
        self.untold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an index of this position knows everything up to the other one that anybody was told of: what is missing is
    /// on its way. Whoever asks need not wait for it, nor read it from the database.
    fn is_current(&self, index: i64, position: i64) -> bool {
        let untold = self.untold();
        (index + 1..=position).all(|missing| untold.contains(&missing))
    }

    /// Takes over a commit of this host, so that nobody has to ask the database what moved.
    pub(super) async fn take_over(&self, running: &Running, delta: &Delta) {
        let made: Vec<(Which, Arc<Board>)> = self.boards.lock().await.iter().map(|(which, board)| (*which, board.clone())).collect();
        let rules = running.rules.load_full();
        let Ok(release) = rules.newest() else { return };
        for ((account, cycle), board) in made {
            // While an index is made, a commit's callers do not wait for it: whoever asks reads what it has missed.
            if !board.made.load(Ordering::Acquire) {
                continue;
            }
            let mut index = board.index.lock().await;
            if index.position + 1 == delta.head.position && index.move_all(release, account, cycle, delta).is_some() {
                index.position = delta.head.position;
            }
        }
    }
}

/// Standings of one page while an index is made.
const PAGE: i64 = 10_000;
/// How often an answer tries to be exact at the very last position while events flow.
const CATCH_UPS: usize = 3;
/// The most entries of one answer.
const MOST: usize = 1000;

impl Host {
    /// The top of a leaderboard, or the members around one. `account` must keep a leaderboard; `cycle` none: the one of
    /// now, or the last that began.
    pub async fn leaderboard(
        &self,
        campaign: &str,
        account: &str,
        cycle: Option<i32>,
        around: Option<&str>,
        limit: usize,
        kind: Option<&str>,
    ) -> Result<LeaderboardView> {
        let running = self.campaign(campaign)?;
        let known = running.rules.load_full();
        let member = async {
            match around {
                None => Ok::<_, FlowError>(None),
                Some(member) => Ok(Some((member, self.known_member(&running, &known, member).await?.number))),
            }
        };
        let head = async { Ok::<_, FlowError>(self.store.head(running.row.campaign).await?) };
        let (head, centre) = tokio::try_join!(head, member)?;
        if head.releases as usize > known.releases.len() {
            self.sync(&running).await?;
        }
        let rules = running.rules.load_full();
        let release = rules.newest()?.clone();
        let which = (board_account(&release, account)?, self.cycle_or_current(&release, cycle)?);
        let limit = limit.clamp(1, MOST);
        let (members, places, position) = {
            let board = self.board(&running, &release, which, head.position).await?;
            let index = board.index.lock().await;
            let (kind, first) = match centre {
                None => (kind.unwrap_or(DEFAULT_KIND).into(), 0),
                Some((member, number)) => {
                    let (kind, place) = index.place(number).ok_or_else(|| no_points(member, which.1))?;
                    (kind, place.saturating_sub(limit / 2))
                }
            };
            (index.size(&kind), index.slice(&kind, first, limit), index.position)
        };
        let numbers: Vec<i64> = places.iter().map(|(_, place)| place.2).collect();
        let rows = self.store.members_by_number(running.row.campaign, &numbers).await?;
        let ids: FxHashMap<i64, String> = rows.into_iter().map(|m| (m.number, m.id.to_string())).collect();
        let entry =
            |(rank, place): (i64, Place)| RankView { rank, member: ids.get(&place.2).cloned().unwrap_or_default(), points: place.0.0 };
        Ok(LeaderboardView {
            account: account.to_string(),
            cycle: which.1,
            members,
            entries: places.into_iter().map(entry).collect(),
            position,
        })
    }

    /// A member's rank, from 1; none without points.
    pub(super) async fn rank(
        &self,
        running: &Running,
        release: &Arc<Release>,
        account: usize,
        cycle: i32,
        member: i64,
    ) -> Result<Option<i64>> {
        let position = self.store.head(running.row.campaign).await?.position;
        let board = self.board(running, release, (account, cycle), position).await?;
        let index = board.index.lock().await;
        Ok(index.place(member).map(|(_, place)| place as i64 + 1))
    }

    /// With an index that is brought up to the ledger's position, but for commits of this host that nobody was told of.
    async fn board(&self, running: &Running, release: &Arc<Release>, which: Which, mut position: i64) -> Result<Arc<Board>> {
        let board = running.leaderboards.boards.lock().await.entry(which).or_default().clone();
        let mut index = board.index.lock().await;
        if !board.made.load(Ordering::Acquire) {
            self.fill_index(running, release, which, &mut index).await?;
            board.made.store(true, Ordering::Release);
        }
        for _ in 0..CATCH_UPS {
            if running.leaderboards.is_current(index.position, position) {
                break;
            }
            self.follow(running, release, which, &mut index).await?;
            index.position = position;
            position = self.store.head(running.row.campaign).await?.position;
        }
        drop(index);
        Ok(board)
    }

    async fn fill_index(&self, running: &Running, release: &Release, which: Which, index: &mut Index) -> Result<()> {
        index.position = self.store.head(running.row.campaign).await?.position;
        let mut after = 0;
        loop {
            let page = self.store.standings_in(running.row.campaign, which.1, i32::from(i16::MAX), after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.member;
            self.put_all(running, release, which.0, page, index).await?;
        }
        Ok(())
    }

    /// Takes over what moved since the index's position.
    async fn follow(&self, running: &Running, release: &Release, which: Which, index: &mut Index) -> Result<()> {
        let mut moved = self.store.moved_since(running.row.campaign, index.position).await?;
        moved.retain(|(cycle, _)| *cycle == which.1);
        for chunk in moved.chunks(PAGE as usize) {
            let standings = self.store.standings(running.row.campaign, chunk).await?;
            self.put_all(running, release, which.0, standings, index).await?;
        }
        Ok(())
    }

    async fn put_all(
        &self,
        running: &Running,
        release: &Release,
        account: usize,
        standings: Vec<StandingRow>,
        index: &mut Index,
    ) -> Result<()> {
        let rules = running.rules.load_full();
        // Where there is one kind of members, nobody has to be looked up.
        let only = rules.releases.iter().all(|r| r.campaign.kinds().len() == 1).then(|| Arc::<str>::from(DEFAULT_KIND));
        let new: Vec<i64> = standings.iter().map(|s| s.member).filter(|m| only.is_none() && !index.of.contains_key(m)).collect();
        let rows = if new.is_empty() { Vec::new() } else { self.store.members_by_number(running.row.campaign, &new).await? };
        let kinds: FxHashMap<i64, Arc<str>> = rows.into_iter().map(|m| (m.number, m.id.kind)).collect();
        for standing in standings {
            let (points, reached_ms) = points_and_reached(release, account, &standing).map_err(|_| overflow())?;
            let known = index.of.get(&standing.member).map(|(kind, _)| kind);
            let kind = known.or_else(|| kinds.get(&standing.member)).or(only.as_ref()).cloned();
            if let Some(kind) = kind {
                index.put(standing.member, kind, points, reached_ms);
            }
        }
        Ok(())
    }
}

impl Index {
    /// None: something of it cannot be told from the commit alone, and is left to who follows the ledger.
    fn move_all(&mut self, release: &Release, account: usize, cycle: i32, delta: &Delta) -> Option<()> {
        let members = delta.new_members.iter().chain(&delta.changed_members);
        let kinds: FxHashMap<i64, &Arc<str>> = members.map(|m| (m.number, &m.id.kind)).collect();
        for standing in delta.standings.iter().chain(&delta.changed_standings).filter(|s| s.cycle == cycle) {
            let (points, reached_ms) = points_and_reached(release, account, standing).ok()?;
            self.put(standing.member, Arc::clone(kinds.get(&standing.member)?), points, reached_ms);
        }
        Some(())
    }

    fn put(&mut self, member: i64, kind: Arc<str>, points: i64, reached_ms: i64) {
        if let Some((kind, place)) = self.of.remove(&member)
            && let Some(board) = self.boards.get_mut(&kind)
        {
            board.remove(&place);
        }
        if points > 0 {
            let place = (Reverse(points), reached_ms, member);
            self.boards.entry(kind.clone()).or_default().insert(place);
            self.of.insert(member, (kind, place));
        }
    }
    /// The member's kind, and the place from 0.
    fn place(&self, member: i64) -> Option<(Arc<str>, usize)> {
        let (kind, place) = self.of.get(&member)?;
        Some((kind.clone(), self.boards.get(kind)?.rank(place)))
    }
    fn size(&self, kind: &str) -> usize {
        self.boards.get(kind).map_or(0, indexset::BTreeSet::len)
    }
    /// Entries with their ranks from 1.
    fn slice(&self, kind: &str, first: usize, limit: usize) -> Vec<(i64, Place)> {
        let Some(board) = self.boards.get(kind) else { return Vec::new() };
        (first..board.len().min(first + limit)).filter_map(|i| Some((i as i64 + 1, *board.get_index(i)?))).collect()
    }
}

fn board_account(release: &Release, account: &str) -> Result<usize> {
    let accounts = &release.campaign.accounts;
    let boards: Vec<&str> = accounts.iter().filter(|a| a.leaderboard).map(|a| &*a.name).collect();
    let found = release.campaign.account(account).filter(|a| accounts[*a].leaderboard);
    found.ok_or_else(|| FlowError::NotFound(format!("account \"{account}\" keeps no leaderboard; these do: {}", boards.join(", "))))
}

fn no_points(member: &str, cycle: i32) -> FlowError {
    FlowError::NotFound(format!("{member} has no points in cycle {cycle}"))
}

fn overflow() -> FlowError {
    FlowError::Internal("a sum does not fit into 64 bits".into())
}

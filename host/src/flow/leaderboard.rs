//! Leaderboards: one index for each cycle and account, in memory, exact at the journal position it reports. It is made at
//! the first question. Then it takes over what this host commits, and follows the ledger where others wrote, so that it
//! says the same on every host.
//!
//! Promises: an answer holds all that this host told anybody before, and all that others had committed [`FRESH_MS`] before.
//! While there are questions, a task of its own looks for what others wrote, and no question waits for the database.

use super::board::{Index, Move, People, Place};
use super::error::{FlowError, Result};
use super::host::{Host, Running};
use super::views::{LeaderboardView, RankView};
use guerdon_rules::book::ranking::points_and_reached;
use guerdon_rules::book::rows::{Delta, StandingRow};
use guerdon_rules::release::Release;
use guerdon_rules::value::{DEFAULT_KIND, MemberId};
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// One account in one cycle.
#[derive(Default)]
struct Board {
    /// Held while it reads the database. Commits meanwhile are left to whoever asks next.
    reading: tokio::sync::Mutex<()>,
    /// Never held across an await.
    index: RwLock<Index>,
}

/// Which account, in which cycle.
type Which = (usize, i32);

/// What the head said.
#[derive(Clone, Copy)]
struct Seen {
    position: i64,
    releases: i32,
    /// By the host's watch, before it was asked.
    at_ms: u64,
}

/// The leaderboards of a campaign that were asked for.
#[derive(Default)]
pub struct Leaderboards {
    people: RwLock<People>,
    boards: RwLock<FxHashMap<Which, Arc<Board>>>,
    /// Positions that this host is about to commit, or has committed, and not taken over yet. Nobody was told of them.
    untold: Mutex<BTreeSet<i64>>,
    /// The last position of this host that anybody was told of.
    told: AtomicI64,
    head: Mutex<Option<Seen>>,
    /// The last question, by the host's watch.
    asked_ms: AtomicU64,
    /// A task keeps `head` and the boards fresh.
    is_followed: AtomicBool,
}

/// While it lives, a commit of this host is on its way to the leaderboards.
pub(super) struct Untold<'a> {
    leaderboards: &'a Leaderboards,
    position: i64,
}

impl Untold<'_> {
    /// To be called when it is committed and taken over, before anybody is told.
    pub(super) fn told(self) {
        self.leaderboards.told.fetch_max(self.position, Ordering::AcqRel);
    }
}

impl Drop for Untold<'_> {
    fn drop(&mut self) {
        locked(&self.leaderboards.untold).remove(&self.position);
    }
}

/// A head that is no older than this is not asked for again.
const FRESH_MS: u64 = 100;
/// How often the task asks for it.
const FOLLOW_EVERY: Duration = Duration::from_millis(40);
/// It ends this long after the last question.
const FOLLOW_FOR_MS: u64 = 10_000;
/// Standings of one page while an index is made.
const PAGE: i64 = 10_000;
/// Pages that are read at once meanwhile, each on a connection.
const READERS: i64 = 3;
/// How often an answer tries to be exact at the very last position while events flow.
const CATCH_UPS: usize = 3;
/// The most entries of one answer.
const MOST: usize = 1000;

impl Leaderboards {
    /// To be called before a commit that [`Leaderboards::take_over`] follows.
    pub(super) fn expect(&self, position: i64) -> Untold<'_> {
        locked(&self.untold).insert(position);
        Untold { leaderboards: self, position }
    }

    /// Whether an index knows everything up to this position, and all that this host told anybody: what is missing is on
    /// its way, and nobody knows of it yet.
    fn is_current(&self, index: &Index, position: i64) -> bool {
        let position = position.max(self.told.load(Ordering::Acquire));
        let untold = locked(&self.untold);
        index.is_made && (index.position + 1..=position).all(|missing| untold.contains(&missing))
    }

    fn board(&self, which: Which) -> Arc<Board> {
        if let Some(board) = read(&self.boards).get(&which) {
            return board.clone();
        }
        write(&self.boards).entry(which).or_default().clone()
    }

    fn all(&self) -> Vec<(Which, Arc<Board>)> {
        read(&self.boards).iter().map(|(which, board)| (*which, board.clone())).collect()
    }

    fn fresh_head(&self, now_ms: u64) -> Option<Seen> {
        locked(&self.head).filter(|seen| seen.at_ms + FRESH_MS > now_ms)
    }

    /// Takes over a commit of this host, so that nobody has to ask the database what moved.
    pub(super) fn take_over(&self, running: &Running, delta: &Delta) {
        let rules = running.rules.load_full();
        let Ok(release) = rules.newest() else { return };
        for ((account, cycle), board) in self.all() {
            // Whoever reads holds it; the next one reads what is missed now.
            let Ok(_reading) = board.reading.try_lock() else { continue };
            if !read(&board.index).takes(delta.head.position) {
                continue;
            }
            if let Some(moves) = self.moves_in(release, account, cycle, delta) {
                let mut index = write(&board.index);
                moves.iter().for_each(|moved| index.put(moved));
                index.position = delta.head.position;
            }
        }
    }

    /// None: something of it cannot be told from the commit alone, and is left to who follows the ledger.
    fn moves_in(&self, release: &Release, account: usize, cycle: i32, delta: &Delta) -> Option<Vec<Move>> {
        let members = delta.new_members.iter().chain(&delta.changed_members);
        let ids: FxHashMap<i64, &MemberId> = members.map(|row| (row.number, &row.id)).collect();
        let standings = delta.standings.iter().chain(&delta.changed_standings).filter(|standing| standing.cycle == cycle);
        let moves = standings.map(|standing| self.move_to(release, account, standing, *ids.get(&standing.member)?));
        moves.collect()
    }

    /// None: the sum does not fit.
    fn move_to(&self, release: &Release, account: usize, standing: &StandingRow, id: &MemberId) -> Option<Move> {
        let (points, reached_ms) = points_and_reached(release, account, standing).ok()?;
        let member = standing.member;
        let known = read(&self.people).slot(member);
        let slot = known.unwrap_or_else(|| write(&self.people).add(member, id));
        Some(Move { slot, member, kind: id.kind.clone(), points, reached_ms })
    }
}

impl Index {
    /// Whether a commit is the next one.
    fn takes(&self, position: i64) -> bool {
        self.is_made && self.position + 1 == position
    }
}

impl Host {
    /// The top of a leaderboard, or the members around one. `account` must keep a leaderboard; `cycle` none: the one of
    /// now, or the last that began.
    pub async fn leaderboard(
        self: &Arc<Self>,
        campaign: &str,
        account: &str,
        cycle: Option<i32>,
        around: Option<&str>,
        limit: usize,
        kind: Option<&str>,
    ) -> Result<LeaderboardView> {
        let running = self.campaign(campaign)?;
        self.keep_following(&running);
        let head = self.leaderboard_head(&running).await?;
        if head.releases as usize > running.rules.load().releases.len() {
            self.sync(&running).await?;
        }
        let rules = running.rules.load_full();
        let release = rules.newest()?.clone();
        let which = (board_account(&release, account)?, self.cycle_or_current(&release, cycle)?);
        let limit = limit.clamp(1, MOST);
        let centre = match around {
            None => None,
            Some(member) => {
                let known = read(&running.leaderboards.people).number(&MemberId::parse(member, &release.campaign.kinds()));
                let number = match known {
                    Some(number) => number,
                    None => self.known_member(&running, &rules, member).await?.number,
                };
                Some((member, number))
            }
        };
        let board = self.board(&running, &release, which, head).await?;
        let people = read(&running.leaderboards.people);
        let index = read(&board.index);
        let (kind, first) = match centre {
            None => (kind.unwrap_or(DEFAULT_KIND), 0),
            Some((member, number)) => {
                let place = people.slot(number).and_then(|slot| index.place(slot, number));
                let (kind, place) = place.ok_or_else(|| no_points(member, which.1))?;
                (kind, place.saturating_sub(limit / 2))
            }
        };
        let id = |number: i64| people.id(number).unwrap_or_default().to_string();
        let entry = |(rank, place): (i64, Place)| RankView { rank, member: id(place.2), points: place.0.0 };
        Ok(LeaderboardView {
            account: account.to_string(),
            cycle: which.1,
            members: index.size(kind),
            entries: index.slice(kind, first, limit).into_iter().map(entry).collect(),
            position: index.position,
        })
    }

    /// A member's rank, from 1; none without points. At the head as it is now, because it is shown beside what was read.
    pub(super) async fn rank(
        &self,
        running: &Running,
        release: &Arc<Release>,
        account: usize,
        cycle: i32,
        member: i64,
    ) -> Result<Option<i64>> {
        let head = self.see_head(running).await?;
        let board = self.board(running, release, (account, cycle), head).await?;
        let slot = read(&running.leaderboards.people).slot(member);
        let place = slot.and_then(|slot| Some(read(&board.index).place(slot, member)?.1));
        Ok(place.map(|place| place as i64 + 1))
    }

    /// An index that is brought up to the ledger's position, but for commits of this host that nobody was told of.
    async fn board(&self, running: &Running, release: &Release, which: Which, mut head: Seen) -> Result<Arc<Board>> {
        let board = running.leaderboards.board(which);
        for _ in 0..CATCH_UPS {
            if running.leaderboards.is_current(&read(&board.index), head.position) {
                break;
            }
            self.bring_up(running, release, which, &board).await?;
            head = self.see_head(running).await?;
        }
        Ok(board)
    }

    /// Reads what an index lacks, up to a position that is asked for first.
    async fn bring_up(&self, running: &Running, release: &Release, which: Which, board: &Board) -> Result<()> {
        let _reading = board.reading.lock().await;
        let position = self.see_head(running).await?.position;
        let (is_made, from) = {
            let index = read(&board.index);
            (index.is_made, index.position)
        };
        if !is_made {
            self.fill_index(running, release, which, board).await?;
        } else if from < position {
            self.follow(running, release, which, board, from).await?;
        }
        let mut index = write(&board.index);
        (index.is_made, index.position) = (true, index.position.max(position));
        Ok(())
    }

    /// Members are read in as many parts at once as there are readers, while pages that came are put in their place.
    async fn fill_index(&self, running: &Running, release: &Release, (account, cycle): Which, board: &Board) -> Result<()> {
        // Before its close, a cycle has one revision; what a close adds meanwhile is followed afterwards.
        let head = self.store.head(running.row.campaign).await?;
        let revision = if head.closed_through < cycle { 1 } else { i32::MAX };
        let (campaign, part) = (running.row.campaign, head.last_member / READERS + 1);
        write(&running.leaderboards.people).make_room_for(head.last_member);
        let (mut readers, (pages, mut read)) = (JoinSet::new(), mpsc::channel(1));
        for reader in 0..READERS {
            let (store, pages, members) = (self.store.clone(), pages.clone(), reader * part..(reader + 1) * part);
            readers.spawn(async move {
                let mut after = members.start;
                while after < members.end {
                    // Members without a standing leave room for some of the next part: whoever comes twice is put twice.
                    let most = PAGE.min(members.end - after);
                    let page = store.standings_in(campaign, cycle, revision, after, most).await;
                    let last = page.as_ref().ok().and_then(|page| page.last());
                    after = last.map_or(members.end, |(_, standing)| standing.member);
                    // Fails only when nobody takes pages any more, and then this task is ended.
                    let _ = pages.send(page).await;
                }
            });
        }
        drop(pages);
        while let Some(page) = read.recv().await {
            put_all(running, release, account, board, page?.iter().map(|(row, standing)| (&row.id, standing)))?;
        }
        // One that panicked has left pages out.
        while let Some(reader) = readers.join_next().await {
            reader.map_err(|e| FlowError::Internal(e.to_string()))?;
        }
        Ok(())
    }

    /// Takes over what moved since a position.
    async fn follow(&self, running: &Running, release: &Release, (account, cycle): Which, board: &Board, from: i64) -> Result<()> {
        let mut moved = self.store.moved_since(running.row.campaign, from).await?;
        moved.retain(|(of, _)| *of == cycle);
        for chunk in moved.chunks(PAGE as usize) {
            let standings = self.store.standings(running.row.campaign, chunk).await?;
            let numbers: Vec<i64> = standings.iter().map(|standing| standing.member).collect();
            let members = self.store.members_by_number(running.row.campaign, &numbers).await?;
            let ids: FxHashMap<i64, &MemberId> = members.iter().map(|row| (row.number, &row.id)).collect();
            let with_ids = standings.iter().filter_map(|standing| Some((*ids.get(&standing.member)?, standing)));
            put_all(running, release, account, board, with_ids)?;
        }
        Ok(())
    }

    async fn leaderboard_head(&self, running: &Running) -> Result<Seen> {
        match running.leaderboards.fresh_head(self.runtime.limits.watch.elapsed_ms()) {
            Some(seen) => Ok(seen),
            None => self.see_head(running).await,
        }
    }

    /// Asks the database.
    async fn see_head(&self, running: &Running) -> Result<Seen> {
        let at_ms = self.runtime.limits.watch.elapsed_ms();
        let head = self.store.head(running.row.campaign).await?;
        let seen = Seen { position: head.position, releases: head.releases, at_ms };
        let mut last = locked(&running.leaderboards.head);
        if last.is_none_or(|last| last.at_ms <= seen.at_ms) {
            *last = Some(seen);
        }
        Ok(seen)
    }

    /// Notes that there are questions, and sees to it that the next ones need not wait for the database.
    fn keep_following(self: &Arc<Self>, running: &Arc<Running>) {
        let leaderboards = &running.leaderboards;
        leaderboards.asked_ms.store(self.runtime.limits.watch.elapsed_ms(), Ordering::Release);
        if leaderboards.is_followed.swap(true, Ordering::AcqRel) {
            return;
        }
        let (host, running) = (Arc::downgrade(self), Arc::downgrade(running));
        tokio::spawn(async move {
            while let (Some(host), Some(running)) = (host.upgrade(), running.upgrade()) {
                let leaderboards = &running.leaderboards;
                let idle_ms = host.runtime.limits.watch.elapsed_ms().saturating_sub(leaderboards.asked_ms.load(Ordering::Acquire));
                if idle_ms > FOLLOW_FOR_MS {
                    leaderboards.is_followed.store(false, Ordering::Release);
                    return;
                }
                if let Err(error) = host.follow_all(&running).await {
                    // Whoever asks next reads it, and is told what is wrong.
                    tracing::debug!(campaign = %running.row.id, %error, "leaderboards could not be kept fresh");
                }
                drop((host, running));
                tokio::time::sleep(FOLLOW_EVERY).await;
            }
        });
    }

    async fn follow_all(&self, running: &Running) -> Result<()> {
        let head = self.see_head(running).await?;
        let release = running.rules.load_full().newest()?.clone();
        for (which, board) in running.leaderboards.all() {
            // One that is not made is being made by who asked for it.
            if read(&board.index).is_made {
                self.board(running, &release, which, head).await?;
            }
        }
        Ok(())
    }
}

fn put_all<'a>(
    running: &Running,
    release: &Release,
    account: usize,
    board: &Board,
    page: impl Iterator<Item = (&'a MemberId, &'a StandingRow)>,
) -> Result<()> {
    let leaderboards = &running.leaderboards;
    let moves = page.map(|(id, standing)| leaderboards.move_to(release, account, standing, id).ok_or_else(overflow));
    let mut moves: Vec<Move> = moves.collect::<Result<_>>()?;
    // Neighbours one after the other: each of a million places is in memory that was just used.
    moves.sort_unstable_by_key(Move::place);
    let mut index = write(&board.index);
    moves.iter().for_each(|moved| index.put(moved));
    Ok(())
}

fn locked<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
fn read<T>(of: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    of.read().unwrap_or_else(PoisonError::into_inner)
}
fn write<T>(of: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    of.write().unwrap_or_else(PoisonError::into_inner)
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

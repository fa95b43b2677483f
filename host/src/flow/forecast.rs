//! Forecasts: what the last cycle paid and would have paid under a change. Its recorded events, and all before them, are
//! played once more in memory, by the state machine that pays, under both.

use super::error::{FlowError, Result};
use super::host::{Host, Rules, Running};
use super::plan_views::{Both, BudgetForecast, Forecast, MemberForecast, PointsForecast, RewardForecast, StockForecast};
use crate::store::Followed;
use guerdon_rules::book::prepare::{Releases, event_of};
use guerdon_rules::book::rows::{EventRow, Head, JournalKind};
use guerdon_rules::campaign::calendar::{Cycle, day_text};
use guerdon_rules::campaign::money::{Currency, Money};
use guerdon_rules::language::Files;
use guerdon_rules::release::Release;
use guerdon_rules::simulate::cycle::{Comparing, CyclePaid, Pair};
use std::cmp::Reverse;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Journal lines of one page.
const PAGE: i64 = 1000;
/// Members that are named.
const LISTED: usize = 20;

impl Host {
    /// None: nothing has happened that could be played.
    pub(super) async fn forecast(&self, running: &Running, rules: &Rules, files: &Files, next: &Release) -> Result<Option<Forecast>> {
        let head = self.store.head(running.row.campaign).await?;
        let calendar = &next.campaign.calendar;
        let of_now = || calendar.cycles().iter().rev().find(|c| c.starts_ms <= self.now_ms());
        let Some(cycle) = calendar.cycle(head.closed_through).or_else(of_now).cloned() else { return Ok(None) };
        // The change decides the whole cycle; what came into force within it is left out of its side.
        let (change, _) = self.compile(next.number, cycle.starts_ms, files, rules.names.clone()).await?;
        let mut changed: Vec<Arc<Release>> = rules.releases.iter().filter(|r| r.effective_from_ms < cycle.starts_ms).cloned().collect();
        changed.push(Arc::new(change));
        let (was, would, number, seed) = (rules.releases.clone(), Releases::new(changed), cycle.number, head.seed);
        let (send, mut events) = mpsc::channel::<(EventRow, i64)>(4096);
        let playing = tokio::task::spawn_blocking(move || {
            let mut comparing = Comparing::new(was, would, number, seed);
            while let Some((row, received_ms)) = events.blocking_recv() {
                comparing.event(&event_of(&row), received_ms);
            }
            comparing.finish()
        });
        let sent = self.send_events(running, &cycle, send).await;
        let paid = playing.await.map_err(|e| FlowError::Internal(e.to_string()))?;
        match sent? {
            0 => Ok(None),
            _ => Ok(Some(self.told(&head, next, &cycle, &paid).await?)),
        }
    }

    /// Everything that was decided of the campaign up to the end of a cycle, in that order; how much it was.
    async fn send_events(&self, running: &Running, cycle: &Cycle, into: mpsc::Sender<(EventRow, i64)>) -> Result<u64> {
        let (mut after, mut sent) = ((0, 0), 0);
        loop {
            let page = self.store.follow(running.row.campaign, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(sent) };
            after = (last.line.position, last.line.line);
            for Followed { line, event } in page.into_iter().filter(|f| f.line.kind == JournalKind::Event as i16) {
                let Some(row) = event else { continue };
                let received_ms = line.received_ms(&row);
                if row.at_ms.is_some_and(|at_ms| at_ms < cycle.ends_ms) {
                    into.send((row, received_ms)).await.map_err(|_| FlowError::Internal("a forecast ended early".into()))?;
                    sent += 1;
                }
            }
        }
    }

    async fn told(&self, head: &Head, next: &Release, cycle: &Cycle, paid: &CyclePaid) -> Result<Forecast> {
        let campaign = &next.campaign;
        let currency = campaign.limits.budget.or_else(|| campaign.rewards.iter().find_map(|r| r.face_value)).map(|m| m.currency);
        let money = |pair: Pair| currency.map(|c| Both { was: amount(pair.was, c), would: amount(pair.would, c) });
        let rewards: Vec<RewardForecast> = paid
            .rewards
            .iter()
            .map(|(reward, (units, cost))| RewardForecast { reward: reward.clone(), units: both(*units), cost: money(*cost) })
            .collect();
        let of_rewards = paid
            .rewards
            .values()
            .fold(paid.worth, |sum, (_, cost)| Pair { was: sum.was.saturating_add(cost.was), would: sum.would.saturating_add(cost.would) });
        let from_ms = next.effective_from_ms.max(self.now_ms());
        let cycles_left = campaign.calendar.cycles().iter().filter(|c| c.starts_ms >= from_ms).count() as i64;
        let spent = head.totals.get(next.codes.spent);
        let sort = |is: fn(&Pair) -> bool| paid.member_cost.values().filter(|pair| is(pair)).count() as u64;
        Ok(Forecast {
            cycle: cycle.number,
            first_day: day_text(cycle.first_day),
            last_day: day_text(cycle.last_day),
            ended: cycle.ends_ms <= self.now_ms(),
            events: paid.events,
            cost: money(of_rewards),
            accounts: paid
                .accounts
                .iter()
                .map(|(account, points)| PointsForecast { account: account.clone(), points: both(*points) })
                .collect(),
            gain: sort(|pair| pair.would > pair.was),
            lose: sort(|pair| pair.would < pair.was),
            exchange: sort(|pair| pair.would == pair.was),
            same: paid.members_in_all - paid.members.len() as u64,
            members: members(paid),
            budget: campaign.limits.budget.map(|budget| budget_of(budget, spent, of_rewards.would, cycles_left)),
            stock: self.stock(next, &rewards).await?,
            rewards,
            tighter: paid.slack.iter().filter(|(_, slack)| slack.would < slack.was).map(|(name, _)| name.clone()).collect(),
            cycles_left,
        })
    }

    /// What is free of each pool that the change takes from, and what such a cycle takes.
    async fn stock(&self, next: &Release, rewards: &[RewardForecast]) -> Result<Vec<StockForecast>> {
        let status = self.store.pool_status().await?;
        let mut pools: Vec<StockForecast> = Vec::new();
        for reward in rewards {
            let Some(pool) = next.campaign.reward(&reward.reward).and_then(|r| next.campaign.rewards[r].pool.clone()) else { continue };
            let free = status.iter().find(|s| *s.name == *pool).map_or(0, |s| s.available - s.owed);
            let index = pools.iter().position(|p| *p.pool == *pool).unwrap_or_else(|| {
                pools.push(StockForecast { pool: pool.to_string(), free, per_cycle: Both { was: 0, would: 0 }, fits: true });
                pools.len() - 1
            });
            let row = &mut pools[index];
            row.per_cycle.was += reward.units.was;
            row.per_cycle.would += reward.units.would;
            row.fits = row.per_cycle.would <= row.free;
        }
        Ok(pools)
    }
}

fn both(pair: Pair) -> Both<i64> {
    Both { was: pair.was, would: pair.would }
}

/// Those for whom it means most, in money and then in units.
fn members(paid: &CyclePaid) -> Vec<MemberForecast> {
    let apart = |pair: &Pair| pair.was.abs_diff(pair.would);
    let rank = |id: &String| {
        let cost = paid.member_cost.get(id).map_or(0, apart);
        (Reverse(cost), Reverse(paid.members[id].values().map(apart).max().unwrap_or(0)))
    };
    let mut ids: Vec<&String> = paid.members.keys().collect();
    ids.sort_by_key(|id| rank(id));
    let of = |id: &String| {
        let what = paid.members[id].iter();
        what.map(|(what, pair)| MemberForecast { member: id.clone(), what: what.clone(), count: both(*pair) }).collect::<Vec<_>>()
    };
    ids.into_iter().take(LISTED).flat_map(of).collect()
}

fn budget_of(budget: Money, spent: i64, per_cycle: i64, cycles_left: i64) -> BudgetForecast {
    let left = budget.minor.saturating_sub(spent);
    let text = |minor: i64| amount(minor, budget.currency);
    BudgetForecast {
        budget: budget.to_string(),
        spent: text(spent),
        left: text(left),
        per_cycle: text(per_cycle),
        fits: per_cycle <= left,
        lasts: per_cycle.saturating_mul(cycles_left.max(1)) <= left,
    }
}

fn amount(minor: i64, currency: Currency) -> String {
    Money { minor, currency }.to_string()
}

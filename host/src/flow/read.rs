//! What people and programs ask for: campaigns, cycles, members, grants, events. Reads only.

use super::error::{FlowError, Result};
use super::host::{Host, Rules, Running};
use super::switch;
use super::views::{
    AccountView, CampaignView, CycleView, EventView, ExcessView, FailedView, GrantView, MemberView, ReleaseView, SettlementView,
    SwitchView, TotalView,
};
use crate::store::SettlementRow;
use guerdon_rules::book::ranking::points_in;
use guerdon_rules::book::rows::{GrantRow, GrantState, Held, MemberRow};
use guerdon_rules::campaign::calendar::{Cycle, day_text};
use guerdon_rules::campaign::money::Money;
use guerdon_rules::event::key_of;
use guerdon_rules::release::Release;
use guerdon_rules::value::MemberId;
use rustc_hash::FxHashMap;

/// RFC 3339 in UTC; an instant that no calendar has is written as its milliseconds.
pub(crate) fn instant(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map_or_else(|_| at_ms.to_string(), |t| t.to_string())
}

impl Host {
    pub async fn campaign_views(&self) -> Result<Vec<CampaignView>> {
        let mut views = Vec::new();
        for running in self.campaigns() {
            self.sync(&running).await?;
            // Made a moment ago, or its first release could not be written: there is nothing to tell yet.
            if !running.rules.load().releases.is_empty() {
                views.push(self.view(&running).await?);
            }
        }
        Ok(views)
    }

    pub async fn campaign_view(&self, campaign: &str) -> Result<CampaignView> {
        let running = self.campaign(campaign)?;
        self.sync(&running).await?;
        self.view(&running).await
    }

    async fn view(&self, running: &Running) -> Result<CampaignView> {
        let rules = running.rules.load_full();
        let head = self.store.head(running.row.campaign).await?;
        let campaign = &rules.newest()?.campaign;
        let releases = self.store.releases(running.row.campaign, 0).await?;
        let switches: Vec<SwitchView> = head.switches.iter().map(|(name, s)| switch::view(name, s)).collect();
        Ok(CampaignView {
            id: running.row.id.clone(),
            name_zh: campaign.label.zh.clone(),
            name_en: campaign.label.en.clone(),
            time_zone: campaign.calendar.zone().iana_name().unwrap_or("UTC").to_string(),
            starts: instant(campaign.calendar.starts_ms()),
            ends: instant(campaign.calendar.ends_ms()),
            position: head.position,
            closed_through: head.closed_through,
            releases: releases
                .into_iter()
                .map(|r| ReleaseView {
                    number: r.number,
                    hash: r.hash,
                    effective_from: instant(r.effective_from_ms),
                    author: r.author,
                    note: r.note,
                    added_at: instant(r.at_ms),
                    copy_of: r.copy_of,
                })
                .collect(),
            switches,
            totals: head.totals.iter().map(|(m, amount)| TotalView { measure: rules.names.name(m).to_string(), amount }).collect(),
        })
    }

    pub async fn cycles(&self, campaign: &str) -> Result<Vec<CycleView>> {
        let running = self.campaign(campaign)?;
        let rules = running.rules.load_full();
        let calendar = &rules.newest()?.campaign.calendar;
        if !calendar.has_cycles() {
            return Ok(Vec::new());
        }
        let rows = self.store.settlements(running.row.campaign).await?;
        let ids = self.named_in(&running, &rows).await?;
        let view = |cycle: &Cycle| {
            let mut own: Vec<&SettlementRow> = rows.iter().filter(|r| r.cycle == cycle.number).collect();
            own.sort_by_key(|r| r.revision);
            let by_clock = match self.now_ms() {
                now if now < cycle.starts_ms => "upcoming",
                now if now < cycle.ends_ms => "open",
                _ => "ended",
            };
            CycleView {
                number: cycle.number,
                first_day: day_text(cycle.first_day),
                last_day: day_text(cycle.last_day),
                starts: instant(cycle.starts_ms),
                ends: instant(cycle.ends_ms),
                state: own.last().map_or(by_clock, |r| r.state.name()).to_string(),
                settlements: own.into_iter().map(|row| settlement_view(&rules, row, &ids)).collect(),
            }
        };
        Ok(calendar.cycles().iter().map(view).collect())
    }

    /// Ids of the members that settlements list.
    async fn named_in(&self, running: &Running, rows: &[SettlementRow]) -> Result<FxHashMap<i64, String>> {
        let mut numbers: Vec<i64> = Vec::new();
        for row in rows {
            numbers.extend(failed_of(row).into_iter().map(|(m, _)| m));
            numbers.extend(excess_of(row).into_iter().map(|(m, ..)| m));
        }
        numbers.sort_unstable();
        numbers.dedup();
        let members = self.store.members_by_number(running.row.campaign, &numbers).await?;
        Ok(members.into_iter().map(|m| (m.number, m.id.to_string())).collect())
    }

    /// A member's points, ranks and cards. `cycle` none: the one of now, or the last that began.
    pub async fn member(&self, campaign: &str, member: &str, cycle: Option<i32>) -> Result<MemberView> {
        let running = self.campaign(campaign)?;
        self.sync(&running).await?;
        let rules = running.rules.load_full();
        let release = rules.newest()?.clone();
        let cycle = self.cycle_or_current(&release, cycle)?;
        let position = self.store.head(running.row.campaign).await?.position;
        let row = self.known_member(&running, &rules, member).await?;
        let standing = self.store.standings(running.row.campaign, &[(cycle, row.number)]).await?.pop();
        let mut accounts = Vec::new();
        for (index, account) in release.campaign.accounts.iter().enumerate() {
            let sum = |tally| points_in(&release, index, tally).map_err(|_| FlowError::Internal("a sum does not fit into 64 bits".into()));
            let rank = if account.leaderboard { self.rank(&running, &release, index, cycle, row.number).await? } else { None };
            accounts.push(AccountView {
                account: account.name.to_string(),
                points: sum(&row.tally)?,
                cycle,
                cycle_points: standing.as_ref().map_or(Ok(0), |s| sum(&s.tally))?,
                rank,
            });
        }
        let inviter = match row.inviter {
            Some(number) => self.store.members_by_number(running.row.campaign, &[number]).await?.pop().map(|m| m.id.to_string()),
            None => None,
        };
        let cards = self.store.grants_of(running.row.campaign, row.number).await?;
        let id = row.id.to_string();
        Ok(MemberView { inviter, accounts, cards: cards.iter().map(|g| self.grant_view(&rules, g, &id)).collect(), id, position })
    }

    pub async fn grants(&self, campaign: &str, member: &str) -> Result<Vec<GrantView>> {
        let running = self.campaign(campaign)?;
        let rules = running.rules.load_full();
        let row = self.known_member(&running, &rules, member).await?;
        let id = row.id.to_string();
        let grants = self.store.grants_of(running.row.campaign, row.number).await?;
        Ok(grants.iter().map(|g| self.grant_view(&rules, g, &id)).collect())
    }

    pub async fn grant(&self, campaign: &str, number: i64) -> Result<GrantView> {
        let running = self.campaign(campaign)?;
        let rules = running.rules.load_full();
        let grant = self.store.grant(running.row.campaign, number).await?;
        let grant = grant.ok_or_else(|| FlowError::NotFound(format!("there is no grant {number}")))?;
        let owner = self.store.members_by_number(running.row.campaign, &[grant.member]).await?.pop();
        Ok(self.grant_view(&rules, &grant, &owner.map_or_else(String::new, |m| m.id.to_string())))
    }

    pub(super) fn grant_view(&self, rules: &Rules, grant: &GrantRow, member: &str) -> GrantView {
        let reward = rules.names.name(grant.reward).to_string();
        let face_value = rules.releases.numbered(grant.release).and_then(|r| {
            let declared = r.campaign.reward(&reward)?;
            let currency = r.campaign.rewards[declared].face_value?.currency;
            Some(Money { minor: grant.face_value, currency }.to_string())
        });
        let owed_for = (grant.state == GrantState::Owed).then(|| {
            match grant.held {
                Held::Stock => "stock",
                Held::Budget => "budget",
                Held::Switch => "switch",
            }
            .to_string()
        });
        GrantView {
            number: grant.number,
            member: member.to_string(),
            reward,
            state: grant.state.name().to_string(),
            owed_for,
            cycle: grant.cycle,
            at: instant(grant.at_ms),
            function: rules.names.name(grant.function).to_string(),
            rule_line: grant.rule_line,
            release: grant.release,
            journal: (grant.position, grant.line),
            face_value,
        }
    }

    /// A stored event and the receipt of its latest decision.
    pub async fn event(&self, campaign: &str, source: &str, id: &str) -> Result<EventView> {
        let running = self.campaign(campaign)?;
        let row = self.store.event(running.row.campaign, &key_of(&[source, id])).await?;
        let row = row.ok_or_else(|| FlowError::NotFound(format!("there is no event {id} of {source}")))?;
        let journal = self.store.journal(running.row.campaign, (row.position, row.line - 1), 1).await?;
        let text = |t: &str| serde_json::from_str(t).unwrap_or_else(|_| serde_json::Value::String(t.to_string()));
        Ok(EventView {
            source: row.source,
            id: row.id,
            r#type: row.kind,
            time: row.at_ms.map(instant),
            received: instant(row.received_ms),
            outcome: row.outcome.name().to_string(),
            reason: row.reason,
            release: row.release,
            data: text(&row.data),
            receipt: journal.first().map(|line| text(&line.body)),
        })
    }

    /// The cycle that was asked for, or the one of now, or the last that began.
    pub(super) fn cycle_or_current(&self, release: &Release, cycle: Option<i32>) -> Result<i32> {
        let calendar = &release.campaign.calendar;
        match cycle {
            Some(number) if calendar.cycle(number).is_some() => Ok(number),
            Some(number) => Err(FlowError::NotFound(format!("there is no cycle {number}: there are 1 to {}", calendar.cycles().len()))),
            None => {
                let begun = calendar.cycles().iter().rev().find(|c| c.starts_ms <= self.now_ms());
                Ok(begun.map_or(1, |c| c.number))
            }
        }
    }

    /// A member by the text that people write: `id` or `kind:id`.
    pub(super) async fn known_member(&self, running: &Running, rules: &Rules, member: &str) -> Result<MemberRow> {
        let id = MemberId::parse(member, &rules.newest()?.campaign.kinds());
        let row = self.store.member(running.row.campaign, &id).await?;
        row.ok_or_else(|| FlowError::NotFound(format!("campaign \"{}\" has no member \"{member}\"", running.row.id)))
    }
}

fn failed_of(row: &SettlementRow) -> Vec<(i64, String)> {
    serde_json::from_str(&row.failed).unwrap_or_default()
}

fn excess_of(row: &SettlementRow) -> Vec<(i64, i32, i64)> {
    serde_json::from_str(&row.excess).unwrap_or_default()
}

fn settlement_view(rules: &Rules, row: &SettlementRow, ids: &FxHashMap<i64, String>) -> SettlementView {
    let id = |number: i64| ids.get(&number).cloned().unwrap_or_else(|| number.to_string());
    SettlementView {
        revision: row.revision,
        state: row.state.name().to_string(),
        why: row.why.clone(),
        release: row.release,
        digest: row.digest.clone().filter(|d| !d.is_empty()),
        failed: failed_of(row).into_iter().map(|(member, reason)| FailedView { member: id(member), reason }).collect(),
        excess: excess_of(row)
            .into_iter()
            .map(|(member, what, count)| ExcessView { member: id(member), measure: rules.names.name(what).to_string(), count })
            .collect(),
    }
}

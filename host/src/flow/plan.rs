//! Plans: what a changed folder would mean, found out before anything changes: how it differs from what it replaces,
//! whether its cases pass, what the last cycle would have paid, and what the policy in force says to that.

use super::effective::Effective;
use super::error::{FlowError, Result};
use super::host::{Host, Rules, Running};
use super::plan_views::{Base, Plan, PlannedCases};
use super::read::instant;
use guerdon_rules::campaign::policy::Policy;
use guerdon_rules::cases;
use guerdon_rules::difference::Difference;
use guerdon_rules::language::coverage::Coverage;
use guerdon_rules::language::{Files, Runtime};
use guerdon_rules::names::Names;
use guerdon_rules::release::{Release, content_hash};
use std::sync::Arc;

impl Host {
    /// Compares a folder with what runs. Fails when the folder cannot be a release of the campaign at all.
    pub async fn plan(&self, campaign: &str, files: &Files, effective: Effective) -> Result<Plan> {
        let (alone, _) = self.compile(1, 0, files, Names::default()).await?;
        if *alone.campaign.id != *campaign {
            return Err(FlowError::Invalid(format!("the folder is of campaign \"{}\", not \"{campaign}\"", alone.campaign.id)));
        }
        match self.campaign(campaign) {
            Ok(running) => {
                self.sync(&running).await?;
                let rules = running.rules.load_full();
                self.plan_change(&running, &rules, files, effective).await
            }
            Err(_) => self.plan_first(alone, files, effective).await,
        }
    }

    async fn plan_change(&self, running: &Running, rules: &Arc<Rules>, files: &Files, effective: Effective) -> Result<Plan> {
        let next = self.next_release(rules, files, effective, None).await?;
        let from_ms = next.release.effective_from_ms;
        let replaced = rules.releases.at(from_ms).ok_or_else(|| FlowError::NotFound("the campaign has no release yet".into()))?;
        let difference = Difference::between(&self.release_files(running, replaced.number).await?, files);
        let proposal = self.store.proposals(running.row.campaign).await?;
        let policy = rules.policy(self.now_ms());
        let mut plan = Plan {
            campaign: running.row.id.clone(),
            hash: next.release.hash.clone(),
            base: Base { release: rules.releases.len() as i32, proposal: proposal.last().map_or(0, |p| p.number) },
            effective_from: effective.to_string(),
            takes_effect: instant(from_ms),
            needs: policy.approvals,
            difference,
            cases: PlannedCases::default(),
            coverage: None,
            forecast: None,
            refused: Vec::new(),
            warnings: next.release.warnings.iter().map(ToString::to_string).collect(),
        };
        plan.forecast = self.forecast(running, rules, files, &next.release).await?;
        plan.judge_forecast();
        plan.judge_cases(self.play_cases(files).await?);
        if let Some(open) = proposal.iter().find(|p| p.end.is_none()) {
            plan.warnings.push(format!("proposal {} by {} is open: applying this takes its place", open.number, open.author));
        }
        // Of those that begin at the next instant, the newest is the one in force then.
        let later = rules.releases.iter().filter(|r| r.effective_from_ms > from_ms);
        if let Some(pending) = later.min_by_key(|r| (r.effective_from_ms, std::cmp::Reverse(r.number))) {
            plan.warnings.push(format!("release {} takes over from {}", pending.number, instant(pending.effective_from_ms)));
        }
        plan.hold_against(&policy);
        Ok(plan)
    }

    /// A campaign that this host does not know: nothing can be compared, and nobody has said who must approve.
    async fn plan_first(&self, release: Release, files: &Files, effective: Effective) -> Result<Plan> {
        let calendar = &release.campaign.calendar;
        let from_ms = if effective == Effective::AtOnce { calendar.starts_ms() } else { effective.resolve(calendar, self.now_ms())? };
        let policy = Policy { approvals: 0, forecast_must_fit: false, ..release.campaign.releases.clone() };
        let mut plan = Plan {
            campaign: release.campaign.id.to_string(),
            hash: content_hash(files),
            base: Base { release: 0, proposal: 0 },
            effective_from: effective.to_string(),
            takes_effect: instant(from_ms),
            needs: 0,
            difference: Difference::between(&Files::new(), files),
            cases: PlannedCases::default(),
            coverage: None,
            forecast: None,
            refused: Vec::new(),
            warnings: vec!["the campaign is new on this host: applying this makes it live, without anybody's approval".into()],
        };
        plan.judge_cases(self.play_cases(files).await?);
        plan.hold_against(&policy);
        Ok(plan)
    }

    /// Off the tasks that answer requests, and without a watch: what is played does not depend on how busy this host is.
    async fn play_cases(&self, files: &Files) -> Result<(cases::Report, Coverage)> {
        let (files, runtime) = (files.clone(), Runtime { wasm: self.runtime.wasm.clone(), ..Runtime::default() });
        let played = tokio::task::spawn_blocking(move || cases::run_with_coverage(&files, &runtime));
        played.await.map_err(|e| FlowError::Internal(e.to_string()))?.map_err(FlowError::Rules)
    }

    /// Fails where the policy in force wants more than somebody who adds a release.
    pub(super) async fn may_be_live_at_once(
        &self,
        running: &Running,
        rules: &Arc<Rules>,
        files: &Files,
        effective: Effective,
    ) -> Result<()> {
        let policy = rules.policy(self.now_ms());
        if policy.approvals > 0 {
            let campaign = &running.row.id;
            let text =
                format!("campaign \"{campaign}\" asks for {} approvals of a change: use guerdon plan, apply and approve", policy.approvals);
            return Err(FlowError::Forbidden(text));
        }
        if rules.releases.is_empty() || !policy.checks() {
            return Ok(());
        }
        let plan = self.plan_change(running, rules, files, effective).await?;
        if plan.refused.is_empty() { Ok(()) } else { Err(FlowError::Conflict(plan.refused.join("; "))) }
    }

    /// A first release is held against its own policy, as far as there is anything to hold.
    pub(super) async fn has_what_it_asks_for(&self, files: &Files) -> Result<()> {
        let (alone, _) = self.compile(1, 0, files, Names::default()).await?;
        let plan = self.plan_first(alone, files, Effective::AtOnce).await?;
        if plan.refused.is_empty() { Ok(()) } else { Err(FlowError::Conflict(plan.refused.join("; "))) }
    }
}

impl Plan {
    fn judge_cases(&mut self, (report, coverage): (cases::Report, Coverage)) {
        self.coverage = Some(coverage.basis_points() / 100);
        self.cases.passed = report.cases.iter().filter(|case| case.passed).count();
        self.cases.failed = report.diagnostics.iter().map(ToString::to_string).collect();
        for case in report.cases.iter().filter(|case| !case.passed) {
            let why = case.failures.first();
            let why = why.map_or_else(String::new, |f| format!(": {}: expected {}, actual {}", f.what, f.expected, f.actual));
            self.cases.failed.push(format!("{}:{} {}{why}", case.file, case.line, case.name));
        }
        let removed = self.difference.cases.iter().filter(|case| case.is.is_none());
        self.warnings.extend(removed.map(|case| format!("the case \"{}\" is removed", case.name)));
        if self.cases.passed + self.cases.failed.len() == 0 {
            self.warnings.push("it has no cases: nothing shows that it does what is wanted".into());
        }
    }

    fn judge_forecast(&mut self) {
        let Some(forecast) = &self.forecast else { return };
        if let Some(budget) = forecast.budget.as_ref().filter(|b| b.fits && !b.lasts) {
            let text = format!(
                "the budget does not last: {} are left, and each of {} cycles takes {}",
                budget.left, forecast.cycles_left, budget.per_cycle
            );
            self.warnings.push(text);
        }
        let short = forecast.stock.iter().filter(|s| !s.fits);
        self.warnings.extend(short.map(|s| {
            let has = if s.free < 0 { format!("owes {} codes", -s.free) } else { format!("has {} codes free", s.free) };
            format!("pool {} {has}, and such a cycle takes {}: import more", s.pool, s.per_cycle.would)
        }));
        self.warnings.extend(forecast.tighter.iter().map(|name| format!("the invariant \"{name}\" comes nearer to being broken")));
    }

    /// What does not fit.
    fn exceeds(&self) -> Vec<String> {
        let Some(forecast) = &self.forecast else { return Vec::new() };
        let budget = forecast
            .budget
            .iter()
            .filter(|b| !b.fits)
            .map(|b| format!("a cycle like the last one takes {}, and {} of the budget are left", b.per_cycle, b.left));
        let stock = forecast.stock.iter().filter(|s| !s.fits);
        budget
            .chain(stock.map(|s| {
                format!("a cycle like the last one takes {} codes of pool {}, and {} are free", s.per_cycle.would, s.pool, s.free)
            }))
            .collect()
    }

    fn hold_against(&mut self, policy: &Policy) {
        if policy.forecast_must_fit {
            let exceeds = self.exceeds();
            self.refused.extend(exceeds);
        }
        if let Some(reached) = self.coverage.filter(|reached| *reached < policy.coverage) {
            self.refused.push(format!("the cases reach {reached} % of the rules, and the policy in force wants {} %", policy.coverage));
        }
        if policy.cases_must_pass && !self.cases.failed.is_empty() {
            self.refused.push(format!("{} cases fail, and the policy in force wants all to pass", self.cases.failed.len()));
        }
    }
}

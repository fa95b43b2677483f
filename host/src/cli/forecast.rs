//! What a simulation came to, as tables on the terminal.

use super::output::{money, table};
use guerdon_rules::simulate::Report;
use guerdon_rules::simulate::forecast::{Forecast, PoolForecast, Quantiles};
use guerdon_rules::simulate::report::UnitsReport;

/// Members that are listed.
const LISTED: usize = 5;

/// Many runs of a population.
pub fn pretty(forecast: &Forecast) -> String {
    let runs = forecast.seeds.len();
    let (first, last) = (forecast.seeds.first().copied().unwrap_or(0), forecast.seeds.last().copied().unwrap_or(0));
    let seeds = if runs == 1 {
        format!("1 run, seed {first}")
    } else {
        format!("{runs} runs, seeds {first} to {last}; in brackets: where nine runs in ten lie")
    };
    let plain = |quantiles: &Quantiles| spread(runs, quantiles, &|n| n.to_string());
    let mut text = format!("{seeds}\n{} deliveries, {} members", plain(&forecast.deliveries), plain(&forecast.members));
    let amount = |minor: i64| forecast.currency.as_deref().map_or(String::new(), |currency| money(minor, currency));
    if forecast.currency.is_some() {
        text.push_str(&format!(", {}", spread(runs, &forecast.cost_minor, &amount)));
    }
    text.push_str(&format!("\n{}", budget(&forecast.middle, &amount)));
    let rewards = forecast.rewards.iter().map(|row| {
        let cost = row.currency.as_ref().map_or(String::new(), |_| spread(runs, &row.cost_minor, &amount));
        vec![row.reward.clone(), row.cycle.clone().unwrap_or_else(|| "all".into()), plain(&row.units), cost]
    });
    text.push_str(&table(&["reward", "cycle", "granted", "cost"], rewards));
    let pools = forecast.pools.iter().map(|pool| {
        let stock = pool.stock.map_or_else(|| "enough".to_string(), |stock| stock.to_string());
        vec![pool.pool.clone(), plain(&pool.needed), stock, runs_out(runs, pool)]
    });
    text.push_str(&table(&["pool", "codes needed", "stock", "runs out"], pools));
    if runs > 1 {
        text.push_str(&format!("\nOf the run whose cost is the middle one (seed {}):\n", forecast.middle_seed));
    }
    let segments = forecast.segments.iter().map(|s| vec![s.segment.clone(), s.members.to_string(), amount(s.cost_minor)]);
    text.push_str(&table(&["segment", "members", "cost"], segments));
    text.push_str(&details(&forecast.middle, &amount));
    text
}

/// One run of recorded events.
pub fn pretty_report(report: &Report) -> String {
    let outcomes: Vec<String> = report.outcomes.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    let mut text = format!("{} deliveries, {} members: {}\n", report.deliveries, report.members, outcomes.join(", "));
    if report.repeated + report.conflicts > 0 {
        text.push_str(&format!("{} sent again, {} in conflict\n", report.repeated, report.conflicts));
    }
    let amount = |minor: i64| report.currency.as_deref().map_or(String::new(), |currency| money(minor, currency));
    text.push_str(&budget(report, &amount));
    text.push_str(&table(&["reward", "cycle", "granted", "of them owed", "cost"], reward_rows(report)));
    text.push_str(&table(&["account", "cycle", "points"], account_rows(report)));
    let pools = report.pools.iter().map(|pool| {
        let stock = pool.stock.map_or_else(|| "enough".to_string(), |stock| stock.to_string());
        vec![pool.pool.clone(), pool.needed.to_string(), stock, pool.ran_out.clone().unwrap_or_else(|| "never".into())]
    });
    text.push_str(&table(&["pool", "codes needed", "stock", "runs out"], pools));
    text.push_str(&details(report, &amount));
    for (member, reason) in &report.failed {
        text.push_str(&format!("the close of {member} failed: {reason}\n"));
    }
    text
}

fn budget(report: &Report, amount: &dyn Fn(i64) -> String) -> String {
    match (report.budget_minor, &report.budget_out) {
        (Some(budget), Some(at)) => format!("budget {}: not enough from {at}\n", amount(budget)),
        (Some(budget), None) => format!("budget {}: enough\n", amount(budget)),
        (None, _) => String::new(),
    }
}

/// Rule lines, members, and how points are spread.
fn details(report: &Report, amount: &dyn Fn(i64) -> String) -> String {
    let lines = report.lines.iter().map(|line| {
        let cost = if line.cost_minor == 0 { String::new() } else { amount(line.cost_minor) };
        let place = line.place.clone().unwrap_or_else(|| "host".into());
        vec![place, line.function.clone(), format!("{} {}", line.effect, line.name), line.times.to_string(), line.count.to_string(), cost]
    });
    let mut text = table(&["rule line", "function", "effect", "times", "points or units", "cost"], lines);
    let top = report.top.iter().take(LISTED).map(|member| {
        let got = member.rewards.iter().chain(&member.accounts).map(|(name, count)| format!("{count} {name}"));
        vec![member.member.clone(), amount(member.cost_minor), got.collect::<Vec<_>>().join(", ")]
    });
    text.push_str(&table(&["who gets the most", "value", "rewards and points"], top));
    for c in report.concentrations.iter().filter(|_| report.cost_minor > 0) {
        let part = i128::from(c.cost_minor) * 100 / i128::from(report.cost_minor);
        text.push_str(&format!("the {} % who get the most ({} members) get {part} % of the cost\n", c.percent, c.members));
    }
    for spread in report.distributions.iter().filter(|spread| spread.members > 0) {
        let percentiles: Vec<String> = spread.percentiles.iter().map(|(percent, points)| format!("{percent} % up to {points}")).collect();
        text.push_str(&format!("points {}: {} members have any; {}\n", spread.account, spread.members, percentiles.join(", ")));
    }
    text
}

/// `120 (100 - 140)`.
fn spread(runs: usize, quantiles: &Quantiles, written: &dyn Fn(i64) -> String) -> String {
    let middle = written(quantiles.p50);
    if runs < 2 { middle } else { format!("{middle} ({} - {})", written(quantiles.p5), written(quantiles.p95)) }
}

fn runs_out(runs: usize, pool: &PoolForecast) -> String {
    match &pool.ran_out {
        None => "never".into(),
        Some([_, middle, _]) if runs == 1 => middle.clone(),
        Some([earliest, middle, latest]) => format!("{middle} ({earliest} - {latest}), in {} of {runs} runs", pool.runs_out),
    }
}

fn reward_rows(report: &Report) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for reward in &report.rewards {
        let cost = |minor: i64| reward.currency.as_ref().map_or(String::new(), |currency| money(minor, currency));
        let row = |cycle: &str, units: &UnitsReport| {
            vec![reward.reward.clone(), cycle.into(), units.granted.to_string(), units.owed.to_string(), cost(units.cost_minor)]
        };
        rows.extend(reward.cycles.iter().map(|cycle| row(&cycle.cycle, &cycle.units)));
        rows.push(row("all", &reward.all));
    }
    rows
}

fn account_rows(report: &Report) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for account in &report.accounts {
        let row = |cycle: &str, points: i64| vec![account.account.clone(), cycle.into(), points.to_string()];
        rows.extend(account.cycles.iter().map(|cycle| row(&cycle.cycle, cycle.points)));
        rows.push(row("all", account.points));
    }
    rows
}

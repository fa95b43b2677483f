//! The page's tables: rewards by cycle, codes, rule lines, members, segments, outcomes.

use super::words::{Currency, account, both, escaped, number, reward};
use guerdon_rules::campaign::Campaign;
use guerdon_rules::simulate::Report;
use guerdon_rules::simulate::forecast::{Forecast, PoolForecast, Quantiles};
use guerdon_rules::simulate::report::people::SegmentReport;

/// Rows of cells; a head that begins with `>` is of a column of numbers.
fn table(head: &[(&str, &str)], rows: Vec<Vec<String>>) -> String {
    let is_number = |column: usize| head.get(column).is_some_and(|(zh, _)| zh.starts_with('>'));
    let class = |column: usize| if is_number(column) { " class=\"n\"" } else { "" };
    let heads: String = head
        .iter()
        .enumerate()
        .map(|(column, (zh, en))| format!("<th{}>{}</th>", class(column), both(zh.trim_start_matches('>'), en)))
        .collect();
    let cells =
        |row: Vec<String>| row.iter().enumerate().map(|(column, cell)| format!("<td{}>{cell}</td>", class(column))).collect::<String>();
    let rows: String = rows.into_iter().map(|row| format!("<tr>{}</tr>", cells(row))).collect();
    format!("<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>")
}

/// `120 (100 – 140)`: the middle with what nine runs in ten lie between; one number when there is one run.
pub fn range(forecast: &Forecast, quantiles: &Quantiles, written: &dyn Fn(i64) -> String) -> String {
    let middle = written(quantiles.p50);
    if forecast.seeds.len() < 2 {
        return middle;
    }
    format!("{middle} <span class=\"range\">({} – {})</span>", written(quantiles.p5), written(quantiles.p95))
}

/// A bar as wide as its part of the most.
fn bar(part: i64, most: i64) -> String {
    let percent = (part.max(0) as f64 / most.max(1) as f64 * 100.0).min(100.0);
    format!("<span class=\"bar\" style=\"width:{percent:.1}%\"></span>")
}

pub fn rewards(campaign: &Campaign, forecast: &Forecast, currency: &Currency) -> String {
    let rows = forecast.rewards.iter().map(|row| {
        let cycle = row.cycle.as_ref().map_or_else(|| both("合计", "in all"), |cycle| escaped(cycle));
        let cost = row.currency.as_ref().map_or(String::new(), |_| range(forecast, &row.cost_minor, &|n| currency.amount(n)));
        vec![reward(campaign, &row.reward), cycle, range(forecast, &row.units, &number), cost]
    });
    table(&[("奖励", "Reward"), ("周期", "Cycle from"), (">数量", "Units"), (">费用", "Cost")], rows.collect())
}

pub fn pools(forecast: &Forecast) -> String {
    let rows = forecast.pools.iter().map(|pool| {
        let stock = pool.stock.map_or_else(|| both("未填写", "not given"), number);
        vec![escaped(&pool.pool), range(forecast, &pool.needed, &number), stock, runs_out(forecast, pool)]
    });
    table(&[("卡池", "Pool"), (">需要的卡码", "Codes needed"), (">库存", "Stock"), ("何时用完", "Runs out")], rows.collect())
}

pub fn runs_out(forecast: &Forecast, pool: &PoolForecast) -> String {
    let Some([earliest, middle, latest]) = &pool.ran_out else {
        return if pool.stock.is_some() { both("不会用完", "never") } else { "–".into() };
    };
    if forecast.seeds.len() < 2 {
        return escaped(middle);
    }
    let runs = forecast.seeds.len();
    let of = both(&format!("{runs} 次中有 {} 次", pool.runs_out), &format!("in {} of {runs} runs", pool.runs_out));
    format!("{} <span class=\"range\">{} – {}</span><br>{of}", escaped(middle), escaped(earliest), escaped(latest))
}

pub fn rule_lines(campaign: &Campaign, report: &Report, currency: &Currency) -> String {
    let most = report.lines.iter().map(|line| line.cost_minor).max().unwrap_or(0);
    let rows = report.lines.iter().map(|line| {
        let name = if line.effect == "grant" { reward(campaign, &line.name) } else { account(campaign, &line.name) };
        let does = match line.effect {
            "grant" => both("发放", "grants"),
            "award" => both("奖励", "awards"),
            _ => both("扣除", "deducts"),
        };
        let place = line.place.as_deref().map_or_else(|| both("系统", "host"), |place| format!("<code>{}</code>", escaped(place)));
        let cost = if line.cost_minor == 0 { "–".into() } else { currency.amount(line.cost_minor) };
        let function = format!("<code>{}</code>", escaped(&line.function));
        vec![place, function, format!("{does} {name}"), number(line.count), cost, bar(line.cost_minor, most)]
    });
    let head = [("规则行", "Rule line"), ("函数", "Function"), ("作用", "Effect"), (">数量", "Points, units"), (">费用", "Cost"), ("", "")];
    table(&head, rows.collect())
}

pub fn top(campaign: &Campaign, report: &Report, currency: &Currency) -> String {
    let listed = |list: &[(String, i64)], named: &dyn Fn(&Campaign, &str) -> String| -> String {
        list.iter().map(|(name, count)| format!("{} × {}", number(*count), named(campaign, name))).collect::<Vec<_>>().join("<br>")
    };
    let rows = report.top.iter().take(10).enumerate().map(|(place, member)| {
        let rewards = listed(&member.rewards, &reward);
        let points = listed(&member.accounts, &|_, name| escaped(name));
        vec![(place + 1).to_string(), escaped(&member.member), currency.amount(member.cost_minor), rewards, points]
    });
    table(&[(">名次", "Place"), ("成员", "Member"), (">价值", "Value"), ("奖励", "Rewards"), ("积分", "Points")], rows.collect())
}

pub fn segments(segments: &[SegmentReport], currency: &Currency) -> String {
    let most = segments.iter().map(|segment| segment.cost_minor).max().unwrap_or(0);
    let rows = segments.iter().map(|segment| {
        let each = segment.cost_minor / i64::try_from(segment.members).unwrap_or(i64::MAX).max(1);
        let members = number(segment.members as i64);
        let cost = currency.amount(segment.cost_minor);
        vec![escaped(&segment.segment), members, cost, currency.amount(each), bar(segment.cost_minor, most)]
    });
    let head = [("人群", "Segment"), (">成员", "Members"), (">费用", "Cost"), (">人均", "For each"), ("", "")];
    table(&head, rows.collect())
}

pub fn outcomes(report: &Report) -> String {
    let zh = |outcome: &str| match outcome {
        "booked" => "已入账",
        "refused" => "被拒绝",
        "duplicate" => "重复上报",
        "failed" => "失败",
        "waiting" => "等待中",
        _ => "已隔离",
    };
    let mut rows: Vec<Vec<String>> =
        report.outcomes.iter().map(|(outcome, count)| vec![both(zh(outcome), outcome), number(*count as i64)]).collect();
    rows.push(vec![both("重复投递", "delivered again"), number(report.repeated as i64)]);
    rows.push(vec![both("编号冲突", "in conflict"), number(report.conflicts as i64)]);
    table(&[("结果", "Outcome"), (">事件", "Events")], rows)
}

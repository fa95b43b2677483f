//! The page itself: title, key figures, then one section for each question.

use super::chart::{self, Frame, Line};
use super::tables;
use super::words::{Currency, account, both, escaped, labelled, number, reward};
use guerdon_rules::campaign::Campaign;
use guerdon_rules::simulate::forecast::{Forecast, Quantiles};
use guerdon_rules::simulate::report::people::{Concentration, Distribution};
use std::collections::BTreeMap;

/// A forecast for a campaign as one HTML document.
pub fn page(campaign: &Campaign, forecast: &Forecast) -> String {
    let currency = Currency::named(forecast.currency.as_deref());
    let title = labelled(&campaign.label, &campaign.id);
    let names: Vec<&str> = [&campaign.label.zh, &campaign.label.en].into_iter().flatten().map(String::as_str).collect();
    let plain_title = if names.is_empty() { campaign.id.to_string() } else { names.join(" · ") };
    let middle = &forecast.middle;
    let sections = [
        section("费用随时间", "Cost over time", &cost_over_time(campaign, forecast, &currency)),
        section("卡码与库存", "Codes and stock", &[codes_over_time(forecast), tables::pools(forecast)].concat()),
        section(
            "各奖励与周期",
            "Rewards by cycle",
            &[cost_by_cycle(campaign, forecast, &currency), tables::rewards(campaign, forecast, &currency)].concat(),
        ),
        section("规则每一行的费用", "What each rule line costs", &tables::rule_lines(campaign, middle, &currency)),
        section(
            "谁得到最多",
            "Who gets the most",
            &[concentration(&middle.concentrations, middle.cost_minor), tables::top(campaign, middle, &currency)].concat(),
        ),
        section("人群", "Segments", &segments(forecast, &currency)),
        section(
            "积分分布",
            "How points are spread",
            &middle.distributions.iter().map(|spread| distribution(campaign, spread)).collect::<String>(),
        ),
        section("事件的结果", "What became of the events", &tables::outcomes(middle)),
    ];
    format!(
        "<!doctype html>\n<html lang=\"zh\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{} · Guerdon</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<header><p class=\"kind\">{}</p><h1>{title}</h1>{}</header>\n{}\n{}\n\
         <footer>{}</footer>\n</body>\n</html>\n",
        escaped(&plain_title),
        both("活动预测", "Campaign forecast"),
        about(campaign, forecast),
        key_figures(forecast, &currency),
        sections.concat(),
        how_made(forecast),
    )
}

/// Nothing for a question that this campaign does not have.
fn section(zh: &str, en: &str, content: &str) -> String {
    if content.is_empty() { String::new() } else { format!("<section><h2>{}</h2>{content}</section>\n", both(zh, en)) }
}

fn about(campaign: &Campaign, forecast: &Forecast) -> String {
    let calendar = &campaign.calendar;
    let day = |at_ms: i64| guerdon_rules::campaign::calendar::day_text(calendar.moment(at_ms).day);
    let zone = calendar.zone().iana_name().unwrap_or_default();
    let runs = match forecast.seeds.len() {
        1 => both("一次模拟", "one run"),
        runs => both(&format!("{runs} 次模拟"), &format!("{runs} runs")),
    };
    format!("<p class=\"about\">{} – {} ({}) · {runs}</p>", day(calendar.starts_ms()), day(calendar.ends_ms() - 1), escaped(zone))
}

fn key_figures(forecast: &Forecast, currency: &Currency) -> String {
    let figure = |zh: &str, en: &str, value: String, note: String| {
        format!(
            "<div class=\"figure\"><p class=\"name\">{}</p><p class=\"value\">{value}</p><p class=\"note\">{note}</p></div>",
            both(zh, en)
        )
    };
    let between = |quantiles: &Quantiles, written: &dyn Fn(i64) -> String| {
        if forecast.seeds.len() < 2 { String::new() } else { format!("{} – {}", written(quantiles.p5), written(quantiles.p95)) }
    };
    let mut figures = Vec::new();
    if forecast.currency.is_some() {
        let cost = &forecast.cost_minor;
        figures.push(figure("总费用", "Cost", currency.amount(cost.p50), between(cost, &|n| currency.amount(n))));
        if let Some(budget) = forecast.middle.budget_minor {
            let note = forecast.middle.budget_out.as_ref().map_or_else(
                || both("够用", "enough"),
                |at| both(&format!("{} 起不够", escaped(at)), &format!("not enough from {}", escaped(at))),
            );
            figures.push(figure("预算", "Budget", currency.amount(budget), note));
        }
    }
    figures.push(figure("成员", "Members", number(forecast.members.p50), between(&forecast.members, &number)));
    figures.push(figure("投递的事件", "Events delivered", number(forecast.deliveries.p50), between(&forecast.deliveries, &number)));
    for pool in &forecast.pools {
        let needed = between(&pool.needed, &number);
        let note = if pool.stock.is_some() { tables::runs_out(forecast, pool) } else { needed };
        let name = escaped(&pool.pool);
        figures.push(figure(&format!("{name} 卡码"), &format!("{name} codes"), number(pool.needed.p50), note));
    }
    format!("<div class=\"figures\">{}</div>", figures.concat())
}

/// `09-22` of `2020-09-22 00:00`; with the hour where days repeat.
fn instants(at: &[String]) -> Vec<String> {
    let hourly = at.len() > 1 && at[0].get(..10) == at[1].get(..10);
    let short = |text: &String| if hourly { text.get(5..16) } else { text.get(5..10) }.unwrap_or(text).to_string();
    at.iter().map(short).collect()
}

fn line(name: String, quantiles: &[Quantiles]) -> Line {
    let column = |of: fn(&Quantiles) -> i64| quantiles.iter().map(of).collect();
    Line { name, low: column(|q| q.p5), middle: column(|q| q.p50), high: column(|q| q.p95) }
}

fn cost_over_time(campaign: &Campaign, forecast: &Forecast, currency: &Currency) -> String {
    if forecast.currency.is_none() {
        return String::new();
    }
    let budget = campaign.limits.budget.map(|budget| budget.minor);
    let labels = instants(&forecast.timeline.at);
    let frame = Frame { title: "Cost over time", unit: currency.code(), labels, written: &|n| currency.short(n) };
    let name = both("累计费用：中位数，及十次中九次所在的范围", "cost so far: the middle, and where nine runs in ten lie");
    chart::lines(&frame, &[line(name, &forecast.timeline.cost_minor)], budget.map(|level| ("预算 budget", level)))
}

fn codes_over_time(forecast: &Forecast) -> String {
    let with_codes: Vec<_> = forecast.timeline.pools.iter().filter(|pool| pool.needed.last().is_some_and(|q| q.most > 0)).collect();
    let draw = |pool: &guerdon_rules::simulate::forecast::PoolTimelineForecast| {
        let labels = instants(&forecast.timeline.at);
        let frame = Frame { title: "Codes over time", unit: "codes".into(), labels, written: &number };
        let stock = forecast.pools.iter().find(|p| p.pool == pool.pool).and_then(|p| p.stock);
        let name = both(&format!("{} 累计需要的卡码", escaped(&pool.pool)), "codes needed so far");
        chart::lines(&frame, &[line(name, &pool.needed)], stock.map(|level| ("库存 stock", level)))
    };
    with_codes.into_iter().map(draw).collect()
}

/// A bar for each reward in each cycle.
fn cost_by_cycle(campaign: &Campaign, forecast: &Forecast, currency: &Currency) -> String {
    let cycles: std::collections::BTreeSet<&String> = forecast.rewards.iter().filter_map(|row| row.cycle.as_ref()).collect();
    let mut series: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for row in forecast.rewards.iter().filter(|row| row.cost_minor.most > 0) {
        let at = row.cycle.as_ref().and_then(|cycle| cycles.iter().position(|c| *c == cycle));
        let values = series.entry(&row.reward).or_insert_with(|| vec![0; cycles.len()]);
        if let Some(at) = at {
            values[at] = row.cost_minor.p50;
        }
    }
    if series.is_empty() || cycles.len() < 2 {
        return String::new();
    }
    let series: Vec<(String, Vec<i64>)> = series.into_iter().map(|(name, values)| (reward(campaign, name), values)).collect();
    let labels = cycles.iter().map(|cycle| cycle.get(5..).unwrap_or(cycle).to_string()).collect();
    chart::bars(&Frame { title: "Cost by cycle", unit: currency.code(), labels, written: &|n| currency.short(n) }, &series)
}

fn concentration(concentrations: &[Concentration], cost_minor: i64) -> String {
    let said = |c: &Concentration| {
        let part = (i128::from(c.cost_minor) * 100 / i128::from(cost_minor.max(1))) as i64;
        both(
            &format!("得到最多的 {}%（{} 人）得到全部价值的 {part}%。", c.percent, number(c.members as i64)),
            &format!("The {} % who get the most ({} members) get {part} % of the whole value.", c.percent, number(c.members as i64)),
        )
    };
    if cost_minor == 0 { String::new() } else { concentrations.iter().map(|c| format!("<p>{}</p>", said(c))).collect() }
}

fn segments(forecast: &Forecast, currency: &Currency) -> String {
    if forecast.segments.is_empty() { String::new() } else { tables::segments(&forecast.segments, currency) }
}

fn distribution(campaign: &Campaign, spread: &Distribution) -> String {
    if spread.members == 0 {
        return String::new();
    }
    let labels = (1..=spread.bars.len() as i64).map(|n| number(n.saturating_mul(spread.width))).collect();
    let frame = Frame { title: "How points are spread", unit: "members".into(), labels, written: &number };
    let bars = vec![(String::new(), spread.bars.iter().map(|n| *n as i64).collect())];
    let at = |percent: u8| spread.percentiles.iter().find(|(p, _)| *p == percent).map_or(0, |(_, points)| *points);
    let said = both(
        &format!(
            "{} 人有积分；中位数 {}，前 10% 从 {} 起，最多 {}。横轴：每条的上限。",
            number(spread.members as i64),
            number(at(50)),
            number(at(90)),
            number(at(100))
        ),
        &format!(
            "{} members have any; half of them up to {}, a tenth {} or more, the most is {}. Below each bar: its upper end.",
            number(spread.members as i64),
            number(at(50)),
            number(at(90)),
            number(at(100))
        ),
    );
    format!("<h3>{}</h3><p>{said}</p>{}", account(campaign, &spread.account), chart::bars(&frame, &bars))
}

fn how_made(forecast: &Forecast) -> String {
    let (first, last) = (forecast.seeds.first().copied().unwrap_or(0), forecast.seeds.last().copied().unwrap_or(0));
    both(
        &format!(
            "由发放奖励的同一段程序算出。种子 {first} 至 {last}；规则行、成员、人群、积分与事件各表取自费用居中的一次（种子 {}）。",
            forecast.middle_seed
        ),
        &format!(
            "Computed by the code that pays. Seeds {first} to {last}; rule lines, members, segments, points and events are those of the run \
             whose cost is the middle one (seed {}).",
            forecast.middle_seed
        ),
    )
}

const STYLE: &str = "
:root{color-scheme:light;--ink:#1b2430;--soft:#5b6470;--line:#d9dee5;--blue:#1f5fa8}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,'Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif;color:var(--ink);max-width:860px;margin:0 auto;padding:28px 24px;background:#fff}
header{border-bottom:3px solid var(--blue);margin-bottom:18px}
.kind{margin:0;color:var(--blue);font-weight:600}
h1{margin:2px 0;font-size:28px}
h1 code{font-size:15px}
.about{margin:2px 0 12px;color:var(--soft)}
h2{font-size:19px;margin:28px 0 8px;border-bottom:1px solid var(--line);padding-bottom:4px;break-after:avoid}
h3{font-size:15px;margin:12px 0 2px;break-after:avoid}
.en{color:var(--soft);font-weight:400}
code{white-space:nowrap;font:12px/1 ui-monospace,Consolas,monospace;color:var(--soft);background:#f2f4f7;padding:1px 4px;border-radius:3px}
.figures{display:flex;flex-wrap:wrap;gap:10px}
.figure{flex:1 1 150px;border:1px solid var(--line);border-radius:6px;padding:10px 12px;break-inside:avoid}
.figure p{margin:0}
.figure .value{font-size:21px;font-weight:650;white-space:nowrap}
.figure .name,.figure .note{font-size:13px;color:var(--soft)}
table{border-collapse:collapse;width:100%;margin:8px 0;font-size:13.5px}
th{text-align:left;border-bottom:1.5px solid var(--ink);padding:4px 8px;vertical-align:bottom;font-weight:600}
td{border-bottom:1px solid var(--line);padding:4px 8px;vertical-align:top}
tr{break-inside:avoid}
td.n:not(:has(.range)){white-space:nowrap}
.n{text-align:right;font-variant-numeric:tabular-nums}
.range{color:var(--soft);white-space:nowrap;font-size:12.5px}
.bar{display:inline-block;height:11px;min-width:1px;background:var(--blue);print-color-adjust:exact;-webkit-print-color-adjust:exact}
td:last-child:has(.bar){width:22%}
svg{width:100%;height:auto;display:block;break-inside:avoid}
svg text{font-size:12px;fill:var(--soft)}
.grid{stroke:var(--line)}
.legend{margin:6px 0 0;font-size:13px;break-after:avoid}
.key{margin-right:16px}
.key i{display:inline-block;width:11px;height:11px;margin-right:5px;print-color-adjust:exact;-webkit-print-color-adjust:exact}
footer{margin-top:28px;border-top:1px solid var(--line);padding-top:8px;color:var(--soft);font-size:12.5px}
h1,h2,h3,p{break-after:avoid}
@media print{body{padding:0;max-width:none;font-size:12px}section{break-inside:auto}}
";

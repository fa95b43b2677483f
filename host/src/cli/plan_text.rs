//! A plan as people read it: what changes, what it would have paid, what to look at. Shared by `plan` and `proposals`.

use super::output::table;
use crate::flow::plan_views::{Both, Forecast, Plan};
use guerdon_rules::difference::{Changed, Difference};

pub fn pretty(plan: &Plan) -> String {
    let mut text = match plan.base.release {
        0 => format!("{}: new on this host\n", plan.campaign),
        _ if plan.difference.is_empty() => format!("{}: no difference to what runs\n", plan.campaign),
        release => format!("{}: changes to what runs (the newest release is {release})\n", plan.campaign),
    };
    text.push_str(&format!("takes effect {}: {}\n", plan.effective_from, plan.takes_effect));
    if plan.base.release > 0 {
        text.push_str(&difference(&plan.difference));
    }
    text.push_str(&cases(plan));
    if let Some(forecast) = &plan.forecast {
        text.push_str(&pretty_forecast(forecast));
    }
    list(&mut text, "\nlook at this\n", &plan.warnings);
    list(&mut text, "\nthe policy in force says no\n", &plan.refused);
    if plan.refused.is_empty() {
        text.push_str(&match plan.needs {
            0 => "\nNobody has to approve it: applying it makes it live.\n".to_string(),
            needs => format!("\nneeds {needs} approval{} by others; content {}\n", if needs == 1 { "" } else { "s" }, plan.hash),
        });
    }
    text
}

fn list(text: &mut String, head: &str, items: &[String]) {
    if !items.is_empty() {
        text.push_str(head);
        items.iter().for_each(|item| text.push_str(&format!("  ! {item}\n")));
    }
}

fn difference(difference: &Difference) -> String {
    let mut text = String::new();
    let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "-".into());
    if !difference.settings.is_empty() {
        let rows = difference.settings.iter().map(|c| [c.name.clone(), side(&c.was), side(&c.is)]);
        text.push_str(&format!("\n{}", table(&["setting", "was", "is"], rows)));
    }
    let named = |what: &str, c: &Changed| match (&c.was, &c.is) {
        (None, Some(place)) => format!("{what} {} is new ({place})\n", c.name),
        (Some(_), Some(place)) => format!("{what} {} changes ({place})\n", c.name),
        _ => format!("{what} {} is removed\n", c.name),
    };
    text.extend(difference.functions.iter().map(|c| named("function", c)));
    text.extend(difference.cases.iter().map(|c| named("case", c)));
    for file in difference.files.iter().filter(|file| !file.path.starts_with("cases/")) {
        text.push_str(&format!("\n{}", file.diff));
    }
    text
}

fn cases(plan: &Plan) -> String {
    let coverage = plan.coverage.map_or_else(String::new, |percent| format!(", reaching {percent} % of the rule file"));
    let mut text = format!("\ncases: {} pass, {} fail{coverage}\n", plan.cases.passed, plan.cases.failed.len());
    list(&mut text, "", &plan.cases.failed);
    text
}

fn pretty_forecast(forecast: &Forecast) -> String {
    let word = if forecast.ended { "paid" } else { "paid so far" };
    let mut text = format!(
        "\nwhat cycle {} ({} to {}) {word}, and would have: {} events played again\n",
        forecast.cycle, forecast.first_day, forecast.last_day, forecast.events
    );
    let mut rows: Vec<[String; 3]> = Vec::new();
    for reward in &forecast.rewards {
        rows.push([reward.reward.clone(), arrow(&reward.units), reward.cost.as_ref().map(arrow).unwrap_or_default()]);
    }
    for account in &forecast.accounts {
        rows.push([format!("{} (points)", account.account), arrow(&account.points), String::new()]);
    }
    if let Some(cost) = &forecast.cost {
        rows.push(["all".into(), String::new(), arrow(cost)]);
    }
    text.push_str(&table(&["", "units", "cost"], rows));
    let Forecast { gain, lose, exchange, same, .. } = forecast;
    text.push_str(&format!("members: {gain} gain, {lose} lose, {exchange} get the same value in other things, {same} get the same\n"));
    if !forecast.members.is_empty() {
        let rows = forecast.members.iter().map(|m| [m.member.clone(), m.what.clone(), arrow(&m.count)]);
        text.push_str(&table(&["member", "gets", "units"], rows));
    }
    if let Some(budget) = &forecast.budget {
        let fits = match (budget.fits, budget.lasts) {
            (false, _) => "does not fit",
            (true, false) => "fits, but not for every cycle that is left",
            (true, true) => "fits",
        };
        let left = forecast.cycles_left;
        text.push_str(&format!(
            "budget: {} of {} left, {} for such a cycle, {left} cycles begin after it takes effect: {fits}\n",
            budget.left, budget.budget, budget.per_cycle
        ));
    }
    if !forecast.stock.is_empty() {
        let row = |s: &crate::flow::plan_views::StockForecast| {
            [s.pool.clone(), s.free.to_string(), arrow(&s.per_cycle), if s.fits { "enough" } else { "not enough" }.to_string()]
        };
        text.push_str(&table(&["pool", "codes free", "such a cycle takes", ""], forecast.stock.iter().map(row)));
    }
    text
}

fn arrow<T: PartialEq + std::fmt::Display>(both: &Both<T>) -> String {
    if both.was == both.would { both.was.to_string() } else { format!("{} -> {}", both.was, both.would) }
}

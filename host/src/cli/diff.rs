//! `guerdon diff`: two versions of a campaign over the same events, and what that changes for whom.

use super::events::Played;
use super::exit::Failure;
use super::folder;
use super::output::{self, Format, money, table};
use clap::Args;
use guerdon_rules::book::receipt::{EffectLine, Receipt};
use guerdon_rules::simulate::compare::examples::{Cause, Example};
use guerdon_rules::simulate::compare::members::{MemberDifference, Sort};
use guerdon_rules::simulate::compare::{Both, Comparison, compare};
use guerdon_rules::simulate::{Options, report::UnitsReport};
use std::path::PathBuf;

/// Play the same events through two versions of a campaign: what changes, and for whom
#[derive(Args)]
#[command(after_help = "Example:\n  guerdon demo --events recorded.ndjson\n  \
    guerdon diff campaigns/learning-race campaigns/learning-race-5x20 --events recorded.ndjson\n  \
    guerdon diff campaigns/learning-race campaigns/learning-race-5x20 \\\n      \
    --population campaigns/learning-race/population.toml\n\n\
    Exit code 3 when there are differences, 0 when there are none.")]
pub struct Diff {
    /// The folder of the version in force
    old: PathBuf,
    /// The folder of the version that shall follow
    new: PathBuf,
    #[command(flatten)]
    played: Played,
    /// How many members of each sort, and decisions of each function, are named
    #[arg(long, default_value_t = 3, value_name = "N")]
    listed: usize,
}

pub fn run(diff: &Diff, format: Format) -> Result<(), Failure> {
    let (old, new) = (folder::compiled(&diff.old)?, folder::compiled(&diff.new)?);
    let Some(release) = new.newest().cloned() else { return Err(Failure::Failed) };
    let (source, seed) = diff.played.open(&release.campaign)?;
    let mut events = source.events(&release.campaign, seed);
    let options = Options { stock: diff.played.stock(), seed, progress: &|_| {} };
    let comparison = compare(old, new, events.by_ref(), options, diff.listed);
    events.checked()?;
    output::print(format, &comparison, pretty)?;
    if comparison.differ { Err(Failure::Different) } else { Ok(()) }
}

fn pretty(comparison: &Comparison) -> String {
    let events = format!("{} deliveries, {} members", comparison.deliveries, comparison.new.members);
    if !comparison.differ {
        return format!("{events}: no difference\n");
    }
    let mut text = format!("{events}\n{}\n", cost(comparison));
    let currency = comparison.currency.as_deref();
    text.push_str(&titled("Rewards", &["reward", "cycle", "units", "", "cost", ""], reward_rows(comparison)));
    text.push_str(&titled("Points", &["account", "cycle", "points", ""], account_rows(comparison)));
    text.push_str(&titled("Codes needed", &["pool", "codes", ""], pool_rows(comparison)));
    let outcomes = comparison.outcomes.iter().map(|o| vec![o.old.to_string(), o.new.to_string(), o.events.to_string()]);
    text.push_str(&titled("Events that come out otherwise", &["before", "now", "events"], outcomes.collect()));
    text.push_str(&members(comparison, currency));
    text.push_str("\nThe decisions that differ most\n");
    comparison.examples.iter().for_each(|example| text.push_str(&example_text(example, currency)));
    text
}

fn cost(comparison: &Comparison) -> String {
    let Both { old, new } = comparison.cost_minor;
    match &comparison.currency {
        None => "Nothing here has a price.".into(),
        Some(currency) if old == new => format!("The cost is the same: {}.", money(new, currency)),
        Some(currency) => format!(
            "The cost changes by {}: from {} to {}.",
            signed_money(comparison.cost_minor.more(), currency),
            money(old, currency),
            money(new, currency)
        ),
    }
}

fn titled(title: &str, head: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() { String::new() } else { format!("\n{title}\n{}", table(head, rows)) }
}

fn reward_rows(comparison: &Comparison) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for reward in &comparison.rewards {
        let row = |cycle: &str, both: &Both<UnitsReport>| {
            let units = Both { old: both.old.granted, new: both.new.granted };
            let cost = Both { old: both.old.cost_minor, new: both.new.cost_minor };
            let priced = |text: &dyn Fn(&str) -> String| reward.currency.as_deref().map_or(String::new(), text);
            let costs = |currency: &str| arrow(&money(cost.old, currency), &money(cost.new, currency));
            let more = priced(&|currency| if cost.differ() { signed_money(cost.more(), currency) } else { String::new() });
            vec![reward.reward.clone(), cycle.into(), arrow_of(units), more_of(units), priced(&costs), more]
        };
        rows.extend(reward.cycles.iter().map(|cycle| row(&cycle.cycle, &cycle.both)));
        rows.push(row("all", &reward.all));
    }
    rows
}

fn account_rows(comparison: &Comparison) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for account in &comparison.accounts {
        let row = |cycle: &str, both: Both<i64>| vec![account.account.clone(), cycle.to_string(), arrow_of(both), more_of(both)];
        rows.extend(account.cycles.iter().map(|cycle| row(&cycle.cycle, cycle.both)));
        rows.push(row("all", account.points));
    }
    rows
}

fn pool_rows(comparison: &Comparison) -> Vec<Vec<String>> {
    let row = |pool: &guerdon_rules::simulate::compare::PoolDifference| {
        let said = match (pool.codes.more(), &pool.ran_out.new) {
            (0, None) => "as many".to_string(),
            (0, Some(at)) => format!("as many; none left from {at}"),
            (more, ran_out) => {
                let word = if more > 0 { "more" } else { "fewer" };
                let until = ran_out.as_ref().map_or(String::new(), |at| format!("; none left from {at}"));
                format!("{} {word}{until}", more.unsigned_abs())
            }
        };
        vec![pool.pool.clone(), arrow_of(pool.codes), said]
    };
    comparison.pools.iter().map(row).collect()
}

fn members(comparison: &Comparison, currency: Option<&str>) -> String {
    let members = &comparison.members;
    let mut text = format!(
        "\nMembers: {} gain, {} lose, {} get the same value in other rewards, {} see no difference\n",
        members.gain.members, members.lose.members, members.exchange.members, members.same
    );
    let sorts: [(&str, &Sort); 3] = [("gains", &members.gain), ("loses", &members.lose), ("exchanges", &members.exchange)];
    let rows: Vec<Vec<String>> =
        sorts.iter().flat_map(|(word, sort)| sort.largest.iter().map(|member| member_row(word, member, currency))).collect();
    if !rows.is_empty() {
        text.push_str(&table(&["member", "", "value", "rewards and points"], rows));
    }
    text
}

fn member_row(word: &str, member: &MemberDifference, currency: Option<&str>) -> Vec<String> {
    let Both { old, new } = member.cost_minor;
    let value = currency.map_or(String::new(), |currency| arrow(&money(old, currency), &money(new, currency)));
    let named = member.rewards.iter().chain(&member.accounts).map(|named| format!("{}: {}", named.name, arrow_of(named.both)));
    vec![member.member.clone(), word.into(), value, named.collect::<Vec<_>>().join(", ")]
}

fn example_text(example: &Example, currency: Option<&str>) -> String {
    let what = match &example.cause {
        Cause::Event { source, id, kind, time, data } => {
            format!("{kind} {id} from {source}, {}\n    {data}", time.as_deref().unwrap_or("without a time"))
        }
        Cause::Close { cycle, revision: 1, member } => format!("close of {cycle} for {member}"),
        Cause::Close { cycle, revision, member } => format!("close of {cycle}, correction {}, for {member}", revision - 1),
    };
    let mut moved = Vec::new();
    if let Some(currency) = currency.filter(|_| example.moved_minor != 0) {
        moved.push(money(i64::try_from(example.moved_minor).unwrap_or(i64::MAX), currency));
    }
    if example.moved_points != 0 {
        moved.push(format!("{} points", example.moved_points));
    }
    let moved = if moved.is_empty() { String::new() } else { format!(" (moves {})", moved.join(" and ")) };
    format!("\n  {what}{moved}\n{}{}", receipt_text("old", example.old.as_ref()), receipt_text("new", example.new.as_ref()))
}

fn receipt_text(word: &str, receipt: Option<&Receipt>) -> String {
    let Some(receipt) = receipt else { return format!("    {word}: nothing is decided\n") };
    let because = receipt.reason.as_ref().map_or(String::new(), |reason| format!(": {reason}"));
    let function = receipt.function.as_ref().map_or(String::new(), |function| format!(" by {function}"));
    let mut text = format!("    {word}: {}{function}{because}\n", receipt.outcome);
    receipt.effects.iter().for_each(|line| text.push_str(&format!("      {}\n", effect_text(line))));
    text
}

/// `rules.rhai:24: grant jd-20 5 to u00001 (asked 7, per_cycle)`.
fn effect_text(line: &EffectLine) -> String {
    let place = line.place.as_ref().map_or(String::new(), |place| format!("{place}: "));
    let name = line.name.as_deref().unwrap_or_default();
    let count = line.count.map_or(String::new(), |count| format!(" {count}"));
    let to = line.member.as_ref().map_or(String::new(), |member| format!(" to {member}"));
    let text = line.text.as_ref().map_or(String::new(), |text| format!(" {text}"));
    let clipped = line.asked.zip(line.limit.as_ref()).map_or(String::new(), |(asked, limit)| format!(" (asked {asked}, {limit})"));
    let owed = line.owed.map_or(String::new(), |owed| format!(", {owed} owed"));
    format!("{place}{} {name}{count}{text}{to}{clipped}{owed}", line.effect)
}

fn arrow(old: &str, new: &str) -> String {
    if old == new { new.to_string() } else { format!("{old} -> {new}") }
}

fn arrow_of(both: Both<i64>) -> String {
    arrow(&both.old.to_string(), &both.new.to_string())
}

fn more_of(both: Both<i64>) -> String {
    if both.differ() { format!("{:+}", both.more()) } else { String::new() }
}

fn signed_money(minor: i64, currency: &str) -> String {
    format!("{}{}", if minor > 0 { "+" } else { "" }, money(minor, currency))
}

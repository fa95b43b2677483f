//! Measurements of this machine, for whoever sizes a database or changes the hot path: the real host over real HTTP
//! against what a database can do at most, and what a usual host does. Promises: everything that is compared is
//! measured in the same run, on the same machine, by the same client; a host whose books do not agree afterwards is no
//! result. Must not know: how results are printed.

mod baselines;
mod batch;
mod board;
mod bulk;
mod bulk_postgres;
mod bulk_sqlite;
mod client;
mod crowd;
mod decision;
mod growth;
mod lab;
mod postgres;
mod rules;
mod settlement;
mod single;
mod start;
mod stream;
mod sweep;
mod usage;
mod usual;
mod world;

use guerdon_rules::language::Runtime;
use serde::Serialize;

/// Every measurement, in the order in which they are reported.
pub const NAMES: [&str; 25] = [
    "postgres.batch",
    "postgres.bulk_limit",
    "postgres.memory",
    "postgres.single",
    "postgres.latency.p50",
    "postgres.latency.p99",
    "postgres.hot_member",
    "postgres.two_hosts",
    "postgres.growth",
    sweep::MEMBERS,
    sweep::CONNECTIONS,
    "postgres.stock",
    "leaderboard.rank",
    "leaderboard.restart",
    "settlement",
    "settlement.serving",
    "sqlite.batch",
    "simulate",
    "rule.rhai",
    "rule.wasm",
    "rule.zen",
    "rule.json_rules_engine",
    "rule.cel",
    "rule.rust",
    start::NAME,
];

/// Times what the usual host books.
const USUAL_GOAL: f64 = 10.0;
/// Of what plain SQL writes.
const BULK_GOAL: f64 = 0.6;

pub type Result<T> = std::result::Result<T, BenchError>;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    #[error("{0}")]
    Flow(#[from] crate::flow::FlowError),
    #[error("{0}")]
    Store(#[from] crate::store::StoreError),
    #[error("{0}")]
    Sql(#[from] sqlx::Error),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The host did what it must not do.
    #[error("{0}")]
    Wrong(String),
}

/// What to measure.
pub struct Options {
    /// Names, or their first parts; empty: all.
    pub names: Vec<String>,
    pub quick: bool,
    /// Address of a server on which a database may be made, and is dropped at the end.
    pub postgres: Option<String>,
    /// Members that are there before anything is measured.
    pub members: u64,
}

/// What a figure is held against.
#[derive(Clone, Copy)]
enum Goal {
    Ratio(f64),
    Value(f64),
    /// Nothing: it is only told.
    None,
}

impl Goal {
    fn number(self) -> Option<f64> {
        match self {
            Goal::Ratio(goal) | Goal::Value(goal) => Some(goal),
            Goal::None => None,
        }
    }
}

/// One result. With a baseline, `ratio` is value by baseline and the goal is one for the ratio.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Entry {
    pub name: &'static str,
    /// None: only told.
    pub goal: Option<f64>,
    /// Whether the goal is the most (a time, memory) or the least (a rate; how much longer others take).
    pub goal_is_most: bool,
    /// Whether the goal is one for the ratio or for the value.
    pub goal_is_ratio: bool,
    pub value: Option<f64>,
    pub unit: &'static str,
    pub baseline: Option<f64>,
    pub ratio: Option<f64>,
    /// What took the time.
    pub bottleneck: Option<String>,
    /// None: no goal, or not measured, as `skipped` says.
    pub met: Option<bool>,
    pub skipped: Option<String>,
    /// What else was counted.
    pub details: Vec<String>,
    pub growth: Option<Growth>,
}

/// A figure at several points, each against the baseline at the same point of the same run.
#[derive(Clone, Debug, Serialize)]
pub struct Growth {
    /// What grows: `members`.
    pub over: &'static str,
    /// Whose `value` it is, and whose `baseline`.
    pub value_of: &'static str,
    pub baseline_of: &'static str,
    pub points: Vec<Point>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Point {
    pub at: u64,
    pub value: f64,
    pub baseline: f64,
    pub ratio: f64,
    /// Of the value: also how much other programs disturbed it.
    pub bottleneck: Option<String>,
}

impl Growth {
    fn against_usual(over: &'static str, value_of: &'static str, points: Vec<Point>) -> Growth {
        Growth { over, value_of, baseline_of: "usual host, one event a request", points }
    }
}

impl Point {
    fn new(at: u64, value: f64, baseline: f64, bottleneck: Option<String>) -> Point {
        Point { at, value, baseline, ratio: value / baseline, bottleneck }
    }
}

impl Entry {
    fn skipped(name: &'static str, goal: Goal, unit: &'static str, why: &str) -> Entry {
        let goal_is_ratio = matches!(goal, Goal::Ratio(_));
        let of = Entry { goal: goal.number(), goal_is_ratio, goal_is_most: is_most(unit), ..Entry::default() };
        Entry { name, unit, skipped: Some(why.into()), ..of }
    }

    /// Value by baseline, held against the goal.
    fn ratio(name: &'static str, goal: f64, unit: &'static str, value: f64, baseline: f64) -> Entry {
        let of = Entry { value: Some(value), baseline: Some(baseline), ratio: Some(value / baseline), ..Entry::default() };
        Entry { name, goal: Some(goal), goal_is_ratio: true, goal_is_most: is_most(unit), unit, ..of }.judged()
    }

    /// Where more is better, whatever the unit: how many times as long another engine takes as ours, which is the baseline.
    fn times(name: &'static str, goal: Option<f64>, unit: &'static str, value: f64, baseline: f64) -> Entry {
        let of = Entry { value: Some(value), baseline: Some(baseline), ratio: Some(value / baseline), ..Entry::default() };
        Entry { name, goal, goal_is_ratio: goal.is_some(), unit, ..of }.judged()
    }

    /// The value itself, held against the goal.
    fn value(name: &'static str, goal: f64, unit: &'static str, value: f64) -> Entry {
        Entry { name, goal: Some(goal), goal_is_most: is_most(unit), unit, value: Some(value), ..Entry::default() }.judged()
    }

    fn judged(mut self) -> Entry {
        let figure = self.ratio.or(self.value);
        self.met = figure.zip(self.goal).map(|(figure, goal)| if self.goal_is_most { figure <= goal } else { figure >= goal });
        self
    }
}

/// Of times and memory, less is better.
fn is_most(unit: &str) -> bool {
    ["µs", "ms", "s", "MB"].contains(&unit)
}

/// Called with what is done now, and how much of it: (text, done, all).
pub type Progress<'a> = &'a (dyn Fn(&str, u64, u64) + Sync);

/// Measures what was asked for. Fails for names that are none.
pub async fn run(options: &Options, runtime: &Runtime, progress: Progress<'_>) -> Result<Vec<Entry>> {
    if let Some(name) = options.names.iter().find(|name| !NAMES.iter().any(|known| known.starts_with(name.as_str()))) {
        return Err(BenchError::Wrong(format!("there is no measurement \"{name}\": {}", NAMES.join(", "))));
    }
    let wanted = |name: &str| options.names.is_empty() || options.names.iter().any(|asked| name.starts_with(asked.as_str()));
    let mut entries = Vec::new();
    if postgres::ALL.iter().any(|(name, ..)| wanted(name)) {
        entries.extend(postgres::run(options, runtime, progress, &wanted).await?);
    }
    if wanted("sqlite.batch") {
        entries.push(batch::sqlite(options, runtime, progress).await?);
    }
    if wanted("simulate") {
        entries.push(rules::simulate(options, progress)?);
    }
    if ["rule.rhai", "rule.wasm"].iter().chain(&baselines::NAMES).any(|name| wanted(name)) {
        entries.extend(rules::calls(options, runtime, &wanted)?);
    }
    if wanted(start::NAME) {
        entries.push(start::measure(options, progress).await?);
    }
    entries.retain(|entry| wanted(entry.name));
    entries.sort_by_key(|entry| NAMES.iter().position(|name| *name == entry.name));
    Ok(entries)
}

//! Many runs of the same population, each with a seed of its own: how far what it costs can vary.

use super::Options;
use super::population::Population;
use super::population::crowd::Crowd;
use super::report::people::SegmentReport;
use super::report::{Report, people};
use super::run_to_end;
use crate::book::prepare::Releases;
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a number comes to over all runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Quantiles {
    pub least: i64,
    /// One run in twenty is below this, one in twenty above `p95`.
    pub p5: i64,
    pub p50: i64,
    pub p95: i64,
    pub most: i64,
}

/// See the module. Amounts are whole minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// The seed of each run.
    pub seeds: Vec<i64>,
    pub currency: Option<String>,
    pub deliveries: Quantiles,
    pub members: Quantiles,
    pub cost_minor: Quantiles,
    pub rewards: Vec<RewardForecast>,
    pub pools: Vec<PoolForecast>,
    pub timeline: TimelineForecast,
    /// The run whose cost is the middle one: its report has the rest.
    pub middle_seed: i64,
    pub middle: Report,
    /// Of the middle run.
    pub segments: Vec<SegmentReport>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RewardForecast {
    pub reward: String,
    /// By first day; none: all of them.
    pub cycle: Option<String>,
    pub units: Quantiles,
    /// Of the face value; none: a reward without one.
    pub currency: Option<String>,
    pub cost_minor: Quantiles,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PoolForecast {
    pub pool: String,
    pub needed: Quantiles,
    /// None: enough.
    pub stock: Option<i64>,
    /// Runs in which a grant found no code.
    pub runs_out: usize,
    /// When, in the earliest, the middle and the latest of them.
    pub ran_out: Option<[String; 3]>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TimelineForecast {
    pub at: Vec<String>,
    pub cost_minor: Vec<Quantiles>,
    pub pools: Vec<PoolTimelineForecast>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PoolTimelineForecast {
    pub pool: String,
    pub needed: Vec<Quantiles>,
}

/// Plays the population `runs` times, with seeds from `options.seed` on, on as many threads at a time. The result does
/// not depend on the number of threads.
pub fn forecast(releases: &Releases, population: &Arc<Population>, options: &Options, runs: usize, threads: usize) -> Forecast {
    let seeds: Vec<i64> = (0..runs.max(1) as i64).map(|n| options.seed.saturating_add(n)).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push((*seed, one(releases, population, options, *seed)));
        }
        done
    };
    let mut of_seeds: Vec<(i64, (Report, Vec<SegmentReport>))> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.clamp(1, seeds.len())).map(|_| scope.spawn(work)).collect();
        let done = workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        done.flatten().collect()
    });
    of_seeds.sort_by_key(|(seed, _)| *seed);
    let reports: Vec<&Report> = of_seeds.iter().map(|(_, (report, _))| report).collect();
    let mut summary = summary(&reports);
    let mut by_cost: Vec<usize> = (0..of_seeds.len()).collect();
    by_cost.sort_by_key(|index| (reports[*index].cost_minor, *index));
    let (seed, (report, segments)) = of_seeds.swap_remove(by_cost[(by_cost.len() - 1) / 2]);
    (summary.seeds, summary.middle_seed, summary.middle, summary.segments) = (seeds, seed, report, segments);
    summary
}

/// One report as a forecast of one run.
pub fn of_one(seed: i64, report: Report) -> Forecast {
    let summary = summary(&[&report]);
    Forecast { seeds: vec![seed], middle_seed: seed, middle: report, ..summary }
}

fn one(releases: &Releases, population: &Arc<Population>, options: &Options, seed: i64) -> (Report, Vec<SegmentReport>) {
    let Some(release) = releases.newest() else { return Default::default() };
    let crowd = Crowd::new(population.clone(), &release.campaign.calendar, seed as u64);
    let (world, report) = run_to_end(releases.clone(), crowd, &Options { seed, ..options.clone() });
    let names: Vec<&str> = population.segments.iter().map(|segment| &*segment.name).collect();
    (report, people::segments(&world, &names))
}

fn summary(reports: &[&Report]) -> Forecast {
    let over = |number: &dyn Fn(&Report) -> i64| quantiles(reports.iter().map(|report| number(report)));
    Forecast {
        currency: reports.iter().find_map(|report| report.currency.clone()),
        deliveries: over(&|report| report.deliveries as i64),
        members: over(&|report| report.members),
        cost_minor: over(&|report| report.cost_minor),
        rewards: rewards(reports),
        pools: pools(reports),
        timeline: timeline(reports),
        ..Forecast::default()
    }
}

/// Of at least one number: the nearest rank.
fn quantiles(numbers: impl Iterator<Item = i64>) -> Quantiles {
    let mut sorted: Vec<i64> = numbers.collect();
    sorted.sort_unstable();
    let at = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied().unwrap_or(0);
    Quantiles { least: at(0), p5: at(5), p50: at(50), p95: at(95), most: at(100) }
}

/// Every reward, in all and then in each cycle in which any run granted it.
fn rewards(reports: &[&Report]) -> Vec<RewardForecast> {
    let mut list = Vec::new();
    for (index, reward) in reports.first().map_or(&[][..], |first| &first.rewards[..]).iter().enumerate() {
        let forecast = |cycle: Option<&String>| {
            let of = |report: &&Report| match (&report.rewards[index], cycle) {
                (reward, None) => reward.all,
                (reward, Some(cycle)) => reward.cycles.iter().find(|c| c.cycle == *cycle).map_or_else(Default::default, |c| c.units),
            };
            RewardForecast {
                reward: reward.reward.clone(),
                cycle: cycle.cloned(),
                units: quantiles(reports.iter().map(|report| of(report).granted)),
                currency: reward.currency.clone(),
                cost_minor: quantiles(reports.iter().map(|report| of(report).cost_minor)),
            }
        };
        let cycles: BTreeSet<&String> = reports.iter().flat_map(|report| report.rewards[index].cycles.iter().map(|c| &c.cycle)).collect();
        list.extend(cycles.into_iter().map(|cycle| forecast(Some(cycle))));
        list.push(forecast(None));
    }
    list
}

fn pools(reports: &[&Report]) -> Vec<PoolForecast> {
    let of_pool = |(index, pool): (usize, &super::report::PoolReport)| {
        let mut ran_out: Vec<&String> = reports.iter().filter_map(|report| report.pools[index].ran_out.as_ref()).collect();
        ran_out.sort_unstable();
        PoolForecast {
            pool: pool.pool.clone(),
            needed: quantiles(reports.iter().map(|report| report.pools[index].needed)),
            stock: pool.stock,
            runs_out: ran_out.len(),
            ran_out: ran_out.last().map(|last| [ran_out[0].clone(), ran_out[(ran_out.len() - 1) / 2].clone(), last.to_string()]),
        }
    };
    reports.first().map_or(&[][..], |first| &first.pools[..]).iter().enumerate().map(of_pool).collect()
}

fn timeline(reports: &[&Report]) -> TimelineForecast {
    let Some(first) = reports.first().map(|first| &first.timeline) else { return TimelineForecast::default() };
    let over = |column: &dyn Fn(&Report, usize) -> i64| -> Vec<Quantiles> {
        (0..first.at.len()).map(|row| quantiles(reports.iter().map(|report| column(report, row)))).collect()
    };
    let of_pool = |(index, pool): (usize, &super::report::timeline::PoolTimeline)| PoolTimelineForecast {
        pool: pool.pool.clone(),
        needed: over(&|report, row| report.timeline.pools[index].needed[row]),
    };
    TimelineForecast {
        at: first.at.clone(),
        cost_minor: over(&|report, row| report.timeline.cost_minor[row]),
        pools: first.pools.iter().enumerate().map(of_pool).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_numbers_that_came() {
        #[rustfmt::skip]
        let table = [
            (vec![7],                      [7, 7, 7, 7, 7]),
            (vec![3, 1, 2],                [1, 1, 2, 3, 3]),
            ((1..=100).collect::<Vec<_>>(), [1, 5, 50, 95, 100]),
            ((1..=20).rev().collect(),     [1, 1, 10, 19, 20]),
        ];
        for (numbers, wanted) in table {
            let Quantiles { least, p5, p50, p95, most } = quantiles(numbers.clone().into_iter());
            assert_eq!([least, p5, p50, p95, most], wanted, "{numbers:?}");
        }
    }
}

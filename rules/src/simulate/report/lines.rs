//! What each line of the rule files has cost.

use crate::names::Code;
use crate::release::Release;
use crate::simulate::costs::Line;
use crate::simulate::world::World;
use serde::Serialize;

/// A line of a rule file with one name that it awards or grants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LineReport {
    /// `rules.rhai:24`; none: the host's own act.
    pub place: Option<String>,
    /// Number of the release.
    pub release: i32,
    /// `on_cycle_close`, or the event that the host answers itself.
    pub function: String,
    /// `grant`, `award` or `deduct`.
    pub effect: &'static str,
    /// Account or reward.
    pub name: String,
    /// Effects that booked anything.
    pub times: u64,
    /// Points or units.
    pub count: i64,
    pub cost_minor: i64,
}

/// The most expensive first, then by place.
pub(super) fn lines(world: &World) -> Vec<LineReport> {
    let of_line = |(line, sum): (&Line, crate::simulate::costs::Sum)| {
        let release = world.releases().numbered(line.release)?;
        Some(LineReport {
            place: line.place.as_ref().map(ToString::to_string),
            release: line.release,
            function: function(release, line.function),
            effect: match (line.granted, sum.count) {
                (true, _) => "grant",
                (false, ..0) => "deduct",
                (false, _) => "award",
            },
            name: name(release, line),
            times: sum.times,
            count: sum.count,
            cost_minor: sum.cost,
        })
    };
    let mut lines: Vec<LineReport> = world.costs().lines().into_iter().filter_map(of_line).collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.cost_minor));
    lines
}

fn function(release: &Release, code: Code) -> String {
    let of_handler = release.codes.functions.iter().position(|c| *c == code).map(|index| release.handler(index).function.to_string());
    let of_event = || release.codes.events.iter().position(|c| *c == code).map(|index| release.campaign.events[index].name.to_string());
    of_handler.or_else(of_event).unwrap_or_default()
}

fn name(release: &Release, line: &Line) -> String {
    let (codes, campaign) = (&release.codes, &release.campaign);
    let reward = || codes.rewards.iter().position(|c| *c == line.name).map(|index| campaign.rewards[index].name.to_string());
    let account = || codes.accounts.iter().position(|c| *c == line.name).map(|index| campaign.accounts[index].name.to_string());
    if line.granted { reward() } else { account() }.unwrap_or_default()
}

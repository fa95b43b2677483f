//! The decisions that differ most, with their receipts under both.

use super::Both;
use crate::book::prepare::Releases;
use crate::book::receipt::{EffectLine, Receipt};
use crate::event::Event;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A decision that comes out otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Example {
    #[serde(flatten)]
    pub cause: Cause,
    /// Minor units that go to somebody else, or come as another reward.
    pub moved_minor: u64,
    pub moved_points: u64,
    /// None: nothing was decided.
    pub old: Option<Receipt>,
    pub new: Option<Receipt>,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    Event {
        source: String,
        id: String,
        #[serde(rename = "type")]
        kind: String,
        /// RFC 3339; none where the event has no time.
        time: Option<String>,
        /// The JSON text.
        data: String,
    },
    Close {
        /// The cycle's first day.
        cycle: String,
        revision: i32,
        member: String,
    },
}

impl Cause {
    pub(super) fn of(event: &Event) -> Cause {
        let time = event.at_ms.as_ref().ok().and_then(|at_ms| jiff::Timestamp::from_millisecond(*at_ms).ok());
        Cause::Event {
            source: event.source.to_string(),
            id: event.id.to_string(),
            kind: event.kind.to_string(),
            time: time.map(|time| time.to_string()),
            data: event.data.to_string(),
        }
    }
}

/// Keeps the largest of each function.
pub(super) struct Collector {
    releases: Both<Releases>,
    listed: usize,
    /// By function; what no function answered is together.
    kept: BTreeMap<String, Vec<Example>>,
}

/// By (member, name): units and points under both.
type Counts<'r> = BTreeMap<(&'r str, &'r str, bool), Both<Sums>>;
/// A count, and what it is worth in minor units.
type Sums = (i64, i64);

impl Collector {
    pub fn new(old: Releases, new: Releases, listed: usize) -> Collector {
        Collector { releases: Both { old, new }, listed, kept: BTreeMap::new() }
    }

    /// Holds the receipts of one decision against each other.
    pub fn hold(&mut self, cause: impl FnOnce() -> Cause, receipts: Both<Option<Receipt>>) {
        if alike(receipts.old.as_ref(), receipts.new.as_ref()) {
            return;
        }
        let (moved_minor, moved_points) = self.moved(&receipts);
        let function = [&receipts.new, &receipts.old].into_iter().flatten().find_map(|receipt| receipt.function.clone());
        let kept = self.kept.entry(function.unwrap_or_default()).or_default();
        let rank = (Reverse(moved_minor), Reverse(moved_points));
        let at = kept.partition_point(|e| (Reverse(e.moved_minor), Reverse(e.moved_points)) <= rank);
        if at < self.listed {
            kept.insert(at, Example { cause: cause(), moved_minor, moved_points, old: receipts.old, new: receipts.new });
            kept.truncate(self.listed);
        }
    }

    fn moved(&self, receipts: &Both<Option<Receipt>>) -> (u64, u64) {
        let mut counts: Counts = BTreeMap::new();
        self.count(&self.releases.old, receipts.old.as_ref(), &mut counts, |both| &mut both.old);
        self.count(&self.releases.new, receipts.new.as_ref(), &mut counts, |both| &mut both.new);
        let (mut minor, mut points) = (0_u64, 0_u64);
        for ((_, _, granted), Both { old, new }) in counts {
            let apart = |a: i64, b: i64| a.abs_diff(b);
            minor = minor.saturating_add(apart(old.1, new.1));
            points = if granted { points } else { points.saturating_add(apart(old.0, new.0)) };
        }
        (minor, points)
    }

    fn count<'r>(
        &self,
        releases: &Releases,
        receipt: Option<&'r Receipt>,
        counts: &mut Counts<'r>,
        side: fn(&mut Both<Sums>) -> &mut Sums,
    ) {
        let Some(receipt) = receipt else { return };
        let Some(campaign) = releases.numbered(receipt.release).map(|release| &release.campaign) else { return };
        for line in &receipt.effects {
            let (Some(member), Some(name), Some(count)) = (&line.member, &line.name, line.count) else { continue };
            let granted = line.effect == "grant";
            let money = if granted {
                campaign.reward(name).and_then(|reward| campaign.rewards[reward].face_value)
            } else {
                campaign.account(name).and_then(|account| campaign.accounts[account].worth)
            };
            let count = if line.effect == "deduct" { -count } else { count };
            let sums = side(counts.entry((member.as_str(), name.as_str(), granted)).or_default());
            sums.0 = sums.0.saturating_add(count);
            sums.1 = sums.1.saturating_add(count.saturating_mul(money.map_or(0, |money| money.minor)));
        }
    }

    /// The largest of each function, the function with the largest first.
    pub fn finish(self) -> Vec<Example> {
        let mut of_functions: Vec<Vec<Example>> = self.kept.into_values().collect();
        of_functions.sort_by_key(|kept| kept.first().map(|e| (Reverse(e.moved_minor), Reverse(e.moved_points))));
        of_functions.into_iter().flatten().collect()
    }
}

/// Whether two decisions came to the same. Where in the rule file it stands, and which release it was, may differ.
fn alike(old: Option<&Receipt>, new: Option<&Receipt>) -> bool {
    let (Some(old), Some(new)) = (old, new) else {
        // A close that books nothing is as good as none.
        let nothing = |receipt: Option<&Receipt>| receipt.is_none_or(|receipt| receipt.effects.is_empty() && receipt.reason.is_none());
        return nothing(old) && nothing(new);
    };
    old.outcome == new.outcome
        && old.reason == new.reason
        && old.effects.len() == new.effects.len()
        && old.effects.iter().zip(&new.effects).all(|(a, b)| same_effect(a, b))
}

fn same_effect(a: &EffectLine, b: &EffectLine) -> bool {
    let EffectLine { effect, place: _, member, name, count, asked, limit, owed, text } = a;
    (effect, member, name, count, asked) == (&b.effect, &b.member, &b.name, &b.count, &b.asked)
        && (limit, owed, text) == (&b.limit, &b.owed, &b.text)
}

//! `[releases]`: what a change of the campaign must have before it is live.

use super::reader::{Findings, Table, nearest};
use crate::campaign::policy::{FallBack, Policy, Settles};

/// The most approvals that a campaign may ask for: with more than people to give them nothing could change any more.
const APPROVALS_MAX: i64 = 10;
/// A failure is remembered for a day at the longest, and there is room for so many.
const SECONDS_MAX: i64 = 86_400;
const FAILURES_MAX: i64 = 10_000;

pub fn policy(root: &mut Table, findings: &mut Findings) -> Policy {
    let Some(mut table) = root.table("releases", findings) else { return Policy::default() };
    let policy = Policy {
        approvals: number(&mut table, "approvals", 0..=APPROVALS_MAX, findings).unwrap_or(0),
        coverage: number(&mut table, "coverage", 0..=100, findings).unwrap_or(0),
        cases_must_pass: choice(&mut table, "cases", ["may fail", "must pass"], findings) == 1,
        forecast_must_fit: choice(&mut table, "forecast", ["may exceed", "must fit"], findings) == 1,
        settles: if choice(&mut table, "settles", ["this cycle", "next cycle"], findings) == 1 { Settles::Next } else { Settles::This },
        fall_back: fall_back(&mut table, findings),
    };
    table.close(findings);
    policy
}

fn fall_back(table: &mut Table, findings: &mut Findings) -> Option<FallBack> {
    let mut inner = table.table("fall_back", findings)?;
    let failures = number(&mut inner, "failures", 0..=FAILURES_MAX, findings);
    let seconds = number(&mut inner, "seconds", 1..=SECONDS_MAX, findings);
    for (key, example, found) in [("failures", "20", failures), ("seconds", "60", seconds)] {
        if found.is_none() && !inner.has(key) {
            inner.missing(key, example, findings);
        }
    }
    inner.close(findings);
    Some(FallBack { failures: failures?, seconds: seconds? })
}

fn number(table: &mut Table, key: &'static str, range: std::ops::RangeInclusive<i64>, findings: &mut Findings) -> Option<u32> {
    let found = table.count(key, findings)?;
    if !range.contains(&found.value) {
        findings.error(&found.span, format!("`{key}` is {}", found.value), format!("write {} to {}", range.start(), range.end()));
        return None;
    }
    u32::try_from(found.value).ok()
}

/// Which of the two words stands there; the first one when there is none.
fn choice(table: &mut Table, key: &'static str, words: [&str; 2], findings: &mut Findings) -> usize {
    let example = format!("\"{}\"", words[1]);
    let Some(word) = table.text(key, &example, findings) else { return 0 };
    words.iter().position(|known| *known == word.value).unwrap_or_else(|| {
        findings.error(&word.span, format!("`{key}` cannot be \"{}\"", word.value), nearest(word.value, words, "it takes"));
        0
    })
}

//! Other ways to make the same decision, each an entry of its own beside a rhai call of the same run: GoRules Zen and
//! json-rules-engine in Node.js, the CEL crate, and Rust written by hand. Promises: an engine is timed only after it asked
//! for the same effects; where one cannot run, its entry says what to do. Must not know: how ours are measured.

mod by_hand;
#[cfg(feature = "baselines")]
mod cel;
mod node;

use super::decision::Case;
use super::{Entry, Goal, Result};
use serde_json::Value as Json;

pub const NAMES: [&str; 4] = ["rule.zen", "rule.json_rules_engine", "rule.cel", "rule.rust"];
const UNIT: &str = "µs";
/// Times as long as a rhai call, at least.
const FACTOR_GOAL: f64 = 8.0;
/// Both of our languages are ahead.
const AHEAD_GOAL: f64 = 1.0;

/// What one call of ours takes, in microseconds.
pub struct Ours {
    pub rhai: f64,
    pub wasm: Option<f64>,
}

/// What is asked, and what must come of it.
pub struct Asked<'a> {
    pub cases: &'a [Case],
    pub effects: &'a [Json],
    pub rounds: usize,
}

/// What one call of another engine takes.
struct Measured {
    microseconds: f64,
    bottleneck: &'static str,
    details: Vec<String>,
}

pub fn measure(asked: &Asked, ours: &Ours, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<Entry>> {
    let slower = ours.wasm.map_or(ours.rhai, |wasm| wasm.max(ours.rhai));
    let mut entries = Vec::new();
    if wanted(NAMES[0]) || wanted(NAMES[1]) {
        let (zen, json_rules_engine) = node::measure(asked)?;
        let zen = zen.map(|mut zen| {
            zen.details.push("the baseline is the slower of rule.rhai and rule.wasm".into());
            zen
        });
        entries.push(entry(NAMES[0], Some(AHEAD_GOAL), slower, zen));
        entries.push(entry(NAMES[1], Some(FACTOR_GOAL), ours.rhai, json_rules_engine));
    }
    if wanted(NAMES[2]) {
        entries.push(entry(NAMES[2], Some(FACTOR_GOAL), ours.rhai, cel_crate(asked)?));
    }
    if wanted(NAMES[3]) {
        entries.push(entry(NAMES[3], None, ours.rhai, Ok(by_hand::measure(asked)?)));
    }
    Ok(entries)
}

/// Or why it was not measured.
type Attempt = std::result::Result<Measured, String>;

fn entry(name: &'static str, goal: Option<f64>, baseline: f64, attempt: Attempt) -> Entry {
    match attempt {
        Ok(measured) => {
            let mut entry = Entry::times(name, goal, UNIT, measured.microseconds, baseline);
            (entry.bottleneck, entry.details) = (Some(measured.bottleneck.into()), measured.details);
            entry
        }
        Err(why) => Entry { goal_is_most: false, ..Entry::skipped(name, goal.map_or(Goal::None, Goal::Ratio), UNIT, &why) },
    }
}

#[cfg(feature = "baselines")]
fn cel_crate(asked: &Asked) -> Result<Attempt> {
    cel::measure(asked).map(Ok)
}

#[cfg(not(feature = "baselines"))]
fn cel_crate(_: &Asked) -> Result<Attempt> {
    Ok(Err("this program was built without the CEL crate: run cargo build --release --features baselines".into()))
}

#[cfg(test)]
mod tests {
    use super::{Asked, by_hand};
    use crate::bench::rules::{expected, learning_race};
    use guerdon_rules::language::Runtime;

    /// The engines in Node.js are checked by whoever measures them: their packages need not be here.
    #[test]
    fn every_engine_decides_the_same() {
        let cases = learning_race(&Runtime::default()).unwrap();
        let effects = expected(&cases).unwrap();
        let asked = Asked { cases: &cases, effects: &effects, rounds: 1 };
        by_hand::measure(&asked).unwrap();
        #[cfg(feature = "baselines")]
        super::cel::measure(&asked).unwrap();
        let told: Vec<String> = effects.iter().skip(8).map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                r#"[{"count":5,"effect":"award","name":"learning.lesson","of":"member"}]"#,
                r#"[{"count":20,"effect":"award","name":"learning","of":"inviter"},{"count":1,"effect":"grant","name":"jd-20","of":"inviter"}]"#,
                r#"[{"effect":"note","text":"daily cap: 2 of 5 points"},{"count":2,"effect":"award","name":"learning.lesson","of":"member"}]"#,
                r#"[{"effect":"refuse","text":"existing customer"}]"#,
            ]
        );
    }
}

//! Rule languages. A rule file, in whatever language, becomes a [`RuleModule`]; above this seam nobody can tell
//! which language a campaign is written in. `rhai` are scripts, `wasm` are components of `sdk/wit`.

pub mod coverage;
pub mod explain;
pub mod rhai;
pub mod wasm;

// For editors: what stands where in a script, and the words that it may use.
pub use rhai::{cursor, natives, vocabulary};

use crate::campaign::Campaign;
use crate::campaign::calendar::{Cycle, Moment};
use crate::diagnostic::Diagnostic;
use crate::effect::Verdict;
use crate::fact::Fact;
use crate::limits::Limits;
use crate::value::{MemberId, Value};
use coverage::Coverage;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The files of a campaign folder, by path within it.
pub type Files = BTreeMap<String, Arc<[u8]>>;

/// One function of a rule module, with all that it may read and ask for.
#[derive(Clone, Debug, PartialEq)]
pub struct Handler {
    /// `on_account_opened`, `on_cycle_close`; part of every grant key, whatever the language.
    pub function: Arc<str>,
    /// Index into `Campaign::events`; none: the close of a cycle.
    pub event: Option<usize>,
    /// The roles it uses: indexes into the event's roles (or `Campaign::close_roles`), in the order of
    /// `Question::members` after the member itself.
    pub roles: Vec<usize>,
    /// Answered in this order in `Question::facts`. `of` is an index into `Question::members`.
    pub reads: Vec<Read>,
    pub writes: Vec<Write>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Read {
    pub of: usize,
    pub fact: Fact,
}

/// A name that an effect of the handler carries, and where it says so (rhai: the line; wasm: none).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Write {
    /// `award`, `deduct`, `grant` or `set`.
    pub effect: &'static str,
    /// Account, reward or attribute; none where it is made at run time.
    pub name: Option<Arc<str>>,
    pub line: Option<u32>,
}

/// Everything that a rule may know about one decision.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The event's id; at a close, the cycle's first day as `2020-09-22`.
    pub id: &'a str,
    /// The event type; at a close, empty.
    pub event: &'a str,
    pub moment: Moment,
    /// Only at a close.
    pub cycle: Option<&'a Cycle>,
    /// The member, then the handler's roles; none: an optional role that nobody fills.
    pub members: &'a [Option<MemberId>],
    /// The event's data in the order of `EventType::fields`; empty at a close.
    pub data: &'a [Value],
    /// In the order of `Handler::reads`. Facts of a missing role are `Value::Missing`.
    pub facts: &'a [Value],
    /// Of the business key, else of source and id: asking again cannot change a draw.
    pub seed: u64,
    /// Results that a case forces on the first draws.
    pub forced_draws: &'a [i64],
}

/// A compiled rule file.
pub trait RuleModule: Send + Sync {
    fn handlers(&self) -> &[Handler];
    /// Same question, same answer; never panics, never blocks, stops at the limits it was loaded with.
    fn decide(&self, handler: usize, question: &Question<'_>) -> Verdict;
    /// What its decisions reached, if it was loaded to record that ([`Runtime::records_coverage`]).
    fn coverage(&self) -> Option<Coverage> {
        None
    }
}

/// One compiled file can be the module of several releases: a rollback brings back what is there.
impl<T: RuleModule + ?Sized> RuleModule for Arc<T> {
    fn handlers(&self) -> &[Handler] {
        (**self).handlers()
    }
    fn decide(&self, handler: usize, question: &Question<'_>) -> Verdict {
        (**self).decide(handler, question)
    }
}

/// What a language needs from whoever runs it.
#[derive(Clone, Default)]
pub struct Runtime {
    pub limits: Limits,
    /// Compiles and runs wasm; made once for the process.
    pub wasm: wasm::Engine,
    /// Modules note what their decisions reach. Slower; for playing cases.
    pub records_coverage: bool,
    /// A question is evaluated also where its answer is known from before; for measuring.
    pub evaluates_always: bool,
}

/// A compiled module with the warnings that its check found.
pub struct Loaded {
    pub module: Box<dyn RuleModule>,
    pub warnings: Vec<Diagnostic>,
}

/// Compiles and checks the campaign's rule file, by its extension. Fails with every finding, warnings included.
pub fn load(campaign: &Campaign, files: &Files, runtime: &Runtime) -> Result<Loaded, Vec<Diagnostic>> {
    let Some(source) = files.get(&campaign.rules) else {
        let help = "write the file, or name the right one in `rules`";
        return Err(vec![Diagnostic::error(
            "campaign.toml",
            None,
            format!("the rule file `{}` is not in the campaign's folder", campaign.rules),
            help,
        )]);
    };
    let loaded = match campaign.rules.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "rhai" => rhai::load(campaign, files, runtime),
        "wasm" => wasm::load(campaign, source, runtime),
        other => {
            let message = format!("`{}`: there is no rule language \".{other}\"", campaign.rules);
            Err(vec![Diagnostic::error("campaign.toml", None, message, "use a .rhai script or a .wasm component")])
        }
    }?;
    if runtime.records_coverage {
        return Ok(Loaded { module: coverage::recording(loaded.module), ..loaded });
    }
    Ok(loaded)
}

/// The k-th draw (from 0) of a decision: 1 to n, as `sdk/wit/campaign.wit` defines it.
pub fn draw(seed: u64, k: u64, n: i64) -> i64 {
    let z = mix(seed.wrapping_add(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(k + 1)));
    ((u128::from(z) * u128::from(n.unsigned_abs())) >> 64) as i64 + 1
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
pub fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// What [`mix`] makes this of.
pub fn unmix(mut z: u64) -> u64 {
    z = (z ^ (z >> 31) ^ (z >> 62)).wrapping_mul(0x3196_42B2_D24D_8EC3);
    z = (z ^ (z >> 27) ^ (z >> 54)).wrapping_mul(0x96DE_1B17_3F11_9089);
    z ^ (z >> 30) ^ (z >> 60)
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_mixed_can_be_unmixed() {
        for z in [0, 1, 42, u64::MAX, 0x0123_4567_89AB_CDEF] {
            assert_eq!(super::unmix(super::mix(z)), z);
        }
    }

    #[test]
    fn draws_are_those_of_the_contract() {
        let draws: Vec<i64> = (0..4).map(|k| super::draw(0, k, 50)).collect();
        assert_eq!(draws, [45, 22, 2, 49]);
    }
}

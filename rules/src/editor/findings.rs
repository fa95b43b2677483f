//! Everything that is wrong in a folder: what the check finds, and mistakes in case files and in `population.toml`, which
//! are read by the same code that plays them.

use super::POPULATION;
use crate::book::prepare::Releases;
use crate::campaign::{Campaign, file};
use crate::cases::read;
use crate::diagnostic::Diagnostic;
use crate::effect::Verdict;
use crate::language::{Files, Handler, Loaded, Question, RuleModule, Runtime};
use crate::names::Names;
use crate::release::Release;
use crate::simulate::population;
use std::sync::Arc;

/// Finds it; errors and warnings of all files, in no order of files.
pub fn findings(files: &Files, runtime: &Runtime) -> Vec<Diagnostic> {
    let (mut found, release) = match Release::compile(1, 0, files, &mut Names::default(), runtime) {
        Ok(release) => (release.warnings.clone(), Some(release)),
        Err(found) => (found, without_rules(files)),
    };
    if let Some(release) = release {
        if let Some(bytes) = files.get(POPULATION) {
            found.extend(population::file::parse(POPULATION, bytes, &release.campaign).err().into_iter().flatten());
        }
        let releases = Releases::new(vec![Arc::new(release)]);
        for (path, bytes) in files.iter().filter(|(path, _)| path.starts_with("cases/") && path.ends_with(".toml")) {
            found.extend(read::read(path, bytes, &releases).err().into_iter().flatten());
        }
    }
    found
}

/// While a rule file does not compile, the other files are still read against what campaign.toml declares.
fn without_rules(files: &Files) -> Option<Release> {
    let campaign = file::parse(files).ok()?;
    // They name functions of the rule file, which is not there.
    let campaign = Campaign { invariants: Vec::new(), ..campaign };
    let loaded = Loaded { module: Box::new(NoRules), warnings: Vec::new() };
    Release::assemble(1, 0, String::new(), campaign, loaded, &mut Names::default()).ok()
}

struct NoRules;

impl RuleModule for NoRules {
    fn handlers(&self) -> &[Handler] {
        &[]
    }
    fn decide(&self, _handler: usize, _question: &Question<'_>) -> Verdict {
        Verdict::Booked(Vec::new())
    }
}

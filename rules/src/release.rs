//! A release: one immutable version of a campaign folder, compiled, checked and bound to the campaign's dictionary.

use crate::campaign::{Account, Attribute, Campaign, Total, file};
use crate::diagnostic::{Diagnostic, suggestion};
use crate::fact::Period;
use crate::language::{self, Files, Handler, Loaded, RuleModule, Runtime, Write};
use crate::names::{Code, Names};
use crate::value::DataType;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// See the module.
pub struct Release {
    /// Counted from 1 within the campaign.
    pub number: i32,
    /// SHA-256 over the folder's files, in hex.
    pub hash: String,
    /// Decides events from this instant on (by event time); the first release decides everything before it too.
    pub effective_from_ms: i64,
    pub campaign: Campaign,
    pub module: Box<dyn RuleModule>,
    /// By index into `Campaign::events`: the handler that answers it.
    pub handler_of_event: Vec<Option<usize>>,
    pub close_handler: Option<usize>,
    /// By handler: whether it may set an attribute that names a member, and so end somebody's wait.
    pub sets_member: Vec<bool>,
    /// Whether any limit or invariant counts by day.
    pub has_day_limits: bool,
    pub codes: Codes,
    /// What the check wants said, though it is no error.
    pub warnings: Vec<Diagnostic>,
}

/// Dictionary numbers of everything that the book writes, by the campaign's own indexes.
pub struct Codes {
    /// `learning.lesson`
    pub accounts: Vec<Code>,
    pub rewards: Vec<Code>,
    pub attributes: Vec<Code>,
    pub events: Vec<Code>,
    /// By handler.
    pub functions: Vec<Code>,
    /// Measures of a tally: `points learning.lesson`.
    pub points: Vec<Code>,
    /// By account: its own measure and those of its parts.
    pub points_in_all: Vec<Vec<Code>>,
    /// `granted jd-20`
    pub granted: Vec<Code>,
    /// By reward, then by handler: `granted jd-20 on_account_opened`.
    pub granted_by: Vec<Vec<Code>>,
    /// `events account.opened`
    pub booked: Vec<Code>,
    /// `referrals`
    pub referrals: Code,
    /// `spent`: what the budget counts, in minor units: face value of grants that fit it, and points at their worth.
    pub spent: Code,
}

impl Release {
    /// Compiles and checks a folder. `names` gains what the folder names for the first time.
    pub fn compile(
        number: i32,
        effective_from_ms: i64,
        files: &Files,
        names: &mut Names,
        runtime: &Runtime,
    ) -> Result<Release, Vec<Diagnostic>> {
        let campaign = file::parse(files)?;
        let loaded = language::load(&campaign, files, runtime)?;
        Release::assemble(number, effective_from_ms, content_hash(files), campaign, loaded, names)
    }

    /// A release of a module that is compiled already.
    pub fn assemble(
        number: i32,
        effective_from_ms: i64,
        hash: String,
        campaign: Campaign,
        loaded: Loaded,
        names: &mut Names,
    ) -> Result<Release, Vec<Diagnostic>> {
        let handlers = loaded.module.handlers();
        let handler_of_event = (0..campaign.events.len()).map(|event| handlers.iter().position(|h| h.event == Some(event))).collect();
        let close_handler = handlers.iter().position(|h| h.event.is_none());
        check_invariants(&campaign, handlers)?;
        let codes = Codes::of(&campaign, handlers, names);
        let sets_member = handlers.iter().map(|h| h.writes.iter().any(|w| may_set_member(&campaign, w))).collect();
        let caps = campaign.limits.accounts.iter().chain(&campaign.limits.rewards).map(|(_, caps)| caps);
        let has_day_limits = caps.into_iter().any(|c| c.per_member_per_day.is_some() || c.per_day.is_some())
            || campaign.invariants.iter().any(|i| i.period == Some(Period::Day));
        Ok(Release {
            number,
            hash,
            effective_from_ms,
            handler_of_event,
            close_handler,
            sets_member,
            has_day_limits,
            codes,
            warnings: loaded.warnings,
            module: loaded.module,
            campaign,
        })
    }

    pub fn handler(&self, index: usize) -> &Handler {
        &self.module.handlers()[index]
    }
}

fn may_set_member(campaign: &Campaign, write: &Write) -> bool {
    let is_member = |a: &Attribute| matches!(a.kind, DataType::Member(_));
    write.effect == "set"
        && match &write.name {
            Some(name) => campaign.attribute(name).is_some_and(|a| is_member(&campaign.attributes[a])),
            None => campaign.attributes.iter().any(is_member),
        }
}

/// An invariant that names a function which the rule file does not have would never be held against anything.
fn check_invariants(campaign: &Campaign, handlers: &[Handler]) -> Result<(), Vec<Diagnostic>> {
    fn functions<'a>(total: &'a Total, into: &mut Vec<&'a str>) {
        match total {
            Total::Granted { function: Some(function), .. } => into.push(function),
            Total::Add(a, b) | Total::Subtract(a, b) | Total::Multiply(a, b) => {
                functions(a, into);
                functions(b, into);
            }
            _ => {}
        }
    }
    let mut wrong = Vec::new();
    for invariant in &campaign.invariants {
        let mut named = Vec::new();
        functions(&invariant.left, &mut named);
        functions(&invariant.right, &mut named);
        for name in named.into_iter().filter(|name| !handlers.iter().any(|h| *h.function == **name)) {
            let help = suggestion(name, handlers.iter().map(|h| &*h.function));
            wrong.push(Diagnostic::error(
                "campaign.toml",
                None,
                format!("invariant \"{}\": the rule file has no function `{name}`", invariant.name),
                help,
            ));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

impl Codes {
    fn of(campaign: &Campaign, handlers: &[Handler], names: &mut Names) -> Codes {
        let functions: Vec<Arc<str>> = handlers.iter().map(|h| h.function.clone()).collect();
        let mut all = |prefix: &str, list: Vec<&str>| -> Vec<Code> { list.iter().map(|n| names.code(&format!("{prefix}{n}"))).collect() };
        let accounts: Vec<&str> = campaign.accounts.iter().map(|a| &*a.name).collect();
        let rewards: Vec<&str> = campaign.rewards.iter().map(|r| &*r.name).collect();
        let events: Vec<&str> = campaign.events.iter().map(|e| &*e.name).collect();
        let attributes = campaign.attributes.iter().map(|a| &*a.name).collect();
        let points = all("points ", accounts.clone());
        let in_all =
            |(account, own): (&Account, &Code)| std::iter::once(*own).chain(account.parts.iter().map(|part| points[*part])).collect();
        Codes {
            points_in_all: campaign.accounts.iter().zip(&points).map(in_all).collect(),
            points,
            granted: all("granted ", rewards.clone()),
            granted_by: rewards.iter().map(|r| all(&format!("granted {r} "), functions.iter().map(|f| &**f).collect())).collect(),
            booked: all("events ", events.clone()),
            accounts: all("", accounts),
            rewards: all("", rewards),
            events: all("", events),
            attributes: all("", attributes),
            functions: all("", functions.iter().map(|f| &**f).collect()),
            referrals: names.code("referrals"),
            spent: names.code("spent"),
        }
    }
}

/// SHA-256 over each path and content in path order, lengths first, so that no two folders read alike.
pub fn content_hash(files: &Files) -> String {
    let mut hash = Sha256::new();
    for (path, content) in files {
        hash.update((path.len() as u64).to_be_bytes());
        hash.update(path.as_bytes());
        hash.update((content.len() as u64).to_be_bytes());
        hash.update(content);
    }
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

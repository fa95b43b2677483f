//! The campaign's names as a running script needs them: small tables from a name to the number that facts and
//! effects carry. Made once when the file is loaded; shared by every evaluation. Must not know: rhai.

use crate::campaign::Campaign;
use crate::diagnostic::suggestion;
use crate::fact::Fact;
use crate::language::Handler;
use crate::value::{DataType, Value};
use std::sync::Arc;

/// The verbs of facts, as a script calls them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Points,
    Granted,
    Events,
    Referrals,
    Rank,
    Get,
}

/// A fact as a script asks for it. `name` and `period` are empty where the verb has none.
pub struct Key {
    pub verb: Verb,
    pub name: Arc<str>,
    pub period: &'static str,
}

/// Which event or close an entry function answers; indexes the tables of fields and roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occasion(pub usize);

pub struct Dictionary {
    /// The rule file first, then what it imports.
    pub files: Vec<Arc<str>>,
    pub accounts: Vec<Arc<str>>,
    pub rewards: Vec<Arc<str>>,
    pub events: Vec<Arc<str>>,
    pub attributes: Vec<Attribute>,
    /// By handler: facts of one member, in the order in which they repeat for each member of `Handler::reads`.
    pub keys: Vec<Vec<Key>>,
    /// By handler.
    pub occasions: Vec<Occasion>,
    /// By occasion; the close is the last one.
    pub fields: Vec<Vec<Arc<str>>>,
    pub roles: Vec<Vec<Arc<str>>>,
}

pub struct Attribute {
    pub name: Arc<str>,
    pub kind: DataType,
    /// Whether it may be set to nothing: it is declared with a type and no default.
    pub clearable: bool,
}

impl Dictionary {
    /// `facts` are, by handler, the facts that it reads of every member.
    pub fn new(campaign: &Campaign, files: Vec<Arc<str>>, handlers: &[Handler], facts: &[Vec<Fact>]) -> Self {
        let attributes = campaign.attributes.iter().map(|a| Attribute {
            name: a.name.clone(),
            kind: a.kind.clone(),
            clearable: a.default == Value::Missing,
        });
        let close = campaign.events.len();
        let fields = campaign.events.iter().map(|e| e.fields.iter().map(|f| f.name.clone()).collect());
        let roles = campaign.events.iter().map(|e| &e.roles).chain([&campaign.close_roles]);
        Dictionary {
            files,
            accounts: campaign.accounts.iter().map(|a| a.name.clone()).collect(),
            rewards: campaign.rewards.iter().map(|r| r.name.clone()).collect(),
            events: campaign.events.iter().map(|e| e.name.clone()).collect(),
            attributes: attributes.collect(),
            keys: facts.iter().map(|list| list.iter().map(|fact| key(campaign, *fact)).collect()).collect(),
            occasions: handlers.iter().map(|h| Occasion(h.event.unwrap_or(close))).collect(),
            fields: fields.chain([Vec::new()]).collect(),
            roles: roles.map(|list| list.iter().map(|r| r.name.clone()).collect()).collect(),
        }
    }

    /// A dictionary that knows no names, for engines that only compile.
    pub fn empty() -> Self {
        Dictionary {
            files: Vec::new(),
            accounts: Vec::new(),
            rewards: Vec::new(),
            events: Vec::new(),
            attributes: Vec::new(),
            keys: Vec::new(),
            occasions: Vec::new(),
            fields: Vec::new(),
            roles: Vec::new(),
        }
    }

    /// The index of a name, or the sentence that says it is not there. Lists are short, so they are scanned.
    pub fn find(&self, what: &str, names: &[Arc<str>], name: &str) -> Result<usize, String> {
        names
            .iter()
            .position(|known| **known == *name)
            .ok_or_else(|| format!("there is no {what} \"{name}\": {}", suggestion(name, names.iter().map(|n| &**n))))
    }

    pub fn attribute(&self, name: &str) -> Result<(usize, &Attribute), String> {
        self.attributes
            .iter()
            .enumerate()
            .find(|(_, a)| *a.name == *name)
            .ok_or_else(|| format!("there is no attribute \"{name}\": {}", suggestion(name, self.attributes.iter().map(|a| &*a.name))))
    }
}

fn key(campaign: &Campaign, fact: Fact) -> Key {
    let none: Arc<str> = "".into();
    match fact {
        Fact::Points { account, period } => {
            Key { verb: Verb::Points, name: campaign.accounts[account].name.clone(), period: period.name() }
        }
        Fact::Granted { reward, period } => Key { verb: Verb::Granted, name: campaign.rewards[reward].name.clone(), period: period.name() },
        Fact::Events { event, period } => Key { verb: Verb::Events, name: campaign.events[event].name.clone(), period: period.name() },
        Fact::Referrals { period } => Key { verb: Verb::Referrals, name: none, period: period.name() },
        Fact::Attribute { attribute } => Key { verb: Verb::Get, name: campaign.attributes[attribute].name.clone(), period: "" },
        Fact::Rank { account } => Key { verb: Verb::Rank, name: campaign.accounts[account].name.clone(), period: "" },
    }
}

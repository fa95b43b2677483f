//! What a story expects: what its members had, and what the receipts say that they got.

use super::past::What;
use super::tell::Teller;
use crate::cases::write::{Expect, ExpectedMember};
use std::collections::{BTreeMap, BTreeSet};

impl Teller<'_> {
    pub(super) fn expect(&mut self) -> Expect {
        let mut members = Vec::new();
        for (id, alias) in self.touched.clone() {
            let mut member = ExpectedMember { id: alias, ..ExpectedMember::default() };
            let mut sums: BTreeMap<What, i64> = BTreeMap::new();
            for entry in self.past.of(&id).into_iter().flat_map(|past| &past.entries) {
                *sums.entry(entry.what.clone()).or_insert(0) += entry.count;
            }
            for effect in self.effects().filter(|effect| effect.member.as_ref() == Some(&id)) {
                let (Some(name), count) = (&effect.name, effect.count.unwrap_or(0)) else { continue };
                match effect.effect.as_str() {
                    "award" => *sums.entry(What::Points(name.as_str().into())).or_insert(0) += count,
                    "deduct" => *sums.entry(What::Points(name.as_str().into())).or_insert(0) -= count,
                    "grant" => *sums.entry(What::Grants(name.as_str().into())).or_insert(0) += count,
                    "set" => {
                        let value = self.attribute(name, effect.text.as_deref().unwrap_or(""));
                        member.attributes.retain(|(known, _)| known != name);
                        member.attributes.extend(value.map(|value| (name.clone(), value)));
                    }
                    _ => {}
                }
                if let (Some(owed), "grant") = (effect.owed, effect.effect.as_str()) {
                    match member.owed.iter_mut().find(|(known, _)| known == name) {
                        Some((_, sum)) => *sum += owed,
                        None => member.owed.push((name.clone(), owed)),
                    }
                }
            }
            member.points = self.points(&sums);
            let grants = sums.iter().filter_map(|(what, count)| match what {
                What::Grants(name) if *count != 0 => Some((name.to_string(), *count)),
                _ => None,
            });
            member.grants = grants.collect();
            members.push(member);
        }
        members.retain(|m| !m.points.is_empty() || !m.grants.is_empty() || !m.attributes.is_empty());
        Expect { members, others_may: false }
    }

    /// Points by account, each with its parts, as a case counts them.
    fn points(&self, sums: &BTreeMap<What, i64>) -> Vec<(String, i64)> {
        let campaign = self.campaign();
        let own = |account: usize| sums.get(&What::Points(campaign.accounts[account].name.clone())).copied();
        let named: BTreeSet<usize> = (0..campaign.accounts.len()).filter(|account| own(*account).is_some()).collect();
        let sum = |account: usize| {
            let parts = campaign.accounts[account].parts.iter().chain([&account]).filter_map(|a| own(*a));
            (campaign.accounts[account].name.to_string(), parts.sum())
        };
        named.into_iter().map(sum).collect()
    }
}

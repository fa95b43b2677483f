//! Who fills the roles of an event or of a close.

use super::prepare::named_member;
use super::rows::REFERRAL;
use super::{Book, Slot};
use crate::campaign::{Field, Role, RolePath};
use crate::names::Code;
use crate::release::Release;
use crate::value::{MemberId, Value};

/// The member, then each role in the order of its declaration; none: an optional role that nobody fills.
pub(super) type Parties = Vec<Option<Slot>>;

/// Why roles cannot be resolved.
pub(super) enum Unresolved {
    /// A member that the working set does not hold.
    Id(MemberId),
    Number(i64),
    /// A required role that nobody fills: whose referral (`REFERRAL`) or attribute it waits for.
    Nobody {
        role: usize,
        waits_for: Slot,
        what: Code,
    },
    /// A required role whose data field is missing: it never will be filled.
    NeverFilled {
        role: usize,
    },
}

/// The roles of one event type, or of a close (which has no fields).
pub(super) struct Declared<'a> {
    pub roles: &'a [Role],
    pub fields: &'a [Field],
    pub data: &'a [Value],
}

impl Book {
    /// `assume` is a referral (invitee, inviter) that an event of this batch is about to record.
    pub(super) fn resolve(
        &self,
        release: &Release,
        declared: &Declared,
        member: Slot,
        assume: Option<(Slot, Slot)>,
    ) -> Result<Parties, Unresolved> {
        let mut parties: Parties = Vec::with_capacity(1 + declared.roles.len());
        parties.push(Some(member));
        for (index, role) in declared.roles.iter().enumerate() {
            let found = self.fill(release, declared, role, index, &parties, assume)?;
            parties.push(found);
        }
        Ok(parties)
    }

    fn fill(
        &self,
        release: &Release,
        declared: &Declared,
        role: &Role,
        index: usize,
        parties: &Parties,
        assume: Option<(Slot, Slot)>,
    ) -> Result<Option<Slot>, Unresolved> {
        let nobody = |waits_for: Option<(Slot, Code)>| match (role.optional, waits_for) {
            (true, _) => Ok(None),
            (false, Some((waits_for, what))) => Err(Unresolved::Nobody { role: index, waits_for, what }),
            (false, None) => Err(Unresolved::NeverFilled { role: index }),
        };
        match role.path {
            RolePath::Member => Ok(parties[0]),
            RolePath::Field(field) => match named_member(&declared.data[field], &declared.fields[field].kind) {
                Some(id) => self.known_id(id).map(Some),
                None => nobody(None),
            },
            RolePath::Referral { of } => {
                let Some(slot) = parties[of] else { return nobody(None) };
                if let Some((_, inviter)) = assume.filter(|(invitee, _)| *invitee == slot) {
                    return Ok(Some(inviter));
                }
                match self.members[slot].row.inviter {
                    Some(number) => self.members.slot_of_number(number).map(Some).ok_or(Unresolved::Number(number)),
                    None => nobody(Some((slot, REFERRAL))),
                }
            }
            RolePath::Attribute { of, attribute } => {
                let Some(slot) = parties[of] else { return nobody(None) };
                let code = release.codes.attributes[attribute];
                let kind = &release.campaign.attributes[attribute].kind;
                match named_member(&self.attribute(release, slot, attribute), kind) {
                    Some(id) => self.known_id(id).map(Some),
                    None => nobody(Some((slot, code))),
                }
            }
        }
    }

    fn known_id(&self, id: MemberId) -> Result<Slot, Unresolved> {
        self.members.slot_of(&id).ok_or(Unresolved::Id(id))
    }

    /// The value of an attribute, or its default.
    pub(super) fn attribute(&self, release: &Release, slot: Slot, attribute: usize) -> Value {
        let code = release.codes.attributes[attribute];
        let set = self.members[slot].row.attributes.iter().find(|(c, _)| *c == code);
        set.map_or_else(|| release.campaign.attributes[attribute].default.clone(), |(_, value)| value.clone())
    }
}

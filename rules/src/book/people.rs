//! The members of a working set, found by id and by number. A simulation keeps millions of them: what finds a member holds
//! nothing but the slot. Must not know: what becomes of a member.

use super::Slot;
use super::rows::MemberRow;
use crate::value::MemberId;
use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use std::hash::{BuildHasher, Hash};
use std::ops::{Index, IndexMut};

pub(super) struct Member {
    /// Number 0 until the first event that concerns the member is decided.
    pub row: MemberRow,
    pub is_new: bool,
    /// The position of the commit that last changes it.
    pub changed_at: i64,
    /// The latest standing that is stored beside it.
    pub stored: Option<(i32, i32)>,
}

impl Member {
    /// To change it in the commit of this position.
    pub fn touch(&mut self, slot: Slot, position: i64, touched: &mut Vec<Slot>) -> &mut MemberRow {
        if self.changed_at != position {
            self.changed_at = position;
            touched.push(slot);
        }
        &mut self.row
    }
}

/// See the module. A slot stays what it is.
#[derive(Default)]
pub(super) struct People {
    members: Vec<Member>,
    by_id: HashTable<Slot>,
    /// Those who have one.
    by_number: HashTable<Slot>,
}

impl People {
    pub fn len(&self) -> usize {
        self.members.len()
    }
    pub fn iter(&self) -> impl Iterator<Item = &Member> {
        self.members.iter()
    }
    pub fn slot_of(&self, id: &MemberId) -> Option<Slot> {
        self.by_id.find(hash(id), |slot| self.members[*slot].row.id == *id).copied()
    }
    pub fn slot_of_number(&self, number: i64) -> Option<Slot> {
        self.by_number.find(hash(&number), |slot| self.members[*slot].row.number == number).copied()
    }

    /// A member who is not here, with the number that they have.
    pub fn push(&mut self, row: MemberRow) -> Slot {
        let slot = self.members.len();
        let (stored, number) = (row.latest, row.number);
        self.members.push(Member { row, is_new: false, changed_at: -1, stored });
        let members = &self.members;
        self.by_id.insert_unique(hash(&members[slot].row.id), slot, |other| hash(&members[*other].row.id));
        if number != 0 {
            self.find_by_number(slot);
        }
        slot
    }

    /// Gives a member who has none this number.
    pub fn set_number(&mut self, slot: Slot, number: i64) {
        self.members[slot].row.number = number;
        self.find_by_number(slot);
    }

    fn find_by_number(&mut self, slot: Slot) {
        let members = &self.members;
        self.by_number.insert_unique(hash(&members[slot].row.number), slot, |other| hash(&members[*other].row.number));
    }
}

impl Index<Slot> for People {
    type Output = Member;
    fn index(&self, slot: Slot) -> &Member {
        &self.members[slot]
    }
}

/// Not to change an id or a number with.
impl IndexMut<Slot> for People {
    fn index_mut(&mut self, slot: Slot) -> &mut Member {
        &mut self.members[slot]
    }
}

impl IntoIterator for People {
    type Item = Member;
    type IntoIter = std::vec::IntoIter<Member>;
    fn into_iter(self) -> Self::IntoIter {
        self.members.into_iter()
    }
}

fn hash(key: &impl Hash) -> u64 {
    FxBuildHasher.hash_one(key)
}

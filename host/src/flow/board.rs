//! Leaderboards in memory: the members of one account and cycle in the order of their points, and the ids of everybody who
//! is in any of them. Must not know: where rows come from, which positions anybody was told of.

use guerdon_rules::value::MemberId;
use hashbrown::HashTable;
use smol_str::SmolStr;
use std::cmp::Reverse;
use std::hash::{BuildHasher, RandomState};

/// Most points first, ties by who got there first, then by who came first at all: `ranking::in_order` says the same.
pub(super) type Place = (Reverse<i64>, i64, i64);

/// Ids of members, some 40 bytes each.
#[derive(Default)]
pub(super) struct People {
    /// All ids as they are shown, one after the other.
    texts: String,
    /// By slot: the member's number, and where its id begins.
    slots: Vec<(i64, usize)>,
    /// By member number: the slot and one; 0: none.
    by_number: Vec<u32>,
    /// Slots by id.
    by_text: HashTable<u32>,
    hasher: RandomState,
}

/// A member among [`People`].
pub(super) type Slot = u32;

impl People {
    /// Makes room for all members up to this number, so that no id is hashed again while they come.
    pub fn make_room_for(&mut self, last_number: i64) {
        let more = usize::try_from(last_number).unwrap_or(0).saturating_sub(self.slots.len());
        let (texts, slots, hasher) = (&self.texts, &self.slots, &self.hasher);
        self.by_text.reserve(more, |slot| hasher.hash_one(text_of(texts, slots, *slot)));
        self.slots.reserve(more);
    }

    /// Gives a member a slot, if it has none.
    pub fn add(&mut self, number: i64, id: &MemberId) -> Slot {
        if let Some(slot) = self.slot(number) {
            return slot;
        }
        let (slot, text) = (self.slots.len() as Slot, id.to_string());
        self.slots.push((number, self.texts.len()));
        self.texts.push_str(&text);
        let place = usize::try_from(number).unwrap_or(0);
        if self.by_number.len() <= place {
            self.by_number.resize(place + 1, 0);
        }
        self.by_number[place] = slot + 1;
        let hash = self.hasher.hash_one(text.as_str());
        let (texts, slots, hasher) = (&self.texts, &self.slots, &self.hasher);
        self.by_text.insert_unique(hash, slot, |slot| hasher.hash_one(text_of(texts, slots, *slot)));
        slot
    }

    pub fn slot(&self, number: i64) -> Option<Slot> {
        self.by_number.get(usize::try_from(number).ok()?)?.checked_sub(1)
    }

    /// The number of the member of this id.
    pub fn number(&self, id: &MemberId) -> Option<i64> {
        let text = id.to_string();
        let is_same = |slot: &Slot| text_of(&self.texts, &self.slots, *slot) == text;
        let slot = self.by_text.find(self.hasher.hash_one(text.as_str()), is_same)?;
        Some(self.slots[*slot as usize].0)
    }

    /// The id of a member, as it is shown.
    pub fn id(&self, number: i64) -> Option<&str> {
        Some(text_of(&self.texts, &self.slots, self.slot(number)?))
    }
}

fn text_of<'a>(texts: &'a str, slots: &[(i64, usize)], slot: Slot) -> &'a str {
    let end = slots.get(slot as usize + 1).map_or(texts.len(), |next| next.1);
    &texts[slots[slot as usize].1..end]
}

/// One account in one cycle: some 60 bytes for each member.
#[derive(Default)]
pub(super) struct Index {
    /// Everything up to this position of the journal is in it.
    pub position: i64,
    /// It holds all that there was when it was made.
    pub is_made: bool,
    /// By kind of member; there are few kinds.
    boards: Vec<(SmolStr, indexset::BTreeSet<Place>)>,
    /// By slot: which of the boards, points, and when they were got to.
    of: Vec<Option<(u32, i64, i64)>>,
}

/// A member's points as they are now.
pub(super) struct Move {
    pub slot: Slot,
    pub member: i64,
    pub kind: SmolStr,
    pub points: i64,
    pub reached_ms: i64,
}

impl Move {
    pub fn place(&self) -> Place {
        (Reverse(self.points), self.reached_ms, self.member)
    }
}

impl Index {
    pub fn put(&mut self, moved: &Move) {
        let slot = moved.slot as usize;
        if self.of.len() <= slot {
            self.of.resize(slot + 1, None);
        }
        if let Some((board, points, reached_ms)) = self.of[slot].take() {
            self.boards[board as usize].1.remove(&(Reverse(points), reached_ms, moved.member));
        }
        if moved.points > 0 {
            let board = self.board_of(&moved.kind);
            self.boards[board].1.insert(moved.place());
            self.of[slot] = Some((board as u32, moved.points, moved.reached_ms));
        }
    }

    fn board_of(&mut self, kind: &SmolStr) -> usize {
        self.boards.iter().position(|(known, _)| known == kind).unwrap_or_else(|| {
            self.boards.push((kind.clone(), indexset::BTreeSet::default()));
            self.boards.len() - 1
        })
    }

    /// The member's kind, and the place from 0.
    pub fn place(&self, slot: Slot, member: i64) -> Option<(&str, usize)> {
        let (board, points, reached_ms) = (*self.of.get(slot as usize)?)?;
        let (kind, places) = &self.boards[board as usize];
        Some((kind, places.rank(&(Reverse(points), reached_ms, member))))
    }

    /// How many members of a kind there are.
    pub fn size(&self, kind: &str) -> usize {
        self.places(kind).map_or(0, indexset::BTreeSet::len)
    }

    /// Entries with their ranks from 1.
    pub fn slice(&self, kind: &str, first: usize, limit: usize) -> Vec<(i64, Place)> {
        let Some(places) = self.places(kind) else { return Vec::new() };
        (first..places.len().min(first + limit)).filter_map(|i| Some((i as i64 + 1, *places.get_index(i)?))).collect()
    }

    fn places(&self, kind: &str) -> Option<&indexset::BTreeSet<Place>> {
        self.boards.iter().find(|(known, _)| **known == *kind).map(|(_, places)| places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_both_ways() {
        let mut people = People::default();
        let ids = [(7, MemberId::new("amy")), (2, MemberId::of_kind("branch", "北京")), (900, MemberId::new(""))];
        for (number, id) in &ids {
            let slot = people.add(*number, id);
            assert_eq!((people.add(*number, id), people.slot(*number)), (slot, Some(slot)));
        }
        for (number, id) in &ids {
            assert_eq!((people.number(id), people.id(*number)), (Some(*number), Some(id.to_string().as_str())));
        }
        let nobody = [people.number(&MemberId::new("bob")), people.slot(1).map(i64::from), people.slot(-1).map(i64::from)];
        assert_eq!(nobody, [None; 3]);
        assert_eq!(people.id(901), None);
    }

    #[test]
    fn whoever_moves_has_one_place() {
        let mut index = Index::default();
        let mut put = |member: i64, points, reached_ms| {
            index.put(&Move { slot: member as Slot, member, kind: "member".into(), points, reached_ms });
            index.slice("member", 0, 9).iter().map(|(rank, place)| (*rank, place.2, place.0.0)).collect::<Vec<_>>()
        };
        put(1, 10, 5);
        assert_eq!(put(2, 30, 6), [(1, 2, 30), (2, 1, 10)]);
        assert_eq!(put(1, 30, 5), [(1, 1, 30), (2, 2, 30)]);
        assert_eq!(put(2, 0, 9), [(1, 1, 30)]);
        assert_eq!((index.place(1, 1), index.place(2, 2), index.size("member"), index.size("team")), (Some(("member", 0)), None, 1, 0));
    }
}

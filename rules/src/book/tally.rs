//! Sums by measure: a short sorted list of (dictionary number, amount).

use crate::names::Code;

/// Sums of one member, one day, one cycle or the whole campaign. Zero sums may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally(Vec<(Code, i64)>);

/// A sum would not fit into 64 bits.
#[derive(Debug, PartialEq, Eq)]
pub struct Overflow;

impl Tally {
    pub const EMPTY: Tally = Tally(Vec::new());
    pub fn get(&self, measure: Code) -> i64 {
        self.0.binary_search_by_key(&measure, |e| e.0).map_or(0, |i| self.0[i].1)
    }
    pub fn add(&mut self, measure: Code, amount: i64) -> Result<(), Overflow> {
        match self.0.binary_search_by_key(&measure, |e| e.0) {
            Ok(i) => self.0[i].1 = self.0[i].1.checked_add(amount).ok_or(Overflow)?,
            Err(i) => {
                // There are few, and a simulation keeps millions of these lists: none has room for more than it holds.
                self.0.reserve_exact(1);
                self.0.insert(i, (measure, amount));
            }
        }
        Ok(())
    }
    pub fn iter(&self) -> impl Iterator<Item = (Code, i64)> + '_ {
        self.0.iter().copied()
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

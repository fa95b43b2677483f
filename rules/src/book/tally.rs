//! Sums by measure: a short sorted list of (dictionary number, amount); and by local day and measure.

use crate::names::Code;
use std::ops::Range;

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

/// Sums by local day, counted from 1970-01-01, and measure: one sorted list, because a simulation keeps millions of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Days(Vec<(i32, Code, i64)>);

impl Days {
    pub fn get(&self, day: i32, measure: Code) -> i64 {
        self.place(day, measure).map_or(0, |i| self.0[i].2)
    }
    pub fn add(&mut self, day: i32, measure: Code, amount: i64) -> Result<(), Overflow> {
        match self.place(day, measure) {
            Ok(i) => self.0[i].2 = self.0[i].2.checked_add(amount).ok_or(Overflow)?,
            Err(i) => {
                // An event is counted on its day, and as a rule so is what it awards.
                if self.0.len() == self.0.capacity() {
                    self.0.reserve_exact(2);
                }
                self.0.insert(i, (day, measure, amount));
            }
        }
        Ok(())
    }
    /// The sum of some measures over some days.
    pub fn sum(&self, days: &Range<i32>, measures: &[Code]) -> Result<i64, Overflow> {
        let wanted = self.0.iter().filter(|(day, measure, _)| days.contains(day) && measures.contains(measure));
        wanted.map(|(.., amount)| *amount).try_fold(0_i64, |sum, amount| sum.checked_add(amount).ok_or(Overflow))
    }
    /// Day by day, in order: each time (day, measure, amount) of the same day.
    pub fn by_day(&self) -> impl Iterator<Item = &[(i32, Code, i64)]> {
        self.0.chunk_by(|one, next| one.0 == next.0)
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    fn place(&self, day: i32, measure: Code) -> Result<usize, usize> {
        self.0.binary_search_by_key(&(day, measure), |entry| (entry.0, entry.1))
    }
}

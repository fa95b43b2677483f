//! Chance for the fuzzer: the same seed throws the same numbers, on every machine.

use crate::language::mix;

/// SplitMix64, a step for each throw.
pub struct Dice(u64);

impl Dice {
    /// The dice of one history of a seed.
    pub fn of(seed: u64, history: u64) -> Dice {
        Dice(mix(seed ^ mix(history.wrapping_add(1))))
    }

    pub fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }
    /// 0 to n - 1; 0 where n is 0.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.throw()) * n as u128) >> 64) as usize
    }
    pub fn between(&mut self, least: i64, most: i64) -> i64 {
        least + self.below((most - least + 1).max(1) as usize) as i64
    }
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
    /// One of a list; none of an empty one.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        list.get(self.below(list.len()))
    }
    /// Some of a list, in its order.
    pub fn some_of<T: Clone>(&mut self, list: &[T], percent: usize) -> Vec<T> {
        list.iter().filter(|_| self.chance(percent)).cloned().collect()
    }
    /// Some of a list, at least one where there is one, in its order.
    pub fn some<T: Clone>(&mut self, list: &[T], percent: usize) -> Vec<T> {
        let mut some = self.some_of(list, percent);
        if some.is_empty() {
            some.extend(self.pick(list).cloned());
        }
        some
    }
}

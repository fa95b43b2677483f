//! Numbers from a seed, the same on every machine: what generated events and histories are made of.

use crate::language::mix;

/// SplitMix64. Not for secrets.
#[derive(Clone, Copy, Debug)]
pub struct Random(pub u64);

impl Random {
    /// A stream of its own for each path of numbers: what one member does does not move what another does.
    pub fn of(seed: u64, path: &[u64]) -> Random {
        Random(path.iter().fold(mix(seed ^ 0x9E37_79B9_7F4A_7C15), |mixed, step| mix(mixed ^ step.wrapping_mul(0xD6E8_FEB8_6659_FD93))))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// From 0 to one less than `n`, which is positive.
    pub fn below(&mut self, n: i64) -> i64 {
        ((u128::from(self.number()) * n as u128) >> 64) as i64
    }

    /// Both ends included; the first where they are the wrong way round.
    pub fn between(&mut self, from: i64, to: i64) -> i64 {
        let span = (i128::from(to) - i128::from(from)).max(0) as u128 + 1;
        (i128::from(from) + ((u128::from(self.number()) * span) >> 64) as i128) as i64
    }

    pub fn one_in(&mut self, n: i64) -> bool {
        self.below(n) == 0
    }

    /// One of a list, which is not empty.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as i64) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn numbers_follow_from_the_seed_and_stay_in_range() {
        let draw = |mut random: Random| -> Vec<i64> { (0..6).map(|_| random.between(-2, 3)).collect() };
        assert_eq!(draw(Random(7)), draw(Random(7)));
        assert_ne!(draw(Random::of(7, &[1])), draw(Random::of(7, &[2])));
        let mut random = Random(1);
        let seen: std::collections::BTreeSet<i64> = (0..200).map(|_| random.between(-2, 3)).collect();
        assert_eq!(seen, (-2..=3).collect());
        assert_eq!([random.between(5, 5), random.between(i64::MAX, i64::MAX), random.between(4, 1)], [5, i64::MAX, 4]);
        random.between(i64::MIN, i64::MAX);
        assert_eq!((0..100).filter(|_| random.one_in(1)).count(), 100);
    }
}

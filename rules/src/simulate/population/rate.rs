//! How often something happens. Whole numbers in, whole numbers out: the same on every machine.

use crate::simulate::random::Random;

/// A part of all, exact to a millionth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share(i64);

impl Share {
    pub const ALL: Share = Share(MILLION);

    /// None for less than nothing or more than all.
    pub fn of_millionths(millionths: i64) -> Option<Share> {
        (0..=MILLION).contains(&millionths).then_some(Share(millionths))
    }
    pub fn happens(self, random: &mut Random) -> bool {
        self.0 == MILLION || random.below(MILLION) < self.0
    }
}

pub const MILLION: i64 = 1_000_000;
/// Times a day, beyond which nobody does anything.
pub const PER_DAY_MOST: i64 = 200;

/// So many times a day on average, by Poisson's distribution: each time is independent of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How likely it is to happen n times or less, in parts of 2^64, for n from 0.
    at_most: Vec<u64>,
}

impl Rate {
    /// Millionths of times a day; none for less than nothing or more than [`PER_DAY_MOST`].
    pub fn per_day(millionths: i64) -> Option<Rate> {
        if !(0..=PER_DAY_MOST * MILLION).contains(&millionths) {
            return None;
        }
        let mean = millionths as f64 / MILLION as f64;
        let mut at_most = Vec::new();
        let (mut likely, mut sum, mut n) = (1.0 / exponential(mean), 0.0, 0.0);
        loop {
            sum += likely;
            at_most.push((sum.min(1.0) * 2_f64.powi(64)) as u64);
            n += 1.0;
            likely *= mean / n;
            if n > mean && likely < 1e-15 {
                return Some(Rate { at_most });
            }
        }
    }

    pub fn times(&self, random: &mut Random) -> i64 {
        let drawn = random.number();
        self.at_most.partition_point(|at_most| *at_most <= drawn) as i64
    }
}

/// e^x by its series, for x from 0 to [`PER_DAY_MOST`]. Only sums and products, which round alike everywhere; a
/// platform's own function need not.
pub fn exponential(x: f64) -> f64 {
    let (mut sum, mut term, mut n) = (0.0, 1.0, 0.0);
    while term > sum * 1e-17 {
        sum += term;
        n += 1.0;
        term *= x / n;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_average_is_the_rate() {
        for (millionths, most) in [(0, 0), (10_000, 3), (500_000, 8), (2_500_000, 16), (200_000_000, 300)] {
            let rate = Rate::per_day(millionths).unwrap();
            let mut random = Random(5);
            let times: Vec<i64> = (0..20_000).map(|_| rate.times(&mut random)).collect();
            let sum: i64 = times.iter().sum();
            let off = (sum * MILLION / 20_000 - millionths).abs();
            assert!(off <= 1_000 + millionths / 25, "{millionths}: {sum}");
            assert!(times.iter().all(|n| *n <= most), "{millionths}: {:?}", times.iter().max());
        }
        assert_eq!((Rate::per_day(-1), Rate::per_day(200_000_001)), (None, None));
        assert!((exponential(1.0) - std::f64::consts::E).abs() < 1e-15);
    }

    #[test]
    fn shares_are_parts_of_all() {
        let mut random = Random(5);
        let happened = |share: i64, random: &mut Random| {
            let share = Share::of_millionths(share).unwrap();
            (0..10_000).filter(|_| share.happens(random)).count()
        };
        assert_eq!([happened(0, &mut random), happened(MILLION, &mut random)], [0, 10_000]);
        assert!((2_800..3_200).contains(&happened(300_000, &mut random)));
        assert_eq!((Share::of_millionths(-1), Share::of_millionths(MILLION + 1)), (None, None));
    }
}

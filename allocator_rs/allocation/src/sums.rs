//! Sums of whole amounts: which there are.

/// What lines that take such amounts can take together: by rest modulo the least amount, the least
/// sum that leaves it; all that are greater by whole least amounts are sums, too.
pub(crate) struct Sums {
    unit: i64,
    /// In units.
    of_rest: Vec<i64>,
}

impl Sums {
    /// Of rising amounts above 0.
    pub(crate) fn of(amounts: &[i64]) -> Self {
        let unit = amounts.iter().copied().fold(0, gcd).max(1);
        let least = amounts.first().map_or(0, |least| least / unit);
        let mut of_rest = vec![i64::MAX; usize::try_from(least).unwrap_or(0)];
        if let Some(nothing) = of_rest.first_mut() {
            *nothing = 0;
        }
        for amount in amounts.iter().map(|amount| amount / unit) {
            // Twice around each cycle of rests that adding this amount makes: once to the cycle's
            // least sum, once from there on.
            let starts = gcd(least, amount);
            for start in 0..starts {
                let mut rest = start;
                for _ in 0..2 * least / starts {
                    let place = |rest: i64| usize::try_from(rest).ok();
                    let from = place(rest).and_then(|at| of_rest.get(at).copied());
                    let sum = from.map_or(i64::MAX, |from| from.saturating_add(amount));
                    rest = (rest + amount % least) % least;
                    if let Some(own) = place(rest).and_then(|at| of_rest.get_mut(at)) {
                        *own = (*own).min(sum);
                    }
                }
            }
        }
        Self { unit, of_rest }
    }

    pub(crate) fn have(&self, sum: i64) -> bool {
        let least = i64::try_from(self.of_rest.len()).unwrap_or(i64::MAX);
        if sum % self.unit != 0 || least == 0 {
            return false;
        }
        let of_rest = usize::try_from(sum / self.unit % least).ok();
        let of_rest = of_rest.and_then(|at| self.of_rest.get(at));
        of_rest.is_some_and(|first| *first <= sum / self.unit)
    }
}

pub(crate) fn gcd(mut one: i64, mut other: i64) -> i64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one.abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    #[test]
    fn a_sum_is_one_that_adding_up_comes_to() {
        for seed in 0..500 {
            let mut dice = Dice::new(seed);
            let unit = 1 + dice.below(4);
            let mut amounts: Vec<usize> = (0..=dice.below(4))
                .map(|_| unit * (1 + dice.below(14)))
                .collect();
            amounts.sort_unstable();
            let mut reached = [false; 120];
            reached[0] = true;
            for at in 1..reached.len() {
                reached[at] = amounts
                    .iter()
                    .any(|amount| at >= *amount && reached[at - amount]);
            }
            let amounts: Vec<i64> = amounts.iter().map(|amount| *amount as i64).collect();
            let sums = Sums::of(&amounts);
            for (at, reached) in reached.iter().enumerate() {
                assert_eq!(
                    sums.have(at as i64),
                    *reached,
                    "seed {seed}: {at} of {amounts:?}"
                );
            }
        }
    }

    #[test]
    fn no_amounts_have_no_sums_and_great_ones_take_no_memory() {
        assert!(!Sums::of(&[]).have(5));
        let great = Sums::of(&[1 << 50, 3 << 50]);
        assert!(great.have(7 << 50) && !great.have((7 << 50) + 1));
    }
}

//! Prices in integers: shares, distances, weights, and what the last units of a cell are worth.

/// Shares are in millionths.
const PPM: i64 = 1_000_000;
/// Units that count as "the last ones" of a cell: the last, and the two before it.
const TIER_RANKS: i64 = 3;

/// `numerator * factor / divisor` rounded half up, for values at least 0; saturates.
fn scaled(value: i64, factor: i64, divisor: i64) -> i64 {
    let product = i128::from(value) * i128::from(factor) + i128::from(divisor / 2);
    i64::try_from(product / i128::from(divisor.max(1))).unwrap_or(i64::MAX)
}

/// A share of an amount, rounded half up. `share` in millionths, amounts in micro-units, all >= 0.
#[must_use]
pub fn share_of(amount: i64, share_ppm: i64) -> i64 {
    scaled(amount, share_ppm, PPM)
}

/// Cost of a distance in meters at a price per km, rounded half up (micro-units).
#[must_use]
pub fn distance_cost(per_km: i64, meters: i64) -> i64 {
    scaled(per_km, meters, 1000)
}

/// Cost of a weight in grams at a price per kg, rounded half up (micro-units).
#[must_use]
pub fn weight_cost(per_kg: i64, grams: i64) -> i64 {
    scaled(per_kg, grams, 1000)
}

/// A price times a quantity; saturates.
#[must_use]
pub fn per_unit_of(price: i64, quantity: i64) -> i64 {
    price.saturating_mul(quantity)
}

/// What the last units of a cell are worth to later orders (micro-units a unit): convex in the
/// units taken, so taking two lines together costs at least the sum of taking each alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpportunityTiers {
    /// Worth of the last unit.
    pub last: i64,
    /// Worth of each of the two units before the last; at most `last`.
    pub next_two: i64,
}

impl OpportunityTiers {
    /// Tiers of a SKU: shares (millionths) of its price (micro-units).
    #[must_use]
    pub fn of_price(price: i64, last_ppm: i64, next_two_ppm: i64) -> Self {
        let last = share_of(price, last_ppm);
        Self {
            last,
            next_two: share_of(price, next_two_ppm).min(last),
        }
    }

    /// The same with `last` at most `cap` (micro-units, at least 0), `next_two` in proportion.
    #[must_use]
    pub fn capped(self, cap: i64) -> Self {
        if self.last <= cap {
            return self;
        }
        Self {
            last: cap,
            next_two: scaled(self.next_two, cap, self.last).min(cap),
        }
    }

    pub(crate) fn in_range(&self) -> bool {
        (0..=crate::problem::COST_MAX).contains(&self.last)
            && (0..=self.last).contains(&self.next_two)
    }

    /// Charge for taking `units` of `available` (both >= 0, units <= available): the units are
    /// counted from the last one of the cell.
    #[must_use]
    pub fn charge(&self, available: i64, units: i64) -> i64 {
        let left = available - units;
        if units <= 0 || left >= TIER_RANKS {
            return 0;
        }
        let last = if left < 1 { self.last } else { 0 };
        let upper = available.min(TIER_RANKS);
        let lower = left.max(1);
        last + self.next_two * (upper - lower).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_units_are_charged_from_the_last_one() {
        let tiers = OpportunityTiers {
            last: 30,
            next_two: 10,
        };
        let charges: Vec<i64> = (0..=5).map(|units| tiers.charge(5, units)).collect();
        assert_eq!(charges, [0, 0, 0, 10, 20, 50]);
        assert_eq!(tiers.charge(1, 1), 30);
        assert_eq!(tiers.charge(2, 1), 10);
        assert_eq!(tiers.charge(2, 2), 40);
    }

    #[test]
    fn charges_are_convex_in_the_units_taken() {
        let tiers = OpportunityTiers {
            last: 30,
            next_two: 10,
        };
        for available in 0..8 {
            let steps: Vec<i64> = (1..=available)
                .map(|u| tiers.charge(available, u) - tiers.charge(available, u - 1))
                .collect();
            assert!(steps.is_sorted(), "{available}: {steps:?}");
        }
    }

    #[test]
    fn a_cap_keeps_the_proportion_of_the_tiers() {
        let tiers = OpportunityTiers {
            last: 30,
            next_two: 10,
        };
        let capped = OpportunityTiers {
            last: 6,
            next_two: 2,
        };
        assert_eq!(tiers.capped(6), capped);
        assert_eq!(tiers.capped(30), tiers);
        assert_eq!(tiers.capped(0), OpportunityTiers::default());
    }

    #[test]
    fn prices_round_half_up() {
        assert_eq!(distance_cost(3_000, 1_500), 4_500);
        assert_eq!(distance_cost(1, 499), 0);
        assert_eq!(distance_cost(1, 500), 1);
        assert_eq!(share_of(1, 450_000), 0);
        assert_eq!(share_of(1, 500_000), 1);
    }
}

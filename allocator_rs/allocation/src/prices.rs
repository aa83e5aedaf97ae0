//! Dual prices: what a unit or second of each row is worth to the others.

use std::sync::Arc;

use crate::calendar::{Calendar, Offers, PatternPrices};
use crate::instance::NO_ROW;
use crate::rooms::Rooms;
use crate::rounding::Roundings;
use crate::threads::with_each;

/// Whole micro-units a unit or second by row, and then by rounding inequality, and what they make of
/// each pattern of hours.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prices {
    rows: Vec<i64>,
    roundings: Arc<Roundings>,
    /// By row, a bit: whether it or an inequality of it has a price. Few have.
    priced: Vec<u64>,
    /// What one line pays, by pattern.
    patterns: Vec<i64>,
    /// What a group pays, by pattern; empty where no group pays anything.
    groups: Vec<i64>,
    /// By slot, whoever asks: what its hours offer if nothing were taken of them. Empty: not known.
    offers: Vec<Offers>,
}

impl Prices {
    pub(crate) fn new(calendar: &Calendar, roundings: &Arc<Roundings>, rows: Vec<i64>) -> Self {
        let mut prices = Self {
            priced: priced(&rows, roundings),
            rows,
            roundings: Arc::clone(roundings),
            patterns: Vec::new(),
            groups: Vec::new(),
            offers: Vec::new(),
        };
        let of_pattern = |pattern: &crate::Pattern| {
            let shares = pattern.shares.iter();
            let charges = shares.map(|(row, seconds)| prices.charge(*row, *seconds));
            charges.fold(pattern.charge, i64::saturating_add)
        };
        prices.patterns = calendar.patterns.iter().map(of_pattern).collect();
        if calendar
            .patterns
            .iter()
            .any(|pattern| !pattern.days.is_empty())
        {
            let of_group = |pattern: &crate::Pattern| {
                let days = pattern.days.iter().map(|row| prices.of(*row));
                days.fold(0, i64::saturating_add)
            };
            prices.groups = calendar.patterns.iter().map(of_group).collect();
        }
        prices
    }

    /// Prices for orders that choose as if each were alone: `rooms` is what all rows have.
    pub(crate) fn of_alone(
        calendar: &Calendar,
        roundings: &Arc<Roundings>,
        rows: Vec<i64>,
        rooms: &[i64],
        threads: usize,
    ) -> Self {
        let mut prices = Self::new(calendar, roundings, rows);
        let patterns = prices.of_patterns();
        let offers = |(): &mut (), slot: usize| {
            let slot = u32::try_from(slot).unwrap_or(u32::MAX);
            calendar.offers_alone(slot, patterns, Rooms(rooms))
        };
        (prices.offers, _) = with_each(calendar.slots.len(), threads, || (), offers);
        prices
    }

    /// Whether it is known what hours offer to whoever is alone.
    pub(crate) fn are_of_alone(&self) -> bool {
        !self.offers.is_empty()
    }

    pub(crate) fn offers_alone(&self, slot: u32) -> Option<&Offers> {
        self.offers.get(slot as usize)
    }

    /// What one line pays that takes so much of a row, its rounding inequalities included.
    pub(crate) fn charge(&self, row: u32, amount: i64) -> i64 {
        if !self.is_priced(row) {
            return 0;
        }
        if amount == 1 {
            // No inequality counts a single unit: its divisor is 2 or more and leaves a rest.
            return self.of(row);
        }
        let takes = self.roundings.takes(row, amount);
        let charges = takes.map(|(number, take)| self.of(number).saturating_mul(take));
        let own = self.of(row).saturating_mul(amount);
        charges.fold(own, i64::saturating_add)
    }

    fn is_priced(&self, row: u32) -> bool {
        let bits = self.priced.get(row as usize / 64);
        bits.is_some_and(|bits| bits & (1 << (row % 64)) != 0)
    }

    /// What is paid for amounts of rows and inequalities, each by its own price.
    #[inline]
    pub(crate) fn of_takes(&self, takes: &[(u32, i64)]) -> i64 {
        let mut sum = 0_i64;
        for (row, amount) in takes {
            let price = self.rows.get(*row as usize).copied().unwrap_or(0);
            sum = sum.saturating_add(price.saturating_mul(*amount));
        }
        sum
    }

    /// The price of a row, or of an inequality.
    #[inline]
    pub(crate) fn of(&self, row: u32) -> i64 {
        self.rows.get(row as usize).copied().unwrap_or(0)
    }

    pub(crate) fn of_patterns(&self) -> PatternPrices<'_> {
        PatternPrices {
            line: &self.patterns,
            once: &self.groups,
        }
    }

    /// What a line pays for its units, of all rows that they are taken of.
    pub(crate) fn of_units(&self, rows: [u32; 2], quantity: i64) -> i64 {
        let charge = |row: u32| match row {
            NO_ROW => 0,
            row => self.charge(row, quantity),
        };
        charge(rows[0]).saturating_add(charge(rows[1]))
    }
}

fn priced(prices: &[i64], roundings: &Roundings) -> Vec<u64> {
    let mut priced = vec![0_u64; prices.len().div_ceil(64)];
    for (number, _) in (0_u32..).zip(prices).filter(|(_, price)| **price != 0) {
        let row = roundings.row_of(number);
        if let Some(bits) = priced.get_mut(row as usize / 64) {
            *bits |= 1 << (row % 64);
        }
    }
    priced
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::Row;

    fn of(roundings: Roundings, rows: &[i64]) -> Prices {
        Prices::new(&Calendar::default(), &Arc::new(roundings), rows.to_vec())
    }

    /// Of three units one line of two is served: one inequality beside the second row.
    fn rounded() -> Roundings {
        let limits = [4, 3].map(|limit| Row {
            limit,
            ..Row::default()
        });
        Roundings::of(&limits, &Calendar::default(), &[false, true])
    }

    #[test]
    fn a_row_charges_by_itself_and_by_its_inequalities() {
        let prices = of(rounded(), &[0, 7, 5]);
        let charges = [(0, 2), (1, 1), (1, 2)].map(|(row, amount)| prices.charge(row, amount));
        assert_eq!(charges, [0, 7, 19]);
    }

    #[test]
    fn a_row_without_a_price_charges_by_an_inequality_that_has_one() {
        let prices = of(rounded(), &[0, 0, 5]);
        assert_eq!([prices.charge(1, 1), prices.charge(1, 2)], [0, 5]);
    }

    #[test]
    fn prices_that_end_early_and_rows_without_inequalities_charge_by_the_row() {
        assert_eq!(of(rounded(), &[3, 7]).charge(1, 2), 14);
        assert_eq!(of(Roundings::default(), &[0, 3]).charge(1, 2), 6);
        assert_eq!(of(Roundings::default(), &[]).charge(1, 2), 0);
    }
}

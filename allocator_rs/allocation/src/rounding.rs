//! Rounding inequalities: what whole lines can take of a row is less than what fractions of lines can.
//!
//! Orders take whole lines: of a cell of three units, one line of two units can be served, not one
//! and a half. So for a row with `limit`, a divisor `d` and the rest r = limit mod d > 0, with
//!
//! > take(a) = (d - r) * (a / d) + max(0, a mod d - r)
//!
//! the sum of take(a) over all lines that take an amount a of the row is at most take(limit): the mixed
//! integer rounding of the row's limit (Gomory 1960; Nemhauser and Wolsey 1990), in whole numbers. take is
//! superadditive, so what an order takes by several lines counts line by line. Every inequality has a
//! price like a row; the bound that prices prove is the better for it, and holds for whole lines only.

use std::collections::BTreeMap;

use crate::calendar::Calendar;
use crate::instance::Row;

/// Divisors of a row of units that are tried.
const UNIT_DIVISORS: std::ops::RangeInclusive<i64> = 2..=5;
/// Of a limit that serves more lines, rounding takes too little to be worth a price.
const LINES_MAX: i64 = 12;
/// Inequalities of one row, at most: those that take the largest share off its limit.
const OF_ROW_MAX: usize = 3;

/// One inequality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rounding {
    divisor: i64,
    rest: i64,
}

impl Rounding {
    fn take(self, amount: i64) -> i64 {
        let whole = (self.divisor - self.rest).saturating_mul(amount / self.divisor);
        whole + (amount % self.divisor - self.rest).max(0)
    }

    /// The share of the limit that it takes off.
    fn strength(self, limit: i64) -> i64 {
        self.rest * 1_000 / limit.max(1)
    }
}

/// The inequalities of the rows that matter, numbered on from the last row. Which there are is for the
/// bound to be good; it is valid with any.
#[derive(Clone, Debug, Default)]
pub struct Roundings {
    rows: usize,
    /// By row, and one more: where its inequalities start.
    starts: Vec<u32>,
    all: Vec<Rounding>,
    limits: Vec<i64>,
}

impl Roundings {
    /// The inequalities of those rows that `matter`, and of hours.
    #[must_use]
    pub fn of(rows: &[Row], calendar: &Calendar, matters: &[bool]) -> Self {
        let mut of_hours: BTreeMap<usize, Vec<i64>> = BTreeMap::new();
        let shares = calendar.patterns.iter().flat_map(|pattern| &pattern.shares);
        for (row, seconds) in shares {
            let known = of_hours.entry(*row as usize).or_default();
            if !known.contains(seconds) {
                known.push(*seconds);
            }
        }
        let mut found = Self {
            rows: rows.len(),
            starts: vec![0],
            ..Self::default()
        };
        for (index, row) in rows.iter().enumerate() {
            // Overtime is bought by the second: there is nothing to round.
            if row.overtime == 0 && row.limit > 0 {
                match of_hours.get(&index) {
                    Some(shares) => found.add(row.limit, shares.iter().copied()),
                    None if matters.get(index) == Some(&true) => {
                        found.add(row.limit, UNIT_DIVISORS);
                    }
                    None => {}
                }
            }
            let end = u32::try_from(found.all.len()).unwrap_or(u32::MAX);
            found.starts.push(end);
        }
        found
    }

    fn add(&mut self, limit: i64, divisors: impl Iterator<Item = i64>) {
        let roundings = divisors.map(|divisor| Rounding {
            divisor,
            rest: limit % divisor.max(1),
        });
        let is_worth = |rounding: &Rounding| {
            (1..limit).contains(&rounding.divisor)
                && rounding.rest > 0
                && limit / rounding.divisor <= LINES_MAX
        };
        let mut kept: Vec<Rounding> = roundings.filter(is_worth).collect();
        kept.sort_by_key(|rounding| (-rounding.strength(limit), rounding.divisor));
        kept.truncate(OF_ROW_MAX);
        self.limits
            .extend(kept.iter().map(|rounding| rounding.take(limit)));
        self.all.extend(kept);
    }

    /// How many a row and its inequalities are.
    pub(crate) fn kin(&self, row: u32) -> usize {
        let place = self.row_of(row) as usize;
        let ends = self.starts.get(place).zip(self.starts.get(place + 1));
        1 + ends.map_or(0, |(first, end)| (end - first) as usize)
    }

    /// The row of an inequality; of a row, itself.
    pub(crate) fn row_of(&self, number: u32) -> u32 {
        let place = (number as usize).checked_sub(self.rows);
        let Some(place) = place.filter(|place| *place < self.all.len()) else {
            return number;
        };
        let after = |start: &u32| *start as usize <= place;
        let row = self.starts.partition_point(after).saturating_sub(1);
        u32::try_from(row).unwrap_or(u32::MAX)
    }

    /// The inequalities of a row: the number of each, and what it allows.
    pub(crate) fn of_row(&self, row: u32) -> impl Iterator<Item = (u32, i64)> + '_ {
        let place = row as usize;
        let ends = self.starts.get(place).zip(self.starts.get(place + 1));
        let range = ends.map_or(0..0, |(first, end)| *first as usize..*end as usize);
        let numbers = range.clone().map(|at| self.rows + at);
        let limits = self.limits.get(range).unwrap_or_default().iter().copied();
        numbers
            .filter_map(|number| u32::try_from(number).ok())
            .zip(limits)
    }

    /// What the inequalities allow, in turn.
    #[must_use]
    pub fn limits(&self) -> &[i64] {
        &self.limits
    }

    /// The number of an inequality of `row`, and what one line that takes `amount` of the row takes of
    /// it; where that is 0 it is left out.
    pub(crate) fn takes(&self, row: u32, amount: i64) -> impl Iterator<Item = (u32, i64)> + '_ {
        let place = row as usize;
        let ends = self.starts.get(place).zip(self.starts.get(place + 1));
        let range = ends.map_or(0..0, |(first, end)| *first as usize..*end as usize);
        let first = self.rows + range.start;
        let mine = self.all.get(range).unwrap_or_default().iter().enumerate();
        mine.filter_map(move |(at, rounding)| {
            let number = u32::try_from(first + at).ok()?;
            let take = rounding.take(amount);
            (take > 0).then_some((number, take))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_limit(limit: i64) -> Roundings {
        let row = Row {
            limit,
            ..Row::default()
        };
        Roundings::of(&[row], &Calendar::default(), &[true])
    }

    #[test]
    fn whatever_fits_into_a_limit_fits_into_its_roundings() {
        for limit in 1..=40 {
            let roundings = of_limit(limit);
            // Every way to fill it with three amounts, the third as often as there is room.
            for (one, two) in (1..=limit).flat_map(|one| (1..=limit).map(move |two| (one, two))) {
                let third = (limit - one - two).max(0);
                let amounts = [one, two, third];
                if amounts.iter().sum::<i64>() > limit {
                    continue;
                }
                let mut taken = vec![0; roundings.limits().len()];
                for (number, take) in amounts.iter().flat_map(|a| roundings.takes(0, *a)) {
                    taken[number as usize - 1] += take;
                }
                for (taken, limit) in taken.iter().zip(roundings.limits()) {
                    assert!(taken <= limit, "{amounts:?}");
                }
            }
        }
    }

    #[test]
    fn of_three_units_one_line_of_two_is_served() {
        let roundings = of_limit(3);
        assert_eq!(roundings.limits(), &[1]);
        assert_eq!(roundings.takes(0, 1).count(), 0);
        assert_eq!(roundings.takes(0, 2).collect::<Vec<_>>(), [(1, 1)]);
        assert_eq!(roundings.takes(0, 3).collect::<Vec<_>>(), [(1, 1)]);
    }

    #[test]
    fn a_row_with_overtime_has_none() {
        let row = Row {
            limit: 3,
            overtime: 1,
            ..Row::default()
        };
        assert!(Roundings::of(&[row], &Calendar::default(), &[true])
            .limits()
            .is_empty());
    }
}

//! Dual prices: what a unit or second of each row is worth to the others.

use crate::calendar::Calendar;

/// Whole micro-units a unit or second by row, and what they make of each pattern of hours.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prices {
    rows: Vec<i64>,
    patterns: Vec<i64>,
}

impl Prices {
    pub(crate) fn new(calendar: &Calendar, rows: Vec<i64>) -> Self {
        let mut prices = Self {
            rows,
            patterns: Vec::new(),
        };
        calendar.prices(&prices.rows, &mut prices.patterns);
        prices
    }

    pub(crate) fn of(&self, row: u32) -> i64 {
        self.rows.get(row as usize).copied().unwrap_or(0)
    }

    pub(crate) fn rows(&self) -> &[i64] {
        &self.rows
    }

    pub(crate) fn of_patterns(&self) -> &[i64] {
        &self.patterns
    }
}

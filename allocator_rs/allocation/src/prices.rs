//! Dual prices: what a unit or second of each row is worth to the others.

use crate::calendar::{Calendar, Offers};
use crate::rooms::Rooms;

/// Whole micro-units a unit or second by row, and what they make of each pattern of hours.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prices {
    rows: Vec<i64>,
    patterns: Vec<i64>,
    /// By slot, whoever asks: what its hours offer if nothing were taken of them. Empty: not known.
    offers: Vec<Offers>,
}

impl Prices {
    pub(crate) fn new(calendar: &Calendar, rows: Vec<i64>) -> Self {
        let mut prices = Self {
            rows,
            patterns: Vec::new(),
            offers: Vec::new(),
        };
        calendar.prices(&prices.rows, &mut prices.patterns);
        prices
    }

    /// Prices for orders that choose as if each were alone: `rooms` is what all rows have.
    pub(crate) fn of_alone(calendar: &Calendar, rows: Vec<i64>, rooms: &[i64]) -> Self {
        let mut prices = Self::new(calendar, rows);
        let slots = (0_u32..).take(calendar.slots.len());
        let offers = slots.map(|slot| calendar.offers_alone(slot, &prices.patterns, Rooms(rooms)));
        prices.offers = offers.collect();
        prices
    }

    pub(crate) fn offers_alone(&self, slot: u32) -> Option<&Offers> {
        self.offers.get(slot as usize)
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

//! The rule of pairs: what a facility and the least other one cost at least.

use crate::problem::Facility;

/// The least prices seen: of what is shipped, of the next, and of a pickup store. Two pickup stores
/// are never open together.
pub(crate) struct Pairs {
    first: i64,
    first_position: usize,
    second: i64,
    pickup: i64,
}

impl Default for Pairs {
    fn default() -> Self {
        Self {
            first: i64::MAX,
            first_position: usize::MAX,
            second: i64::MAX,
            pickup: i64::MAX,
        }
    }
}

impl Pairs {
    /// Takes note of the price of a facility.
    pub(crate) fn see(&mut self, position: usize, place: &Facility, price: i64) {
        if place.pickup {
            self.pickup = self.pickup.min(price);
        } else if price < self.first {
            self.second = self.first;
            self.first = price;
            self.first_position = position;
        } else {
            self.second = self.second.min(price);
        }
    }

    /// The price of a facility seen and the least other one that may be open beside it.
    pub(crate) fn least(&self, position: usize, place: &Facility, price: i64) -> i64 {
        let ship = if position == self.first_position {
            self.second
        } else {
            self.first
        };
        let other = if place.pickup {
            ship
        } else {
            ship.min(self.pickup)
        };
        price.saturating_add(other)
    }
}

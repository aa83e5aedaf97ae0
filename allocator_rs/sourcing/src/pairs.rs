//! The rule of pairs: what a facility and the least other one cost at least.

use crate::problem::Facility;

/// The least prices seen: of what is shipped or transferred, of the next, and of what is picked where
/// it is collected. Two of those are never open together.
#[derive(Clone, Copy)]
struct Least {
    first: i64,
    first_position: usize,
    second: i64,
    pickup: i64,
}

const FAR: Least = Least {
    first: i64::MAX,
    first_position: usize::MAX,
    second: i64::MAX,
    pickup: i64::MAX,
};

impl Least {
    fn see(&mut self, position: usize, place: &Facility, price: i64) {
        if place.is_pickup() {
            self.pickup = self.pickup.min(price);
        } else if price < self.first {
            self.second = self.first;
            self.first = price;
            self.first_position = position;
        } else {
            self.second = self.second.min(price);
        }
    }

    /// The least other ship, and the least pickup store that may be open beside a facility.
    fn beside(&self, position: usize, place: &Facility) -> (i64, i64) {
        let ship = if position == self.first_position {
            self.second
        } else {
            self.first
        };
        let pickup = if place.is_pickup() {
            i64::MAX
        } else {
            self.pickup
        };
        (ship, pickup)
    }
}

/// Keeps, of facilities of which two or more are opened, those that with the least other one
/// stay below a limit. `level`: one of them at least is as late as that.
pub(crate) struct Pairs {
    level: Option<u32>,
    any: Least,
    late: Least,
}

impl Pairs {
    pub(crate) fn new(level: Option<u32>) -> Self {
        Self {
            level,
            any: FAR,
            late: FAR,
        }
    }

    /// Takes note of the price of a facility.
    pub(crate) fn see(&mut self, position: usize, place: &Facility, price: i64) {
        self.any.see(position, place, price);
        if self.level == Some(place.late) {
            self.late.see(position, place, price);
        }
    }

    /// The price of a facility seen and the least of what is open beside it. The price of a pickup
    /// store may be below 0.
    pub(crate) fn least(&self, position: usize, place: &Facility, price: i64) -> i64 {
        let (ship, pickup) = self.any.beside(position, place);
        let beside = if self.level.is_none_or(|level| level == place.late) {
            ship.min(pickup)
        } else {
            let (late_ship, late_pickup) = self.late.beside(position, place);
            late_ship.saturating_add(pickup.min(0)).min(late_pickup)
        };
        price.saturating_add(beside)
    }
}

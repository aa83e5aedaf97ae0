//! The reservations of an order: a list through their slots, newest first, by the order's reference.
//!
//! | | |
//! | --- | --- |
//! | order 0 | no order: in no list |
//! | a reservation that ended | stays in its list until it is dropped |

use super::{Reservation, Reservations, NO_SLOT};
use crate::ids::OrderRef;

impl Reservations {
    /// The reservations that are for this order, newest first, ended ones included.
    pub(crate) fn of_order(&self, order: OrderRef) -> impl Iterator<Item = &Reservation> {
        let is = |slot| self.at(slot).is_some_and(|found| found.order == order);
        let first = self.by_order.get(self.hasher.hash(&order), is);
        let mut slot = first.unwrap_or(NO_SLOT);
        std::iter::from_fn(move || {
            let found = self.at(slot)?;
            slot = found.next;
            Some(found)
        })
    }

    /// Puts a reservation before the others of its order, whose hash is known.
    pub(super) fn link(&mut self, slot: u32, order: OrderRef, hash: u32) {
        if order.0 == 0 {
            return;
        }
        let is = |slot| self.at(slot).is_some_and(|found| found.order == order);
        let Some(first) = self.by_order.get(hash, is) else {
            return self.by_order.insert(hash, slot);
        };
        self.by_order.replace(hash, first, slot);
        if let Some(found) = self.at_mut(first) {
            found.previous = slot;
        }
        if let Some(found) = self.at_mut(slot) {
            found.next = first;
        }
    }

    pub(super) fn unlink(&mut self, slot: u32) {
        let Some(found) = self.at(slot) else { return };
        let (order, next, previous) = (found.order, found.next, found.previous);
        if order.0 == 0 {
            return;
        }
        let hash = self.hasher.hash(&order);
        match (self.at_mut(previous), next) {
            (Some(previous), _) => previous.next = next,
            (None, NO_SLOT) => self.by_order.remove(hash, slot),
            (None, _) => self.by_order.replace(hash, slot, next),
        }
        if let Some(next) = self.at_mut(next) {
            next.previous = previous;
        }
    }
}

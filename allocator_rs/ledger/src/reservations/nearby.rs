//! Reservations, and what they lead to, brought close without waiting for it.
//!
//! | asked for | once there is |
//! | --- | --- |
//! | slots of the indexes | nothing |
//! | the reservation | its slot |
//! | its lines; the first line of a cell | the reservation; the cell |
//! | its lines' cells, and their neighbours in the cells' chains | the lines |

use super::{Hashes, Reservations};
use crate::cells::Cells;
use crate::ids::{OrderRef, ReservationId};

impl Reservations {
    /// What the indexes know a reservation and its order by.
    pub(crate) fn hashes(&self, id: ReservationId, order: OrderRef) -> Hashes {
        Hashes {
            id: self.hasher.hash(&id),
            order: self.hasher.hash(&order),
        }
    }

    /// The same, of a reservation alone.
    pub(crate) fn hash(&self, id: ReservationId) -> u32 {
        self.hasher.hash(&id)
    }

    /// Brings the slots of the indexes close that a reservation and its order have.
    pub(crate) fn prefetch_slots(&self, hashes: Hashes) {
        self.by_id.prefetch(hashes.id);
        self.by_order.prefetch(hashes.order);
    }

    /// Brings the slot of the index close that a reservation of this hash has.
    pub(crate) fn prefetch_slot(&self, hash: u32) {
        self.by_id.prefetch(hash);
    }

    /// Brings the reservation with this hash close, once its slot is; probably where it is.
    pub(crate) fn prefetch(&self, hash: u32) -> Option<u32> {
        let slot = self.by_id.candidate(hash)?;
        self.slots.prefetch(slot as usize);
        Some(slot)
    }

    /// Brings the lines of the reservation in a slot close, once it is.
    pub(crate) fn prefetch_lines(&self, slot: u32) {
        if let Some(found) = self.at(slot) {
            self.lines.prefetch(found.run);
        }
    }

    /// Brings the first of a cell's lines close, once the cell is.
    pub(crate) fn prefetch_first_line(&self, cell: u32, cells: &Cells) {
        self.lines.prefetch_at(cells.first_line(cell));
    }

    /// Brings what these lines lead to close, once they are: cells, and neighbours in their chains.
    pub(crate) fn prefetch_cells(&self, slot: u32, cells: &Cells) {
        if let Some(found) = self.at(slot) {
            self.lines.prefetch_cells(found.run, cells);
        }
    }

    /// Brings the reservations close that are the next to be dropped, and then their slots.
    pub(super) fn prefetch_oldest_ended(&self, count: usize) {
        for (_, slot) in self.ended.iter_from_first(count) {
            self.slots.prefetch(*slot as usize);
        }
        for (_, slot) in self.ended.iter_from_first(count) {
            if let Some(found) = self.at(*slot) {
                self.prefetch_slots(self.hashes(found.id, found.order));
            }
        }
    }
}

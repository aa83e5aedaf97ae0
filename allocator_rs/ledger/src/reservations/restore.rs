//! Reservations as a snapshot keeps them: in an order that tells all that the order of acts did.
//!
//! | which | in the order in which they |
//! | --- | --- |
//! | HELD | expire: by deadline, those that are alike as they were given |
//! | COMMITTED | lie, which nothing depends on |
//! | CONSUMED, RELEASED, EXPIRED | ended |

use super::{is_live, Deadlines, Reservation, Reservations, NO_SLOT, RUN_MAX};
use crate::cells::Cells;
use crate::ids::{OrderRef, ReservationId};
use crate::index::Index;
use crate::outcome::ReservationState;

/// A reservation to take over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kept {
    pub(crate) id: ReservationId,
    pub(crate) order: OrderRef,
    pub(crate) state: ReservationState,
    pub(crate) priority: u8,
    pub(crate) deadline_ms: i64,
    /// Meaningful in the end states.
    pub(crate) ended_ms: i64,
}

impl Reservations {
    pub(crate) fn holds_in_order(&self) -> impl Iterator<Item = &Reservation> {
        let slots = &self.slots;
        let due = self.deadlines.in_order(|deadline| is_live(slots, deadline));
        due.filter_map(|deadline| self.at(deadline.slot))
    }

    pub(crate) fn committed(&self) -> impl Iterator<Item = &Reservation> {
        // What was dropped had ended.
        let all = self.slots.iter();
        all.filter(|found| found.state == ReservationState::Committed)
    }

    pub(crate) fn ended_in_order(&self) -> impl Iterator<Item = &Reservation> {
        self.ended.iter().filter_map(|(_, slot)| self.at(*slot))
    }

    /// How many lines a reservation has, and their cells' numbers with the quantities.
    pub(crate) fn numbered_lines(
        &self,
        found: &Reservation,
    ) -> (usize, impl Iterator<Item = (u32, i64)> + '_) {
        (found.run.len(), self.lines.of(found.run))
    }

    /// None yet, at a ledger time that deadlines to come are not before.
    /// With room in the indexes for so many.
    pub(crate) fn starting_at(now_ms: i64, count: u64) -> Self {
        Self {
            deadlines: Deadlines::starting_at(now_ms),
            by_id: Index::with_room(count),
            by_order: Index::with_room(count),
            ..Self::default()
        }
    }

    /// Takes a reservation over, with the numbers of its lines' cells. Holds come in the order in
    /// which they expire, ended ones in the order in which they ended.
    ///
    /// # Errors
    /// What cannot be.
    pub(crate) fn restore(
        &mut self,
        kept: Kept,
        lines: &[(u32, i64)],
        cells: &mut Cells,
    ) -> Result<(), &'static str> {
        if self.slot(kept.id).is_some() {
            return Err("a reservation is there twice");
        }
        if lines.len() > RUN_MAX {
            return Err("a reservation has too many lines");
        }
        let slot = u32::try_from(self.slots.len()).ok();
        let slot = slot.filter(|slot| *slot != NO_SLOT);
        let slot = slot.ok_or("there are too many reservations")?;
        self.slots.push(Reservation {
            id: kept.id,
            order: kept.order,
            deadline_ms: kept.deadline_ms,
            when: kept.ended_ms,
            run: self.lines.add(lines, slot, cells),
            state: kept.state,
            priority: kept.priority,
            next: NO_SLOT,
            previous: NO_SLOT,
        });
        let hashes = self.hashes(kept.id, kept.order);
        self.by_id.insert(hashes.id, slot);
        self.link(slot, kept.order, hashes.order);
        match kept.state {
            ReservationState::Held => {
                self.held += 1;
                self.give_deadline(slot, kept.deadline_ms);
            }
            ReservationState::Committed => {}
            ReservationState::Consumed | ReservationState::Released | ReservationState::Expired => {
                self.ended.push((kept.ended_ms, slot));
            }
        }
        Ok(())
    }
}

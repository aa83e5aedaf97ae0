//! Reservations as a snapshot keeps them: in an order that tells all that the order of acts did.
//!
//! | which | in the order in which they |
//! | --- | --- |
//! | HELD | expire: by deadline, those that are alike as they were given |
//! | COMMITTED | lie, which nothing depends on |
//! | CONSUMED, RELEASED, EXPIRED | ended |

use super::{is_live, low, Deadline, Deadlines, Reservation, Reservations, NO_SLOT, RUN_MAX};
use crate::cells::{Cells, NO_LINE};
use crate::chunked::Chunked;
use crate::ids::{OrderRef, ReservationId};
use crate::index::{by_page, Index};
use crate::outcome::ReservationState;
use crate::snapshot::Both;

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
}

/// Reservations on their way from a snapshot, as yet without indexes.
#[derive(Default)]
pub(crate) struct Restored {
    reservations: Reservations,
    /// By cell: the line that came last.
    newest: Vec<u32>,
    /// How many blocks of lines are in their chains.
    chained: usize,
    /// By slot: the hash of the id, and that of the order.
    ids: Vec<u32>,
    orders: Vec<u32>,
}

impl Restored {
    /// None yet, at a ledger time that deadlines to come are not before; their lines are of so many
    /// cells.
    pub(crate) fn starting_at(now_ms: i64, cells: u64) -> Self {
        let cells = usize::try_from(cells).unwrap_or(0);
        Self {
            reservations: Reservations {
                deadlines: Deadlines::starting_at(now_ms),
                ..Reservations::default()
            },
            newest: vec![NO_LINE; cells],
            ..Self::default()
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.reservations.slots.len()
    }

    /// Takes a reservation over, with the numbers of its lines' cells. Holds come in the order in
    /// which they expire, ended ones in the order in which they ended.
    ///
    /// # Errors
    /// What cannot be.
    pub(crate) fn add(&mut self, kept: Kept, lines: &[(u32, i64)]) -> Result<(), &'static str> {
        let all = &mut self.reservations;
        if lines.len() > RUN_MAX {
            return Err("a reservation has too many lines");
        }
        let slot = u32::try_from(all.slots.len()).ok();
        let slot = slot.filter(|slot| *slot != NO_SLOT);
        let slot = slot.ok_or("there are too many reservations")?;
        let when = match kept.state {
            ReservationState::Held => {
                all.given += 1;
                all.given
            }
            _ => kept.ended_ms,
        };
        all.slots.push(Reservation {
            id: kept.id,
            order: kept.order,
            deadline_ms: kept.deadline_ms,
            when,
            run: all.lines.append(lines, slot),
            state: kept.state,
            priority: kept.priority,
            next: NO_SLOT,
            previous: NO_SLOT,
        });
        self.ids.push(all.hasher.hash(&kept.id));
        self.orders.push(all.hasher.hash(&kept.order));
        match kept.state {
            ReservationState::Held => {
                all.held += 1;
                let deadline = Deadline {
                    at_ms: kept.deadline_ms,
                    slot,
                    given: low(when),
                };
                all.deadlines.add(deadline, all.held, |_| true);
            }
            ReservationState::Committed => {}
            ReservationState::Consumed | ReservationState::Released | ReservationState::Expired => {
                all.ended.push((kept.ended_ms, slot));
            }
        }
        self.chain_up(self.reservations.lines.full_blocks());
        Ok(())
    }

    /// Chains the lines of blocks up to this one.
    fn chain_up(&mut self, blocks: usize) {
        while self.chained < blocks {
            let lines = &mut self.reservations.lines;
            lines.chain_up(self.chained, &mut self.newest);
            self.chained += 1;
        }
    }

    /// Makes the indexes and ends the chains of lines.
    ///
    /// # Errors
    /// The number of a reservation whose id was there before.
    pub(crate) fn finish(&mut self, both: Both<'_>) -> Result<(), usize> {
        self.chain_up(self.reservations.lines.full_blocks() + 1);
        let Reservations {
            slots,
            by_id,
            by_order,
            lines,
            hasher,
            ..
        } = &mut self.reservations;
        let (ids, orders) = (
            std::mem::take(&mut self.ids),
            std::mem::take(&mut self.orders),
        );
        let (cells, none) = (self.newest.len(), hasher.hash(&OrderRef(0)));
        let (mut twice, mut followed) = (None, Vec::new());
        let slots_of = &*slots;
        both(
            &mut || (*by_id, twice) = by_ids(&ids, slots_of),
            &mut || {
                (*by_order, followed) = by_orders(&orders, none, slots_of);
                lines.chain_back(cells);
            },
        );
        for (older, newer) in followed {
            if let Some(older) = slots.get_mut(older as usize) {
                older.previous = newer;
            }
            if let Some(newer) = slots.get_mut(newer as usize) {
                newer.next = older;
            }
        }
        twice.map_or(Ok(()), |number| Err(number as usize))
    }

    /// All of them, once they are finished, their lines in the chains of the cells.
    pub(crate) fn of(self, cells: &mut Cells) -> Reservations {
        for (cell, line) in (0u32..).zip(self.newest) {
            cells.set_first_line(cell, line);
        }
        self.reservations
    }
}

type Slots = Chunked<Reservation>;

/// Slots by the hashes of their ids. Inside: the first whose id was there before.
fn by_ids(hashes: &[u32], slots: &Slots) -> (Index, Option<u32>) {
    let mut index = Index::with_room(hashes.len() as u64);
    let mut twice: Option<u32> = None;
    let id = |slot: u32| slots.get(slot as usize).map(|found| found.id);
    by_page(hashes, |hash, slot| {
        if index.get(hash, |other| id(other) == id(slot)).is_some() {
            twice = Some(twice.map_or(slot, |first| first.min(slot)));
        } else {
            index.insert(hash, slot);
        }
    });
    (index, twice)
}

/// The newest slots of orders by the hashes of these; order 0, whose hash is `none`, is none. Inside:
/// slots of the same order that follow each other, older and newer.
fn by_orders(hashes: &[u32], none: u32, slots: &Slots) -> (Index, Vec<(u32, u32)>) {
    let of_orders = hashes.iter().filter(|hash| **hash != none).count();
    let mut index = Index::with_room(of_orders as u64);
    let mut followed = Vec::new();
    let order = |slot: u32| slots.get(slot as usize).map_or(0, |found| found.order.0);
    by_page(hashes, |hash, slot| {
        // Only where hashes are alike is it worth the way to the slot itself.
        if hash == none && order(slot) == 0 {
            return;
        }
        match index.get(hash, |other| order(other) == order(slot)) {
            None => index.insert(hash, slot),
            Some(older) => {
                index.replace(hash, older, slot);
                followed.push((older, slot));
            }
        }
    });
    (index, followed)
}

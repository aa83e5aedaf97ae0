//! The reservations, by id, by order and by deadline; their lines also by cell.
//!
//! | state | lines | in the deadlines | kept |
//! | --- | --- | --- | --- |
//! | HELD | what remains, one per cell, never empty | yes | until it ends |
//! | COMMITTED | the same | no | until it ends |
//! | CONSUMED, RELEASED, EXPIRED | none | no | as long as the request window, then dropped |
//!
//! A hold is due from the moment its deadline equals ledger time. Due holds come out in order of
//! deadline, and among equal ones in the order in which the deadlines were given.

mod consistency;
mod deadlines;
mod expiring;
mod lines;
mod nearby;
mod orders;
mod restore;

use crate::cells::Cells;
use crate::chunked::{Chunked, Queue};
use crate::command::{Line, Lines, Stamp};
use crate::ids::{CellKey, OrderRef, ReservationId};
use crate::index::Index;
use crate::key::KeyHasher;
use crate::outcome::{ReservationState, ReservationView};
use deadlines::{low, Deadline, Deadlines};
pub(crate) use lines::RUN_MAX;
use lines::{LineRuns, Run};
pub(crate) use restore::{Kept, Restored};

/// How many reservations are brought close together before they are dropped.
const EVICTED_TOGETHER: usize = 16;
/// The end of a list of slots.
pub(crate) const NO_SLOT: u32 = u32::MAX;

/// One reservation, in one line of the cache.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub(crate) struct Reservation {
    pub(crate) id: ReservationId,
    pub(crate) order: OrderRef,
    pub(crate) deadline_ms: i64,
    /// When it ended; of a hold: the number of its deadline among all that were ever given.
    when: i64,
    run: Run,
    pub(crate) state: ReservationState,
    pub(crate) priority: u8,
    /// Neighbours among the reservations of the same order, newest first.
    next: u32,
    previous: u32,
}

const _: () = assert!(size_of::<Reservation>() == 64);

impl Reservation {
    /// When it ended; 0 as long as it is live.
    pub(crate) fn ended_ms(&self) -> i64 {
        if self.is_live() {
            0
        } else {
            self.when
        }
    }

    pub(crate) fn is_due(&self, now_ms: i64) -> bool {
        self.state == ReservationState::Held && self.deadline_ms <= now_ms
    }

    pub(crate) const fn is_live(&self) -> bool {
        matches!(
            self.state,
            ReservationState::Held | ReservationState::Committed
        )
    }

    /// The view with a state and lines.
    pub(crate) fn view_as(
        &self,
        stamp: Stamp,
        state: ReservationState,
        lines: Lines,
    ) -> ReservationView {
        let expire_wall_ms = if state == ReservationState::Held {
            expire_wall_ms(self.deadline_ms, stamp)
        } else {
            0
        };
        ReservationView {
            id: self.id,
            state,
            deadline_ms: self.deadline_ms,
            expire_wall_ms,
            priority: self.priority,
            lines,
        }
    }
}

/// What the indexes know a reservation and its order by.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hashes {
    pub(crate) id: u32,
    pub(crate) order: u32,
}

/// A hold to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewHold {
    pub(crate) id: ReservationId,
    pub(crate) order: OrderRef,
    pub(crate) deadline_ms: i64,
    pub(crate) priority: u8,
}

/// The wall time at which ledger time reaches `deadline_ms`, as far as is known at `stamp`.
pub(crate) const fn expire_wall_ms(deadline_ms: i64, stamp: Stamp) -> i64 {
    stamp
        .wall_ms
        .saturating_add(deadline_ms.saturating_sub(stamp.now_ms))
}

/// All reservations.
#[derive(Debug, Default)]
pub(crate) struct Reservations {
    slots: Chunked<Reservation>,
    /// Slots whose reservation was dropped.
    free: Vec<u32>,
    by_id: Index,
    by_order: Index,
    hasher: KeyHasher,
    lines: LineRuns,
    deadlines: Deadlines,
    held: usize,
    /// How many deadlines were ever given.
    given: i64,
    /// When which slot's reservation ended.
    ended: Queue<(i64, u32)>,
}

impl Reservations {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn ended_len(&self) -> usize {
        self.ended.len()
    }

    pub(crate) fn held_len(&self) -> usize {
        self.held
    }

    /// The reservation in a slot.
    pub(crate) fn at(&self, slot: u32) -> Option<&Reservation> {
        self.slots.get(slot as usize)
    }

    fn at_mut(&mut self, slot: u32) -> Option<&mut Reservation> {
        self.slots.get_mut(slot as usize)
    }

    /// Where a reservation is, until it is dropped.
    pub(crate) fn slot(&self, id: ReservationId) -> Option<u32> {
        self.slot_with(self.hash(id), id)
    }

    /// The same, of a reservation whose hash is known.
    pub(crate) fn slot_with(&self, hash: u32, id: ReservationId) -> Option<u32> {
        let is = |slot| self.at(slot).is_some_and(|found| found.id == id);
        self.by_id.get(hash, is)
    }

    pub(crate) fn get(&self, id: ReservationId) -> Option<&Reservation> {
        self.at(self.slot(id)?)
    }

    /// What remains of a reservation: numbers of cells, and quantities.
    pub(crate) fn numbered(&self, slot: u32) -> impl Iterator<Item = (u32, i64)> + '_ {
        let run = self.at(slot).map(|found| found.run).unwrap_or_default();
        self.lines.of(run)
    }

    /// What remains of a reservation, one line per cell, in the order first named.
    pub(crate) fn lines<'a>(
        &'a self,
        found: &Reservation,
        cells: &'a Cells,
    ) -> impl Iterator<Item = Line> + 'a {
        let line = |(cell, quantity)| {
            let cell = cells.key(cell)?;
            Some(Line { cell, quantity })
        };
        self.lines.of(found.run).filter_map(line)
    }

    /// The live reservations that have a line of this cell, newest line first.
    pub(crate) fn promised_of<'a>(
        &'a self,
        cells: &Cells,
        cell: CellKey,
    ) -> impl Iterator<Item = &'a Reservation> + 'a {
        let number = cells.number(cell).unwrap_or(u32::MAX);
        let slots = self.lines.promised_of(cells, number);
        slots.filter_map(|slot| self.at(slot))
    }

    /// No hold is due earlier. None: there are no holds.
    pub(crate) fn earliest_deadline_ms(&self) -> Option<i64> {
        self.deadlines.earliest_ms().filter(|_| self.held > 0)
    }

    /// The hold that is due first.
    pub(crate) fn next_due(&mut self, now_ms: i64) -> Option<ReservationId> {
        self.next_due_slot(now_ms)
            .and_then(|slot| Some(self.at(slot)?.id))
    }

    /// Where the hold is that is due first.
    pub(crate) fn next_due_slot(&mut self, now_ms: i64) -> Option<u32> {
        (self.held > 0).then_some(())?;
        let slots = &self.slots;
        let due = self.deadlines.next_due(now_ms, |d| is_live(slots, d));
        due.map(|due| due.slot)
    }

    /// Takes over a new hold of lines (numbers of cells, and quantities); its slot. Its id must be
    /// free. None: there are too many lines, or too many reservations.
    pub(crate) fn insert_held(
        &mut self,
        hold: NewHold,
        lines: &[(u32, i64)],
        cells: &mut Cells,
    ) -> Option<u32> {
        self.insert_held_with(self.hashes(hold.id, hold.order), hold, lines, cells)
    }

    /// The same, with hashes that are known.
    pub(crate) fn insert_held_with(
        &mut self,
        hashes: Hashes,
        hold: NewHold,
        lines: &[(u32, i64)],
        cells: &mut Cells,
    ) -> Option<u32> {
        if lines.len() > RUN_MAX {
            return None;
        }
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => u32::try_from(self.slots.len())
                .ok()
                .filter(|s| *s != NO_SLOT)?,
        };
        self.given += 1;
        let reservation = Reservation {
            id: hold.id,
            order: hold.order,
            deadline_ms: hold.deadline_ms,
            when: self.given,
            run: self.lines.add(lines, slot, cells),
            state: ReservationState::Held,
            priority: hold.priority,
            next: NO_SLOT,
            previous: NO_SLOT,
        };
        if let Some(place) = self.slots.get_mut(slot as usize) {
            *place = reservation;
        } else {
            self.slots.push(reservation);
        }
        self.by_id.insert(hashes.id, slot);
        self.link(slot, hold.order, hashes.order);
        self.held += 1;
        self.add_deadline(slot, hold.deadline_ms);
        Some(slot)
    }

    /// Gives a hold its deadline, or another one.
    fn give_deadline(&mut self, slot: u32, at_ms: i64) {
        self.given += 1;
        let given = self.given;
        if let Some(found) = self.at_mut(slot) {
            found.deadline_ms = at_ms;
            found.when = given;
        }
        self.add_deadline(slot, at_ms);
    }

    /// The deadline that was given last.
    fn add_deadline(&mut self, slot: u32, at_ms: i64) {
        let slots = &self.slots;
        let deadline = Deadline {
            at_ms,
            slot,
            given: low(self.given),
        };
        self.deadlines
            .add(deadline, self.held, |d| is_live(slots, d));
    }

    /// HELD to COMMITTED.
    pub(crate) fn commit(&mut self, id: ReservationId) {
        if let Some(slot) = self.slot(id) {
            self.commit_at(slot);
        }
    }

    pub(crate) fn commit_at(&mut self, slot: u32) {
        if let Some(found) = self.at_mut(slot) {
            found.state = ReservationState::Committed;
            self.held -= 1;
        }
    }

    /// Another deadline for a hold.
    pub(crate) fn extend(&mut self, id: ReservationId, deadline_ms: i64) {
        let Some(slot) = self.slot(id) else { return };
        if self
            .at(slot)
            .is_some_and(|found| found.deadline_ms != deadline_ms)
        {
            self.give_deadline(slot, deadline_ms);
        }
    }

    /// Other lines for a live reservation, at most [`RUN_MAX`] of cells that have numbers; without
    /// any it ends as `end`, now.
    pub(crate) fn set_lines(
        &mut self,
        id: ReservationId,
        lines: &[Line],
        end: ReservationState,
        now_ms: i64,
        cells: &mut Cells,
    ) {
        let Some(slot) = self.slot(id) else { return };
        let Some(found) = self.slots.get_mut(slot as usize) else {
            return;
        };
        if lines.is_empty() {
            return self.end_at(slot, end, now_ms, cells);
        }
        self.lines.remove(found.run, cells);
        let numbered = cells.numbered(lines).unwrap_or_default();
        found.run = self.lines.add(&numbered, slot, cells);
    }

    /// A live reservation ends as `end`, now; nothing remains of it.
    pub(crate) fn end_at(
        &mut self,
        slot: u32,
        end: ReservationState,
        now_ms: i64,
        cells: &mut Cells,
    ) {
        let Some(found) = self.slots.get_mut(slot as usize) else {
            return;
        };
        self.lines.remove(std::mem::take(&mut found.run), cells);
        self.held -= usize::from(found.state == ReservationState::Held);
        found.state = end;
        found.when = now_ms;
        self.ended.push((now_ms, slot));
    }

    /// Drops what ended at least `keep_ms` ago.
    pub(crate) fn evict(&mut self, now_ms: i64, keep_ms: i64) {
        let is_over = |ended: &(i64, u32)| now_ms.saturating_sub(ended.0) >= keep_ms;
        while self.ended.first().is_some_and(is_over) {
            self.prefetch_oldest_ended(EVICTED_TOGETHER);
            for _ in 0..EVICTED_TOGETHER {
                let Some((_, slot)) = self.ended.first().copied().filter(is_over) else {
                    return;
                };
                self.ended.pop();
                if let Some(id) = self.at(slot).map(|found| found.id) {
                    self.by_id.remove(self.hasher.hash(&id), slot);
                    self.unlink(slot);
                    self.free.push(slot);
                }
            }
        }
    }

    /// In no particular order: sort before anything can see it.
    pub(crate) fn iter_unordered(&self) -> impl Iterator<Item = &Reservation> {
        self.by_id.iter().filter_map(|slot| self.at(slot))
    }
}

/// Whether the slot's reservation still has this deadline.
fn is_live(slots: &Chunked<Reservation>, deadline: &Deadline) -> bool {
    slots.get(deadline.slot as usize).is_some_and(|found| {
        found.state == ReservationState::Held
            && found.deadline_ms == deadline.at_ms
            && low(found.when) == deadline.given
    })
}

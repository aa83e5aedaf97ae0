//! The common case of the common commands, decided and taken in one go.
//!
//! | command | its common case |
//! | --- | --- |
//! | hold | a new id, no terms, few lines of different cells, and each cell has enough |
//! | commit | a hold that is not due, and no counter leaves its range |
//! | release, consume | the same, all of it; to consume, of a committed one |
//! | anything else; and all but holds while anything is dated | none: nothing is done |
//!
//! What has no shortcut is decided by `decide` and taken by `effect`, which alone say what is right:
//! in debug builds every shortcut is compared with the decision.

use crate::cells::{Numbered, Promised};
use crate::command::{Command, Line, Lines, Stamp, Terms};
use crate::ids::{OrderRef, ReservationId};
use crate::ledger::Ledger;
use crate::limits::QUANTITY_MAX;
use crate::lines::are_few_of_different_cells;
use crate::outcome::{Outcome, Outcomes, ReservationState};
use crate::reservations::NewHold;
use crate::warm::Found;

impl Ledger {
    /// Appends what the command came to. None: it is no common case, and nothing changed.
    pub(crate) fn shortcut(
        &mut self,
        command: &Command,
        found: Found<'_>,
        stamp: Stamp,
        out: &mut Outcomes,
    ) -> Option<()> {
        match command {
            Command::Hold {
                reservation,
                order,
                lines,
                ttl_ms,
                priority,
                terms,
            } if *terms == Terms::default() => {
                let hold = ((*reservation, *order), (*ttl_ms, *priority));
                self.hold_new(hold, lines, found, stamp, out)
            }
            _ if !self.dated.is_empty() => None,
            Command::Commit { reservation } => self.commit_hold(*reservation, found, stamp, out),
            Command::Release {
                reservation,
                lines: None,
            } => {
                let end = ReservationState::Released;
                self.end_whole(*reservation, end, found, stamp, out)
            }
            Command::Consume {
                reservation,
                lines: None,
            } => {
                let end = ReservationState::Consumed;
                self.end_whole(*reservation, end, found, stamp, out)
            }
            _ => None,
        }
    }

    fn hold_new(
        &mut self,
        ((id, order), (ttl_ms, priority)): ((ReservationId, OrderRef), (i64, u8)),
        lines: &Lines,
        found: Found<'_>,
        stamp: Stamp,
        out: &mut Outcomes,
    ) -> Option<()> {
        let deadline_ms = stamp.now_ms.checked_add(ttl_ms).filter(|_| ttl_ms >= 1)?;
        let is_common = !lines.is_empty() && are_few_of_different_cells(lines);
        if !is_common || self.reservations.slot_with(found.hashes.id, id).is_some() {
            return None;
        }
        let mut numbered = Numbered::new();
        for (line, number) in lines.iter().zip(found.cells) {
            let has = self.cells.atp_of(*number, line.cell)?;
            if line.quantity < 1 || line.quantity > has {
                return None;
            }
            numbered.push((*number, line.quantity));
        }
        if numbered.len() != lines.len() {
            return None;
        }
        let hold = NewHold {
            id,
            order,
            deadline_ms,
            priority,
        };
        let slot =
            self.reservations
                .insert_held_with(found.hashes, hold, &numbered, &mut self.cells)?;
        for (number, quantity) in &numbered {
            let held = Promised::of(ReservationState::Held, *quantity);
            self.cells.promise_at(*number, held);
        }
        let lines = Lines::from_slice(lines);
        let held = self.reservations.at(slot)?;
        let view = held.view_as(stamp, ReservationState::Held, lines);
        out.push(Outcome::Reservation(view));
        Some(())
    }

    /// Where the reservation is that was found before.
    fn slot_of(&self, id: ReservationId, found: Found<'_>) -> Option<u32> {
        let is_it = self.reservations.at(found.slot).is_some_and(|r| r.id == id);
        if is_it {
            return Some(found.slot);
        }
        self.reservations.slot_with(found.hashes.id, id)
    }

    fn commit_hold(
        &mut self,
        id: ReservationId,
        found: Found<'_>,
        stamp: Stamp,
        out: &mut Outcomes,
    ) -> Option<()> {
        let slot = self.slot_of(id, found)?;
        let hold = self.reservations.at(slot)?;
        if hold.state != ReservationState::Held || hold.is_due(stamp.now_ms) {
            return None;
        }
        let mut lines = Lines::new();
        for (number, quantity) in self.reservations.numbered(slot) {
            let view = self.cells.view_at(number)?;
            if view.committed > QUANTITY_MAX - quantity {
                return None;
            }
            let cell = self.cells.key(number)?;
            lines.push(Line { cell, quantity });
        }
        for (number, quantity) in self.reservations.numbered(slot) {
            let delta = Promised {
                on_hand: 0,
                held: -quantity,
                committed: quantity,
            };
            self.cells.promise_at(number, delta);
        }
        self.reservations.commit_at(slot);
        let committed = self.reservations.at(slot)?;
        let view = committed.view_as(stamp, ReservationState::Committed, lines);
        out.push(Outcome::Reservation(view));
        Some(())
    }

    fn end_whole(
        &mut self,
        id: ReservationId,
        end: ReservationState,
        found: Found<'_>,
        stamp: Stamp,
        out: &mut Outcomes,
    ) -> Option<()> {
        let slot = self.slot_of(id, found)?;
        let live = self.reservations.at(slot)?;
        let (state, is_consumed) = (live.state, end == ReservationState::Consumed);
        let is_right = live.is_live() && !live.is_due(stamp.now_ms);
        if !is_right || (is_consumed && state != ReservationState::Committed) {
            return None;
        }
        let stays_in_range = |(number, quantity): (u32, i64)| {
            let view = self.cells.view_at(number);
            view.is_some_and(|view| view.on_hand - quantity >= -QUANTITY_MAX)
        };
        if is_consumed && !self.reservations.numbered(slot).all(stays_in_range) {
            return None;
        }
        let numbered: Numbered = self.reservations.numbered(slot).collect();
        for (number, quantity) in numbered {
            let mut delta = Promised::of(state, -quantity);
            if is_consumed {
                delta.on_hand = -quantity;
                self.keep_change_at(number, -quantity, stamp.wall_ms, stamp);
            }
            self.cells.promise_at(number, delta);
        }
        self.reservations
            .end_at(slot, end, stamp.now_ms, &mut self.cells);
        let ended = self.reservations.at(slot)?;
        let view = ended.view_as(stamp, end, Lines::new());
        out.push(Outcome::Reservation(view));
        Some(())
    }
}

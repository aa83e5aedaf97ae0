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

use crate::cells::{Delta, Numbered};
use crate::command::{Command, Line, Lines, Stamp, Terms};
use crate::ids::{OrderRef, ReservationId};
use crate::ledger::Ledger;
use crate::limits::QUANTITY_MAX;
use crate::lines::are_few_of_different_cells;
use crate::outcome::{Outcome, ReservationState};
use crate::reservations::NewHold;

impl Ledger {
    /// What the command came to. None: it is no common case, and nothing changed.
    pub(crate) fn shortcut(&mut self, command: &Command, stamp: Stamp) -> Option<Outcome> {
        match command {
            Command::Hold {
                reservation,
                order,
                lines,
                ttl_ms,
                priority,
                terms,
            } if *terms == Terms::default() => {
                self.hold_new((*reservation, *order), lines, (*ttl_ms, *priority), stamp)
            }
            _ if !self.dated.is_empty() => None,
            Command::Commit { reservation } => self.commit_hold(*reservation, stamp),
            Command::Release {
                reservation,
                lines: None,
            } => self.end_whole(*reservation, ReservationState::Released, stamp),
            Command::Consume {
                reservation,
                lines: None,
            } => self.end_whole(*reservation, ReservationState::Consumed, stamp),
            _ => None,
        }
    }

    fn hold_new(
        &mut self,
        (id, order): (ReservationId, OrderRef),
        lines: &Lines,
        (ttl_ms, priority): (i64, u8),
        stamp: Stamp,
    ) -> Option<Outcome> {
        let deadline_ms = stamp.now_ms.checked_add(ttl_ms).filter(|_| ttl_ms >= 1)?;
        let is_common = !lines.is_empty() && are_few_of_different_cells(lines);
        if !is_common || self.reservations.slot(id).is_some() {
            return None;
        }
        let mut numbered = Numbered::new();
        for line in lines {
            let number = self.cells.number(line.cell)?;
            let has = self.cells.view_at(number)?.atp();
            if line.quantity < 1 || line.quantity > has {
                return None;
            }
            numbered.push((number, line.quantity));
        }
        let hold = NewHold {
            id,
            order,
            deadline_ms,
            priority,
        };
        let slot = self
            .reservations
            .insert_held(hold, &numbered, &mut self.cells)?;
        for (number, quantity) in &numbered {
            self.promise_at(*number, ReservationState::Held, *quantity);
        }
        let found = self.reservations.at(slot)?;
        let view = found.view_as(stamp, ReservationState::Held, lines.clone());
        Some(Outcome::Reservation(view))
    }

    fn commit_hold(&mut self, id: ReservationId, stamp: Stamp) -> Option<Outcome> {
        let slot = self.reservations.slot(id)?;
        let found = self.reservations.at(slot)?;
        if found.state != ReservationState::Held || found.is_due(stamp.now_ms) {
            return None;
        }
        let numbered: Numbered = self.reservations.numbered(slot).collect();
        let stays_in_range = |(number, quantity): &(u32, i64)| {
            let view = self.cells.view_at(*number);
            view.is_some_and(|view| view.committed <= QUANTITY_MAX - quantity)
        };
        if !numbered.iter().all(stays_in_range) {
            return None;
        }
        let mut lines = Lines::new();
        for (number, quantity) in numbered {
            let delta = Delta {
                held: -quantity,
                committed: quantity,
                ..Delta::default()
            };
            self.cells.change_at(number, delta)?;
            let cell = self.cells.key(number)?;
            lines.push(Line { cell, quantity });
        }
        self.reservations.commit_at(slot);
        let found = self.reservations.at(slot)?;
        let view = found.view_as(stamp, ReservationState::Committed, lines);
        Some(Outcome::Reservation(view))
    }

    fn end_whole(
        &mut self,
        id: ReservationId,
        end: ReservationState,
        stamp: Stamp,
    ) -> Option<Outcome> {
        let slot = self.reservations.slot(id)?;
        let found = self.reservations.at(slot)?;
        let (state, is_consumed) = (found.state, end == ReservationState::Consumed);
        let is_right = found.is_live() && !found.is_due(stamp.now_ms);
        if !is_right || (is_consumed && state != ReservationState::Committed) {
            return None;
        }
        let numbered: Numbered = self.reservations.numbered(slot).collect();
        let stays_in_range = |(number, quantity): &(u32, i64)| {
            let view = self.cells.view_at(*number);
            view.is_some_and(|view| view.on_hand - quantity >= -QUANTITY_MAX)
        };
        if is_consumed && !numbered.iter().all(stays_in_range) {
            return None;
        }
        for (number, quantity) in numbered {
            self.promise_at(number, state, -quantity);
            if is_consumed {
                let delta = Delta {
                    on_hand: -quantity,
                    ..Delta::default()
                };
                self.cells.change_at(number, delta)?;
                let cell = self.cells.key(number)?;
                self.keep_change(cell, -quantity, stamp.wall_ms, stamp);
            }
        }
        self.reservations
            .end_at(slot, end, stamp.now_ms, &mut self.cells);
        let found = self.reservations.at(slot)?;
        let view = found.view_as(stamp, end, Lines::new());
        Some(Outcome::Reservation(view))
    }

    /// So much more is promised of a cell that is known to have room for it.
    fn promise_at(&mut self, number: u32, state: ReservationState, quantity: i64) {
        let changed = self
            .cells
            .change_at(number, Delta::promised(state, quantity));
        debug_assert!(changed.is_some(), "what is promised fits");
    }
}

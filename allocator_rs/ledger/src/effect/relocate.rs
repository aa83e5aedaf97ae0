//! Effects of relocations.

use super::{Effect, NO_QUANTITY, OUT_OF_RANGE, UNKNOWN_CELL, UNKNOWN_RESERVATION};
use crate::command::{Line, Stamp};
use crate::decide::relocate::{after_relocation, relocated};
use crate::ids::{LocationId, ReservationId};
use crate::ledger::Ledger;
use crate::outcome::{ReservationState, ReservationView};
use crate::reservations::RUN_MAX;

impl Ledger {
    pub(super) fn take_relocation(
        &mut self,
        id: ReservationId,
        to: LocationId,
        part: &[Line],
        view: &ReservationView,
        stamp: Stamp,
    ) -> Effect {
        let state = ReservationState::Committed;
        let found = self.reservations.get(id).filter(|one| one.state == state);
        let found = found.ok_or(UNKNOWN_RESERVATION)?;
        if part.iter().any(|line| line.quantity < 1) {
            return Err(NO_QUANTITY);
        }
        if part.iter().any(|line| line.cell.location == to) {
            return Err("units are relocated elsewhere");
        }
        let lines = after_relocation(&self.lines_of(found), part, to)
            .filter(|lines| lines.len() <= RUN_MAX)
            .ok_or(OUT_OF_RANGE)?;
        for line in part {
            self.promise_with(id, line.cell, state, -line.quantity, -line.quantity)?;
            self.keep_change(line.cell, -line.quantity, stamp.wall_ms, stamp);
        }
        for line in relocated(part, to) {
            if !self.knows(line.cell) {
                return Err(UNKNOWN_CELL);
            }
            self.promise_with(id, line.cell, state, line.quantity, line.quantity)?;
            self.keep_change(line.cell, line.quantity, stamp.wall_ms, stamp);
        }
        self.set_lines(id, &lines, state, stamp);
        self.is_now(id, view, stamp)
    }
}

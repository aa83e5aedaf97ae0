//! What a reservation's lines do to counters and days, and what is kept of changes for counts.

use super::{Misfit, OUT_OF_RANGE};
use crate::cells::Delta;
use crate::command::Stamp;
use crate::drift::NewChange;
use crate::ids::{CellKey, ReservationId};
use crate::ledger::Ledger;
use crate::outcome::ReservationState;

impl Ledger {
    /// A reservation has so much more of a cell; what that added to its counters.
    pub(super) fn promise(
        &mut self,
        id: ReservationId,
        cell: CellKey,
        state: ReservationState,
        quantity: i64,
    ) -> Result<Delta, Misfit> {
        self.promise_with(id, cell, state, quantity, 0)
    }

    /// The same, with units that come or leave.
    pub(super) fn promise_with(
        &mut self,
        id: ReservationId,
        cell: CellKey,
        state: ReservationState,
        quantity: i64,
        on_hand: i64,
    ) -> Result<Delta, Misfit> {
        let promised = self
            .promise_delta(id, cell, state, quantity)
            .ok_or(OUT_OF_RANGE)?;
        let delta = Delta {
            on_hand,
            ..promised
        };
        self.cells.change(cell, delta).ok_or(OUT_OF_RANGE)?;
        self.plan_demand(id, cell, quantity);
        Ok(delta)
    }

    /// The day of a dated reservation has so much more demand; its cell's counters know already.
    pub(super) fn plan_demand(&mut self, id: ReservationId, cell: CellKey, quantity: i64) {
        if let Some(day) = self.dated.day_of(id) {
            if let Some(plan) = self.dated.draft(cell).with_demand(day, quantity) {
                self.dated.set_plan(cell, plan);
            }
        }
    }

    /// Keeps a change of on hand for the counts to come.
    pub(crate) fn keep_change(
        &mut self,
        cell: CellKey,
        units: i64,
        effective_ms: i64,
        stamp: Stamp,
    ) {
        if let Some(number) = self.cells.number(cell).filter(|_| units != 0) {
            self.keep_change_at(number, units, effective_ms, stamp);
        }
    }

    /// The same, of the cell with this number.
    pub(crate) fn keep_change_at(
        &mut self,
        cell: u32,
        units: i64,
        effective_ms: i64,
        stamp: Stamp,
    ) {
        let change = NewChange {
            cell,
            effective_ms: effective_ms.min(stamp.wall_ms),
            applied_ms: stamp.now_ms,
            units,
        };
        let changes_max = self.limits.count_changes_max;
        self.drift.push(change, changes_max, &mut self.cells);
    }
}

//! What a reservation's lines do to counters and days, and what is kept of changes for counts.

use super::{Misfit, OUT_OF_RANGE};
use crate::cells::Delta;
use crate::command::Stamp;
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
        if units != 0 {
            let changes_max = self.limits.count_changes_max;
            let effective_ms = effective_ms.min(stamp.wall_ms);
            self.drift
                .push(cell, units, effective_ms, stamp.now_ms, changes_max);
        }
    }
}

//! Counts: what was there at a time, and by how much the ledger was off.

use super::{refused, Decision};
use crate::cells::{changed_by, Delta};
use crate::command::Stamp;
use crate::ids::CellKey;
use crate::ledger::Ledger;
use crate::limits::QUANTITY_MAX;
use crate::outcome::{Outcome, Refusal};

impl Ledger {
    /// A later count includes this one.
    pub(crate) fn is_counted_since(&self, cell: CellKey, time_ms: i64) -> bool {
        self.drift
            .counted_ms(cell)
            .is_some_and(|counted_ms| time_ms < counted_ms)
    }

    /// Never refused for what is promised.
    pub(super) fn decide_count(
        &self,
        cell: CellKey,
        counted: i64,
        effective_ms: i64,
        stamp: Stamp,
    ) -> Decision {
        if counted < 0 || !self.knows(cell) || self.is_labor(cell.item) {
            return refused(Refusal::Malformed);
        }
        let time_ms = effective_ms.min(stamp.wall_ms);
        let oldest_ms = stamp.wall_ms.saturating_sub(self.limits.count_age_max_ms);
        let changed_after = match self.drift.changed_after(cell, time_ms, &self.cells) {
            Some(units) if time_ms >= oldest_ms => units,
            _ => return refused(Refusal::CountTooOld),
        };
        let before = self.cells.view(cell);
        let drift = i128::from(counted) - (i128::from(before.on_hand) - changed_after);
        let Some(drift) = i64::try_from(drift)
            .ok()
            .filter(|drift| drift.abs() <= 2 * QUANTITY_MAX)
        else {
            return refused(Refusal::QuantityOutOfRange);
        };
        let is_included = self.is_counted_since(cell, time_ms);
        let on_hand = if is_included { 0 } else { drift };
        let delta = Delta {
            on_hand,
            ..Delta::default()
        };
        match changed_by(before, delta) {
            Some(view) => Decision::Outcome(Outcome::Counted {
                view,
                drift,
                is_included,
            }),
            None => refused(Refusal::QuantityOutOfRange),
        }
    }
}

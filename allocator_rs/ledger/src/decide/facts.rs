//! Decisions about facts and settings of cells: never refused for what is promised.

use super::{refused, Decision};
use crate::cells::{changed_by, Delta};
use crate::command::{Command, Stamp};
use crate::ids::{CellKey, RequestKey, ReservationId};
use crate::ledger::Ledger;
use crate::limits::{CLOSED, SALE_SOURCE_SCOPE};
use crate::outcome::{Outcome, Refusal, ReservationState};

impl Ledger {
    /// Decides a fact, or a setting of a cell.
    pub(super) fn decide_fact(&self, command: &Command, stamp: Stamp) -> Decision {
        match command {
            Command::Adjust {
                cell,
                on_hand_delta,
                unavailable_delta,
                effective_ms,
                reason: _,
            } => self.fact(
                *cell,
                Delta {
                    on_hand: self.counting(*cell, *on_hand_delta, *effective_ms, stamp),
                    unavailable: *unavailable_delta,
                    ..Delta::default()
                },
            ),
            Command::SetOnHand { cell, on_hand } => self.decide_set(*cell, *on_hand),
            Command::CompareAndSet {
                cell,
                expected,
                on_hand,
            } => {
                if self.knows(*cell) && self.cells.view(*cell).on_hand != *expected {
                    return refused(Refusal::NotAsExpected);
                }
                self.decide_set(*cell, *on_hand)
            }
            Command::Transfer { .. } => self.decide_transfer(command, stamp),
            Command::SetSafetyStock { cell, safety_stock } => {
                self.decide_safety_stock(*cell, *safety_stock)
            }
            Command::CloseWindow { cell } if !self.is_labor(cell.item) => {
                refused(Refusal::Malformed)
            }
            Command::CloseWindow { cell } => self.decide_safety_stock(*cell, CLOSED),
            Command::Sale {
                source,
                cell,
                quantity,
                reservation,
                effective_ms,
            } => self.decide_sale(
                *source,
                *cell,
                *quantity,
                (*reservation, *effective_ms),
                stamp,
            ),
            _ => refused(Refusal::Malformed),
        }
    }

    /// What a fact of that time adds to on hand: nothing if a count includes it.
    pub(crate) fn counting(
        &self,
        cell: CellKey,
        on_hand: i64,
        effective_ms: Option<i64>,
        stamp: Stamp,
    ) -> i64 {
        let (Some(named_ms), Some(counted_ms)) = (effective_ms, self.drift.counted_ms(cell)) else {
            return on_hand;
        };
        if named_ms.min(stamp.wall_ms) <= counted_ms {
            0
        } else {
            on_hand
        }
    }

    pub(super) fn fact(&self, cell: CellKey, delta: Delta) -> Decision {
        if !self.knows(cell) {
            return refused(Refusal::Malformed);
        }
        match changed_by(self.cells.view(cell), delta) {
            Some(view) => Decision::Outcome(Outcome::Cell(view)),
            None => refused(Refusal::QuantityOutOfRange),
        }
    }

    fn decide_set(&self, cell: CellKey, on_hand: i64) -> Decision {
        if !self.knows(cell) {
            return refused(Refusal::Malformed);
        }
        match on_hand.checked_sub(self.cells.view(cell).on_hand) {
            Some(on_hand) => self.fact(
                cell,
                Delta {
                    on_hand,
                    ..Delta::default()
                },
            ),
            None => refused(Refusal::QuantityOutOfRange),
        }
    }

    fn decide_safety_stock(&self, cell: CellKey, safety_stock: i64) -> Decision {
        if safety_stock < 0 {
            return refused(Refusal::Malformed);
        }
        let safety_stock = safety_stock - self.cells.view(cell).safety_stock;
        self.fact(
            cell,
            Delta {
                safety_stock,
                ..Delta::default()
            },
        )
    }

    fn decide_transfer(&self, command: &Command, stamp: Stamp) -> Decision {
        let Command::Transfer {
            from,
            to,
            quantity,
            effective_ms,
        } = *command
        else {
            return refused(Refusal::Malformed);
        };
        let is_sound = from.item == to.item && from.location != to.location;
        if quantity < 1 || !is_sound || !self.knows(from) || !self.knows(to) {
            return refused(Refusal::Malformed);
        }
        let moved = |cell, units| Delta {
            on_hand: self.counting(cell, units, effective_ms, stamp),
            ..Delta::default()
        };
        let left = changed_by(self.cells.view(from), moved(from, -quantity));
        let come = changed_by(self.cells.view(to), moved(to, quantity));
        match (left, come) {
            (Some(left), Some(come)) => Decision::Outcome(Outcome::Transferred(left, come)),
            _ => refused(Refusal::QuantityOutOfRange),
        }
    }

    /// What a reservation still has of what a sale took from this cell. A sale happened, whatever
    /// became of the reservation.
    pub(crate) fn fulfilled(
        &self,
        cell: CellKey,
        quantity: i64,
        reservation: Option<ReservationId>,
    ) -> i64 {
        reservation
            .and_then(|id| self.reservations.get(id))
            .filter(|found| found.state == ReservationState::Committed)
            .and_then(|found| {
                let mut lines = self.reservations.lines(found, &self.cells);
                lines.find(|line| line.cell == cell)
            })
            .map_or(0, |line| line.quantity.min(quantity))
    }

    fn decide_sale(
        &self,
        source: u128,
        cell: CellKey,
        quantity: i64,
        (reservation, effective_ms): (Option<ReservationId>, Option<i64>),
        stamp: Stamp,
    ) -> Decision {
        if quantity < 1 || !self.knows(cell) {
            return refused(Refusal::Malformed);
        }
        let key = RequestKey {
            scope: SALE_SOURCE_SCOPE,
            id: source,
        };
        if self
            .window
            .find(&key, self.now_ms, self.limits.request_window_ms)
            .is_some()
        {
            return Decision::Outcome(Outcome::Duplicate);
        }
        let fulfilled = self.fulfilled(cell, quantity, reservation);
        let promised = match reservation {
            Some(id) if fulfilled > 0 => {
                self.promise_delta(id, cell, ReservationState::Committed, -fulfilled)
            }
            _ => Some(Delta::default()),
        };
        match promised {
            Some(promised) => self.fact(
                cell,
                Delta {
                    on_hand: self.counting(cell, -quantity, effective_ms, stamp),
                    ..promised
                },
            ),
            None => refused(Refusal::QuantityOutOfRange),
        }
    }
}

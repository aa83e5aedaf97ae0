//! Decisions about facts and settings of cells: never refused for what is promised.

use super::{refused, Decision};
use crate::cells::{changed_by, Delta};
use crate::command::Command;
use crate::ids::{CellKey, RequestKey, ReservationId};
use crate::ledger::Ledger;
use crate::limits::SALE_SOURCE_SCOPE;
use crate::outcome::{Outcome, Refusal, ReservationState};

impl Ledger {
    /// Decides a fact, or a setting of a cell.
    pub(super) fn decide_fact(&self, command: &Command) -> Decision {
        match command {
            Command::Adjust {
                cell,
                on_hand_delta,
                unavailable_delta,
                reason: _,
            } => self.fact(
                *cell,
                Delta {
                    on_hand: *on_hand_delta,
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
            Command::Transfer { from, to, quantity } => self.decide_transfer(*from, *to, *quantity),
            Command::SetSafetyStock { cell, safety_stock } => {
                self.decide_safety_stock(*cell, *safety_stock)
            }
            Command::Sale {
                source,
                cell,
                quantity,
                reservation,
            } => self.decide_sale(*source, *cell, *quantity, *reservation),
            _ => refused(Refusal::Malformed),
        }
    }

    fn fact(&self, cell: CellKey, delta: Delta) -> Decision {
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

    fn decide_transfer(&self, from: CellKey, to: CellKey, quantity: i64) -> Decision {
        let is_sound = from.item == to.item && from.location != to.location;
        if quantity < 1 || !is_sound || !self.knows(from) || !self.knows(to) {
            return refused(Refusal::Malformed);
        }
        let moved = |on_hand| Delta {
            on_hand,
            ..Delta::default()
        };
        let left = changed_by(self.cells.view(from), moved(-quantity));
        let come = changed_by(self.cells.view(to), moved(quantity));
        match (left, come) {
            (Some(left), Some(come)) => Decision::Outcome(Outcome::Transferred(left, come)),
            _ => refused(Refusal::QuantityOutOfRange),
        }
    }

    /// What a sale changes: on hand by all of it, committed by what of it the reservation still
    /// has in this cell. A sale happened, whatever became of the reservation.
    pub(crate) fn sale_delta(
        &self,
        cell: CellKey,
        quantity: i64,
        reservation: Option<ReservationId>,
    ) -> Option<Delta> {
        let committed = reservation
            .and_then(|id| self.reservations.get(id))
            .filter(|found| found.state == ReservationState::Committed)
            .and_then(|found| {
                let mut lines = self.reservations.lines(found, &self.cells);
                lines.find(|line| line.cell == cell)
            })
            .map_or(0, |line| line.quantity.min(quantity));
        let on_hand = quantity.checked_neg()?;
        Some(Delta {
            on_hand,
            committed: -committed,
            ..Delta::default()
        })
    }

    fn decide_sale(
        &self,
        source: u128,
        cell: CellKey,
        quantity: i64,
        reservation: Option<ReservationId>,
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
        match self.sale_delta(cell, quantity, reservation) {
            Some(delta) => self.fact(cell, delta),
            None => refused(Refusal::QuantityOutOfRange),
        }
    }
}

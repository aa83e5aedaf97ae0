//! Effects of facts and settings: counters of cells, and what a sale does to a reservation.

use super::{Effect, NOT_ITS_OUTCOME, OUT_OF_RANGE, UNKNOWN_CELL, UNKNOWN_RESERVATION};
use crate::cells::Delta;
use crate::codec::NO_OUTCOMES;
use crate::command::{Command, Line, Stamp};
use crate::ids::{CellKey, RequestKey, ReservationId};
use crate::ledger::Ledger;
use crate::limits::SALE_SOURCE_SCOPE;
use crate::lines::without;
use crate::outcome::{CellView, Outcome, ReservationState};

impl Ledger {
    /// Takes over what a fact, or a setting of a cell, was decided to come to.
    pub(super) fn effect_of_fact(
        &mut self,
        command: &Command,
        outcome: &Outcome,
        stamp: Stamp,
    ) -> Effect {
        match (command, outcome) {
            (Command::Sale { .. }, Outcome::Duplicate) => Ok(()),
            (
                Command::Adjust {
                    cell,
                    on_hand_delta,
                    unavailable_delta,
                    reason: _,
                },
                Outcome::Cell(view),
            ) => {
                let delta = Delta {
                    on_hand: *on_hand_delta,
                    unavailable: *unavailable_delta,
                    ..Delta::default()
                };
                self.take_fact(*cell, delta, *view)
            }
            (
                Command::SetOnHand { cell, on_hand } | Command::CompareAndSet { cell, on_hand, .. },
                Outcome::Cell(view),
            ) => {
                let before = self.cells.view(*cell).on_hand;
                let delta = Delta {
                    on_hand: on_hand.checked_sub(before).ok_or(OUT_OF_RANGE)?,
                    ..Delta::default()
                };
                self.take_fact(*cell, delta, *view)
            }
            (Command::SetSafetyStock { cell, safety_stock }, Outcome::Cell(view)) => {
                let before = self.cells.view(*cell).safety_stock;
                let delta = Delta {
                    safety_stock: safety_stock.checked_sub(before).ok_or(OUT_OF_RANGE)?,
                    ..Delta::default()
                };
                self.take_fact(*cell, delta, *view)
            }
            (Command::Transfer { from, to, quantity }, Outcome::Transferred(left, come)) => {
                self.take_transfer(*from, *to, *quantity, [*left, *come])
            }
            (
                Command::Sale {
                    source,
                    cell,
                    quantity,
                    reservation,
                },
                Outcome::Cell(view),
            ) => self.take_sale(*source, *cell, *quantity, *reservation, *view, stamp),
            _ => Err(NOT_ITS_OUTCOME),
        }
    }

    fn take_fact(&mut self, cell: CellKey, delta: Delta, view: CellView) -> Effect {
        if !self.knows(cell) {
            return Err(UNKNOWN_CELL);
        }
        let now = self.cells.change(cell, delta).ok_or(OUT_OF_RANGE)?;
        if now == view {
            Ok(())
        } else {
            Err("the recorded counters are not what the fact makes of them")
        }
    }

    fn take_transfer(
        &mut self,
        from: CellKey,
        to: CellKey,
        quantity: i64,
        views: [CellView; 2],
    ) -> Effect {
        if quantity < 1 || from == to {
            return Err("a transfer moves units elsewhere");
        }
        for ((cell, on_hand), view) in [(from, -quantity), (to, quantity)].into_iter().zip(views) {
            let delta = Delta {
                on_hand,
                ..Delta::default()
            };
            self.take_fact(cell, delta, view)?;
        }
        Ok(())
    }

    fn take_sale(
        &mut self,
        source: u128,
        cell: CellKey,
        quantity: i64,
        reservation: Option<ReservationId>,
        view: CellView,
        stamp: Stamp,
    ) -> Effect {
        let delta = self
            .sale_delta(cell, quantity, reservation)
            .ok_or(OUT_OF_RANGE)?;
        self.take_fact(cell, delta, view)?;
        if let (Some(id), 1..) = (reservation, -delta.committed) {
            let found = self.reservations.get(id).ok_or(UNKNOWN_RESERVATION)?;
            let part = [Line {
                cell,
                quantity: -delta.committed,
            }];
            let left = without(&self.lines_of(found), &part).ok_or(OUT_OF_RANGE)?;
            self.set_lines(id, &left, ReservationState::Consumed, stamp);
        }
        let key = RequestKey {
            scope: SALE_SOURCE_SCOPE,
            id: source,
        };
        self.remember(key, 0, stamp.now_ms, NO_OUTCOMES)
    }
}

//! Effects of facts and settings: counters of cells, and what a sale does to a reservation.

use super::{
    Effect, NOT_ITS_OUTCOME, NO_QUANTITY, OUT_OF_RANGE, UNKNOWN_CELL, UNKNOWN_RESERVATION,
};
use crate::cells::Delta;
use crate::codec::NO_OUTCOMES;
use crate::command::{Command, Line, Stamp};
use crate::decide::inbound::is_day;
use crate::ids::{CellKey, RequestKey};
use crate::ledger::Ledger;
use crate::limits::{CLOSED, SALE_SOURCE_SCOPE};
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
                    effective_ms,
                    reason: _,
                },
                Outcome::Cell(view),
            ) => {
                let delta = Delta {
                    on_hand: self.counting(*cell, *on_hand_delta, *effective_ms, stamp),
                    unavailable: *unavailable_delta,
                    ..Delta::default()
                };
                self.take_fact(*cell, delta, *view, (*effective_ms, stamp))
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
                self.take_fact(*cell, delta, *view, (None, stamp))
            }
            (Command::SetSafetyStock { cell, safety_stock }, Outcome::Cell(view)) => {
                self.take_buffer(*cell, *safety_stock, *view, stamp)
            }
            (Command::CloseWindow { cell }, Outcome::Cell(view)) => {
                self.take_buffer(*cell, CLOSED, *view, stamp)
            }
            (
                Command::SetInbound {
                    cell,
                    day,
                    quantity,
                },
                Outcome::Cell(view),
            ) => self.take_supply(*cell, (*day, *quantity), 0, *view, (None, stamp)),
            (Command::Receive { .. }, Outcome::Cell(view)) => {
                self.take_receipt(command, *view, stamp)
            }
            (Command::Count { .. }, _) => self.take_count(command, outcome, stamp),
            (Command::Transfer { .. }, Outcome::Transferred(left, come)) => {
                self.take_transfer(command, [*left, *come], stamp)
            }
            (Command::Sale { .. }, Outcome::Cell(view)) => self.take_sale(command, *view, stamp),
            _ => Err(NOT_ITS_OUTCOME),
        }
    }

    /// `time`: when it took effect, as the command says, and the stamp.
    pub(super) fn take_fact(
        &mut self,
        cell: CellKey,
        delta: Delta,
        view: CellView,
        time: (Option<i64>, Stamp),
    ) -> Effect {
        if !self.knows(cell) {
            return Err(UNKNOWN_CELL);
        }
        let now = self.cells.change(cell, delta).ok_or(OUT_OF_RANGE)?;
        let (effective_ms, stamp) = time;
        let effective_ms = effective_ms.unwrap_or(stamp.wall_ms);
        self.keep_change(cell, delta.on_hand, effective_ms, stamp);
        if now == view {
            Ok(())
        } else {
            Err("the recorded counters are not what the fact makes of them")
        }
    }

    fn take_buffer(&mut self, cell: CellKey, buffer: i64, view: CellView, stamp: Stamp) -> Effect {
        let before = self.cells.view(cell).safety_stock;
        let delta = Delta {
            safety_stock: buffer.checked_sub(before).ok_or(OUT_OF_RANGE)?,
            ..Delta::default()
        };
        self.take_fact(cell, delta, view, (None, stamp))
    }

    fn take_supply(
        &mut self,
        cell: CellKey,
        (day, quantity): (i32, i64),
        on_hand: i64,
        view: CellView,
        time: (Option<i64>, Stamp),
    ) -> Effect {
        let plan = self.dated.draft(cell).with_supply(day, quantity);
        let delta = self.supply_delta(cell, day, quantity);
        let (Some(plan), Some(delta), true) = (plan, delta, is_day(day)) else {
            return Err(OUT_OF_RANGE);
        };
        self.take_fact(cell, Delta { on_hand, ..delta }, view, time)?;
        self.dated.set_plan(cell, plan);
        Ok(())
    }

    fn take_receipt(&mut self, command: &Command, view: CellView, stamp: Stamp) -> Effect {
        let Command::Receive {
            cell,
            quantity,
            expected_day,
            effective_ms,
        } = *command
        else {
            return Err(NOT_ITS_OUTCOME);
        };
        let on_hand = self.counting(cell, quantity, effective_ms, stamp);
        let time = (effective_ms, stamp);
        if let Some(day) = expected_day {
            return self.take_supply(cell, (day, 0), on_hand, view, time);
        }
        let delta = Delta {
            on_hand,
            ..Delta::default()
        };
        self.take_fact(cell, delta, view, time)
    }

    fn take_transfer(&mut self, command: &Command, views: [CellView; 2], stamp: Stamp) -> Effect {
        let Command::Transfer {
            from,
            to,
            quantity,
            effective_ms,
        } = *command
        else {
            return Err(NOT_ITS_OUTCOME);
        };
        if quantity < 1 || from == to {
            return Err("a transfer moves units elsewhere");
        }
        for ((cell, units), view) in [(from, -quantity), (to, quantity)].into_iter().zip(views) {
            let delta = Delta {
                on_hand: self.counting(cell, units, effective_ms, stamp),
                ..Delta::default()
            };
            self.take_fact(cell, delta, view, (effective_ms, stamp))?;
        }
        Ok(())
    }

    fn take_sale(&mut self, command: &Command, view: CellView, stamp: Stamp) -> Effect {
        let Command::Sale {
            source,
            cell,
            quantity,
            reservation,
            effective_ms,
        } = *command
        else {
            return Err(NOT_ITS_OUTCOME);
        };
        if quantity < 1 {
            return Err(NO_QUANTITY);
        }
        let fulfilled = self.fulfilled(cell, quantity, reservation);
        let fulfills = reservation.filter(|_| fulfilled > 0);
        let promised = match fulfills {
            Some(id) => self.promise_delta(id, cell, ReservationState::Committed, -fulfilled),
            None => Some(Delta::default()),
        };
        let delta = Delta {
            on_hand: self.counting(cell, -quantity, effective_ms, stamp),
            ..promised.ok_or(OUT_OF_RANGE)?
        };
        self.take_fact(cell, delta, view, (effective_ms, stamp))?;
        if let Some(id) = fulfills {
            self.plan_demand(id, cell, -fulfilled);
            let found = self.reservations.get(id).ok_or(UNKNOWN_RESERVATION)?;
            let part = [Line {
                cell,
                quantity: fulfilled,
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

//! Dated supply: expected, and received.

use super::{refused, Decision};
use crate::cells::Delta;
use crate::command::{Command, Line, Lines, Stamp};
use crate::dated::DayPlan;
use crate::ids::{CellKey, ReservationId};
use crate::ledger::Ledger;
use crate::limits::DAY_MAX;
use crate::lines::Sum;
use crate::outcome::{Refusal, ReservationState, Shortage};

impl Ledger {
    /// The days on which something comes into a cell or is promised of it, in order.
    #[must_use]
    pub fn days(&self, key: CellKey) -> &[DayPlan] {
        self.dated.plan(key).map_or(&[], |plan| plan.days())
    }

    /// What can be promised of a cell for a day: the least that is projected on any day from it on.
    #[must_use]
    pub fn atp_of_day(&self, key: CellKey, day: i32) -> i64 {
        self.available(key, Some(day))
    }

    /// What can be taken of a cell for that day (none: now).
    pub(crate) fn available(&self, cell: CellKey, day: Option<i32>) -> i64 {
        let later = day.and_then(|day| {
            let plan = self.dated.plan(cell)?;
            Some(plan.withheld() + plan.slack(day))
        });
        self.cells.view(cell).atp() + later.unwrap_or(0)
    }

    /// What it adds to the counters that a reservation has so much more of a cell. None: more than
    /// can be promised for days.
    pub(crate) fn promise_delta(
        &self,
        id: ReservationId,
        cell: CellKey,
        state: ReservationState,
        quantity: i64,
    ) -> Option<Delta> {
        let Some(day) = self.dated.day_of(id) else {
            return Some(Delta::promised(state, quantity));
        };
        let plan = self.dated.draft(cell);
        let held = plan.with_demand(day, quantity)?.withheld() - plan.withheld();
        Some(Delta {
            held,
            ..Delta::default()
        })
    }

    /// What it adds to the counters that so much is expected that day. None: too much in all.
    pub(crate) fn supply_delta(&self, cell: CellKey, day: i32, quantity: i64) -> Option<Delta> {
        let plan = self.dated.draft(cell);
        let held = plan.with_supply(day, quantity)?.withheld() - plan.withheld();
        Some(Delta {
            held,
            ..Delta::default()
        })
    }

    /// Supply of a day, or what is promised of it, is read or changed.
    pub(crate) fn touches_days(&self, command: &Command) -> bool {
        if self.dated.is_empty() {
            return false;
        }
        match command {
            Command::SetInbound { .. } | Command::Move { .. } => true,
            Command::Receive { expected_day, .. } => expected_day.is_some(),
            Command::Hold { terms, .. } => terms.day.is_some(),
            Command::Release { reservation, .. }
            | Command::Consume { reservation, .. }
            | Command::Relocate { reservation, .. }
            | Command::Sale {
                reservation: Some(reservation),
                ..
            } => self.dated.day_of(*reservation).is_some(),
            _ => false,
        }
    }

    /// The named cells in which a move would leave a day with less than nothing, and with less than
    /// it had. None: more is promised for days than can be.
    pub(crate) fn shortages_by_day(
        &self,
        net: &[Sum],
        moves: &[(ReservationId, Lines)],
    ) -> Option<Vec<Shortage>> {
        let mut shortages = Vec::new();
        for sum in net {
            let lacking = self.lacking_by_day(sum.cell, moves)?;
            if lacking > 0 {
                let requested = sum.quantity.max(lacking);
                shortages.push(Shortage {
                    line_index: sum.line_index,
                    cell: sum.cell,
                    requested,
                    available: requested - lacking,
                });
            }
        }
        Some(shortages)
    }

    fn lacking_by_day(&self, cell: CellKey, moves: &[(ReservationId, Lines)]) -> Option<i64> {
        let before = self.dated.draft(cell);
        let today = self.cells.view(cell).atp() + before.withheld();
        let (mut after, mut today_after) = (before.clone(), today);
        for (id, lines) in moves {
            let more =
                of_cell(lines, cell) - of_cell(&self.lines_of(self.reservations.get(*id)?), cell);
            match self.dated.day_of(*id) {
                Some(day) => after = after.asked_for(day, more),
                None => today_after = today_after.checked_sub(more)?,
            }
        }
        let days = before.days().iter().chain(after.days());
        let lacking = days
            .map(|one| {
                (
                    today + before.until(one.day),
                    today_after + after.until(one.day),
                )
            })
            .chain(std::iter::once((today, today_after)))
            .map(|(had, has)| had.min(0) - has);
        lacking.max()
    }

    pub(super) fn decide_inbound(&self, cell: CellKey, day: i32, quantity: i64) -> Decision {
        if quantity < 0 || !self.has_days(cell) || !is_day(day) {
            return refused(Refusal::Malformed);
        }
        match self.supply_delta(cell, day, quantity) {
            Some(delta) => self.fact(cell, delta),
            None => refused(Refusal::QuantityOutOfRange),
        }
    }

    pub(super) fn decide_receive(
        &self,
        cell: CellKey,
        quantity: i64,
        expected_day: Option<i32>,
        effective_ms: Option<i64>,
        stamp: Stamp,
    ) -> Decision {
        if quantity < 1 || !self.has_days(cell) || !expected_day.is_none_or(is_day) {
            return refused(Refusal::Malformed);
        }
        let cleared = match expected_day {
            Some(day) => self.supply_delta(cell, day, 0),
            None => Some(Delta::default()),
        };
        match cleared {
            Some(cleared) => self.fact(
                cell,
                Delta {
                    on_hand: self.counting(cell, quantity, effective_ms, stamp),
                    ..cleared
                },
            ),
            None => refused(Refusal::QuantityOutOfRange),
        }
    }

    /// Stock, not labor.
    fn has_days(&self, cell: CellKey) -> bool {
        self.knows(cell) && !self.is_labor(cell.item)
    }
}

fn of_cell(lines: &[Line], cell: CellKey) -> i64 {
    let own = lines.iter().filter(|line| line.cell == cell);
    own.map(|line| line.quantity).sum()
}

pub(crate) fn is_day(day: i32) -> bool {
    (0..=DAY_MAX).contains(&day)
}

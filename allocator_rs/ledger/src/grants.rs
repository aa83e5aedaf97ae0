//! Decisions that grant: hold and move. No grant leaves a cell's ATP below 0.
//!
//! | hold | |
//! | --- | --- |
//! | no lines, too many, a quantity or ttl below 1, an id never assigned | `Malformed` |
//! | its id is in use | that reservation, unchanged |
//! | a sum or the deadline does not fit | `QuantityOutOfRange` |
//! | a day that cannot be named | `Malformed` |
//! | a cell has less than its lines ask together | `Insufficient`, every such cell |
//! | the same, partial, labor suffices and there is some of a SKU | HELD with what there is |
//! | else | HELD until now + ttl |
//!
//! | move | |
//! | --- | --- |
//! | nothing, too many lines in all, or as for a hold; a reservation named twice | `Malformed` |
//! | any is unknown; else any expired; else any ended | not found; expired; ended |
//! | a sum does not fit | `QuantityOutOfRange` |
//! | a cell has less than is asked beyond what the same move gives back there | `Insufficient` |
//! | what is then held or committed of a cell does not fit | `QuantityOutOfRange` |
//! | else | all have their new lines, and keep state and deadline |
//!
//! A move that asks no more of a cell than it gives back is granted there, even below 0.
//!
//! What a cell has is its ATP; for a reservation of a later day, its ATP of that day. A move that
//! names a reservation of a day leaves the ATP of every day at 0, or no lower than it was.

use hashbrown::HashSet;

use crate::cells::{changed_by, Delta};
use crate::command::{Line, Lines, Stamp, Terms};
use crate::decide::inbound::is_day;
use crate::decide::{refused, Decision};
use crate::ids::ReservationId;
use crate::ledger::Ledger;
use crate::limits::{LINES_MAX, QUANTITY_MAX};
use crate::lines::{to_lines, Sum, Summed, Sums};
use crate::outcome::{Outcome, Refusal, ReservationState, ReservationView, Shortage};
use crate::reservations::{expire_wall_ms, RUN_MAX};

impl Ledger {
    pub(crate) fn decide_hold(
        &self,
        id: ReservationId,
        lines: &[Line],
        (ttl_ms, priority, terms): (i64, u8, Terms),
        stamp: Stamp,
    ) -> Decision {
        let has_day = terms.day.is_none_or(is_day);
        if ttl_ms < 1 || !has_day || !self.are_well_formed(lines, LINES_MAX) {
            return refused(Refusal::Malformed);
        }
        if let Some(found) = self.reservations.get(id) {
            if found.is_due(stamp.now_ms) {
                return Decision::ExpireFirst(id);
            }
            return Decision::Outcome(Outcome::Reservation(self.view_of(found, stamp)));
        }
        let (Some(sums), Some(deadline_ms)) = (fitting(lines), stamp.now_ms.checked_add(ttl_ms))
        else {
            return refused(Refusal::QuantityOutOfRange);
        };
        let shortages = self.shortages(&sums, terms.day);
        let is_whole = shortages.is_empty();
        let lines = if is_whole {
            to_lines(&sums)
        } else {
            let some = terms
                .is_partial
                .then(|| self.what_there_is(&sums, &shortages, terms.day));
            match some.flatten() {
                Some(lines) => lines,
                None => return Decision::Short(shortages),
            }
        };
        let granted = Outcome::Reservation(ReservationView {
            id,
            state: ReservationState::Held,
            deadline_ms,
            expire_wall_ms: expire_wall_ms(deadline_ms, stamp),
            priority,
            lines,
        });
        if is_whole {
            Decision::Outcome(granted)
        } else {
            Decision::Partial(granted)
        }
    }

    /// What a partial hold gets. None: labor lacks, or there is nothing of any SKU asked for.
    fn what_there_is(
        &self,
        sums: &[Sum],
        shortages: &[Shortage],
        day: Option<i32>,
    ) -> Option<Lines> {
        if shortages.iter().any(|one| self.is_labor(one.cell.item)) {
            return None;
        }
        let lines: Lines = sums
            .iter()
            .map(|sum| Line {
                cell: sum.cell,
                quantity: sum.quantity.min(self.available(sum.cell, day)),
            })
            .filter(|line| line.quantity > 0)
            .collect();
        let has_stock = lines.iter().any(|line| !self.is_labor(line.cell.item));
        has_stock.then_some(lines)
    }

    pub(crate) fn decide_move(&self, moves: &[(ReservationId, Lines)], stamp: Stamp) -> Decision {
        if !self.is_well_formed_move(moves) {
            return refused(Refusal::Malformed);
        }
        if let Some(decision) = self.refuse_move(moves, stamp) {
            return decision;
        }
        let Some((net, views)) = self.net_of_move(moves, stamp) else {
            return refused(Refusal::QuantityOutOfRange);
        };
        let dated = moves.iter().any(|(id, _)| self.dated.day_of(*id).is_some());
        let shortages = if dated {
            match self.shortages_by_day(&net, moves) {
                Some(shortages) => shortages,
                None => return refused(Refusal::QuantityOutOfRange),
            }
        } else {
            self.shortages(&net, None)
        };
        if !shortages.is_empty() {
            Decision::Short(shortages)
        } else if self.fits_moved(moves) {
            Decision::Outcome(Outcome::Moved(views))
        } else {
            refused(Refusal::QuantityOutOfRange)
        }
    }

    fn is_well_formed_move(&self, moves: &[(ReservationId, Lines)]) -> bool {
        let lines_max = self.limits.move_lines_max.min(RUN_MAX);
        let lines_count: usize = moves.iter().map(|(_, lines)| lines.len()).sum();
        let mut ids = HashSet::with_capacity(moves.len().min(lines_max));
        !moves.is_empty()
            && lines_count <= lines_max
            && moves
                .iter()
                .all(|(id, lines)| ids.insert(*id) && self.are_well_formed(lines, lines_max))
    }

    /// The first reason in order of precedence, over all moved reservations.
    fn refuse_move(&self, moves: &[(ReservationId, Lines)], stamp: Stamp) -> Option<Decision> {
        let states = || moves.iter().map(|(id, _)| self.reservations.get(*id));
        if states().any(|found| found.is_none()) {
            return Some(refused(Refusal::ReservationNotFound));
        }
        for (id, _) in moves {
            if self
                .reservations
                .get(*id)
                .is_some_and(|found| found.is_due(stamp.now_ms))
            {
                return Some(Decision::ExpireFirst(*id));
            }
        }
        if states()
            .flatten()
            .any(|found| found.state == ReservationState::Expired)
        {
            return Some(refused(Refusal::ReservationExpired));
        }
        if states().flatten().any(|found| !found.is_live()) {
            return Some(refused(Refusal::ReservationEnded));
        }
        None
    }

    /// What is asked of each named cell beyond what is given back there, and the reservations with
    /// their new lines. None: a sum does not fit.
    fn net_of_move(
        &self,
        moves: &[(ReservationId, Lines)],
        stamp: Stamp,
    ) -> Option<(Summed, Vec<ReservationView>)> {
        let mut asked = Sums::default();
        let mut views = Vec::with_capacity(moves.len());
        let mut line_index = 0u32;
        for (id, lines) in moves {
            for line in lines {
                asked.add(*line, line_index)?;
                line_index = line_index.checked_add(1)?;
            }
            let found = self.reservations.get(*id)?;
            views.push(found.view_as(stamp, found.state, to_lines(&fitting(lines)?)));
        }
        if !asked.are_within(QUANTITY_MAX) {
            return None;
        }
        for (id, _) in moves {
            let found = self.reservations.get(*id)?;
            for line in self.reservations.lines(found, &self.cells) {
                asked.subtract_if_named(line)?;
            }
        }
        Some((asked.into_vec(), views))
    }

    /// Whether the cells can count what is held and committed after a move. What leaves on a day is
    /// counted by day.
    fn fits_moved(&self, moves: &[(ReservationId, Lines)]) -> bool {
        let fits = |state| {
            self.net_in(state, moves).is_some_and(|net| {
                net.iter().all(|sum| {
                    let delta = Delta::promised(state, sum.quantity);
                    changed_by(self.cells.view(sum.cell), delta).is_some()
                })
            })
        };
        fits(ReservationState::Held) && fits(ReservationState::Committed)
    }

    /// What a move adds to the cells that it names for reservations of one state. None: a sum does
    /// not fit.
    fn net_in(&self, state: ReservationState, moves: &[(ReservationId, Lines)]) -> Option<Summed> {
        let mut net = Sums::default();
        for (id, lines) in moves {
            let found = self.reservations.get(*id)?;
            if found.state != state || self.dated.day_of(*id).is_some() {
                continue;
            }
            for line in lines {
                net.add(*line, 0)?;
            }
            for line in self.reservations.lines(found, &self.cells) {
                let quantity = -line.quantity;
                net.add(Line { quantity, ..line }, 0)?;
            }
        }
        Some(net.into_vec())
    }

    /// The cells of which more than 0 and more than there is for that day is asked.
    fn shortages(&self, sums: &[Sum], day: Option<i32>) -> Vec<Shortage> {
        let lacks = |sum: &&Sum| sum.quantity > self.available(sum.cell, day).max(0);
        let shortage = |sum: &Sum| Shortage {
            line_index: sum.line_index,
            cell: sum.cell,
            requested: sum.quantity,
            available: self.available(sum.cell, day).max(0),
        };
        sums.iter().filter(lacks).map(shortage).collect()
    }
}

/// Sums by cell. None: one of them is larger than a counter may be.
fn fitting(lines: &[Line]) -> Option<Summed> {
    Sums::of(lines)
        .filter(|sums| sums.are_within(QUANTITY_MAX))
        .map(Sums::into_vec)
}

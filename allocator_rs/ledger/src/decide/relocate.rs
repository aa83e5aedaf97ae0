//! Relocation: picked units go to the staging pool, and their promise with them.

use super::{refused, Decision};
use crate::cells::{changed_by, Delta};
use crate::command::{Line, Lines, Stamp};
use crate::ids::{CellKey, LocationId, ReservationId};
use crate::ledger::Ledger;
use crate::limits::{LINES_MAX, QUANTITY_MAX};
use crate::lines::{to_lines, without, Sums};
use crate::outcome::{Outcome, Refusal, ReservationState};

/// The same units, elsewhere.
pub(crate) fn relocated(lines: &[Line], to: LocationId) -> impl Iterator<Item = Line> + '_ {
    lines.iter().map(move |line| Line {
        cell: CellKey {
            location: to,
            item: line.cell.item,
        },
        quantity: line.quantity,
    })
}

/// The lines of a reservation of which `part` went elsewhere. None: it has not that much.
pub(crate) fn after_relocation(lines: &[Line], part: &[Line], to: LocationId) -> Option<Lines> {
    let mut left = without(lines, part)?;
    left.extend(relocated(part, to));
    Some(to_lines(&Sums::of(&left)?.into_vec()))
}

impl Ledger {
    pub(super) fn decide_relocate(
        &self,
        id: ReservationId,
        to: LocationId,
        part: &[Line],
        stamp: Stamp,
    ) -> Decision {
        let goes = |line: &Line| line.cell.location != to && !self.is_labor(line.cell.item);
        let is_sound = self.locations.knows(to.0) && part.iter().all(goes);
        if !is_sound || !self.are_well_formed(part, LINES_MAX) {
            return refused(Refusal::Malformed);
        }
        let found = match self.find_live(id, stamp) {
            Err(barred) => return barred.into(),
            Ok(found) if found.state == ReservationState::Held => {
                return refused(Refusal::NotCommitted)
            }
            Ok(found) => found,
        };
        let lines = self.lines_of(found);
        if without(&lines, part).is_none() {
            return refused(Refusal::LineNotHeld);
        }
        let Some(lines) = after_relocation(&lines, part, to)
            .filter(|lines| lines.len() <= LINES_MAX)
            .filter(|_| self.fits_relocated(id, part, to))
        else {
            return refused(Refusal::QuantityOutOfRange);
        };
        let view = found.view_as(stamp, ReservationState::Committed, lines);
        Decision::Outcome(Outcome::Reservation(view))
    }

    /// Every counter stays in its range. What is left and what is come to are different cells.
    fn fits_relocated(&self, id: ReservationId, part: &[Line], to: LocationId) -> bool {
        let there: Vec<Line> = relocated(part, to).collect();
        let sums = |lines: &[Line]| {
            Sums::of(lines)
                .filter(|sums| sums.are_within(QUANTITY_MAX))
                .map(Sums::into_vec)
        };
        let (Some(left), Some(come)) = (sums(part), sums(&there)) else {
            return false;
        };
        let fits = |cell, quantity| {
            let promised = self.promise_delta(id, cell, ReservationState::Committed, quantity);
            promised.is_some_and(|promised| {
                let delta = Delta {
                    on_hand: quantity,
                    ..promised
                };
                changed_by(self.cells.view(cell), delta).is_some()
            })
        };
        left.iter().all(|sum| fits(sum.cell, -sum.quantity))
            && come.iter().all(|sum| fits(sum.cell, sum.quantity))
    }
}

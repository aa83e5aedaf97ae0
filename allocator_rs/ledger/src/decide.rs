//! Decisions about names, facts and single reservations. A decision changes nothing.
//!
//! | command | refused, in this order; else |
//! | --- | --- |
//! | register | `Malformed`, `QuantityOutOfRange` (integers ran out); the id |
//! | adjust, set on hand, receive | `Malformed`, `QuantityOutOfRange`; the cell |
//! | safety stock, inbound, close window | `Malformed`, `QuantityOutOfRange`; the cell |
//! | count | `Malformed`, `CountTooOld`, `QuantityOutOfRange`; the cell and its drift |
//! | compare and set | `Malformed`, `NotAsExpected`, `QuantityOutOfRange`; the cell |
//! | transfer | `Malformed`, `QuantityOutOfRange`; both cells |
//! | sale | `Malformed`, (`Duplicate`), `QuantityOutOfRange`; the cell |
//! | commit | not found, expired, ended, already committed, `QuantityOutOfRange`; COMMITTED |
//! | extend | `Malformed`, as commit; HELD until then |
//! | release | `Malformed`, not found, expired, ended, `LineNotHeld`; what remains |
//! | consume, relocate | as release, `NotCommitted` before `LineNotHeld`; `QuantityOutOfRange` |
//! | expire | not found; the reservation, EXPIRED if it was due |
//! | hold, move | see `grants` |
//!
//! No fact is refused for what is promised. A command that touches a due hold has it expire first;
//! one that touches dated supply, or what is promised of it, has every due hold expire first.

mod counts;
mod facts;
pub(crate) mod inbound;
pub(crate) mod relocate;

use crate::cells::{changed_by, Delta};
use crate::command::{Command, Line, Lines, Stamp};
use crate::ids::{CellKey, ItemId, ItemName, ReservationId};
use crate::ledger::Ledger;
use crate::limits::{LINES_MAX, NAME_BYTES_MAX, QUANTITY_MAX};
use crate::lines::without;
use crate::outcome::{Outcome, Refusal, ReservationState, ReservationView, Shortage};
use crate::reservations::{expire_wall_ms, Reservation};

/// What a command comes to, on the state as it is.
#[derive(Debug)]
pub(crate) enum Decision {
    /// This.
    Outcome(Outcome),
    /// To be decided again once this due hold has expired.
    ExpireFirst(ReservationId),
    /// This, unless a hold is due: then to be decided again once none is.
    Partial(Outcome),
    /// Insufficient, unless due holds give back enough.
    Short(Vec<Shortage>),
}

pub(crate) const fn refused(refusal: Refusal) -> Decision {
    Decision::Outcome(Outcome::Refused(refusal))
}

/// A reservation found live and not due, or else the decision.
pub(crate) type Found<'a> = Result<&'a Reservation, Barred>;

/// What keeps a reservation from being found live.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Barred {
    Refused(Refusal),
    /// It is a due hold.
    IsDue(ReservationId),
}

impl From<Barred> for Decision {
    fn from(barred: Barred) -> Self {
        match barred {
            Barred::Refused(refusal) => refused(refusal),
            Barred::IsDue(id) => Self::ExpireFirst(id),
        }
    }
}

impl Ledger {
    /// Decides one command. Entries that no longer count at `stamp` must be evicted already; for a
    /// command that touches days no hold may be due.
    pub(crate) fn decide(&self, command: &Command, stamp: Stamp) -> Decision {
        match command {
            Command::RegisterLocation { name } => {
                registered(name.len(), self.locations.index_or_next(name))
            }
            Command::RegisterItem { name } => {
                let length = match name {
                    ItemName::Sku(sku) => sku.len(),
                    ItemName::Labor { .. } => size_of::<i64>(),
                };
                registered(length, self.items.index_or_next(name))
            }
            Command::Adjust { .. }
            | Command::SetOnHand { .. }
            | Command::CompareAndSet { .. }
            | Command::SetSafetyStock { .. }
            | Command::CloseWindow { .. }
            | Command::Transfer { .. }
            | Command::Sale { .. } => self.decide_fact(command, stamp),
            Command::Receive {
                cell,
                quantity,
                expected_day,
                effective_ms,
            } => self.decide_receive(*cell, *quantity, *expected_day, *effective_ms, stamp),
            Command::SetInbound {
                cell,
                day,
                quantity,
            } => self.decide_inbound(*cell, *day, *quantity),
            Command::Count {
                cell,
                counted,
                effective_ms,
            } => self.decide_count(*cell, *counted, *effective_ms, stamp),
            Command::Relocate {
                reservation,
                to,
                lines,
            } => self.decide_relocate(*reservation, *to, lines, stamp),
            Command::Extend {
                reservation,
                ttl_ms,
            } => self.decide_extend(*reservation, *ttl_ms, stamp),
            Command::Hold {
                reservation,
                lines,
                ttl_ms,
                priority,
                terms,
                order: _,
            } => self.decide_hold(*reservation, lines, (*ttl_ms, *priority, *terms), stamp),
            Command::Commit { reservation } => self.decide_commit(*reservation, stamp),
            Command::Release { reservation, lines } => {
                self.decide_release(*reservation, lines.as_deref(), stamp)
            }
            Command::Consume { reservation, lines } => {
                self.decide_consume(*reservation, lines.as_deref(), stamp)
            }
            Command::Move { moves } => self.decide_move(moves, stamp),
            Command::Expire { reservation } => match self.reservations.get(*reservation) {
                None => refused(Refusal::ReservationNotFound),
                Some(found) if found.is_due(stamp.now_ms) => Decision::ExpireFirst(*reservation),
                Some(found) => Decision::Outcome(Outcome::Reservation(self.view_of(found, stamp))),
            },
        }
    }

    pub(crate) fn is_labor(&self, item: ItemId) -> bool {
        let name = self.items.name(item.0);
        name.is_some_and(|name| matches!(**name, ItemName::Labor { .. }))
    }

    pub(crate) fn knows(&self, cell: CellKey) -> bool {
        self.locations.knows(cell.location.0) && self.items.knows(cell.item.0)
    }

    /// At least one line, at most `lines_max`, known cells, quantities from 1.
    pub(crate) fn are_well_formed(&self, lines: &[Line], lines_max: usize) -> bool {
        !lines.is_empty()
            && lines.len() <= lines_max
            && lines
                .iter()
                .all(|line| line.quantity >= 1 && self.knows(line.cell))
    }

    pub(crate) fn find_live(&self, id: ReservationId, stamp: Stamp) -> Found<'_> {
        let Some(found) = self.reservations.get(id) else {
            return Err(Barred::Refused(Refusal::ReservationNotFound));
        };
        match found.state {
            ReservationState::Held if found.is_due(stamp.now_ms) => Err(Barred::IsDue(id)),
            ReservationState::Held | ReservationState::Committed => Ok(found),
            ReservationState::Expired => Err(Barred::Refused(Refusal::ReservationExpired)),
            ReservationState::Consumed | ReservationState::Released => {
                Err(Barred::Refused(Refusal::ReservationEnded))
            }
        }
    }

    fn decide_extend(&self, id: ReservationId, ttl_ms: i64, stamp: Stamp) -> Decision {
        if ttl_ms < 1 {
            return refused(Refusal::Malformed);
        }
        let found = match self.find_live(id, stamp) {
            Err(barred) => return barred.into(),
            Ok(found) if found.state == ReservationState::Committed => {
                return refused(Refusal::AlreadyCommitted)
            }
            Ok(found) => found,
        };
        let Some(deadline_ms) = stamp.now_ms.checked_add(ttl_ms) else {
            return refused(Refusal::QuantityOutOfRange);
        };
        let mut view = self.view_of(found, stamp);
        view.deadline_ms = deadline_ms;
        view.expire_wall_ms = expire_wall_ms(deadline_ms, stamp);
        Decision::Outcome(Outcome::Reservation(view))
    }

    fn decide_commit(&self, id: ReservationId, stamp: Stamp) -> Decision {
        match self.find_live(id, stamp) {
            Err(barred) => barred.into(),
            Ok(found) if found.state == ReservationState::Committed => {
                refused(Refusal::AlreadyCommitted)
            }
            Ok(found) if !self.fits_committed(found) => refused(Refusal::QuantityOutOfRange),
            Ok(found) => {
                let view = found.view_as(stamp, ReservationState::Committed, self.lines_of(found));
                Decision::Outcome(Outcome::Reservation(view))
            }
        }
    }

    /// Whether its cells can count all of it as committed, where what leaves on a day is not counted.
    fn fits_committed(&self, found: &Reservation) -> bool {
        let fits = |line: Line| {
            let delta = Delta::promised(ReservationState::Committed, line.quantity);
            changed_by(self.cells.view(line.cell), delta).is_some()
        };
        self.dated.day_of(found.id).is_some()
            || self.reservations.lines(found, &self.cells).all(fits)
    }

    fn decide_release(&self, id: ReservationId, part: Option<&[Line]>, stamp: Stamp) -> Decision {
        if part.is_some_and(|part| !self.are_well_formed(part, LINES_MAX)) {
            return refused(Refusal::Malformed);
        }
        match self.find_live(id, stamp) {
            Err(barred) => barred.into(),
            Ok(found) => self.remaining(found, part, ReservationState::Released, stamp),
        }
    }

    fn decide_consume(&self, id: ReservationId, part: Option<&[Line]>, stamp: Stamp) -> Decision {
        if part.is_some_and(|part| !self.are_well_formed(part, LINES_MAX)) {
            return refused(Refusal::Malformed);
        }
        let found = match self.find_live(id, stamp) {
            Err(barred) => return barred.into(),
            Ok(found) if found.state == ReservationState::Held => {
                return refused(Refusal::NotCommitted)
            }
            Ok(found) => found,
        };
        let decision = self.remaining(found, part, ReservationState::Consumed, stamp);
        if let Decision::Outcome(Outcome::Reservation(view)) = &decision {
            let left = |cell| view.lines.iter().find(|line| line.cell == cell);
            let fits = self.reservations.lines(found, &self.cells).all(|line| {
                let leaving = line.quantity - left(line.cell).map_or(0, |left| left.quantity);
                self.cells.view(line.cell).on_hand - leaving >= -QUANTITY_MAX
            });
            if !fits {
                return refused(Refusal::QuantityOutOfRange);
            }
        }
        decision
    }

    /// What remains of a reservation, one line per cell.
    pub(crate) fn lines_of(&self, found: &Reservation) -> Lines {
        self.reservations.lines(found, &self.cells).collect()
    }

    /// A reservation as it stands.
    pub(crate) fn view_of(&self, found: &Reservation, stamp: Stamp) -> ReservationView {
        found.view_as(stamp, found.state, self.lines_of(found))
    }

    /// The reservation without `part` (none: without anything), which ends as `end` if nothing is
    /// left.
    fn remaining(
        &self,
        found: &Reservation,
        part: Option<&[Line]>,
        end: ReservationState,
        stamp: Stamp,
    ) -> Decision {
        let left = |part| without(&self.lines_of(found), part);
        let Some(lines) = part.map_or(Some(Lines::new()), left) else {
            return refused(Refusal::LineNotHeld);
        };
        let state = if lines.is_empty() { end } else { found.state };
        Decision::Outcome(Outcome::Reservation(found.view_as(stamp, state, lines)))
    }
}

const fn registered(name_bytes: usize, index: Option<u32>) -> Decision {
    if name_bytes == 0 || name_bytes > NAME_BYTES_MAX {
        return refused(Refusal::Malformed);
    }
    match index {
        Some(index) => Decision::Outcome(Outcome::Registered { index }),
        None => refused(Refusal::QuantityOutOfRange),
    }
}

//! Effects: what a decided command changes. Shared by the live ledger and recovery, so both come to
//! the same state.
//!
//! | outcome | effect |
//! | --- | --- |
//! | refused, insufficient, duplicate | none |
//! | registered | the name has that integer |
//! | cell | the counters changed, and are now as recorded |
//! | reservation, moved | the reservations and their cells changed, and are now as recorded |
//! | any that this state or this command cannot come to | an error: never in the live ledger |

mod counts;
mod facts;
mod promises;
mod relocate;

use std::sync::Arc;

use hashbrown::HashSet;

use crate::cells::Delta;
use crate::command::{Command, Line, Lines, Stamp};
use crate::decide::inbound::is_day;
use crate::ids::{ItemName, RequestKey, ReservationId};
use crate::ledger::Ledger;
use crate::lines::{to_lines, without, Sums};
use crate::outcome::{Outcome, ReservationState, ReservationView};
use crate::reservations::{NewHold, RUN_MAX};

/// What does not fit.
pub(crate) type Misfit = &'static str;

type Effect = Result<(), Misfit>;

const UNKNOWN_RESERVATION: Misfit = "no such live reservation";
const OTHER_VIEW: Misfit = "the recorded reservation is not what the command makes of it";
const UNKNOWN_CELL: Misfit = "no such cell";
const NO_QUANTITY: Misfit = "a quantity is below 1";
const OUT_OF_RANGE: Misfit = "a counter would leave its range";
const NOT_ITS_OUTCOME: Misfit = "a command of this kind cannot have this outcome";

impl Ledger {
    /// Takes over what `command` was decided to come to.
    pub(crate) fn effect(&mut self, command: &Command, outcome: &Outcome, stamp: Stamp) -> Effect {
        match (command, outcome) {
            (_, Outcome::Refused(_)) => Ok(()),
            (Command::Hold { .. } | Command::Move { .. }, Outcome::Insufficient(_)) => Ok(()),
            (Command::RegisterLocation { name }, Outcome::Registered { index }) => {
                same(self.locations.register(Arc::from(&**name)), *index)
            }
            (Command::RegisterItem { name }, Outcome::Registered { index }) => {
                let name: Arc<ItemName> = Arc::new(name.clone());
                same(self.items.register(name), *index)
            }
            (
                Command::Adjust { .. }
                | Command::SetOnHand { .. }
                | Command::CompareAndSet { .. }
                | Command::SetSafetyStock { .. }
                | Command::CloseWindow { .. }
                | Command::SetInbound { .. }
                | Command::Receive { .. }
                | Command::Count { .. }
                | Command::Transfer { .. }
                | Command::Sale { .. },
                _,
            ) => self.effect_of_fact(command, outcome, stamp),
            (
                Command::Extend {
                    reservation,
                    ttl_ms,
                },
                Outcome::Reservation(view),
            ) => self.take_extension(*reservation, *ttl_ms, view, stamp),
            (Command::Hold { .. }, Outcome::Reservation(view)) => {
                self.take_hold(command, view, stamp)
            }
            (Command::Commit { reservation }, Outcome::Reservation(view)) => {
                self.take_commit(*reservation, view, stamp)
            }
            (Command::Release { reservation, lines }, Outcome::Reservation(view)) => {
                let end = ReservationState::Released;
                self.take_part(*reservation, lines.as_deref(), end, view, stamp)
            }
            (Command::Consume { reservation, lines }, Outcome::Reservation(view)) => {
                let end = ReservationState::Consumed;
                self.take_part(*reservation, lines.as_deref(), end, view, stamp)
            }
            (
                Command::Relocate {
                    reservation,
                    to,
                    lines,
                },
                Outcome::Reservation(view),
            ) => self.take_relocation(*reservation, *to, lines, view, stamp),
            (Command::Move { moves }, Outcome::Moved(views)) => self.take_move(moves, views, stamp),
            (Command::Expire { reservation }, Outcome::Reservation(view)) => {
                self.is_now(*reservation, view, stamp)
            }
            _ => Err(NOT_ITS_OUTCOME),
        }
    }

    /// The units of a due hold go back. False: it is not a hold that is due. `lines` gets by how much
    /// its cells' `held` fell.
    pub(crate) fn take_expiry(
        &mut self,
        id: ReservationId,
        stamp: Stamp,
        lines: &mut Lines,
    ) -> bool {
        let Some(found) = self
            .reservations
            .get(id)
            .filter(|found| found.is_due(stamp.now_ms))
        else {
            return false;
        };
        lines.clear();
        lines.extend(self.reservations.lines(found, &self.cells));
        for line in &mut *lines {
            let Ok(delta) = self.promise(id, line.cell, ReservationState::Held, -line.quantity)
            else {
                return false;
            };
            line.quantity = -delta.held;
        }
        self.set_lines(id, &[], ReservationState::Expired, stamp);
        true
    }

    fn take_extension(
        &mut self,
        id: ReservationId,
        ttl_ms: i64,
        view: &ReservationView,
        stamp: Stamp,
    ) -> Effect {
        let found = self.reservations.get(id).ok_or(UNKNOWN_RESERVATION)?;
        if ttl_ms < 1 || found.state != ReservationState::Held || found.is_due(stamp.now_ms) {
            return Err("only a hold that is not due gets another deadline");
        }
        let deadline_ms = stamp.now_ms.checked_add(ttl_ms).ok_or(OUT_OF_RANGE)?;
        self.reservations.extend(id, deadline_ms);
        self.is_now(id, view, stamp)
    }

    fn take_hold(&mut self, command: &Command, view: &ReservationView, stamp: Stamp) -> Effect {
        let Command::Hold {
            reservation: id,
            order,
            lines,
            ttl_ms,
            priority,
            terms,
        } = command
        else {
            return Err(NOT_ITS_OUTCOME);
        };
        if self.reservations.get(*id).is_some() {
            return self.is_now(*id, view, stamp);
        }
        let deadline_ms = stamp.now_ms.checked_add(*ttl_ms).ok_or(OUT_OF_RANGE)?;
        let hold = NewHold {
            id: *id,
            order: *order,
            deadline_ms,
            priority: *priority,
        };
        let sums = Sums::of(lines).ok_or(OUT_OF_RANGE)?;
        if sums.is_empty() || *ttl_ms < 1 || !terms.day.is_none_or(is_day) {
            return Err("a hold has lines, a deadline to come and a day that can be named");
        }
        let is_as_asked = if terms.is_partial {
            let asked = to_lines(&sums.into_vec());
            let one_per_cell =
                Sums::of(&view.lines).is_some_and(|sums| sums.are_lines(&view.lines));
            !view.lines.is_empty() && one_per_cell && without(&asked, &view.lines).is_some()
        } else {
            sums.are_lines(&view.lines)
        };
        if !self.is_deciding && !is_as_asked {
            return Err(OTHER_VIEW);
        }
        if let Some(day) = terms.day {
            self.dated.set_day(*id, day);
        }
        self.add_lines(*id, &view.lines, ReservationState::Held)?;
        let numbered = self.cells.numbered(&view.lines).ok_or(UNKNOWN_CELL)?;
        self.reservations
            .insert_held(hold, &numbered, &mut self.cells)
            .ok_or(OUT_OF_RANGE)?;
        self.is_now(*id, view, stamp)
    }

    fn take_commit(&mut self, id: ReservationId, view: &ReservationView, stamp: Stamp) -> Effect {
        let found = self.reservations.get(id).ok_or(UNKNOWN_RESERVATION)?;
        if found.state != ReservationState::Held || found.is_due(stamp.now_ms) {
            return Err("only a hold that is not due can be committed");
        }
        if !self
            .reservations
            .lines(found, &self.cells)
            .eq(view.lines.iter().copied())
        {
            return Err(OTHER_VIEW);
        }
        let is_dated = self.dated.day_of(id).is_some();
        for line in &view.lines {
            let moved = if is_dated { 0 } else { line.quantity };
            let delta = Delta {
                held: -moved,
                committed: moved,
                ..Delta::default()
            };
            self.cells.change(line.cell, delta).ok_or(OUT_OF_RANGE)?;
        }
        self.reservations.commit(id);
        self.is_now(id, view, stamp)
    }

    /// Gives back (or consumes, by `end`) a part of a reservation.
    fn take_part(
        &mut self,
        id: ReservationId,
        part: Option<&[Line]>,
        end: ReservationState,
        view: &ReservationView,
        stamp: Stamp,
    ) -> Effect {
        let found = self.reservations.get(id).filter(|found| found.is_live());
        let found = found.ok_or(UNKNOWN_RESERVATION)?;
        let is_consumed = end == ReservationState::Consumed;
        if is_consumed && found.state != ReservationState::Committed {
            return Err("only what is committed can be consumed");
        }
        let (state, lines) = (found.state, self.lines_of(found));
        let part = part.unwrap_or(&lines);
        if part.iter().any(|line| line.quantity < 1) {
            return Err(NO_QUANTITY);
        }
        let left = without(&lines, part).ok_or("more is taken than remains")?;
        for line in part {
            let on_hand = if is_consumed { -line.quantity } else { 0 };
            self.promise_with(id, line.cell, state, -line.quantity, on_hand)?;
            self.keep_change(line.cell, on_hand, stamp.wall_ms, stamp);
        }
        self.set_lines(id, &left, end, stamp);
        self.is_now(id, view, stamp)
    }

    fn take_move(
        &mut self,
        moves: &[(ReservationId, Lines)],
        views: &[ReservationView],
        stamp: Stamp,
    ) -> Effect {
        if moves.len() != views.len() {
            return Err("not one reservation per move");
        }
        let mut ids = HashSet::with_capacity(moves.len());
        if !moves.iter().all(|(id, _)| ids.insert(*id)) {
            return Err("a reservation is moved twice");
        }
        for (id, _) in moves {
            let found = self.reservations.get(*id).filter(|found| found.is_live());
            let found = found.ok_or(UNKNOWN_RESERVATION)?;
            let state = found.state;
            for line in self.lines_of(found) {
                self.promise(*id, line.cell, state, -line.quantity)?;
            }
        }
        for ((id, lines), view) in moves.iter().zip(views) {
            let found = self.reservations.get(*id).filter(|found| found.is_live());
            let state = found.ok_or(UNKNOWN_RESERVATION)?.state;
            let sums = Sums::of(lines).ok_or(OUT_OF_RANGE)?;
            let lines = to_lines(&sums.into_vec());
            if lines.is_empty() || lines.len() > RUN_MAX {
                return Err("a moved reservation has lines, and not too many");
            }
            self.add_lines(*id, &lines, state)?;
            self.set_lines(*id, &lines, state, stamp);
            self.is_now(*id, view, stamp)?;
        }
        Ok(())
    }

    fn add_lines(&mut self, id: ReservationId, lines: &[Line], state: ReservationState) -> Effect {
        for line in lines {
            if line.quantity < 1 {
                return Err(NO_QUANTITY);
            }
            if !self.knows(line.cell) {
                return Err(UNKNOWN_CELL);
            }
            self.promise(id, line.cell, state, line.quantity)?;
        }
        Ok(())
    }

    /// The reservation is now what was recorded.
    fn is_now(&self, id: ReservationId, view: &ReservationView, stamp: Stamp) -> Effect {
        if self.is_deciding {
            return Ok(());
        }
        let found = self.reservations.get(id).ok_or(UNKNOWN_RESERVATION)?;
        let is_same = found.view_as(stamp, found.state, Lines::new())
            == ReservationView {
                lines: Lines::new(),
                ..*view
            };
        let mut lines = self.reservations.lines(found, &self.cells);
        if is_same
            && view.lines.iter().all(|line| lines.next() == Some(*line))
            && lines.next().is_none()
        {
            Ok(())
        } else {
            Err(OTHER_VIEW)
        }
    }

    /// Other lines for a live reservation; see `Reservations::set_lines`.
    fn set_lines(
        &mut self,
        id: ReservationId,
        lines: &[Line],
        end: ReservationState,
        stamp: Stamp,
    ) {
        if lines.is_empty() {
            self.dated.forget(id);
        }
        self.reservations
            .set_lines(id, lines, end, stamp.now_ms, &mut self.cells);
    }

    pub(crate) fn remember(
        &mut self,
        key: RequestKey,
        fingerprint: u64,
        at_ms: i64,
        outcomes: &[u8],
    ) -> Effect {
        let keep_ms = self.limits.request_window_ms;
        if !self.is_deciding && self.window.find(&key, at_ms, keep_ms).is_some() {
            return Err("it is in the request window already");
        }
        self.window.insert(key, fingerprint, at_ms, outcomes);
        Ok(())
    }
}

fn same(index: Option<u32>, recorded: u32) -> Effect {
    if index == Some(recorded) {
        Ok(())
    } else {
        Err("the name has another integer")
    }
}

//! The reservations, by id and by deadline.
//!
//! | state | lines | in the deadlines | kept |
//! | --- | --- | --- | --- |
//! | HELD | what remains, one per cell, never empty | yes | until it ends |
//! | COMMITTED | the same | no | until it ends |
//! | CONSUMED, RELEASED, EXPIRED | none | no | as long as the request window, then dropped |
//!
//! A hold is due from the moment its deadline equals ledger time. Due holds come out in order of
//! (deadline, id).

use std::collections::{BTreeSet, VecDeque};

use hashbrown::HashMap;

use crate::command::{Line, Lines, Stamp};
use crate::ids::{OrderRef, ReservationId};
use crate::outcome::{ReservationState, ReservationView};

/// One reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reservation {
    pub(crate) order: OrderRef,
    pub(crate) state: ReservationState,
    pub(crate) deadline_ms: i64,
    pub(crate) priority: u8,
    /// When it ended; meaningful in the end states.
    pub(crate) ended_ms: i64,
    pub(crate) lines: Lines,
}

impl Reservation {
    pub(crate) fn is_due(&self, now_ms: i64) -> bool {
        self.state == ReservationState::Held && self.deadline_ms <= now_ms
    }

    pub(crate) const fn is_live(&self) -> bool {
        matches!(
            self.state,
            ReservationState::Held | ReservationState::Committed
        )
    }

    pub(crate) fn view(&self, id: ReservationId, stamp: Stamp) -> ReservationView {
        self.view_as(id, stamp, self.state, self.lines.clone())
    }

    /// The view with another state and other lines.
    pub(crate) fn view_as(
        &self,
        id: ReservationId,
        stamp: Stamp,
        state: ReservationState,
        lines: Lines,
    ) -> ReservationView {
        let expire_wall_ms = if state == ReservationState::Held {
            expire_wall_ms(self.deadline_ms, stamp)
        } else {
            0
        };
        ReservationView {
            id,
            state,
            deadline_ms: self.deadline_ms,
            expire_wall_ms,
            priority: self.priority,
            lines,
        }
    }
}

/// The wall time at which ledger time reaches `deadline_ms`, as far as is known at `stamp`.
pub(crate) const fn expire_wall_ms(deadline_ms: i64, stamp: Stamp) -> i64 {
    stamp
        .wall_ms
        .saturating_add(deadline_ms.saturating_sub(stamp.now_ms))
}

/// All reservations. Ids come from outside: the hash is keyed against chosen collisions.
#[derive(Debug, Default)]
pub(crate) struct Reservations {
    by_id: HashMap<ReservationId, Reservation>,
    deadlines: BTreeSet<(i64, ReservationId)>,
    ended: VecDeque<(i64, ReservationId)>,
}

impl Reservations {
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(crate) fn ended_len(&self) -> usize {
        self.ended.len()
    }

    pub(crate) fn deadlines_len(&self) -> usize {
        self.deadlines.len()
    }

    pub(crate) fn has_deadline(&self, deadline_ms: i64, id: ReservationId) -> bool {
        self.deadlines.contains(&(deadline_ms, id))
    }

    pub(crate) fn get(&self, id: ReservationId) -> Option<&Reservation> {
        self.by_id.get(&id)
    }

    pub(crate) fn next_deadline_ms(&self) -> Option<i64> {
        self.deadlines.first().map(|(deadline_ms, _)| *deadline_ms)
    }

    pub(crate) fn next_due(&self, now_ms: i64) -> Option<ReservationId> {
        let (deadline_ms, id) = self.deadlines.first()?;
        (*deadline_ms <= now_ms).then_some(*id)
    }

    /// Takes over a new hold. Its id must be free.
    pub(crate) fn insert_held(&mut self, id: ReservationId, reservation: Reservation) {
        self.deadlines.insert((reservation.deadline_ms, id));
        self.by_id.insert(id, reservation);
    }

    /// HELD to COMMITTED.
    pub(crate) fn commit(&mut self, id: ReservationId) {
        if let Some(reservation) = self.by_id.get_mut(&id) {
            self.deadlines.remove(&(reservation.deadline_ms, id));
            reservation.state = ReservationState::Committed;
        }
    }

    /// Another deadline for a hold.
    pub(crate) fn extend(&mut self, id: ReservationId, deadline_ms: i64) {
        if let Some(reservation) = self.by_id.get_mut(&id) {
            self.deadlines.remove(&(reservation.deadline_ms, id));
            self.deadlines.insert((deadline_ms, id));
            reservation.deadline_ms = deadline_ms;
        }
    }

    /// Other lines for a live reservation; without any it ends as `end`, now.
    pub(crate) fn set_lines(
        &mut self,
        id: ReservationId,
        lines: Vec<Line>,
        end: ReservationState,
        now_ms: i64,
    ) {
        let Some(reservation) = self.by_id.get_mut(&id) else {
            return;
        };
        reservation.lines = lines;
        if reservation.lines.is_empty() {
            self.deadlines.remove(&(reservation.deadline_ms, id));
            reservation.state = end;
            reservation.ended_ms = now_ms;
            self.ended.push_back((now_ms, id));
        }
    }

    /// Drops what ended at least `keep_ms` ago.
    pub(crate) fn evict(&mut self, now_ms: i64, keep_ms: i64) {
        while let Some((ended_ms, id)) = self.ended.front().copied() {
            if now_ms.saturating_sub(ended_ms) < keep_ms {
                break;
            }
            self.ended.pop_front();
            self.by_id.remove(&id);
        }
    }

    /// In no particular order: sort before anything can see it.
    pub(crate) fn iter_unordered(&self) -> impl Iterator<Item = (ReservationId, &Reservation)> {
        self.by_id
            .iter()
            .map(|(id, reservation)| (*id, reservation))
    }
}

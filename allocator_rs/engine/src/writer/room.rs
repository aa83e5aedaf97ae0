//! What the writer does when the disk is full.
//!
//! | room | grants | other acts | reads of reservations |
//! | --- | --- | --- | --- |
//! | only in the segment in use | refused | served | served |
//! | none, nothing decided | refused | refused | served |
//! | none, a decision waits for it | refused | refused | served, but for what that changes |
//!
//! Reads of cells need no writer, and service resumes by itself.

use std::time::Duration;

use bopis_journal::Room;
use bopis_ledger::{Act, Command, ReservationId};
use crossbeam_channel::RecvTimeoutError;

use super::{Pace, Writer};
use crate::error::Unanswered;
use crate::job::{Answer, Job, Position, ReservationAnswer};
use crate::shared::EngineStatus;

/// Room that one turn may need: acts, expiries, the answers recorded with them.
const TURN_BYTES: u64 = 16 << 20;
/// How often a full disk is looked at again.
const ROOM_TICK: Duration = Duration::from_millis(20);

/// What is decided, and not on the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Undurable {
    Nothing,
    /// The turn's records.
    Records,
}

impl Writer {
    /// Sets the status by the room that is left; false: not even facts can be taken.
    pub(super) fn has_room(&self) -> bool {
        let Some(disk) = &self.disk else { return true };
        let status = match disk.journal.room() {
            Room::Ample => EngineStatus::Serving,
            Room::Bytes(left) if left >= disk.journal.segment_bytes().min(4 * TURN_BYTES) / 4 => {
                EngineStatus::DiskFull
            }
            Room::Bytes(_) => EngineStatus::NoRoom,
        };
        let before = self.shared.status();
        if before != status {
            tracing::warn!(?before, now = ?status, "journal_room");
            self.shared.set_status(status);
        }
        status != EngineStatus::NoRoom
    }

    /// Answers what comes in before it is time to look for room again.
    pub(super) fn answer_without_room(&mut self, undurable: Undurable, pace: &mut dyn Pace) {
        for (id, answer) in std::mem::take(&mut self.reads) {
            self.read_durable(id, answer, undurable);
        }
        for (cell, answer) in std::mem::take(&mut self.day_reads) {
            self.read_days(cell, answer, undurable);
        }
        for (search, answer) in std::mem::take(&mut self.searches) {
            self.search_durable(search, answer, undurable);
        }
        let until = pace.passed() + ROOM_TICK;
        loop {
            let left = until.saturating_sub(pace.passed());
            if left.is_zero() {
                return;
            }
            match pace.next(&self.jobs, left) {
                Ok(Job::Act(_, answer)) => answer.refuse(Unanswered::DiskFull),
                Ok(Job::Acts(_, answer)) => answer.refuse(Unanswered::DiskFull),
                Ok(Job::Reservation(id, answer)) => self.read_durable(id, answer, undurable),
                Ok(Job::Days(cell, answer)) => self.read_days(cell, answer, undurable),
                Ok(Job::Search(search, answer)) => self.search_durable(search, answer, undurable),
                Ok(Job::Drain(answer)) => {
                    self.drain.get_or_insert(answer);
                }
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => {
                    // The last handle is gone; an answer that nobody hears ends the turns.
                    self.drain
                        .get_or_insert_with(|| Answer::new(Box::new(|_| {})));
                    return;
                }
            }
        }
    }

    fn read_durable(&mut self, id: ReservationId, answer: ReservationAnswer, undurable: Undurable) {
        let waits = undurable == Undurable::Records;
        if waits && self.may_have_changed(id) {
            return answer.refuse(Unanswered::DiskFull);
        }
        let stamp = self.now();
        let position = self.durable_position();
        answer.give((self.ledger.reservation(id, stamp), position));
    }

    /// Whether what is decided and not durable may have changed this reservation.
    pub(super) fn may_have_changed(&self, id: ReservationId) -> bool {
        self.turn.has_expired(id) || self.acts.iter().any(|act| names(act, id))
    }

    pub(super) fn durable_position(&self) -> Position {
        Position {
            journal_id: self.shared.journal_id,
            sequence: self.shared.mirror.sequence(),
        }
    }
}

/// Whether the act may have changed this reservation.
fn names(act: &Act, id: ReservationId) -> bool {
    act.commands.iter().any(|command| match command {
        Command::Hold { reservation, .. }
        | Command::Extend { reservation, .. }
        | Command::Commit { reservation }
        | Command::Release { reservation, .. }
        | Command::Consume { reservation, .. }
        | Command::Relocate { reservation, .. }
        | Command::Expire { reservation } => *reservation == id,
        Command::Sale { reservation, .. } => *reservation == Some(id),
        Command::Move { moves } => moves.iter().any(|(moved, _)| *moved == id),
        Command::RegisterLocation { .. }
        | Command::RegisterItem { .. }
        | Command::Adjust { .. }
        | Command::SetOnHand { .. }
        | Command::CompareAndSet { .. }
        | Command::Transfer { .. }
        | Command::SetSafetyStock { .. }
        | Command::CloseWindow { .. }
        | Command::SetInbound { .. }
        | Command::Receive { .. }
        | Command::Count { .. } => false,
    })
}

//! What the writer thread and everyone else have in common.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicU8, Ordering};
use std::sync::Arc;

use bopis_ledger::{CellKey, CellView, ReservationId};
use parking_lot::{Condvar, Mutex};

use crate::clock::Clock;
use crate::deficits::Concerned;
use crate::error::PositionError;
use crate::gate::Gate;
use crate::mirror::Mirror;
use crate::names::Names;

/// One cell as it was after the batch that ended at `sequence`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The last record of the batch.
    pub sequence: u64,
    /// The cell.
    pub cell: CellKey,
    /// Its counters.
    pub view: CellView,
    /// Promised units that are not there.
    pub deficit: i64,
    /// The deficit is another one than before: the reservations that it concerns, in order of their
    /// ids, at most [`CONCERNED_MAX`](crate::CONCERNED_MAX); none if there is no deficit any more.
    pub concerned: Option<Arc<[ReservationId]>>,
}

/// How the engine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum EngineStatus {
    /// Takes everything.
    Serving = 0,
    /// No room for another segment: grants are refused; facts, commits, releases go on.
    DiskFull = 1,
    /// The last segment is all but full, too: every change is refused.
    NoRoom = 2,
    /// Stopped or stopping: reads answer what was last published.
    Stopped = 3,
}

pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) mirror: Mirror,
    pub(crate) names: Names,
    pub(crate) journal_id: u128,
    pub(crate) assigned: AtomicU64,
    pub(crate) time_stands: AtomicBool,
    pub(crate) gate: Gate,
    status: AtomicU8,
    changes_max: usize,
    changes: Mutex<Changes>,
    failure: Mutex<Option<String>>,
    waiters: Mutex<usize>,
    published: Condvar,
}

#[derive(Default)]
struct Changes {
    ring: VecDeque<Change>,
    /// Changes up to and including this sequence are gone.
    forgotten: u64,
}

impl Shared {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        names: Names,
        journal_id: u128,
        changes_max: usize,
        time_stands: bool,
    ) -> Self {
        Self {
            clock,
            mirror: Mirror::new(),
            names,
            journal_id,
            assigned: AtomicU64::new(0),
            time_stands: AtomicBool::new(time_stands),
            gate: Gate::default(),
            status: AtomicU8::new(EngineStatus::Serving as u8),
            changes_max,
            changes: Mutex::default(),
            failure: Mutex::new(None),
            waiters: Mutex::new(0),
            published: Condvar::new(),
        }
    }

    pub(crate) fn status(&self) -> EngineStatus {
        match self.status.load(Ordering::Acquire) {
            0 => EngineStatus::Serving,
            1 => EngineStatus::DiskFull,
            2 => EngineStatus::NoRoom,
            _ => EngineStatus::Stopped,
        }
    }

    /// Sets the status; nothing leaves `Stopped`.
    pub(crate) fn set_status(&self, status: EngineStatus) {
        let set = |old| (old != EngineStatus::Stopped as u8).then_some(status as u8);
        // An error only says that the engine is stopped, and stays so.
        let _ = self
            .status
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, set);
        if status == EngineStatus::Stopped {
            let _waiters = self.waiters.lock();
            self.published.notify_all();
        }
    }

    pub(crate) fn fail(&self, reason: String) {
        *self.failure.lock() = Some(reason);
        self.set_status(EngineStatus::Stopped);
    }

    pub(crate) fn failure(&self) -> Option<String> {
        self.failure.lock().clone()
    }

    /// State recovered at the start: visible, but no news for the feed.
    pub(crate) fn publish_recovered(&self, cells: &[(CellKey, CellView)], sequence: u64) {
        self.assigned.store(sequence, Ordering::Release);
        self.mirror.publish(cells, sequence);
        self.changes.lock().forgotten = sequence;
    }

    /// Makes a durable batch visible: cells, feed, and those who wait for its sequence.
    pub(crate) fn publish(
        &self,
        cells: &[(CellKey, CellView)],
        deficits: &mut Vec<Concerned>,
        sequence: u64,
    ) {
        // Who reads the position finds everything up to it in the feed.
        self.feed(cells, deficits, sequence);
        self.mirror.publish(cells, sequence);
        let waiters = self.waiters.lock();
        if *waiters > 0 {
            self.published.notify_all();
        }
    }

    fn feed(&self, cells: &[(CellKey, CellView)], deficits: &mut Vec<Concerned>, sequence: u64) {
        if self.changes_max == 0 || cells.is_empty() {
            deficits.clear();
            return;
        }
        let mut changes = self.changes.lock();
        let mut deficits = deficits.drain(..).peekable();
        for (cell, view) in cells {
            let concerned = deficits.next_if(|(of, _)| of == cell).map(|(_, ids)| ids);
            if changes.ring.len() >= self.changes_max {
                if let Some(oldest) = changes.ring.pop_front() {
                    changes.forgotten = oldest.sequence;
                }
            }
            let (cell, view) = (*cell, *view);
            changes.ring.push_back(Change {
                sequence,
                cell,
                view,
                deficit: view.deficit(),
                concerned,
            });
        }
    }

    pub(crate) fn changes_since(&self, sequence: u64) -> Option<Vec<Change>> {
        let changes = self.changes.lock();
        if sequence < changes.forgotten || self.changes_max == 0 {
            return None;
        }
        let start = changes
            .ring
            .partition_point(|change| change.sequence <= sequence);
        Some(changes.ring.iter().skip(start).cloned().collect())
    }

    pub(crate) fn wait_for(&self, sequence: u64) -> Result<(), PositionError> {
        if self.mirror.sequence() >= sequence {
            return Ok(());
        }
        let last = self.assigned.load(Ordering::Acquire);
        if sequence > last {
            return Err(PositionError::NotAssigned {
                asked: sequence,
                last,
            });
        }
        let mut waiters = self.waiters.lock();
        *waiters += 1;
        let result = loop {
            if self.mirror.sequence() >= sequence {
                break Ok(());
            }
            if self.status() == EngineStatus::Stopped {
                break Err(PositionError::Stopped);
            }
            self.published.wait(&mut waiters);
        };
        *waiters -= 1;
        result
    }
}

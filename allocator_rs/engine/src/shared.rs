//! What the writer thread and everyone else have in common.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicU8, Ordering};
use std::sync::Arc;

use bopis_ledger::{ChangedCell, Ledger};
use parking_lot::{Condvar, Mutex};

use crate::clock::Clock;
use crate::deficits::Concerned;
use crate::error::PositionError;
use crate::feed::{Change, Events, Ring, Told};
use crate::gate::Gate;
use crate::mirror::Mirror;
use crate::names::Names;

/// How many recovered cells are made visible at a time.
const RECOVERED_TOGETHER: usize = 4_096;

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
    /// Some reservation has a day, or had one since the start, or an act was taken that gives one.
    pub(crate) may_have_days: AtomicBool,
    pub(crate) gate: Gate,
    status: AtomicU8,
    feed: Mutex<Ring>,
    failure: Mutex<Option<String>>,
    waiters: Mutex<usize>,
    published: Condvar,
}

impl Shared {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        names: Names,
        journal_id: u128,
        feed: Ring,
        time_stands: bool,
    ) -> Self {
        Self {
            clock,
            mirror: Mirror::new(),
            names,
            journal_id,
            assigned: AtomicU64::new(0),
            time_stands: AtomicBool::new(time_stands),
            may_have_days: AtomicBool::new(false),
            gate: Gate::default(),
            status: AtomicU8::new(EngineStatus::Serving as u8),
            feed: Mutex::new(feed),
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

    /// State recovered at the start: visible before anyone reads; what is news of it the feed has
    /// already.
    pub(crate) fn publish_recovered(&self, ledger: &Ledger, sequence: u64) {
        self.assigned.store(sequence, Ordering::Release);
        let mut cells = ledger.cells();
        loop {
            let some: Vec<_> = cells.by_ref().take(RECOVERED_TOGETHER).collect();
            self.mirror.publish(&some, sequence);
            if some.is_empty() {
                return;
            }
        }
    }

    /// Makes a durable batch visible: cells, feed, and those who wait for its sequence.
    pub(crate) fn publish(
        &self,
        cells: &[ChangedCell],
        deficits: &mut Vec<Concerned>,
        reservations: &mut Vec<Told>,
        (sequence, wall_ms): (u64, i64),
    ) {
        // Who reads the position finds everything up to it in the feed.
        let at = (sequence, wall_ms);
        self.feed.lock().add(reservations, cells, deficits, at);
        self.mirror.publish(cells, sequence);
        let waiters = self.waiters.lock();
        if *waiters > 0 {
            self.published.notify_all();
        }
    }

    pub(crate) fn changes_since(&self, sequence: u64) -> Option<Vec<Change>> {
        self.feed.lock().changes_since(sequence)
    }

    pub(crate) fn events_since(&self, sequence: u64, wanted: usize) -> Option<Events> {
        self.feed.lock().events_since(sequence, wanted)
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

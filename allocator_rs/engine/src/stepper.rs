//! The writer without its thread, for a simulation: it works when it is told to, on the caller's
//! thread, and never waits. The turns are those of service, line for line.

use std::sync::Arc;
use std::time::Duration;

use bopis_journal::Storage;
use bopis_ledger::Ledger;
use crossbeam_channel::{Receiver, RecvTimeoutError, TryRecvError};

use crate::job::Job;
use crate::writer::{Pace, Step, Writer};

/// Where a stepped engine keeps its journal and finds snapshots, in place of a folder.
#[derive(Clone)]
pub struct SimulatedDisk {
    /// The journal.
    pub storage: Arc<dyn Storage>,
    /// The snapshots.
    pub shelf: Arc<dyn Storage>,
    /// Identity of a journal that is made new.
    pub new_journal_id: u128,
}

/// Drives the writer of one engine.
pub struct Stepper(Writer);

/// What a simulation has in place of a thread: what is there is there, and time is told.
struct NoPatience(Duration);

impl Pace for NoPatience {
    fn next(&mut self, jobs: &Receiver<Job>, _patience: Duration) -> Result<Job, RecvTimeoutError> {
        jobs.try_recv().map_err(|error| match error {
            TryRecvError::Empty => RecvTimeoutError::Timeout,
            TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
        })
    }

    fn passed(&self) -> Duration {
        self.0
    }
}

impl Stepper {
    pub(crate) const fn new(writer: Writer) -> Self {
        Self(writer)
    }

    /// One step of the writer. `passed`: how long it has worked by now, for what it does when idle.
    pub fn step(&mut self, passed: Duration) -> Step {
        self.0.step(&mut NoPatience(passed))
    }

    /// Makes the next segment of the journal, as a thread of its own does in service.
    pub fn make_segment_ahead(&self) {
        if let Some(disk) = &self.0.disk {
            disk.journal.make_segment_ahead();
        }
    }

    /// The sequence that reads see.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.0.shared.mirror.sequence()
    }

    /// The state, which may be ahead of what is durable.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.0.ledger
    }
}

//! Waiting, and the time that it takes: the one thing that a simulation does in another way.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::job::Job;

/// Where the writer gets its next job from, and how it measures idleness.
pub(crate) trait Pace {
    /// The next job, if one comes within `patience`.
    fn next(&mut self, jobs: &Receiver<Job>, patience: Duration) -> Result<Job, RecvTimeoutError>;

    /// How long the writer has worked. No clock that can be set or scaled.
    fn passed(&self) -> Duration;
}

/// A thread's: it sleeps.
pub(crate) struct ThreadPace(Instant);

impl ThreadPace {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Pace for ThreadPace {
    fn next(&mut self, jobs: &Receiver<Job>, patience: Duration) -> Result<Job, RecvTimeoutError> {
        jobs.recv_timeout(patience)
    }

    fn passed(&self) -> Duration {
        self.0.elapsed()
    }
}

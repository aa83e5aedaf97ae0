//! A clock that moves when it is told to, also in ways that no clock should.

use std::sync::atomic::{AtomicI64, Ordering};

use bopis_engine::Clock;

/// Wall time of the first moment, Unix ms.
pub const ORIGIN_MS: i64 = 1_700_000_000_000;

/// Wall time and the time that the machine counts, set apart.
#[derive(Debug)]
pub struct SimClock {
    wall_ms: AtomicI64,
    elapsed_ms: AtomicI64,
}

impl SimClock {
    /// At its first moment.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            wall_ms: AtomicI64::new(ORIGIN_MS),
            elapsed_ms: AtomicI64::new(0),
        }
    }

    /// Both go on; a negative time is a counter that went back, which none should.
    pub fn pass(&self, ms: i64) {
        self.jump_wall(ms.max(0));
        self.elapsed_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// Somebody sets the wall clock.
    pub fn jump_wall(&self, ms: i64) {
        self.wall_ms.fetch_add(ms, Ordering::Relaxed);
    }

    /// Another start of the machine counts from another value.
    pub fn count_from(&self, elapsed_ms: i64) {
        self.elapsed_ms.store(elapsed_ms, Ordering::Relaxed);
    }
}

impl Default for SimClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SimClock {
    fn wall_ms(&self) -> i64 {
        self.wall_ms.load(Ordering::Relaxed)
    }

    fn elapsed_ms(&self) -> i64 {
        self.elapsed_ms.load(Ordering::Relaxed)
    }
}

//! Time as the ledger sees it: a day passes in as many acts as shall be remembered.

use std::sync::atomic::{AtomicI64, Ordering};

use bopis_engine::Clock;

/// How long requests are remembered, in ms of ledger time.
pub(crate) const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const ORIGIN_MS: i64 = 1_800_000_000_000;

/// Ledger time after so many acts.
pub(crate) fn time_after_ms(acts: u64, retained: u64) -> i64 {
    (i128::from(acts) * i128::from(DAY_MS) / i128::from(retained)) as i64
}

/// Wall time at a ledger time.
pub(crate) const fn wall_ms(now_ms: i64) -> i64 {
    ORIGIN_MS + now_ms
}

/// Room for so many requests; a sale takes a second entry, opening stock some thousands.
pub(crate) const fn window_entries(retained: u64) -> usize {
    retained as usize * 5 / 4 + 1_000_000
}

/// A clock that shows what it is set to.
#[derive(Debug, Default)]
pub(crate) struct SetClock(AtomicI64);

impl SetClock {
    pub(crate) fn set(&self, now_ms: i64) {
        self.0.store(now_ms, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Clock for SetClock {
    fn wall_ms(&self) -> i64 {
        wall_ms(self.get())
    }

    fn elapsed_ms(&self) -> i64 {
        self.get()
    }
}

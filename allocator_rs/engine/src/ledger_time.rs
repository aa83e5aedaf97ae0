//! Ledger time: the last journaled value plus what the clock counted since. Downtime does not
//! count, and nothing that happens to the wall clock does.

use crate::clock::Clock;

pub(crate) struct LedgerTime {
    now_ms: i64,
    seen_ms: i64,
}

impl LedgerTime {
    pub(crate) fn from(journaled_ms: i64, clock: &dyn Clock) -> Self {
        Self {
            now_ms: journaled_ms,
            seen_ms: clock.elapsed_ms(),
        }
    }

    /// Never less than before. While it stands, what the clock counts is passed over.
    pub(crate) fn now_ms(&mut self, clock: &dyn Clock, stands: bool) -> i64 {
        let elapsed_ms = clock.elapsed_ms();
        let passed_ms = elapsed_ms.saturating_sub(self.seen_ms).max(0);
        self.seen_ms = self.seen_ms.max(elapsed_ms);
        if !stands {
            self.now_ms = self.now_ms.saturating_add(passed_ms);
        }
        self.now_ms
    }
}

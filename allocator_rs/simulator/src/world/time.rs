//! What ledger time should be: the last journaled moment and what the machine counted since.

use bopis_engine::Clock;
use bopis_ledger::Stamp;

use crate::judge::checks::{violated, Violation};

/// Ledger time, computed from outside.
#[derive(Debug, Default)]
pub(super) struct LedgerClock {
    now_ms: i64,
    counted_ms: i64,
    stands: bool,
    /// Moments at which the turn that is not over may have begun.
    begun: Vec<Stamp>,
}

impl LedgerClock {
    pub(super) fn restart(&mut self, now_ms: i64, counted_ms: i64, stands: bool) {
        *self = Self {
            now_ms,
            counted_ms,
            stands,
            begun: Vec::new(),
        };
    }

    pub(super) const fn stands(&self) -> bool {
        self.stands
    }

    /// Time passes; what was counted since the last moment counts as well.
    pub(super) const fn start(&mut self) {
        self.stands = false;
    }

    /// The moment of a step that begins now.
    pub(super) fn step(&mut self, clock: &dyn Clock) -> Stamp {
        let counted_ms = clock.elapsed_ms();
        let passed_ms = (counted_ms - self.counted_ms).max(0);
        self.counted_ms = self.counted_ms.max(counted_ms);
        if !self.stands {
            self.now_ms += passed_ms;
        }
        let stamp = Stamp {
            now_ms: self.now_ms,
            wall_ms: clock.wall_ms(),
        };
        self.begun.push(stamp);
        stamp
    }

    /// The moment of the turn whose records begin with this one: the present one, or an earlier
    /// one if it waited for room.
    pub(super) fn of_turn(&self, recorded: Option<Stamp>) -> Result<Stamp, Violation> {
        match (recorded, self.begun.last()) {
            (Some(stamp), _) if self.begun.contains(&stamp) => Ok(stamp),
            (None, Some(stamp)) => Ok(*stamp),
            (recorded, latest) => {
                violated("time", format!("recorded {recorded:?}, it is {latest:?}"))
            }
        }
    }

    /// The turn is over.
    pub(super) fn turned(&mut self) {
        self.begun.clear();
    }
}

//! Reservations and requests on their way into the ledger, some at a time: what they will touch is
//! brought close for all of them at once. Memory answers a dozen questions in the time of one.

use crate::cells::Cells;
use crate::ids::RequestKey;
use crate::reservations::{Kept, Reservations};
use crate::window::Window;

/// How many are taken over together: what they touch fits the nearest cache.
const BATCH: usize = 48;

/// Reservations, with their lines by the numbers of cells.
#[derive(Default)]
pub(super) struct Promises {
    kept: Vec<(Kept, usize)>,
    lines: Vec<(u32, i64)>,
}

impl Promises {
    /// Adds the next one's line.
    pub(super) fn line(&mut self, cell: u32, quantity: i64) {
        self.lines.push((cell, quantity));
    }

    /// Adds the reservation of the last lines. True: that is enough.
    pub(super) fn add(&mut self, kept: Kept, lines: usize) -> bool {
        self.kept.push((kept, lines));
        self.kept.len() >= BATCH
    }

    /// Takes them over, in order.
    ///
    /// # Errors
    /// What cannot be.
    pub(super) fn take_over(
        &mut self,
        reservations: &mut Reservations,
        cells: &mut Cells,
    ) -> Result<(), &'static str> {
        self.prefetch(reservations, cells);
        let mut rest = self.lines.as_slice();
        for (kept, count) in self.kept.drain(..) {
            let split = rest.split_at_checked(count);
            let (lines, others) = split.ok_or("a reservation has too few lines")?;
            reservations.restore(kept, lines, cells)?;
            rest = others;
        }
        self.lines.clear();
        Ok(())
    }

    fn prefetch(&self, reservations: &Reservations, cells: &Cells) {
        for (kept, _) in &self.kept {
            reservations.prefetch_slots(reservations.hashes(kept.id, kept.order));
        }
        for (cell, _) in &self.lines {
            cells.prefetch_at(*cell);
        }
        for (cell, _) in &self.lines {
            reservations.prefetch_first_line(*cell, cells);
        }
    }
}

/// Requests, with the outcomes of all of them in one piece.
#[derive(Default)]
pub(super) struct Requests {
    asked: Vec<Asked>,
    outcomes: Vec<u8>,
}

#[derive(Clone, Copy)]
struct Asked {
    key: RequestKey,
    fingerprint: u64,
    at_ms: i64,
    bytes: usize,
}

impl Requests {
    /// Adds one. True: that is enough.
    pub(super) fn add(
        &mut self,
        key: RequestKey,
        fingerprint: u64,
        at_ms: i64,
        outcomes: &[u8],
    ) -> bool {
        self.outcomes.extend_from_slice(outcomes);
        self.asked.push(Asked {
            key,
            fingerprint,
            at_ms,
            bytes: outcomes.len(),
        });
        self.asked.len() >= BATCH
    }

    /// Takes them over, in order.
    ///
    /// # Errors
    /// What cannot be.
    pub(super) fn take_over(&mut self, window: &mut Window) -> Result<(), &'static str> {
        for one in &self.asked {
            window.prefetch(window.hash(&one.key));
        }
        let mut rest = self.outcomes.as_slice();
        for one in self.asked.drain(..) {
            let split = rest.split_at_checked(one.bytes);
            let (outcomes, others) = split.ok_or("a request has no outcomes")?;
            if window.has(&one.key) {
                return Err("a request is there twice");
            }
            window.insert(one.key, one.fingerprint, one.at_ms, outcomes);
            rest = others;
        }
        self.outcomes.clear();
        Ok(())
    }
}

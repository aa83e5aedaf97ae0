//! What changed on hand lately, so that a count can be compared with what was there at its time.
//!
//! | | |
//! | --- | --- |
//! | a change of on hand | kept with the time it took effect, for `count_age_max_ms` |
//! | more than `count_changes_max` of them | the oldest go early; the horizon tells |
//! | on hand as of a time | on hand now, less the cell's changes that took effect later |
//! | a time before the horizon | not known: a change that may count is gone |
//! | the time of a cell's last count | kept for good: an earlier fact is inside it |
//!
//! A push is a write at the end of a queue; a cell's changes are a chain through it, newest first. The
//! cell itself has the low half of its last change's number: a change that is there and is its own.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::cells::Cells;
use crate::chunked::Queue;
use crate::ids::CellKey;

/// One change of on hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) cell: CellKey,
    /// When it took effect, Unix ms.
    pub(crate) effective_ms: i64,
    /// When it was taken over, ledger time.
    pub(crate) applied_ms: i64,
    pub(crate) units: i64,
    /// The number of the cell's change before this one, if there was any then.
    before: Option<u64>,
}

/// A change to keep.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewChange {
    /// The cell's number.
    pub(crate) cell: u32,
    pub(crate) effective_ms: i64,
    pub(crate) applied_ms: i64,
    pub(crate) units: i64,
}

/// The changes of the last day, and the times of counts.
#[derive(Debug)]
pub(crate) struct Drift {
    changes: Queue<Change>,
    counted_ms: HashMap<CellKey, i64, FxBuildHasher>,
    /// No change that took effect after this is gone.
    horizon_ms: i64,
}

impl Default for Drift {
    fn default() -> Self {
        Self {
            changes: Queue::default(),
            counted_ms: HashMap::default(),
            horizon_ms: i64::MIN,
        }
    }
}

const fn low(number: u64) -> u32 {
    (number & 0xffff_ffff) as u32
}

impl Drift {
    /// Keeps a change of a cell that is there, at most `changes_max` in all.
    pub(crate) fn push(&mut self, change: NewChange, changes_max: usize, cells: &mut Cells) {
        while self.changes.len() >= changes_max.max(1) {
            self.drop_first();
        }
        let Some(key) = cells.key(change.cell) else {
            return;
        };
        let before = self.last_of(key, cells.last_change(change.cell));
        let number = self.changes.push(Change {
            cell: key,
            effective_ms: change.effective_ms,
            applied_ms: change.applied_ms,
            units: change.units,
            before,
        });
        cells.set_last_change(change.cell, low(number));
    }

    /// The number of the cell's last change, of which the cell has the low half. None: it is gone, or
    /// never was.
    fn last_of(&self, cell: CellKey, low_half: u32) -> Option<u64> {
        let first = self.changes.first_number();
        let number = first + u64::from(low_half.wrapping_sub(low(first)));
        let change = self.changes.get(number)?;
        (change.cell == cell).then_some(number)
    }

    /// Drops what was taken over at least `keep_ms` ago.
    pub(crate) fn evict(&mut self, now_ms: i64, keep_ms: i64) {
        let is_over = |first: &Change| now_ms.saturating_sub(first.applied_ms) >= keep_ms;
        while self.changes.first().is_some_and(is_over) {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some(gone) = self.changes.pop() {
            self.horizon_ms = self.horizon_ms.max(gone.effective_ms);
        }
    }

    /// What changed the cell's on hand after `time_ms`. None: that is not known any more.
    pub(crate) fn changed_after(&self, cell: CellKey, time_ms: i64, cells: &Cells) -> Option<i128> {
        if time_ms < self.horizon_ms {
            return None;
        }
        let mut sum = 0i128;
        let last = cells.number(cell).map(|number| cells.last_change(number));
        let mut number = last.and_then(|low_half| self.last_of(cell, low_half));
        while let Some(change) = number.and_then(|number| self.changes.get(number)) {
            if change.effective_ms > time_ms {
                sum += i128::from(change.units);
            }
            number = change.before;
        }
        Some(sum)
    }

    /// The time of the cell's last count.
    pub(crate) fn counted_ms(&self, cell: CellKey) -> Option<i64> {
        self.counted_ms.get(&cell).copied()
    }

    pub(crate) fn set_counted(&mut self, cell: CellKey, time_ms: i64) {
        self.counted_ms.insert(cell, time_ms);
    }

    /// Empty, with changes up to the horizon gone.
    pub(crate) fn with_horizon(horizon_ms: i64) -> Self {
        Self {
            horizon_ms,
            ..Self::default()
        }
    }

    pub(crate) const fn horizon_ms(&self) -> i64 {
        self.horizon_ms
    }

    /// From the oldest on.
    pub(crate) fn changes(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter()
    }

    pub(crate) fn changes_len(&self) -> usize {
        self.changes.len()
    }

    /// In no particular order: sort before anything can see it.
    pub(crate) fn counts_unordered(&self) -> impl ExactSizeIterator<Item = (CellKey, i64)> + '_ {
        self.counted_ms.iter().map(|(cell, time)| (*cell, *time))
    }

    /// Every change is in its cell's chain, and nothing else is.
    pub(crate) fn is_consistent(&self, cells: &Cells) -> bool {
        let mut last: HashMap<CellKey, u64, FxBuildHasher> = HashMap::default();
        for (number, change) in (self.changes.first_number()..).zip(self.changes.iter()) {
            let before = change
                .before
                .filter(|before| self.changes.get(*before).is_some());
            if last.insert(change.cell, number) != before {
                return false;
            }
        }
        cells
            .iter_last_changes()
            .all(|(key, low_half)| self.last_of(key, low_half) == last.get(&key).copied())
    }
}

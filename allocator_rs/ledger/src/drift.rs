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
//! A push is a write at the end of a ring; a cell's changes are a chain through it, newest first.

use std::collections::VecDeque;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

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
    /// The number of the cell's change before this one; its own number: there is none.
    before: u64,
}

/// The changes of the last day, and the times of counts.
#[derive(Debug)]
pub(crate) struct Drift {
    changes: VecDeque<Change>,
    /// Number of the first change in the ring.
    first: u64,
    last_of: HashMap<CellKey, u64, FxBuildHasher>,
    counted_ms: HashMap<CellKey, i64, FxBuildHasher>,
    /// No change that took effect after this is gone.
    horizon_ms: i64,
}

impl Default for Drift {
    fn default() -> Self {
        Self {
            changes: VecDeque::new(),
            first: 0,
            last_of: HashMap::default(),
            counted_ms: HashMap::default(),
            horizon_ms: i64::MIN,
        }
    }
}

impl Drift {
    /// Keeps a change, at most `changes_max` in all.
    pub(crate) fn push(
        &mut self,
        cell: CellKey,
        units: i64,
        effective_ms: i64,
        applied_ms: i64,
        changes_max: usize,
    ) {
        while self.changes.len() >= changes_max.max(1) {
            self.drop_first();
        }
        let number = self.first + self.changes.len() as u64;
        let before = self.last_of.insert(cell, number).unwrap_or(number);
        self.changes.push_back(Change {
            cell,
            effective_ms,
            applied_ms,
            units,
            before,
        });
    }

    /// Drops what was taken over at least `keep_ms` ago.
    pub(crate) fn evict(&mut self, now_ms: i64, keep_ms: i64) {
        while let Some(first) = self.changes.front() {
            if now_ms.saturating_sub(first.applied_ms) < keep_ms {
                return;
            }
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        let Some(gone) = self.changes.pop_front() else {
            return;
        };
        if self.last_of.get(&gone.cell) == Some(&self.first) {
            self.last_of.remove(&gone.cell);
        }
        self.first += 1;
        self.horizon_ms = self.horizon_ms.max(gone.effective_ms);
    }

    /// What changed the cell's on hand after `time_ms`. None: that is not known any more.
    pub(crate) fn changed_after(&self, cell: CellKey, time_ms: i64) -> Option<i128> {
        if time_ms < self.horizon_ms {
            return None;
        }
        let mut sum = 0i128;
        let mut number = self.last_of.get(&cell).copied();
        while let Some(at) = number.and_then(|number| number.checked_sub(self.first)) {
            let change = self.changes.get(usize::try_from(at).ok()?)?;
            if change.effective_ms > time_ms {
                sum += i128::from(change.units);
            }
            number = Some(change.before).filter(|before| *before < self.first + at);
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
    pub(crate) fn changes(&self) -> impl ExactSizeIterator<Item = &Change> {
        self.changes.iter()
    }

    /// In no particular order: sort before anything can see it.
    pub(crate) fn counts_unordered(&self) -> impl ExactSizeIterator<Item = (CellKey, i64)> + '_ {
        self.counted_ms.iter().map(|(cell, time)| (*cell, *time))
    }

    /// Every change is in its cell's chain, and nothing else is.
    pub(crate) fn is_consistent(&self) -> bool {
        let mut last: HashMap<CellKey, u64, FxBuildHasher> = HashMap::default();
        for (number, change) in (self.first..).zip(&self.changes) {
            let chained = match last.insert(change.cell, number) {
                Some(before) => change.before == before,
                None => change.before < self.first || change.before == number,
            };
            if !chained {
                return false;
            }
        }
        last == self.last_of
    }
}

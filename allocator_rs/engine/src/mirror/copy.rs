//! A copy of every cell's ATP at one sequence, while the writer goes on.
//!
//! | step | who | does |
//! | --- | --- | --- |
//! | 1 | reader | asks for the log, waits for the publication under way |
//! | 2 | reader | copies cell by cell; the copy may be of many sequences |
//! | 2 | writer | logs each publication before it stores it |
//! | 3 | reader | takes the log and lays it over the copy, which is then that of its last sequence |
//!
//! What the copy read too early is in the log, and what it read too late is in it as well, since
//! the log is taken after the copy. So the writer never waits for a copy, and pays for the log only
//! during one.

use std::sync::atomic::{fence, Ordering};

use bopis_ledger::ChangedCell;
use parking_lot::Mutex;

use super::{unpack, Chunk, Mirror, CHUNK_CELLS};

/// Most cells that the log of one copy names. At ten million changes a second that is 0.4 s.
const LOG_MAX: usize = 4 << 20;
/// How often a copy whose log was full starts again.
const TRIES_MAX: u32 = 8;

/// The ATP of all cells, by the numbers of the cells: in the order in which they were first touched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AtpCopy {
    /// Where, of the cells from `known` on.
    pub location_ids: Vec<u32>,
    /// What, of the cells from `known` on.
    pub item_ids: Vec<u32>,
    /// Of every cell.
    pub atp: Vec<i64>,
    /// As of this record.
    pub sequence: u64,
}

/// What was published since a copy began.
#[derive(Default)]
struct Log {
    is_wanted: bool,
    is_full: bool,
    entries: Vec<(u32, i64)>,
    sequence: u64,
}

/// The copies of one mirror: one at a time, others wait.
#[derive(Default)]
pub(super) struct Copies {
    turn: Mutex<()>,
    log: Mutex<Log>,
}

impl Mirror {
    /// Logs what is about to be stored, if a copy is being made.
    pub(super) fn log_for_copy(&self, changed: &[ChangedCell], sequence: u64) {
        let mut log = self.copies.log.lock();
        if !log.is_wanted || log.is_full {
            return;
        }
        if log.entries.len().saturating_add(changed.len()) > LOG_MAX {
            log.is_full = true;
            return;
        }
        let entries = changed.iter().map(|one| (one.number, one.view.atp()));
        log.entries.extend(entries);
        log.sequence = sequence;
    }

    /// Copies all ATP; the keys only of the cells from number `known` on, since those of a cell
    /// never change. None: the writer was faster than the log is long, [`TRIES_MAX`] times.
    pub(crate) fn copy_atp(&self, known: usize) -> Option<AtpCopy> {
        let _turn = self.copies.turn.lock();
        let copy = (0..TRIES_MAX).find_map(|_| self.try_copy());
        self.copies.log.lock().is_wanted = false;
        let mut copy = copy?;
        // Who reads cells after this reads them as of now or later; and the keys of cells that the
        // log alone has are stored by then.
        while self.sequence() < copy.sequence {
            std::thread::yield_now();
        }
        self.copy_keys(known, &mut copy);
        Some(copy)
    }

    fn try_copy(&self) -> Option<AtpCopy> {
        *self.copies.log.lock() = Log {
            is_wanted: true,
            ..Log::default()
        };
        // A publication that found the log unwanted has made the version odd before.
        let version = self.version.load(Ordering::Acquire);
        while !version.is_multiple_of(2) && self.version.load(Ordering::Acquire) == version {
            std::thread::yield_now();
        }
        let from = self.sequence();
        let mut atp = self.bulk();
        // Whoever stored what was read has logged it before.
        fence(Ordering::Acquire);
        let log = std::mem::take(&mut *self.copies.log.lock());
        if log.is_full {
            return None;
        }
        for (number, later) in log.entries {
            let number = number as usize;
            if atp.len() <= number {
                atp.resize(number + 1, 0);
            }
            if let Some(cell) = atp.get_mut(number) {
                *cell = later;
            }
        }
        Some(AtpCopy {
            atp,
            sequence: log.sequence.max(from),
            ..AtpCopy::default()
        })
    }

    /// Every cell's ATP, each as of the moment it is read.
    fn bulk(&self) -> Vec<i64> {
        let count = self.cells.load(Ordering::Acquire) as usize;
        let mut atp = Vec::with_capacity(count);
        for chunk in self.full_chunks() {
            let left = count - atp.len();
            let cells = chunk.atp.iter().take(left);
            atp.extend(cells.map(|cell| cell.load(Ordering::Relaxed)));
            if atp.len() == count {
                break;
            }
        }
        atp
    }

    fn copy_keys(&self, known: usize, copy: &mut AtpCopy) {
        let count = copy.atp.len();
        let known = known.min(count);
        copy.location_ids.reserve_exact(count - known);
        copy.item_ids.reserve_exact(count - known);
        let mut number = known / CHUNK_CELLS * CHUNK_CELLS;
        for chunk in self.full_chunks().skip(known / CHUNK_CELLS) {
            let skipped = known.saturating_sub(number);
            let taken = count.saturating_sub(number).min(CHUNK_CELLS);
            for key in chunk.keys.iter().take(taken).skip(skipped) {
                let key = unpack(key.load(Ordering::Relaxed));
                copy.location_ids.push(key.location.0);
                copy.item_ids.push(key.item.0);
            }
            number += CHUNK_CELLS;
        }
    }

    fn full_chunks(&self) -> impl Iterator<Item = &Chunk> {
        (0..).map_while(|number| self.chunk(number))
    }
}

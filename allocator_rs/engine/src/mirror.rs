//! The cells as readers see them: chunks of atomics that never move, filled by the writer alone.
//!
//! A global version (odd while the writer publishes) lets a reader take thousands of cells at one
//! sequence: it reads, and reads again if the version moved meanwhile. A reader that was unlucky
//! [`PATIENCE`] times asks the writer to hold its next publication back, for [`COURTESY`] at most,
//! so neither can keep the other from its work.

use std::sync::atomic::{fence, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bopis_ledger::{CellKey, CellView};

const CHUNK_CELLS: usize = 4_096;
const CHUNKS_MAX: usize = 65_536;
const PATIENCE: u32 = 8;
const COURTESY: Duration = Duration::from_millis(2);
const NO_KEY: u64 = u64::MAX;

#[derive(Default)]
struct Cell {
    on_hand: AtomicI64,
    held: AtomicI64,
    committed: AtomicI64,
    unavailable: AtomicI64,
    safety_stock: AtomicI64,
    atp: AtomicI64,
}

impl Cell {
    fn load(&self) -> CellView {
        CellView {
            on_hand: self.on_hand.load(Ordering::Relaxed),
            held: self.held.load(Ordering::Relaxed),
            committed: self.committed.load(Ordering::Relaxed),
            unavailable: self.unavailable.load(Ordering::Relaxed),
            safety_stock: self.safety_stock.load(Ordering::Relaxed),
        }
    }

    fn store(&self, view: &CellView) {
        self.on_hand.store(view.on_hand, Ordering::Relaxed);
        self.held.store(view.held, Ordering::Relaxed);
        self.committed.store(view.committed, Ordering::Relaxed);
        self.unavailable.store(view.unavailable, Ordering::Relaxed);
        self.safety_stock
            .store(view.safety_stock, Ordering::Relaxed);
        self.atp.store(view.atp(), Ordering::Relaxed);
    }
}

type Chunk = Box<[Cell]>;

/// Where a cell is: open addressing over a power of two of slots, insert only, one inserter. A
/// reader sees a key only after its value (release, acquire). When half full it is copied to one
/// twice as large.
struct Index {
    slots: Box<[(AtomicU64, AtomicU32)]>,
}

impl Index {
    fn with_slots(count: usize) -> Self {
        let slots = (0..count)
            .map(|_| (AtomicU64::new(NO_KEY), AtomicU32::new(0)))
            .collect();
        Self { slots }
    }

    fn probe(&self, key: u64) -> impl Iterator<Item = &(AtomicU64, AtomicU32)> {
        let start =
            (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize & (self.slots.len() - 1);
        self.slots
            .iter()
            .skip(start)
            .chain(self.slots.iter().take(start))
    }

    fn get(&self, key: u64) -> Option<u32> {
        for (slot_key, value) in self.probe(key) {
            match slot_key.load(Ordering::Acquire) {
                NO_KEY => return None,
                found if found == key => return Some(value.load(Ordering::Relaxed)),
                _ => {}
            }
        }
        None
    }

    fn insert(&self, key: u64, cell: u32) {
        for (slot_key, value) in self.probe(key) {
            if slot_key.load(Ordering::Relaxed) == NO_KEY {
                value.store(cell, Ordering::Relaxed);
                slot_key.store(key, Ordering::Release);
                return;
            }
        }
    }

    fn grown(&self) -> Self {
        let larger = Self::with_slots(self.slots.len() * 2);
        for (key, value) in &self.slots {
            let key = key.load(Ordering::Relaxed);
            if key != NO_KEY {
                larger.insert(key, value.load(Ordering::Relaxed));
            }
        }
        larger
    }
}

/// The published cells.
pub(crate) struct Mirror {
    chunks: Box<[OnceLock<Chunk>]>,
    index: ArcSwap<Index>,
    cells: AtomicU32,
    version: AtomicU64,
    sequence: AtomicU64,
    unlucky_readers: AtomicU32,
}

impl Mirror {
    pub(crate) fn new() -> Self {
        Self {
            chunks: (0..CHUNKS_MAX).map(|_| OnceLock::new()).collect(),
            index: ArcSwap::from_pointee(Index::with_slots(1_024)),
            cells: AtomicU32::new(0),
            version: AtomicU64::new(0),
            sequence: AtomicU64::new(0),
            unlucky_readers: AtomicU32::new(0),
        }
    }

    /// The sequence that readers see.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence.load(Ordering::Acquire)
    }

    /// Makes these cells visible, all at once. Called by the writer only.
    pub(crate) fn publish(&self, changed: &[(CellKey, CellView)], sequence: u64) {
        self.wait_for_unlucky_readers();
        let version = self.version.load(Ordering::Relaxed);
        self.version
            .store(version.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        for (key, view) in changed {
            if let Some(cell) = self.cell_or_new(pack(*key)) {
                cell.store(view);
            }
        }
        self.sequence.store(sequence, Ordering::Release);
        self.version
            .store(version.wrapping_add(2), Ordering::Release);
    }

    /// Reads the cells into `out`, all at the returned sequence; an absent cell reads as zeros.
    pub(crate) fn read(&self, keys: &[CellKey], out: &mut Vec<CellView>) -> u64 {
        let mut tries = 0_u32;
        let mut waiting = Unlucky {
            counter: &self.unlucky_readers,
            counted: false,
        };
        loop {
            let version = self.version.load(Ordering::Acquire);
            if version.is_multiple_of(2) {
                let sequence = self.sequence.load(Ordering::Relaxed);
                self.copy(keys, out);
                fence(Ordering::Acquire);
                if self.version.load(Ordering::Relaxed) == version {
                    return sequence;
                }
            }
            tries += 1;
            if tries >= PATIENCE {
                waiting.count();
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }

    /// One cell's ATP, as last published.
    pub(crate) fn atp(&self, key: CellKey) -> i64 {
        let index = self.index.load();
        index
            .get(pack(key))
            .and_then(|cell| self.cell(cell))
            .map_or(0, |cell| cell.atp.load(Ordering::Relaxed))
    }

    fn copy(&self, keys: &[CellKey], out: &mut Vec<CellView>) {
        out.clear();
        let index = self.index.load();
        out.extend(keys.iter().map(|key| {
            let found = index.get(pack(*key)).and_then(|cell| self.cell(cell));
            found.map(Cell::load).unwrap_or_default()
        }));
    }

    fn cell(&self, number: u32) -> Option<&Cell> {
        let number = number as usize;
        self.chunks
            .get(number / CHUNK_CELLS)?
            .get()?
            .get(number % CHUNK_CELLS)
    }

    fn cell_or_new(&self, key: u64) -> Option<&Cell> {
        let index = self.index.load();
        if let Some(number) = index.get(key) {
            return self.cell(number);
        }
        let number = self.cells.load(Ordering::Relaxed);
        self.chunks
            .get(number as usize / CHUNK_CELLS)?
            .get_or_init(|| (0..CHUNK_CELLS).map(|_| Cell::default()).collect());
        self.cells.store(number + 1, Ordering::Relaxed);
        if (number as usize + 1) * 2 > index.slots.len() {
            let larger = index.grown();
            larger.insert(key, number);
            self.index.store(Arc::new(larger));
        } else {
            index.insert(key, number);
        }
        self.cell(number)
    }

    fn wait_for_unlucky_readers(&self) {
        if self.unlucky_readers.load(Ordering::Relaxed) == 0 {
            return;
        }
        let started = Instant::now();
        while self.unlucky_readers.load(Ordering::Relaxed) > 0 && started.elapsed() < COURTESY {
            std::thread::yield_now();
        }
    }
}

/// Counts a reader among the unlucky, and no longer once it has read.
struct Unlucky<'a> {
    counter: &'a AtomicU32,
    counted: bool,
}

impl Unlucky<'_> {
    fn count(&mut self) {
        if !self.counted {
            self.counted = true;
            self.counter.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Unlucky<'_> {
    fn drop(&mut self) {
        if self.counted {
            self.counter.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

const fn pack(key: CellKey) -> u64 {
    ((key.location.0 as u64) << 32) | key.item.0 as u64
}

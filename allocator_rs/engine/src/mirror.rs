//! The cells as readers see them: chunks of atomics that never move, filled by the writer alone.
//!
//! | read | at one sequence by |
//! | --- | --- |
//! | one cell's ATP | being one |
//! | cells by name, all cells of some items, those that have units ([stocked]) | the version |
//! | the ATP of all cells | the log of a [copy] |
//!
//! A global version (odd while the writer publishes) lets a reader take thousands of cells at one
//! sequence: it reads, and reads again if the version moved meanwhile. A reader that was unlucky
//! [`PATIENCE`] times asks the writer to hold its next publication back, for [`COURTESY`] at most,
//! so neither can keep the other from its work.
//!
//! Cells have the numbers that they have in the ledger, so the writer looks nothing up.

mod copy;
mod index;
mod stocked;

use std::sync::atomic::{fence, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bopis_ledger::{CellKey, CellView, ChangedCell, ItemId, LocationId};

pub use self::copy::AtpCopy;
use self::copy::Copies;
use self::index::Index;
use self::stocked::Ring;

const CHUNK_CELLS: usize = 1_024;
/// Chunks stand in rows, so that a new mirror is small: a simulation makes thousands.
const ROW_CHUNKS: usize = 1_024;
const ROWS_MAX: usize = 256;
const PATIENCE: u32 = 8;
const COURTESY: Duration = Duration::from_millis(2);
/// The end of a list of cells.
const NO_CELL: u32 = u32::MAX;

#[derive(Default)]
struct Cell {
    on_hand: AtomicI64,
    held: AtomicI64,
    committed: AtomicI64,
    unavailable: AtomicI64,
    safety_stock: AtomicI64,
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
    }
}

/// Cells whose numbers follow each other. What is read of all of them lies by itself.
struct Chunk {
    cells: Box<[Cell]>,
    atp: Box<[AtomicI64]>,
    keys: Box<[AtomicU64]>,
    /// The cell of the same item that came before; of the item's first cell the newest.
    older: Box<[AtomicU32]>,
    stocked: Box<[Ring]>,
}

impl Chunk {
    fn new() -> Self {
        Self {
            cells: (0..CHUNK_CELLS).map(|_| Cell::default()).collect(),
            atp: (0..CHUNK_CELLS).map(|_| AtomicI64::new(0)).collect(),
            keys: (0..CHUNK_CELLS).map(|_| AtomicU64::new(0)).collect(),
            older: (0..CHUNK_CELLS).map(|_| AtomicU32::new(NO_CELL)).collect(),
            stocked: (0..CHUNK_CELLS).map(|_| Ring::new()).collect(),
        }
    }

    /// Takes over a cell; its ATP before.
    fn store(&self, at: usize, view: &CellView) -> Option<i64> {
        let (cell, atp) = (self.cells.get(at)?, self.atp.get(at)?);
        cell.store(view);
        let before = atp.load(Ordering::Relaxed);
        atp.store(view.atp(), Ordering::Relaxed);
        Some(before)
    }
}

/// Chunks that follow each other, each made with its first cell.
struct Row {
    chunks: Box<[OnceLock<Chunk>]>,
}

impl Row {
    fn new() -> Self {
        Self {
            chunks: (0..ROW_CHUNKS).map(|_| OnceLock::new()).collect(),
        }
    }
}

/// The published cells.
pub(crate) struct Mirror {
    rows: Box<[OnceLock<Row>]>,
    /// The number of a cell.
    index: ArcSwap<Index>,
    /// The first cell of an item.
    items: ArcSwap<Index>,
    /// How many items have a cell; the writer's own.
    item_count: AtomicU32,
    cells: AtomicU32,
    version: AtomicU64,
    sequence: AtomicU64,
    unlucky_readers: AtomicU32,
    copies: Copies,
}

impl Mirror {
    pub(crate) fn new() -> Self {
        Self {
            rows: (0..ROWS_MAX).map(|_| OnceLock::new()).collect(),
            index: ArcSwap::from_pointee(Index::with_slots(1_024)),
            items: ArcSwap::from_pointee(Index::with_slots(1_024)),
            item_count: AtomicU32::new(0),
            cells: AtomicU32::new(0),
            version: AtomicU64::new(0),
            sequence: AtomicU64::new(0),
            unlucky_readers: AtomicU32::new(0),
            copies: Copies::default(),
        }
    }

    /// The sequence that readers see.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence.load(Ordering::Acquire)
    }

    /// Makes these cells visible, all at once. Called by the writer only.
    pub(crate) fn publish(&self, changed: &[ChangedCell], sequence: u64) {
        self.wait_for_unlucky_readers();
        let version = self.version.load(Ordering::Relaxed);
        self.version
            .store(version.wrapping_add(1), Ordering::Relaxed);
        fence(Ordering::Release);
        self.log_for_copy(changed, sequence);
        fence(Ordering::Release);
        for ChangedCell { number, cell, view } in changed {
            if *number >= self.cells.load(Ordering::Relaxed) {
                self.add(*number, *cell);
            }
            let before = self
                .place(*number)
                .and_then(|(chunk, at)| chunk.store(at, view));
            self.restock(*number, cell.item, (before.unwrap_or(0), view.atp()));
        }
        self.sequence.store(sequence, Ordering::Release);
        self.version
            .store(version.wrapping_add(2), Ordering::Release);
    }

    /// Reads the cells into `out`, all at the returned sequence; an absent cell reads as zeros.
    pub(crate) fn read(&self, keys: &[CellKey], out: &mut Vec<CellView>) -> u64 {
        let ((), sequence) = self.at_one_sequence(|| {
            out.clear();
            let index = self.index.load();
            out.extend(keys.iter().map(|key| {
                let found = self.find(&index, *key).and_then(|cell| self.cell(cell));
                found.map(Cell::load).unwrap_or_default()
            }));
        });
        sequence
    }

    /// What `take` reads, all of it at the returned sequence. It is called until that is so.
    pub(crate) fn at_one_sequence<T>(&self, mut take: impl FnMut() -> T) -> (T, u64) {
        let mut tries = 0_u32;
        let mut waiting = Unlucky {
            counter: &self.unlucky_readers,
            counted: false,
        };
        loop {
            let version = self.version.load(Ordering::Acquire);
            if version.is_multiple_of(2) {
                let sequence = self.sequence.load(Ordering::Relaxed);
                let taken = take();
                fence(Ordering::Acquire);
                if self.version.load(Ordering::Relaxed) == version {
                    return (taken, sequence);
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

    /// What `take` reads, and the sequence if all of it was at one.
    pub(crate) fn glimpse<T>(&self, take: impl FnOnce() -> T) -> (T, Option<u64>) {
        let version = self.version.load(Ordering::Acquire);
        let sequence = self.sequence.load(Ordering::Relaxed);
        let taken = take();
        fence(Ordering::Acquire);
        let is_one = version.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == version;
        (taken, is_one.then_some(sequence))
    }

    /// One cell's ATP, as last published.
    pub(crate) fn atp(&self, key: CellKey) -> i64 {
        let number = self.find(&self.index.load(), key);
        let found = number.and_then(|number| self.place(number));
        found
            .and_then(|(chunk, at)| chunk.atp.get(at))
            .map_or(0, |atp| atp.load(Ordering::Relaxed))
    }

    /// The cells that there are of an item, as of the moment each is read.
    pub(crate) fn cells_of(
        &self,
        item: ItemId,
    ) -> impl Iterator<Item = (LocationId, CellView)> + '_ {
        let mut next = self.first_of(item);
        std::iter::from_fn(move || {
            let (chunk, at) = self.place(next?)?;
            next = Some(chunk.older.get(at)?.load(Ordering::Acquire));
            let key = unpack(chunk.keys.get(at)?.load(Ordering::Relaxed));
            Some((key.location, chunk.cells.get(at)?.load()))
        })
    }

    fn cell(&self, number: u32) -> Option<&Cell> {
        let (chunk, at) = self.place(number)?;
        chunk.cells.get(at)
    }

    fn place(&self, number: u32) -> Option<(&Chunk, usize)> {
        let number = number as usize;
        let chunk = self.chunk(number / CHUNK_CELLS)?;
        Some((chunk, number % CHUNK_CELLS))
    }

    fn chunk(&self, number: usize) -> Option<&Chunk> {
        let row = self.rows.get(number / ROW_CHUNKS)?.get()?;
        row.chunks.get(number % ROW_CHUNKS)?.get()
    }

    /// The chunk of a new cell.
    fn chunk_for(&self, cell: usize) -> Option<&Chunk> {
        let number = cell / CHUNK_CELLS;
        let row = self.rows.get(number / ROW_CHUNKS)?.get_or_init(Row::new);
        let chunk = row.chunks.get(number % ROW_CHUNKS)?;
        Some(chunk.get_or_init(Chunk::new))
    }

    fn key(&self, number: u32) -> Option<CellKey> {
        let (chunk, at) = self.place(number)?;
        Some(unpack(chunk.keys.get(at)?.load(Ordering::Relaxed)))
    }

    fn find(&self, index: &Index, key: CellKey) -> Option<u32> {
        index.get(pack(key), |number| self.key(number) == Some(key))
    }

    fn first_of(&self, item: ItemId) -> Option<u32> {
        let is = |number| self.key(number).is_some_and(|key| key.item == item);
        self.items.load().get(u64::from(item.0), is)
    }

    /// Takes over a new cell, which has the next number.
    fn add(&self, number: u32, key: CellKey) -> Option<()> {
        let count = self.cells.load(Ordering::Relaxed);
        assert_eq!(
            number, count,
            "new cells come in the order of their numbers"
        );
        let at = number as usize;
        let chunk = self.chunk_for(at)?;
        let packed = pack(key);
        chunk
            .keys
            .get(at % CHUNK_CELLS)?
            .store(packed, Ordering::Relaxed);
        self.link(key.item, number, chunk.older.get(at % CHUNK_CELLS)?);
        insert(&self.index, at + 1, (packed, number));
        self.cells.store(number + 1, Ordering::Release);
        Some(())
    }

    /// Makes a new cell the newest of its item.
    fn link(&self, item: ItemId, number: u32, older: &AtomicU32) -> Option<()> {
        let Some(first) = self.first_of(item) else {
            self.begin_ring(number);
            let count = self.item_count.load(Ordering::Relaxed) + 1;
            self.item_count.store(count, Ordering::Relaxed);
            insert(&self.items, count as usize, (u64::from(item.0), number));
            return Some(());
        };
        let (chunk, at) = self.place(first)?;
        let newest = chunk.older.get(at)?;
        older.store(newest.load(Ordering::Relaxed), Ordering::Relaxed);
        // Release: whoever sees the cell sees its key.
        newest.store(number, Ordering::Release);
        Some(())
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

/// Adds a key to an index that then has `count` of them.
fn insert(index: &ArcSwap<Index>, count: usize, (key, number): (u64, u32)) {
    let now = index.load();
    if now.is_too_small_for(count) {
        let larger = now.grown();
        larger.insert(key, number);
        index.store(Arc::new(larger));
    } else {
        now.insert(key, number);
    }
}

const fn pack(key: CellKey) -> u64 {
    ((key.location.0 as u64) << 32) | key.item.0 as u64
}

const fn unpack(key: u64) -> CellKey {
    CellKey {
        location: LocationId((key >> 32) as u32),
        item: ItemId(key as u32),
    }
}

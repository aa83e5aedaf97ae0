//! Where the counters come from that a plan is made on: the engine, a moment of it, or its past.

use std::cell::{Cell, RefCell};

use bopis_engine::{Engine, Past};
use bopis_ledger::{CellKey, ItemId, LocationId};
use hashbrown::HashMap;

/// Readings of [`AtOnce`] at most; the second one nearly always knows every cell.
const READINGS_MAX: u32 = 8;

/// Names and the ATP of cells.
pub(crate) trait Counters {
    /// What a location's name stands for.
    fn location(&self, name: &str) -> Option<LocationId>;
    /// What a SKU's name stands for.
    fn sku(&self, name: &str) -> Option<ItemId>;
    /// What the labor of an hour stands for.
    fn labor(&self, window_start_s: i64) -> Option<ItemId>;
    /// One cell's ATP; 0 for an absent cell.
    fn atp(&self, cell: CellKey) -> i64;
    /// Where an item's ATP is not 0, and it; of a location that comes twice the later counts. None:
    /// each cell is to be asked for.
    fn stocked(&self, item: ItemId) -> Option<Vec<(LocationId, i64)>>;
}

impl Counters for Engine {
    fn location(&self, name: &str) -> Option<LocationId> {
        Self::location(self, name)
    }

    fn sku(&self, name: &str) -> Option<ItemId> {
        Self::sku(self, name)
    }

    fn labor(&self, window_start_s: i64) -> Option<ItemId> {
        Self::labor(self, window_start_s)
    }

    fn atp(&self, cell: CellKey) -> i64 {
        Self::atp(self, cell)
    }

    fn stocked(&self, item: ItemId) -> Option<Vec<(LocationId, i64)>> {
        Some(Self::stocked(self, item))
    }
}

impl Counters for Past {
    fn location(&self, name: &str) -> Option<LocationId> {
        Self::location(self, name)
    }

    fn sku(&self, name: &str) -> Option<ItemId> {
        Self::sku(self, name)
    }

    fn labor(&self, window_start_s: i64) -> Option<ItemId> {
        Self::labor(self, window_start_s)
    }

    fn atp(&self, cell: CellKey) -> i64 {
        Self::atp(self, cell)
    }

    /// It keeps no index, so choices that are made again do not lean on the one they were made by.
    fn stocked(&self, _item: ItemId) -> Option<Vec<(LocationId, i64)>> {
        None
    }
}

/// The engine's counters as of one record: those of the cells and items that a reading asked for
/// are read together before the next one.
struct AtOnce<'a> {
    engine: &'a Engine,
    known: RefCell<HashMap<CellKey, i64>>,
    stocked: RefCell<HashMap<ItemId, Vec<(LocationId, i64)>>>,
    is_short: Cell<bool>,
}

impl Counters for AtOnce<'_> {
    fn location(&self, name: &str) -> Option<LocationId> {
        self.engine.location(name)
    }

    fn sku(&self, name: &str) -> Option<ItemId> {
        self.engine.sku(name)
    }

    fn labor(&self, window_start_s: i64) -> Option<ItemId> {
        self.engine.labor(window_start_s)
    }

    fn atp(&self, cell: CellKey) -> i64 {
        *self.known.borrow_mut().entry(cell).or_insert_with(|| {
            self.is_short.set(true);
            self.engine.atp(cell)
        })
    }

    fn stocked(&self, item: ItemId) -> Option<Vec<(LocationId, i64)>> {
        let mut stocked = self.stocked.borrow_mut();
        let found = stocked.entry(item).or_insert_with(|| {
            self.is_short.set(true);
            self.engine.stocked(item)
        });
        Some(found.clone())
    }
}

impl AtOnce<'_> {
    /// Reads again all that was asked for; as of which record.
    fn read(&self) -> u64 {
        let (mut known, mut stocked) = (self.known.borrow_mut(), self.stocked.borrow_mut());
        let read = || {
            for (cell, atp) in known.iter_mut() {
                *atp = self.engine.atp(*cell);
            }
            for (item, found) in stocked.iter_mut() {
                *found = self.engine.stocked(*item);
            }
        };
        self.engine.at_one_record(read).1.sequence
    }
}

/// What `take` makes of the engine's counters, and as of which record they all were. None: they were
/// not, because it asked for other cells again and again.
pub(crate) fn at_one_record<T>(
    engine: &Engine,
    mut take: impl FnMut(&dyn Counters) -> T,
) -> (T, Option<u64>) {
    let (taken, sequence) = engine.glimpse(|| take(engine));
    if sequence.is_some() {
        return (taken, sequence);
    }
    let counters = AtOnce {
        engine,
        known: RefCell::default(),
        stocked: RefCell::default(),
        is_short: Cell::new(false),
    };
    let mut read_at = None;
    for _ in 0..READINGS_MAX {
        counters.is_short.set(false);
        let taken = take(&counters);
        if read_at.is_some() && !counters.is_short.get() {
            return (taken, read_at);
        }
        read_at = Some(counters.read());
    }
    (taken, None)
}

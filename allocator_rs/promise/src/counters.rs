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
}

/// The engine's counters as of one record: those of the cells that a reading asked for are read
/// together before the next one.
struct AtOnce<'a> {
    engine: &'a Engine,
    known: RefCell<HashMap<CellKey, i64>>,
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
        is_short: Cell::new(false),
    };
    let mut read_at = None;
    let mut views = Vec::new();
    for _ in 0..READINGS_MAX {
        counters.is_short.set(false);
        let taken = take(&counters);
        if read_at.is_some() && !counters.is_short.get() {
            return (taken, read_at);
        }
        let mut known = counters.known.borrow_mut();
        let cells: Vec<CellKey> = known.keys().copied().collect();
        read_at = Some(engine.read(&cells, &mut views).sequence);
        known.extend(
            cells
                .iter()
                .zip(&views)
                .map(|(cell, view)| (*cell, view.atp())),
        );
    }
    (taken, None)
}

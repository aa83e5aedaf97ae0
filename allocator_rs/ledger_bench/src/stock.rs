//! What every counter must be, kept from the acts alone without any code of the ledger.

use bopis_ledger::{CellKey, CellView, ItemId, LocationId};

use crate::random::mixed;
use crate::Failure;

/// Items at each location: 1,000,000 cells are 1,000 locations with 1,000 items.
const ITEMS: u32 = 1_000;
/// Locations are as many as the cells need; from this many cells on, there are more items instead.
const LOCATIONS_MAX: u32 = 2_000;

/// The key of the cell with that number.
pub(crate) const fn key(number: u32, items: u32) -> CellKey {
    CellKey {
        location: LocationId(number / items),
        item: ItemId(number % items),
    }
}

/// Counters of one cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) on_hand: i32,
    pub(crate) held: i32,
    pub(crate) committed: i32,
}

impl Counters {
    pub(crate) const fn atp(&self) -> i32 {
        self.on_hand - self.held - self.committed
    }

    /// What the ledger says; an error for counters that the workload never changes.
    pub(crate) fn of(view: &CellView) -> Result<Self, Failure> {
        let counters = Self {
            on_hand: view.on_hand.try_into()?,
            held: view.held.try_into()?,
            committed: view.committed.try_into()?,
        };
        if counters.agree_with(view) {
            return Ok(counters);
        }
        Err(format!("a cell has {view:?}").into())
    }

    /// Whether the ledger says the same.
    pub(crate) fn agree_with(&self, view: &CellView) -> bool {
        *view
            == CellView {
                on_hand: self.on_hand.into(),
                held: self.held.into(),
                committed: self.committed.into(),
                ..CellView::default()
            }
    }
}

/// All cells.
#[derive(Debug)]
pub(crate) struct Stock {
    pub(crate) items: u32,
    pub(crate) cells: Vec<Counters>,
}

impl Stock {
    /// Opening stock: `of(number)` units in each cell.
    pub(crate) fn new(cells: u32, of: impl FnMut(u32) -> i32) -> Self {
        let items = ITEMS.max(cells.div_ceil(LOCATIONS_MAX));
        let opening = |on_hand| Counters {
            on_hand,
            ..Counters::default()
        };
        Self {
            items,
            cells: (0..cells).map(of).map(opening).collect(),
        }
    }

    pub(crate) fn locations(&self) -> u32 {
        (self.cells.len() as u32).div_ceil(self.items)
    }

    /// All counters in one number.
    pub(crate) fn digest(&self) -> u64 {
        (0u64..).zip(&self.cells).fold(0, |sum, (number, cell)| {
            let counters = [cell.on_hand, cell.held, cell.committed];
            let of_cell = counters.into_iter().fold(number, |digest, counter| {
                mixed(digest ^ u64::from(counter.cast_unsigned()))
            });
            sum.wrapping_add(of_cell)
        })
    }

    pub(crate) const fn key(&self, number: u32) -> CellKey {
        key(number, self.items)
    }
}

//! What the orders of a batch share, and where each order finds it.

use std::collections::VecDeque;

use hashbrown::HashMap;

use crate::ask::Method;
use crate::network::WINDOW_S;

/// A limit that the orders share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchRow {
    /// Units of a SKU at a node.
    Stock {
        /// The node.
        node_id: String,
        /// The SKU.
        sku: String,
        /// Units that these orders may use.
        limit: i64,
    },
    /// Labor seconds of a node's hour.
    Labor {
        /// The node.
        node_id: String,
        /// Start of the hour, Unix seconds.
        window_start_s: i64,
        /// Seconds that these orders may use.
        limit: i64,
    },
    /// Units of a SKU at a node that may be shipped, of those that there are.
    Shipped {
        /// The node.
        node_id: String,
        /// The SKU.
        sku: String,
        /// Units that these orders may ship.
        limit: i64,
    },
    /// Groups that get ready at a node in one of its days.
    Groups {
        /// The node.
        node_id: String,
        /// The method that counts; none: all.
        method: Option<Method>,
        /// Ready later than this, Unix seconds.
        after_s: i64,
        /// Ready at the latest then, Unix seconds.
        until_s: i64,
        /// Groups that these orders may have then.
        limit: i64,
    },
}

impl BatchRow {
    pub(crate) fn limit(&self) -> i64 {
        let (Self::Stock { limit, .. }
        | Self::Labor { limit, .. }
        | Self::Shipped { limit, .. }
        | Self::Groups { limit, .. }) = self;
        (*limit).max(0)
    }
}

/// A node's row of a SKU.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnitRow {
    pub(crate) node: usize,
    pub(crate) cell: Cell,
}

/// The row of units that a line finds at a node, and its limit: 0 where there is none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    pub(crate) row: u32,
    pub(crate) units: i64,
}

pub(crate) const NO_CELL: Cell = Cell {
    row: NO_ROW,
    units: 0,
};

/// By SKU: the rows of the nodes that have one.
pub(crate) type UnitRows = HashMap<String, Vec<UnitRow>>;

/// A row of a node's day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DayRow {
    pub(crate) method: Option<Method>,
    pub(crate) after_s: i64,
    pub(crate) until_s: i64,
    pub(crate) row: u32,
}

impl DayRow {
    pub(crate) fn is_of_all(&self) -> bool {
        self.method.is_none()
    }

    /// Whether it counts a group of this method that gets ready then; what is sent to a store counts
    /// as shipped where it is picked.
    pub(crate) fn counts(&self, method: Method, ready_s: i64) -> bool {
        let sends = method != Method::Pickup;
        let is_of = |counted: Method| counted == method || (sends && counted == Method::Ship);
        self.method.is_none_or(is_of) && self.after_s < ready_s && ready_s <= self.until_s
    }
}

pub(crate) const NO_ROW: u32 = u32::MAX;
/// Most hours from a node's first row to its last (ten years); rows beyond are left unused.
const HOURS_MAX: i64 = 87_660;

/// Rows of one node's hours.
#[derive(Clone, Debug, Default)]
pub(crate) struct HourRows {
    first_s: i64,
    rows: VecDeque<u32>,
}

impl HourRows {
    pub(crate) fn put(&mut self, start_s: i64, row: u32) {
        if self.rows.is_empty() {
            self.first_s = start_s;
        }
        while start_s < self.first_s && self.first_s - start_s <= HOURS_MAX * WINDOW_S {
            self.first_s -= WINDOW_S;
            self.rows.push_front(NO_ROW);
        }
        let Some(index) = self
            .index(start_s)
            .filter(|index| *index < HOURS_MAX as usize)
        else {
            return;
        };
        while self.rows.len() <= index {
            self.rows.push_back(NO_ROW);
        }
        if let Some(slot) = self.rows.get_mut(index) {
            *slot = row;
        }
    }

    fn index(&self, start_s: i64) -> Option<usize> {
        let past_s = start_s - self.first_s;
        let whole = past_s >= 0 && past_s % WINDOW_S == 0;
        whole.then(|| usize::try_from(past_s / WINDOW_S).ok())?
    }

    pub(crate) fn row(&self, start_s: i64) -> Option<usize> {
        let row = *self.rows.get(self.index(start_s)?)?;
        (row != NO_ROW).then_some(row as usize)
    }
}

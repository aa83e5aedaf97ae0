//! What is free, and at which dual price, from the point of view of one ask.

use bopis_engine::Engine;
use bopis_ledger::{CellKey, ItemId, LocationId};
use hashbrown::HashMap;

use crate::ask::Ask;
use crate::network::Network;

/// Free units and seconds for one ask. Nodes are indices in the network, lines in the ask.
pub trait Supply {
    /// Units of the line's SKU at a node; may be negative.
    fn units(&self, node: usize, line: usize) -> i64;
    /// Labor seconds of a node's hour; may be negative.
    fn seconds(&self, node: usize, window_start_s: i64) -> i64;
    /// Dual price of a unit of the line's SKU at a node (micro-units, at least 0).
    fn unit_price(&self, _node: usize, _line: usize) -> i64 {
        0
    }
    /// Dual price of a labor second (micro-units, at least 0).
    fn second_price(&self, _node: usize, _window_start_s: i64) -> i64 {
        0
    }
    /// Whether a line is promised already: leaving it then costs more than any plan.
    fn is_promised(&self, _line: usize) -> bool {
        false
    }
    /// Windows that started before this are past (Unix ms), if that is later than the ask's `now_ms`:
    /// an order planned again keeps the customer's store of its placing, but not its windows.
    fn windows_from_ms(&self) -> i64 {
        i64::MIN
    }
}

/// Supply from tables; what is not in them is 0.
#[derive(Clone, Debug, Default)]
pub struct TableSupply {
    /// (node, line) to units.
    pub units: HashMap<(usize, usize), i64>,
    /// (node, start of the hour) to seconds.
    pub seconds: HashMap<(usize, i64), i64>,
}

impl Supply for TableSupply {
    fn units(&self, node: usize, line: usize) -> i64 {
        self.units.get(&(node, line)).copied().unwrap_or(0)
    }

    fn seconds(&self, node: usize, window_start_s: i64) -> i64 {
        self.seconds
            .get(&(node, window_start_s))
            .copied()
            .unwrap_or(0)
    }
}

/// The engine's published cells, each as of the moment it is read.
pub(crate) struct EngineSupply<'a> {
    engine: &'a Engine,
    locations: Vec<Option<LocationId>>,
    skus: Vec<Option<ItemId>>,
    hours: std::cell::RefCell<HashMap<i64, Option<ItemId>>>,
}

impl<'a> EngineSupply<'a> {
    pub(crate) fn new(engine: &'a Engine, network: &Network, ask: &Ask) -> Self {
        Self {
            engine,
            locations: network
                .nodes()
                .iter()
                .map(|n| engine.location(&n.spec.node_id))
                .collect(),
            skus: ask.lines.iter().map(|l| engine.sku(&l.sku)).collect(),
            hours: std::cell::RefCell::default(),
        }
    }

    pub(crate) fn sku_cell(&self, node: usize, line: usize) -> Option<CellKey> {
        let location = self.locations.get(node).copied().flatten()?;
        let item = self.skus.get(line).copied().flatten()?;
        Some(CellKey { location, item })
    }

    pub(crate) fn labor_cell(&self, node: usize, window_start_s: i64) -> Option<CellKey> {
        let location = self.locations.get(node).copied().flatten()?;
        let mut hours = self.hours.borrow_mut();
        let item = *hours
            .entry(window_start_s)
            .or_insert_with(|| self.engine.labor(window_start_s));
        Some(CellKey {
            location,
            item: item?,
        })
    }

    fn atp(&self, cell: Option<CellKey>) -> i64 {
        cell.map_or(0, |cell| self.engine.atp(cell))
    }
}

impl Supply for EngineSupply<'_> {
    fn units(&self, node: usize, line: usize) -> i64 {
        self.atp(self.sku_cell(node, line))
    }

    fn seconds(&self, node: usize, window_start_s: i64) -> i64 {
        self.atp(self.labor_cell(node, window_start_s))
    }
}

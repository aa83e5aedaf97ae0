//! What is free, and at which dual price, from the point of view of one ask.

use std::cell::RefCell;
use std::sync::Arc;

use bopis_engine::{Engine, ReadStamp};
use bopis_ledger::{CellKey, ItemId};
use hashbrown::HashMap;

use crate::ask::Ask;
use crate::counters::Counters;
use crate::duals::{DualCharges, DualRow, Duals};
use crate::places::Places;
use crate::plan::{node_id, Draft};
use crate::stock::Stock;
use crate::world::World;

/// Free units and seconds for one ask. Nodes are indices in the network, lines in the ask.
pub trait Supply {
    /// Units of the line's SKU at a node; may be negative.
    fn units(&self, node: usize, line: usize) -> i64;
    /// Every (node, line) that has units other than 0, and them; of a cell that comes twice the later
    /// counts. None: each is to be asked for. A plan then takes longer, and is the same.
    fn stock(&self) -> Option<Vec<(usize, usize, i64)>> {
        None
    }
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
    /// Whether a unit's dual price says already what the last units of the line's cell are worth, so
    /// that the cost card's opportunity is not charged for it.
    fn is_priced(&self, _node: usize, _line: usize) -> bool {
        false
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

/// Counters, the engine's as of the moment each is read, under the dual prices of now.
pub(crate) struct EngineSupply<'a> {
    engine: &'a dyn Counters,
    places: Arc<Places>,
    skus: Vec<Option<ItemId>>,
    hours: RefCell<HashMap<i64, Option<ItemId>>>,
    duals: Option<Arc<Duals>>,
    opportunity_beside_duals: bool,
}

impl<'a> EngineSupply<'a> {
    pub(crate) fn new(
        engine: &'a dyn Counters,
        world: &World,
        ask: &Ask,
        duals: Option<Arc<Duals>>,
    ) -> Self {
        Self {
            engine,
            places: world.places(engine),
            skus: ask.lines.iter().map(|l| engine.sku(&l.sku)).collect(),
            hours: RefCell::default(),
            duals,
            opportunity_beside_duals: world.policy.opportunity_beside_duals,
        }
    }

    pub(crate) fn sku_cell(&self, node: usize, line: usize) -> Option<CellKey> {
        let location = self.places.location(node)?;
        let item = self.skus.get(line).copied().flatten()?;
        Some(CellKey { location, item })
    }

    pub(crate) fn labor_cell(&self, node: usize, window_start_s: i64) -> Option<CellKey> {
        let location = self.places.location(node)?;
        let mut hours = self.hours.borrow_mut();
        let item = *hours
            .entry(window_start_s)
            .or_insert_with(|| self.engine.labor(window_start_s));
        Some(CellKey {
            location,
            item: item?,
        })
    }

    /// The units of every line, all as of one record.
    pub(crate) fn stock_at_once(&self, world: &World, engine: &Engine) -> (Stock, ReadStamp) {
        engine.at_one_record(|| Stock::read(world, self, self.skus.len()))
    }

    /// What groups are charged by dual prices; none: there are none.
    pub(crate) fn charges(
        &self,
        world: &World,
        ask: &Ask,
        drafts: &[Draft],
    ) -> Option<DualCharges> {
        let duals = self.duals.as_ref()?;
        let mut charges = DualCharges {
            version: duals.version,
            ..DualCharges::default()
        };
        for draft in drafts {
            for line in &draft.lines {
                let quantity = ask.lines.get(*line).map_or(0, |asked| asked.quantity);
                let price = self.unit_price(draft.node, *line);
                charges.stock = charges.stock.saturating_add(price.saturating_mul(quantity));
            }
            for (node, start_s, seconds) in draft.all_labor(world) {
                let price = self.second_price(node, start_s);
                charges.labor = charges.labor.saturating_add(price.saturating_mul(seconds));
            }
        }
        Some(charges)
    }

    /// The same by cell, those without a charge left out: units line by line, then labor.
    pub(crate) fn rows(&self, world: &World, ask: &Ask, drafts: &[Draft]) -> Vec<DualRow> {
        let mut rows = Vec::new();
        if self.duals.is_none() {
            return rows;
        }
        let row = |node: usize, quantity, price_micro| DualRow {
            node_id: node_id(world, node),
            sku: None,
            window_start_s: None,
            quantity,
            price_micro,
        };
        for draft in drafts {
            for line in &draft.lines {
                let asked = ask.lines.get(*line);
                let price = self.unit_price(draft.node, *line);
                rows.extend(asked.map(|asked| DualRow {
                    sku: Some(asked.sku.clone()),
                    ..row(draft.node, asked.quantity, price)
                }));
            }
            for (node, start_s, seconds) in draft.all_labor(world) {
                rows.push(DualRow {
                    window_start_s: Some(start_s),
                    ..row(node, seconds, self.second_price(node, start_s))
                });
            }
        }
        rows.retain(|row| row.price_micro > 0);
        rows
    }

    fn atp(&self, cell: Option<CellKey>) -> i64 {
        cell.map_or(0, |cell| self.engine.atp(cell))
    }

    fn price(&self, cell: impl FnOnce() -> Option<CellKey>) -> Option<i64> {
        self.duals.as_ref()?.price(cell()?)
    }
}

impl Supply for EngineSupply<'_> {
    fn units(&self, node: usize, line: usize) -> i64 {
        self.atp(self.sku_cell(node, line))
    }

    fn stock(&self) -> Option<Vec<(usize, usize, i64)>> {
        let mut cells = Vec::new();
        for (line, sku) in self.skus.iter().enumerate() {
            let Some(sku) = sku else { continue };
            let found = self.engine.stocked(*sku)?.into_iter();
            cells.extend(found.filter_map(|(location, atp)| {
                let node = self.places.node(location)?;
                Some((node, line, atp))
            }));
        }
        Some(cells)
    }

    fn seconds(&self, node: usize, window_start_s: i64) -> i64 {
        self.atp(self.labor_cell(node, window_start_s))
    }

    fn unit_price(&self, node: usize, line: usize) -> i64 {
        self.price(|| self.sku_cell(node, line)).unwrap_or(0)
    }

    fn second_price(&self, node: usize, window_start_s: i64) -> i64 {
        let cell = || self.labor_cell(node, window_start_s);
        self.price(cell).unwrap_or(0)
    }

    fn is_priced(&self, node: usize, line: usize) -> bool {
        !self.opportunity_beside_duals && self.price(|| self.sku_cell(node, line)).is_some()
    }
}

/// A supply whose units were read before, once for many asks with the same lines.
pub(crate) struct ReadSupply<'a> {
    pub(crate) engine: &'a EngineSupply<'a>,
    pub(crate) stock: &'a Stock,
}

impl Supply for ReadSupply<'_> {
    fn units(&self, node: usize, line: usize) -> i64 {
        self.stock.units(node, line)
    }

    fn stock(&self) -> Option<Vec<(usize, usize, i64)>> {
        Some(self.stock.cells())
    }

    fn seconds(&self, node: usize, window_start_s: i64) -> i64 {
        self.engine.seconds(node, window_start_s)
    }

    fn unit_price(&self, node: usize, line: usize) -> i64 {
        self.engine.unit_price(node, line)
    }

    fn second_price(&self, node: usize, window_start_s: i64) -> i64 {
        self.engine.second_price(node, window_start_s)
    }

    fn is_priced(&self, node: usize, line: usize) -> bool {
        self.engine.is_priced(node, line)
    }
}

/// Whether the opportunity of a line's cell is charged, by the rows of its stock: where no dual price
/// says what its last units are worth. Lines that share their SKU share its charge, which is the same
/// at all nodes: they are charged nowhere as soon as one node has a price.
pub(crate) fn charged(world: &World, ask: &Ask, supply: &dyn Supply, stock: &Stock) -> Vec<bool> {
    let lines = ask.lines.len();
    let nowhere = |line: usize| {
        let mut nodes = 0..world.network.nodes().len();
        shares_sku(ask, line) && nodes.any(|node| supply.is_priced(node, line))
    };
    let nowhere: Vec<bool> = (0..lines).map(nowhere).collect();
    let mut charged = Vec::new();
    for node in stock.nodes() {
        let row = nowhere.iter().enumerate();
        charged.extend(row.map(|(line, nowhere)| !nowhere && !supply.is_priced(node, line)));
    }
    charged
}

fn shares_sku(ask: &Ask, line: usize) -> bool {
    let sku = ask.lines.get(line).map(|line| line.sku.as_str());
    let same = ask
        .lines
        .iter()
        .filter(|other| Some(other.sku.as_str()) == sku);
    same.count() > 1
}

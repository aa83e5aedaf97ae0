//! Dual prices of scarce stock and labor: they steer the choice and are no cost.

use bopis_engine::Engine;
use bopis_ledger::CellKey;
use hashbrown::HashMap;

/// The most that a price may be (micro-units); what is above is taken for this.
const PRICE_MAX: i64 = 1 << 40;

/// The price of a unit of a SKU at a node (micro-units, at least 0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StockPrice {
    /// The node.
    pub node_id: String,
    /// The SKU.
    pub sku: String,
    /// Of one base unit.
    pub price_micro: i64,
}

/// The price of a labor second of a node's hour (micro-units, at least 0).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaborPrice {
    /// The node.
    pub node_id: String,
    /// Start of the hour, Unix seconds.
    pub window_start_s: i64,
    /// Of one second.
    pub price_micro: i64,
}

/// What a plan was charged by dual prices, beside its cost terms (micro-units).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DualCharges {
    /// The version of the prices.
    pub version: i64,
    /// For units.
    pub stock: i64,
    /// For labor.
    pub labor: i64,
}

/// What the units or seconds of one cell were charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DualRow {
    /// The node.
    pub node_id: String,
    /// Units of this SKU; none: labor.
    pub sku: Option<String>,
    /// Seconds of the hour that starts then, Unix seconds; none: units.
    pub window_start_s: Option<i64>,
    /// Units or seconds.
    pub quantity: i64,
    /// Of each (micro-units, above 0).
    pub price_micro: i64,
}

impl DualCharges {
    /// Both.
    #[must_use]
    pub const fn total(&self) -> i64 {
        self.stock.saturating_add(self.labor)
    }
}

/// One version of all prices, by the ledger's cells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Duals {
    pub(crate) version: i64,
    prices: HashMap<CellKey, i64>,
}

impl Duals {
    /// Prices of cells that the ledger does not know are left out: nothing can be taken from them.
    pub(crate) fn new(
        engine: &Engine,
        version: i64,
        stock: &[StockPrice],
        labor: &[LaborPrice],
    ) -> Self {
        let units = stock.iter().map(|price| {
            let cell = (engine.location(&price.node_id), engine.sku(&price.sku));
            (cell, price.price_micro)
        });
        let seconds = labor.iter().map(|price| {
            let hour = engine.labor(price.window_start_s);
            ((engine.location(&price.node_id), hour), price.price_micro)
        });
        let known = units
            .chain(seconds)
            .filter_map(|((location, item), price)| {
                let (location, item) = (location?, item?);
                Some((CellKey { location, item }, price.clamp(0, PRICE_MAX)))
            });
        Self {
            version,
            prices: known.collect(),
        }
    }

    /// The price of a unit or second of a cell; none: the cell has no price.
    pub(crate) fn price(&self, cell: CellKey) -> Option<i64> {
        self.prices.get(&cell).copied()
    }
}

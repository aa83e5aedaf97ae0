//! The kernel for many orders at once, under dual prices: the pricing step of the batch optimizer.
//!
//! Rows are what orders share: units of a SKU at a node, seconds of a node's hour. Prices come in
//! whole micro-units a unit (a second); each order's problem is built on the rows' limits as if it
//! were alone, so its exact lower bound is valid for every plan that the limits allow. Rows of days
//! and of what may be shipped are for the allocation (`batch_orders`): they are not priced here.

use std::sync::Arc;

use crate::ask::Ask;
use crate::batch_rows::{BatchRow, Cell, DayRow, HourRows, UnitRow, UnitRows, NO_CELL, NO_ROW};
use crate::limited::solve_within;
use crate::offers::{build, AskError};
use crate::plan::{drafts, groups, node_id, price, Draft, Plan};
use crate::reasons::unfilled;
use crate::supply::Supply;
use crate::world::World;

/// One order's best plan under prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Priced {
    /// No plan of this order has a lower cost plus dual charges.
    pub lower_bound: i64,
    /// Cost plus dual charges of the plan.
    pub priced_cost: i64,
    /// Whether the kernel ended by itself.
    pub exact: bool,
    /// Work units spent.
    pub work: u64,
    /// The plan; its terms hold neither dual charges nor opportunity.
    pub plan: Plan,
    /// What it takes: (row, amount), rising, each row once.
    pub takes: Vec<(usize, i64)>,
}

/// The kernel over a fixed set of orders and rows.
pub struct BatchKernel {
    pub(crate) world: Arc<World>,
    pub(crate) asks: Vec<Ask>,
    promised: Vec<Vec<i32>>,
    /// Windows that started before this are past, Unix ms.
    pub(crate) now_ms: i64,
    pub(crate) limits: Vec<i64>,
    pub(crate) stock_rows: UnitRows,
    /// Of what may be shipped; only where that is less than what there is.
    pub(crate) ship_rows: UnitRows,
    /// By node: rows of its hours, in a table from the first hour on.
    pub(crate) labor_rows: Vec<HourRows>,
    /// By node: rows of its days.
    pub(crate) day_rows: Vec<Vec<DayRow>>,
}

/// Supply of one ask out of the rows.
pub(crate) struct RowSupply<'a> {
    kernel: &'a BatchKernel,
    ask: &'a Ask,
    /// Numbers of the lines that must not be left.
    promised: &'a [i32],
    prices: &'a [i64],
    stock: &'a [Cell],
    lines: usize,
}

impl RowSupply<'_> {
    fn cell(&self, node: usize, line: usize) -> Cell {
        let cell = self.stock.get(node * self.lines + line);
        cell.copied().unwrap_or(NO_CELL)
    }

    fn stock_row(&self, node: usize, line: usize) -> Option<usize> {
        let row = self.cell(node, line).row;
        (row != NO_ROW).then_some(row as usize)
    }

    fn labor_row(&self, node: usize, start_s: i64) -> Option<usize> {
        self.kernel.labor_rows.get(node)?.row(start_s)
    }

    fn limit(&self, row: Option<usize>) -> i64 {
        row.and_then(|r| self.kernel.limits.get(r).copied())
            .unwrap_or(0)
    }

    fn price(&self, row: Option<usize>) -> i64 {
        row.and_then(|r| self.prices.get(r).copied())
            .unwrap_or(0)
            .max(0)
    }
}

impl Supply for RowSupply<'_> {
    fn units(&self, node: usize, line: usize) -> i64 {
        self.cell(node, line).units
    }

    fn stock(&self) -> Option<Vec<(usize, usize, i64)>> {
        let mut cells = Vec::new();
        for (line, asked) in self.ask.lines.iter().enumerate() {
            let rows = self.kernel.stock_rows.get(asked.sku.as_str());
            let rows = rows.into_iter().flatten();
            cells.extend(rows.map(|row| (row.node, line, row.cell.units)));
        }
        Some(cells)
    }

    fn seconds(&self, node: usize, window_start_s: i64) -> i64 {
        self.limit(self.labor_row(node, window_start_s))
    }

    fn unit_price(&self, node: usize, line: usize) -> i64 {
        self.price(self.stock_row(node, line))
    }

    fn second_price(&self, node: usize, window_start_s: i64) -> i64 {
        self.price(self.labor_row(node, window_start_s))
    }

    fn is_promised(&self, line: usize) -> bool {
        let number = self.ask.lines.get(line).map(|asked| asked.line_number);
        number.is_some_and(|number| self.promised.contains(&number))
    }

    fn windows_from_ms(&self) -> i64 {
        self.kernel.now_ms
    }
}

impl BatchKernel {
    /// Takes over orders and rows. Rows of nodes that the network does not have are left unused; of
    /// two rows for one cell the later counts.
    #[must_use]
    pub fn new(world: Arc<World>, asks: Vec<Ask>, rows: &[BatchRow], now_ms: i64) -> Self {
        let nodes = world.network.nodes().len();
        let mut kernel = Self {
            asks,
            promised: Vec::new(),
            now_ms,
            limits: rows.iter().map(BatchRow::limit).collect(),
            stock_rows: UnitRows::new(),
            ship_rows: UnitRows::new(),
            labor_rows: vec![HourRows::default(); nodes],
            day_rows: vec![Vec::new(); nodes],
            world,
        };
        for (number, row) in (0_u32..).zip(rows) {
            kernel.put(number, row);
        }
        kernel
    }

    fn put(&mut self, number: u32, row: &BatchRow) {
        let network = &self.world.network;
        let at = |node_id: &str| {
            let cell = Cell {
                row: number,
                units: row.limit(),
            };
            network.index(node_id).map(|node| UnitRow { node, cell })
        };
        match row {
            BatchRow::Stock { node_id, sku, .. } => {
                let of_sku = self.stock_rows.entry_ref(sku.as_str()).or_default();
                of_sku.extend(at(node_id));
            }
            BatchRow::Shipped { node_id, sku, .. } => {
                let of_sku = self.ship_rows.entry_ref(sku.as_str()).or_default();
                of_sku.extend(at(node_id));
            }
            BatchRow::Labor {
                node_id,
                window_start_s,
                ..
            } => {
                let hours = network.index(node_id);
                if let Some(hours) = hours.and_then(|node| self.labor_rows.get_mut(node)) {
                    hours.put(*window_start_s, number);
                }
            }
            BatchRow::Groups {
                node_id,
                method,
                after_s,
                until_s,
                ..
            } => {
                let days = network.index(node_id);
                if let Some(days) = days.and_then(|node| self.day_rows.get_mut(node)) {
                    days.push(DayRow {
                        method: *method,
                        after_s: *after_s,
                        until_s: *until_s,
                        row: number,
                    });
                }
            }
        }
    }

    /// Names the lines of each order that must not be left; plans that leave one all the same are
    /// given only where there is no other, at a cost above any other plan's.
    #[must_use]
    pub fn with_promised(mut self, promised: Vec<Vec<i32>>) -> Self {
        self.promised = promised;
        self
    }

    /// The best plan of each named order under `prices` (micro-units a unit or second, by row;
    /// below 0 counts as 0, missing ones are 0).
    ///
    /// # Errors
    /// [`AskError`] for an order outside its limits, or an order index out of range.
    pub fn price(
        &self,
        orders: &[usize],
        prices: &[i64],
        work_limit: u64,
    ) -> Result<Vec<Priced>, AskError> {
        orders
            .iter()
            .map(|order| self.price_one(*order, prices, work_limit))
            .collect()
    }

    fn price_one(&self, order: usize, prices: &[i64], work_limit: u64) -> Result<Priced, AskError> {
        let ask = self.asks.get(order).ok_or(AskError::Lines)?;
        let stock = self.unit_table(&self.stock_rows, ask);
        let supply = self.supply(order, ask, prices, &stock);
        let offers = build(&self.world, ask, &supply, false)?;
        let nodes_max = self.world.policy.rules.nodes_max;
        let limited = solve_within(&offers.problem, nodes_max, work_limit);
        let solution = limited.solution;
        let drafts = drafts(&offers, &solution);
        let terms = price(&self.world, ask, &drafts, None);
        Ok(Priced {
            lower_bound: solution.lower_bound,
            priced_cost: solution.cost,
            exact: solution.exact,
            work: solution.work,
            plan: Plan {
                groups: groups(&self.world, ask, &drafts),
                unfilled: unfilled(&self.world, ask, &offers, &drafts, limited.is_binding),
                terms,
                customer_node_id: offers.customer_node.map(|node| node_id(&self.world, node)),
            },
            takes: self.takes(ask, &drafts, &supply),
        })
    }

    /// Cells by (node, line), node-major.
    pub(crate) fn unit_table(&self, rows: &UnitRows, ask: &Ask) -> Vec<Cell> {
        let lines = ask.lines.len();
        let mut table = vec![NO_CELL; self.world.network.nodes().len() * lines];
        for (line, asked) in ask.lines.iter().enumerate() {
            for row in rows.get(asked.sku.as_str()).into_iter().flatten() {
                if let Some(slot) = table.get_mut(row.node * lines + line) {
                    *slot = row.cell;
                }
            }
        }
        table
    }

    pub(crate) fn supply<'a>(
        &'a self,
        order: usize,
        ask: &'a Ask,
        prices: &'a [i64],
        stock: &'a [Cell],
    ) -> RowSupply<'a> {
        RowSupply {
            kernel: self,
            ask,
            promised: self.promised_of(order),
            prices,
            stock,
            lines: ask.lines.len(),
        }
    }

    /// Numbers of the lines of an order that must not be left.
    pub(crate) fn promised_of(&self, order: usize) -> &[i32] {
        self.promised.get(order).map_or(&[][..], Vec::as_slice)
    }

    fn takes(&self, ask: &Ask, drafts: &[Draft], supply: &RowSupply<'_>) -> Vec<(usize, i64)> {
        let mut takes: Vec<(usize, i64)> = Vec::new();
        for draft in drafts {
            for line in &draft.lines {
                let quantity = ask.lines.get(*line).map_or(0, |asked| asked.quantity);
                takes.extend(
                    supply
                        .stock_row(draft.node, *line)
                        .map(|row| (row, quantity)),
                );
            }
            for (node, start_s, seconds) in draft.all_labor(&self.world) {
                let row = supply.labor_row(node, start_s);
                takes.extend(row.map(|row| (row, seconds)));
            }
        }
        takes.sort_unstable();
        takes.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.1 += later.1;
            }
            same
        });
        takes
    }
}

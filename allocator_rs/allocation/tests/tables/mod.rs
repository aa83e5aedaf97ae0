//! Random tables.

mod plans;
mod steps;

pub use plans::*;
pub use steps::*;

use bopis_allocation::{Calendar, Line, Order, Pattern, Row, Slot, Table, Way, NO_ROW};
use bopis_sourcing::{LatePrice, CANNOT};

pub const WORK: u64 = 10_000_000;

/// SplitMix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }

    pub fn amount(&mut self, from: i64, to: i64) -> i64 {
        from + self.below((to - from + 1) as u64) as i64
    }

    pub fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }
}

/// How large a table is.
#[derive(Clone, Copy)]
pub struct Size {
    pub orders: u64,
    pub lines: u64,
    pub nodes: u32,
    pub skus: u32,
    /// Units of a cell, at most.
    pub units: i64,
    /// Whether rows may be exceeded at a price.
    pub overtime: bool,
}

pub const SMALL: Size = Size {
    orders: 3,
    lines: 3,
    nodes: 2,
    skus: 2,
    units: 3,
    overtime: true,
};
pub const LARGE: Size = Size {
    orders: 60,
    lines: 4,
    nodes: 6,
    skus: 8,
    units: 8,
    overtime: true,
};

/// Hours of a node.
const HOURS: u32 = 2;

/// Stock of few SKUs at few nodes, two hours a node; every cost is a multiple of `step_of(seed)`.
pub fn random_table(seed: u64, size: Size) -> Table {
    let mut dice = Dice(seed);
    let step = step_of(seed);
    let mut table = Table::default();
    for _ in 0..size.nodes {
        for _ in 0..size.skus {
            let limit = dice.amount(0, size.units);
            table.rows.push(row(&mut dice, limit, size, step));
        }
        let seconds = dice.amount(2, 5);
        let first_hour = table.rows.len() as u32;
        let lines = (size.orders * size.lines) as i64;
        for _ in 0..HOURS {
            let limit = seconds * dice.amount(0, lines.div_euclid(size.nodes.into()).max(2));
            // Whole lines seldom fill an hour.
            let limit =
                limit + Dice(seed ^ u64::from(table.rows.len() as u32)).amount(0, seconds - 1);
            table.rows.push(row(&mut dice, limit, size, step));
        }
        add_patterns(&mut table.calendar, first_hour, seconds);
    }
    for _ in 0..1 + dice.below(size.orders) {
        let order = order(&mut dice, &mut table.calendar, size, step);
        table.orders.push(order);
    }
    add_days(&mut Dice(!seed), &mut table, size);
    add_ship_rows(&mut Dice(seed ^ 0x5151), &mut table, size);
    add_charges(&mut Dice(seed ^ 0xc4a5), &mut table.calendar, step);
    table
}

/// In one table of three some hours cost something whatever the prices.
fn add_charges(dice: &mut Dice, calendar: &mut Calendar, step: i64) {
    if dice.one_in(3) {
        for pattern in &mut calendar.patterns {
            pattern.charge = step * dice.amount(0, 15);
        }
    }
}

/// One node in three has few groups a day; hour 2 is another day than hour 1.
fn add_days(dice: &mut Dice, table: &mut Table, size: Size) {
    for node in 0..size.nodes as usize {
        if !dice.one_in(3) {
            continue;
        }
        let first = table.rows.len() as u32;
        for _ in 0..2 {
            let limit = dice.amount(0, (size.orders / u64::from(size.nodes)).max(1) as i64);
            table.rows.push(Row {
                limit,
                ..Row::default()
            });
        }
        for pattern in &mut table.calendar.patterns[3 * node..3 * node + 3] {
            pattern.days.push(first + u32::from(pattern.ready_h > 1));
        }
    }
}

/// In every second table one node in three ships fewer units than it has.
fn add_ship_rows(dice: &mut Dice, table: &mut Table, size: Size) {
    if dice.one_in(2) {
        return;
    }
    let mut rows_of: Vec<Option<u32>> = Vec::new();
    for _ in 0..size.nodes {
        let first = table.rows.len() as u32;
        let has = dice.one_in(3);
        rows_of.push(has.then_some(first));
        for _ in 0..if has { size.skus } else { 0 } {
            table.rows.push(Row {
                limit: dice.amount(0, size.units),
                ..Row::default()
            });
        }
    }
    for order in &mut table.orders {
        let lines = order.lines.len();
        for (way, found) in order.ways.iter().enumerate() {
            for line in 0..lines {
                let sku = order.rows[way * lines + line] - found.node * (size.skus + HOURS);
                let row = rows_of[found.node as usize].filter(|_| found.store.is_none());
                order.ship_rows.push(row.map_or(NO_ROW, |row| row + sku));
            }
        }
    }
}

pub fn step_of(seed: u64) -> i64 {
    [1, 7, 1_000][(seed % 3) as usize]
}

fn row(dice: &mut Dice, limit: i64, size: Size, step: i64) -> Row {
    let has = size.overtime && dice.one_in(2);
    let overtime = if has { dice.amount(1, 4) } else { 0 };
    Row {
        limit,
        overtime,
        overtime_price: if has { step * dice.amount(0, 12) } else { 0 },
    }
}

fn add_patterns(calendar: &mut Calendar, first_hour: u32, seconds: i64) {
    let half = seconds / 2;
    let mut add = |start_h: i64, ready_h: i64, shares: &[(u32, i64)]| {
        calendar.patterns.push(Pattern {
            charge: 0,
            start_h,
            ready_h,
            shares: shares.iter().copied().collect(),
            days: std::iter::empty().collect(),
        });
    };
    add(0, 1, &[(first_hour, seconds)]);
    add(1, 2, &[(first_hour + 1, seconds)]);
    add(
        0,
        2,
        &[(first_hour, seconds - half), (first_hour + 1, half)],
    );
}

fn order(dice: &mut Dice, calendar: &mut Calendar, size: Size, step: i64) -> Order {
    let lines = 1 + dice.below(size.lines) as usize;
    let skus: Vec<u32> = (0..lines)
        .map(|_| dice.below(size.skus.into()) as u32)
        .collect();
    let mut order = Order {
        extra_group: step * dice.amount(0, 10),
        late: LatePrice {
            broken: step * dice.amount(0, 20),
            hour: step * dice.amount(0, 5),
        },
        nodes_max: if dice.one_in(4) { Some(1) } else { None },
        all_or_nothing: dice.one_in(5),
        ..Order::default()
    };
    for _ in &skus {
        order.lines.push(Line {
            quantity: dice.amount(1, 2),
            unfilled: step * dice.amount(20, 120),
        });
    }
    for sku in 0..size.skus {
        let same: Vec<usize> = (0..lines).filter(|line| skus[*line] == sku).collect();
        if same.len() > 1 {
            order.twins.push(same);
        }
    }
    let promise_h = dice.amount(0, 2);
    let rows_of_node = size.skus + HOURS;
    for node in 0..size.nodes {
        let slot = calendar.slots.len() as u32;
        calendar.slots.push(Slot {
            first: 3 * node,
            end: 3 * node + 3,
            start_from_h: dice.amount(0, 1),
            promise_h,
        });
        for pickup in [false, true] {
            if dice.one_in(4) {
                continue;
            }
            order.ways.push(Way {
                node,
                store: pickup.then_some(node),
                fixed: step * dice.amount(0, 15),
                slot,
            });
            for sku in &skus {
                let cost = step * dice.amount(0, 30);
                order.costs.push(if dice.one_in(8) { CANNOT } else { cost });
                order.rows.push(node * rows_of_node + sku);
            }
        }
    }
    order
}

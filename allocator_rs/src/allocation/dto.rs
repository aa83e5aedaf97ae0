//! What Python sends to an allocation and gets of it.

use bopis_allocation::{Calendar, InForce, Line, Order, Pattern, Row, Slot, Table, Way, NO_ROW};
use serde::{Deserialize, Serialize};

use crate::kernel::BatchDto;
use crate::planning::PlanDto;

/// An order's plan so far.
#[derive(Debug, Deserialize)]
pub(super) struct InForceDto {
    pub(super) cost_micro: i64,
    pub(super) is_late: bool,
    pub(super) left: u32,
    pub(super) rows: Vec<u32>,
    pub(super) amounts: Vec<i64>,
}

impl From<InForceDto> for InForce {
    fn from(dto: InForceDto) -> Self {
        Self {
            cost: dto.cost_micro,
            is_late: dto.is_late,
            left: dto.left,
            takes: dto.rows.into_iter().zip(dto.amounts).collect(),
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct OrdersDto {
    pub(super) batch: BatchDto,
    /// By order.
    pub(super) in_force: Vec<Option<InForceDto>>,
    /// By row, micro-units; missing ones are 0.
    #[serde(default)]
    pub(super) charges: Vec<i64>,
    pub(super) threads: usize,
}

/// A way of a table: it takes seconds of one row for every line.
#[derive(Debug, Deserialize)]
pub(super) struct TableWayDto {
    pub(super) node: u32,
    /// By line, micro-units.
    pub(super) costs: Vec<i64>,
    pub(super) labor_row: u32,
    pub(super) labor_seconds: i64,
}

#[derive(Debug, Deserialize)]
pub(super) struct TableOrderDto {
    /// By line, micro-units.
    pub(super) unfilled: Vec<i64>,
    pub(super) ways: Vec<TableWayDto>,
}

/// Orders that come with their ways; units never lack.
#[derive(Debug, Deserialize)]
pub(super) struct TableDto {
    /// By row.
    pub(super) limits: Vec<i64>,
    pub(super) orders: Vec<TableOrderDto>,
    pub(super) threads: usize,
}

impl From<TableDto> for Table {
    fn from(dto: TableDto) -> Self {
        let row = |limit: &i64| Row {
            limit: *limit,
            ..Row::default()
        };
        let mut calendar = Calendar::default();
        let orders = dto
            .orders
            .iter()
            .map(|order| table_order(order, &mut calendar));
        Self {
            orders: orders.collect(),
            rows: dto.limits.iter().map(row).collect(),
            calendar,
        }
    }
}

fn table_order(dto: &TableOrderDto, calendar: &mut Calendar) -> Order {
    let line = |unfilled: &i64| Line {
        quantity: 1,
        unfilled: *unfilled,
    };
    let mut order = Order {
        lines: dto.unfilled.iter().map(line).collect(),
        ..Order::default()
    };
    for way in &dto.ways {
        let first = u32::try_from(calendar.patterns.len()).unwrap_or(u32::MAX);
        calendar.patterns.push(Pattern {
            charge: 0,
            start_h: 0,
            ready_h: 1,
            shares: [(way.labor_row, way.labor_seconds)].into_iter().collect(),
            days: std::iter::empty().collect(),
        });
        order.ways.push(Way {
            node: way.node,
            store: None,
            fixed: 0,
            slot: u32::try_from(calendar.slots.len()).unwrap_or(u32::MAX),
        });
        calendar.slots.push(Slot {
            first,
            end: first + 1,
            start_from_h: 0,
            promise_h: 1,
        });
        order.costs.extend(&way.costs);
        order.rows.extend(way.costs.iter().map(|_| NO_ROW));
    }
    order
}

#[derive(Debug, Deserialize)]
pub(super) struct AscentDto {
    /// By row; missing ones are 0.
    pub(super) start: Vec<i64>,
    pub(super) passes: u32,
    pub(super) softness: f64,
    pub(super) learning: bool,
    pub(super) rounds: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct SearchDto {
    pub(super) moves: u64,
    pub(super) rounds: u32,
    pub(super) tolerance: f64,
    pub(super) seed: u64,
    /// By row, micro-units.
    pub(super) prices: Vec<i64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RelinkDto {
    pub(super) descents: u64,
    /// Whether something else works beside it.
    pub(super) is_beside: bool,
    pub(super) columns: usize,
    pub(super) seed: u64,
    /// By row, micro-units.
    pub(super) prices: Vec<i64>,
}

/// The pool in arrays of native integers.
#[derive(Serialize)]
pub(super) struct ColumnsDto {
    pub(super) orders: Vec<u32>,
    pub(super) costs: Vec<i64>,
    pub(super) starts: Vec<u32>,
    pub(super) rows: Vec<u32>,
    pub(super) amounts: Vec<i64>,
}

#[derive(Serialize)]
pub(super) struct ChosenDto {
    pub(super) order: usize,
    pub(super) cost_micro: i64,
    pub(super) rows: Vec<u32>,
    pub(super) amounts: Vec<i64>,
    /// None: of a table.
    pub(super) plan: Option<PlanDto>,
    /// By group: (node, line indices).
    pub(super) groups: Vec<(u32, Vec<u16>)>,
}

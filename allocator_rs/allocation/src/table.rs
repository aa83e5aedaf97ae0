//! Orders from a table: for problems that come with their ways.

use bopis_sourcing::CANNOT;

use crate::calendar::Calendar;
use crate::instance::{Order, Row, Source};

/// Rows, hours and orders as they are.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// What the orders share.
    pub rows: Vec<Row>,
    /// When nodes work.
    pub calendar: Calendar,
    /// The orders.
    pub orders: Vec<Order>,
}

impl Source for Table {
    fn count(&self) -> usize {
        self.orders.len()
    }

    fn rows(&self) -> &[Row] {
        &self.rows
    }

    fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    fn order(&self, index: usize) -> Order {
        let mut order = self.orders.get(index).cloned().unwrap_or_default();
        let lines = order.lines.len().max(1);
        let room = |row: u32| {
            let row = self.rows.get(row as usize);
            row.map_or(i64::MAX, |row| row.limit.saturating_add(row.overtime))
        };
        for at in 0..order.costs.len() {
            let rows = order.unit_rows(at / lines, at % lines);
            let quantity = order.lines.get(at % lines).map_or(0, |line| line.quantity);
            let lacks = rows.iter().any(|row| room(*row) < quantity);
            if let Some(cost) = order.costs.get_mut(at).filter(|_| lacks) {
                *cost = CANNOT;
            }
        }
        order
    }
}

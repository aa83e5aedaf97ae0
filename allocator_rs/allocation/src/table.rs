//! Orders from a table: for problems that come with their ways.

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
        self.orders.get(index).cloned().unwrap_or_default()
    }
}

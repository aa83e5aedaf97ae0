//! What can lack: rows that suffice for all need no look.

use bopis_sourcing::CANNOT;

use crate::instance::{Order, Row, NO_ROW};

/// What orders could want of each row, by all of their ways, also those that the search does not look
/// at.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// By row: how much, and the last line that could want of it. A line meets a row by one method or
    /// another, but takes of it once.
    rows: Vec<(i64, u32)>,
    line: u32,
}

impl Wanted {
    pub(crate) fn nothing(rows: usize) -> Self {
        Self {
            rows: vec![(0, 0); rows],
            line: 0,
        }
    }

    pub(crate) fn add(&mut self, order: &Order) {
        let lines = order.lines.len();
        for (line, asked) in order.lines.iter().enumerate() {
            self.line += 1;
            for at in (line..order.costs.len()).step_by(lines) {
                if order.costs.get(at).is_some_and(|cost| *cost < CANNOT) {
                    for row in order.unit_rows(at / lines, line) {
                        self.add_once(row, asked.quantity);
                    }
                }
            }
        }
        for (row, amount) in order.in_force.iter().flat_map(|plan| &plan.takes) {
            self.line += 1;
            self.add_once(*row, *amount);
        }
    }

    fn add_once(&mut self, row: u32, amount: i64) {
        let line = self.line;
        let row = self.rows.get_mut(row as usize);
        if let Some((sum, by)) = row.filter(|(_, by)| *by != line) {
            *sum = sum.saturating_add(amount);
            *by = line;
        }
    }
}

/// Rows of units whose limit suffices for everyone who could want of them need no look. `wanted`: by
/// thread, then row.
pub(crate) fn forget_ample_rows(orders: &mut [Order], rows: &[Row], wanted: &[Wanted]) {
    let is_ample = |(at, row): (usize, &Row)| {
        let all = wanted.iter().filter_map(|wanted| wanted.rows.get(at));
        all.map(|(sum, _)| sum).sum::<i64>() <= row.limit
    };
    let is_ample: Vec<bool> = rows.iter().enumerate().map(is_ample).collect();
    for order in orders {
        for row in order.rows.iter_mut().chain(&mut order.ship_rows) {
            if is_ample.get(*row as usize).copied().unwrap_or(false) {
                *row = NO_ROW;
            }
        }
    }
}

/// By row, whether some order has to look at its units.
pub(crate) fn looked_at(orders: &[Order], rows: usize) -> Vec<bool> {
    let mut looked_at = vec![false; rows];
    for row in orders
        .iter()
        .flat_map(|order| order.rows.iter().chain(&order.ship_rows))
    {
        if let Some(looked_at) = looked_at.get_mut(*row as usize) {
            *looked_at = true;
        }
    }
    looked_at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instance::{InForce, Line, Way};

    /// Two units, collected at or shipped from one node, of one row; the plan in force has three.
    fn order() -> Order {
        let way = |store| Way {
            node: 0,
            store,
            fixed: 1,
            slot: 0,
        };
        Order {
            lines: vec![Line {
                quantity: 2,
                unfilled: 100,
            }],
            ways: vec![way(Some(0)), way(None)],
            costs: vec![1, 1],
            rows: vec![0, 0],
            in_force: Some(InForce {
                cost: 5,
                takes: vec![(0, 3)],
                ..InForce::default()
            }),
            ..Order::default()
        }
    }

    #[test]
    fn a_line_counts_once_whatever_its_ways_and_a_plan_in_force_on_top() {
        for (limit, is_ample) in [(9, false), (10, true)] {
            let rows = [Row {
                limit,
                ..Row::default()
            }];
            let mut orders = [order(), order()];
            let wanted = orders.each_ref().map(|order| {
                let mut wanted = Wanted::nothing(rows.len());
                wanted.add(order);
                wanted
            });
            forget_ample_rows(&mut orders, &rows, &wanted);
            let expected = if is_ample { NO_ROW } else { 0 };
            assert!(orders.iter().all(|order| order.rows == [expected; 2]));
        }
    }

    #[test]
    fn what_is_impossible_is_not_wanted() {
        let mut order = order();
        (order.costs, order.in_force) = (vec![CANNOT, CANNOT], None);
        let mut wanted = Wanted::nothing(1);
        wanted.add(&order);
        forget_ample_rows(
            std::slice::from_mut(&mut order),
            &[Row::default()],
            &[wanted],
        );
        assert_eq!(order.rows, [NO_ROW; 2]);
    }
}

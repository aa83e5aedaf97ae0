//! What can lack: ways that no row has room for are none, and rows that suffice for all need no look.

use bopis_sourcing::CANNOT;

use crate::assignment::add;
use crate::instance::{Order, Row, Source, NO_ROW};
use crate::rooms::Rooms;

/// An order of a source without what no row has room for.
pub(crate) fn whole(source: &dyn Source, index: usize, rooms: &[i64]) -> Order {
    let mut order = source.order(index);
    let lines = order.lines.len().max(1);
    for at in 0..order.costs.len() {
        let quantity = order.lines.get(at % lines).map_or(0, |line| line.quantity);
        let has_room = Rooms(rooms).have(order.unit_rows(at / lines, at % lines), quantity);
        if let Some(cost) = order.costs.get_mut(at).filter(|_| !has_room) {
            *cost = CANNOT;
        }
    }
    order
}

/// Adds up by row what an order could want of it by all of its ways, also those that the search
/// does not look at yet.
pub(crate) fn add_wanted(order: &Order, wanted: &mut [i64]) {
    let lines = order.lines.len().max(1);
    // A line meets a row by one method or another, but takes of it once.
    let mut by_line: Vec<(u32, usize)> = Vec::new();
    for (at, cost) in order.costs.iter().enumerate() {
        let rows = order.unit_rows(at / lines, at % lines).into_iter();
        for row in rows.filter(|row| *row != NO_ROW && *cost < CANNOT) {
            by_line.push((row, at % lines));
        }
    }
    by_line.sort_unstable();
    by_line.dedup();
    for (row, line) in by_line {
        let quantity = order.lines.get(line).map_or(0, |line| line.quantity);
        add(wanted, row, quantity);
    }
    for (row, amount) in order.in_force.iter().flat_map(|plan| &plan.takes) {
        add(wanted, *row, *amount);
    }
}

/// Rows of units whose limit suffices for everyone who could want of them need no look. `wanted`: by
/// thread, then row.
pub(crate) fn forget_ample_rows(orders: &mut [Order], rows: &[Row], wanted: &[Vec<i64>]) {
    let is_ample = |(at, row): (usize, &Row)| {
        let all = wanted.iter().filter_map(|wanted| wanted.get(at));
        all.sum::<i64>() <= row.limit
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

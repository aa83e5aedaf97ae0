//! What is paid for each unit or second that rows lack, by row: at first, and at most.

use crate::menu::Menu;

/// What all that lacks may cost at most (micro-units), so that it can be added up with all costs.
const PENALTY_MOST: i64 = 1 << 61;

/// The prices; where there is none, a part of what an order costs for what one takes.
pub(crate) fn first(menu: &Menu, rows: usize, prices: &[i64]) -> Vec<i64> {
    let orders = menu.orders();
    let costs = (0..orders).map(|order| i128::from(menu.least(order)));
    let mean = costs.sum::<i128>() / i128::from(orders.max(1));
    let mean = i64::try_from(mean).unwrap_or(i64::MAX).max(1);
    let of_row = |row: usize| {
        let takers = u32::try_from(row).map_or(&[][..], |row| menu.takers(row));
        let amounts = takers.iter().flat_map(|column| {
            let own = menu.takes(*column).iter();
            own.filter(move |(taken, _)| *taken as usize == row)
                .map(|(_, amount)| *amount)
        });
        let most = amounts.max().unwrap_or(1).max(1);
        let price = prices.get(row).copied().unwrap_or(0);
        price.max(mean / (10 * most)).max(1)
    };
    (0..rows).map(of_row).collect()
}

/// Penalties with which what all rows can lack together can be added up, whatever happens.
pub(crate) fn most(menu: &Menu, rows: usize) -> Vec<i64> {
    let each = PENALTY_MOST / i64::try_from(rows).unwrap_or(i64::MAX).max(1);
    let of_row = |row: u32| {
        let takers = menu.takers(row).iter();
        let takes = takers.flat_map(|column| menu.takes(*column));
        let own = takes.filter(|(taken, _)| *taken == row);
        let all = own.fold(1_i64, |all, (_, amount)| all.saturating_add(*amount));
        (each / all).max(1)
    };
    (0_u32..).take(rows).map(of_row).collect()
}

//! What orders may do, in flat arrays: for a search that compares little else.

use crate::pool::Columns;

/// Columns by order, each order's cheapest under prices first.
pub(crate) struct Menu {
    /// By order, and one more: where its columns start.
    starts: Vec<u32>,
    /// By column: its order.
    orders: Vec<u32>,
    /// By column (micro-units).
    costs: Vec<i64>,
    /// By column: what it costs with the charges for what it takes under prices.
    charged: Vec<i64>,
    /// By column, and one more: where its takes start.
    take_starts: Vec<u32>,
    takes: Vec<(u32, i64)>,
    /// By row: the columns that take of it, those first that cost least beyond the cheapest of their order.
    takers: Vec<Vec<u32>>,
    /// By order: what it costs at least.
    least: Vec<i64>,
}

impl Menu {
    /// `columns` come by order; what they take behind the last of so many `rows` is left out.
    /// Beside it, by column of the menu: the number of the column that it was.
    pub(crate) fn new(columns: &Columns, prices: &[i64], rows: usize) -> (Self, Vec<u32>) {
        let entries = |column: usize| {
            let from = columns.starts.get(column).copied().unwrap_or(0) as usize;
            let to = columns.starts.get(column + 1).copied().unwrap_or(0) as usize;
            let taken = columns.rows.get(from..to).unwrap_or_default().iter();
            let amounts = columns.amounts.get(from..to).unwrap_or_default();
            taken.copied().zip(amounts.iter().copied())
        };
        let charged = |column: usize| {
            let price = |row: u32| prices.get(row as usize).copied().unwrap_or(0);
            let charges = entries(column).map(|(row, amount)| price(row).saturating_mul(amount));
            let cost = columns.costs.get(column).copied().unwrap_or(0);
            charges.fold(cost, i64::saturating_add)
        };
        let mut turn: Vec<(u32, i64, usize)> = columns
            .orders
            .iter()
            .enumerate()
            .map(|(column, order)| (*order, charged(column), column))
            .collect();
        turn.sort_unstable();
        let mut menu = Self {
            starts: Vec::new(),
            orders: Vec::new(),
            costs: Vec::new(),
            charged: Vec::new(),
            take_starts: vec![0],
            takes: Vec::new(),
            takers: vec![Vec::new(); rows],
            least: Vec::new(),
        };
        for (order, charged, column) in &turn {
            if menu.orders.last() != Some(order) {
                menu.starts.push(number(menu.orders.len()));
                menu.least.push(i64::MAX);
            }
            let cost = columns.costs.get(*column).copied().unwrap_or(0);
            if let Some(least) = menu.least.last_mut() {
                *least = cost.min(*least);
            }
            menu.orders.push(*order);
            menu.costs.push(cost);
            menu.charged.push(*charged);
            let own = entries(*column).filter(|(row, _)| (*row as usize) < rows);
            menu.takes.extend(own);
            menu.take_starts.push(number(menu.takes.len()));
        }
        menu.starts.push(number(menu.orders.len()));
        menu.rank();
        let origins = turn.iter().map(|(_, _, column)| number(*column));
        (menu, origins.collect())
    }

    fn rank(&mut self) {
        let mut ranked: Vec<u32> = (0..number(self.orders.len())).collect();
        ranked.sort_by_key(|column| {
            let cheapest = at(&self.starts, self.order_of(*column));
            (self.charged(*column) - self.charged(cheapest), *column)
        });
        for column in ranked {
            let from = at(&self.take_starts, column) as usize;
            let to = at(&self.take_starts, column + 1) as usize;
            for (row, _) in self.takes.get(from..to).unwrap_or_default() {
                if let Some(takers) = self.takers.get_mut(*row as usize) {
                    takers.push(column);
                }
            }
        }
    }

    pub(crate) fn orders(&self) -> u32 {
        number(self.least.len())
    }

    pub(crate) fn columns_of(&self, order: u32) -> std::ops::Range<u32> {
        at(&self.starts, order)..at(&self.starts, order + 1)
    }

    #[inline]
    pub(crate) fn order_of(&self, column: u32) -> u32 {
        at(&self.orders, column)
    }

    #[inline]
    pub(crate) fn cost(&self, column: u32) -> i64 {
        self.costs.get(column as usize).copied().unwrap_or(0)
    }

    #[inline]
    pub(crate) fn charged(&self, column: u32) -> i64 {
        self.charged.get(column as usize).copied().unwrap_or(0)
    }

    #[inline]
    pub(crate) fn takes(&self, column: u32) -> &[(u32, i64)] {
        let from = at(&self.take_starts, column) as usize;
        let to = at(&self.take_starts, column + 1) as usize;
        self.takes.get(from..to).unwrap_or_default()
    }

    #[inline]
    pub(crate) fn takers(&self, row: u32) -> &[u32] {
        self.takers.get(row as usize).map_or(&[], Vec::as_slice)
    }

    #[inline]
    pub(crate) fn least(&self, order: u32) -> i64 {
        self.least.get(order as usize).copied().unwrap_or(0)
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[inline]
fn at(numbers: &[u32], place: u32) -> u32 {
    numbers.get(place as usize).copied().unwrap_or(0)
}

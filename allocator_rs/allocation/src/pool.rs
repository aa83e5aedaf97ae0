//! Columns for a master: choices of orders, each once, with what they cost and take.

use hashbrown::{HashMap, HashSet};
use rustc_hash::FxBuildHasher;

use crate::assignment::Assignment;
use crate::choice::Choice;
use crate::instance::Instance;
use crate::pricer::Pricer;
use crate::prices::Prices;
use crate::rooms::Rooms;
use crate::threads::with_each;

/// Choices by order; a column's number is its place.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    columns: Vec<(u32, Choice)>,
    known: HashMap<u32, HashSet<Choice, FxBuildHasher>, FxBuildHasher>,
}

/// The columns in arrays: entries of column `c` are those from `starts[c]` to `starts[c + 1]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// By column: its order.
    pub orders: Vec<u32>,
    /// By column: its cost, overtime aside (micro-units).
    pub costs: Vec<i64>,
    /// By column, and one more: where its entries start.
    pub starts: Vec<u32>,
    /// By entry: the row.
    pub rows: Vec<u32>,
    /// By entry: how much.
    pub amounts: Vec<i64>,
}

impl Pool {
    /// Takes over a choice unless it is there; true if it is new.
    pub fn add(&mut self, order: usize, choice: &Choice) -> bool {
        let Ok(number) = u32::try_from(order) else {
            return false;
        };
        let is_new = self.known.entry(number).or_default().insert(choice.clone());
        if is_new {
            self.columns.push((number, choice.clone()));
        }
        is_new
    }

    /// How many columns there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// A column: its order, and what that does.
    #[must_use]
    pub fn column(&self, number: usize) -> Option<(u32, &Choice)> {
        let (order, choice) = self.columns.get(number)?;
        Some((*order, choice))
    }

    /// All columns in arrays.
    #[must_use]
    pub fn columns(&self, instance: &Instance) -> Columns {
        let mut all = Columns::default();
        for (order, choice) in &self.columns {
            let index = *order as usize;
            all.orders.push(*order);
            all.costs.push(instance.cost(index, choice));
            all.starts
                .push(u32::try_from(all.rows.len()).unwrap_or(u32::MAX));
            for (row, amount) in instance.takes(index, choice) {
                all.rows.push(row);
                all.amounts.push(amount);
            }
        }
        all.starts
            .push(u32::try_from(all.rows.len()).unwrap_or(u32::MAX));
        all
    }

    /// By order, the number of the column that it is assigned; orders without one are left out.
    #[must_use]
    pub fn numbers(&self, assignment: &Assignment) -> Vec<usize> {
        let assigned = |(_, (order, choice)): &(usize, &(u32, Choice))| {
            assignment.choices().get(*order as usize) == Some(choice)
        };
        let columns = self.columns.iter().enumerate().filter(assigned);
        let mut numbers: Vec<(u32, usize)> = columns
            .map(|(number, (order, _))| (*order, number))
            .collect();
        numbers.sort_unstable();
        numbers.into_iter().map(|(_, number)| number).collect()
    }

    /// The assignment of these columns, one per order; orders without one are left. None: a number
    /// is no column's.
    #[must_use]
    pub fn assignment(&self, instance: &Instance, chosen: &[usize]) -> Option<Assignment> {
        let mut assignment = Assignment::nothing(instance);
        for number in chosen {
            let (order, choice) = self.columns.get(*number)?;
            assignment.put(instance, *order as usize, choice.clone());
        }
        Some(assignment)
    }
}

impl Instance {
    /// Adds the `k` cheapest choices of every order under prices, all limits as if it were alone.
    pub fn add_cheapest(
        &self,
        pool: &mut Pool,
        prices: &[i64],
        k: usize,
        work_limit: u64,
        threads: usize,
    ) {
        let prices = Prices::new(&self.calendar, prices.to_vec());
        let rooms = Rooms(&self.rooms);
        let cheapest = |pricer: &mut Pricer, index: usize| {
            let order = self.order(index);
            let found = order
                .map(|order| pricer.cheapest(order, &self.calendar, &prices, rooms, k, work_limit));
            found.unwrap_or_default()
        };
        let (found, _) = with_each(self.count(), threads, Pricer::default, cheapest);
        for (order, choices) in found.iter().enumerate() {
            for choice in choices {
                pool.add(order, choice);
            }
        }
    }
}

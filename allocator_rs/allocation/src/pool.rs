//! What all orders are known to be able to do: the search picks from it, a master solves over it.

use crate::assignment::Assignment;
use crate::choice::Choice;
use crate::instance::Instance;
use crate::pricer::Pricer;
use crate::relinked::Relinked;
use crate::repertoire::Repertoire;
use crate::rooms::Rooms;
use crate::threads::with_each;

/// Choices by order, each once.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    pub(crate) orders: Vec<Repertoire>,
    /// By order: what it would cost if there were no others, as the first search found it.
    pub(crate) alone: Vec<i64>,
    /// By number in the last list of columns: order and number in its repertoire.
    pub(crate) listed: Vec<(u32, u32)>,
    /// From where a relinking goes on, until the next search.
    pub(crate) relinked: Relinked,
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
    pub fn add(&mut self, instance: &Instance, order: usize, choice: &Choice) -> bool {
        if self.orders.len() < instance.count() {
            self.orders
                .resize_with(instance.count(), Repertoire::default);
        }
        let Some(known) = self.orders.get_mut(order) else {
            return false;
        };
        let before = known.columns().len();
        known.number_of(instance, order, choice);
        known.columns().len() > before
    }

    /// How many columns there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.orders.iter().map(|known| known.columns().len()).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A column of the last list: its order, and what that does.
    #[must_use]
    pub fn column(&self, number: usize) -> Option<(u32, &Choice)> {
        let (order, own) = *self.listed.get(number)?;
        let column = self.orders.get(order as usize)?.column(own)?;
        Some((order, &column.choice))
    }

    /// Columns in arrays: of each order the `most` that cost least under `prices`, and what is
    /// assigned. They are numbered as they come here, until the next list or search.
    pub fn columns(
        &mut self,
        instance: &Instance,
        prices: &[i64],
        most: usize,
        assignment: Option<&Assignment>,
    ) -> Columns {
        let prices = instance.prices(prices.to_vec());
        let mut all = Columns::default();
        self.listed.clear();
        for (order, known) in (0_u32..).zip(&self.orders) {
            let choice = assignment.and_then(|now| now.choices().get(order as usize));
            let assigned =
                choice.and_then(|choice| known.find(instance.cost(order as usize, choice), choice));
            for own in known.cheapest(&prices, most, assigned) {
                let Some(column) = known.column(own) else {
                    continue;
                };
                self.listed.push((order, own));
                all.orders.push(order);
                all.costs.push(column.cost);
                all.starts
                    .push(u32::try_from(all.rows.len()).unwrap_or(u32::MAX));
                for (row, amount) in column.all_takes() {
                    all.rows.push(*row);
                    all.amounts.push(*amount);
                }
            }
        }
        all.starts
            .push(u32::try_from(all.rows.len()).unwrap_or(u32::MAX));
        all
    }

    /// By order, the number of the listed column that it is assigned; orders without one are left
    /// out.
    #[must_use]
    pub fn numbers(&self, assignment: &Assignment) -> Vec<usize> {
        let numbered = self.listed.iter().enumerate();
        let assigned = numbered.filter(|(number, (order, _))| {
            let choice = assignment.choices().get(*order as usize);
            choice.is_some() && choice == self.column(*number).map(|(_, choice)| choice)
        });
        assigned.map(|(number, _)| number).collect()
    }

    /// The assignment of these columns, one per order; orders without one are left. None: a number
    /// is no column's.
    #[must_use]
    pub fn assignment(&self, instance: &Instance, chosen: &[usize]) -> Option<Assignment> {
        let mut assignment = Assignment::nothing(instance);
        for number in chosen {
            let (order, choice) = self.column(*number)?;
            assignment.put(instance, order as usize, choice.clone());
        }
        Some(assignment)
    }

    /// Takes the repertoires out for a step that adds to them, one for each order; the step puts
    /// them back into `orders`. Nothing is listed any more.
    pub(crate) fn take_out(&mut self, instance: &Instance) -> Vec<Repertoire> {
        self.listed.clear();
        self.relinked = Relinked::default();
        let mut orders = std::mem::take(&mut self.orders);
        orders.resize_with(instance.count(), Repertoire::default);
        orders
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
        let prices = self.prices(prices.to_vec());
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
                pool.add(self, order, choice);
            }
        }
    }
}

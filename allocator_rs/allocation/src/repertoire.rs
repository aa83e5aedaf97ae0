//! What an order is known to be able to do, ready to be compared in an instant.

use smallvec::SmallVec;

use crate::choice::Choice;
use crate::instance::Instance;
use crate::prices::Prices;
use crate::rooms::Rooms;

/// (row, amount), each row once, rising.
pub(crate) type Takes = SmallVec<[(u32, i64); 6]>;

/// A choice with what it costs, overtime aside (micro-units), and what it takes, of the rows and of the
/// rounding inequalities.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) cost: i64,
    pub(crate) takes: Takes,
    rounded: Takes,
    pub(crate) choice: Choice,
}

impl Column {
    pub(crate) fn new(instance: &Instance, order: usize, choice: Choice) -> Self {
        Self {
            cost: instance.cost(order, &choice),
            takes: instance.takes(order, &choice).into_iter().collect(),
            rounded: instance.takes_rounded(order, &choice).into_iter().collect(),
            choice,
        }
    }

    /// What it costs with the charges for what it takes.
    pub(crate) fn charged(&self, prices: &Prices) -> i64 {
        let charges = prices.of_takes(&self.takes);
        let rounded = prices.of_takes(&self.rounded);
        self.cost.saturating_add(charges).saturating_add(rounded)
    }

    /// What it takes of rows and inequalities.
    pub(crate) fn all_takes(&self) -> impl Iterator<Item = &(u32, i64)> {
        self.takes.iter().chain(&self.rounded)
    }

    pub(crate) fn fits(&self, room: &[i64]) -> bool {
        let mut takes = self.takes.iter();
        takes.all(|(row, amount)| *amount <= Rooms(room).of(*row))
    }
}

/// The columns of one order. A column keeps its number until the repertoire is cut.
#[derive(Clone, Debug, Default)]
pub(crate) struct Repertoire {
    columns: Vec<Column>,
    /// Numbers by rising cost.
    by_cost: Vec<u32>,
}

impl Repertoire {
    pub(crate) fn columns(&self) -> &[Column] {
        &self.columns
    }

    pub(crate) fn column(&self, number: u32) -> Option<&Column> {
        self.columns.get(number as usize)
    }

    pub(crate) fn cost(&self, number: u32) -> i64 {
        self.column(number).map_or(0, |column| column.cost)
    }

    pub(crate) fn takes(&self, number: u32) -> &[(u32, i64)] {
        self.column(number).map_or(&[], |column| &column.takes)
    }

    /// The number of a choice, which is taken over if it is new.
    pub(crate) fn number_of(&mut self, instance: &Instance, order: usize, choice: &Choice) -> u32 {
        self.find(instance.cost(order, choice), choice)
            .unwrap_or_else(|| self.add(Column::new(instance, order, choice.clone())))
    }

    /// The number of a choice that costs so much, if it is known.
    pub(crate) fn find(&self, cost: i64, choice: &Choice) -> Option<u32> {
        let first = self
            .by_cost
            .partition_point(|number| self.cost(*number) < cost);
        let mut equal = self.by_cost.get(first..)?.iter().map_while(|number| {
            let column = self.column(*number)?;
            (column.cost == cost).then_some((*number, column))
        });
        equal
            .find(|(_, column)| column.choice == *choice)
            .map(|(number, _)| number)
    }

    fn add(&mut self, column: Column) -> u32 {
        let number = u32::try_from(self.columns.len()).unwrap_or(u32::MAX);
        let cost = column.cost;
        let place = self
            .by_cost
            .partition_point(|other| self.cost(*other) <= cost);
        self.by_cost.insert(place, number);
        self.columns.push(column);
        number
    }

    /// The cheapest column under prices of those that fit into this room.
    pub(crate) fn best(&self, prices: &Prices, room: &[i64]) -> Option<u32> {
        let mut best: Option<(i64, u32)> = None;
        for number in &self.by_cost {
            let Some(column) = self.column(*number) else {
                continue;
            };
            if best.is_some_and(|(charged, _)| column.cost >= charged) {
                break;
            }
            let charged = column.charged(prices);
            if best.is_none_or(|(least, _)| charged < least) && column.fits(room) {
                best = Some((charged, *number));
            }
        }
        best.map(|(_, number)| number)
    }

    /// Sets what every column costs.
    pub(crate) fn set_costs(&mut self, cost: impl Fn(&Choice) -> i64) {
        for column in &mut self.columns {
            column.cost = cost(&column.choice);
        }
        let costs = std::mem::take(&mut self.by_cost);
        let mut numbered: Vec<(i64, u32)> = costs
            .into_iter()
            .map(|number| (self.cost(number), number))
            .collect();
        numbered.sort_by_key(|(cost, _)| *cost);
        self.by_cost = numbered.into_iter().map(|(_, number)| number).collect();
    }

    /// Numbers of the `most` columns that cost least under prices, and of the one to `keep`; rising.
    pub(crate) fn cheapest(&self, prices: &Prices, most: usize, keep: Option<u32>) -> Vec<u32> {
        let numbered = (0_u32..).zip(&self.columns);
        let mut charged: Vec<(i64, u32)> = numbered
            .map(|(number, column)| (column.charged(prices), number))
            .collect();
        charged.sort_unstable();
        let mut kept: Vec<u32> = charged
            .iter()
            .take(most)
            .map(|(_, number)| *number)
            .collect();
        kept.extend(keep.filter(|number| !kept.contains(number)));
        kept.sort_unstable();
        kept
    }

    /// Forgets all but the cheapest and the one to `keep`; gives its new number.
    pub(crate) fn cut(&mut self, most: usize, keep: u32) -> u32 {
        if self.columns.len() <= most {
            return keep;
        }
        let mut kept: Vec<u32> = self.by_cost.iter().take(most).copied().collect();
        if !kept.contains(&keep) {
            kept.push(keep);
        }
        let columns = kept
            .iter()
            .filter_map(|number| self.column(*number).cloned());
        let columns: Vec<Column> = columns.collect();
        self.by_cost = (0_u32..).take(columns.len()).collect();
        self.columns = columns;
        let place = kept.iter().position(|number| *number == keep);
        place
            .and_then(|place| u32::try_from(place).ok())
            .unwrap_or(0)
    }
}

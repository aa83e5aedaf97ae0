//! What is to be allocated: orders with their ways, and the rows that they share.

use std::sync::Arc;

use bopis_sourcing::LatePrice;

use crate::calendar::Calendar;
use crate::dearer::Surcharge;
use crate::filling::Fillings;
use crate::pricer::{Cut, Pricer};
use crate::prices::Prices;
use crate::rooms::Rooms;
use crate::rounding::Roundings;
use crate::scarce::{forget_ample_rows, looked_at, Wanted};
use crate::threads::with_each;

/// A cell without a row of its own: nothing can ever lack there.
pub const NO_ROW: u32 = u32::MAX;
/// Something that orders share: units of a SKU at a node, those of them that may be shipped, seconds
/// of a node's hour, groups of its day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// What these orders may use.
    pub limit: i64,
    /// What they may use beyond it, at a price.
    pub overtime: i64,
    /// Of a unit or second beyond the limit (micro-units).
    pub overtime_price: i64,
}

/// One line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Units.
    pub quantity: i64,
    /// Cost of leaving it (micro-units). Above `COST_MAX`: it is never left for the sake of others.
    pub unfilled: i64,
}

/// A node and a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Way {
    /// The node; at most one group of an order is there.
    pub node: u32,
    /// The node where the customer collects; none: it is shipped.
    pub store: Option<u32>,
    /// Cost of opening it (micro-units).
    pub fixed: i64,
    /// When it may work.
    pub slot: u32,
}

/// A plan from elsewhere that an order may also take, whatever its ways are: the one in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InForce {
    /// Its cost (micro-units).
    pub cost: i64,
    /// Whether the order is late by it.
    pub is_late: bool,
    /// Lines that it leaves.
    pub left: u32,
    /// What it takes: (row, amount), each row once.
    pub takes: Vec<(u32, i64)>,
}

/// One order and its ways.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The lines, at least one.
    pub lines: Vec<Line>,
    /// The ways.
    pub ways: Vec<Way>,
    /// By way, then line: cost (micro-units), `CANNOT` where it is impossible.
    pub costs: Vec<i64>,
    /// By way, then line: the row of the units, or [`NO_ROW`].
    pub rows: Vec<u32>,
    /// The same of what may be shipped of them, where a way ships and less than all may be: they are
    /// taken of both rows. Empty: nothing limits that.
    pub ship_rows: Vec<u32>,
    /// Per group beyond the first (micro-units).
    pub extra_group: i64,
    /// By node where groups may be collected together: what collecting there costs, once.
    pub visits: Vec<(u32, i64)>,
    /// Of being late.
    pub late: LatePrice,
    /// Most groups.
    pub nodes_max: Option<usize>,
    /// Every line or none.
    pub all_or_nothing: bool,
    /// Lines that ask for the same item, where there are several.
    pub twins: Vec<Vec<usize>>,
    /// By way, then twins: most units of them together; none: what their row has.
    pub twins_max: Vec<i64>,
    /// The plan in force.
    pub in_force: Option<InForce>,
}

impl Order {
    pub(crate) fn costs_of(&self, way: usize) -> &[i64] {
        let lines = self.lines.len();
        self.costs
            .get(way * lines..(way + 1) * lines)
            .unwrap_or(&[])
    }

    pub(crate) fn rows_of(&self, way: usize) -> &[u32] {
        let lines = self.lines.len();
        self.rows.get(way * lines..(way + 1) * lines).unwrap_or(&[])
    }

    /// By line, [`NO_ROW`] where nothing limits what is shipped; empty where nothing does at all.
    pub(crate) fn ship_rows_of(&self, way: usize) -> &[u32] {
        let lines = self.lines.len();
        let mine = self.ship_rows.get(way * lines..(way + 1) * lines);
        mine.unwrap_or(&[])
    }

    /// The rows of a line's units by a way, each [`NO_ROW`] where it needs no look.
    pub(crate) fn unit_rows(&self, way: usize, line: usize) -> [u32; 2] {
        let of = |rows: &[u32]| rows.get(line).copied().unwrap_or(NO_ROW);
        [of(self.rows_of(way)), of(self.ship_rows_of(way))]
    }

    pub(crate) fn twins_max_of(&self, way: usize) -> &[i64] {
        let twins = self.twins.len();
        self.twins_max
            .get(way * twins..(way + 1) * twins)
            .unwrap_or(&[])
    }

    /// What collecting at a store costs, beside the ways.
    pub(crate) fn visit(&self, store: Option<u32>) -> i64 {
        let mut visits = self.visits.iter();
        let found = visits.find(|(node, _)| Some(*node) == store);
        found.map_or(0, |(_, cost)| *cost)
    }

    /// The same order with these ways only.
    fn with_ways(&self, kept: &[usize]) -> Self {
        Self {
            ways: kept
                .iter()
                .filter_map(|way| self.ways.get(*way).copied())
                .collect(),
            costs: kept
                .iter()
                .flat_map(|way| self.costs_of(*way))
                .copied()
                .collect(),
            rows: kept
                .iter()
                .flat_map(|way| self.rows_of(*way))
                .copied()
                .collect(),
            ship_rows: kept
                .iter()
                .flat_map(|way| self.ship_rows_of(*way))
                .copied()
                .collect(),
            twins_max: kept
                .iter()
                .flat_map(|way| self.twins_max_of(*way))
                .copied()
                .collect(),
            lines: self.lines.clone(),
            twins: self.twins.clone(),
            in_force: self.in_force.clone(),
            visits: self.visits.clone(),
            ..*self
        }
    }

    /// Adds the ways of the same order with other ways.
    fn add_ways(&mut self, more: Self) {
        self.ways.extend(more.ways);
        self.costs.extend(more.costs);
        self.rows.extend(more.rows);
        self.ship_rows.extend(more.ship_rows);
        self.twins_max.extend(more.twins_max);
    }
}

/// Where orders come from.
pub trait Source: Sync {
    /// How many there are.
    fn count(&self) -> usize;
    /// What they share.
    fn rows(&self) -> &[Row];
    /// When nodes work.
    fn calendar(&self) -> &Calendar;
    /// An order with every way that it has; the same whenever it is asked. What a row has no room
    /// for is `CANNOT`.
    fn order(&self, index: usize) -> Order;
}

/// The orders as the search sees them.
#[derive(Debug)]
pub struct Instance {
    pub(crate) rows: Vec<Row>,
    pub(crate) roundings: Arc<Roundings>,
    pub(crate) fillings: Fillings,
    pub(crate) calendar: Calendar,
    pub(crate) orders: Vec<Order>,
    /// By order, by way: its number among all ways of the source.
    origins: Vec<Vec<u32>>,
    /// What all rows have before anything is taken, overtime included.
    pub(crate) rooms: Vec<i64>,
    /// What the costs of `orders` hold beside what the source says.
    pub(crate) surcharge: Surcharge,
}

impl Instance {
    /// Takes over every order of a source with its promising ways, on so many threads.
    #[must_use]
    pub fn new(source: &dyn Source, threads: usize) -> Self {
        let rooms = source.rows().iter();
        let rooms = rooms.map(|row| row.limit.saturating_add(row.overtime));
        let rooms: Vec<i64> = rooms.collect();
        let narrow = |wanted: &mut Wanted, index: usize| {
            let order = source.order(index);
            wanted.add(&order);
            let kept = order.promising();
            let origins: Vec<u32> = kept
                .iter()
                .filter_map(|way| u32::try_from(*way).ok())
                .collect();
            (order.with_ways(&kept), origins)
        };
        let nothing = || Wanted::nothing(rooms.len());
        let (narrowed, wanted) = with_each(source.count(), threads, nothing, narrow);
        let (mut orders, origins): (Vec<Order>, Vec<Vec<u32>>) = narrowed.into_iter().unzip();
        forget_ample_rows(&mut orders, source.rows(), &wanted);
        let in_force = orders.iter().filter_map(|order| order.in_force.as_ref());
        let in_force = in_force.flat_map(|plan| &plan.takes);
        let looked_at = looked_at(&orders, source.rows().len());
        let roundings = Roundings::of(source.rows(), source.calendar(), &looked_at);
        let limits = (source.rows(), &roundings);
        Self {
            fillings: Fillings::of(limits, source.calendar(), in_force),
            rows: source.rows().to_vec(),
            roundings: Arc::new(roundings),
            calendar: source.calendar().clone(),
            orders,
            origins,
            rooms,
            surcharge: Surcharge::default(),
        }
    }

    /// How many orders there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.orders.len()
    }

    /// The rounding inequalities of its rows.
    #[must_use]
    pub fn roundings(&self) -> &Arc<Roundings> {
        &self.roundings
    }

    /// What may be taken: by row without overtime, then by rounding inequality.
    #[must_use]
    pub fn limits(&self) -> Vec<i64> {
        let rows = self.rows.iter().map(|row| row.limit);
        rows.chain(self.roundings.limits().iter().copied())
            .collect()
    }

    /// Prices, by row and then by rounding inequality; missing ones are 0.
    pub(crate) fn prices(&self, rows: Vec<i64>) -> Prices {
        Prices::new(&self.calendar, &self.roundings, rows)
    }

    /// The same for orders that choose as if each were alone.
    pub(crate) fn prices_alone(&self, rows: Vec<i64>, threads: usize) -> Prices {
        let rooms = &self.rooms;
        Prices::of_alone(&self.calendar, &self.roundings, rows, rooms, threads)
    }

    /// Gives orders the ways that their best choices under `prices` (by row) use and they do not
    /// look at yet; how many. Choices made before keep their meaning.
    pub fn widen(
        &mut self,
        source: &dyn Source,
        prices: &[i64],
        work_limit: u64,
        threads: usize,
    ) -> usize {
        let prices = self.prices_alone(prices.to_vec(), threads);
        let missing = |pricer: &mut Pricer, index: usize| {
            let order = self.whole(source, index);
            let rooms = (Rooms(&self.rooms), Cut::No);
            let priced = pricer.price(&order, &self.calendar, &prices, rooms, work_limit);
            let known = self.origins.get(index).map_or(&[][..], Vec::as_slice);
            let mut missing = priced.choice.ways();
            missing.retain(|way| !known.contains(way));
            let ways: Vec<usize> = missing.iter().map(|way| *way as usize).collect();
            (order.with_ways(&ways), missing)
        };
        let (found, _) = with_each(self.orders.len(), threads, Pricer::default, missing);
        let mut added = 0;
        for ((more, ways), (order, origins)) in found
            .into_iter()
            .zip(self.orders.iter_mut().zip(&mut self.origins))
        {
            added += ways.len();
            origins.extend(ways);
            order.add_ways(more);
        }
        added
    }

    /// The number that an order's way among all (`origin`, of the whole order) has here; it is taken
    /// over where it is new.
    pub(crate) fn way_of(&mut self, index: usize, whole: &Order, origin: u32) -> u32 {
        let Some((order, origins)) = self.orders.get_mut(index).zip(self.origins.get_mut(index))
        else {
            return origin;
        };
        let known = origins.iter().position(|known| *known == origin);
        let place = known.unwrap_or_else(|| {
            origins.push(origin);
            order.add_ways(whole.with_ways(&[origin as usize]));
            origins.len() - 1
        });
        u32::try_from(place).unwrap_or(u32::MAX)
    }

    /// The number of an order's way among all ways of the source.
    #[must_use]
    pub fn origin(&self, order: usize, way: u32) -> Option<u32> {
        self.origins.get(order)?.get(way as usize).copied()
    }

    /// The node of an order's way; `u32::MAX` where there is no such way.
    #[must_use]
    pub fn node(&self, order: usize, way: u32) -> u32 {
        let way = self
            .order(order)
            .and_then(|order| order.ways.get(way as usize));
        way.map_or(u32::MAX, |way| way.node)
    }

    pub(crate) fn order(&self, index: usize) -> Option<&Order> {
        self.orders.get(index)
    }
}

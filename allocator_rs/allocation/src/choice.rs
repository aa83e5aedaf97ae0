//! How one order is fulfilled: groups of lines, each by a way in a pattern of hours.

use bopis_sourcing::CANNOT;
use smallvec::SmallVec;

use crate::calendar::Calendar;
use crate::instance::{Instance, Order, NO_ROW};

/// Lines that one way does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Group {
    /// Which way of the order.
    pub way: u32,
    /// In which pattern of the calendar.
    pub pattern: u32,
    /// The lines, rising.
    pub lines: SmallVec<[u16; 6]>,
}

/// What an order does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Choice {
    /// The plan in force, whatever its ways are.
    InForce,
    /// These groups; lines in none are left.
    Groups(SmallVec<[Group; 2]>),
}

impl Choice {
    pub(crate) fn nothing() -> Self {
        Self::Groups(SmallVec::new())
    }

    /// The ways it uses.
    pub(crate) fn ways(&self) -> Vec<u32> {
        match self {
            Self::InForce => Vec::new(),
            Self::Groups(groups) => groups.iter().map(|group| group.way).collect(),
        }
    }

    /// Calls `take` with every row, what one line takes of it, and how many lines do; a row may come
    /// more than once.
    pub(crate) fn takes(
        &self,
        order: &Order,
        calendar: &Calendar,
        mut take: impl FnMut(u32, i64, i64),
    ) {
        let groups = match self {
            Self::InForce => {
                let takes = order.in_force.iter().flat_map(|plan| &plan.takes);
                takes.for_each(|(row, amount)| take(*row, *amount, 1));
                return;
            }
            Self::Groups(groups) => groups,
        };
        for group in groups {
            let way = group.way as usize;
            let (rows, shipped) = (order.rows_of(way), order.ship_rows_of(way));
            for line in &group.lines {
                let line = usize::from(*line);
                let quantity = order.lines.get(line).map_or(0, |line| line.quantity);
                for row in rows.get(line).into_iter().chain(shipped.get(line)) {
                    if *row != NO_ROW {
                        take(*row, quantity, 1);
                    }
                }
            }
            let lines = i64::try_from(group.lines.len()).unwrap_or(i64::MAX);
            if let Some(pattern) = calendar.patterns.get(group.pattern as usize) {
                for (row, seconds) in &pattern.shares {
                    take(*row, *seconds, lines);
                }
                for row in &pattern.days {
                    take(*row, 1, 1);
                }
            }
        }
    }

    /// What it costs, overtime aside (micro-units).
    pub(crate) fn cost(&self, order: &Order, calendar: &Calendar) -> i64 {
        let groups = match self {
            Self::InForce => return order.in_force.as_ref().map_or(CANNOT, |plan| plan.cost),
            Self::Groups(groups) => groups,
        };
        let mut cost: i64 = order.lines.iter().map(|line| line.unfilled).sum();
        let mut visit = 0;
        for group in groups {
            let way = order.ways.get(group.way as usize);
            cost += way.map_or(0, |way| way.fixed);
            visit = visit.max(order.visit(way.and_then(|way| way.store)));
            let costs = order.costs_of(group.way as usize);
            for line in &group.lines {
                let line = usize::from(*line);
                cost += costs.get(line).copied().unwrap_or(CANNOT);
                cost -= order.lines.get(line).map_or(0, |line| line.unfilled);
            }
            if let Some(pattern) = calendar.patterns.get(group.pattern as usize) {
                let lines = i64::try_from(group.lines.len()).unwrap_or(i64::MAX);
                cost = cost.saturating_add(pattern.charge.saturating_mul(lines));
            }
        }
        let extra = i64::try_from(groups.len().saturating_sub(1)).unwrap_or(0);
        cost + visit + order.extra_group * extra + order.late.of(self.late_h(order, calendar))
    }

    /// Started hours that it is late; of a plan in force nobody asks that here.
    pub(crate) fn late_h(&self, order: &Order, calendar: &Calendar) -> u32 {
        let Self::Groups(groups) = self else {
            return 0;
        };
        let late = groups.iter().filter_map(|group| {
            let way = order.ways.get(group.way as usize)?;
            let slot = calendar.slots.get(way.slot as usize)?;
            let pattern = calendar.patterns.get(group.pattern as usize)?;
            u32::try_from(pattern.ready_h - slot.promise_h).ok()
        });
        late.max().unwrap_or(0)
    }
}

impl Instance {
    /// What a choice of an order takes, each row once, rising.
    #[must_use]
    pub fn takes(&self, order: usize, choice: &Choice) -> Vec<(u32, i64)> {
        let mut takes: Vec<(u32, i64)> = Vec::new();
        if let Some(order) = self.order(order) {
            choice.takes(order, &self.calendar, |row, each, lines| {
                takes.push((row, each.saturating_mul(lines)));
            });
        }
        summed(takes)
    }

    /// The same of the rounding inequalities.
    pub(crate) fn takes_rounded(&self, order: usize, choice: &Choice) -> Vec<(u32, i64)> {
        let mut takes: Vec<(u32, i64)> = Vec::new();
        if let Some(order) = self.order(order) {
            choice.takes(order, &self.calendar, |row, each, lines| {
                let rounded = self.roundings.takes(row, each);
                takes.extend(rounded.map(|(number, take)| (number, take.saturating_mul(lines))));
            });
        }
        summed(takes)
    }

    /// What a choice of an order costs, overtime aside (micro-units).
    #[must_use]
    pub fn cost(&self, order: usize, choice: &Choice) -> i64 {
        self.order(order)
            .map_or(CANNOT, |order| choice.cost(order, &self.calendar))
    }
}

/// Each row once, rising.
fn summed(mut takes: Vec<(u32, i64)>) -> Vec<(u32, i64)> {
    takes.sort_unstable();
    takes.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            earlier.1 += later.1;
        }
        same
    });
    takes
}

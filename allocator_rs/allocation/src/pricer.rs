//! The kernel's view of one order: under prices, in rooms.

use std::collections::BTreeMap;

use bopis_sourcing::{
    k_best, Draft, Facility, Kernel, OpportunityTiers, Problem, Room, Solution, Store, Twins,
    CANNOT, COST_MAX,
};
use smallvec::SmallVec;

use crate::alone::best_alone;
use crate::calendar::{Calendar, Offers};
use crate::choice::{Choice, Group};
use crate::instance::{Order, Way, NO_ROW};
use crate::prices::Prices;
use crate::repertoire::Column;
use crate::rooms::Rooms;

/// The best choice of an order under prices.
#[derive(Clone, Debug)]
pub(crate) struct Priced {
    /// No choice costs less, charges included.
    pub(crate) lower_bound: i64,
    /// What this one costs, charges included.
    pub(crate) charged: i64,
    pub(crate) choice: Choice,
    pub(crate) is_exact: bool,
}

/// Whether groups are cut to the hours' room. Without it a choice may take more of a few hours than
/// they have, which a bound may allow and an assignment must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// A group has as many lines as its hours have room for.
    ToRoom,
    /// A group that has room for one line has room for all, and units suffice (`Source::order`).
    No,
}

/// Buffers of a thread that prices orders.
#[derive(Default)]
pub(crate) struct Pricer {
    draft: Draft,
    kernel: Kernel,
    solution: Solution,
    /// By facility: its way and pattern.
    origins: Vec<(u32, u32)>,
    /// Nodes that an order leaves out, since it may have few.
    left_out: Vec<u32>,
    base: Vec<i64>,
    offers: Offers,
}

impl Pricer {
    /// The best choice of `order` under `prices`, for which these rooms suffice.
    pub(crate) fn price(
        &mut self,
        order: &Order,
        calendar: &Calendar,
        prices: &Prices,
        (rooms, cut): (Rooms<'_>, Cut),
        work_limit: u64,
    ) -> Priced {
        self.price_below(order, calendar, prices, (rooms, cut), (work_limit, None))
    }

    /// The same, where a choice is known for which these rooms suffice: the kernel looks only for
    /// what is better.
    pub(crate) fn price_below(
        &mut self,
        order: &Order,
        calendar: &Calendar,
        prices: &Prices,
        (rooms, cut): (Rooms<'_>, Cut),
        (work_limit, known): (u64, Option<&Column>),
    ) -> Priced {
        let takes_no_search = order.lines.len() == 1 && order.visits.is_empty();
        if cut == Cut::No && takes_no_search && prices.are_of_alone() {
            return kept_or(order, (prices, rooms), best_alone(order, prices));
        }
        self.collect(order, calendar, prices, (rooms, cut));
        let known = known.filter(|column| may_guide(order, &column.choice));
        let known = known.map(|column| (column.charged(prices), &column.choice));
        let priced = self.solve(order, work_limit, known);
        kept_or(order, (prices, rooms), priced)
    }

    /// What the lines that the solution leaves cost beyond what the kernel counts for one.
    fn beyond_max(&self, order: &Order) -> i64 {
        let lines = self.solution.assignment.iter().zip(&order.lines);
        let left = lines.filter(|(facility, _)| facility.is_none());
        left.map(|(_, line)| (line.unfilled - COST_MAX).max(0))
            .sum()
    }

    fn collect(
        &mut self,
        order: &Order,
        calendar: &Calendar,
        prices: &Prices,
        (rooms, cut): (Rooms<'_>, Cut),
    ) {
        self.origins.clear();
        self.draft.clear(order.lines.len());
        let charges = (order.extra_group, order.late, order.all_or_nothing);
        self.draft.set_charges(charges.0, charges.1, charges.2);
        let unfilled = self.draft.unfilled().iter_mut().zip(&order.lines);
        unfilled.for_each(|(cost, line)| *cost = line.unfilled.min(COST_MAX));
        for (number, way) in (0_u32..).zip(&order.ways) {
            let served = self.price_lines(order, (number, way), prices, (rooms, cut));
            if served == 0 {
                continue;
            }
            let known = prices.offers_alone(way.slot).filter(|_| cut == Cut::No);
            if known.is_none() {
                let patterns = prices.of_patterns();
                let groups = groups_meeting(order, cut);
                let most = (served, groups);
                calendar.offers(way.slot, most, patterns, (rooms, cut), &mut self.offers);
                if cut == Cut::ToRoom {
                    Calendar::prefer_roomy(served, &mut self.offers);
                }
            }
            for offer in known.unwrap_or(&self.offers) {
                let has_room = offer.capacity >= served;
                let row = self.draft.add(Facility {
                    node: way.node,
                    store: way.store.map(Store::at),
                    fixed: way.fixed.saturating_add(offer.once).min(COST_MAX),
                    capacity: if has_room { u32::MAX } else { offer.capacity },
                    late: offer.late,
                });
                self.origins.push((number, offer.pattern));
                for (cost, base) in row.iter_mut().zip(&self.base) {
                    if *base < CANNOT {
                        *cost = base.saturating_add(offer.price).min(COST_MAX);
                    }
                }
            }
        }
        self.add_stores(order, calendar, (rooms, cut));
        for twins in self.twins(order, rooms) {
            self.draft.add_twins(twins);
        }
    }

    /// What a way's lines cost with their units, before hours; how many it could do, 0 where that
    /// never pays.
    fn price_lines(
        &mut self,
        order: &Order,
        (number, way): (u32, &Way),
        prices: &Prices,
        (rooms, cut): (Rooms<'_>, Cut),
    ) -> u32 {
        let mut served = 0_u32;
        let mut saved: i64 = -way.fixed;
        self.base.clear();
        let shipped = order.ship_rows_of(number as usize);
        let cells = order
            .costs_of(number as usize)
            .iter()
            .zip(order.rows_of(number as usize))
            .enumerate();
        for (line, (at, (cost, row))) in order.lines.iter().zip(cells) {
            let mut cost = *cost;
            let units = [*row, shipped.get(at).copied().unwrap_or(NO_ROW)];
            if units != [NO_ROW; 2] && cost < CANNOT {
                if cut == Cut::No || rooms.have(units, line.quantity) {
                    cost += prices.of_units(units, line.quantity).min(COST_MAX);
                } else {
                    cost = CANNOT;
                }
            }
            if cost < CANNOT {
                served += 1;
                saved += (line.unfilled - cost).max(0);
            }
            self.base.push(cost);
        }
        if saved <= 0 && !order.all_or_nothing {
            return 0;
        }
        served
    }

    /// Adds what groups of one choice share at the store where they are collected: the way there,
    /// and, if they are cut to room, hours that they might overfill together.
    fn add_stores(&mut self, order: &Order, calendar: &Calendar, (rooms, cut): (Rooms<'_>, Cut)) {
        for (store, cost) in &order.visits {
            self.draft.add_visit(Store::at(*store), *cost);
        }
        if order.visits.is_empty() || cut == Cut::No {
            return;
        }
        let mut takes: BTreeMap<u32, Vec<(usize, i64)>> = BTreeMap::new();
        for (facility, (way, pattern)) in self.origins.iter().enumerate() {
            let way = order.ways.get(*way as usize);
            let pattern = calendar.patterns.get(*pattern as usize);
            let collected = way.is_some_and(|way| way.store.is_some());
            for (row, seconds) in pattern.iter().filter(|_| collected).flat_map(|p| &p.shares) {
                takes.entry(*row).or_default().push((facility, *seconds));
            }
        }
        let lines = i64::try_from(order.lines.len()).unwrap_or(i64::MAX);
        for (row, takes) in takes {
            let seconds = rooms.of(row).clamp(0, COST_MAX);
            let most = takes.iter().map(|(_, each)| *each).max().unwrap_or(0);
            if takes.len() > 1 && seconds < most.saturating_mul(lines) {
                self.draft.add_room(Room { seconds, takes });
            }
        }
    }

    /// The `k` cheapest choices under prices, cheapest first.
    pub(crate) fn cheapest(
        &mut self,
        order: &Order,
        calendar: &Calendar,
        prices: &Prices,
        rooms: Rooms<'_>,
        k: usize,
        work_limit: u64,
    ) -> Vec<Choice> {
        self.collect(order, calendar, prices, (rooms, Cut::ToRoom));
        let Ok(problem) = self.draft.check() else {
            return Vec::new();
        };
        let most = order.nodes_max.unwrap_or(usize::MAX);
        let solutions = k_best(problem, k, work_limit);
        let choices = solutions
            .iter()
            .filter(|solution| solution.open_facilities().len() <= most)
            .map(|solution| self.choice(solution));
        choices.collect()
    }

    /// `known`: what a choice costs, charges included, and the choice.
    fn solve(&mut self, order: &Order, work_limit: u64, known: Option<(i64, &Choice)>) -> Priced {
        let cannot = |lower_bound| Priced {
            lower_bound,
            charged: CANNOT,
            choice: Choice::nothing(),
            is_exact: false,
        };
        let Ok(problem) = self.draft.check() else {
            return cannot(0);
        };
        let below = known.map_or(i64::MAX, |(charged, _)| charged);
        let solution = &mut self.solution;
        let is_better = self
            .kernel
            .solve_below(problem, (work_limit, below), solution);
        // A bound on plans of any number of groups holds for those of few.
        let (lower_bound, is_exact) = (self.solution.lower_bound, self.solution.exact);
        let nodes_max = order.nodes_max.filter(|_| is_better);
        while let Some(node) =
            nodes_max.and_then(|most| one_too_many(problem, &self.solution, most))
        {
            self.left_out.push(node);
            let (fewer, places) = without(problem, &self.left_out);
            self.kernel
                .solve_into(&fewer, work_limit, &mut self.solution);
            restore(&mut self.solution, &places);
        }
        self.left_out.clear();
        let mut found = cannot(lower_bound);
        found.is_exact = is_exact;
        if is_better {
            found.charged = self.solution.cost + self.beyond_max(order);
            found.choice = self.choice(&self.solution);
        }
        if let Some((charged, choice)) = known.filter(|(charged, _)| *charged < found.charged) {
            (found.charged, found.choice) = (charged, choice.clone());
        }
        found
    }

    fn choice(&self, solution: &Solution) -> Choice {
        let mut groups: SmallVec<[Group; 2]> = SmallVec::new();
        for (line, facility) in (0_u16..).zip(&solution.assignment) {
            let Some((way, pattern)) = facility.and_then(|at| self.origins.get(at).copied()) else {
                continue;
            };
            match groups
                .iter_mut()
                .find(|group| group.way == way && group.pattern == pattern)
            {
                Some(group) => group.lines.push(line),
                None => groups.push(Group {
                    way,
                    pattern,
                    lines: SmallVec::from_slice(&[line]),
                }),
            }
        }
        Choice::Groups(groups)
    }

    fn twins(&self, order: &Order, rooms: Rooms<'_>) -> Vec<Twins> {
        let of_lines = |(number, lines): (usize, &Vec<usize>)| {
            let first = lines.first().copied().unwrap_or(0);
            let available = |(way, _): &(u32, u32)| {
                let rows = order.unit_rows(*way as usize, first);
                let most = order.twins_max_of(*way as usize).get(number).copied();
                let room = rows.iter().map(|row| rooms.of(*row)).min();
                let room = room.unwrap_or(i64::MAX);
                room.min(most.unwrap_or(i64::MAX)).clamp(0, COST_MAX)
            };
            Twins {
                lines: lines.clone(),
                quantities: lines
                    .iter()
                    .map(|line| order.lines.get(*line).map_or(1, |line| line.quantity))
                    .collect(),
                available: self.origins.iter().map(available).collect(),
                tiers: OpportunityTiers::default(),
            }
        };
        let twins = order.twins.iter().enumerate().map(of_lines);
        // Where every node has enough for all of them, they are lines like any other.
        let lacks = |twins: &Twins| {
            let all: i64 = twins.quantities.iter().sum();
            twins.available.iter().any(|available| *available < all)
        };
        twins.filter(lacks).collect()
    }
}

/// How many groups of an order might count on one day: where they may meet at a store, as many as it
/// has lines, and each of them has room alone.
fn groups_meeting(order: &Order, cut: Cut) -> i64 {
    if order.visits.is_empty() || cut == Cut::No {
        return 1;
    }
    i64::try_from(order.lines.len()).unwrap_or(i64::MAX)
}

/// Whether the kernel may be told what this choice costs: it counts no more than [`COST_MAX`] for a
/// line that is left.
fn may_guide(order: &Order, choice: &Choice) -> bool {
    let Choice::Groups(groups) = choice else {
        return true;
    };
    let served: usize = groups.iter().map(|group| group.lines.len()).sum();
    served == order.lines.len() || order.lines.iter().all(|line| line.unfilled <= COST_MAX)
}

/// A node of a solution that has more groups than it may have: the one that does the fewest lines.
fn one_too_many(problem: &Problem, solution: &Solution, most: usize) -> Option<u32> {
    let open = solution.open_facilities();
    if open.len() <= most {
        return None;
    }
    let lines = |facility: &usize| {
        let served = solution.assignment.iter().flatten();
        served.filter(|at| *at == facility).count()
    };
    let least = open.iter().min_by_key(|facility| lines(facility))?;
    problem
        .facilities()
        .get(*least)
        .map(|facility| facility.node)
}

/// The problem without some nodes, and where its facilities stand in the whole one.
fn without(problem: &Problem, nodes: &[u32]) -> (Problem, Vec<usize>) {
    let all = problem.facilities().iter().enumerate();
    let kept = all.filter(|(_, facility)| !nodes.contains(&facility.node));
    let places = kept.map(|(place, _)| place).collect();
    (problem.without_nodes(nodes), places)
}

/// Names the facilities of a solution by their places in the whole problem.
fn restore(solution: &mut Solution, places: &[usize]) {
    for choice in &mut solution.assignment {
        *choice = choice.and_then(|at| places.get(at).copied());
    }
}

/// The plan in force, if an order has one that costs no more than what was found and has room.
fn kept_or(order: &Order, (prices, rooms): (&Prices, Rooms<'_>), mut priced: Priced) -> Priced {
    let Some(plan) = &order.in_force else {
        return priced;
    };
    let mut takes = plan.takes.iter();
    if !takes.all(|(row, amount)| *amount <= rooms.of(*row)) {
        return priced;
    }
    let charges = plan.takes.iter();
    let charges = charges.map(|(row, amount)| prices.charge(*row, *amount));
    let charged = charges.fold(plan.cost, i64::saturating_add);
    if charged <= priced.charged {
        priced.charged = charged;
        priced.choice = Choice::InForce;
    }
    priced.lower_bound = priced.lower_bound.min(charged);
    priced
}

//! What one more, or one fewer, unit or second is worth to the open orders, by solving them anew.
//!
//! | asked | answered |
//! | --- | --- |
//! | more | with it at hand, the order that saves most moves to its best plan; what that frees is there for the next, a few times; less what the same orders could save without it |
//! | fewer | nothing where it is free; else the least that one of its holders loses by its best other plan |
//!
//! So both are what the orders can certainly do, one after the other, by the exact kernel: moving many at
//! once may gain more, and lose less. Costs are the card's without the opportunity and without dual
//! prices: what money the orders cost, as the batch counts it.

use std::collections::BTreeSet;

use bopis_sourcing::Solution;

use crate::ask::Ask;
use crate::explain::drafts_in_force;
use crate::limited::solve_within;
use crate::offers::{build, AskError};
use crate::overlay::{Frozen, Overlaid, Overlay, Promised};
use crate::placement::PlaceError;
use crate::plan::{drafts, price, Draft};
use crate::promiser::Promiser;
use crate::quote::QuotedGroup;
use crate::supply::{EngineSupply, Supply};
use crate::what_if::{reading, Work};
use crate::world::World;

/// Orders that move one after the other.
const MOVES_MAX: usize = 4;
/// Of one call, in work limits of one solve.
const SOLVES_OF_ALL: u64 = 100;

/// An order that may be planned anew.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenOrder {
    /// As of now.
    pub ask: Ask,
    /// The plan in force.
    pub in_force: Vec<QuotedGroup>,
    /// What it holds.
    pub own: Overlay,
}

/// What there is one more of, or one fewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resource {
    /// A unit of a SKU at a node.
    Unit {
        /// The node.
        node_id: String,
        /// The SKU.
        sku: String,
    },
    /// The seconds of one line in a node's hour.
    Line {
        /// The node.
        node_id: String,
        /// Start of the hour, Unix seconds.
        window_start_s: i64,
    },
}

/// What it is worth (micro-units, at least 0).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Worth {
    /// Saved with one more.
    pub more: i64,
    /// Lost with one fewer; none: none is there.
    pub fewer: Option<i64>,
    /// Base units, or seconds, that it was asked of.
    pub step: i64,
}

impl World {
    /// What resources are worth to orders. `supply`: what is free to an ask, beside what it holds.
    /// `work_limit`: of one solve; all together take a hundred times as much at most. None: that did
    /// not suffice for the resource.
    ///
    /// # Errors
    /// [`AskError`] for an ask outside its limits.
    pub fn worth<'s>(
        &self,
        orders: &[OpenOrder],
        resources: &[Resource],
        supply: &dyn Fn(&Ask) -> Box<dyn Supply + 's>,
        work_limit: u64,
    ) -> Result<Vec<Option<Worth>>, AskError> {
        let free: Vec<Box<dyn Supply + 's>> = orders.iter().map(|one| supply(&one.ask)).collect();
        let mut open = Vec::with_capacity(orders.len());
        for (order, free) in orders.iter().zip(&free) {
            let drafts = drafts_in_force(self, &order.ask, &order.in_force);
            open.push(Open {
                order,
                supply: Frozen::new(free.as_ref(), self, &order.ask),
                cost: price(self, &order.ask, &drafts, None).total(),
            });
        }
        let batch = Batch {
            world: self,
            open,
            work: Work::new(work_limit, work_limit.saturating_mul(SOLVES_OF_ALL)),
        };
        let without = batch.saved(&Overlay::default(), None)?;
        // Whoever does not know what is saved without a resource cannot say what it adds.
        if batch.work.was_stopped() {
            return Ok(vec![None; resources.len()]);
        }
        let each = resources.iter().map(|one| batch.worth(one, without));
        each.collect()
    }
}

impl Promiser {
    /// What resources are worth to open orders under the stock of now; none: the work did not suffice
    /// for it. Runs on the caller's thread, at most as long as a hundred solves that use up the limit.
    ///
    /// # Errors
    /// `NotLoaded`, `Ask`.
    pub fn worth(
        &self,
        orders: &[OpenOrder],
        resources: &[Resource],
    ) -> Result<Vec<Option<Worth>>, PlaceError> {
        let planner = self.planner();
        let world = planner.world.load_full().ok_or(PlaceError::NotLoaded)?;
        let engine = &planner.engine;
        let live = |ask: &Ask| boxed(EngineSupply::new(engine, &world, ask, None));
        Ok(world.worth(orders, resources, &live, planner.work_limit)?)
    }
}

fn boxed(supply: EngineSupply<'_>) -> Box<dyn Supply + '_> {
    Box::new(supply)
}

struct Open<'a> {
    order: &'a OpenOrder,
    supply: Frozen<'a>,
    /// Of the plan in force.
    cost: i64,
}

struct Batch<'a> {
    world: &'a World,
    open: Vec<Open<'a>>,
    work: Work,
}

/// A new plan of an order, and what it takes.
struct Moved {
    cost: i64,
    takes: Overlay,
}

impl Batch<'_> {
    /// None: the work did not suffice.
    fn worth(&self, resource: &Resource, without: i64) -> Result<Option<Worth>, AskError> {
        let step = self.step(resource);
        let saved = self.saved(&self.change(resource, step), Some(resource))?;
        let found = Worth {
            more: (saved - without).max(0),
            fewer: self.lost(resource, step)?,
            step,
        };
        Ok((!self.work.was_stopped()).then_some(found))
    }

    fn step(&self, resource: &Resource) -> i64 {
        match resource {
            Resource::Unit { .. } => 1,
            Resource::Line { node_id, .. } => {
                let node = self.world.network.index(node_id);
                let node = node.and_then(|node| self.world.network.nodes().get(node));
                node.map_or(1, |node| node.line_seconds)
            }
        }
    }

    fn change(&self, resource: &Resource, by: i64) -> Overlay {
        let mut change = Overlay::default();
        match resource.clone() {
            Resource::Unit { node_id, sku } => change.stock.push((node_id, sku, by)),
            Resource::Line {
                node_id,
                window_start_s,
            } => change.labor.push((node_id, window_start_s, by)),
        }
        change
    }

    /// What the orders save by moving one after the other under a change, as far as the work goes.
    /// `first`: what the first of them has to want.
    fn saved(&self, change: &Overlay, first: Option<&Resource>) -> Result<i64, AskError> {
        let mut change = change.clone();
        let mut moved = BTreeSet::new();
        let mut saved = 0;
        for turn in 0..MOVES_MAX {
            let mut best: Option<(i64, usize, Moved)> = None;
            for (index, open) in self.open.iter().enumerate() {
                let wants = first.is_none_or(|resource| turn > 0 || wants(open, resource));
                if moved.contains(&index) || !wants {
                    continue;
                }
                let Some(found) = self.solved(open, &change, true)? else {
                    return Ok(saved);
                };
                let saving = open.cost - found.cost;
                if saving > best.as_ref().map_or(0, |one| one.0) {
                    best = Some((saving, index, found));
                }
            }
            let Some((saving, index, found)) = best else {
                break;
            };
            saved += saving;
            moved.insert(index);
            let own = self.open.get(index).map(|open| open.order.own.clone());
            let own = own.unwrap_or_default();
            change.stock.extend(own.stock);
            change.labor.extend(own.labor);
            let takes = found.takes;
            change
                .stock
                .extend(takes.stock.into_iter().map(|(n, s, q)| (n, s, -q)));
            change
                .labor
                .extend(takes.labor.into_iter().map(|(n, w, q)| (n, w, -q)));
        }
        Ok(saved)
    }

    /// What one of the holders loses at least; none: nobody has it.
    fn lost(&self, resource: &Resource, step: i64) -> Result<Option<i64>, AskError> {
        let fewer = self.change(resource, -step);
        let mut least = None;
        for open in &self.open {
            if self.is_free(open, resource, step) {
                return Ok(Some(0));
            }
            if holds(open, resource) {
                let Some(found) = self.solved(open, &fewer, false)? else {
                    return Ok(None);
                };
                let loss = (found.cost - open.cost).max(0);
                least = Some(least.map_or(loss, |known: i64| known.min(loss)));
            }
        }
        Ok(least)
    }

    /// Whether so much is there that nobody holds, as far as an order can tell.
    fn is_free(&self, open: &Open<'_>, resource: &Resource, step: i64) -> bool {
        match resource {
            Resource::Unit { node_id, sku } => {
                let line = open
                    .order
                    .ask
                    .lines
                    .iter()
                    .position(|line| line.sku == *sku);
                let node = self.world.network.index(node_id);
                let cell = node.zip(line);
                cell.is_some_and(|(node, line)| open.supply.units(node, line) >= step)
            }
            Resource::Line {
                node_id,
                window_start_s,
            } => {
                let node = self.world.network.index(node_id);
                node.is_some_and(|node| open.supply.seconds(node, *window_start_s) >= step)
            }
        }
    }

    /// The best plan of an order under a change; `promised`: it does each line of the plan in force.
    /// None: there is no work left for it.
    fn solved(
        &self,
        open: &Open<'_>,
        change: &Overlay,
        promised: bool,
    ) -> Result<Option<Moved>, AskError> {
        if self.work.is_spent() {
            return Ok(None);
        }
        let (ask, network) = (&open.order.ask, &self.world.network);
        let own = Overlaid::new(&open.supply, &open.order.own, network, ask);
        let changed = Overlaid::new(&own, change, network, ask);
        let groups = if promised {
            &open.order.in_force[..]
        } else {
            &[]
        };
        let supply = Promised::by(&changed, ask, groups);
        self.work.spend(reading(self.world, ask));
        let offers = build(self.world, ask, &supply, false)?;
        let nodes_max = self.world.policy.rules.nodes_max;
        let limit = self.work.limit();
        let solution: Solution = solve_within(&offers.problem, nodes_max, limit).solution;
        self.work.spend(solution.work);
        if !solution.exact && self.work.is_spent() {
            return Ok(None);
        }
        let takes = self.takes(ask, &drafts(&offers, &solution));
        Ok(Some(Moved {
            cost: solution.cost,
            takes,
        }))
    }

    fn takes(&self, ask: &Ask, drafts: &[Draft]) -> Overlay {
        let mut takes = Overlay::default();
        for draft in drafts {
            let node_id = crate::plan::node_id(self.world, draft.node);
            for line in draft.lines.iter().filter_map(|line| ask.lines.get(*line)) {
                let taken = (node_id.clone(), line.sku.clone(), line.quantity);
                takes.stock.push(taken);
            }
            for (node, start_s, seconds) in draft.all_labor(self.world) {
                let node_id = crate::plan::node_id(self.world, node);
                takes.labor.push((node_id, start_s, seconds));
            }
        }
        takes
    }
}

fn wants(open: &Open<'_>, resource: &Resource) -> bool {
    match resource {
        Resource::Unit { sku, .. } => open.order.ask.lines.iter().any(|line| line.sku == *sku),
        Resource::Line { .. } => true,
    }
}

fn holds(open: &Open<'_>, resource: &Resource) -> bool {
    let own = &open.order.own;
    match resource {
        Resource::Unit { node_id, sku } => {
            let mut held = own.stock.iter();
            held.any(|(node, held, _)| node == node_id && held == sku)
        }
        Resource::Line {
            node_id,
            window_start_s,
        } => {
            let mut held = own.labor.iter();
            held.any(|(node, start_s, _)| node == node_id && start_s == window_start_s)
        }
    }
}

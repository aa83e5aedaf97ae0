//! Why an order is planned as it is: other plans, why other nodes are not used, what would change it.
//!
//! Everything is solved anew by the kernel on one reading of the stock, with what the order holds as
//! free to it. Plans that leave a line of the plan in force are left aside everywhere: that line is
//! promised, and nothing moves the order to them. Nothing is held.

use std::collections::BTreeSet;

use bopis_sourcing::{cheapest_at, Problem};

use crate::ask::Ask;
use crate::eligible::allowed;
use crate::flips::flips;
use crate::limited::best_within;
use crate::network::WINDOW_S;
use crate::offers::{AskError, Offers};
use crate::overlay::{Frozen, Overlaid, Overlay, Promised, Unguessed};
use crate::placement::PlaceError;
use crate::plan::{groups, node_id, price, Draft, Plan};
use crate::promiser::Promiser;
use crate::quote::{lines_of, QuotedGroup};
use crate::reasons::unfilled;
use crate::rejected::{rejected, RejectedNode};
use crate::relax::{lacking, Lacking};
use crate::rules::Sites;
use crate::supply::{EngineSupply, Supply};
use crate::what_if::{choice, Case, Weighed, WhatIf, Work};
use crate::world::World;

/// Of one explanation, in work limits of one solve.
const SOLVES_OF_ALL: u64 = 40;

/// Of what, and how much.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainAsk {
    /// The order, as of now.
    pub ask: Ask,
    /// The plan in force.
    pub in_force: Vec<QuotedGroup>,
    /// Next-best plans at most.
    pub plans_max: usize,
    /// Nodes not used at most, the nearest ones.
    pub nodes_max: usize,
    /// Changes that flip the decision at most, of each kind.
    pub flips_max: usize,
    /// Relaxations at most, of each line that is unfilled or late.
    pub relaxations_max: usize,
    /// Whether the cost card's opportunity is charged: batches, which move orders, do not.
    pub opportunity: bool,
}

/// A part of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The best plan of now.
    Best,
    /// The next-best plans.
    Others,
    /// Nodes that are not used.
    Rejected,
    /// Changes that flip the decision.
    Flips,
    /// Lines left or late.
    Lacking,
}

/// The answer.
#[derive(Clone, Debug, Default)]
pub struct Explained {
    /// The plan in force, priced under the stock of now.
    pub chosen: Weighed,
    /// The best plan of now; the one in force, where each other leaves a line of it.
    pub best: Weighed,
    /// The next-best plans of now, cheapest first: neither the one in force, nor any that leaves a
    /// line of it.
    pub others: Vec<Weighed>,
    /// Nodes that the plan in force does not use, nearest first.
    pub rejected: Vec<RejectedNode>,
    /// How many such nodes there are in all.
    pub rejected_total: usize,
    /// What makes another plan than the best of now the best, the least change of each kind first.
    pub flips: Vec<WhatIf>,
    /// Lines that the plan in force leaves or does late.
    pub lacking: Vec<Lacking>,
    /// What the work did not suffice for: something may be missing there, or not be the best.
    pub incomplete: Vec<Part>,
    /// The record that units were read at; 0: not read from a ledger.
    pub position: u64,
    /// The version of the dual prices; 0: there were none.
    pub duals_version: i64,
    /// The version of the policy that all this is said under; empty: it has no name.
    pub policy_version: String,
}

impl World {
    /// Explains the plan of an order on a supply; `work_limit`: of one solve.
    ///
    /// # Errors
    /// [`AskError`] for an ask outside its limits.
    pub fn explain(
        &self,
        asked: &ExplainAsk,
        supply: &dyn Supply,
        work_limit: u64,
    ) -> Result<Explained, AskError> {
        let work = Work::new(work_limit, work_limit.saturating_mul(SOLVES_OF_ALL));
        let frozen = Frozen::new(supply, self, &asked.ask);
        let promised = Promised::by(&frozen, &asked.ask, &asked.in_force);
        let unguessed = Unguessed(&promised);
        let case = Case {
            world: self,
            ask: &asked.ask,
            supply: if asked.opportunity {
                &promised
            } else {
                &unguessed
            },
            work: &work,
        };
        let mut incomplete = Vec::new();
        let mut done = |part| incomplete.extend(work.was_stopped().then_some(part));
        let offers = case.offers()?;
        let limited = case.solve(&offers.problem);
        let chosen = in_force(&case, &offers, &asked.in_force);
        let best = case.kept(&offers, &limited.solution, limited.is_binding);
        let best = best.unwrap_or_else(|| chosen.clone());
        done(Part::Best);
        let lacking = lacking(&case, &chosen, &best, asked.relaxations_max)?;
        done(Part::Lacking);
        let (rejected, rejected_total) = rejected(&case, &offers, &chosen, asked.nodes_max)?;
        done(Part::Rejected);
        let others = others(&case, &offers, &chosen, asked.plans_max, work_limit);
        done(Part::Others);
        let flips = flips(&case, &offers, &best, asked.flips_max)?;
        done(Part::Flips);
        Ok(Explained {
            others,
            flips,
            lacking,
            incomplete,
            chosen,
            best,
            rejected,
            rejected_total,
            position: 0,
            duals_version: 0,
            policy_version: String::new(),
        })
    }
}

impl Promiser {
    /// Explains the plan of an order under the stock and dual prices of now; `own`: what the order
    /// holds. Runs on the caller's thread, at most as long as forty solves that use up the work limit.
    ///
    /// # Errors
    /// `NotLoaded`, `Ask`.
    pub fn explain(&self, asked: &ExplainAsk, own: &Overlay) -> Result<Explained, PlaceError> {
        let planner = self.planner();
        let world = planner.world.load_full().ok_or(PlaceError::NotLoaded)?;
        let terms = planner.terms.load_full();
        let duals = planner.duals.load_full();
        let version = duals.as_ref().map_or(0, |duals| duals.version);
        let live = EngineSupply::new(&planner.engine, &world, &asked.ask, duals);
        let position = planner.engine.position();
        let supply = Overlaid::new(&live, own, &world.network, &asked.ask);
        let found = world.explain(asked, &supply, planner.work_limit)?;
        Ok(Explained {
            position,
            duals_version: version,
            policy_version: terms.map_or_else(String::new, |one| one.policy_version.clone()),
            ..found
        })
    }
}

/// The plan in force as it would be priced now, also where rules would not allow it any more.
fn in_force(case: &Case<'_>, offers: &Offers, in_force: &[QuotedGroup]) -> Weighed {
    let (world, ask) = (case.world, case.ask);
    let drafts = drafts_in_force(world, ask, in_force);
    let terms = price(world, ask, &drafts, Some(&offers.shelves()));
    let (stock_dual, labor_dual) = case.dual_charges(&drafts);
    let total = terms.total() + stock_dual + labor_dual;
    Weighed {
        plan: Plan {
            groups: groups(world, ask, &drafts),
            unfilled: unfilled(world, ask, offers, &drafts, false),
            terms,
            customer_node_id: offers.customer_node.map(|node| node_id(world, node)),
        },
        stock_dual,
        labor_dual,
        total,
        is_exact: true,
    }
}

/// The groups of a plan in force in indices; consent, pins and rules do not matter to it any more.
pub(crate) fn drafts_in_force(world: &World, ask: &Ask, in_force: &[QuotedGroup]) -> Vec<Draft> {
    let mut agreed = ask.clone();
    agreed.consent.ship_home = true;
    agreed.pin = None;
    agreed.excluded_node_ids.clear();
    let unruled = World {
        sites: Sites::default(),
        ..world.clone()
    };
    let draft = |group: &QuotedGroup| {
        let node = world.network.index(&group.node_id)?;
        let mut one = agreed.clone();
        one.pickup_only_at = Some(group.node_id.clone());
        let eligible = allowed(&unruled, &one);
        let mut ways = eligible.allowed.iter();
        let way = ways.find(|way| way.0 == node && way.1 == group.method)?;
        let span_s = group.ready_s - group.window_start_s;
        Some(Draft {
            node,
            method: group.method,
            leg: way.2,
            lines: lines_of(ask, group),
            first_start_s: group.window_start_s,
            span: usize::try_from(span_s / WINDOW_S).unwrap_or(1).max(1),
            received_s: None,
        })
    };
    let mut drafts: Vec<Draft> = in_force.iter().filter_map(draft).collect();
    drafts.sort_by_key(|draft| draft.node);
    drafts
}

/// The best plans that leave nothing promised, the one in force left out: those that do without some
/// of a better plan's nodes, and the cheapest with each other node.
fn others(
    case: &Case<'_>,
    offers: &Offers,
    chosen: &Weighed,
    plans_max: usize,
    work_limit: u64,
) -> Vec<Weighed> {
    if plans_max == 0 || case.work.is_spent() {
        return Vec::new();
    }
    let nodes_max = case.world.policy.rules.nodes_max;
    let (mut found, is_binding) =
        best_within(&offers.problem, nodes_max, plans_max + 1, work_limit);
    for one in &found {
        case.work.note(one);
    }
    let nodes: BTreeSet<usize> = offers.offers.iter().map(|offer| offer.node).collect();
    for node in nodes {
        let number = u32::try_from(node).unwrap_or(u32::MAX);
        let mut solve = |problem: &Problem| case.solve(problem).solution;
        let with_it = cheapest_at(&offers.problem, number, &mut solve);
        found.extend(with_it.ok().flatten());
    }
    found.sort_by_key(|solution| solution.cost);
    let mut seen = BTreeSet::from([choice(&chosen.plan)]);
    found
        .iter()
        .filter_map(|solution| case.kept(offers, solution, is_binding))
        .filter(|one| !one.plan.groups.is_empty() && seen.insert(choice(&one.plan)))
        .take(plans_max)
        .collect()
}

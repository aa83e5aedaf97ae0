//! Why the nodes that a plan does not use are not used: the first obstacle on the way from consent to
//! labor, else what the cheapest plan with the node costs more.

use std::collections::BTreeSet;

use bopis_sourcing::{cheapest_at, Solution, Stopped};

use crate::ask::Method;
use crate::hours::usable;
use crate::network::{meters_between, Node};
use crate::offers::{AskError, Offers};
use crate::rules::PIN;
use crate::what_if::{Case, Weighed};

/// The name under which a planner's forbid acts.
const FORBID: &str = "forbid";

/// Why a node is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// A line of the order was short there before.
    ShortBefore,
    /// Nobody collects there, and the customer did not agree to have it shipped.
    NoConsent,
    /// Farther than the customer goes to collect, in meters.
    TooFar {
        /// What the customer agreed to, as far as the policy allows it.
        meters_max: i64,
    },
    /// A planner pinned the order to another node or method.
    Pin,
    /// A planner forbids it.
    Forbid,
    /// A rule of the policy of this name.
    Rule(String),
    /// It has none of the lines; how far each falls short is in [`RejectedNode::lacks`].
    NoStock,
    /// It is not open before the latest time that the policy allows.
    Closed,
    /// No hour that could be used has room for one line.
    NoLabor {
        /// What one line takes.
        line_seconds: i64,
        /// The most that is free in one such hour.
        free_seconds: i64,
    },
    /// All or nothing: no plan with it has every line.
    NotWhole,
    /// Every plan with it leaves a line that is promised.
    LeavesPromised,
    /// The search for a plan with it was stopped before it found one, or that there is none.
    Stopped,
    /// The cheapest plan with it costs as much as the one in force, or more.
    Dearer,
    /// The cheapest plan with it costs less by now.
    Cheaper,
}

/// A line that a node cannot fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lack {
    /// The line.
    pub line_number: i32,
    /// What may be taken there.
    pub units: i64,
    /// What it asks for.
    pub needed: i64,
}

/// A node that the plan in force does not use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedNode {
    /// The node.
    pub node_id: String,
    /// From the customer.
    pub meters: i64,
    /// Why it is not used.
    pub rejection: Rejection,
    /// Lines that it cannot fill for want of units.
    pub lacks: Vec<Lack>,
    /// The cheapest plan that uses it and leaves nothing promised, if there is one.
    pub plan: Option<Weighed>,
}

/// The nearest nodes that a plan does not use, and how many there are in all.
pub(crate) fn rejected(
    case: &Case<'_>,
    offers: &Offers,
    chosen: &Weighed,
    nodes_max: usize,
) -> Result<(Vec<RejectedNode>, usize), AskError> {
    let groups = chosen.plan.groups.iter();
    let used: BTreeSet<&str> = groups.map(|group| group.node_id.as_str()).collect();
    let mut others = nodes_by_distance(case);
    let at = |node: usize| case.world.network.nodes().get(node);
    others.retain(|(_, node)| at(*node).is_some_and(|n| !used.contains(n.spec.node_id.as_str())));
    let total = others.len();
    let nearest = others.into_iter().take(nodes_max);
    let mut open = None;
    if !case.ask.closed.is_empty() && nodes_max > 0 {
        let mut ask = case.ask.clone();
        ask.closed.clear();
        open = Some(Case { ask: &ask, ..*case }.offers()?);
    }
    let judge = Judge {
        case,
        offers,
        open: open.as_ref(),
        chosen,
    };
    let found = nearest.filter_map(|(meters, node)| Some(judge.node(at(node)?, node, meters)));
    Ok((found.collect(), total))
}

/// All nodes with their distance in meters, nearest first.
pub(crate) fn nodes_by_distance(case: &Case<'_>) -> Vec<(i64, usize)> {
    let home = (case.ask.latitude, case.ask.longitude);
    let nodes = case.world.network.nodes().iter().enumerate();
    let mut found: Vec<(i64, usize)> = nodes
        .map(|(index, node)| {
            let place = (node.spec.latitude, node.spec.longitude);
            (meters_between(home, place), index)
        })
        .collect();
    found.sort_unstable();
    found
}

struct Judge<'a> {
    case: &'a Case<'a>,
    offers: &'a Offers,
    /// As if no node were closed to the order; none: none is.
    open: Option<&'a Offers>,
    chosen: &'a Weighed,
}

impl Judge<'_> {
    fn node(&self, found: &Node, node: usize, meters: i64) -> RejectedNode {
        let ask = self.case.ask;
        let node_id = found.spec.node_id.clone();
        let mut row = RejectedNode {
            meters,
            rejection: Rejection::ShortBefore,
            lacks: Vec::new(),
            plan: None,
            node_id,
        };
        if ask.excluded_node_ids.contains(&row.node_id) {
            return row;
        }
        let ways = self.offers.eligible.allowed.iter();
        let methods: Vec<Method> = ways.filter(|way| way.0 == node).map(|way| way.1).collect();
        if methods.is_empty() {
            row.rejection = self.not_allowed(found, node);
            return row;
        }
        row.lacks = self.lacks(node, &methods);
        if self.offers.offers.iter().any(|offer| offer.node == node) {
            let number = u32::try_from(node).unwrap_or(u32::MAX);
            let mut solve = |problem: &_| self.case.solve(problem).solution;
            let plan = cheapest_at(&self.offers.problem, number, &mut solve);
            (row.rejection, row.plan) = match &plan {
                Err(Stopped) => (Rejection::Stopped, None),
                Ok(None) => (self.no_plan(), None),
                Ok(Some(plan)) => self.with_plan(plan),
            };
            return row;
        }
        row.rejection = self.no_offer(found, node, &methods);
        row
    }

    /// No way of the order leads there.
    fn not_allowed(&self, found: &Node, node: usize) -> Rejection {
        let ask = self.case.ask;
        let mut ruled_out = self.offers.eligible.ruled_out.iter();
        if let Some((_, _, rule)) = ruled_out.find(|one| one.0 == node) {
            return named(rule);
        }
        // Collected: too far, or another store than the one where the rest of the order waits.
        if found.spec.kind.is_pickup() && ask.pickup_only_at.is_none() {
            let reach_km = self.case.world.policy.pickup_reach_km;
            let km = match self.offers.customer_node {
                Some(_) => ask.consent.other_store_km.min(reach_km),
                None => reach_km,
            };
            return Rejection::TooFar {
                meters_max: km.saturating_mul(1_000),
            };
        }
        Rejection::NoConsent
    }

    /// Lines for which no method finds the units.
    fn lacks(&self, node: usize, methods: &[Method]) -> Vec<Lack> {
        let ask = self.case.ask;
        let lines = ask.lines.iter().enumerate();
        let lack = |(index, line): (usize, &crate::ask::AskLine)| {
            let all = self.case.supply.units(node, index);
            let kept = methods
                .iter()
                .map(|m| self.case.world.sites.floor(node, *m));
            let units = (all - kept.min().unwrap_or(0)).max(0);
            (units < line.quantity).then_some(Lack {
                line_number: line.line_number,
                units,
                needed: line.quantity,
            })
        };
        lines.filter_map(lack).collect()
    }

    /// The kernel finds a plan, which may leave what is promised.
    fn with_plan(&self, found: &Solution) -> (Rejection, Option<Weighed>) {
        match self.case.kept(self.offers, found, false) {
            Some(plan) if plan.total < self.chosen.total => (Rejection::Cheaper, Some(plan)),
            Some(plan) => (Rejection::Dearer, Some(plan)),
            // The costliest of all plans: there is no other.
            None if found.exact => (self.no_plan(), None),
            None => (Rejection::Stopped, None),
        }
    }

    /// The kernel finds nothing to be had, though the node could serve a line.
    fn no_plan(&self) -> Rejection {
        let mut lines = 0..self.case.ask.lines.len();
        if self.case.ask.all_or_nothing {
            Rejection::NotWhole
        } else if lines.any(|line| self.case.supply.is_promised(line)) {
            Rejection::LeavesPromised
        } else {
            Rejection::Dearer
        }
    }

    /// Rules allow it, but it can serve no line: why not the line that comes farthest.
    fn no_offer(&self, found: &Node, node: usize, methods: &[Method]) -> Rejection {
        let (world, ask) = (self.case.world, self.case.ask);
        let mut ruled = None;
        let mut serves = 0_i64;
        for (index, line) in ask.lines.iter().enumerate() {
            let units = self.case.supply.units(node, index);
            if units < line.quantity || world.catalog.get(&line.sku).is_none() {
                continue;
            }
            if let Some(rule) = world.sites.line_rule(ask, index, node) {
                ruled = Some(rule);
                continue;
            }
            let kept = |method: &Method| world.sites.floor(node, *method);
            if methods.iter().any(|m| units - kept(m) >= line.quantity) {
                serves += 1;
            } else {
                ruled = ruled.or_else(|| world.sites.floor_rule(node));
            }
        }
        if serves == 0 {
            return ruled.map_or(Rejection::NoStock, |rule| named(&rule));
        }
        let opened = |open: &&Offers| open.offers.iter().any(|offer| offer.node == node);
        if self.open.filter(opened).is_some() {
            let closed = ask
                .closed
                .iter()
                .find(|one| one.node_id == found.spec.node_id);
            return named(closed.map_or("", |one| one.rule.as_str()));
        }
        let free = usable_hours(self.case, node).into_iter();
        match free
            .map(|start_s| self.case.supply.seconds(node, start_s))
            .max()
        {
            None => Rejection::Closed,
            Some(free_seconds) => Rejection::NoLabor {
                line_seconds: found.line_seconds,
                free_seconds: free_seconds.max(0),
            },
        }
    }
}

/// The starts of the hours of a node that a group of the order could use, rising.
pub(crate) fn usable_hours(case: &Case<'_>, node: usize) -> Vec<i64> {
    let (ask, policy) = (case.ask, &case.world.policy);
    let from_ms = ask.now_ms.max(case.supply.windows_from_ms());
    let Some(node) = case.world.network.nodes().get(node) else {
        return Vec::new();
    };
    let windows = node.spec.windows.iter().map(|window| window.start_s);
    windows
        .filter(|start_s| usable(ask, policy, from_ms, *start_s))
        .collect()
}

fn named(rule: &str) -> Rejection {
    match rule {
        PIN => Rejection::Pin,
        FORBID => Rejection::Forbid,
        other => Rejection::Rule(other.to_owned()),
    }
}

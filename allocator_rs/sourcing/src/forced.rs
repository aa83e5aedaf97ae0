//! Questions of "what if" about one problem: a node that must be used, a group that costs less.

use crate::problem::{Facility, Problem, CANNOT, COST_MAX, LINES_MAX};
use crate::solution::Solution;

/// The search ended before it found a plan, or that there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

/// The cheapest plan in which a node serves at least one line; none: there is no such plan.
///
/// `solve` solves a problem of the same facilities; it may keep further limits, as long as it finds
/// the cheapest plan within them. First the node serves a line of no cost that nobody else does. If
/// it serves one of the order's beside it, that is the plan: every plan with the node serves that
/// line too. If not, each line that it can serve is bound to it in turn.
///
/// # Errors
/// [`Stopped`] if `solve` was stopped where it counts: whether there is such a plan is not known.
pub fn cheapest_at(
    problem: &Problem,
    node: u32,
    solve: &mut dyn FnMut(&Problem) -> Solution,
) -> Result<Option<Solution>, Stopped> {
    let at_node = |facility: usize| {
        let place = problem.facilities.get(facility);
        place.is_some_and(|place| place.node == node)
    };
    // Where groups share hours, a further line would take of them.
    if problem.lines < LINES_MAX && problem.rooms.is_empty() {
        let mut found = solve(&problem.with_errand(node));
        let errand = found.assignment.pop().flatten();
        if errand.is_none() && found.exact {
            // Left by the costliest of all prices: no plan has the node.
            return Ok(None);
        }
        let serves = found.assignment.iter().flatten().any(|f| at_node(*f));
        if errand.is_some() && serves {
            return Ok(Some(found));
        }
    }
    let can_serve = |line: &usize| {
        let rows = (0..problem.facilities.len()).filter(|f| at_node(*f));
        rows.filter_map(|f| problem.row(f).get(*line))
            .any(|cost| *cost < CANNOT)
    };
    let mut best: Option<Solution> = None;
    // What is proven of each line's plans is proven of them all.
    let mut bound = i64::MAX;
    let mut stopped = false;
    for line in (0..problem.lines).filter(can_serve) {
        let found = solve(&problem.with_line_at(line, node));
        let chosen = found.assignment.get(line).copied().flatten();
        bound = bound.min(found.lower_bound);
        stopped |= !found.exact;
        let is_cheaper = best.as_ref().is_none_or(|best| found.cost < best.cost);
        if chosen.is_some_and(at_node) && is_cheaper {
            best = Some(found);
        }
    }
    match best {
        None if stopped => Err(Stopped),
        None => Ok(None),
        Some(best) => {
            let lower_bound = best.cost.min(bound);
            Ok(Some(Solution {
                lower_bound,
                exact: lower_bound == best.cost,
                ..best
            }))
        }
    }
}

impl Problem {
    /// The same order with facilities of a node, those where customers collect or those that ship,
    /// cheaper to open; none costs less than nothing.
    #[must_use]
    pub fn with_cheaper(&self, node: u32, pickup: bool, by: i64) -> Self {
        let is_meant = |place: &Facility| match pickup {
            true => place.is_pickup(),
            false => place.store.is_none(),
        };
        let cheaper = |place: &Facility| Facility {
            fixed: if place.node == node && is_meant(place) {
                (place.fixed - by.max(0)).max(0)
            } else {
                place.fixed
            },
            ..*place
        };
        Self {
            facilities: self.facilities.iter().map(cheaper).collect(),
            ..self.clone()
        }
    }

    /// The order and a last line that costs nothing at a node and cannot be had elsewhere.
    fn with_errand(&self, node: u32) -> Self {
        let mut costs = Vec::with_capacity(self.costs.len() + self.facilities.len());
        for (index, place) in self.facilities.iter().enumerate() {
            costs.extend_from_slice(self.row(index));
            costs.push(if place.node == node { 0 } else { CANNOT });
        }
        let roomier = |place: &Facility| Facility {
            capacity: if place.node == node {
                place.capacity.saturating_add(1)
            } else {
                place.capacity
            },
            ..*place
        };
        let mut problem = self.clone();
        problem.facilities = self.facilities.iter().map(roomier).collect();
        problem.costs = costs;
        problem.unfilled.push(COST_MAX);
        problem.is_twin.push(false);
        problem.lines += 1;
        problem
    }

    /// The order with one line that only a node may serve.
    fn with_line_at(&self, line: usize, node: u32) -> Self {
        let mut problem = self.clone();
        for (index, place) in self.facilities.iter().enumerate() {
            let cost = problem.costs.get_mut(index * self.lines + line);
            if let Some(cost) = cost.filter(|_| place.node != node) {
                *cost = CANNOT;
            }
        }
        if let Some(unfilled) = problem.unfilled.get_mut(line) {
            *unfilled = COST_MAX;
        }
        problem
    }
}

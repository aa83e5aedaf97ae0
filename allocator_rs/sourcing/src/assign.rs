//! Leaves: the cheapest assignment of the lines to a given set of open facilities.
//!
//! Without binding limits each line goes to its cheapest facility. Where a facility has room for
//! fewer lines they are placed along cheapest augmenting paths (`place`). Twin lines (same SKU) are
//! searched first (`twins`), because what they cost together is not a sum.
#![expect(
    clippy::indexing_slicing,
    reason = "every index is a line or facility below the lengths checked by Problem::new"
)]

use std::cmp::Reverse;

use crate::problem::{Problem, CANNOT};
use crate::twins::TwinSearch;

/// A leaf's result.
pub(crate) struct Leaf {
    /// Facility of each line; empty if nothing below the asked cost was found.
    pub(crate) assignment: Vec<Option<usize>>,
    /// Cost of the lines, unfilled and shared charges included, without fixed costs.
    pub(crate) cost: i64,
    /// Whether no assignment below the asked cost is cheaper.
    pub(crate) exact: bool,
    /// Work units spent.
    pub(crate) work: u64,
}

/// What it costs to leave a line in a plan that serves others.
pub(crate) fn leave_cost(problem: &Problem, line: usize) -> i64 {
    if problem.all_or_nothing {
        CANNOT
    } else {
        problem.unfilled[line]
    }
}

/// Work units of looking at `lines` lines at `places` places.
pub(crate) fn steps(places: usize, lines: usize) -> u64 {
    u64::try_from(places.saturating_mul(lines)).unwrap_or(u64::MAX)
}

/// What twin lines cost beyond each alone; none: a cell has too few units for them together.
pub(crate) fn shared_charge(problem: &Problem, assignment: &[Option<usize>]) -> Option<i64> {
    let mut charge = 0;
    for group in &problem.twins {
        let mut used: Vec<(usize, i64)> = Vec::new();
        for (line, quantity) in group.lines.iter().zip(&group.quantities) {
            let Some(facility) = assignment[*line] else {
                continue;
            };
            let available = group.available[facility];
            charge -= group.tiers.charge(available, *quantity);
            match used.iter_mut().find(|(f, _)| *f == facility) {
                Some((_, units)) => *units += quantity,
                None => used.push((facility, *quantity)),
            }
        }
        for (facility, units) in used {
            if units > group.available[facility] {
                return None;
            }
            charge += group.tiers.charge(group.available[facility], units);
        }
    }
    Some(charge)
}

/// The cheapest assignment to `open` that costs less than `below`, as far as `work_limit` work units
/// reach; the first try is always finished.
pub(crate) fn assign(problem: &Problem, open: &[usize], below: i64, work_limit: u64) -> Leaf {
    let mut assignment = Vec::new();
    let cost = cheapest(problem, open, &mut assignment);
    let work = steps(open.len() + 1, problem.lines);
    let leaf = |assignment, cost| Leaf {
        assignment,
        cost,
        exact: true,
        work,
    };
    if cost >= below {
        return leaf(Vec::new(), i64::MAX);
    }
    if loads_fit(problem, &assignment) {
        if problem.twins.is_empty() || shared_charge(problem, &assignment) == Some(0) {
            return leaf(assignment, cost);
        }
    } else if let ([only], true) = (open, problem.twins.is_empty()) {
        let (assignment, cost) = fullest(problem, *only);
        return leaf(assignment, cost);
    }
    let limit = work_limit.saturating_sub(work);
    let mut found = TwinSearch::new(problem, open, below, limit).run();
    found.work += work;
    found
}

fn loads_fit(problem: &Problem, assignment: &[Option<usize>]) -> bool {
    let mut loads = vec![0_usize; problem.facilities.len()];
    assignment.iter().flatten().all(|facility| {
        loads[*facility] += 1;
        loads[*facility] <= problem.facilities[*facility].capacity as usize
    })
}

/// Each line to its cheapest facility, room ignored; what that costs.
pub(crate) fn cheapest(
    problem: &Problem,
    open: &[usize],
    assignment: &mut Vec<Option<usize>>,
) -> i64 {
    assignment.clear();
    assignment.resize(problem.lines, None);
    let mut total = 0;
    for (line, choice) in assignment.iter_mut().enumerate() {
        let mut best = leave_cost(problem, line);
        for facility in open {
            let cost = problem.costs[facility * problem.lines + line];
            if cost < best {
                best = cost;
                *choice = Some(*facility);
            }
        }
        total += best;
    }
    total
}

/// One facility without room for all: it serves the lines that gain most.
fn fullest(problem: &Problem, facility: usize) -> (Vec<Option<usize>>, i64) {
    let row = problem.row(facility);
    let mut gains: Vec<(i64, usize)> = (0..problem.lines)
        .map(|line| (leave_cost(problem, line) - row[line], line))
        .filter(|(gain, _)| *gain > 0)
        .collect();
    gains.sort_unstable_by_key(|(gain, line)| (Reverse(*gain), *line));
    gains.truncate(problem.facilities[facility].capacity as usize);
    let mut assignment = vec![None; problem.lines];
    let mut cost: i64 = (0..problem.lines).map(|l| leave_cost(problem, l)).sum();
    for (gain, line) in gains {
        cost -= gain;
        assignment[line] = Some(facility);
    }
    (assignment, cost)
}

//! Leaves: the cheapest assignment of the lines to a given set of open facilities.
//!
//! Without binding limits each line goes to its cheapest facility. Where a facility has room for
//! fewer lines, lines are inserted one at a time along a cheapest augmenting path (successive
//! shortest paths; exact because each line takes one place). Twin lines (same SKU) are enumerated
//! first, cheapest choice first, because what they cost together is not a sum.
#![expect(
    clippy::indexing_slicing,
    reason = "every index is a line or facility below the lengths checked by Problem::new"
)]

use crate::problem::{Problem, CANNOT};

/// A leaf's result.
pub(crate) struct Leaf {
    /// Facility of each line.
    pub(crate) assignment: Vec<Option<usize>>,
    /// Cost of the lines, unfilled and shared charges included, without fixed costs.
    pub(crate) cost: i64,
    /// Whether the enumeration of twins ended by itself.
    pub(crate) exact: bool,
    /// Work units beyond the first.
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

/// The cheapest assignment to `open`. At most `work_limit` twin assignments are tried, one at least.
pub(crate) fn assign(problem: &Problem, open: &[usize], work_limit: u64) -> Leaf {
    let (assignment, cost) = cheapest(problem, open);
    let loads_fit = open.iter().all(|f| {
        let load = assignment
            .iter()
            .filter(|choice| **choice == Some(*f))
            .count();
        load <= problem.facilities[*f].capacity as usize
    });
    if problem.twins.is_empty() && loads_fit {
        return Leaf {
            assignment,
            cost,
            exact: true,
            work: 0,
        };
    }
    if loads_fit && shared_charge(problem, &assignment) == Some(0) {
        return Leaf {
            assignment,
            cost,
            exact: true,
            work: 0,
        };
    }
    let mut twins = TwinSearch::new(problem, open, work_limit);
    twins.descend(0, 0);
    Leaf {
        assignment: twins.best,
        cost: twins.best_cost,
        exact: !twins.stopped,
        work: twins.work,
    }
}

fn cheapest(problem: &Problem, open: &[usize]) -> (Vec<Option<usize>>, i64) {
    let mut assignment = vec![None; problem.lines];
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
    (assignment, total)
}

/// Enumerates the choices of twin lines, then places the other lines by augmenting paths.
struct TwinSearch<'a> {
    problem: &'a Problem,
    open: &'a [usize],
    order: Vec<usize>,
    others: Vec<usize>,
    /// Least cost of the twins from a position on, and of all other lines.
    least_after: Vec<i64>,
    current: Vec<Option<usize>>,
    best: Vec<Option<usize>>,
    best_cost: i64,
    work: u64,
    work_limit: u64,
    stopped: bool,
}

impl<'a> TwinSearch<'a> {
    fn new(problem: &'a Problem, open: &'a [usize], work_limit: u64) -> Self {
        let order: Vec<usize> = problem
            .twins
            .iter()
            .flat_map(|t| t.lines.iter().copied())
            .collect();
        let others: Vec<usize> = (0..problem.lines)
            .filter(|l| !problem.is_twin[*l])
            .collect();
        let least = |line: usize| {
            open.iter()
                .map(|f| problem.costs[f * problem.lines + line])
                .fold(leave_cost(problem, line), i64::min)
        };
        let mut least_after = vec![others.iter().map(|l| least(*l)).sum::<i64>()];
        for line in order.iter().rev() {
            let tail = least_after[least_after.len() - 1];
            least_after.push(tail + least(*line));
        }
        least_after.reverse();
        Self {
            problem,
            open,
            order,
            others,
            least_after,
            current: vec![None; problem.lines],
            best: vec![None; problem.lines],
            best_cost: i64::MAX,
            work: 0,
            work_limit: work_limit.max(1),
            stopped: false,
        }
    }

    /// `spent`: cost of the twins before `position`, each alone.
    fn descend(&mut self, position: usize, spent: i64) {
        let Some(shared) = shared_charge(self.problem, &self.current) else {
            return;
        };
        if spent + shared + self.least_after[position] >= self.best_cost {
            return;
        }
        if position == self.order.len() {
            self.complete(spent + shared);
            return;
        }
        if self.work >= self.work_limit {
            self.stopped = true;
            return;
        }
        let line = self.order[position];
        let mut choices: Vec<(i64, Option<usize>)> = vec![(leave_cost(self.problem, line), None)];
        choices.extend(self.open.iter().filter_map(|f| {
            let cost = self.problem.costs[f * self.problem.lines + line];
            let load = self.current.iter().filter(|c| **c == Some(*f)).count();
            let room = load < self.problem.facilities[*f].capacity as usize;
            (cost < CANNOT && room).then_some((cost, Some(*f)))
        }));
        choices.sort_unstable();
        for (cost, choice) in choices {
            self.current[line] = choice;
            self.descend(position + 1, spent + cost);
            self.current[line] = None;
        }
    }

    fn complete(&mut self, twins_cost: i64) {
        self.work += 1;
        let mut trial = self.current.clone();
        let cost = twins_cost + place(self.problem, self.open, &self.others, &mut trial);
        if cost < self.best_cost {
            self.best_cost = cost;
            self.best = trial;
        }
    }
}

/// Places `lines` into `assignment` beside the (fixed) lines already there; returns their cost.
fn place(
    problem: &Problem,
    open: &[usize],
    lines: &[usize],
    assignment: &mut [Option<usize>],
) -> i64 {
    let mut room: Vec<usize> = open
        .iter()
        .map(|f| {
            let load = assignment
                .iter()
                .filter(|choice| **choice == Some(*f))
                .count();
            (problem.facilities[*f].capacity as usize).saturating_sub(load)
        })
        .collect();
    // `seat[l]`: index into `open`, or open.len() for unfilled, of the lines placed here so far.
    let nowhere = open.len();
    let mut seat: Vec<(usize, usize)> = Vec::with_capacity(lines.len());
    let cost_at = |line: usize, index: usize| {
        open.get(index).map_or_else(
            || leave_cost(problem, line),
            |f| problem.costs[f * problem.lines + line],
        )
    };
    for line in lines {
        // Cheapest cost to reach each place, through lines that would have to step aside.
        let mut reach: Vec<i64> = (0..=nowhere).map(|index| cost_at(*line, index)).collect();
        let mut stepped: Vec<Option<usize>> = vec![None; nowhere + 1];
        let mut changed = true;
        while changed {
            changed = false;
            for (position, (other, from)) in seat.iter().enumerate() {
                for to in 0..=nowhere {
                    let via = reach[*from] - cost_at(*other, *from) + cost_at(*other, to);
                    if to != *from && via < reach[to] {
                        reach[to] = via;
                        stepped[to] = Some(position);
                        changed = true;
                    }
                }
            }
        }
        let mut target = nowhere;
        for (index, free) in room.iter().enumerate() {
            if *free > 0 && reach[index] < reach[target] {
                target = index;
            }
        }
        if target < nowhere {
            room[target] -= 1;
        }
        while let Some(position) = stepped[target] {
            std::mem::swap(&mut seat[position].1, &mut target);
        }
        seat.push((*line, target));
    }
    let mut total = 0;
    for (line, index) in seat {
        total += cost_at(line, index);
        assignment[line] = open.get(index).copied();
    }
    total
}

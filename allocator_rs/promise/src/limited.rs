//! The kernel under a limit on the nodes of one order.
//!
//! A plan with too many nodes is a bound on every plan with fewer: each of those lacks one of its
//! nodes. So the search forbids them one by one, the cheapest problem first, and ends with the first
//! plan that keeps the limit. With a limit of one node, each node is tried alone.

use std::collections::BTreeSet;

use bopis_sourcing::{k_best, solve, Problem, Solution};

/// Most problems solved for one order; what is left unexplored enters its lower bound.
const SOLVES_MAX: usize = 256;

/// The best plan within the limit.
pub(crate) struct Limited {
    /// The plan; its lower bound holds for plans within the limit.
    pub(crate) solution: Solution,
    /// Whether a plan with more nodes would cost less.
    pub(crate) is_binding: bool,
}

/// The best plan of at most `nodes_max` nodes; none: of any number.
pub(crate) fn solve_within(
    problem: &Problem,
    nodes_max: Option<usize>,
    work_limit: u64,
) -> Limited {
    let solution = solve(problem, work_limit);
    match nodes_max {
        Some(max) if nodes_of(problem, &solution).len() > max => Limited {
            solution: Search::new(problem, max, work_limit).run(solution),
            is_binding: true,
        },
        _ => Limited {
            solution,
            is_binding: false,
        },
    }
}

/// The best `k` plans (at least one) of at most `nodes_max` nodes, cheapest first.
pub(crate) fn best_within(
    problem: &Problem,
    nodes_max: Option<usize>,
    k: usize,
    work_limit: u64,
) -> (Vec<Solution>, bool) {
    let Some(max) = nodes_max else {
        return (k_best(problem, k, work_limit), false);
    };
    let best = solve_within(problem, nodes_max, work_limit);
    let mut found = vec![best.solution];
    if k > 1 {
        let others = k_best(problem, 2 * k, work_limit);
        found.extend(
            others
                .into_iter()
                .filter(|plan| nodes_of(problem, plan).len() <= max),
        );
        let mut seen = BTreeSet::new();
        found.retain(|plan| seen.insert(nodes_of(problem, plan)));
        found.sort_by_key(|plan| plan.cost);
        found.truncate(k);
    }
    (found, best.is_binding)
}

struct Search<'a> {
    problem: &'a Problem,
    nodes: BTreeSet<u32>,
    nodes_max: usize,
    work_limit: u64,
    work_left: u64,
    solves: usize,
    best: Option<Solution>,
}

impl<'a> Search<'a> {
    fn new(problem: &'a Problem, nodes_max: usize, work_limit: u64) -> Self {
        Self {
            problem,
            nodes: problem.facilities().iter().map(|f| f.node).collect(),
            nodes_max,
            work_limit,
            work_left: work_limit,
            solves: 0,
            best: None,
        }
    }

    fn run(mut self, relaxed: Solution) -> Solution {
        let spent = relaxed.work;
        let bound = if self.nodes_max == 1 {
            self.each_alone()
        } else {
            self.branch(relaxed)
        };
        // Leaving everything keeps any limit: a problem without nodes has that plan only.
        let nothing: Vec<u32> = self.nodes.iter().copied().collect();
        let mut best = match self.best.take() {
            Some(best) => best,
            None => self.without(&nothing),
        };
        best.lower_bound = best.cost.min(bound);
        best.exact = best.lower_bound == best.cost;
        best.work = spent.saturating_add(self.work_limit - self.work_left);
        best
    }

    /// Tries every node alone; a bound on all plans of one node.
    fn each_alone(&mut self) -> i64 {
        let nodes: Vec<u32> = self.nodes.iter().copied().collect();
        let mut bound = i64::MAX;
        for node in &nodes {
            let others: Vec<u32> = nodes.iter().copied().filter(|n| n != node).collect();
            let solution = self.without(&others);
            bound = bound.min(solution.lower_bound);
            self.keep(solution);
        }
        bound
    }

    /// Best first; a bound on all plans within the limit.
    fn branch(&mut self, relaxed: Solution) -> i64 {
        self.restrict(&relaxed);
        let mut tried: BTreeSet<Vec<u32>> = BTreeSet::new();
        let mut pending: Vec<(Solution, Vec<u32>)> = vec![(relaxed, Vec::new())];
        let least =
            |pending: &[(Solution, Vec<u32>)]| pending.iter().map(|p| p.0.lower_bound).min();
        while let Some(position) =
            (0..pending.len()).min_by_key(|i| pending.get(*i).map(|p| p.0.lower_bound))
        {
            let bound = least(&pending).unwrap_or(i64::MAX);
            let done = self.best.as_ref().is_some_and(|best| best.cost <= bound);
            if done || self.solves >= SOLVES_MAX || self.work_left == 0 {
                return bound;
            }
            let (plan, forbidden) = pending.swap_remove(position);
            let nodes = nodes_of(self.problem, &plan);
            if nodes.len() <= self.nodes_max {
                // Its own bound stays: the kernel may have been stopped.
                let bound = plan.lower_bound;
                self.keep(plan);
                return bound.min(least(&pending).unwrap_or(i64::MAX));
            }
            for node in nodes {
                let mut without = forbidden.clone();
                without.push(node);
                without.sort_unstable();
                if tried.insert(without.clone()) {
                    let child = self.without(&without);
                    if nodes_of(self.problem, &child).len() <= self.nodes_max {
                        self.keep(child.clone());
                    }
                    pending.push((child, without));
                }
            }
        }
        i64::MAX
    }

    /// Keeps the best plan on those of a plan's nodes that do most of its lines.
    fn restrict(&mut self, plan: &Solution) {
        let mut loads: Vec<(usize, u32)> = nodes_of(self.problem, plan)
            .into_iter()
            .map(|node| (lines_at(self.problem, plan, node), node))
            .collect();
        loads.sort_unstable_by(|a, b| b.cmp(a));
        let kept: BTreeSet<u32> = loads
            .iter()
            .take(self.nodes_max)
            .map(|(_, node)| *node)
            .collect();
        let others: Vec<u32> = self.nodes.difference(&kept).copied().collect();
        let solution = self.without(&others);
        self.keep(solution);
    }

    fn keep(&mut self, solution: Solution) {
        let better = |best: &Solution| solution.cost < best.cost;
        if self.best.as_ref().is_none_or(better) {
            self.best = Some(solution);
        }
    }

    /// The best plan without some nodes; facilities are numbered as in the whole problem.
    fn without(&mut self, nodes: &[u32]) -> Solution {
        let facilities = self.problem.facilities().iter().enumerate();
        let kept: Vec<usize> = facilities
            .filter(|(_, facility)| !nodes.contains(&facility.node))
            .map(|(index, _)| index)
            .collect();
        let mut solution = solve(&self.problem.without_nodes(nodes), self.work_left);
        for choice in &mut solution.assignment {
            *choice = choice.and_then(|facility| kept.get(facility).copied());
        }
        self.solves += 1;
        self.work_left = self.work_left.saturating_sub(solution.work);
        solution
    }
}

fn node_of(problem: &Problem, facility: usize) -> Option<u32> {
    problem.facilities().get(facility).map(|found| found.node)
}

fn nodes_of(problem: &Problem, solution: &Solution) -> Vec<u32> {
    let open = solution.open_facilities();
    let nodes: BTreeSet<u32> = open.iter().filter_map(|f| node_of(problem, *f)).collect();
    nodes.into_iter().collect()
}

fn lines_at(problem: &Problem, solution: &Solution, node: u32) -> usize {
    let choices = solution.assignment.iter().flatten();
    choices
        .filter(|facility| node_of(problem, **facility) == Some(node))
        .count()
}

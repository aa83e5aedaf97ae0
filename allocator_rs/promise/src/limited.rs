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

#[cfg(test)]
mod tests {
    use bopis_sourcing::{Facility, LatePrice, Store, CANNOT};

    use super::*;

    /// A small generator of its own, so that a seed names a problem.
    struct Dice(u64);

    impl Dice {
        fn below(&mut self, bound: u64) -> u64 {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (self.0 >> 33) % bound
        }

        fn cost(&mut self, bound: u64) -> i64 {
            i64::try_from(self.below(bound)).unwrap()
        }
    }

    fn problem(seed: u64) -> Problem {
        let mut dice = Dice(seed);
        let (nodes, lines) = (2 + dice.below(5), 1 + dice.below(6));
        let mut facilities = Vec::new();
        let mut costs = Vec::new();
        for node in 0..nodes {
            for late in 0..=dice.below(2) {
                facilities.push(Facility {
                    node: u32::try_from(node).unwrap(),
                    store: (dice.below(3) == 0).then_some(Store::at(u32::try_from(node).unwrap())),
                    fixed: dice.cost(40),
                    capacity: if dice.below(3) == 0 { 2 } else { u32::MAX },
                    late: u32::try_from(late).unwrap(),
                });
                for _ in 0..lines {
                    let serves = dice.below(3) > 0;
                    costs.push(if serves { dice.cost(30) } else { CANNOT });
                }
            }
        }
        let unfilled = (0..lines).map(|_| 50 + dice.cost(200)).collect();
        let late = LatePrice { broken: 5, hour: 7 };
        let all_or_nothing = dice.below(4) == 0;
        Problem::new(
            facilities,
            costs,
            unfilled,
            3,
            late,
            all_or_nothing,
            Vec::new(),
        )
        .unwrap()
    }

    /// The least cost over every set of so many nodes.
    fn by_every_set(problem: &Problem, nodes_max: usize) -> i64 {
        let nodes: BTreeSet<u32> = problem.facilities().iter().map(|f| f.node).collect();
        let nodes: Vec<u32> = nodes.into_iter().collect();
        (0_u32..1 << nodes.len())
            .filter(|set| set.count_ones() as usize <= nodes_max)
            .map(|set| {
                let others: Vec<u32> = (0..nodes.len())
                    .filter(|index| set & (1 << index) == 0)
                    .map(|index| nodes[index])
                    .collect();
                solve(&problem.without_nodes(&others), 1_000_000).cost
            })
            .min()
            .unwrap()
    }

    #[test]
    fn the_limited_plan_is_the_best_of_all_sets_of_so_many_nodes() {
        let mut binding = 0;
        for seed in 0..2_000 {
            let problem = problem(seed);
            for nodes_max in 1..=3 {
                let found = solve_within(&problem, Some(nodes_max), 1_000_000);
                assert!(nodes_of(&problem, &found.solution).len() <= nodes_max);
                assert_eq!(
                    found.solution.cost,
                    by_every_set(&problem, nodes_max),
                    "seed {seed}, {nodes_max} nodes"
                );
                assert!(found.solution.exact);
                binding += usize::from(found.is_binding);
            }
        }
        assert!(binding > 1_000, "{binding} limits bind");
    }

    #[test]
    fn a_search_that_is_stopped_keeps_the_limit_and_a_bound_below_its_cost() {
        for seed in 0..500 {
            let problem = problem(seed);
            for work_limit in [1, 50, 400] {
                let found = solve_within(&problem, Some(2), work_limit).solution;
                assert!(nodes_of(&problem, &found).len() <= 2);
                assert!(found.lower_bound <= by_every_set(&problem, 2));
                assert!(found.lower_bound <= found.cost);
            }
        }
    }
}

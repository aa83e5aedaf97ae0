//! The next-best plans, for explanations.

use std::collections::BTreeSet;

use crate::problem::Problem;
use crate::search::solve;
use crate::solution::Solution;

/// Up to `k` plans that use different sets of nodes, cheapest first. The first is the best plan;
/// each further one is the best plan that does without some nodes of earlier plans (plans that only
/// add nodes to an earlier one explain nothing and are not listed).
/// Facility indices refer to `problem`. At most `8 k` problems are solved beside the first, each
/// within `work_limit` work units, all within `k` times as many.
#[must_use]
pub fn k_best(problem: &Problem, k: usize, work_limit: u64) -> Vec<Solution> {
    let mut left = work_limit.saturating_mul(u64::try_from(k).unwrap_or(u64::MAX));
    let mut solve_without = |nodes: &[u32]| {
        let plan = solve_without(problem, nodes, work_limit.min(left));
        left = left.saturating_sub(plan.work);
        plan
    };
    let mut tried: BTreeSet<Vec<u32>> = BTreeSet::new();
    let mut seen: BTreeSet<Vec<u32>> = BTreeSet::new();
    let mut found: Vec<Solution> = Vec::new();
    let mut solves = 0;
    tried.insert(Vec::new());
    let mut pending: Vec<(Solution, Vec<u32>)> = vec![(solve_without(&[]), Vec::new())];
    while let Some(position) = (0..pending.len()).min_by_key(|i| pending.get(*i).map(|p| p.0.cost))
    {
        let (plan, forbidden) = pending.swap_remove(position);
        let nodes = nodes_of(problem, &plan);
        if seen.insert(nodes.clone()) {
            found.push(plan);
        }
        if found.len() >= k {
            break;
        }
        for node in nodes {
            let mut without = forbidden.clone();
            without.push(node);
            without.sort_unstable();
            if solves < 8 * k && tried.insert(without.clone()) {
                solves += 1;
                pending.push((solve_without(&without), without));
            }
        }
    }
    found
}

fn nodes_of(problem: &Problem, plan: &Solution) -> Vec<u32> {
    let mut nodes: Vec<u32> = plan
        .open_facilities()
        .iter()
        .filter_map(|f| problem.facilities().get(*f).map(|x| x.node))
        .collect();
    nodes.sort_unstable();
    nodes
}

fn solve_without(problem: &Problem, nodes: &[u32], work_limit: u64) -> Solution {
    let kept: Vec<usize> = (0..problem.facilities().len())
        .filter(|f| {
            problem
                .facilities()
                .get(*f)
                .is_some_and(|x| !nodes.contains(&x.node))
        })
        .collect();
    let mut plan = solve(&problem.without_nodes(nodes), work_limit);
    for choice in &mut plan.assignment {
        *choice = choice.and_then(|f| kept.get(f).copied());
    }
    plan
}

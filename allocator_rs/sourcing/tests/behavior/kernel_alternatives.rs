//! The k best plans against an enumeration of every plan there is.

use std::collections::{BTreeMap, BTreeSet};

use bopis_sourcing::k_best;

use crate::oracle::{random_case, Case};

type Nodes = BTreeSet<u32>;

/// The least cost of a plan that uses exactly these nodes, for every set of nodes.
fn best_by_nodes(case: &Case) -> BTreeMap<Nodes, i64> {
    let lines = case.unfilled.len();
    let choices = case.facilities.len() + 1;
    let mut best: BTreeMap<Nodes, i64> = BTreeMap::new();
    for code in 0..choices.pow(lines as u32) {
        let choice = |line: u32| (code / choices.pow(line) % choices).checked_sub(1);
        let assignment: Vec<Option<usize>> = (0..lines as u32).map(choice).collect();
        let Some(cost) = case.price(&assignment) else {
            continue;
        };
        let used = assignment.iter().flatten();
        let nodes = used.map(|f| case.facilities[*f].node).collect();
        let slot = best.entry(nodes).or_insert(cost);
        *slot = cost.min(*slot);
    }
    best
}

/// Sets of nodes that cost less than any part of theirs, cheapest first.
fn expected(case: &Case) -> Vec<(i64, Nodes)> {
    let best = best_by_nodes(case);
    let is_better = |nodes: &Nodes, cost: i64| {
        let mut parts = best.iter().filter(|(part, _)| part.is_subset(nodes));
        parts.all(|(part, least)| part == nodes || cost < *least)
    };
    let kept = best.iter().filter(|(nodes, cost)| is_better(nodes, **cost));
    let mut plans: Vec<(i64, Nodes)> = kept.map(|(nodes, cost)| (*cost, nodes.clone())).collect();
    plans.sort();
    plans
}

#[test]
fn the_k_best_plans_are_those_of_a_full_enumeration_in_order() {
    let (mut compared, mut plans_compared) = (0, 0);
    for seed in 0..3_000 {
        let case = random_case(seed, 2 + (seed % 3) as usize, 2 + (seed / 3 % 3) as u32);
        let expected = expected(&case);
        // Of plans of one cost any may come first, and then its parts are left out.
        let costs: BTreeSet<i64> = best_by_nodes(&case).into_values().collect();
        if costs.len() < best_by_nodes(&case).len() {
            continue;
        }
        for k in [1, 2, 4] {
            let plans = k_best(&case.problem(), k, u64::MAX);
            assert_eq!(plans.len(), k.min(expected.len()), "seed {seed}, k {k}");
            for (plan, (cost, nodes)) in plans.iter().zip(&expected) {
                assert_eq!(plan.cost, *cost, "seed {seed}, k {k}: {case:?}");
                let used = plan.assignment.iter().flatten();
                let used: Nodes = used.map(|f| case.facilities[*f].node).collect();
                assert_eq!(used, *nodes, "seed {seed}, k {k}: {case:?}");
                assert_eq!(case.price(&plan.assignment), Some(*cost), "seed {seed}");
                plans_compared += 1;
            }
        }
        compared += 1;
    }
    assert!(compared > 800, "few cases have no ties: {compared}");
    assert!(plans_compared > 3_000, "{plans_compared}");
}

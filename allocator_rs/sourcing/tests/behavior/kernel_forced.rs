//! The cheapest plan with a node, and cheaper groups, against an enumeration of every plan there is.

use std::collections::BTreeMap;

use bopis_sourcing::{cheapest_at, solve, Stopped};

use crate::oracle::{random_case, Case};

/// By node, the least cost of a plan that uses it; and the least cost of all.
fn best_by_node(case: &Case) -> (BTreeMap<u32, i64>, i64) {
    let lines = case.unfilled.len();
    let choices = case.facilities.len() + 1;
    let mut best = BTreeMap::new();
    let mut least = i64::MAX;
    for code in 0..choices.pow(lines as u32) {
        let choice = |line: u32| (code / choices.pow(line) % choices).checked_sub(1);
        let assignment: Vec<Option<usize>> = (0..lines as u32).map(choice).collect();
        let Some(cost) = case.price(&assignment) else {
            continue;
        };
        least = least.min(cost);
        for facility in assignment.iter().flatten() {
            let slot = best.entry(case.facilities[*facility].node).or_insert(cost);
            *slot = cost.min(*slot);
        }
    }
    (best, least)
}

#[test]
fn the_cheapest_plan_with_a_node_is_that_of_a_full_enumeration() {
    let (mut found, mut lacking, mut dearer) = (0, 0, 0);
    for seed in 0..3_000 {
        let case = random_case(seed, 2 + (seed % 3) as usize, 2 + (seed / 3 % 3) as u32);
        let problem = case.problem();
        let (best, least) = best_by_node(&case);
        for node in 0..5 {
            let plan = cheapest_at(&problem, node, &mut |problem| solve(problem, u64::MAX));
            let plan = plan.unwrap();
            assert_eq!(
                plan.as_ref().map(|plan| plan.cost),
                best.get(&node).copied(),
                "seed {seed}, node {node}: {case:?}"
            );
            let Some(plan) = plan else {
                lacking += 1;
                continue;
            };
            assert_eq!(plan.assignment.len(), case.unfilled.len());
            assert_eq!(case.price(&plan.assignment), Some(plan.cost), "seed {seed}");
            let mut used = plan.assignment.iter().flatten();
            assert!(
                used.any(|f| case.facilities[*f].node == node),
                "seed {seed}"
            );
            found += 1;
            dearer += usize::from(plan.cost > least);
        }
    }
    assert!(found > 5_000 && dearer > 3_000, "{found} {dearer}");
    assert!(lacking > 500, "{lacking}");
}

#[test]
fn a_search_that_is_stopped_claims_neither_that_there_is_no_plan_nor_too_high_a_bound() {
    let (mut stopped, mut found) = (0, 0);
    for seed in 0..1_000 {
        let case = random_case(seed, 2 + (seed % 3) as usize, 2 + (seed / 3 % 3) as u32);
        let problem = case.problem();
        let (best, _) = best_by_node(&case);
        for (node, work_limit) in (0..5).flat_map(|node| [0, 1, 20, 80].map(|limit| (node, limit)))
        {
            let told = cheapest_at(&problem, node, &mut |problem| solve(problem, work_limit));
            let best = best.get(&node).copied();
            match told {
                Err(Stopped) => stopped += 1,
                Ok(None) => assert_eq!(best, None, "seed {seed}, node {node}, {work_limit}"),
                Ok(Some(plan)) => {
                    let best = best.unwrap();
                    assert!(plan.lower_bound <= best && best <= plan.cost, "seed {seed}");
                    assert!(!plan.exact || plan.cost == best, "seed {seed}");
                    found += 1;
                }
            }
        }
    }
    assert!(stopped > 100 && found > 1_000, "{stopped} {found}");
}

#[test]
fn a_group_that_costs_less_is_chosen_as_soon_as_the_difference_is_made_up() {
    let mut flipped = 0;
    for seed in 0..2_000 {
        let case = random_case(seed, 2 + (seed % 3) as usize, 2 + (seed / 3 % 3) as u32);
        let problem = case.problem();
        for facility in &case.facilities {
            for by in [0, 1, 7, 1_000] {
                let cheaper = problem.with_cheaper(facility.node, facility.is_pickup(), by);
                let mut expected = case.clone();
                for one in &mut expected.facilities {
                    if (one.node, one.is_pickup()) == (facility.node, facility.is_pickup()) {
                        one.fixed = (one.fixed - by).max(0);
                    }
                }
                let cost = solve(&cheaper, u64::MAX).cost;
                assert_eq!(cost, expected.optimum(), "seed {seed}");
                flipped += usize::from(cost < solve(&problem, u64::MAX).cost);
            }
        }
    }
    assert!(flipped > 1_000, "{flipped}");
}

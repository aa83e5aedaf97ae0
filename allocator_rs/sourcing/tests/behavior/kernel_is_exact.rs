//! The kernel against a dynamic program over line subsets and against brute force.

use bopis_sourcing::{
    k_best, solve, undominated_patterns, Kernel, OpportunityTiers, Pattern, PatternLimits,
    Solution, Twins, Window, CANNOT,
};
use proptest::prelude::*;

use crate::oracle::{random_case, Case, Dice};

const UNLIMITED: u64 = u64::MAX;

fn assert_exact(case: &Case, expected: i64, name: &str) {
    let plan = solve(&case.problem(), UNLIMITED);
    assert_eq!(plan.cost, expected, "{name}: {case:?} gave {plan:?}");
    assert!(plan.exact && plan.lower_bound == plan.cost, "{name}");
    assert_eq!(
        case.price(&plan.assignment),
        Some(plan.cost),
        "{name}: {plan:?}"
    );
}

#[test]
fn the_kernel_finds_the_brute_force_optimum_of_thousands_of_small_orders() {
    for seed in 0..4_000 {
        let lines = 1 + (seed % 4) as usize;
        let case = random_case(seed, lines, 1 + (seed / 4 % 4) as u32);
        assert_exact(&case, case.brute_force(), &format!("seed {seed}"));
    }
}

#[test]
fn a_kernel_that_knows_a_cost_finds_what_is_below_it_and_nothing_else() {
    let (mut kernel, mut found) = (Kernel::default(), Solution::default());
    for seed in 0..2_000 {
        let lines = 1 + (seed % 6) as usize;
        let case = random_case(seed, lines, 1 + (seed / 6 % 4) as u32);
        let (problem, optimum) = (case.problem(), case.optimum());
        for below in [optimum - 3, optimum, optimum + 1, optimum + 50, i64::MAX] {
            for work in [UNLIMITED, 40 + seed % 300] {
                let is_found = kernel.solve_below(&problem, (work, below), &mut found);
                let name = format!("seed {seed}, below {below}, work {work}: {found:?}");
                assert!(found.lower_bound <= optimum, "{name}");
                assert!(!is_found || optimum < below, "{name}");
                if is_found {
                    assert_eq!(case.price(&found.assignment), Some(found.cost), "{name}");
                    assert!(found.cost < below, "{name}");
                }
                if work == UNLIMITED {
                    assert_eq!(is_found, optimum < below, "{name}");
                    assert_eq!(found.lower_bound, optimum.min(below), "{name}");
                    assert!(found.exact, "{name}");
                }
            }
        }
    }
}

#[test]
fn the_oracle_agrees_with_brute_force() {
    for seed in 10_000..11_000 {
        let case = random_case(seed, 1 + (seed % 4) as usize, 3);
        assert_eq!(case.optimum(), case.brute_force(), "seed {seed}");
    }
}

#[test]
fn the_kernel_agrees_with_the_subset_program_on_medium_orders() {
    for seed in 20_000..23_000 {
        let case = random_case(seed, 5 + (seed % 3) as usize, 2 + (seed / 3 % 6) as u32);
        assert_exact(&case, case.optimum(), &format!("seed {seed}"));
    }
}

#[test]
fn the_kernel_agrees_with_the_subset_program_on_nine_to_twelve_lines() {
    let mut stopped = 0;
    for (seeds, lines, nodes) in [
        (30_000..31_500, 9, 6),
        (32_000..32_300, 10, 5),
        (33_000..33_040, 11, 5),
        (34_000..34_012, 12, 5),
    ] {
        for seed in seeds {
            let case = random_case(seed, lines, nodes);
            let optimum = case.optimum();
            assert_exact(&case, optimum, &format!("seed {seed}"));
            for limit in [0, 100, 400, 1_000, 2_500] {
                let plan = solve(&case.problem(), limit);
                assert!(plan.lower_bound <= optimum, "seed {seed}, limit {limit}");
                assert_eq!(case.price(&plan.assignment), Some(plan.cost), "seed {seed}");
                stopped += usize::from(!plan.exact);
            }
        }
    }
    assert!(
        stopped > 1_000,
        "the limit must bind in this test: {stopped}"
    );
}

/// A random case whose lines are two large groups of twins, many of which cannot be told apart.
fn twin_case(seed: u64) -> Case {
    let mut dice = Dice(seed);
    let first = 3 + dice.below(3) as usize;
    let lines = first + 2 + dice.below(2) as usize;
    let mut case = random_case(seed, lines, 2 + (seed % 4) as u32);
    case.twins = [(0, first), (first, lines)]
        .map(|(from, to)| {
            let last = dice.amount(0, 60);
            let most = dice.amount(1, 3);
            Twins {
                lines: (from..to).collect(),
                quantities: (from..to).map(|_| dice.amount(1, most)).collect(),
                available: case.facilities.iter().map(|_| dice.amount(0, 9)).collect(),
                tiers: OpportunityTiers {
                    last,
                    next_two: dice.amount(0, last),
                },
            }
        })
        .to_vec();
    let alike = dice.below(2) == 0;
    for f in 0..case.facilities.len() {
        for twins in &case.twins {
            for (line, quantity) in twins.lines.iter().zip(&twins.quantities) {
                // The cost of a line holds the charge for that line alone.
                let alone = twins
                    .tiers
                    .charge(twins.available[f].max(*quantity), *quantity);
                let base = if alike { 20 } else { dice.amount(0, 40) };
                case.costs[f * lines + line] = if *quantity > twins.available[f] {
                    CANNOT
                } else {
                    base + alone
                };
                if alike {
                    case.unfilled[*line] = 70;
                }
            }
        }
    }
    case
}

#[test]
fn large_groups_of_twins_are_solved_exactly() {
    for seed in 60_000..62_000 {
        let case = twin_case(seed);
        assert_exact(&case, case.optimum(), &format!("seed {seed}"));
        let plan = solve(&case.problem(), 400);
        assert!(plan.lower_bound <= case.optimum(), "seed {seed}: {plan:?}");
        assert_eq!(case.price(&plan.assignment), Some(plan.cost), "seed {seed}");
    }
}

#[test]
fn a_stopped_search_gives_a_valid_bound_and_a_feasible_plan() {
    let mut stopped = 0;
    for seed in 40_000..41_500 {
        let case = random_case(seed, 6 + (seed % 2) as usize, 6);
        let optimum = case.optimum();
        for limit in [0, 60, 250, 600, 1_500] {
            let plan = solve(&case.problem(), limit);
            assert!(
                plan.lower_bound <= optimum,
                "seed {seed} limit {limit}: {plan:?}"
            );
            assert!(plan.cost >= optimum, "seed {seed} limit {limit}");
            assert_eq!(case.price(&plan.assignment), Some(plan.cost), "seed {seed}");
            assert_eq!(plan.exact, plan.lower_bound == plan.cost, "seed {seed}");
            stopped += usize::from(!plan.exact);
        }
    }
    assert!(stopped > 500, "the limit must bind in this test: {stopped}");
}

#[test]
fn alternatives_are_feasible_distinct_and_in_order_of_cost() {
    for seed in 50_000..50_300 {
        let case = random_case(seed, 4, 5);
        let problem = case.problem();
        let plans = k_best(&problem, 4, UNLIMITED);
        assert_eq!(plans[0].cost, case.optimum(), "seed {seed}");
        assert!(plans.is_sorted_by_key(|plan| plan.cost), "seed {seed}");
        let mut nodes = std::collections::BTreeSet::new();
        for plan in &plans {
            assert_eq!(case.price(&plan.assignment), Some(plan.cost), "seed {seed}");
            let used: std::collections::BTreeSet<u32> = plan
                .open_facilities()
                .iter()
                .map(|f| case.facilities[*f].node)
                .collect();
            assert!(nodes.insert(used), "seed {seed}: the same nodes twice");
        }
    }
}

fn all_patterns(windows: &[Window], limits: &PatternLimits) -> Vec<Pattern> {
    // One window span at a time, on a copy that holds only those windows.
    let mut all = Vec::new();
    for first in 0..windows.len() {
        for span in 1..=3.min(windows.len() - first) {
            let only: Vec<Window> = windows[first..first + span].to_vec();
            all.extend(
                undominated_patterns(&only, limits)
                    .into_iter()
                    .map(|p| Pattern {
                        first: p.first + first,
                        ..p
                    }),
            );
        }
    }
    all
}

#[test]
fn every_pattern_has_a_kept_one_that_is_as_good() {
    for seed in 0..3_000 {
        let mut dice = Dice(seed);
        let mut start = 36_000;
        let windows: Vec<Window> = (0..dice.below(8))
            .map(|_| {
                start += if dice.below(5) == 0 { 7_200 } else { 3_600 };
                Window {
                    start_s: start,
                    end_s: start + 3_600,
                    available: dice.amount(-10, 300),
                    price: dice.amount(0, 3),
                }
            })
            .collect();
        let limits = PatternLimits {
            line_seconds: dice.amount(1, 120),
            lines: 1 + dice.below(6) as u32,
            promise_s: 36_000 + 3_600 * dice.amount(0, 10),
            late_max_h: dice.below(6) as u32,
            span_max: 3,
            ready_from_s: 36_000 + 3_600 * dice.amount(0, 3),
        };
        let kept = undominated_patterns(&windows, &limits);
        for pattern in &kept {
            for index in 0..pattern.span {
                let share = Pattern::share(limits.line_seconds, pattern.span, index);
                let seconds = share * i64::from(pattern.capacity);
                assert!(
                    seconds <= windows[pattern.first + index].available,
                    "seed {seed}"
                );
            }
            let shares: i64 = (0..pattern.span)
                .map(|i| Pattern::share(limits.line_seconds, pattern.span, i))
                .sum();
            assert_eq!(shares, limits.line_seconds, "seed {seed}");
            assert!(pattern.late <= limits.late_max_h, "seed {seed}");
            assert!(pattern.ready_s >= limits.ready_from_s, "seed {seed}");
        }
        for pattern in all_patterns(&windows, &limits) {
            let covered = kept.iter().any(|k| {
                k.late <= pattern.late
                    && k.capacity >= pattern.capacity
                    && k.line_price <= pattern.line_price
            });
            assert!(covered, "seed {seed}: {pattern:?} not in {kept:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_seed_is_solved_exactly(seed in any::<u64>(), lines in 1_usize..8, nodes in 1_u32..7) {
        let case = random_case(seed, lines, nodes);
        assert_exact(&case, case.optimum(), &format!("seed {seed}"));
    }

    #[test]
    fn a_further_node_never_makes_the_plan_dearer(seed in any::<u64>(), lines in 1_usize..7) {
        let case = random_case(seed, lines, 5);
        let all = solve(&case.problem(), UNLIMITED);
        let fewer = solve(&case.problem().without_nodes(&[4]), UNLIMITED);
        prop_assert!(all.cost <= fewer.cost);
    }
}

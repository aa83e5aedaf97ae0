//! The work limit bounds time, whatever the order: hundreds of lines, one SKU, little room.
//! `cargo test --release -p bopis-sourcing --test kernel_is_bounded -- --nocapture` prints the figures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "behavior/oracle.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the other binaries of tests"
)]
mod oracle;

use std::time::{Duration, Instant};

use bopis_sourcing::{
    solve, Facility, LatePrice, OpportunityTiers, Problem, Solution, Store, Twins, CANNOT,
    WORK_LIMIT,
};
use oracle::Dice;

/// Far above what the work limit stands for: the machine may be busy, the build unoptimized.
const DEADLINE: Duration = Duration::from_secs(5);
const UNFILLED: i64 = 216_000_000;

/// What an order of `lines` lines looks like.
#[derive(Clone, Copy, Debug)]
struct Shape {
    lines: usize,
    nodes: u32,
    /// Lines that a node has labor for.
    capacity: u32,
    /// All lines name one SKU.
    one_sku: bool,
    /// Units of a line: 1 to this many.
    quantity_max: i64,
    /// Units of a SKU at a node at most.
    units_max: i64,
}

fn order(shape: Shape, seed: u64) -> Problem {
    let mut dice = Dice(seed);
    let quantities: Vec<i64> = (0..shape.lines)
        .map(|_| dice.amount(1, shape.quantity_max))
        .collect();
    let tiers = OpportunityTiers::of_price(10_000_000, 300_000, 100_000);
    let (mut facilities, mut costs, mut available) = (Vec::new(), Vec::new(), Vec::new());
    for node in 0..shape.nodes {
        let late = dice.below(3) as u32;
        facilities.push(Facility {
            node,
            store: (node < 3).then_some(Store::at(node)),
            fixed: dice.amount(0, 20_000_000),
            capacity: shape.capacity,
            late,
        });
        let units = dice.amount(1, shape.units_max);
        available.push(units);
        costs.extend(quantities.iter().map(|quantity| {
            let units = if shape.one_sku {
                units
            } else {
                dice.amount(0, shape.units_max)
            };
            if units < *quantity {
                CANNOT
            } else {
                500_000 + 600_000 * quantity + tiers.charge(units, *quantity)
            }
        }));
    }
    let twins = Twins {
        lines: (0..shape.lines).collect(),
        quantities,
        available,
        tiers,
    };
    let twins = if shape.one_sku { vec![twins] } else { vec![] };
    let unfilled = vec![UNFILLED; shape.lines];
    let late = LatePrice {
        broken: 24_000_000,
        hour: 3_000_000,
    };
    Problem::new(facilities, costs, unfilled, 2_000_000, late, false, twins).unwrap()
}

fn solve_in_time(shape: Shape, seed: u64) -> Solution {
    let problem = order(shape, seed);
    let start = Instant::now();
    let plan = solve(&problem, WORK_LIMIT);
    let took = start.elapsed();
    let gap = (plan.cost - plan.lower_bound) as f64 / plan.cost as f64;
    println!(
        "{{\"figure\":\"bounded\",\"lines\":{},\"nodes\":{},\"capacity\":{},\"one_sku\":{},\
         \"quantity_max\":{},\"units_max\":{},\"ms\":{:.1},\"work\":{},\"exact\":{},\"gap\":{gap:.4}}}",
        shape.lines,
        shape.nodes,
        shape.capacity,
        shape.one_sku,
        shape.quantity_max,
        shape.units_max,
        took.as_secs_f64() * 1_000.0,
        plan.work,
        plan.exact
    );
    assert!(took < DEADLINE, "{shape:?}, seed {seed}: {took:?}");
    assert!(
        plan.work < WORK_LIMIT + WORK_LIMIT / 4,
        "{shape:?}, seed {seed}: {} work units",
        plan.work
    );
    plan
}

#[test]
fn hundreds_of_lines_of_one_sku_are_planned_within_the_work_limit() {
    for (lines, quantity_max, units_max) in [
        (12, 3, 12),
        (18, 1, 12),
        (18, 5, 40),
        (100, 4, 60),
        (500, 1, 200),
        (500, 9, 400),
        (500, 9, 5_000),
    ] {
        let shape = Shape {
            lines,
            nodes: 123,
            capacity: 500,
            one_sku: true,
            quantity_max,
            units_max,
        };
        for seed in 0..3 {
            let plan = solve_in_time(shape, seed);
            let left = plan.assignment.iter().filter(|c| c.is_none()).count();
            assert_eq!(left, 0, "{shape:?}, seed {seed}: there is stock for all");
        }
    }
}

#[test]
fn hundreds_of_lines_with_little_room_are_planned_within_the_work_limit() {
    for (lines, nodes, capacity) in [(20, 123, 3), (200, 60, 10), (500, 123, 7), (500, 123, 450)] {
        let shape = Shape {
            lines,
            nodes,
            capacity,
            one_sku: false,
            quantity_max: 2,
            units_max: 9,
        };
        for seed in 0..3 {
            solve_in_time(shape, seed);
        }
    }
}

#[test]
fn a_limit_of_little_work_still_gives_a_plan_and_a_bound() {
    let shape = Shape {
        lines: 200,
        nodes: 60,
        capacity: 10,
        one_sku: false,
        quantity_max: 2,
        units_max: 9,
    };
    let problem = order(shape, 1);
    for limit in [0, 1, 10_000, 1_000_000] {
        let plan = solve(&problem, limit);
        assert!(plan.lower_bound <= plan.cost);
        assert!(plan.lower_bound > 0, "limit {limit}");
        assert!(
            plan.work < limit + 2_000_000,
            "limit {limit}: {}",
            plan.work
        );
    }
}

//! Work and time per order on a made-up national network: 120 stores and 3 warehouses.
//! `cargo test --release -p bopis-sourcing --test kernel_speed -- --nocapture` prints the figures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a test fails by panicking; the oracle module is shared by several tests"
)]

mod oracle;

use std::time::Instant;

use bopis_sourcing::{distance_cost, solve, Facility, OpportunityTiers, Problem, CANNOT};
use oracle::Dice;

/// An order on a network of 25 towns over 4,000 x 2,000 km, with stock thin in stores; with
/// `gaps` two thirds of the lines are missing at each store and warehouse.
fn national_order(seed: u64, lines: usize, pickup: bool, gaps: bool) -> Problem {
    let mut dice = Dice(seed);
    let mut network = Dice(7);
    let (home_x, home_y) = (dice.amount(0, 4_000), dice.amount(0, 2_000));
    let metro: Vec<(i64, i64)> = (0..25)
        .map(|_| (network.amount(0, 4_000), network.amount(0, 2_000)))
        .collect();
    let (home_x, home_y) = if pickup {
        metro[dice.below(25) as usize]
    } else {
        (home_x, home_y)
    };
    let prices: Vec<i64> = (0..lines)
        .map(|_| dice.amount(500_000, 15_000_000))
        .collect();
    let grams: Vec<i64> = (0..lines).map(|_| 500 * dice.amount(1, 3)).collect();
    let (mut facilities, mut costs) = (Vec::new(), Vec::new());
    for node in 0..123_u32 {
        let (x, y) = match node {
            0..120 => {
                let (x, y) = metro[node as usize % 25];
                (x + network.amount(-30, 30), y + network.amount(-30, 30))
            }
            _ => (1_000 * i64::from(node - 119), 1_000),
        };
        let warehouse = node >= 120;
        let km = ((x - home_x).pow(2) + (y - home_y).pow(2)).isqrt();
        let stock: Vec<i64> = (0..lines)
            .map(|_| match (warehouse, gaps) {
                (true, false) => 40,
                (true, true) => 40 * dice.amount(-1, 1).max(0),
                (false, false) => dice.amount(-2, 6).max(0),
                (false, true) => dice.amount(-6, 4).max(0),
            })
            .collect();
        let modes: &[bool] = if pickup && km <= 40 && !warehouse {
            &[true, false]
        } else {
            &[false]
        };
        for mode in modes {
            let leg = if *mode {
                distance_cost(250_000, 1_000 * km)
            } else {
                7_000_000 + distance_cost(3_000, 1_000 * km) + if pickup { 3_000_000 } else { 0 }
            };
            facilities.push(Facility {
                node,
                pickup: *mode,
                fixed: leg,
                capacity: lines as u32,
                late: 0,
                tag: 0,
            });
            for line in 0..lines {
                let tiers = OpportunityTiers::of_price(prices[line], 300_000, 100_000);
                costs.push(if stock[line] < 1 {
                    CANNOT
                } else {
                    let weight = if *mode { 0 } else { 1_200 * grams[line] };
                    500_000 + weight + tiers.charge(stock[line], 1)
                });
            }
        }
    }
    let unfilled = prices
        .iter()
        .map(|p| (p * 45 / 100 + 6_000_000).max(25_000_000))
        .collect();
    Problem::new(
        facilities,
        costs,
        unfilled,
        2_000_000,
        3_000_000,
        false,
        Vec::new(),
    )
    .unwrap()
}

#[test]
fn orders_on_a_national_network_are_solved_exactly_with_little_work() {
    for (pickup, gaps) in [(false, false), (true, false), (false, true), (true, true)] {
        for lines in [1_usize, 2, 5, 10, 15, 20] {
            let mut micros = Vec::new();
            let mut work = Vec::new();
            for seed in 0..300 {
                let problem = national_order(seed, lines, pickup, gaps);
                let start = Instant::now();
                let plan = solve(&problem, 20_000);
                micros.push(start.elapsed().as_nanos() as u64 / 100);
                work.push(plan.work);
                assert!(
                    plan.exact,
                    "seed {seed}, {lines} lines, pickup {pickup}, gaps {gaps}: {plan:?}"
                );
            }
            micros.sort_unstable();
            work.sort_unstable();
            println!(
                "{{\"figure\":\"kernel_123_nodes\",\"pickup\":{pickup},\"gaps\":{gaps},\"lines\":{lines},\
                 \"p50_us\":{:.1},\"p99_us\":{:.1},\"max_us\":{:.1},\"work_p50\":{},\"work_p99\":{}}}",
                micros[150] as f64 / 10.0,
                micros[297] as f64 / 10.0,
                micros[299] as f64 / 10.0,
                work[150],
                work[297]
            );
        }
    }
}

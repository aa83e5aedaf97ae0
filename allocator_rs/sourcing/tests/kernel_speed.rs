//! Work and time per order on a made-up national network: 120 stores and 3 warehouses.
//! `cargo test --release -p bopis-sourcing --test kernel_speed -- --nocapture` prints the figures.
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

use std::time::Instant;

use bopis_sourcing::{
    distance_cost, solve, Facility, LatePrice, OpportunityTiers, Problem, Store, CANNOT, WORK_LIMIT,
};
use oracle::Dice;

/// Where an order is placed and what it asks for.
struct Basket {
    home: (i64, i64),
    prices: Vec<i64>,
    grams: Vec<i64>,
    pickup: bool,
}

impl Basket {
    fn random(dice: &mut Dice, towns: &[(i64, i64)], lines: usize, pickup: bool) -> Self {
        let anywhere = (dice.amount(0, 4_000), dice.amount(0, 2_000));
        Self {
            home: if pickup {
                towns[dice.below(25) as usize]
            } else {
                anywhere
            },
            prices: (0..lines)
                .map(|_| dice.amount(500_000, 15_000_000))
                .collect(),
            grams: (0..lines).map(|_| 500 * dice.amount(1, 3)).collect(),
            pickup,
        }
    }

    fn leg(&self, km: i64, collected: bool) -> i64 {
        if collected {
            return distance_cost(250_000, 1_000 * km);
        }
        let unwanted = if self.pickup { 3_000_000 } else { 0 };
        7_000_000 + distance_cost(3_000, 1_000 * km) + unwanted
    }

    fn line_cost(&self, line: usize, stock: i64, collected: bool) -> i64 {
        if stock < 1 {
            return CANNOT;
        }
        let tiers = OpportunityTiers::of_price(self.prices[line], 300_000, 100_000);
        let weight = if collected {
            0
        } else {
            1_200 * self.grams[line]
        };
        500_000 + weight + tiers.charge(stock, 1)
    }
}

/// An order on a network of 25 towns over 4,000 x 2,000 km, with stock thin in stores; with
/// `gaps` two thirds of the lines are missing at each store and warehouse.
fn national_order(seed: u64, lines: usize, pickup: bool, gaps: bool) -> Problem {
    let mut dice = Dice(seed);
    let mut network = Dice(7);
    let towns: Vec<(i64, i64)> = (0..25)
        .map(|_| (network.amount(0, 4_000), network.amount(0, 2_000)))
        .collect();
    let basket = Basket::random(&mut dice, &towns, lines, pickup);
    let (mut facilities, mut costs) = (Vec::new(), Vec::new());
    for node in 0..123_u32 {
        let warehouse = node >= 120;
        let (x, y) = if warehouse {
            (1_000 * i64::from(node - 119), 1_000)
        } else {
            let (x, y) = towns[node as usize % 25];
            (x + network.amount(-30, 30), y + network.amount(-30, 30))
        };
        let km = ((x - basket.home.0).pow(2) + (y - basket.home.1).pow(2)).isqrt();
        let stock: Vec<i64> = (0..lines)
            .map(|_| match (warehouse, gaps) {
                (true, false) => 40,
                (true, true) => 40 * dice.amount(-1, 1).max(0),
                (false, false) => dice.amount(-2, 6).max(0),
                (false, true) => dice.amount(-6, 4).max(0),
            })
            .collect();
        let near = pickup && km <= 40 && !warehouse;
        for collected in if near { vec![true, false] } else { vec![false] } {
            facilities.push(Facility {
                node,
                store: collected.then_some(Store::at(node)),
                fixed: basket.leg(km, collected),
                capacity: lines as u32,
                late: 0,
            });
            costs.extend((0..lines).map(|l| basket.line_cost(l, stock[l], collected)));
        }
    }
    let unfilled = basket
        .prices
        .iter()
        .map(|p| (p * 45 / 100 + 6_000_000).max(25_000_000));
    let unfilled = unfilled.collect();
    Problem::new(
        facilities,
        costs,
        unfilled,
        2_000_000,
        LatePrice {
            broken: 24_000_000,
            hour: 3_000_000,
        },
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
                let plan = solve(&problem, WORK_LIMIT);
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

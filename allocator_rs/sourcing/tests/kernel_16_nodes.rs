//! The named instance "16 nodes x 7 windows" of the goals: orders of a region of 16 nodes under
//! dual prices of stock and labor. A library figure: the time of one solve of a ready problem.
//! `cargo test --release -p bopis-sourcing --test kernel_16_nodes -- --nocapture` prints the figures.
//! Each figure counts only if its orders together cost what the instance is known to cost.
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
    distance_cost, undominated_patterns, Facility, Kernel, LatePrice, OpportunityTiers, Pattern,
    PatternLimits, Problem, Solution, Store, Window, CANNOT, WORK_LIMIT,
};
use oracle::Dice;

const NODES: u32 = 16;
const WAREHOUSES: u32 = 2;
const TOWNS: usize = 4;
const WINDOWS: i64 = 7;
/// Windows that end by the promise; the others are one started hour late each.
const IN_TIME: i64 = 4;
const ORDERS: u64 = 400;
/// Solves of each order, all of them in the figure.
const ROUNDS: usize = 5;
const COLLECT_KM: i64 = 40;
const OPEN_S: i64 = 36_000;
const HOUR_S: i64 = 3_600;

/// What the orders of a figure have in common.
#[derive(Clone, Copy, Debug)]
struct Mix {
    /// Collected where a store is near (shipping what is not there home), or shipped.
    pickup: bool,
    /// Each node lacks about half of the lines.
    gaps: bool,
    /// A third of the windows has room for a few lines only.
    tight: bool,
}

/// The network of all orders: where nodes and towns are, and what labor there takes and costs.
struct Region {
    towns: Vec<(i64, i64)>,
    nodes: Vec<Node>,
}

struct Node {
    place: (i64, i64),
    warehouse: bool,
    line_seconds: i64,
}

impl Region {
    fn new() -> Self {
        let mut dice = Dice(16);
        let towns: Vec<(i64, i64)> = (0..TOWNS)
            .map(|_| (dice.amount(0, 600), dice.amount(0, 400)))
            .collect();
        let nodes = (0..NODES).map(|node| {
            let warehouse = node >= NODES - WAREHOUSES;
            let (x, y) = towns[node as usize % TOWNS];
            let place = (x + dice.amount(-20, 20), y + dice.amount(-20, 20));
            Node {
                place,
                warehouse,
                line_seconds: if warehouse { 36 } else { dice.amount(60, 120) },
            }
        });
        Self {
            nodes: nodes.collect(),
            towns,
        }
    }
}

/// Seven hours of a node as the batch sees them: some full, each second with a price.
fn hours(dice: &mut Dice, tight: bool) -> Vec<Window> {
    let hour = |index: i64| {
        let few = tight && dice.below(3) == 0;
        Window {
            start_s: OPEN_S + HOUR_S * index,
            end_s: OPEN_S + HOUR_S * (index + 1),
            available: if few { dice.amount(0, 600) } else { HOUR_S },
            // Up to the price of overtime, less the later it is.
            price: dice.amount(0, 10_000) * (WINDOWS - index) / WINDOWS,
        }
    };
    (0..WINDOWS).map(hour).collect()
}

fn patterns_of(node: &Node, windows: &[Window], lines: u32) -> Vec<Pattern> {
    let limits = PatternLimits {
        line_seconds: node.line_seconds,
        lines,
        promise_s: OPEN_S + HOUR_S * IN_TIME,
        late_max_h: 3,
        span_max: 3,
        ready_from_s: OPEN_S,
    };
    undominated_patterns(windows, &limits)
}

/// An order of the mix, ready to be solved.
fn order(region: &Region, mix: Mix, lines: usize, seed: u64) -> Problem {
    let mut dice = Dice(seed);
    let (x, y) = region.towns[dice.below(TOWNS as u64) as usize];
    let home = (x + dice.amount(-15, 15), y + dice.amount(-15, 15));
    let prices: Vec<i64> = (0..lines)
        .map(|_| dice.amount(500_000, 15_000_000))
        .collect();
    let grams: Vec<i64> = (0..lines).map(|_| 500 * dice.amount(1, 3)).collect();
    let (mut facilities, mut costs) = (Vec::new(), Vec::new());
    for (index, node) in region.nodes.iter().enumerate() {
        let km = ((node.place.0 - home.0).pow(2) + (node.place.1 - home.1).pow(2)).isqrt();
        let windows = hours(&mut dice, mix.tight);
        let stock: Vec<i64> = (0..lines)
            .map(|_| match (node.warehouse, mix.gaps) {
                (true, false) => 40,
                (true, true) => 40 * dice.amount(0, 1),
                (false, false) => dice.amount(0, 9),
                (false, true) => dice.amount(-5, 5).max(0),
            })
            .collect();
        // What a unit is worth to other orders: most are worth nothing.
        let duals: Vec<i64> = (0..lines)
            .map(|_| (dice.amount(-6_000_000, 3_000_000)).max(0))
            .collect();
        let serves = stock.iter().filter(|units| **units > 0).count() as u32;
        let patterns = patterns_of(node, &windows, serves);
        let near = mix.pickup && km <= COLLECT_KM && !node.warehouse;
        for pickup in if near { vec![true, false] } else { vec![false] } {
            let fixed = match (pickup, mix.pickup) {
                (true, _) => distance_cost(250_000, 1_000 * km),
                (false, true) => 10_000_000 + distance_cost(3_000, 1_000 * km),
                (false, false) => 7_000_000 + distance_cost(3_000, 1_000 * km),
            };
            for pattern in &patterns {
                facilities.push(Facility {
                    node: index as u32,
                    store: pickup.then_some(Store::at(index as u32)),
                    fixed,
                    capacity: if pattern.capacity >= serves {
                        u32::MAX
                    } else {
                        pattern.capacity
                    },
                    late: pattern.late,
                });
                costs.extend((0..lines).map(|line| {
                    if stock[line] < 1 {
                        return CANNOT;
                    }
                    let tiers = OpportunityTiers::of_price(prices[line], 300_000, 100_000);
                    let weight = if pickup { 0 } else { 1_200 * grams[line] };
                    let worth = tiers.charge(stock[line], 1) + duals[line];
                    500_000 + weight + worth + pattern.line_price
                }));
            }
        }
    }
    let unfilled = prices
        .iter()
        .map(|price| (price * 45 / 100 + 6_000_000).max(25_000_000))
        .collect();
    let late = LatePrice {
        broken: 0,
        hour: 3_000_000,
    };
    Problem::new(facilities, costs, unfilled, 2_000_000, late, false, vec![]).unwrap()
}

/// Numbers of lines of the figures.
const LINES: [usize; 8] = [1, 2, 3, 4, 5, 9, 15, 20];
/// By mix (tight, gaps, pickup) and number of lines: what the best plans of its orders cost together,
/// micro-units.
const COST_OF: [[i64; 8]; 8] = [
    [
        3_532_698_487,
        4_274_037_116,
        5_116_881_393,
        5_970_365_895,
        6_791_276_229,
        10_268_023_271,
        15_655_170_220,
        20_071_399_198,
    ],
    [
        1_471_489_081,
        2_119_326_401,
        2_736_499_399,
        3_402_733_804,
        4_021_700_984,
        7_058_244_011,
        11_227_366_583,
        14_363_800_139,
    ],
    [
        3_641_872_322,
        4_844_782_104,
        6_712_661_868,
        8_775_896_678,
        10_356_788_308,
        15_693_231_546,
        23_183_223_760,
        28_644_940_615,
    ],
    [
        2_243_738_378,
        4_242_604_705,
        6_093_427_705,
        8_177_121_464,
        9_597_832_109,
        14_636_217_651,
        21_842_135_823,
        26_715_377_019,
    ],
    [
        3_535_745_098,
        4_293_768_359,
        5_125_142_004,
        5_990_988_851,
        6_826_718_260,
        10_319_831_578,
        15_846_615_853,
        20_129_583_521,
    ],
    [
        1_441_362_795,
        2_082_787_305,
        2_784_323_997,
        3_452_491_169,
        4_092_065_484,
        7_277_196_828,
        11_501_054_470,
        14_496_196_562,
    ],
    [
        3_644_452_689,
        4_861_556_486,
        6_835_232_704,
        8_837_535_722,
        10_337_416_458,
        15_695_337_229,
        23_103_076_323,
        28_669_203_813,
    ],
    [
        2_213_821_209,
        4_171_248_720,
        6_250_470_369,
        8_078_031_915,
        9_506_837_707,
        14_728_459_330,
        21_724_891_631,
        26_940_546_434,
    ],
];

#[test]
fn orders_of_16_nodes_and_7_windows_cost_what_is_known_and_are_timed() {
    let region = Region::new();
    for (number, costs) in COST_OF.iter().enumerate() {
        let mix = Mix {
            pickup: number & 1 > 0,
            gaps: number & 2 > 0,
            tight: number & 4 > 0,
        };
        for (lines, cost) in LINES.iter().zip(costs) {
            assert_eq!(time(&region, mix, *lines), *cost, "{mix:?}, {lines} lines");
        }
    }
}

/// Prints the figure of a mix and gives what its orders cost together.
fn time(region: &Region, mix: Mix, lines: usize) -> i64 {
    let mut nanos = Vec::new();
    let (mut kernel, mut plan) = (Kernel::default(), Solution::default());
    let (mut facilities, mut groups, mut late, mut work, mut total) = (0, 0, 0, 0, 0);
    for seed in 0..ORDERS {
        let problem = order(region, mix, lines, seed);
        facilities += problem.facilities().len() as u64;
        for _ in 0..ROUNDS {
            let start = Instant::now();
            kernel.solve_into(&problem, WORK_LIMIT, &mut plan);
            nanos.push(start.elapsed().as_nanos() as u64);
        }
        assert!(plan.exact, "seed {seed}, {lines} lines, {mix:?}: {plan:?}");
        groups += plan.open_facilities().len() as u64;
        late += u64::from(plan.terms.late > 0);
        work += plan.work;
        total += plan.cost;
    }
    nanos.sort_unstable();
    let at = |per_mille: usize| nanos[(nanos.len() - 1) * per_mille / 1_000] as f64 / 1_000.0;
    println!(
        "{{\"figure\":\"kernel_16_nodes_7_windows\",\"mode\":\"library\",\"pickup\":{},\
         \"gaps\":{},\"tight\":{},\"lines\":{lines},\"facilities\":{},\"groups\":{:.2},\
         \"late\":{:.2},\"p50_us\":{:.2},\"p99_us\":{:.2},\"work\":{},\"cost\":{total}}}",
        mix.pickup,
        mix.gaps,
        mix.tight,
        facilities / ORDERS,
        groups as f64 / ORDERS as f64,
        late as f64 / ORDERS as f64,
        at(500),
        at(990),
        work / ORDERS,
    );
    total
}

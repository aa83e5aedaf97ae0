//! Transfers: what is picked at one node and collected at another, and hours of the store that the
//! groups of a plan share; against brute force and a dynamic program over line subsets.

use bopis_sourcing::{
    k_best, solve, Facility, LatePrice, Problem, ProblemError, Room, Solution, Store,
};
use proptest::prelude::*;

use crate::oracle::{random_case, transfer_case, Case};

const UNLIMITED: u64 = u64::MAX;

fn solved(case: &Case, expected: i64, name: &str) -> Solution {
    let plan = solve(&case.problem(), UNLIMITED);
    assert_eq!(plan.cost, expected, "{name}: {case:?} gave {plan:?}");
    assert!(plan.exact && plan.lower_bound == plan.cost, "{name}");
    assert_eq!(
        case.price(&plan.assignment),
        Some(plan.cost),
        "{name}: {plan:?}"
    );
    plan
}

fn transfers(case: &Case, plan: &Solution) -> usize {
    let open = plan.open_facilities().into_iter();
    let places = open.map(|f| case.facilities[f]);
    places
        .filter(|place| place.store.is_some() && !place.is_pickup())
        .count()
}

#[test]
fn small_orders_with_transfers_cost_what_brute_force_finds() {
    let (mut some, mut several) = (0, 0);
    for seed in 0..6_000 {
        let (lines, nodes) = (1 + (seed % 4) as usize, 1 + (seed / 4 % 4) as u32);
        let case = transfer_case(seed, lines, nodes, seed % 3 > 0);
        let plan = solved(&case, case.brute_force(), &format!("seed {seed}"));
        some += usize::from(transfers(&case, &plan) > 0);
        several += usize::from(transfers(&case, &plan) > 1);
    }
    assert!(
        some > 1_000 && several > 30,
        "{some} plans, {several} with several"
    );
}

#[test]
fn the_oracle_agrees_with_brute_force_on_transfers_and_rooms() {
    for seed in 10_000..11_500 {
        let case = transfer_case(seed, 1 + (seed % 4) as usize, 3, seed % 2 > 0);
        assert_eq!(case.optimum(), case.brute_force(), "seed {seed}");
    }
}

#[test]
fn medium_orders_with_transfers_and_rooms_cost_what_the_subset_program_finds() {
    let mut bound_by_rooms = 0;
    for seed in 20_000..22_500 {
        let (lines, nodes) = (5 + (seed % 3) as usize, 2 + (seed / 3 % 4) as u32);
        let case = transfer_case(seed, lines, nodes, true);
        let optimum = case.optimum();
        solved(&case, optimum, &format!("seed {seed}"));
        let wide = Case {
            rooms: Vec::new(),
            ..case
        };
        bound_by_rooms += usize::from(wide.optimum() < optimum);
    }
    assert!(
        bound_by_rooms > 100,
        "{bound_by_rooms} orders miss the room"
    );
}

#[test]
fn nine_to_twelve_lines_with_transfers_cost_what_the_subset_program_finds() {
    let mut stopped = 0;
    for (seeds, lines, nodes, rooms) in [
        (30_000..30_500, 9, 5, false),
        (31_000..31_080, 9, 4, true),
        (32_000..32_150, 10, 5, false),
        (33_000..33_020, 11, 5, false),
        (34_000..34_006, 12, 5, false),
    ] {
        for seed in seeds {
            let case = transfer_case(seed, lines, nodes, rooms);
            let optimum = case.optimum();
            solved(&case, optimum, &format!("seed {seed}"));
            for limit in [0, 100, 400, 1_000, 2_500] {
                let plan = solve(&case.problem(), limit);
                assert!(plan.lower_bound <= optimum, "seed {seed}, limit {limit}");
                assert!(plan.lower_bound <= plan.cost, "seed {seed}, limit {limit}");
                assert_eq!(case.price(&plan.assignment), Some(plan.cost), "seed {seed}");
                stopped += usize::from(!plan.exact);
            }
        }
    }
    assert!(stopped > 300, "the limit must bind in this test: {stopped}");
}

#[test]
fn alternatives_with_transfers_are_feasible_and_in_order_of_cost() {
    for seed in 50_000..50_300 {
        let case = transfer_case(seed, 4, 5, true);
        let plans = k_best(&case.problem(), 4, UNLIMITED);
        assert_eq!(plans[0].cost, case.optimum(), "seed {seed}");
        assert!(plans.is_sorted_by_key(|plan| plan.cost), "seed {seed}");
        for plan in &plans {
            assert_eq!(case.price(&plan.assignment), Some(plan.cost), "seed {seed}");
        }
    }
}

#[test]
fn rooms_that_name_no_facility_or_one_twice_are_refused() {
    let facility = Facility {
        node: 0,
        store: Some(Store::at(1)),
        fixed: 0,
        capacity: 1,
        late: 0,
    };
    let charges = (0, LatePrice::default(), false);
    let problem = Problem::new(
        vec![facility],
        vec![1],
        vec![9],
        charges.0,
        charges.1,
        charges.2,
        Vec::new(),
    );
    let problem = problem.unwrap();
    for takes in [vec![(1, 1)], vec![(0, 0)], vec![(0, 1), (0, 2)]] {
        let room = Room { seconds: 5, takes };
        let refused = problem.clone().with_rooms(vec![room]);
        assert_eq!(refused, Err(ProblemError::Rooms));
    }
    let none_left = Room {
        seconds: -1,
        takes: Vec::new(),
    };
    let refused = problem.with_rooms(vec![none_left]);
    assert_eq!(refused, Err(ProblemError::Rooms));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_seed_with_transfers_is_solved_exactly(
        seed in any::<u64>(),
        lines in 1_usize..7,
        nodes in 1_u32..6,
    ) {
        let case = transfer_case(seed, lines, nodes, true);
        solved(&case, case.optimum(), &format!("seed {seed}"));
    }

    #[test]
    fn a_way_more_never_makes_the_plan_dearer(seed in any::<u64>(), lines in 1_usize..7) {
        let with = transfer_case(seed, lines, 5, false);
        let mut without = random_case(seed, lines, 5);
        for (f, place) in with.facilities.iter().enumerate() {
            if place.store.is_some() && !place.is_pickup() {
                without.facilities[f].capacity = 0;
            }
        }
        without.visits.clone_from(&with.visits);
        let (all, fewer) = (solve(&with.problem(), UNLIMITED), solve(&without.problem(), UNLIMITED));
        prop_assert!(all.cost <= fewer.cost);
    }
}

//! Planted orders: the best plan is known, and what grows a plan step by step misses it.

use bopis_sourcing::{k_best, solve, Facility, CANNOT};

use crate::oracle::{Case, Dice};

const FIXED: i64 = 7_000_000;
const PICK: i64 = 500_000;
const UNFILLED: i64 = 25_000_000;
const EXTRA: i64 = 2_000_000;

/// 12 lines in three parts of 4, each part at one node; every other node has more lines than those, but
/// no three of them, and no two with one of the three, have all.
fn planted(seed: u64) -> Case {
    let mut dice = Dice(seed);
    let mut lines: Vec<usize> = (0..12).collect();
    for last in (1..lines.len()).rev() {
        lines.swap(last, dice.below(last as u64 + 1) as usize);
    }
    let mut nodes: Vec<Vec<usize>> = lines.chunks(4).map(<[usize]>::to_vec).collect();
    // A decoy lacks the first line of each part and one more of one part.
    for decoy in 0..6 {
        let lacks = |line: usize| {
            let part = nodes[..3]
                .iter()
                .position(|part| part.contains(&line))
                .unwrap();
            nodes[part][0] == line || (decoy % 3 == part && nodes[part][1 + decoy / 3] == line)
        };
        let has = (0..12).filter(|line| !lacks(*line)).collect();
        nodes.push(has);
    }
    let row = |has: &Vec<usize>| -> Vec<i64> {
        let cost = |line: usize| if has.contains(&line) { PICK } else { CANNOT };
        (0..12).map(cost).collect()
    };
    let facility = |node: usize| Facility {
        node: node as u32,
        store: None,
        fixed: FIXED,
        capacity: u32::MAX,
        late: 0,
    };
    Case {
        facilities: (0..nodes.len()).map(facility).collect(),
        costs: nodes.iter().flat_map(row).collect(),
        unfilled: vec![UNFILLED; 12],
        extra_group: EXTRA,
        late_broken: 0,
        late_hour: 0,
        all_or_nothing: false,
        twins: Vec::new(),
        rooms: Vec::new(),
        visits: Vec::new(),
    }
}

/// Opens what saves most, again and again.
fn grown(case: &Case) -> i64 {
    let lines = case.unfilled.len();
    let mut cost: Vec<i64> = case.unfilled.clone();
    let mut groups = -case.extra_group;
    loop {
        let saving = |f: usize| -> i64 {
            let gains = (0..lines).map(|l| (cost[l] - case.costs[f * lines + l]).max(0));
            gains.sum::<i64>() - case.facilities[f].fixed - case.extra_group
        };
        let best = (0..case.facilities.len())
            .max_by_key(|f| saving(*f))
            .unwrap();
        if saving(best) <= 0 {
            return groups + cost.iter().sum::<i64>();
        }
        groups += case.facilities[best].fixed + case.extra_group;
        for (line, cost) in cost.iter_mut().enumerate() {
            *cost = (*cost).min(case.costs[best * lines + line]);
        }
    }
}

#[test]
fn a_planted_plan_of_12_lines_is_found_where_a_grown_one_costs_more() {
    let known = 3 * FIXED + 2 * EXTRA + 12 * PICK;
    for seed in 0..200 {
        let case = planted(seed);
        assert!(grown(&case) > known, "seed {seed}: nothing is planted");
        let plan = solve(&case.problem(), u64::MAX);
        assert_eq!(plan.cost, known, "seed {seed}");
        assert!(plan.exact, "seed {seed}");
        assert_eq!(plan.open_facilities(), [0, 1, 2], "seed {seed}");
    }
    assert_eq!(planted(0).optimum(), known, "the subset program agrees");
}

#[test]
fn the_next_best_plans_of_a_planted_order_do_without_its_nodes() {
    let case = planted(7);
    let plans = k_best(&case.problem(), 3, u64::MAX);
    assert_eq!(plans.len(), 3);
    for plan in &plans[1..] {
        assert!(plan.cost > plans[0].cost);
        assert_ne!(plan.open_facilities(), [0, 1, 2]);
    }
}

//! Explanations compare with plans that an order may be moved to: none leaves a line of its plan in force.

use bopis_promise::{
    ExplainAsk, Explained, Method, Plan, QuotedGroup, Rejection, Supply, TableSupply, Weighed,
};

use crate::brute::cases::{random_case, WORK};
use crate::town::{ask, best, in_force, supply, world, HOUR_S, NOON_S, PLENTY};

const NEAR: usize = 0;
const MID: usize = 1;

/// All plans that an explanation tells of, beside the one in force.
fn told(explained: &Explained) -> Vec<&Weighed> {
    let relaxations = explained.lacking.iter().flat_map(|one| &one.relaxations);
    let changed = explained.flips.iter().chain(relaxations);
    let mut plans: Vec<&Weighed> = changed.map(|one| &one.outcome).collect();
    plans.extend(
        explained
            .rejected
            .iter()
            .filter_map(|one| one.plan.as_ref()),
    );
    plans.extend(&explained.others);
    plans.push(&explained.best);
    plans
}

fn does(plan: &Plan, line: i32) -> bool {
    let mut groups = plan.groups.iter();
    groups.any(|group| group.line_numbers.contains(&line))
}

#[test]
fn no_plan_that_is_told_leaves_a_line_of_the_plan_in_force() {
    let mut compared = 0;
    for seed in 0..600 {
        let case = random_case(seed);
        let chosen = case.best();
        let explained = case.explain(&chosen, WORK);
        let lines = case.ask.lines.iter().map(|line| line.line_number);
        let promised: Vec<i32> = lines.filter(|line| does(&chosen, *line)).collect();
        for one in told(&explained) {
            let keeps = promised.iter().all(|line| does(&one.plan, *line));
            assert!(keeps, "seed {seed}: {one:?}");
            compared += 1;
        }
    }
    assert!(compared > 2_000, "{compared}");
}

/// A table in which the last units of the second line are dear to later orders, wherever they are.
struct Priced(TableSupply);

impl Supply for Priced {
    fn units(&self, node: usize, line: usize) -> i64 {
        self.0.units(node, line)
    }

    fn seconds(&self, node: usize, window_start_s: i64) -> i64 {
        self.0.seconds(node, window_start_s)
    }

    fn unit_price(&self, _node: usize, line: usize) -> i64 {
        if line == 1 {
            1_000_000_000
        } else {
            0
        }
    }
}

#[test]
fn under_dual_prices_a_promised_line_is_not_left_and_one_that_nobody_promised_is() {
    let world = world();
    let order = ask(Method::Pickup, &[("a", 1), ("b", 1)]);
    let cells = (0..5).flat_map(|node| [((node, 0), PLENTY), ((node, 1), PLENTY)]);
    let table = supply(&world, &cells.collect::<Vec<_>>());
    let mut asked = ExplainAsk {
        in_force: in_force(&best(&world, &order, &table)),
        ask: order,
        plans_max: 10,
        nodes_max: 10,
        flips_max: 0,
        relaxations_max: 0,
        opportunity: true,
    };
    let priced = Priced(table);
    let explained = world.explain(&asked, &priced, WORK).unwrap();
    assert_eq!(explained.best.plan.unfilled, []);
    assert_eq!(explained.best.total, explained.chosen.total);
    assert!(!explained.others.is_empty());
    for one in told(&explained) {
        assert_eq!(one.plan.unfilled, []);
        assert_eq!(one.stock_dual, 1_000_000_000);
        assert!(one.total >= explained.chosen.total);
    }
    let cheaper = |one: &&bopis_promise::RejectedNode| one.rejection == Rejection::Cheaper;
    assert_eq!(explained.rejected.iter().find(cheaper), None);
    // Whoever was promised the first line alone is not told to take the second.
    asked.in_force[0].line_numbers = vec![1];
    let explained = world.explain(&asked, &priced, WORK).unwrap();
    assert!(!does(&explained.best.plan, 2));
}

#[test]
fn a_node_whose_every_plan_leaves_a_promised_line_says_so_and_has_no_price() {
    let world = world();
    let mut order = ask(Method::Pickup, &[("a", 1), ("b", 1)]);
    order.consent.ship_home = false;
    let table = supply(
        &world,
        &[((NEAR, 0), 9), ((NEAR, 1), 9), ((MID, 0), PLENTY)],
    );
    let asked = ExplainAsk {
        in_force: in_force(&best(&world, &order, &table)),
        ask: order,
        plans_max: 10,
        nodes_max: 10,
        flips_max: 10,
        relaxations_max: 0,
        opportunity: true,
    };
    let explained = world.explain(&asked, &table, WORK).unwrap();
    assert_eq!(explained.chosen.plan.groups.len(), 1);
    assert_eq!(explained.others, []);
    let mid = explained.rejected.iter().find(|row| row.node_id == "mid");
    let mid = mid.unwrap();
    assert_eq!(
        (&mid.rejection, &mid.plan),
        (&Rejection::LeavesPromised, &None)
    );
    let lacks: Vec<i32> = mid.lacks.iter().map(|one| one.line_number).collect();
    assert_eq!(lacks, [2]);
}

#[test]
fn where_no_plan_keeps_what_is_promised_the_plan_in_force_is_the_best_that_is_left() {
    let world = world();
    let order = ask(Method::Pickup, &[("a", 1), ("b", 1)]);
    // The promised unit of "b" is gone: nobody has one.
    let table = supply(&world, &[((NEAR, 0), PLENTY), ((MID, 0), PLENTY)]);
    let asked = ExplainAsk {
        ask: order,
        in_force: vec![QuotedGroup {
            node_id: "near".to_owned(),
            method: Method::Pickup,
            line_numbers: vec![1, 2],
            window_start_s: NOON_S,
            ready_s: NOON_S + HOUR_S,
        }],
        plans_max: 10,
        nodes_max: 10,
        flips_max: 0,
        relaxations_max: 0,
        opportunity: true,
    };
    let explained = world.explain(&asked, &table, WORK).unwrap();
    assert_eq!(explained.best, explained.chosen);
    assert_eq!(explained.others, []);
    let mid = explained.rejected.iter().find(|row| row.node_id == "mid");
    assert_eq!(mid.unwrap().rejection, Rejection::LeavesPromised);
}

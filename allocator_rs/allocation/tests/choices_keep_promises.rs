//! What an order may do at all: its most groups, what it was promised, its plan in force.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    unused_imports,
    reason = "a test fails by panicking; the tables are shared by several tests"
)]

mod tables;

use bopis_allocation::{Assignment, Choice, Instance, Pool, Row, Table};
use bopis_sourcing::COST_MAX;
use tables::{ascent, many, random_table, search, sound, steps, Size, LARGE, SMALL, WORK};

#[test]
fn no_choice_has_more_groups_than_its_order_may_have() {
    let mut bound_by_it = 0;
    for seed in 0..12 {
        let mut table = random_table(seed, LARGE);
        for order in &mut table.orders {
            order.nodes_max = Some(1 + (seed % 2) as usize);
            order.extra_group = 0;
        }
        let (instance, _, now) = steps(&table, seed, 2);
        let mut pool = Pool::default();
        instance.add_cheapest(&mut pool, &[], 6, WORK, 1);
        assert!(pool.len() > table.orders.len());
        let most = table.orders.iter().map(|order| order.nodes_max.unwrap());
        for (most, choice) in most.zip(now.choices()) {
            let Choice::Groups(groups) = choice else {
                continue;
            };
            assert!(groups.len() <= most, "seed {seed}");
            bound_by_it += usize::from(groups.len() == most);
        }
    }
    assert!(bound_by_it > 100);
}

/// Promised lines: those that the plan in force does.
fn promise(table: &mut Table) {
    for order in table
        .orders
        .iter_mut()
        .filter(|order| order.in_force.is_some())
    {
        for line in &mut order.lines {
            line.unfilled = 2 * COST_MAX;
        }
    }
}

#[test]
fn a_promised_line_is_never_left_where_the_plans_in_force_fit() {
    let mut moved = 0;
    for seed in (0..40).step_by(2) {
        let mut table = many(seed);
        promise(&mut table);
        let instance = Instance::new(&table, 2);
        let kept = instance.in_force();
        sound(&table, &instance, &kept, "in force");
        let prices = instance
            .ascend(&mut Pool::default(), &[], ascent(40, 2), |_| true)
            .prices;
        let now = instance.improve(kept, &mut Pool::default(), &prices, search(seed, 2), |_| {
            true
        });
        sound(&table, &instance, &now, "improved");
        for (order, choice) in table.orders.iter().zip(now.choices()) {
            let (Some(_), Choice::Groups(groups)) = (&order.in_force, choice) else {
                continue;
            };
            let filled: usize = groups.iter().map(|group| group.lines.len()).sum();
            assert_eq!(filled, order.lines.len(), "seed {seed}");
            moved += 1;
        }
    }
    assert!(moved > 20, "{moved}");
}

#[test]
fn a_promised_line_is_kept_though_another_is_as_dear_as_lines_get() {
    let mut table = random_table(
        0,
        Size {
            orders: 1,
            lines: 1,
            ..SMALL
        },
    );
    table.rows.iter_mut().for_each(|row| {
        *row = Row {
            limit: 1_000,
            ..Row::default()
        };
    });
    let mut order = table.orders[0].clone();
    let way = order.ways[0];
    order.lines = [COST_MAX, 2 * COST_MAX]
        .map(|unfilled| bopis_allocation::Line {
            quantity: 1,
            unfilled,
        })
        .to_vec();
    // The ways can do the other line, and the plan in force the promised one.
    order.ways = vec![way];
    order.costs = vec![1, bopis_sourcing::CANNOT];
    order.rows = vec![0, 1];
    (order.twins, order.nodes_max, order.all_or_nothing) = (Vec::new(), None, false);
    order.in_force = Some(bopis_allocation::InForce {
        cost: COST_MAX + way.fixed + 1_000,
        takes: vec![(1, 1)],
        ..bopis_allocation::InForce::default()
    });
    table.orders = vec![order];
    let instance = Instance::new(&table, 1);
    let mut pool = Pool::default();
    let ascended = instance.ascend(&mut pool, &[], ascent(3, 1), |_| true);
    let now = instance.construct(&ascended, &pool, WORK);
    assert_eq!(now.choices(), [Choice::InForce]);
}

#[test]
fn an_order_whose_ways_are_gone_keeps_its_plan_in_force() {
    let mut kept = 0;
    for seed in (0..40).step_by(2) {
        let mut table = many(seed);
        promise(&mut table);
        let instance = Instance::new(&table, 1);
        let start = instance.in_force();
        let now = instance.improve(start, &mut Pool::default(), &[], search(seed, 1), |_| true);
        for (order, choice) in table.orders.iter().zip(now.choices()) {
            if order.ways.is_empty() && order.in_force.is_some() {
                assert_eq!(*choice, Choice::InForce, "seed {seed}");
                kept += 1;
            }
        }
    }
    assert!(kept > 20, "{kept}");
}

#[test]
fn whoever_gains_little_goes_back_to_the_plan_in_force_and_nobody_is_pushed_out() {
    let (mut before, mut after) = (0, 0);
    for seed in (0..40).step_by(2) {
        let table = many(seed);
        let (instance, _, mut now) = steps(&table, seed, 1);
        let stays = |now: &Assignment| {
            let in_force = now.choices().iter().filter(|one| **one == Choice::InForce);
            in_force.count()
        };
        before += stays(&now);
        let cost = sound(&table, &instance, &now, "before");
        instance.settle(&mut now, 30);
        after += stays(&now);
        let settled = sound(&table, &instance, &now, "settled");
        let overtime: i64 = table
            .rows
            .iter()
            .map(|r| r.overtime * r.overtime_price)
            .sum();
        assert!(settled <= cost + 30 * table.orders.len() as i64 + overtime);
    }
    assert!(after > before, "{before}, then {after}");
}

//! The steps of an allocation, and the check that an assignment keeps every limit.

use bopis_allocation::{
    bound, Ascended, AscentOptions, Assignment, Instance, Pool, RelinkOptions, SearchOptions, Table,
};

use super::{audit, overfull, put_in_force, random_table, step_of, Size, LARGE, WORK};

pub fn ascent(passes: u32, threads: usize) -> AscentOptions {
    AscentOptions {
        passes,
        softness: 1.0,
        learning: true,
        rounds: true,
        work_limit: WORK,
        threads,
    }
}

pub fn search(seed: u64, threads: usize) -> SearchOptions {
    SearchOptions {
        moves: 3_000,
        rounds: 6,
        tolerance: 0.2,
        work_limit: 20_000,
        threads,
        seed,
    }
}

pub fn relinking(seed: u64, threads: usize) -> RelinkOptions {
    RelinkOptions {
        descents: 40,
        threads,
        columns: 6,
        seed,
    }
}

/// Panics if a limit is broken or the assignment's own account is not the table's; the cost.
pub fn sound(table: &Table, instance: &Instance, assignment: &Assignment, step: &str) -> i64 {
    let (cost, used) = audit(table, instance, assignment);
    assert_eq!(overfull(table, &used), [], "{step}: rows overfull");
    assert_eq!(assignment.cost(instance), cost, "{step}: cost");
    assert!(assignment.overfull().is_empty(), "{step}");
    cost
}

pub fn many(seed: u64) -> Table {
    let mut table = random_table(seed, LARGE);
    if seed.is_multiple_of(2) {
        // Plans by enumeration: of small orders only.
        table = random_table(
            seed,
            Size {
                lines: 2,
                nodes: 3,
                ..LARGE
            },
        );
        put_in_force(&mut table, seed);
    }
    table
}

/// A table in which most orders have more ways than the search looks at: near nodes are cheap for
/// all. Every third order has one way, at a far node.
pub fn wide(seed: u64) -> Table {
    let size = Size {
        orders: 25,
        lines: 2,
        nodes: 80,
        skus: 2,
        units: 2,
        overtime: seed.is_multiple_of(2),
    };
    let mut table = random_table(seed, size);
    let step = step_of(seed);
    for (index, order) in table.orders.iter_mut().enumerate() {
        for way in &mut order.ways {
            way.fixed += step * i64::from(way.node);
        }
        for line in &mut order.lines {
            line.unfilled += step * 400;
        }
        if index % 3 == 0 {
            let (lines, last) = (order.lines.len(), order.ways.len() - 1 - index);
            order.ways = vec![order.ways[last]];
            order.costs = order.costs[last * lines..(last + 1) * lines].to_vec();
            order.rows = order.rows[last * lines..(last + 1) * lines].to_vec();
            if !order.ship_rows.is_empty() {
                order.ship_rows = order.ship_rows[last * lines..(last + 1) * lines].to_vec();
            }
        }
    }
    table
}

/// Prices under which the far nodes are worth a look.
pub fn far_prices(table: &Table, seed: u64) -> Vec<i64> {
    let rows = 0..table.rows.len() as i64;
    rows.map(|row| step_of(seed) * if row < 240 { 200 } else { 0 })
        .collect()
}

pub fn steps(table: &Table, seed: u64, threads: usize) -> (Instance, Ascended, Assignment) {
    let mut instance = Instance::new(table, threads);
    let mut pool = Pool::default();
    let ascended = instance.ascend(&mut pool, &[], ascent(40, threads), |_| true);
    instance.widen(table, &ascended.prices, WORK, threads);
    let mut now = instance.construct(&ascended, &pool, WORK);
    let mut cost = sound(table, &instance, &now, &format!("seed {seed}, construct"));
    for turn in 0..3 {
        instance.rescue(table, &mut now, WORK);
        cost = sound(
            table,
            &instance,
            &now,
            &format!("seed {seed}, rescue {turn}"),
        );
        let options = search(seed + turn, threads);
        now = instance.improve(now, &mut pool, &ascended.prices, options, |_| true);
        let better = sound(
            table,
            &instance,
            &now,
            &format!("seed {seed}, improve {turn}"),
        );
        assert!(better <= cost, "seed {seed}: {better} after {cost}");
        cost = better;
    }
    let options = relinking(seed, threads);
    now = instance.relink(now, &mut pool, &ascended.prices, options, |_, _| true);
    let better = sound(table, &instance, &now, &format!("seed {seed}, relink"));
    assert!(better <= cost, "seed {seed}: {better} after {cost}");
    cost = better;
    let proven = bound(table, instance.roundings(), &ascended.prices, WORK, threads).micro;
    assert!(proven <= cost, "seed {seed}: {proven} above {cost}");
    (instance, ascended, now)
}

//! The bound against brute force: any prices, rows with overtime, rounding.
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

use std::sync::Arc;

use bopis_allocation::{
    bound, AscentOptions, Bound, Instance, Line, Order, Pattern, Pool, Roundings, Row, Slot, Table,
    Way, NO_ROW,
};
use tables::{optimum, options, put_in_force, random_table, step_of, Dice, SMALL, WORK};

fn small(seed: u64) -> Table {
    let mut table = random_table(seed, SMALL);
    if seed.is_multiple_of(2) {
        put_in_force(&mut table, seed);
    }
    table
}

fn random_prices(table: &Table, seed: u64) -> Vec<i64> {
    let mut dice = Dice(seed ^ 0xB0);
    let most = step_of(seed) * [2, 15, 60][dice.below(3) as usize];
    let price = |_| match dice.one_in(3) {
        true => 0,
        false => dice.amount(0, most),
    };
    table.rows.iter().map(price).collect()
}

/// What a row with overtime takes off beyond `limit x price`.
fn overtime_term(table: &Table, prices: &[i64]) -> i64 {
    let rows = table.rows.iter().zip(prices);
    rows.map(|(row, price)| row.overtime * (price - row.overtime_price).max(0))
        .sum()
}

/// What limits x prices prove, by trying every plan of every order that fits alone.
fn charged(table: &Table, prices: &[i64]) -> i64 {
    let mut sum = -overtime_term(table, prices);
    for (row, price) in table.rows.iter().zip(prices) {
        sum -= row.limit * price;
    }
    for index in 0..table.orders.len() {
        let plans = options(table, index).into_iter();
        let fits = plans.filter(|(_, takes)| {
            takes.iter().all(|(row, amount)| {
                let row = table.rows[*row as usize];
                *amount <= row.limit + row.overtime
            })
        });
        let least = fits.map(|(cost, takes)| {
            let charge = |(row, amount): (&u32, &i64)| prices[*row as usize] * amount;
            cost + takes.iter().map(charge).sum::<i64>()
        });
        sum += least.min().unwrap();
    }
    sum
}

/// The bound of prices of rows alone.
fn plain(table: &Table, prices: &[i64], work: u64, threads: usize) -> Bound {
    bound(table, &Arc::default(), prices, work, threads)
}

/// Every rounding inequality of a table.
fn every_rounding(table: &Table) -> Arc<Roundings> {
    let all = vec![true; table.rows.len()];
    Arc::new(Roundings::of(&table.rows, &table.calendar, &all))
}

fn up(value: i64, step: i64) -> i64 {
    value.div_euclid(step) * step + if value.rem_euclid(step) > 0 { step } else { 0 }
}

#[test]
fn any_prices_prove_a_bound_below_the_optimum_and_no_more_than_every_plan_gives() {
    let (mut met, mut without_overtime, mut doubly_rounded, mut rounded) = (0, 0, 0, 0);
    let mut filled = 0;
    for seed in 0..600 {
        let table = small(seed);
        let best = optimum(&table);
        for more in 0..4 {
            let prices = random_prices(&table, seed + 1_000 * more);
            let proven = plain(&table, &prices, WORK, 1);
            let expected = charged(&table, &prices);
            let step = step_of(seed);
            assert_eq!(proven.stopped, 0, "seed {seed}");
            assert!(proven.micro <= best, "seed {seed}: {proven:?} above {best}");
            met += usize::from(proven.micro >= expected);
            // Planted errors: the same without the term of overtime, and rounded too far.
            without_overtime += usize::from(proven.micro + overtime_term(&table, &prices) > best);
            doubly_rounded += usize::from(up(proven.micro + 1, step) > best);
            rounded += usize::from(proven.micro > expected);
            filled += usize::from(proven.micro > up(expected, step));
        }
    }
    println!("{met} met, {rounded} rounded, {filled} better since lines do not fill hours");
    println!("seen {without_overtime} and {doubly_rounded}");
    assert!(
        met > 1_200,
        "the bound is seldom what the plans give: {met}"
    );
    assert!(without_overtime > 10 && doubly_rounded > 20 && rounded > 100 && filled > 100);
}

#[test]
fn prices_of_an_ascent_prove_a_bound_near_the_optimum() {
    let (mut proven, mut best, mut zero) = (0, 0, 0);
    for seed in 1_000..1_150 {
        let table = small(seed);
        let instance = Instance::new(&table, 1);
        let ascended = instance.ascend(&mut Pool::default(), &[], options_of(150), |_| true);
        let optimum = optimum(&table);
        let bound = bound(&table, instance.roundings(), &ascended.prices, WORK, 1).micro;
        assert!(bound <= optimum, "seed {seed}");
        let step = step_of(seed);
        proven += bound / step;
        best += optimum / step;
        zero += plain(&table, &[], WORK, 1).micro / step;
    }
    println!("without prices {zero}, with {proven}, optimum {best}");
    assert!(proven * 100 >= best * 90, "{proven} of {best}");
    assert!((best - proven) * 2 < best - zero, "{zero} {proven} {best}");
}

#[test]
fn any_prices_of_rounding_inequalities_prove_a_bound_below_the_optimum() {
    let (mut priced, mut better, mut too_low) = (0, 0, 0);
    for seed in 0..600 {
        let table = small(seed);
        let best = optimum(&table);
        let roundings = every_rounding(&table);
        let limits = roundings.limits();
        for more in 0..6 {
            let mut dice = Dice(seed + 7_000 * more);
            let mut prices = random_prices(&table, seed + 1_000 * more);
            // Prices of rows leave little for those of inequalities, or nothing does.
            if more % 2 == 0 {
                prices.fill(0);
            }
            let step = step_of(seed);
            prices.extend(limits.iter().map(|_| step * dice.amount(0, 9)));
            let proven = bound(&table, &roundings, &prices, WORK, 1).micro;
            assert!(proven <= best, "seed {seed}: {proven} above {best}");
            priced += usize::from(!limits.is_empty());
            better += usize::from(proven > plain(&table, &prices, WORK, 1).micro);
            // A planted error: each inequality allows one less.
            let rounded = prices.iter().skip(table.rows.len());
            too_low += usize::from(proven + rounded.sum::<i64>() > best);
        }
    }
    println!("{priced} with prices, {better} better than without; the error seen {too_low} times");
    assert!(priced > 1_000 && better > 100 && too_low > 50);
}

#[test]
fn rounding_inequalities_prove_what_prices_of_rows_cannot() {
    let (mut without, mut with, mut best) = (0, 0, 0);
    for seed in 2_000..2_100 {
        let table = small(seed);
        let instance = Instance::new(&table, 1);
        let proven = |rounds: bool| {
            let options = AscentOptions {
                rounds,
                ..options_of(150)
            };
            let ascended = instance.ascend(&mut Pool::default(), &[], options, |_| true);
            bound(&table, instance.roundings(), &ascended.prices, WORK, 1).micro / step_of(seed)
        };
        without += proven(false);
        with += proven(true);
        best += optimum(&table) / step_of(seed);
    }
    println!("rows alone {without}, with inequalities {with}, optimum {best}");
    assert!(with > without && with <= best);
}

fn options_of(passes: u32) -> AscentOptions {
    AscentOptions {
        passes,
        softness: 1.0,
        learning: true,
        rounds: true,
        work_limit: WORK,
        threads: 1,
    }
}

#[test]
fn prices_below_zero_and_missing_ones_count_as_zero() {
    for seed in 0..50 {
        let table = small(seed);
        let none = plain(&table, &[], WORK, 1);
        let below = vec![-5; table.rows.len()];
        assert_eq!(plain(&table, &below, WORK, 1), none, "seed {seed}");
    }
}

#[test]
fn enormous_prices_prove_little_but_nothing_wrong() {
    for seed in 0..50 {
        let table = small(seed);
        for price in [1 << 42, 1 << 62, i64::MAX] {
            let prices = vec![price; table.rows.len()];
            let proven = plain(&table, &prices, WORK, 1).micro;
            assert!(proven <= optimum(&table), "seed {seed}, price {price}");
        }
    }
}

#[test]
fn a_search_that_is_stopped_still_proves_a_bound() {
    let mut stopped = 0;
    for seed in 0..200 {
        let table = small(seed);
        let prices = random_prices(&table, seed);
        let proven = plain(&table, &prices, 3, 1);
        assert!(proven.micro <= optimum(&table), "seed {seed}");
        stopped += proven.stopped;
    }
    assert!(stopped > 50, "the limit must bind: {stopped}");
}

#[test]
fn the_bound_is_the_same_on_any_number_of_threads() {
    for seed in 0..10 {
        let size = tables::Size {
            orders: 400,
            ..tables::LARGE
        };
        let table = random_table(seed, size);
        let prices = random_prices(&table, seed);
        let one = plain(&table, &prices, WORK, 1);
        assert_eq!(plain(&table, &prices, WORK, 3), one, "seed {seed}");
    }
}

#[test]
fn what_collecting_costs_counts_when_a_bound_is_rounded() {
    assert_eq!(plain(&one_order(7, 0), &[], WORK, 1).micro, 37);
}

#[test]
fn what_hours_charge_counts_when_a_bound_is_rounded() {
    assert_eq!(plain(&one_order(0, 7), &[], WORK, 1).micro, 37);
}

/// An order of one line that costs 30, and what collecting it costs and its hour charges.
fn one_order(visit: i64, charge: i64) -> Table {
    let mut table = Table::default();
    table.rows.push(Row {
        limit: 1_000,
        ..Row::default()
    });
    table.calendar.patterns.push(Pattern {
        charge,
        start_h: 0,
        ready_h: 1,
        shares: [(0, 1)].into_iter().collect(),
        days: std::iter::empty().collect(),
    });
    table.calendar.slots.push(Slot {
        first: 0,
        end: 1,
        start_from_h: 0,
        promise_h: 1,
    });
    table.orders.push(Order {
        lines: vec![Line {
            quantity: 1,
            unfilled: 1_000,
        }],
        ways: vec![Way {
            node: 0,
            store: Some(0),
            fixed: 10,
            slot: 0,
        }],
        costs: vec![20],
        rows: vec![NO_ROW],
        visits: vec![(0, visit)],
        ..Order::default()
    });
    table
}

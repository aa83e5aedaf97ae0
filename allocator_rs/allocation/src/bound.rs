//! The bound that prices prove: no allocation costs less.
//!
//! For prices p >= 0 by row: the sum over orders of the least cost with charges, over every way that
//! an order has, less limit x p by row, less overtime x max(0, p - overtime price) (Lagrangian
//! duality); for hours less what their dearest filling pays (`filling.rs`), which is no more. All of
//! it in integers; a sum that no 64 bits hold is added up in 128. Where every cost is a multiple of
//! something, so is the cost of every allocation: the bound is rounded up to one.

use std::sync::Arc;

use bopis_sourcing::CANNOT;

use crate::filling::{Dearest, Fillings};
use crate::instance::{Order, Row, Source};
use crate::pricer::{Cut, Pricer};
use crate::prices::Prices;
use crate::rooms::Rooms;
use crate::rounding::Roundings;
use crate::sums::gcd;
use crate::threads::with_each;

/// A bound, and how it came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// No allocation costs less (micro-units).
    pub micro: i64,
    /// Orders whose search the work limit stopped: their frontier counts.
    pub stopped: u64,
}

/// What the limits, the rows' and the rounding inequalities', take off the orders' least costs, and
/// the dearest fillings of the hours that are paid for.
pub(crate) fn charge_of_limits(
    (rows, roundings): (&[Row], &Roundings),
    fillings: &Fillings,
    prices: &Prices,
    threads: usize,
) -> (i128, Vec<Dearest>) {
    let dearest = fillings.dearest(rows, prices, threads);
    let mut sum: i128 = dearest.iter().map(|dearest| dearest.worth).sum();
    for (index, row) in rows.iter().enumerate() {
        if fillings.is_hour(index) {
            continue;
        }
        let price = |number: u32| i128::from(prices.of(number).max(0));
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        let own = price(number);
        let beyond = (own - i128::from(row.overtime_price)).max(0);
        sum += i128::from(row.limit) * own + i128::from(row.overtime) * beyond;
        sum += roundings
            .of_row(number)
            .map(|(number, limit)| i128::from(limit) * price(number))
            .sum::<i128>();
    }
    (sum, dearest)
}

/// The bound that `prices` (whole micro-units, by row, then by rounding inequality; below 0 counts as 0, missing ones are 0)
/// prove for all orders of a source.
#[must_use]
pub fn bound(
    source: &dyn Source,
    roundings: &Arc<Roundings>,
    prices: &[i64],
    work_limit: u64,
    threads: usize,
) -> Bound {
    let rows = source.rows();
    let mut known: Vec<i64> = prices.iter().map(|price| (*price).max(0)).collect();
    known.resize(rows.len() + roundings.limits().len(), 0);
    let rooms: Vec<i64> = rows
        .iter()
        .map(|row| row.limit.saturating_add(row.overtime))
        .collect();
    let prices = Prices::of_alone(source.calendar(), roundings, known, &rooms, threads);
    let least = |pricer: &mut Pricer, index: usize| {
        let order = source.order(index);
        let calendar = source.calendar();
        let priced = pricer.price(
            &order,
            calendar,
            &prices,
            (Rooms(&rooms), Cut::No),
            work_limit,
        );
        let in_force = order.in_force.as_ref().map(|plan| plan.takes.clone());
        let step = step_of(&order);
        (
            priced.lower_bound,
            priced.is_exact,
            step,
            in_force.unwrap_or_default(),
        )
    };
    let (least, _) = with_each(source.count(), threads, Pricer::default, least);
    let sum: i128 = least.iter().map(|(least, ..)| i128::from(*least)).sum();
    let in_force = least.iter().flat_map(|(.., takes)| takes);
    let fillings = Fillings::of((rows, roundings), source.calendar(), in_force);
    let (limits, _) = charge_of_limits((rows, roundings), &fillings, &prices, threads);
    let sum = sum - limits;
    let overtime = rows.iter().map(|row| row.overtime_price);
    let patterns = source.calendar().patterns.iter();
    let charges = patterns.map(|pattern| pattern.charge);
    let step = least
        .iter()
        .map(|(_, _, step, _)| *step)
        .chain(overtime)
        .chain(charges)
        .fold(0, gcd);
    let step = i128::from(step.max(1));
    let up = sum.div_euclid(step) + i128::from(sum.rem_euclid(step) > 0);
    Bound {
        micro: i64::try_from(up * step).unwrap_or(i64::MIN),
        stopped: least.iter().filter(|(_, is_exact, ..)| !is_exact).count() as u64,
    }
}

/// What every cost of an order is a multiple of.
fn step_of(order: &Order) -> i64 {
    let costs = order.costs.iter().copied().filter(|cost| *cost < CANNOT);
    let unfilled = order.lines.iter().map(|line| line.unfilled);
    let fixed = order.ways.iter().map(|way| way.fixed);
    let whole = [order.extra_group, order.late.broken, order.late.hour];
    let in_force = order.in_force.iter().map(|plan| plan.cost);
    let visits = order.visits.iter().map(|(_, cost)| *cost);
    let all = costs
        .chain(visits)
        .chain(unfilled)
        .chain(fixed)
        .chain(whole)
        .chain(in_force);
    all.fold(0, gcd)
}

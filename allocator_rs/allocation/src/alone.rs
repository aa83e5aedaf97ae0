//! An order of one line that is alone: its best choice takes no search.

use bopis_sourcing::{CANNOT, COST_MAX};
use smallvec::SmallVec;

use crate::choice::{Choice, Group};
use crate::instance::Order;
use crate::pricer::Priced;
use crate::prices::Prices;

/// The best choice of an order of one line that is alone: no more than a look at every offer. Whatever
/// it could do has room then (`Source::order`).
pub(crate) fn best_alone(order: &Order, prices: &Prices) -> Priced {
    let line = order.lines.first();
    let (quantity, unfilled) = line.map_or((0, 0), |line| (line.quantity, line.unfilled));
    let mut best = (unfilled.min(COST_MAX), None);
    for (number, way) in (0_u32..).zip(&order.ways) {
        let cost = order.costs_of(number as usize).first().copied();
        let Some(cost) = cost.filter(|cost| *cost < CANNOT) else {
            continue;
        };
        let units = order.unit_rows(number as usize, 0);
        let units = prices.of_units(units, quantity);
        let cost = cost.saturating_add(units.min(COST_MAX));
        for offer in prices.offers_alone(way.slot).into_iter().flatten() {
            let line = cost.saturating_add(offer.price).min(COST_MAX);
            let group = way.fixed.saturating_add(offer.once).min(COST_MAX);
            let all = group.saturating_add(line) + order.late.of(offer.late);
            if all < best.0 {
                best = (all, Some((number, offer.pattern)));
            }
        }
    }
    let (lower_bound, found) = best;
    let groups = found.map(|(way, pattern)| Group {
        way,
        pattern,
        lines: SmallVec::from_slice(&[0]),
    });
    Priced {
        lower_bound,
        charged: if found.is_some() {
            lower_bound
        } else {
            unfilled
        },
        choice: Choice::Groups(groups.into_iter().collect()),
        is_exact: true,
    }
}

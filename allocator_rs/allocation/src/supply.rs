//! What the hours give, softly: the other side of the master.
//!
//! An hour gives one of its fillings. Those known of it have weights under prices as the choices of
//! an order have (`master.rs`), here rising with what they pay. What an hour gives is then a smooth
//! function of the prices, too, and becomes its dearest filling as the softness goes to 0.

use smallvec::SmallVec;

use crate::filling::{Dearest, Filling, Fillings};
use crate::instance::Row;
use crate::rounding::Roundings;
use crate::smooth::{exp, ln};

const NO_PLACE: u32 = u32::MAX;
/// Fillings of an hour, at most: those found first and those found last.
const KNOWN_MAX: usize = 24;

/// What a filling takes of its row and of each of the row's inequalities, and what its overtime
/// costs (micro-units).
#[derive(Clone, Debug)]
struct Known {
    filling: Filling,
    takes: SmallVec<[f64; 4]>,
    overtime: f64,
}

#[derive(Clone, Debug)]
struct Hour {
    /// Of its row and each of the row's inequalities.
    places: SmallVec<[u32; 4]>,
    known: Vec<Known>,
}

/// The known fillings of all hours.
#[derive(Debug)]
pub(crate) struct Supply {
    hours: Vec<Hour>,
    /// By row and inequality: its hour and which of the hour's it is.
    of_row: Vec<Option<(u32, u32)>>,
}

impl Supply {
    pub(crate) fn new(fillings: &Fillings, rows: &[Row], roundings: &Roundings) -> Self {
        let mut supply = Self {
            hours: Vec::with_capacity(fillings.hours().len()),
            of_row: vec![None; rows.len() + roundings.limits().len()],
        };
        for (number, hour) in (0_u32..).zip(fillings.hours()) {
            let own = std::iter::once(hour.row).chain(roundings.of_row(hour.row).map(|of| of.0));
            let mut places = SmallVec::new();
            for (at, row) in (0_u32..).zip(own) {
                if let Some(of_row) = supply.of_row.get_mut(row as usize) {
                    *of_row = Some((number, at));
                }
                places.push(NO_PLACE);
            }
            let row = rows.get(hour.row as usize).copied().unwrap_or_default();
            let plain = hour.plain(&row).into_iter();
            let known = plain.map(|filling| known(filling, hour.row, &row, roundings));
            supply.hours.push(Hour {
                places,
                known: known.collect(),
            });
        }
        supply
    }

    /// A row or an inequality has come to light at a place; whether an hour gives it.
    pub(crate) fn place(&mut self, row: u32, place: usize) -> bool {
        let Some(Some((hour, at))) = self.of_row.get(row as usize) else {
            return false;
        };
        let hour = self.hours.get_mut(*hour as usize);
        if let Some(own) = hour.and_then(|hour| hour.places.get_mut(*at as usize)) {
            *own = u32::try_from(place).unwrap_or(NO_PLACE);
        }
        true
    }

    /// Takes over what was found dearest.
    pub(crate) fn learn(
        &mut self,
        dearest: Vec<Dearest>,
        fillings: &Fillings,
        rows: &[Row],
        roundings: &Roundings,
    ) {
        for found in dearest {
            let Some((own, hour)) = self
                .hours
                .get_mut(found.hour)
                .zip(fillings.hours().get(found.hour))
            else {
                continue;
            };
            let row = rows.get(hour.row as usize).copied().unwrap_or_default();
            if own.known.iter().all(|known| known.filling != found.filling) {
                own.known.truncate(KNOWN_MAX - 1);
                own.known
                    .push(known(found.filling, hour.row, &row, roundings));
            }
        }
    }

    /// What the hours that are paid for give at prices by place goes into `given` (by place); what
    /// they are paid for it, softly.
    pub(crate) fn mix(&self, prices: &[f64], softness: f64, given: &mut [f64]) -> f64 {
        let mut value = 0.0;
        let mut paid: SmallVec<[f64; KNOWN_MAX]> = SmallVec::new();
        for hour in &self.hours {
            let own: SmallVec<[f64; 4]> = hour
                .places
                .iter()
                .map(|place| prices.get(*place as usize).copied().unwrap_or(0.0))
                .collect();
            if own.iter().all(|price| *price == 0.0) {
                continue;
            }
            paid.clear();
            paid.extend(hour.known.iter().map(|known| {
                let takes = known.takes.iter().zip(&own);
                takes.map(|(take, price)| take * price).sum::<f64>() - known.overtime
            }));
            let most = paid.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            for paid in &mut paid {
                *paid = exp((*paid - most) / softness);
            }
            let sum: f64 = paid.iter().sum();
            value += most + softness * ln(sum);
            for place in &hour.places {
                if let Some(given) = given.get_mut(*place as usize) {
                    *given = 0.0;
                }
            }
            for (known, weight) in hour.known.iter().zip(&paid) {
                for (place, take) in hour.places.iter().zip(&known.takes) {
                    if let Some(given) = given.get_mut(*place as usize) {
                        *given += weight / sum * take;
                    }
                }
            }
        }
        value
    }
}

fn known(filling: Filling, hour: u32, row: &Row, roundings: &Roundings) -> Known {
    let inequalities: SmallVec<[u32; 4]> =
        roundings.of_row(hour).map(|(number, _)| number).collect();
    let mut takes: SmallVec<[f64; 4]> = SmallVec::from_elem(0.0, inequalities.len() + 1);
    for (amount, times) in &filling.times {
        if let Some(own) = takes.get_mut(0) {
            *own += (amount * times) as f64;
        }
        for (number, take) in roundings.takes(hour, *amount) {
            let at = inequalities.iter().position(|known| *known == number);
            if let Some(own) = at.and_then(|at| takes.get_mut(at + 1)) {
                *own += (take * times) as f64;
            }
        }
    }
    Known {
        overtime: filling.overtime as f64 * row.overtime_price as f64,
        filling,
        takes,
    }
}

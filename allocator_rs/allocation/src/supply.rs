//! What the hours give, softly: the other side of the master.
//!
//! An hour gives one of its fillings. Those known of it have weights under prices as the choices of
//! an order have (`master.rs`), here rising with what they pay. What an hour gives is then a smooth
//! function of the prices, too, and becomes its dearest filling as the softness goes to 0.

use smallvec::SmallVec;

use crate::filling::{Dearest, Filling, Fillings};
use crate::instance::Row;
use crate::prices::Prices;
use crate::rounding::Roundings;
use crate::smooth::{exp, ln};

const NO_PLACE: u32 = u32::MAX;
/// Fillings of an hour, at most: those that were dearest.
const KNOWN_MAX: usize = 24;

/// A filling that is known of an hour.
#[derive(Clone, Debug)]
struct Known {
    filling: Filling,
    /// Of the hour's row and each of the row's inequalities.
    takes: SmallVec<[f64; 4]>,
    /// What its overtime costs (micro-units).
    overtime: f64,
}

/// An hour as the master sees it.
#[derive(Clone, Debug)]
struct Giver {
    /// Its row and each of the row's inequalities: the number, and the place once it has one.
    rows: SmallVec<[u32; 4]>,
    places: SmallVec<[u32; 4]>,
    known: Vec<Known>,
}

/// The known fillings of all hours.
#[derive(Debug)]
pub(crate) struct Supply {
    hours: Vec<Giver>,
    /// By row and inequality: its hour and which of the hour's it is.
    of_row: Vec<Option<(u32, u32)>>,
}

impl Supply {
    pub(crate) fn new(fillings: &Fillings, (rows, roundings): (&[Row], &Roundings)) -> Self {
        let mut supply = Self {
            hours: Vec::with_capacity(fillings.hours().len()),
            of_row: vec![None; rows.len() + roundings.limits().len()],
        };
        for (number, hour) in (0_u32..).zip(fillings.hours()) {
            let inequalities = roundings.of_row(hour.row).map(|(number, _)| number);
            let own: SmallVec<[u32; 4]> = std::iter::once(hour.row).chain(inequalities).collect();
            for (at, row) in (0_u32..).zip(&own) {
                if let Some(of_row) = supply.of_row.get_mut(*row as usize) {
                    *of_row = Some((number, at));
                }
            }
            let row = rows.get(hour.row as usize).copied().unwrap_or_default();
            let mut giver = Giver {
                places: SmallVec::from_elem(NO_PLACE, own.len()),
                rows: own,
                known: Vec::new(),
            };
            for filling in hour.plain(&row, KNOWN_MAX) {
                giver.known.push(giver.known_of(filling, &row, roundings));
            }
            supply.hours.push(giver);
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

    /// Takes over what was found dearest under prices.
    pub(crate) fn learn(
        &mut self,
        dearest: Vec<Dearest>,
        (rows, roundings): (&[Row], &Roundings),
        prices: &Prices,
    ) {
        for found in dearest {
            let Some(hour) = self.hours.get_mut(found.hour) else {
                continue;
            };
            if hour
                .known
                .iter()
                .any(|known| known.filling == found.filling)
            {
                continue;
            }
            let row = hour.rows.first().and_then(|row| rows.get(*row as usize));
            let known = hour.known_of(found.filling, &row.copied().unwrap_or_default(), roundings);
            if hour.known.len() >= KNOWN_MAX {
                hour.forget_cheapest(prices);
            }
            hour.known.push(known);
        }
    }

    /// What the hours give at prices by place goes into `given` (by place); what they are paid for
    /// it, softly. Nobody pays for an hour without prices; it gives all that it can.
    pub(crate) fn mix(&self, prices: &[f64], softness: f64, given: &mut [f64]) -> f64 {
        let mut value = 0.0;
        let mut weights: SmallVec<[f64; KNOWN_MAX]> = SmallVec::new();
        for hour in &self.hours {
            let price = |place: &u32| prices.get(*place as usize).copied().unwrap_or(0.0);
            let own: SmallVec<[f64; 4]> = hour.places.iter().map(price).collect();
            weights.clear();
            if own.iter().any(|price| *price > 0.0) {
                let paid = hour.known.iter().map(|known| known.paid(&own));
                weights.extend(paid);
                value += soften(&mut weights, softness);
            }
            for (at, place) in hour.places.iter().enumerate() {
                let Some(given) = given.get_mut(*place as usize) else {
                    continue;
                };
                let takes = hour.known.iter();
                let takes = takes.map(|known| known.takes.get(at).copied().unwrap_or(0.0));
                *given = if weights.is_empty() {
                    takes.fold(0.0, f64::max)
                } else {
                    takes
                        .zip(&weights)
                        .map(|(take, weight)| take * weight)
                        .sum()
                };
            }
        }
        value
    }
}

/// Makes weights of what is paid, which sum to 1; gives what is paid, softly: near the most, and 0
/// where all are paid nothing.
fn soften(paid: &mut [f64], softness: f64) -> f64 {
    let most = paid.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for paid in paid.iter_mut() {
        *paid = exp((*paid - most) / softness);
        sum += *paid;
    }
    for weight in paid.iter_mut() {
        *weight /= sum;
    }
    most + softness * (ln(sum) - ln(paid.len() as f64))
}

impl Known {
    /// What it pays at the prices of the hour's row and its inequalities, less its overtime.
    fn paid(&self, prices: &[f64]) -> f64 {
        let paid = self.takes.iter().zip(prices);
        paid.map(|(take, price)| take * price).sum::<f64>() - self.overtime
    }
}

impl Giver {
    fn known_of(&self, filling: Filling, row: &Row, roundings: &Roundings) -> Known {
        let mut takes: SmallVec<[f64; 4]> = SmallVec::from_elem(0.0, self.rows.len());
        let hour = self.rows.first().copied().unwrap_or(NO_PLACE);
        for (amount, times) in &filling.times {
            let own = std::iter::once((hour, *amount)).chain(roundings.takes(hour, *amount));
            for (number, take) in own {
                let at = self.rows.iter().position(|row| *row == number);
                if let Some(sum) = at.and_then(|at| takes.get_mut(at)) {
                    *sum += (take * times) as f64;
                }
            }
        }
        Known {
            overtime: filling.overtime as f64 * row.overtime_price as f64,
            filling,
            takes,
        }
    }

    fn forget_cheapest(&mut self, prices: &Prices) {
        let own: SmallVec<[f64; 4]> = self.rows.iter().map(|row| prices.of(*row) as f64).collect();
        let paid = self.known.iter().map(|known| known.paid(&own)).enumerate();
        if let Some((at, _)) = paid.min_by(|(_, one), (_, other)| one.total_cmp(other)) {
            self.known.remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::calendar::{Calendar, Pattern};
    use crate::dice::Dice;

    const ONE: f64 = 1_000.0;

    struct Hours {
        rows: Vec<Row>,
        calendar: Calendar,
        roundings: Arc<Roundings>,
        fillings: Fillings,
    }

    impl Hours {
        /// One hour of 1,260 s, and 100 s of overtime at 3 each in every second.
        fn of(seed: u64) -> Self {
            let mut dice = Dice::new(seed);
            let rows = vec![Row {
                limit: 1_260,
                overtime: if seed.is_multiple_of(2) { 0 } else { 100 },
                overtime_price: 3,
            }];
            let pattern = |seconds: i64| Pattern {
                charge: 0,
                start_h: 0,
                ready_h: 1,
                shares: std::iter::once((0, seconds)).collect(),
                days: std::iter::empty().collect(),
            };
            let line = 100 + dice.below(800) as i64;
            let calendar = Calendar {
                patterns: [line, line / 2, line / 3].map(pattern).to_vec(),
                slots: Vec::new(),
            };
            let roundings = Arc::new(Roundings::of(&rows, &calendar, &[true]));
            let fillings = Fillings::of((&rows, &roundings), &calendar, [].iter());
            Self {
                rows,
                calendar,
                roundings,
                fillings,
            }
        }

        fn limits(&self) -> (&[Row], &Roundings) {
            (&self.rows, &self.roundings)
        }

        fn supply(&self) -> Supply {
            let mut supply = Supply::new(&self.fillings, self.limits());
            for row in 0..=self.roundings.limits().len() {
                supply.place(row as u32, row);
            }
            supply
        }

        fn whole(&self, prices: &[f64]) -> Prices {
            let whole = prices.iter().map(|price| *price as i64).collect();
            Prices::new(&self.calendar, &self.roundings, whole)
        }
    }

    fn prices_of(hours: &Hours, dice: &mut Dice) -> Vec<f64> {
        (0..=hours.roundings.limits().len())
            .map(|_| (1 + dice.below(9)) as f64)
            .collect()
    }

    #[test]
    fn what_is_given_is_the_slope_of_what_is_paid() {
        for seed in 0..100 {
            let (hours, mut dice) = (Hours::of(seed), Dice::new(seed));
            let (supply, prices) = (hours.supply(), prices_of(&hours, &mut dice));
            if supply.hours.is_empty() {
                continue;
            }
            let mut given = vec![0.0; prices.len()];
            supply.mix(&prices, ONE, &mut given);
            for (place, given) in given.iter().enumerate() {
                let paid = |step: f64| {
                    let mut prices = prices.clone();
                    prices[place] += step;
                    supply.mix(&prices, ONE, &mut vec![0.0; prices.len()])
                };
                let slope = (paid(0.01) - paid(-0.01)) / 0.02;
                assert!((slope - given).abs() < 0.5, "seed {seed}: {slope} {given}");
            }
        }
    }

    #[test]
    fn less_softly_it_is_the_dearest_filling_that_was_learnt() {
        let mut seen = 0;
        for seed in 0..100 {
            let (hours, mut dice) = (Hours::of(seed), Dice::new(seed));
            let (mut supply, prices) = (hours.supply(), prices_of(&hours, &mut dice));
            let whole = hours.whole(&prices);
            let dearest = hours.fillings.dearest(&hours.rows, &whole, 1);
            let worth: f64 = dearest.iter().map(|dearest| dearest.worth as f64).sum();
            supply.learn(dearest, hours.limits(), &whole);
            let paid = supply.mix(&prices, 1e-3, &mut vec![0.0; prices.len()]);
            assert!((paid - worth).abs() < 0.1, "seed {seed}: {paid} {worth}");
            seen += usize::from(worth > 0.0);
        }
        assert!(seen > 80);
    }

    #[test]
    fn an_hour_without_prices_gives_all_that_lines_can_take_of_it() {
        for seed in (0..100).step_by(2) {
            let hours = Hours::of(seed);
            let supply = hours.supply();
            let mut given = vec![0.0; 1 + hours.roundings.limits().len()];
            assert_eq!(supply.mix(&vec![0.0; given.len()], ONE, &mut given), 0.0);
            let fullest = |hour: &Giver| {
                hour.known
                    .iter()
                    .map(|known| known.takes[0])
                    .fold(0.0, f64::max)
            };
            assert!(supply
                .hours
                .iter()
                .all(|hour| fullest(hour) == given[0] && given[0] > 1_000.0));
        }
    }

    #[test]
    fn what_pays_least_is_forgotten_first() {
        let hours = Hours::of(2);
        let mut supply = hours.supply();
        let whole = hours.whole(&[5.0; 4]);
        let hour = &mut supply.hours[0];
        let before = hour.known.len();
        let own: Vec<f64> = hour.rows.iter().map(|row| whole.of(*row) as f64).collect();
        let least = hour
            .known
            .iter()
            .map(|known| known.paid(&own))
            .fold(f64::INFINITY, f64::min);
        hour.forget_cheapest(&whole);
        assert_eq!(hour.known.len(), before - 1);
        assert!(hour.known.iter().all(|known| known.paid(&own) >= least));
    }
}

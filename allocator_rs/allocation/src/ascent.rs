//! Dual ascent: prices of the rows move until few rows are wanted beyond their limits.
//!
//! | step of a pass | |
//! | --- | --- |
//! | climb | accelerated steps (Nesterov) up the soft bound of the known choices (`master.rs`) |
//! | look | the kernel finds every order's best choice under the prices so found, nearer to the best ones |
//! | learn | these choices become known; what they come to is a bound of the ways looked at |
//!
//! Passes are dear and steps are cheap, so there are many steps in a pass; only few at first, while
//! little is known and the climb would lead astray. From pass to pass the bound gets less soft.
//! Every price vector gives a valid bound; all this only makes it good.

use crate::bound::charge_of_limits;
use crate::choice::Choice;
use crate::climb::Climber;
use crate::instance::Instance;
use crate::pool::Pool;
use crate::pricer::{Cut, Pricer};
use crate::prices::Prices;
use crate::repertoire::Repertoire;
use crate::rooms::Rooms;
use crate::smooth::{exp, ln};
use crate::threads::with_each;

/// Steps of a pass, once enough is known.
const STEPS: f64 = 30.0;
/// Share of the passes until enough is known, where little is known at first.
const LEARNING: f64 = 0.5;
/// The same until rounding inequalities have prices: before, they only lead astray.
const RIPE: f64 = 0.35;
/// Softness at first and at last, as shares of an order's cost.
const SOFT_FIRST: f64 = 0.05;
const SOFT_LAST: f64 = 0.002;

/// Where an ascent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AscentProgress {
    /// Passes over all orders.
    pub passes: u32,
    /// The best sum so far (micro-units): a bound for the ways that the search looks at.
    pub estimate: i64,
}

/// What an ascent came to.
#[derive(Clone, Debug)]
pub struct Ascended {
    /// The best prices, by row, then by rounding inequality if these have any.
    pub prices: Vec<i64>,
    /// Their sum over the ways that the search looks at (micro-units).
    pub estimate: i64,
    /// Passes made.
    pub passes: u32,
    /// By order: its heaviest choice at the end.
    pub choices: Vec<Choice>,
    /// By order: how heavy, in thousandths of all it may choose.
    pub steady: Vec<u32>,
}

/// How an ascent goes.
#[derive(Clone, Copy, Debug)]
pub struct AscentOptions {
    /// Passes over all orders.
    pub passes: u32,
    /// Share of the usual first softness: less for prices that are good already.
    pub softness: f64,
    /// Whether little is known at first: steps are few until more is.
    pub learning: bool,
    /// Whether rounding inequalities have prices too: for a better bound. Without, a row's price is all that a
    /// unit or second of it is worth.
    pub rounds: bool,
    /// Of the kernel, for one order.
    pub work_limit: u64,
    /// Threads.
    pub threads: usize,
}

struct State<'a> {
    instance: &'a Instance,
    options: AscentOptions,
    climber: Climber<'a>,
    least: Vec<i64>,
    /// By order: what it was found to be able to do.
    known: Vec<Repertoire>,
}

impl Instance {
    /// Prices from `start` (by row; missing ones are 0) on, in `options.passes` passes or until
    /// `go_on` says no. What orders are found to be able to do enters the pool.
    pub fn ascend(
        &self,
        pool: &mut Pool,
        start: &[i64],
        options: AscentOptions,
        mut go_on: impl FnMut(AscentProgress) -> bool,
    ) -> Ascended {
        let mut state = State::new(self, start, options, pool.take_out(self));
        let mut best = (i64::MIN, Vec::new());
        let mut cost = 0.0;
        let (mut passes, all) = (0, options.passes.max(1));
        let heaviest: Vec<(u32, f64)> = loop {
            let asked = state.climber.blend(&best.1);
            let prices = state.climber.whole_prices(&asked);
            let prices = self.prices_alone(prices, options.threads);
            state.look(&prices);
            let estimate = state.sum(&prices);
            if passes == 0 {
                cost = state.cost_each().max(1.0);
            }
            if estimate > best.0 {
                best = (estimate, asked);
            } else {
                state.climber.go_back(asked);
            }
            passes += 1;
            let told = AscentProgress {
                passes,
                estimate: best.0,
            };
            let goes_on = go_on(told) && passes < all;
            let progress = f64::from(passes) / f64::from(all);
            let ramp = if options.learning {
                progress / LEARNING
            } else {
                1.0
            };
            let steps = (STEPS * ramp.min(1.0)).round().max(1.0) as u32;
            state.climber.rounds = options.rounds && (!options.learning || progress > RIPE);
            let softness = cost * softness_at(progress, options.softness);
            let mut master = state.climber.master(&state.known);
            state.climber.climb(&mut master, softness, steps);
            if !goes_on {
                break master.heaviest().collect();
            }
        };
        let mut prices = state.climber.whole_prices(&best.1);
        if !options.rounds {
            prices.truncate(self.rows.len());
        }
        let (choices, steady) = state.named(heaviest);
        pool.orders = state.known;
        Ascended {
            estimate: best.0,
            prices,
            passes,
            choices,
            steady,
        }
    }
}

/// As a share of an order's cost.
fn softness_at(progress: f64, first: f64) -> f64 {
    let first = (SOFT_FIRST * first).max(SOFT_LAST);
    first * exp(-progress * ln(first / SOFT_LAST))
}

impl<'a> State<'a> {
    fn new(
        instance: &'a Instance,
        start: &'a [i64],
        options: AscentOptions,
        known: Vec<Repertoire>,
    ) -> Self {
        let given = (options.rounds, options.threads);
        let mut state = Self {
            instance,
            options,
            climber: Climber::new(instance, start, given),
            least: vec![0; instance.orders.len()],
            known,
        };
        // Nobody is without a choice that always fits.
        for (index, (known, order)) in state.known.iter_mut().zip(&instance.orders).enumerate() {
            known.number_of(instance, index, &Choice::nothing());
            if order.in_force.is_some() {
                known.number_of(instance, index, &Choice::InForce);
            }
        }
        state
    }

    fn cost_each(&self) -> f64 {
        let least: f64 = self.least.iter().map(|least| *least as f64).sum();
        least / self.least.len().max(1) as f64
    }

    /// The best choice of every order, by the kernel; what is new becomes known.
    fn look(&mut self, prices: &Prices) {
        let instance = self.instance;
        let rooms = (Rooms(&instance.rooms), Cut::No);
        let work_limit = self.options.work_limit;
        let known = &self.known;
        let one = |pricer: &mut Pricer, index: usize| {
            let order = instance.order(index)?;
            let own = known.get(index)?;
            let best = own.best(prices, &[]);
            let limits = (work_limit, best.and_then(|number| own.column(number)));
            let calendar = &instance.calendar;
            Some(pricer.price_below(order, calendar, prices, rooms, limits))
        };
        let (found, _) = with_each(known.len(), self.options.threads, Pricer::default, one);
        let orders = self.least.iter_mut().zip(&mut self.known).enumerate();
        for ((order, (least, known)), priced) in orders.zip(found) {
            let Some(priced) = priced else { continue };
            *least = priced.lower_bound;
            known.number_of(instance, order, &priced.choice);
        }
    }

    /// What the prices prove of the ways looked at; the hours' dearest fillings become known.
    fn sum(&mut self, prices: &Prices) -> i64 {
        let least: i128 = self.least.iter().map(|least| i128::from(*least)).sum();
        let instance = self.instance;
        let (fillings, threads) = (&instance.fillings, self.options.threads);
        let limits = (&instance.rows[..], &*instance.roundings);
        let (charge, dearest) = charge_of_limits(limits, fillings, prices, threads);
        self.climber.supply().learn(dearest, limits, prices);
        i64::try_from(least - charge).unwrap_or(i64::MIN)
    }

    /// By order: its heaviest choice, and how heavy, in thousandths.
    fn named(&self, heaviest: Vec<(u32, f64)>) -> (Vec<Choice>, Vec<u32>) {
        let known = self.known.iter().zip(heaviest);
        let named = known.map(|(known, (number, weight))| {
            let column = known.column(number);
            let choice = column.map_or_else(Choice::nothing, |column| column.choice.clone());
            (choice, (1000.0 * weight).round() as u32)
        });
        named.unzip()
    }
}

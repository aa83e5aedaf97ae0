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
use crate::instance::Instance;
use crate::master::{Master, Places};
use crate::pool::Pool;
use crate::pricer::{Cut, Pricer};
use crate::prices::Prices;
use crate::repertoire::Repertoire;
use crate::rooms::Rooms;
use crate::smooth::{exp, ln};
use crate::supply::Supply;
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
/// How far the prices that the kernel is asked about lie towards the best ones so far.
const TOWARDS_BEST: f64 = 0.3;
/// A step that loses more than this share of the bound was too long.
const LOSS_MAX: f64 = 1e-4;
const SHORTER: f64 = 0.6;
const LONGER: f64 = 1.05;

/// Choices per order that are little.
const KNOWN_FEW: f64 = 6.0;

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
    start: &'a [i64],
    /// By row, then by rounding inequality.
    row_limits: Vec<i64>,
    places: Places,
    /// By place: what the prices are, and where the next step starts.
    point: Vec<f64>,
    ahead: Vec<f64>,
    /// By place: its limit, and how many a row and its inequalities are: they pull together.
    limits: Vec<(f64, f64)>,
    /// By place: whether an hour gives it.
    of_hours: Vec<bool>,
    supply: Supply,
    momentum: f64,
    /// Whether rounding inequalities have prices by now.
    rounds: bool,
    stride: f64,
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
        let is_new = state.known_each() < KNOWN_FEW;
        let mut best = (i64::MIN, Vec::new());
        let mut cost = 0.0;
        let (mut passes, all) = (0, options.passes.max(1));
        let heaviest: Vec<(u32, f64)> = loop {
            let asked = state.blend(&best.1);
            let prices = self.prices_alone(state.whole_prices(&asked), options.threads);
            state.look(&prices);
            let estimate = state.sum(&prices);
            if passes == 0 {
                cost = state.cost_each().max(1.0);
            }
            if estimate > best.0 {
                best = (estimate, asked);
            } else {
                state.go_back(asked);
            }
            passes += 1;
            let told = AscentProgress {
                passes,
                estimate: best.0,
            };
            let goes_on = go_on(told) && passes < all;
            let progress = f64::from(passes) / f64::from(all);
            let ramp = if is_new { progress / LEARNING } else { 1.0 };
            let steps = (STEPS * ramp.min(1.0)).round().max(1.0) as u32;
            state.rounds = options.rounds && (!is_new || progress > RIPE);
            let softness = cost * softness_at(progress, options.softness);
            let mut master = state.master();
            state.climb(&mut master, softness, steps);
            if !goes_on {
                break master.heaviest().collect();
            }
        };
        let mut prices = state.whole_prices(&best.1);
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
        let count = instance.orders.len();
        let row_limits = instance.limits();
        let mut state = Self {
            instance,
            options,
            start,
            places: Places::new(row_limits.len()),
            row_limits,
            point: Vec::new(),
            ahead: Vec::new(),
            limits: Vec::new(),
            of_hours: Vec::new(),
            supply: Supply::new(&instance.fillings, (&instance.rows, &instance.roundings)),
            momentum: 1.0,
            rounds: options.rounds,
            stride: 1.0,
            least: vec![0; count],
            known,
        };
        // Nobody is without a choice that always fits.
        for (index, (known, order)) in state.known.iter_mut().zip(&instance.orders).enumerate() {
            known.number_of(instance, index, &Choice::nothing());
            if order.in_force.is_some() {
                known.number_of(instance, index, &Choice::InForce);
            }
        }
        for (row, price) in (0_u32..).zip(start) {
            if *price > 0 {
                state.places.of(row);
            }
        }
        state.catch_up();
        state
    }

    /// Prices for the rows that have come to light.
    fn catch_up(&mut self) {
        for row in self.places.rows().iter().skip(self.point.len()) {
            let place = *row as usize;
            let price = self.start.get(place).copied().unwrap_or(0).max(0) as f64;
            let limit = self.row_limits.get(place).copied().unwrap_or(0);
            let kin = self.instance.roundings.kin(*row);
            self.limits.push((limit as f64, kin as f64));
            self.of_hours
                .push(self.supply.place(*row, self.point.len()));
            self.point.push(price);
            self.ahead.push(price);
        }
    }

    /// Starts the next climb from prices that led astray less far: near the best ones.
    fn go_back(&mut self, asked: Vec<f64>) {
        self.ahead.clone_from(&asked);
        self.point = asked;
        self.momentum = 1.0;
    }

    fn known_each(&self) -> f64 {
        let known = self.known.iter().map(|known| known.columns().len());
        known.sum::<usize>() as f64 / self.known.len().max(1) as f64
    }

    fn cost_each(&self) -> f64 {
        let least: f64 = self.least.iter().map(|least| *least as f64).sum();
        least / self.least.len().max(1) as f64
    }

    /// Prices by place that the kernel is asked about.
    fn blend(&self, best: &[f64]) -> Vec<f64> {
        let points = self.point.iter().enumerate();
        points
            .map(|(place, point)| match best.get(place) {
                Some(best) => point + TOWARDS_BEST * (best - point),
                None if best.is_empty() => *point,
                None => (1.0 - TOWARDS_BEST) * point,
            })
            .collect()
    }

    /// Whole prices by row, of prices by place.
    fn whole_prices(&self, asked: &[f64]) -> Vec<i64> {
        let mut rows = vec![0_i64; self.row_limits.len()];
        for (row, price) in self.places.rows().iter().zip(asked) {
            if let Some(own) = rows.get_mut(*row as usize) {
                *own = price.max(0.0).round() as i64;
            }
        }
        rows
    }

    fn master(&mut self) -> Master {
        let prices = self.instance.prices(self.whole_prices(&self.point));
        let threads = self.options.threads;
        let master = Master::new(&self.known, &prices, &mut self.places, threads);
        self.catch_up();
        master
    }

    /// Steps up the soft bound. The last half of them counts for what is heavy.
    fn climb(&mut self, master: &mut Master, softness: f64, steps: u32) {
        let amounts = master.mean_amounts(self.point.len());
        let mut best = f64::NEG_INFINITY;
        for step in 0..steps {
            let mixed = master.mix(&self.ahead, softness, step >= steps / 2);
            let (given, paid) = self.given(softness);
            let value = mixed.value - paid;
            if value < best - LOSS_MAX * best.abs() {
                self.stride *= SHORTER;
                self.momentum = 1.0;
                self.ahead.clone_from(&self.point);
                best = f64::NEG_INFINITY;
                continue;
            }
            best = best.max(value);
            self.stride = (self.stride * LONGER).min(1.0);
            self.step((&mixed.usage, &given), &amounts, softness);
        }
    }

    /// What there is at the prices ahead, by place, and what is paid for it.
    fn given(&self, softness: f64) -> (Vec<f64>, f64) {
        let mut given: Vec<f64> = self.limits.iter().map(|(limit, _)| *limit).collect();
        let mut paid = self.supply.mix(&self.ahead, softness, &mut given);
        let places = self.places.rows().iter().zip(&mut given);
        let prices = self.of_hours.iter().zip(&self.ahead);
        for ((row, given), (_, price)) in places.zip(prices).filter(|(_, (hour, _))| !**hour) {
            paid += *given * price;
            let own = self.instance.rows.get(*row as usize);
            let beyond = own.map_or(0.0, |row| price - row.overtime_price as f64);
            if let Some(row) = own.filter(|row| row.overtime > 0 && beyond > 0.0) {
                *given += row.overtime as f64;
                paid += row.overtime as f64 * beyond;
            }
        }
        (given, paid)
    }

    fn step(&mut self, (usage, given): (&[f64], &[f64]), amounts: &[f64], softness: f64) {
        let rows = &self.instance.rows;
        let is_free = |row: u32| (row as usize) < rows.len() || self.rounds;
        let mut turned = 0.0;
        let mut next = Vec::with_capacity(self.point.len());
        let places = self.places.rows().iter().zip(&self.limits);
        let places = places.zip(usage.iter().zip(given).zip(amounts));
        let points = self.point.iter().zip(&self.ahead);
        for (((row, (limit, kin)), ((used, given), amount)), (point, ahead)) in places.zip(points) {
            let slope = used - given;
            let scale = self.stride * softness / (kin * amount * limit.max(*amount));
            let moved = if is_free(*row) {
                (ahead + scale * slope).max(0.0)
            } else {
                0.0
            };
            turned += slope * (moved - point);
            next.push(moved);
        }
        if turned < 0.0 {
            // Against the slope: the momentum has led too far.
            self.momentum = 1.0;
            self.ahead.clone_from(&next);
        } else {
            let grown = (1.0 + (1.0 + 4.0 * self.momentum * self.momentum).sqrt()) / 2.0;
            let share = (self.momentum - 1.0) / grown;
            self.momentum = grown;
            let steps = self.ahead.iter_mut().zip(next.iter().zip(&self.point));
            steps.for_each(|(ahead, (next, point))| {
                *ahead = (next + share * (next - point)).max(0.0);
            });
        }
        self.point = next;
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
        self.supply.learn(dearest, limits, prices);
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

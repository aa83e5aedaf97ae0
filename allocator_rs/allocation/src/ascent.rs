//! Dual ascent: prices of the rows move against what the best choices take, until few rows are
//! wanted beyond their limits.
//!
//! Adam per row (Kingma and Ba 2015) on the supergradient taken - limit, projected at 0, with a step
//! that shrinks over the passes. Every price vector gives a valid bound; these only make it good.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::bound::charge_of_limits;
use crate::choice::Choice;
use crate::instance::{Instance, Order, NO_ROW};
use crate::pricer::{Cut, Pricer};
use crate::prices::Prices;
use crate::rooms::Rooms;
use crate::threads::with_each;

const MEAN_DECAY: f64 = 0.9;
const SQUARE_DECAY: f64 = 0.95;
/// First step of a row: this share of an order's cost, by what an order takes of the row.
const UNIT_STEP: f64 = 0.4;
/// The same for rows of hours: every order takes of some, and can take of others.
const SECOND_STEP: f64 = 0.12;
/// First step of a family, as a multiple of that of its rows.
const FAMILY_STEP: f64 = 3.0;
/// Share of the first step that remains at the end.
const LEAST_STEP: f64 = 0.005;

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
    /// The best prices, by row.
    pub prices: Vec<i64>,
    /// Their sum over the ways that the search looks at (micro-units).
    pub estimate: i64,
    /// Passes made.
    pub passes: u32,
    /// By order: what it chose most often in the last passes.
    pub choices: Vec<Choice>,
    /// By order: how often it was chosen in the last passes.
    pub steady: Vec<u32>,
    /// Different choices of the last passes, as (order, choice).
    pub pool: Vec<(u32, Choice)>,
}

/// How an ascent goes.
#[derive(Clone, Copy, Debug)]
pub struct AscentOptions {
    /// Passes over all orders.
    pub passes: u32,
    /// Share of the usual first step: less for prices that are good already.
    pub first_step: f64,
    /// Choices of so many last passes are kept for the pool.
    pub pool_passes: u32,
    /// Of the kernel, for one order.
    pub work_limit: u64,
    /// Threads.
    pub threads: usize,
}

/// Choices, with how often each was made.
type Tally = Vec<(Choice, u32)>;

fn count(tally: &mut Tally, choice: &Choice) {
    match tally.iter_mut().find(|(known, _)| known == choice) {
        Some((_, count)) => *count += 1,
        None => tally.push((choice.clone(), 1)),
    }
}

/// A number that moves against its slope.
#[derive(Clone, Copy, Debug, Default)]
struct Moving {
    value: f64,
    mean: f64,
    square: f64,
}

impl Moving {
    /// One step of so much at most; `decayed`: what the first slopes still count.
    fn step(&mut self, slope: f64, most: f64, decayed: (f64, f64)) {
        self.mean = MEAN_DECAY * self.mean + (1.0 - MEAN_DECAY) * slope;
        self.square = SQUARE_DECAY * self.square + (1.0 - SQUARE_DECAY) * slope * slope;
        let scale = (self.square / (1.0 - decayed.1)).sqrt() + 1e-9;
        self.value += most * (self.mean / (1.0 - decayed.0)) / scale;
    }
}

struct State<'a> {
    instance: &'a Instance,
    options: AscentOptions,
    /// Rows that have a price at all.
    live: Vec<u32>,
    limits: Vec<f64>,
    first_steps: Vec<f64>,
    /// By live row: its family's place.
    families: Vec<usize>,
    /// By live row: what its price has beyond its family's.
    own: Vec<Moving>,
    /// By family.
    shared: Vec<Moving>,
    decayed: (f64, f64),
    /// Orders whose least cost depends on prices.
    moving: Vec<u32>,
    least: Vec<i64>,
    choices: Vec<Choice>,
    /// By order: the choices of the last passes, with how often each was made.
    tallies: Vec<Tally>,
    usage: Vec<i64>,
}

impl Instance {
    /// Prices from `start` (by row; missing ones are 0) on, in `options.passes` passes or until
    /// `go_on` says no.
    pub fn ascend(
        &self,
        start: &[i64],
        options: AscentOptions,
        mut go_on: impl FnMut(AscentProgress) -> bool,
    ) -> Ascended {
        let mut state = State::new(self, start, options);
        let mut best: (i64, Vec<i64>) = (i64::MIN, Vec::new());
        let mut passes = 0;
        while passes < options.passes.max(1) {
            let prices = state.prices();
            state.price(&prices, passes);
            passes += 1;
            let estimate = state.sum(prices.rows());
            if estimate > best.0 {
                best = (estimate, prices.rows().to_vec());
            }
            let told = AscentProgress {
                passes,
                estimate: best.0,
            };
            if !go_on(told) {
                break;
            }
            let progress = f64::from(passes) / f64::from(options.passes.max(1));
            state.step(progress);
        }
        let (choices, steady) = state.most_frequent();
        let tallies = (0_u32..).zip(state.tallies);
        let chosen = |(order, tally): (u32, Tally)| {
            tally.into_iter().map(move |(choice, _)| (order, choice))
        };
        Ascended {
            estimate: best.0,
            prices: best.1,
            passes,
            choices,
            steady,
            pool: tallies.flat_map(chosen).collect(),
        }
    }
}

/// Rows that the ways of these orders touch, with how much a line takes of each on average.
fn live_rows(instance: &Instance) -> Vec<(u32, f64, bool)> {
    let mut sums = vec![(0.0_f64, 0.0_f64); instance.rows.len()];
    let mut add = |row: u32, amount: i64| {
        if let Some((sum, count)) = sums.get_mut(row as usize) {
            *sum += amount as f64;
            *count += 1.0;
        }
    };
    for order in &instance.orders {
        let lines = order.lines.len().max(1);
        for (at, row) in order.rows.iter().enumerate() {
            if *row != NO_ROW {
                add(
                    *row,
                    order.lines.get(at % lines).map_or(1, |line| line.quantity),
                );
            }
        }
    }
    let stock = sums.clone();
    for pattern in &instance.calendar.patterns {
        for (row, seconds) in &pattern.shares {
            if let Some((sum, count)) = sums.get_mut(*row as usize) {
                *sum += *seconds as f64;
                *count += 1.0;
            }
        }
    }
    let rows = (0_u32..).zip(sums.iter().zip(stock));
    rows.filter(|(_, ((_, count), _))| *count > 0.0)
        .map(|(row, ((sum, count), (_, of_stock)))| (row, (sum / count).max(1.0), of_stock == 0.0))
        .collect()
}

impl<'a> State<'a> {
    fn new(instance: &'a Instance, start: &[i64], options: AscentOptions) -> Self {
        let live = live_rows(instance);
        let count = instance.orders.len();
        let zero = Prices::new(&instance.calendar, vec![0; instance.rows.len()]);
        let mut state = Self {
            instance,
            options,
            limits: Vec::new(),
            first_steps: Vec::new(),
            families: Vec::new(),
            own: Vec::new(),
            shared: Vec::new(),
            decayed: (1.0, 1.0),
            moving: (0_u32..).take(count).collect(),
            least: vec![0; count],
            choices: vec![Choice::nothing(); count],
            tallies: vec![Tally::new(); count],
            usage: vec![0; instance.rows.len()],
            live: live.iter().map(|(row, ..)| *row).collect(),
        };
        state.price(&zero, u32::MAX);
        let cost = state.least.iter().map(|least| *least as f64).sum::<f64>() / count.max(1) as f64;
        let mut places: HashMap<u32, usize, FxBuildHasher> = HashMap::default();
        for (row, amount, is_labor) in live {
            let place = row as usize;
            let limit = instance.rows.get(place).map_or(0, |row| row.limit);
            state.limits.push(limit as f64);
            let step = if is_labor { SECOND_STEP } else { UNIT_STEP };
            let first = options.first_step * step * cost / amount;
            state.first_steps.push(first);
            state.own.push(Moving {
                value: start.get(place).copied().unwrap_or(0) as f64,
                ..Moving::default()
            });
            let family = instance.rows.get(place).map_or(0, |row| row.family);
            let next = places.len();
            state.families.push(*places.entry(family).or_insert(next));
        }
        state.shared = vec![Moving::default(); places.len()];
        state
    }

    fn prices(&self) -> Prices {
        let mut rows = vec![0_i64; self.instance.rows.len()];
        let own = self.own.iter().zip(&self.families);
        for (row, (own, family)) in self.live.iter().zip(own) {
            let shared = self.shared.get(*family).map_or(0.0, |shared| shared.value);
            if let Some(price) = rows.get_mut(*row as usize) {
                *price = (own.value + shared).max(0.0).round() as i64;
            }
        }
        Prices::new(&self.instance.calendar, rows)
    }

    /// Prices every order, and adds up what the best choices take.
    fn price(&mut self, prices: &Prices, pass: u32) {
        let instance = self.instance;
        let rooms = Rooms(&instance.rooms);
        let work_limit = self.options.work_limit;
        let one = |pricer: &mut Pricer, at: usize| {
            let order: Option<&Order> = self
                .moving
                .get(at)
                .and_then(|order| instance.order(*order as usize));
            order.map(|order| {
                pricer.price(
                    order,
                    &instance.calendar,
                    prices,
                    (rooms, Cut::No),
                    work_limit,
                )
            })
        };
        let (priced, _) = with_each(
            self.moving.len(),
            self.options.threads,
            Pricer::default,
            one,
        );
        let keeps = pass != u32::MAX && pass + self.options.pool_passes >= self.options.passes;
        self.usage.fill(0);
        for (order, priced) in self.moving.iter().zip(priced) {
            let Some(priced) = priced else { continue };
            let place = *order as usize;
            if let Some(least) = self.least.get_mut(place) {
                *least = priced.lower_bound;
            }
            if keeps {
                if let Some(tally) = self.tallies.get_mut(place) {
                    count(tally, &priced.choice);
                }
            }
            if let Some(choice) = self.choices.get_mut(place) {
                *choice = priced.choice;
            }
        }
        for (order, choice) in instance.orders.iter().zip(&self.choices) {
            choice.takes(order, &instance.calendar, |row, amount| {
                if let Some(used) = self.usage.get_mut(row as usize) {
                    *used += amount;
                }
            });
        }
    }

    /// By order: what it chose most often in the last passes, the later of equals, and how often.
    fn most_frequent(&self) -> (Vec<Choice>, Vec<u32>) {
        let chosen = self.tallies.iter().zip(&self.choices).map(|(tally, last)| {
            let most = tally.iter().max_by_key(|(_, count)| *count);
            most.map_or_else(|| (last.clone(), 0), Clone::clone)
        });
        chosen.unzip()
    }

    fn sum(&self, prices: &[i64]) -> i64 {
        let least: i128 = self.least.iter().map(|least| i128::from(*least)).sum();
        let sum = least - charge_of_limits(&self.instance.rows, prices);
        i64::try_from(sum).unwrap_or(i64::MIN)
    }

    fn step(&mut self, progress: f64) {
        self.decayed.0 *= MEAN_DECAY;
        self.decayed.1 *= SQUARE_DECAY;
        let shrink = LEAST_STEP + (1.0 - LEAST_STEP) * (1.0 - progress.min(1.0)).powi(2);
        let mut slopes = vec![(0.0_f64, 0.0_f64); self.shared.len()];
        let fixed = self.limits.iter().zip(&self.first_steps);
        let moving = self.own.iter_mut().zip(&self.families);
        for ((row, (limit, first)), (own, family)) in self.live.iter().zip(fixed).zip(moving) {
            let used = self.usage.get(*row as usize).copied().unwrap_or(0) as f64;
            let row = self
                .instance
                .rows
                .get(*row as usize)
                .copied()
                .unwrap_or_default();
            let shared = self.shared.get(*family).map_or(0.0, |shared| shared.value);
            let mut slope = used - limit;
            if row.overtime > 0 && own.value + shared > row.overtime_price as f64 {
                slope -= row.overtime as f64;
            }
            own.step(slope, first * shrink, self.decayed);
            // A price is never below 0, whatever its family's is.
            own.value = own.value.max(-shared);
            if let Some(sum) = slopes.get_mut(*family) {
                *sum = (sum.0 + slope, sum.1.max(*first));
            }
        }
        for (shared, (slope, first)) in self.shared.iter_mut().zip(slopes) {
            shared.step(slope, FAMILY_STEP * first * shrink, self.decayed);
            shared.value = shared.value.max(0.0);
        }
    }
}

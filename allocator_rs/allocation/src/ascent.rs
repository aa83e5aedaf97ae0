//! Dual ascent: prices of the rows move against what the best choices take, until few rows are
//! wanted beyond their limits.
//!
//! Adam per row (Kingma and Ba 2015) on the supergradient taken - limit, projected at 0, with a step
//! that shrinks over the passes. Every price vector gives a valid bound; these only make it good.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::assignment::add;
use crate::bound::charge_of_limits;
use crate::choice::Choice;
use crate::instance::{Instance, NO_ROW};
use crate::pool::Pool;
use crate::pricer::{Cut, Pricer};
use crate::prices::Prices;
use crate::repertoire::Repertoire;
use crate::rooms::Rooms;
use crate::threads::with_each;

const MEAN_DECAY: f64 = 0.9;
const SQUARE_DECAY: f64 = 0.95;
/// First step of a row: this share of an order's cost, by what an order takes of the row.
const UNIT_STEP: f64 = 0.4;
/// The same for rows of hours: every order takes of some, and can take of others.
const SECOND_STEP: f64 = 0.06;
/// First step of a family, as a multiple of that of its rows.
const FAMILY_STEP: f64 = 3.0;
/// Share of the first step that remains at the end.
const LEAST_STEP: f64 = 0.005;

/// The first passes all ask the kernel where orders know little yet, then one in so many does.
const FULL_FIRST: u32 = 8;
const FULL_ONE_IN: u32 = 4;
/// Lines of an order that asks the kernel in every pass.
const KERNEL_LINES: usize = 8;

/// Choices per order that are little.
const KNOWN_FEW: usize = 2;

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
}

/// How an ascent goes.
#[derive(Clone, Copy, Debug)]
pub struct AscentOptions {
    /// Passes over all orders.
    pub passes: u32,
    /// Share of the usual first step: less for prices that are good already.
    pub first_step: f64,
    /// Choices of so many last passes count for what is steady.
    pub pool_passes: u32,
    /// Of the kernel, for one order.
    pub work_limit: u64,
    /// Threads.
    pub threads: usize,
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

/// Of so many passes an order of so many lines asks the kernel in one: the more lines, the less of
/// what it could do is known.
fn kernel_one_in(lines: usize) -> u32 {
    let one_in = (KERNEL_LINES / lines.max(1)).clamp(1, FULL_ONE_IN as usize);
    u32::try_from(one_in).unwrap_or(1)
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
    full_first: u32,
    least: Vec<i64>,
    /// By order: what it was found to be able to do.
    known: Vec<Repertoire>,
    /// By order: the number of its choice.
    choices: Vec<u32>,
    /// By order, by number: how often it was chosen in the last passes.
    counts: Vec<Vec<u32>>,
    usage: Vec<i64>,
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
        let mut best: (i64, Vec<i64>) = (i64::MIN, Vec::new());
        let mut passes = 0;
        while passes < options.passes.max(1) {
            let is_full = state.is_full(passes);
            let prices = state.prices();
            state.price(&prices, passes, is_full);
            passes += 1;
            if is_full {
                let estimate = state.sum(prices.rows());
                if estimate > best.0 {
                    best = (estimate, prices.rows().to_vec());
                }
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
        pool.orders = state.known;
        Ascended {
            estimate: best.0,
            prices: best.1,
            passes,
            choices,
            steady,
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
    fn new(
        instance: &'a Instance,
        start: &[i64],
        options: AscentOptions,
        known: Vec<Repertoire>,
    ) -> Self {
        let live = live_rows(instance);
        let known_count: usize = known.iter().map(|known| known.columns().len()).sum();
        let count = instance.orders.len();
        let nothing = vec![0; instance.rows.len()];
        let zero = Prices::of_alone(&instance.calendar, nothing, &instance.rooms);
        let mut state = Self {
            instance,
            options,
            limits: Vec::new(),
            first_steps: Vec::new(),
            families: Vec::new(),
            own: Vec::new(),
            shared: Vec::new(),
            decayed: (1.0, 1.0),
            full_first: if known_count < KNOWN_FEW * count {
                FULL_FIRST
            } else {
                1
            },
            least: vec![0; count],
            known,
            choices: vec![0; count],
            counts: vec![Vec::new(); count],
            usage: vec![0; instance.rows.len()],
            live: live.iter().map(|(row, ..)| *row).collect(),
        };
        state.price(&zero, u32::MAX, true);
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
        Prices::of_alone(&self.instance.calendar, rows, &self.instance.rooms)
    }

    /// Whether a pass asks the kernel; the others compare what is known of each order.
    fn is_full(&self, pass: u32) -> bool {
        pass < self.full_first
            || pass.is_multiple_of(FULL_ONE_IN)
            || pass + 1 >= self.options.passes
    }

    /// Prices every order, and adds up what the best choices take. In a full pass all ask the kernel;
    /// else some, and the others compare what is known of them.
    fn price(&mut self, prices: &Prices, pass: u32, is_full: bool) {
        self.choose(prices, |lines| {
            is_full || pass.is_multiple_of(kernel_one_in(lines))
        });
        let keeps = pass != u32::MAX && pass + self.options.pool_passes >= self.options.passes;
        self.usage.fill(0);
        let chosen = self.known.iter().zip(&self.choices);
        for ((known, number), counts) in chosen.zip(&mut self.counts) {
            for (row, amount) in known.takes(*number) {
                add(&mut self.usage, *row, *amount);
            }
            if keeps {
                let place = *number as usize;
                counts.resize(counts.len().max(place + 1), 0);
                if let Some(count) = counts.get_mut(place) {
                    *count += 1;
                }
            }
        }
    }

    /// The best choice of every order; of those with so many lines that `asks_kernel`, the best of
    /// all.
    fn choose(&mut self, prices: &Prices, asks_kernel: impl Fn(usize) -> bool + Sync) {
        let instance = self.instance;
        let rooms = (Rooms(&instance.rooms), Cut::No);
        let work_limit = self.options.work_limit;
        let known = &self.known;
        let one = |pricer: &mut Pricer, index: usize| {
            let order = instance.order(index)?;
            let own = known.get(index)?;
            let best = own.best(prices, &[]);
            if let Some(number) = best.filter(|_| !asks_kernel(order.lines.len())) {
                return Some(Err(number));
            }
            let limits = (work_limit, best.and_then(|number| own.column(number)));
            Some(Ok(pricer.price_below(
                order,
                &instance.calendar,
                prices,
                rooms,
                limits,
            )))
        };
        let (chosen, _) = with_each(known.len(), self.options.threads, Pricer::default, one);
        let found = self.least.iter_mut().zip(&mut self.choices);
        let found = found.zip(&mut self.known).enumerate();
        for ((order, ((least, number), known)), chosen) in found.zip(chosen) {
            match chosen {
                None => {}
                Some(Err(best)) => *number = best,
                Some(Ok(priced)) => {
                    *least = priced.lower_bound;
                    *number = known.number_of(instance, order, &priced.choice);
                }
            }
        }
    }

    /// By order: what it chose most often in the last passes, the later of equals, and how often.
    fn most_frequent(&self) -> (Vec<Choice>, Vec<u32>) {
        let chosen = self.known.iter().zip(&self.choices).zip(&self.counts);
        let most = chosen.map(|((known, last), counts)| {
            let counted = (0_u32..).zip(counts).filter(|(_, count)| **count > 0);
            let most = counted.max_by_key(|(_, count)| **count);
            let (number, count) = most.map_or((*last, 0), |(number, count)| (number, *count));
            let column = known.column(number);
            let choice = column.map_or_else(Choice::nothing, |column| column.choice.clone());
            (choice, count)
        });
        most.unzip()
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

//! The climb of a pass: accelerated steps (Nesterov) up the soft bound of the known choices.
//!
//! Prices are kept by place: of the rows and inequalities that some choice takes of, as they come to
//! light. A step is a few sums over arrays of places.

use crate::instance::{Instance, Row};
use crate::master::{Master, Places};
use crate::repertoire::Repertoire;
use crate::supply::Supply;

/// How far the prices that the kernel is asked about lie towards the best ones so far.
const TOWARDS_BEST: f64 = 0.3;
/// A step that loses more than this share of the bound was too long.
const LOSS_MAX: f64 = 1e-4;
const SHORTER: f64 = 0.6;
const LONGER: f64 = 1.05;

/// What is sold beyond the limit of a row that no hour gives.
#[derive(Clone, Copy, Debug)]
struct Overtime {
    place: usize,
    amount: f64,
    price: f64,
}

/// The prices on their way up.
pub(crate) struct Climber<'a> {
    instance: &'a Instance,
    /// By row: what the prices of places start from.
    start: &'a [i64],
    /// By row, then by rounding inequality.
    row_limits: Vec<i64>,
    places: Places,
    /// By place: what the prices are, where the next step starts, and where it leads.
    point: Vec<f64>,
    ahead: Vec<f64>,
    next: Vec<f64>,
    /// By place: its limit, 0 where an hour gives it; how many a row and its inequalities are, since
    /// these pull together.
    limits: Vec<f64>,
    kin: Vec<f64>,
    overtimes: Vec<Overtime>,
    supply: Supply,
    momentum: f64,
    stride: f64,
    /// Whether rounding inequalities have prices by now.
    pub(crate) rounds: bool,
    threads: usize,
}

impl<'a> Climber<'a> {
    pub(crate) fn new(
        instance: &'a Instance,
        start: &'a [i64],
        (rounds, threads): (bool, usize),
    ) -> Self {
        let row_limits = instance.limits();
        let mut climber = Self {
            instance,
            start,
            places: Places::new(row_limits.len()),
            row_limits,
            point: Vec::new(),
            ahead: Vec::new(),
            next: Vec::new(),
            limits: Vec::new(),
            kin: Vec::new(),
            overtimes: Vec::new(),
            supply: Supply::new(&instance.fillings, (&instance.rows, &instance.roundings)),
            momentum: 1.0,
            stride: 1.0,
            rounds,
            threads,
        };
        for (row, price) in (0_u32..).zip(start) {
            if *price > 0 {
                climber.places.of(row);
            }
        }
        climber.catch_up();
        climber
    }

    /// What hours are paid most for, for the mixture of what they give.
    pub(crate) fn supply(&mut self) -> &mut Supply {
        &mut self.supply
    }

    /// Prices for the rows that have come to light.
    fn catch_up(&mut self) {
        for row in self.places.rows().iter().skip(self.point.len()) {
            let (number, place) = (*row as usize, self.point.len());
            let price = self.start.get(number).copied().unwrap_or(0).max(0) as f64;
            let limit = self.row_limits.get(number).copied().unwrap_or(0);
            let is_of_hour = self.supply.place(*row, place);
            self.limits
                .push(if is_of_hour { 0.0 } else { limit as f64 });
            self.kin.push(self.instance.roundings.kin(*row) as f64);
            self.point.push(price);
            self.ahead.push(price);
            let own = self.instance.rows.get(number);
            let sells = |row: &&Row| row.overtime > 0 && !is_of_hour;
            self.overtimes.extend(own.filter(sells).map(|row| Overtime {
                place,
                amount: row.overtime as f64,
                price: row.overtime_price as f64,
            }));
        }
    }

    /// Starts the next climb from prices that led astray less far: near the best ones.
    pub(crate) fn go_back(&mut self, asked: Vec<f64>) {
        self.ahead.clone_from(&asked);
        self.point = asked;
        self.momentum = 1.0;
    }

    /// Prices by place that the kernel is asked about.
    pub(crate) fn blend(&self, best: &[f64]) -> Vec<f64> {
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
    pub(crate) fn whole_prices(&self, asked: &[f64]) -> Vec<i64> {
        let mut rows = vec![0_i64; self.row_limits.len()];
        for (row, price) in self.places.rows().iter().zip(asked) {
            if let Some(own) = rows.get_mut(*row as usize) {
                *own = price.max(0.0).round() as i64;
            }
        }
        rows
    }

    /// Of all orders what is known and costs least.
    pub(crate) fn master(&mut self, known: &[Repertoire]) -> Master {
        let prices = self.instance.prices(self.whole_prices(&self.point));
        let master = Master::new(known, &prices, &mut self.places, self.threads);
        self.catch_up();
        master
    }

    /// Steps up the soft bound. The last half of them counts for what is heavy.
    pub(crate) fn climb(&mut self, master: &mut Master, softness: f64, steps: u32) {
        if !self.rounds {
            self.forget_inequalities();
        }
        let scales = self.scales(master, softness);
        let mut given = self.limits.clone();
        let mut best = f64::NEG_INFINITY;
        for step in 0..steps {
            let (value, usage) = master.mix(&self.ahead, softness, step >= steps / 2);
            let value = value - self.give(softness, &mut given);
            if value < best - LOSS_MAX * best.abs() {
                self.stride *= SHORTER;
                self.momentum = 1.0;
                self.ahead.clone_from(&self.point);
                best = f64::NEG_INFINITY;
                continue;
            }
            best = best.max(value);
            self.stride = (self.stride * LONGER).min(1.0);
            self.step((usage, &given), &scales);
        }
    }

    /// Takes the prices of inequalities away.
    fn forget_inequalities(&mut self) {
        let rows = self.instance.rows.len();
        let prices = self.point.iter_mut().zip(&mut self.ahead);
        for (row, (point, ahead)) in self.places.rows().iter().zip(prices) {
            if *row as usize >= rows {
                (*point, *ahead) = (0.0, 0.0);
            }
        }
    }

    /// By place: how far a unit of slope leads at full stride; what has no price yet stays where it is.
    fn scales(&self, master: &Master, softness: f64) -> Vec<f64> {
        let rows = self.instance.rows.len();
        let mut scales = master.mean_amounts(self.point.len());
        let places = self.places.rows().iter().zip(&self.kin);
        for ((row, kin), scale) in places.zip(&mut scales) {
            let number = *row as usize;
            let limit = self.row_limits.get(number).copied().unwrap_or(0) as f64;
            *scale = if self.rounds || number < rows {
                softness / (kin * *scale * limit.max(*scale))
            } else {
                0.0
            };
        }
        scales
    }

    /// What there is at the prices ahead, by place; gives what is paid for it.
    fn give(&self, softness: f64, given: &mut [f64]) -> f64 {
        let limits = self.limits.iter().zip(&self.ahead);
        let mut paid: f64 = limits.map(|(limit, price)| limit * price).sum();
        paid += self.supply.mix(&self.ahead, softness, given);
        for one in &self.overtimes {
            let price = self.ahead.get(one.place).copied().unwrap_or(0.0);
            let more = if price > one.price { one.amount } else { 0.0 };
            paid += more * (price - one.price);
            let limit = self.limits.get(one.place).copied().unwrap_or(0.0);
            if let Some(given) = given.get_mut(one.place) {
                *given = limit + more;
            }
        }
        paid
    }

    fn step(&mut self, (usage, given): (&[f64], &[f64]), scales: &[f64]) {
        let mut turned = 0.0;
        self.next.clear();
        let slopes = usage.iter().zip(given).zip(scales);
        let points = self.point.iter().zip(&self.ahead);
        for (((used, given), scale), (point, ahead)) in slopes.zip(points) {
            let slope = used - given;
            let moved = (ahead + self.stride * scale * slope).max(0.0);
            turned += slope * (moved - point);
            self.next.push(moved);
        }
        if turned < 0.0 {
            // Against the slope: the momentum has led too far.
            self.momentum = 1.0;
            self.ahead.clone_from(&self.next);
        } else {
            let grown = (1.0 + (1.0 + 4.0 * self.momentum * self.momentum).sqrt()) / 2.0;
            let share = (self.momentum - 1.0) / grown;
            self.momentum = grown;
            let steps = self.ahead.iter_mut().zip(self.next.iter().zip(&self.point));
            steps.for_each(|(ahead, (next, point))| {
                *ahead = (next + share * (next - point)).max(0.0);
            });
        }
        std::mem::swap(&mut self.point, &mut self.next);
    }
}

//! The master: what is known of all orders, each at the mixture of its choices that prices and a
//! softness make of it.
//!
//! Under prices an order takes a choice with a weight that falls by its charged cost: as exp(-cost /
//! softness). Softly the bound of the known choices is a smooth function of the prices, whose slope
//! is what the mixtures take less the limits; as the softness goes to 0 it becomes the bound itself.

use crate::prices::Prices;
use crate::repertoire::Repertoire;
use crate::smooth::{exp, ln};
use crate::threads::with_each;

/// Choices of one order, at most: those that cost least under the prices.
const KNOWN_MAX: usize = 32;
const NO_PLACE: u32 = u32::MAX;
/// Among which the orders are dealt, whatever the number of threads.
const BLOCKS: usize = 8;
/// What is taken in all, below which one thread is as quick as many.
const LITTLE: usize = 20_000;

/// Rows and inequalities that some choice takes of, numbered as they come to light.
#[derive(Debug)]
pub(crate) struct Places {
    /// By row.
    of_row: Vec<u32>,
    /// By place.
    rows: Vec<u32>,
}

impl Places {
    pub(crate) fn new(rows: usize) -> Self {
        Self {
            of_row: vec![NO_PLACE; rows],
            rows: Vec::new(),
        }
    }

    pub(crate) fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// The place of a row, which is taken over if it is new; none: there is no such row.
    pub(crate) fn of(&mut self, row: u32) -> Option<u32> {
        let place = self.of_row.get_mut(row as usize)?;
        if *place == NO_PLACE {
            *place = u32::try_from(self.rows.len()).ok()?;
            self.rows.push(row);
        }
        Some(*place)
    }
}

/// The choices of consecutive orders in arrays: those of order `o` from `orders[o]` on, what choice
/// `c` takes from `starts[c]` on.
#[derive(Debug, Default)]
struct Block {
    orders: Vec<u32>,
    numbers: Vec<u32>,
    costs: Vec<f64>,
    starts: Vec<u32>,
    /// Place and amount.
    takes: Vec<(u32, f32)>,
    /// By choice: the sum of its weights so far.
    weights: Vec<f64>,
    /// By place, of the last mixture: what the orders take.
    usage: Vec<f64>,
}

/// The known choices of all orders.
#[derive(Debug)]
pub(crate) struct Master {
    blocks: Vec<Block>,
    threads: usize,
    /// By place, of the last mixture: what all orders take.
    usage: Vec<f64>,
}

impl Master {
    /// Of each order the choices that cost least under `prices`.
    pub(crate) fn new(
        known: &[Repertoire],
        prices: &Prices,
        places: &mut Places,
        threads: usize,
    ) -> Self {
        let cheapest = |(): &mut (), order: usize| {
            let known = known.get(order);
            known.map(|known| known.cheapest(prices, KNOWN_MAX, None))
        };
        let (mut numbers, _) = with_each(known.len(), threads, || (), cheapest);
        let size = known.len().div_ceil(BLOCKS).max(1);
        let mut blocks = Vec::with_capacity(BLOCKS);
        for (orders, numbers) in known.chunks(size).zip(numbers.chunks_mut(size)) {
            let mut block = Block::default();
            for (known, numbers) in orders.iter().zip(numbers) {
                block.add(known, numbers.take().unwrap_or_default(), places);
            }
            block.close();
            blocks.push(block);
        }
        Self {
            blocks,
            threads,
            usage: Vec::new(),
        }
    }

    /// The mixtures at prices by place: the soft least cost of all orders, charges included, and what
    /// they take by place. Their weights are added up if they are to count.
    pub(crate) fn mix(&mut self, prices: &[f64], softness: f64, counts: bool) -> (f64, &[f64]) {
        let each = self.blocks.len().div_ceil(self.threads.max(1)).max(1);
        let mix = |blocks: &mut [Block]| -> Vec<f64> {
            let blocks = blocks.iter_mut();
            blocks
                .map(|block| block.mix(prices, softness, counts))
                .collect()
        };
        let is_little = self
            .blocks
            .iter()
            .map(|block| block.takes.len())
            .sum::<usize>()
            < LITTLE;
        if is_little || self.threads <= 1 {
            let values = mix(&mut self.blocks);
            return self.sum_of(values, prices.len());
        }
        let values: Vec<Vec<f64>> = std::thread::scope(|scope| {
            let hands = self.blocks.chunks_mut(each);
            let running: Vec<_> = hands
                .map(|blocks| scope.spawn(move || mix(blocks)))
                .collect();
            let joined = running.into_iter().map(std::thread::ScopedJoinHandle::join);
            joined
                .map(|mixed| mixed.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        self.sum_of(values.into_iter().flatten(), prices.len())
    }

    /// Block by block: the same sums on any number of threads.
    fn sum_of(&mut self, values: impl IntoIterator<Item = f64>, places: usize) -> (f64, &[f64]) {
        self.usage.clear();
        self.usage.resize(places, 0.0);
        for block in &self.blocks {
            let places = self.usage.iter_mut().zip(&block.usage);
            places.for_each(|(sum, usage)| *sum += usage);
        }
        (values.into_iter().sum(), &self.usage)
    }

    /// By place: what a choice takes that takes any of it, on average.
    pub(crate) fn mean_amounts(&self, places: usize) -> Vec<f64> {
        let mut sums = vec![(0.0_f64, 0.0_f64); places];
        for block in &self.blocks {
            for (place, amount) in &block.takes {
                if let Some((sum, count)) = sums.get_mut(*place as usize) {
                    *sum += f64::from(*amount);
                    *count += 1.0;
                }
            }
        }
        let means = sums.into_iter();
        means
            .map(|(sum, count)| if count > 0.0 { sum / count } else { 1.0 })
            .collect()
    }

    /// By order: the number of its heaviest choice, and its share of all its weight.
    pub(crate) fn heaviest(&self) -> impl Iterator<Item = (u32, f64)> + '_ {
        self.blocks.iter().flat_map(Block::heaviest)
    }
}

impl Block {
    fn add(&mut self, known: &Repertoire, numbers: Vec<u32>, places: &mut Places) {
        self.orders.push(length(&self.numbers));
        for number in numbers {
            let Some(column) = known.column(number) else {
                continue;
            };
            self.numbers.push(number);
            self.costs.push(column.cost as f64);
            self.starts.push(length(&self.takes));
            for (row, amount) in column.all_takes() {
                if let Some(place) = places.of(*row) {
                    self.takes.push((place, *amount as f32));
                }
            }
        }
    }

    fn close(&mut self) {
        self.orders.push(length(&self.numbers));
        self.starts.push(length(&self.takes));
        self.weights = vec![0.0; self.numbers.len()];
    }

    /// The soft least cost of the orders; what they take is their usage then.
    fn mix(&mut self, prices: &[f64], softness: f64, counts: bool) -> f64 {
        let mut value = 0.0;
        let mut usage = std::mem::take(&mut self.usage);
        usage.clear();
        usage.resize(prices.len(), 0.0);
        let mut charged: Vec<f64> = Vec::with_capacity(KNOWN_MAX);
        let ends = self.orders.iter().zip(self.orders.iter().skip(1));
        for (first, end) in ends.map(|(first, end)| (*first as usize, *end as usize)) {
            charged.clear();
            charged.extend((first..end).map(|choice| self.charged(choice, prices)));
            let least = charged.iter().copied().fold(f64::INFINITY, f64::min);
            if charged.is_empty() {
                continue;
            }
            for cost in &mut charged {
                *cost = exp((least - *cost) / softness);
            }
            let sum: f64 = charged.iter().sum();
            value += least - softness * ln(sum);
            for (choice, weight) in (first..end).zip(&charged) {
                if *weight == 0.0 {
                    continue;
                }
                let weight = weight / sum;
                if let Some(counted) = self.weights.get_mut(choice).filter(|_| counts) {
                    *counted += weight;
                }
                for (place, amount) in self.takes_of(choice) {
                    if let Some(usage) = usage.get_mut(*place as usize) {
                        *usage += weight * f64::from(*amount);
                    }
                }
            }
        }
        self.usage = usage;
        value
    }

    fn takes_of(&self, choice: usize) -> &[(u32, f32)] {
        let ends = self.starts.get(choice).zip(self.starts.get(choice + 1));
        let range = ends.map_or(0..0, |(first, end)| *first as usize..*end as usize);
        self.takes.get(range).unwrap_or_default()
    }

    fn charged(&self, choice: usize, prices: &[f64]) -> f64 {
        let mut sum = self.costs.get(choice).copied().unwrap_or(f64::INFINITY);
        for (place, amount) in self.takes_of(choice) {
            let price = prices.get(*place as usize).copied().unwrap_or(0.0);
            sum += f64::from(*amount) * price;
        }
        sum
    }

    fn heaviest(&self) -> impl Iterator<Item = (u32, f64)> + '_ {
        let ends = self.orders.iter().zip(self.orders.iter().skip(1));
        ends.map(|(first, end)| {
            let range = *first as usize..*end as usize;
            let numbers = self.numbers.get(range.clone()).unwrap_or_default();
            let weights = self.weights.get(range).unwrap_or_default();
            let sum: f64 = weights.iter().sum();
            let mut most = (0, 0.0);
            for (number, weight) in numbers.iter().zip(weights) {
                if *weight > most.1 {
                    most = (*number, *weight);
                }
            }
            (most.0, most.1 / sum.max(f64::MIN_POSITIVE))
        })
    }
}

fn length<T>(of: &[T]) -> u32 {
    u32::try_from(of.len()).unwrap_or(u32::MAX)
}

//! Ruin and recreate: a few orders that stand in each other's way let go and choose anew.
//!
//! | step | |
//! | --- | --- |
//! | deal | the orders and what the rows have left are dealt to the threads |
//! | ruin | an order, and some that hold what it, or they, would rather take under prices as they might be |
//! | recreate | each takes the best that has room, of what is known of it or the kernel's choice; or all together the best combination of what is known |
//! | keep | if all of them together cost no more than before, give or take a shrinking tolerance |
//!
//! Threads share nothing within a round and are joined in a fixed order: the same seed does the same
//! on any machine with as many threads.

use crate::assignment::{add, Assignment};
use crate::choice::Choice;
use crate::deal::{most_taken, Deal};
use crate::dice::Dice;
use crate::instance::Instance;
use crate::part::{Guide, Part};
use crate::pool::Pool;
use crate::pricer::{Cut, Pricer};
use crate::prices::Prices;
use crate::repertoire::Repertoire;
use crate::rooms::Rooms;
use crate::threads::with_each;

/// Choices that an order remembers from round to round.
const KNOWN_MAX: usize = 64;
/// Orders for each thread, on average at least: those of two threads never meet in a round.
const HAND_LEAST: usize = 4;
/// Guides with shaken prices, anew in every round.
const SHAKEN: usize = 6;
/// A shaken price is 0 to 2 times what it was, in so many steps.
const SHAKE_STEPS: usize = 64;

/// How a search goes.
#[derive(Clone, Copy, Debug)]
pub struct SearchOptions {
    /// Orders that choose anew, all threads together; about.
    pub moves: u64,
    /// Times that the orders are dealt anew.
    pub rounds: u32,
    /// What may be lost at the start, as a share of an order's mean cost.
    pub tolerance: f64,
    /// Of the kernel, for one order.
    pub work_limit: u64,
    /// Threads.
    pub threads: usize,
    /// Of the dice.
    pub seed: u64,
}

/// Where a search is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchProgress {
    /// Orders that chose anew.
    pub moves: u64,
    /// The best cost so far (micro-units).
    pub cost: i64,
}

impl Instance {
    /// Improves an assignment that keeps every limit; the result does too, and costs no more.
    pub fn improve(
        &self,
        start: Assignment,
        pool: &mut Pool,
        prices: &[i64],
        options: SearchOptions,
        mut go_on: impl FnMut(SearchProgress) -> bool,
    ) -> Assignment {
        let mut dice = Dice::new(options.seed);
        let alone = match std::mem::take(&mut pool.alone) {
            known if known.len() == self.count() => known,
            _ => self.alone(pool, options),
        };
        let mean = start.cost as f64 / self.count().max(1) as f64;
        let mut best = start.clone();
        let mut now = start;
        let mut moves = 0;
        let mut known = pool.take_out(self);
        let most = most_taken(&known, now.room.len());
        let threads = options.threads.min(self.count() / HAND_LEAST).max(1);
        for round in 0..options.rounds.max(1) {
            let share = 1.0 - f64::from(round) / f64::from(options.rounds.max(1));
            let tolerance = (mean * options.tolerance * share * share) as i64;
            let each = options.moves / u64::from(options.rounds.max(1)) / threads as u64;
            let parts = self.deal((&now, &mut known), (&alone, &most), threads, &mut dice);
            let guides = self.guides(prices, &mut dice);
            let guide = Guide {
                prices: &guides,
                tolerance,
                work_limit: options.work_limit,
            };
            let parts = run(parts, guide, each);
            moves += parts.iter().map(|part| part.moves).sum::<u64>();
            now = self.join(parts, (now, &mut known));
            if now.cost(self) < best.cost(self) {
                best = now.clone();
            }
            let told = SearchProgress {
                moves,
                cost: best.cost(self),
            };
            if !go_on(told) {
                break;
            }
        }
        (pool.orders, pool.alone) = (known, alone);
        best
    }

    /// By order, what it would cost if there were no others. What it would do then becomes known:
    /// whoever knows nothing that is worth a wish never asks others to make room.
    fn alone(&self, pool: &mut Pool, options: SearchOptions) -> Vec<i64> {
        let zero = self.prices_alone(Vec::new(), options.threads);
        let rooms = (Rooms(&self.rooms), Cut::No);
        let one = |pricer: &mut Pricer, index: usize| {
            let order = self.order(index)?;
            let priced = pricer.price(order, &self.calendar, &zero, rooms, options.work_limit);
            Some((priced.charged, priced.choice))
        };
        let (found, _) = with_each(self.count(), options.threads, Pricer::default, one);
        let found = found.into_iter().enumerate().map(|(order, found)| {
            let (charged, choice) = found?;
            pool.add(self, order, &choice);
            Some(charged)
        });
        found.map(Option::unwrap_or_default).collect()
    }

    /// Prices under which orders choose: none, and the known ones, more or less of each.
    fn guides(&self, prices: &[i64], dice: &mut Dice) -> Vec<Prices> {
        let mut guides = vec![Vec::new(), prices.to_vec()];
        for _ in 0..SHAKEN {
            let shaken = prices.iter().map(|price| match price {
                0 => 0,
                price => price * (dice.below(SHAKE_STEPS + 1) as i64) / (SHAKE_STEPS as i64 / 2),
            });
            guides.push(shaken.collect());
        }
        let of_rows = |rows| self.prices(rows);
        guides.into_iter().map(of_rows).collect()
    }

    fn deal<'a>(
        &'a self,
        (now, known): (&Assignment, &mut [Repertoire]),
        (alone, most): (&'a [i64], &[i64]),
        threads: usize,
        dice: &mut Dice,
    ) -> Vec<Part<'a>> {
        let nothing = Choice::nothing();
        let deal = Deal::new(self, now, threads, dice);
        let hands = deal.hands.iter().enumerate();
        hands
            .map(|(hand, orders)| {
                let room = deal.room(hand, &now.room, most);
                let mut mine = (Vec::new(), Vec::new());
                for order in orders {
                    let index = *order as usize;
                    let mut own = known.get_mut(index).map(std::mem::take).unwrap_or_default();
                    let choice = now.choices.get(index).unwrap_or(&nothing);
                    let chosen = own.number_of(self, index, choice);
                    mine.1.push(own.cut(KNOWN_MAX, chosen));
                    mine.0.push(own);
                }
                Part::new((self, alone), orders.clone(), mine, room, dice.any())
            })
            .collect()
    }

    fn join(
        &self,
        parts: Vec<Part<'_>>,
        (before, all): (Assignment, &mut [Repertoire]),
    ) -> Assignment {
        let mut joined = before;
        joined.room.fill(0);
        for part in parts {
            for (row, left) in (0_u32..).zip(&part.room) {
                add(&mut joined.room, row, *left);
            }
            joined.cost += i128::from(part.gained);
            for (order, known, chosen) in part.into_known() {
                let mine = joined.choices.get_mut(order as usize);
                if let Some((mine, column)) = mine.zip(known.column(chosen)) {
                    mine.clone_from(&column.choice);
                }
                if let Some(own) = all.get_mut(order as usize) {
                    *own = known;
                }
            }
        }
        joined
    }
}

fn run<'a>(parts: Vec<Part<'a>>, guide: Guide<'_>, moves: u64) -> Vec<Part<'a>> {
    let search = move |mut part: Part<'a>| {
        part.search(guide, moves);
        part
    };
    if parts.len() == 1 {
        return parts.into_iter().map(search).collect();
    }
    std::thread::scope(|scope| {
        let running: Vec<_> = parts
            .into_iter()
            .map(|part| scope.spawn(move || search(part)))
            .collect();
        let joined = running.into_iter().map(std::thread::ScopedJoinHandle::join);
        joined
            .map(|part| part.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

//! The seeded workload: acts of one command each, with what each must come to.
//!
//! | of 100 acts | |
//! | --- | --- |
//! | 45 | hold of an order of 1 to 5 lines, each of 1 or 2 units |
//! | 35 | commit of a hold |
//! | 10 | release of a hold (of a committed one while there are few holds) |
//! | 5 | consume of a committed reservation |
//! | 5 | fact: a receipt or a till sale |
//!
//! | spread | lines of an order | stock |
//! | --- | --- | --- |
//! | uniform | each its own cell, any of all | ample; one cell in a hundred is scarce (0 to 3 units) |
//! | hot | all the one hot cell | ample |
//!
//! **One operation is one line of an order**: hold, commit, release and consume of an order of three
//! lines are three operations each, a fact is one.

use std::collections::VecDeque;

use bopis_ledger::{Act, Command, Line, OrderRef, RequestKey, ReservationState as State, Terms};

use crate::expectation::Expectation;
use crate::order::{Order, LINES_MAX};
use crate::random::{id, Random};
use crate::stock::Stock;

/// A hold is under way while about so many others are made, of those that are remembered.
const HOLDS_PER_RETAINED: u64 = 200;
/// Long past the time that a hold of this workload lasts (a quarter of an hour, longer only while
/// an engine is far behind): none expires.
const TTL_MS: i64 = 48 * 60 * 60 * 1000;
const LASTING_TTL_MS: i64 = 365 * 24 * 60 * 60 * 1000;
const AMPLE: i32 = 1_000;
/// Any one cell has stock for every order there can be.
const AMPLE_FOR_ALL: i32 = 1_000_000_000;
const SCOPE: u32 = 1;

/// Where the lines go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spread {
    /// Any cell.
    Uniform,
    /// One cell.
    Hot,
}

/// Acts made ahead of the moment that they are timed.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pub(crate) acts: Vec<Act>,
    pub(crate) expected: Vec<Expectation>,
    /// Lines of orders, as above.
    pub(crate) operations: u64,
}

/// The workload and the state that the ledger must be in after it.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) stock: Stock,
    pub(crate) spread: Spread,
    random: Random,
    held: VecDeque<Order>,
    committed: Vec<Order>,
    serial: u64,
    /// Holds under way; fewer than that, and releases take committed reservations.
    holds: usize,
    ttl_ms: i64,
    /// Holds that found too little.
    pub(crate) short: u64,
    /// Acts so far.
    pub(crate) acts: u64,
}

impl Workload {
    pub(crate) fn new(spread: Spread, cells: u32, retained: u64, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let stock = Stock::new(cells, |_| match spread {
            Spread::Hot => AMPLE_FOR_ALL,
            Spread::Uniform if random.below(100) == 0 => random.below(4) as i32,
            Spread::Uniform => AMPLE,
        });
        Self {
            stock,
            spread,
            random,
            held: VecDeque::new(),
            committed: Vec::new(),
            serial: 0,
            holds: (retained / HOLDS_PER_RETAINED).max(1) as usize,
            ttl_ms: TTL_MS,
            short: 0,
            acts: 0,
        }
    }

    /// Reservations that are held or committed.
    pub(crate) fn live(&self) -> usize {
        self.held.len() + self.committed.len()
    }

    /// The next `count` acts.
    pub(crate) fn block(&mut self, count: usize) -> Block {
        self.block_of(count, Self::next)
    }

    /// `count` holds that outlast the run.
    pub(crate) fn holds(&mut self, count: usize) -> Block {
        self.ttl_ms = LASTING_TTL_MS;
        self.block_of(count, Self::hold)
    }

    fn block_of(
        &mut self,
        count: usize,
        next: impl Fn(&mut Self) -> (Command, Expectation, u64),
    ) -> Block {
        let mut block = Block::default();
        block.acts.reserve(count);
        block.expected.reserve(count);
        for _ in 0..count {
            let (command, expectation, operations) = next(self);
            block.operations += operations;
            block.expected.push(expectation);
            let act = self.act(command);
            block.acts.push(act);
        }
        block
    }

    /// An act of its own around a command.
    fn act(&mut self, command: Command) -> Act {
        self.acts += 1;
        Act {
            request: RequestKey {
                scope: SCOPE,
                id: id(1, self.acts),
            },
            fingerprint: self.random.next(),
            commands: vec![command],
        }
    }

    fn next(&mut self) -> (Command, Expectation, u64) {
        let verb = self.random.below(100);
        match verb {
            45..80 if !self.held.is_empty() => self.commit(),
            80..90 if self.live() > 0 => self.release(),
            90..95 if !self.committed.is_empty() => self.consume(),
            95.. => self.fact(),
            _ => self.hold(),
        }
    }

    fn cell(&mut self) -> u32 {
        match self.spread {
            Spread::Hot => 0,
            Spread::Uniform => self.random.below(self.stock.cells.len() as u32),
        }
    }

    /// A hold, of which the workload keeps the lines if it is granted.
    fn hold(&mut self) -> (Command, Expectation, u64) {
        self.serial += 1;
        let mut order = Order {
            serial: self.serial,
            cells: [0; LINES_MAX as usize],
            quantities: [0; LINES_MAX as usize],
            lines: self.random.below(LINES_MAX) as u8 + 1,
        };
        for index in 0..usize::from(order.lines) {
            order.cells[index] = self.cell();
            order.quantities[index] = if self.random.below(5) == 0 { 2 } else { 1 };
        }
        let command = Command::Hold {
            reservation: order.reservation(),
            order: OrderRef(id(3, order.serial)),
            lines: order
                .lines()
                .map(|(cell, quantity)| Line {
                    cell: self.stock.key(cell),
                    quantity: quantity.into(),
                })
                .collect(),
            ttl_ms: self.ttl_ms,
            priority: 0,
            terms: Terms::default(),
        };
        let expectation = if self.take(&order) {
            self.held.push_back(order);
            Expectation::Is(State::Held)
        } else {
            self.short += 1;
            Expectation::Short
        };
        (command, expectation, order.lines.into())
    }

    /// Takes all lines or nothing.
    fn take(&mut self, order: &Order) -> bool {
        let fits = order.lines().all(|(cell, _)| {
            let asked: i32 = order.lines().filter(|l| l.0 == cell).map(|l| l.1).sum();
            asked <= self.stock.cells[cell as usize].atp()
        });
        if fits {
            for (cell, quantity) in order.lines() {
                self.stock.cells[cell as usize].held += quantity;
            }
        }
        fits
    }

    fn commit(&mut self) -> (Command, Expectation, u64) {
        let Some(order) = self.old_hold() else {
            return self.hold();
        };
        for (cell, quantity) in order.lines() {
            let counters = &mut self.stock.cells[cell as usize];
            counters.held -= quantity;
            counters.committed += quantity;
        }
        self.committed.push(order);
        let reservation = order.reservation();
        let command = Command::Commit { reservation };
        (
            command,
            Expectation::Is(State::Committed),
            order.lines.into(),
        )
    }

    fn release(&mut self) -> (Command, Expectation, u64) {
        let is_held = self.held.len() > self.holds || self.committed.is_empty();
        let found = if is_held {
            self.old_hold()
        } else {
            self.old_commitment()
        };
        let Some(order) = found else {
            return self.hold();
        };
        for (cell, quantity) in order.lines() {
            let counters = &mut self.stock.cells[cell as usize];
            if is_held {
                counters.held -= quantity;
            } else {
                counters.committed -= quantity;
            }
        }
        let command = Command::Release {
            reservation: order.reservation(),
            lines: None,
        };
        (
            command,
            Expectation::Is(State::Released),
            order.lines.into(),
        )
    }

    fn consume(&mut self) -> (Command, Expectation, u64) {
        let Some(order) = self.old_commitment() else {
            return self.hold();
        };
        for (cell, quantity) in order.lines() {
            let counters = &mut self.stock.cells[cell as usize];
            counters.committed -= quantity;
            counters.on_hand -= quantity;
        }
        let command = Command::Consume {
            reservation: order.reservation(),
            lines: None,
        };
        (
            command,
            Expectation::Is(State::Consumed),
            order.lines.into(),
        )
    }

    fn fact(&mut self) -> (Command, Expectation, u64) {
        let number = self.cell();
        let cell = self.stock.key(number);
        let is_sale = self.random.below(2) == 0;
        let counters = &mut self.stock.cells[number as usize];
        counters.on_hand += if is_sale { -1 } else { 2 };
        let on_hand = counters.on_hand;
        let command = if is_sale {
            Command::Sale {
                source: id(4, self.acts),
                cell,
                quantity: 1,
                reservation: None,
                effective_ms: None,
            }
        } else {
            Command::Adjust {
                cell,
                on_hand_delta: 2,
                unavailable_delta: 0,
                reason: 1,
                effective_ms: None,
            }
        };
        (command, Expectation::OnHand(on_hand), 1)
    }

    /// One of the older holds, which is one no more.
    fn old_hold(&mut self) -> Option<Order> {
        let among = self.held.len().min(self.holds) / 2 + 1;
        let chosen = self.random.below(among as u32) as usize;
        self.held.swap_remove_front(chosen)
    }

    fn old_commitment(&mut self) -> Option<Order> {
        if self.committed.is_empty() {
            return None;
        }
        let chosen = self.random.below(self.committed.len() as u32) as usize;
        Some(self.committed.swap_remove(chosen))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use bopis_ledger::Command;

    use super::{Spread, Workload};
    use crate::expectation::Expectation;

    const ACTS: usize = 100_000;

    fn workload(spread: Spread, seed: u64) -> Workload {
        let mut workload = Workload::new(spread, 10_000, 1_000_000, seed);
        // Until there is enough to commit, release and consume.
        workload.block(ACTS);
        workload
    }

    #[test]
    fn the_mix_is_as_stated() {
        for spread in [Spread::Uniform, Spread::Hot] {
            let block = workload(spread, 7).block(ACTS);
            let share = |is: fn(&Command) -> bool| {
                let commands = block.acts.iter().flat_map(|act| &act.commands);
                commands.filter(|command| is(command)).count() as f64 / ACTS as f64
            };
            let seen = [
                (share(|c| matches!(c, Command::Hold { .. })), 0.45),
                (share(|c| matches!(c, Command::Commit { .. })), 0.35),
                (share(|c| matches!(c, Command::Release { .. })), 0.10),
                (share(|c| matches!(c, Command::Consume { .. })), 0.05),
                (share(|c| matches!(c, Command::Adjust { .. })), 0.025),
                (share(|c| matches!(c, Command::Sale { .. })), 0.025),
            ];
            assert!(
                seen.iter()
                    .all(|(share, stated)| (share - stated).abs() < 0.006),
                "{seen:?}"
            );
            // 95 acts of 3 lines on average, 5 facts.
            let operations = block.operations as f64 / ACTS as f64;
            assert!((operations - 2.9).abs() < 0.02, "{operations}");
        }
    }

    #[test]
    fn few_holds_find_too_little_and_none_on_the_hot_cell() {
        let mut uniform = workload(Spread::Uniform, 7);
        let block = uniform.block(ACTS);
        let short = block.expected.iter().filter(|e| **e == Expectation::Short);
        let share = short.count() as f64 / ACTS as f64;
        assert!(share > 0.001 && share < 0.03, "{share}");
        assert_eq!(workload(Spread::Hot, 7).short, 0);
    }

    #[test]
    fn a_seed_gives_the_same_acts_and_another_one_others() {
        let acts = |seed| workload(Spread::Uniform, seed).block(1_000).acts;
        assert_eq!(acts(7), acts(7));
        assert_ne!(acts(7), acts(8));
    }

    #[test]
    fn no_request_id_comes_twice() {
        let block = workload(Spread::Uniform, 7).block(ACTS);
        let keys: BTreeSet<_> = block.acts.iter().map(|act| act.request).collect();
        assert_eq!(keys.len(), ACTS);
    }
}

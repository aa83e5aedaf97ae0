//! Down to where no few orders can change for the better, penalties included.
//!
//! | change | |
//! | --- | --- |
//! | one order | does something else |
//! | two orders | one does something else, another takes of what it leaves |
//! | a chain | one is taken out, others follow each into what the one before leaves, and it comes in again where it costs least |
//!
//! Shifts, double shifts and ejection chains: Yagiura, Ibaraki and Glover, An ejection chain approach for
//! the generalized assignment problem (2004).

use std::collections::VecDeque;

use smallvec::SmallVec;

use crate::dice::Dice;
use crate::packing::Packing;

/// Changes for each order after which a descent ends, wherever it is.
const CHANGES_MAX: usize = 50;
/// Orders of a chain.
const CHAIN_MAX: usize = 8;

/// Columns that came in, and what their orders did before.
type Changes = SmallVec<[(u32, u32); CHAIN_MAX]>;

/// What a descent works with.
#[derive(Default)]
pub(crate) struct Descent {
    queue: VecDeque<u32>,
    is_queued: Vec<bool>,
    is_in_chain: Vec<bool>,
}

impl Descent {
    /// Improves until nothing does, or too much has. `note` gets every packing on the way.
    pub(crate) fn run(
        &mut self,
        packing: &mut Packing<'_>,
        dice: &mut Dice,
        mut note: impl FnMut(&Packing<'_>),
    ) {
        let orders = packing.menu.orders();
        let mut turn: Vec<u32> = (0..orders).collect();
        dice.shuffle(&mut turn);
        self.queue = turn.into();
        self.is_queued = vec![true; orders as usize];
        self.is_in_chain = vec![false; orders as usize];
        let mut left = CHANGES_MAX * orders as usize;
        while let Some(order) = self.queue.pop_front().filter(|_| left > 0) {
            if let Some(queued) = self.is_queued.get_mut(order as usize) {
                *queued = false;
            }
            let changes = one(packing, order)
                .or_else(|| two(packing, order))
                .or_else(|| self.chain(packing, order));
            let Some(changes) = changes else { continue };
            left -= 1;
            note(packing);
            for (column, before) in changes {
                self.ask_again(packing, column, before);
            }
        }
    }

    /// Whoever takes of what one change took or left, and who changed, may do better now.
    fn ask_again(&mut self, packing: &Packing<'_>, column: u32, before: u32) {
        let menu = packing.menu;
        self.ask(menu.order_of(column));
        let rows = menu.takes(column).iter().chain(menu.takes(before));
        for (row, _) in rows {
            for taker in menu.takers(*row) {
                let order = menu.order_of(*taker);
                if packing.chosen_of(order) == *taker {
                    self.ask(order);
                }
            }
        }
    }

    fn ask(&mut self, order: u32) {
        if let Some(queued) = self.is_queued.get_mut(order as usize) {
            if !*queued {
                *queued = true;
                self.queue.push_back(order);
            }
        }
    }

    /// Others follow each other into what one leaves.
    fn chain(&mut self, packing: &mut Packing<'_>, first: u32) -> Option<Changes> {
        let before = packing.penalized();
        let old = packing.chosen_of(first);
        let mut changes = Changes::new();
        let mut left = old;
        packing.take_out(old);
        self.mark(first, true);
        let mut better = None;
        while better.is_none() && changes.len() < CHAIN_MAX {
            let Some(next) = self.follower(packing, left) else {
                break;
            };
            let order = packing.menu.order_of(next);
            left = packing.chosen_of(order);
            self.mark(order, true);
            packing.put(next);
            changes.push((next, left));
            let (cost, column) = cheapest(packing, first);
            if packing.penalized() + cost < before {
                better = Some(column);
            }
        }
        self.mark(first, false);
        for (column, _) in &changes {
            self.mark(packing.menu.order_of(*column), false);
        }
        if let Some(column) = better {
            packing.add(column);
            packing.note(column);
            changes.push((column, old));
            return Some(changes);
        }
        for (_, before) in changes.iter().rev() {
            packing.put(*before);
        }
        packing.add(old);
        None
    }

    fn mark(&mut self, order: u32, is_in: bool) {
        if let Some(mark) = self.is_in_chain.get_mut(order as usize) {
            *mark = is_in;
        }
    }

    /// Of the columns that take of what was left, the one that gains most, or loses least: what was left
    /// is free for whoever takes of it, what its order lets go is worth what the prices say.
    fn follower(&self, packing: &Packing<'_>, left: u32) -> Option<u32> {
        let menu = packing.menu;
        let mut best: Option<(i64, u32)> = None;
        for (row, _) in menu.takes(left) {
            for column in menu.takers(*row) {
                let order = menu.order_of(*column);
                let now = packing.chosen_of(order);
                let is_in = self.is_in_chain.get(order as usize).copied();
                if now == *column || is_in.unwrap_or(true) {
                    continue;
                }
                let more = menu.cost(*column) - menu.charged(now);
                let is_best = best.is_none_or(|(least, _)| more < least);
                let mut takes = menu.takes(*column).iter();
                if is_best && takes.all(|(row, amount)| *amount <= packing.room(*row)) {
                    best = Some((more, *column));
                }
            }
        }
        best.map(|(_, column)| column)
    }
}

/// The column of an order that is taken out which costs least now, and what it costs.
fn cheapest(packing: &Packing<'_>, order: u32) -> (i64, u32) {
    let columns = packing.menu.columns_of(order);
    let all = columns.map(|column| (packing.would_cost(column), column));
    all.min().unwrap_or((0, packing.chosen_of(order)))
}

fn one(packing: &mut Packing<'_>, order: u32) -> Option<Changes> {
    let before = packing.penalized();
    let old = packing.chosen_of(order);
    packing.take_out(old);
    let (cost, column) = cheapest(packing, order);
    if packing.penalized() + cost < before {
        packing.add(column);
        packing.note(column);
        return Some(SmallVec::from_slice(&[(column, old)]));
    }
    packing.add(old);
    None
}

fn two(packing: &mut Packing<'_>, order: u32) -> Option<Changes> {
    let menu = packing.menu;
    let before = packing.penalized();
    let old = packing.chosen_of(order);
    packing.take_out(old);
    for (row, _) in menu.takes(old) {
        for column in menu.takers(*row) {
            let other = menu.order_of(*column);
            let now = packing.chosen_of(other);
            if now == *column || other == order {
                continue;
            }
            // What it comes to at least, where the other one does not take of the same rows again.
            let apart = packing.would_cost(*column) - menu.cost(now) - packing.relief(now);
            if packing.penalized() + apart + menu.least(order) >= before {
                continue;
            }
            packing.take_out(now);
            packing.add(*column);
            if packing.penalized() + menu.least(order) < before {
                let (cost, own) = cheapest(packing, order);
                if packing.penalized() + cost < before {
                    packing.note(*column);
                    packing.add(own);
                    packing.note(own);
                    return Some(SmallVec::from_slice(&[(*column, now), (own, old)]));
                }
            }
            packing.take_out(*column);
            packing.add(now);
        }
    }
    packing.add(old);
    None
}

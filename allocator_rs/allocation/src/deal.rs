//! Deals the orders and what the rows have left to the hands of a search, anew in every round.
//!
//! What a row has left goes to one hand whole: half of what an order takes is of use to nobody.

use crate::assignment::Assignment;
use crate::dice::Dice;
use crate::instance::Instance;

/// Who has what in a round.
pub(crate) struct Deal {
    /// By hand: its orders.
    pub(crate) hands: Vec<Vec<u32>>,
    /// By row: the hand that has what it has left.
    homes: Vec<usize>,
}

impl Deal {
    /// To as many hands as there are threads, or orders. By the dice either any orders together, or
    /// those that take of rows beside each other: of a node's hours, all users and all that is left.
    pub(crate) fn new(
        instance: &Instance,
        now: &Assignment,
        threads: usize,
        dice: &mut Dice,
    ) -> Self {
        let mut orders: Vec<u32> = (0_u32..).take(instance.count()).collect();
        dice.shuffle(&mut orders);
        let beside = dice.below(2) == 0;
        if beside {
            sort_by_rows(&mut orders, instance, now, dice);
        }
        let size = orders.len().div_ceil(threads).max(1);
        let hands: Vec<Vec<u32>> = orders.chunks(size).map(<[u32]>::to_vec).collect();
        let rows = 0..now.room.len();
        let mut homes: Vec<usize> = rows.map(|_| dice.below(hands.len().max(1))).collect();
        if beside {
            for (hand, order) in numbered(&hands) {
                for (row, _) in takes(instance, now, order) {
                    if let Some(home) = homes.get_mut(row as usize) {
                        *home = hand;
                    }
                }
            }
        }
        Self { hands, homes }
    }

    /// What a hand has of what the rows have left.
    pub(crate) fn room(&self, hand: usize, left: &[i64]) -> Vec<i64> {
        let rows = left.iter().zip(&self.homes);
        rows.map(|(left, home)| if *home == hand { *left } else { 0 })
            .collect()
    }
}

/// By the last row that each takes of, from any row on; rows of a node's hours follow each other.
fn sort_by_rows(orders: &mut [u32], instance: &Instance, now: &Assignment, dice: &mut Dice) {
    let rows = now.room.len().max(1);
    let first = dice.below(rows);
    let mut keys = vec![0; orders.len()];
    for (order, key) in (0_u32..).zip(&mut keys) {
        let last = takes(instance, now, order)
            .last()
            .map(|(row, _)| *row as usize);
        let row = last.unwrap_or_else(|| dice.below(rows));
        *key = (row + rows - first) % rows;
    }
    orders.sort_by_key(|order| keys.get(*order as usize).copied());
}

fn takes(instance: &Instance, now: &Assignment, order: u32) -> Vec<(u32, i64)> {
    let choice = now.choices.get(order as usize);
    choice.map_or_else(Vec::new, |choice| instance.takes(order as usize, choice))
}

fn numbered(hands: &[Vec<u32>]) -> impl Iterator<Item = (usize, u32)> + '_ {
    let hands = hands.iter().enumerate();
    hands.flat_map(|(hand, orders)| orders.iter().map(move |order| (hand, *order)))
}

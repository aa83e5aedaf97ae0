//! Deals the orders and what the rows have left to the hands of a search, anew in every round.
//!
//! What a row has left goes to one hand whole where the hands' shares would be of use to nobody: less
//! than an order takes.

use crate::assignment::Assignment;
use crate::dice::Dice;
use crate::instance::Instance;
use crate::repertoire::Repertoire;

/// Who has what in a round.
pub(crate) struct Deal {
    /// By hand: its orders.
    pub(crate) hands: Vec<Vec<u32>>,
    /// By row: the hand that has what it has left, or what does not divide.
    homes: Vec<usize>,
}

/// By row, the most that one order is known to take of it.
pub(crate) fn most_taken(known: &[Repertoire], rows: usize) -> Vec<i64> {
    let mut most = vec![0; rows];
    let columns = known.iter().flat_map(Repertoire::columns);
    for (row, amount) in columns.flat_map(|column| &column.takes) {
        if let Some(most) = most.get_mut(*row as usize) {
            *most = (*most).max(*amount);
        }
    }
    most
}

impl Deal {
    /// To at most as many hands as there are threads. By the dice either any orders together, or those
    /// that take of rows beside each other: of a node's hours, nearly all users and all that is left.
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

    /// What a hand has of what the rows have left. `most`: by row, the most that an order takes; 0: not
    /// known.
    pub(crate) fn room(&self, hand: usize, left: &[i64], most: &[i64]) -> Vec<i64> {
        let hands = i64::try_from(self.hands.len()).unwrap_or(1).max(1);
        let rows = left.iter().zip(most).zip(&self.homes);
        rows.map(|((left, most), home)| {
            let each = left / hands;
            match (*home == hand, *most > 0 && each >= *most) {
                (true, true) => each + left % hands,
                (true, false) => *left,
                (false, true) => each,
                (false, false) => 0,
            }
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_dealt_whole_or_in_shares_that_are_of_use_and_none_of_it_is_lost() {
        let left = [1, 5, 10, 11, 0, 7];
        let most = [1, 3, 5, 2, 4, 0];
        for hands in 1..6_usize {
            let deal = Deal {
                hands: vec![Vec::new(); hands],
                homes: (0..left.len()).map(|row| row % hands).collect(),
            };
            let rooms: Vec<Vec<i64>> = (0..hands)
                .map(|hand| deal.room(hand, &left, &most))
                .collect();
            for row in 0..left.len() {
                let of_hands: Vec<i64> = rooms
                    .iter()
                    .filter_map(|room| room.get(row).copied())
                    .collect();
                let all = left.get(row).copied().unwrap_or_default();
                let least = most.get(row).copied().unwrap_or_default();
                assert_eq!(
                    of_hands.iter().sum::<i64>(),
                    all,
                    "{hands} hands, row {row}"
                );
                let whole = of_hands.iter().filter(|room| **room > 0).count() <= 1;
                assert!(whole || of_hands.iter().all(|room| *room >= least));
            }
        }
    }
}

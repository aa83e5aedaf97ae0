//! Several orders choose together: the best combination of what each is known to be able to do.

use smallvec::SmallVec;

use crate::assignment::add;
use crate::part::RUIN_MAX;
use crate::prices::Prices;
use crate::ranking::Ranking;
use crate::repertoire::Repertoire;

/// Columns of an order that are looked at beside what it does: the cheapest under the prices of those
/// that fit by themselves.
const LOOKED_AT: usize = 12;
/// Columns tried for one combination; the best one found until then is taken.
const TRIES: u32 = 400;

/// By order, the number of its column.
pub(crate) type Numbers = SmallVec<[u32; RUIN_MAX]>;

/// A search over combinations, one order after the other.
pub(crate) struct Together<'a> {
    known: &'a [&'a Repertoire],
    /// By order: what a column costs with its charges, and its number; rising.
    choices: SmallVec<[Vec<(i64, u32)>; RUIN_MAX]>,
    /// By order: the least that it and those behind it can cost.
    rests: SmallVec<[i64; RUIN_MAX]>,
    best: (i64, Numbers),
    now: Numbers,
    tries: u32,
}

impl<'a> Together<'a> {
    /// `rankings`: under the prices; `old`: what the orders did, which fits into the room.
    pub(crate) fn new(
        (known, rankings): (&'a [&'a Repertoire], &[&Ranking]),
        old: &[u32],
        prices: &Prices,
        room: &[i64],
    ) -> Self {
        let mut choices: SmallVec<[Vec<(i64, u32)>; RUIN_MAX]> = SmallVec::new();
        let mut cost = 0_i64;
        for ((one, ranking), number) in known.iter().zip(rankings).zip(old) {
            let mut cheapest: Vec<(i64, u32)> =
                ranking.fitting(one, room).take(LOOKED_AT).collect();
            if let Some(column) = one.column(*number) {
                let kept = (column.charged(prices), *number);
                cost = cost.saturating_add(kept.0);
                if !cheapest.contains(&kept) {
                    cheapest.push(kept);
                }
            }
            choices.push(cheapest);
        }
        let mut rests: SmallVec<[i64; RUIN_MAX]> = SmallVec::from_elem(0, known.len() + 1);
        for at in (0..known.len()).rev() {
            let least = choices.get(at).and_then(|of| of.first());
            let behind = rests.get(at + 1).copied().unwrap_or(0);
            if let Some(rest) = rests.get_mut(at) {
                *rest = behind.saturating_add(least.map_or(0, |(charged, _)| *charged));
            }
        }
        Self {
            known,
            choices,
            rests,
            best: (cost, old.into()),
            now: Numbers::new(),
            tries: TRIES,
        }
    }

    /// The best combination. The room is as before.
    pub(crate) fn best(mut self, room: &mut [i64]) -> Numbers {
        self.look(0, room);
        self.best.1
    }

    fn look(&mut self, cost: i64, room: &mut [i64]) {
        let at = self.now.len();
        let known = self.known;
        let Some(repertoire) = known.get(at) else {
            if cost < self.best.0 {
                self.best = (cost, self.now.clone());
            }
            return;
        };
        let behind = self.rests.get(at + 1).copied().unwrap_or(0);
        let mut place = 0;
        while let Some((charged, number)) =
            self.choices.get(at).and_then(|of| of.get(place)).copied()
        {
            place += 1;
            let with = cost.saturating_add(charged);
            if with.saturating_add(behind) >= self.best.0 || self.tries == 0 {
                return;
            }
            self.tries -= 1;
            let Some(column) = repertoire.column(number).filter(|column| column.fits(room)) else {
                continue;
            };
            for (row, amount) in &column.takes {
                add(room, *row, -amount);
            }
            self.now.push(number);
            self.look(with, room);
            self.now.pop();
            for (row, amount) in &column.takes {
                add(room, *row, *amount);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;
    use crate::calendar::{Pattern, Slot};
    use crate::choice::{Choice, Group};
    use crate::dice::Dice;
    use crate::instance::{Instance, Line, Order, Row, Way};
    use crate::table::Table;

    const NODES: u32 = 5;
    const ORDERS: usize = 4;

    /// Orders of one line of 1 to 3 units, which any node can do at some cost; nodes have 0 to 4 units.
    fn table(dice: &mut Dice) -> Table {
        let mut table = Table::default();
        for _ in 0..NODES {
            table.rows.push(Row {
                limit: dice.below(5) as i64,
                ..Row::default()
            });
        }
        table.calendar.patterns.push(Pattern {
            charge: 0,
            start_h: 0,
            ready_h: 1,
            shares: smallvec![],
            days: smallvec![],
        });
        table.calendar.slots.push(Slot {
            first: 0,
            end: 1,
            start_from_h: 0,
            promise_h: 1,
        });
        for _ in 0..ORDERS {
            let way = |node: u32| Way {
                node,
                store: None,
                fixed: 0,
                slot: 0,
            };
            table.orders.push(Order {
                lines: vec![Line {
                    quantity: 1 + dice.below(3) as i64,
                    unfilled: 100,
                }],
                costs: (0..NODES).map(|_| dice.below(60) as i64).collect(),
                rows: (0..NODES).collect(),
                ways: (0..NODES).map(way).collect(),
                ..Order::default()
            });
        }
        table
    }

    /// Every order knows that it may be left, and every node: columns 0 and 1 to `NODES`.
    fn known(instance: &Instance, order: usize) -> (Repertoire, Vec<u32>) {
        let mut known = Repertoire::default();
        let at = |way: u32| Group {
            way,
            pattern: 0,
            lines: smallvec![0],
        };
        let ways = (0..NODES).map(|way| Choice::Groups(smallvec![at(way)]));
        let choices = std::iter::once(Choice::nothing()).chain(ways);
        let numbers = choices.map(|choice| known.number_of(instance, order, &choice));
        let numbers = numbers.collect();
        (known, numbers)
    }

    /// The least that the orders from `at` on can cost in this room, by trying everything.
    fn least(known: &[(Repertoire, Vec<u32>)], at: usize, room: &[i64]) -> i64 {
        let Some((one, numbers)) = known.get(at) else {
            return 0;
        };
        let columns = numbers.iter().filter_map(|number| one.column(*number));
        let fitting = columns.filter(|column| column.fits(room));
        let costs = fitting.map(|column| {
            let mut left = room.to_vec();
            for (row, amount) in &column.takes {
                add(&mut left, *row, -amount);
            }
            column.cost + least(known, at + 1, &left)
        });
        costs.min().unwrap_or(1_000)
    }

    #[test]
    fn a_combination_is_the_best_of_all_and_leaves_the_room_as_it_was() {
        let mut dice = Dice::new(1);
        let mut gained = 0;
        for _ in 0..300 {
            let table = table(&mut dice);
            let instance = Instance::new(&table, 1);
            let all: Vec<_> = (0..ORDERS).map(|order| known(&instance, order)).collect();
            let mut room: Vec<i64> = table.rows.iter().map(|row| row.limit).collect();
            let before = room.clone();
            let repertoires: Vec<&Repertoire> = all.iter().map(|(known, _)| known).collect();
            let left: Vec<u32> = all.iter().filter_map(|(_, n)| n.first().copied()).collect();
            let prices = instance.prices(Vec::new());
            let ranked = |known: &Repertoire| {
                let mut ranking = Ranking::default();
                ranking.catch_up(known, &prices);
                ranking
            };
            let rankings: Vec<Ranking> = all.iter().map(|(known, _)| ranked(known)).collect();
            let rankings: Vec<&Ranking> = rankings.iter().collect();
            let ranked = (&repertoires[..], &rankings[..]);
            let found = Together::new(ranked, &left, &prices, &room).best(&mut room);
            assert_eq!(room, before);
            let cost: i64 = repertoires
                .iter()
                .zip(&found)
                .map(|(k, n)| k.cost(*n))
                .sum();
            assert_eq!(cost, least(&all, 0, &room));
            gained += i64::from(cost < 400);
        }
        assert!(gained > 200, "{gained}");
    }
}

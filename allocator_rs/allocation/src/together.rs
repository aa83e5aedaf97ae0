//! Several orders choose together: the best combination of what each is known to be able to do.

use smallvec::SmallVec;

use crate::assignment::add;
use crate::part::RUIN_MAX;
use crate::prices::Prices;
use crate::repertoire::Repertoire;

/// Columns of an order that are looked at: the cheapest under the prices that fit by themselves.
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
    /// `old`: what the orders did, which fits into the room.
    pub(crate) fn new(
        known: &'a [&'a Repertoire],
        old: &[u32],
        prices: &Prices,
        room: &[i64],
    ) -> Self {
        let choices: SmallVec<[Vec<(i64, u32)>; RUIN_MAX]> = known
            .iter()
            .map(|one| one.fitting(prices, room, LOOKED_AT))
            .collect();
        let columns = known.iter().zip(old);
        let cost = columns
            .filter_map(|(one, number)| one.column(*number))
            .map(|column| column.charged(prices))
            .fold(0, i64::saturating_add);
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

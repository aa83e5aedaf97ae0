//! The columns of an order by what they cost under prices: ranked once, looked through many times.

use crate::prices::Prices;
use crate::repertoire::Repertoire;

/// What columns cost with their charges, and their numbers; rising.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ranking(Vec<(i64, u32)>);

impl Ranking {
    /// Ranks the columns that have become known since the last time.
    pub(crate) fn catch_up(&mut self, known: &Repertoire, prices: &Prices) {
        let ranked = self.0.len();
        let new = (0_u32..).zip(known.columns()).skip(ranked);
        self.0
            .extend(new.map(|(number, column)| (column.charged(prices), number)));
        if self.0.len() > ranked {
            self.0.sort_unstable();
        }
    }

    /// The cheapest that fits into this room.
    pub(crate) fn best(&self, known: &Repertoire, room: &[i64]) -> Option<u32> {
        let mut fitting = self.fitting(known, room);
        fitting.next().map(|(_, number)| number)
    }

    /// Those that fit into this room, cheapest first: what they cost with their charges, and their
    /// numbers.
    pub(crate) fn fitting<'a>(
        &'a self,
        known: &'a Repertoire,
        room: &'a [i64],
    ) -> impl Iterator<Item = (i64, u32)> + 'a {
        let fits = |number: u32| known.column(number).is_some_and(|column| column.fits(room));
        let ranked = self.0.iter().copied();
        ranked.filter(move |(_, number)| fits(*number))
    }
}

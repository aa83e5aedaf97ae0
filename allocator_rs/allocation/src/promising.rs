//! The ways of an order that the search looks at.
//!
//! An order of many lines has fewer that save much alone: each makes the kernel's search longer. Where
//! nodes are many, more of the cheapest ways of each line are among them: others want the same ones,
//! and what is missing comes to light only where there is time to look at all ways again.

use bopis_sourcing::CANNOT;

use crate::instance::Order;

/// Ways of an order that the search looks at; the certificate looks at all.
pub const WAYS_MAX: usize = 40;
/// Of an order of many lines fewer: so many lines of ways, but at least so many ways.
const CELLS_MAX: usize = 100;
const WAYS_LEAST: usize = 10;
/// Of each line some of the cheapest ways are among them: so many, more where one in so many is more.
const WAYS_OF_LINE: (usize, usize) = (6, 12);
const ONE_IN: usize = 16;

impl Order {
    /// The most that a way alone can save against leaving every line.
    fn saving(&self, way: usize) -> i64 {
        let lines = self.lines.iter().zip(self.costs_of(way));
        let saved = lines.map(|(line, cost)| (line.unfilled - cost).max(0));
        let fixed = self.ways.get(way).map_or(0, |way| way.fixed);
        saved.sum::<i64>() - fixed
    }

    /// The ways worth a look: those that save most alone, and of each line the cheapest.
    pub(crate) fn promising(&self) -> Vec<usize> {
        let lines = self.lines.len().max(1);
        let most = (CELLS_MAX / lines).clamp(WAYS_LEAST, WAYS_MAX);
        let of_line = (self.ways.len() / ONE_IN).clamp(WAYS_OF_LINE.0, WAYS_OF_LINE.1);
        let mut by_saving: Vec<(i64, usize)> = (0..self.ways.len())
            .map(|way| (-self.saving(way), way))
            .filter(|(saving, _)| *saving < 0 || self.all_or_nothing)
            .collect();
        if by_saving.len() <= most {
            let mut all: Vec<usize> = by_saving.into_iter().map(|(_, way)| way).collect();
            all.sort_unstable();
            return all;
        }
        least_first(&mut by_saving, most);
        let mut kept: Vec<usize> = by_saving.iter().take(most).map(|(_, way)| *way).collect();
        for line in 0..self.lines.len() {
            let cost = |way: usize| {
                let cost = self.costs_of(way).get(line).copied().unwrap_or(CANNOT);
                cost.saturating_add(self.ways.get(way).map_or(0, |way| way.fixed))
            };
            let mut by_cost: Vec<(i64, usize)> = by_saving
                .iter()
                .map(|(_, way)| (cost(*way), *way))
                .filter(|(cost, _)| *cost < CANNOT)
                .collect();
            least_first(&mut by_cost, of_line);
            kept.extend(by_cost.into_iter().take(of_line).map(|(_, way)| way));
        }
        kept.sort_unstable();
        kept.dedup();
        kept
    }
}

/// Puts the least `most` first, in any order.
fn least_first(ranked: &mut [(i64, usize)], most: usize) {
    if most < ranked.len() {
        ranked.select_nth_unstable(most);
    }
}

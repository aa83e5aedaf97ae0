//! The units of an ask's lines at the nodes that have any.
//!
//! Who has none is left out: a plan takes as long as there are nodes with stock of its basket, not as
//! there are nodes. Where nobody knows who has some, every node is in it, and the answers are the same.

use crate::supply::Supply;
use crate::world::World;

const WORD_BITS: usize = u64::BITS as usize;

/// A table of units: a row for each node that may have some, a column for each line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stock {
    lines: usize,
    /// A bit for each node: whether it has a row.
    words: Vec<u64>,
    /// By word: rows of the words before.
    before: Vec<u32>,
    /// By row and line.
    units: Vec<i64>,
}

impl Stock {
    /// What a supply has for so many lines.
    pub(crate) fn read(world: &World, supply: &dyn Supply, lines: usize) -> Self {
        let nodes = world.network.nodes().len();
        match supply.stock() {
            Some(cells) => Self::of_cells((nodes, lines), &cells),
            None => Self::of_all(world, supply, lines),
        }
    }

    /// The same with every node, each asked for each line.
    pub(crate) fn of_all(world: &World, supply: &dyn Supply, lines: usize) -> Self {
        let nodes = world.network.nodes().len();
        let mut stock = Self::of_nodes((nodes, lines), 0..nodes);
        stock.units.clear();
        for node in 0..nodes {
            let row = (0..lines).map(|line| supply.units(node, line));
            stock.units.extend(row);
        }
        stock
    }

    /// Of node, line and units; of a cell that comes twice the later counts.
    pub(crate) fn of_cells((nodes, lines): (usize, usize), cells: &[(usize, usize, i64)]) -> Self {
        let mut stock = Self::of_nodes((nodes, lines), cells.iter().map(|cell| cell.0));
        for (node, line, units) in cells {
            stock.set(*node, *line, *units);
        }
        stock
    }

    fn of_nodes((nodes, lines): (usize, usize), with_row: impl Iterator<Item = usize>) -> Self {
        let mut words = vec![0_u64; nodes.div_ceil(WORD_BITS)];
        for node in with_row.filter(|node| *node < nodes) {
            if let Some(word) = words.get_mut(node / WORD_BITS) {
                *word |= 1 << (node % WORD_BITS);
            }
        }
        let mut rows = 0;
        let count = |word: &u64| {
            let before = rows;
            rows += word.count_ones();
            before
        };
        Self {
            lines,
            before: words.iter().map(count).collect(),
            words,
            units: vec![0; rows as usize * lines],
        }
    }

    /// The nodes that have a row, rising; rows are in the same order.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = usize> + Clone + '_ {
        let words = self.words.iter().enumerate();
        words.flat_map(|(index, word)| {
            let mut left = *word;
            std::iter::from_fn(move || {
                let bit = left.trailing_zeros() as usize;
                // Takes the lowest bit away.
                left &= left.checked_sub(1)?;
                Some(index * WORD_BITS + bit)
            })
        })
    }

    /// The row of a node; none: it has no units.
    pub(crate) fn row(&self, node: usize) -> Option<usize> {
        let word = *self.words.get(node / WORD_BITS)?;
        let bit = 1_u64 << (node % WORD_BITS);
        let before = *self.before.get(node / WORD_BITS)?;
        (word & bit != 0).then(|| (before + (word & (bit - 1)).count_ones()) as usize)
    }

    /// Where a cell is in a table with these rows and columns.
    pub(crate) fn place(&self, node: usize, line: usize) -> Option<usize> {
        (line < self.lines).then(|| self.row(node).map(|row| row * self.lines + line))?
    }

    /// The units of a row by line.
    pub(crate) fn of_row(&self, row: usize) -> &[i64] {
        let start = row * self.lines;
        self.units.get(start..start + self.lines).unwrap_or(&[])
    }

    /// Units of a line at a node; may be negative.
    pub(crate) fn units(&self, node: usize, line: usize) -> i64 {
        let place = self.place(node, line);
        place
            .and_then(|place| self.units.get(place))
            .map_or(0, |units| *units)
    }

    pub(crate) fn set(&mut self, node: usize, line: usize, units: i64) {
        let slot = self
            .place(node, line)
            .and_then(|place| self.units.get_mut(place));
        if let Some(slot) = slot {
            *slot = units;
        }
    }

    /// The units of a line by row.
    pub(crate) fn column(&self, line: usize) -> impl Iterator<Item = i64> + Clone + '_ {
        let column = self.units.iter().skip(line).step_by(self.lines.max(1));
        column.copied()
    }

    /// Every cell: node, line, units.
    pub(crate) fn cells(&self) -> Vec<(usize, usize, i64)> {
        let rows = self.nodes().zip(self.units.chunks(self.lines.max(1)));
        let cells = rows.flat_map(|(node, row)| {
            let row = row.iter().enumerate();
            row.map(move |(line, units)| (node, line, *units))
        });
        cells.collect()
    }
}

#[cfg(test)]
mod tests;

//! Sums and differences of lines.
//!
//! | | |
//! | --- | --- |
//! | lines that name the same cell | one sum, at the place of the first |
//! | a sum that does not fit an `i64` | no sum |
//! | more taken away than is there | no difference |

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::command::Line;
use crate::ids::CellKey;

/// From this many lines on, cells are found through an index rather than by looking along.
const INDEXED_FROM: usize = 24;

/// What several lines ask of one cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) cell: CellKey,
    pub(crate) quantity: i64,
    /// Index of the first line that names the cell.
    pub(crate) line_index: u32,
}

/// Sums by cell, in the order in which cells are first named.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    sums: Vec<Sum>,
    index: HashMap<CellKey, usize, FxBuildHasher>,
}

impl Sums {
    /// The sums of `lines`. None: one of them does not fit.
    pub(crate) fn of(lines: &[Line]) -> Option<Self> {
        let mut sums = Self::default();
        for (line_index, line) in (0u32..).zip(lines) {
            sums.add(*line, line_index)?;
        }
        Some(sums)
    }

    fn position(&self, cell: CellKey) -> Option<usize> {
        if self.index.is_empty() {
            self.sums.iter().position(|sum| sum.cell == cell)
        } else {
            self.index.get(&cell).copied()
        }
    }

    /// Adds a line. None: the sum does not fit.
    pub(crate) fn add(&mut self, line: Line, line_index: u32) -> Option<()> {
        if let Some(sum) = self
            .position(line.cell)
            .and_then(|at| self.sums.get_mut(at))
        {
            sum.quantity = sum.quantity.checked_add(line.quantity)?;
            return Some(());
        }
        self.sums.push(Sum {
            cell: line.cell,
            quantity: line.quantity,
            line_index,
        });
        if !self.index.is_empty() {
            self.index.insert(line.cell, self.sums.len() - 1);
        } else if self.sums.len() == INDEXED_FROM {
            self.index
                .extend(self.sums.iter().enumerate().map(|(at, sum)| (sum.cell, at)));
        }
        Some(())
    }

    /// Takes from a sum that is there already; a cell not named is left alone.
    pub(crate) fn subtract_if_named(&mut self, line: Line) -> Option<()> {
        if let Some(sum) = self
            .position(line.cell)
            .and_then(|at| self.sums.get_mut(at))
        {
            sum.quantity = sum.quantity.checked_sub(line.quantity)?;
        }
        Some(())
    }

    /// No sum is larger than `maximum`.
    pub(crate) fn are_within(&self, maximum: i64) -> bool {
        self.sums.iter().all(|sum| sum.quantity <= maximum)
    }

    pub(crate) fn into_vec(self) -> Vec<Sum> {
        self.sums
    }
}

/// One line per cell.
pub(crate) fn to_lines(sums: &[Sum]) -> Vec<Line> {
    sums.iter()
        .map(|sum| Line {
            cell: sum.cell,
            quantity: sum.quantity,
        })
        .collect()
}

/// What is left of `lines` (one per cell) without `part`. None: `part` is more than that.
pub(crate) fn without(lines: &[Line], part: &[Line]) -> Option<Vec<Line>> {
    let mut left = Sums::of(lines)?;
    for sum in Sums::of(part)?.into_vec() {
        left.position(sum.cell)?;
        left.subtract_if_named(Line {
            cell: sum.cell,
            quantity: sum.quantity,
        })?;
    }
    let left = left.into_vec();
    if left.iter().any(|sum| sum.quantity < 0) {
        return None;
    }
    Some(
        to_lines(&left)
            .into_iter()
            .filter(|line| line.quantity > 0)
            .collect(),
    )
}

//! Sums and differences of lines.
//!
//! | | |
//! | --- | --- |
//! | lines that name the same cell | one sum, at the place of the first |
//! | a sum that does not fit an `i64` | no sum |
//! | more taken away than is there | no difference |

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use smallvec::SmallVec;

use crate::command::{Line, Lines};
use crate::ids::CellKey;

/// So many lines are compared with each other.
const FEW: usize = 8;
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

/// As many as most commands have need no memory of their own.
pub(crate) type Summed = SmallVec<[Sum; 8]>;

/// Sums by cell, in the order in which cells are first named.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    sums: Summed,
    index: HashMap<CellKey, usize, FxBuildHasher>,
}

impl Sums {
    /// The sums of `lines`. None: one of them does not fit.
    pub(crate) fn of(lines: &[Line]) -> Option<Self> {
        let mut sums = Self::default();
        if are_few_of_different_cells(lines) {
            let sum = |(line_index, line): (u32, &Line)| Sum {
                cell: line.cell,
                quantity: line.quantity,
                line_index,
            };
            sums.sums.extend((0u32..).zip(lines).map(sum));
            return Some(sums);
        }
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

    pub(crate) fn is_empty(&self) -> bool {
        self.sums.is_empty()
    }

    /// Whether these are they.
    pub(crate) fn are_lines(&self, lines: &[Line]) -> bool {
        let is =
            |(sum, line): (&Sum, &Line)| (sum.cell, sum.quantity) == (line.cell, line.quantity);
        self.sums.len() == lines.len() && self.sums.iter().zip(lines).all(is)
    }

    pub(crate) fn into_vec(self) -> Summed {
        self.sums
    }
}

/// Whether these are few lines that need no summing, as nearly always.
pub(crate) fn are_few_of_different_cells(lines: &[Line]) -> bool {
    if lines.len() > FEW {
        return false;
    }
    let mut rest = lines;
    while let Some((line, others)) = rest.split_first() {
        if others.iter().any(|other| other.cell == line.cell) {
            return false;
        }
        rest = others;
    }
    true
}

/// One line per cell.
pub(crate) fn to_lines(sums: &[Sum]) -> Lines {
    sums.iter()
        .map(|sum| Line {
            cell: sum.cell,
            quantity: sum.quantity,
        })
        .collect()
}

/// What is left of `lines` (one per cell) without `part`. None: `part` is more than that.
pub(crate) fn without(lines: &[Line], part: &[Line]) -> Option<Lines> {
    if lines == part {
        return Some(Lines::new());
    }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{to_lines, without, Sums, INDEXED_FROM};
    use crate::command::{Line, Lines};
    use crate::ids::{CellKey, ItemId, LocationId};

    fn any_lines(cells: u32) -> impl Strategy<Value = Lines> {
        let line = (0..cells, 1i64..9).prop_map(|(item, quantity)| Line {
            cell: CellKey {
                location: LocationId(0),
                item: ItemId(item),
            },
            quantity,
        });
        prop::collection::vec(line, 0..4 * INDEXED_FROM).prop_map(Lines::from_vec)
    }

    fn totals(lines: &[Line]) -> BTreeMap<CellKey, i64> {
        let mut totals = BTreeMap::new();
        for line in lines {
            *totals.entry(line.cell).or_default() += line.quantity;
        }
        totals
    }

    proptest! {
        #[test]
        fn sums_are_totals_in_order_of_first_naming(
            lines in (1u32..4 * 24).prop_flat_map(any_lines)
        ) {
            let sums = Sums::of(&lines).map(Sums::into_vec).unwrap_or_default();
            prop_assert_eq!(totals(&to_lines(&sums)), totals(&lines));
            prop_assert_eq!(sums.len(), totals(&lines).len());
            let firsts: Vec<_> = sums.iter().map(|sum| sum.line_index as usize).collect();
            prop_assert!(firsts.is_sorted());
            for (first, sum) in firsts.into_iter().zip(&sums) {
                let found = lines.iter().position(|line| line.cell == sum.cell);
                prop_assert_eq!(found, Some(first));
            }
        }

        #[test]
        fn what_is_left_and_the_part_are_the_whole(
            (lines, part) in (1u32..4 * 24).prop_flat_map(|n| (any_lines(n), any_lines(n)))
        ) {
            let whole = Sums::of(&lines).map(Sums::into_vec).unwrap_or_default();
            let (all, taken) = (totals(&lines), totals(&part));
            let covers = taken.iter().all(|(cell, n)| all.get(cell).is_some_and(|has| has >= n));
            match without(&to_lines(&whole), &part) {
                None => prop_assert!(!covers),
                Some(left) => {
                    prop_assert!(covers && left.iter().all(|line| line.quantity > 0));
                    let together: Lines = left.into_iter().chain(part).collect();
                    prop_assert_eq!(totals(&together), all);
                }
            }
        }
    }

    #[test]
    fn a_sum_that_does_not_fit_is_none() {
        let cell = CellKey {
            location: LocationId(0),
            item: ItemId(0),
        };
        let line = |quantity| Line { cell, quantity };
        assert!(Sums::of(&[line(i64::MAX), line(1)]).is_none());
        assert_eq!(without(&[line(5)], &[line(i64::MAX), line(1)]), None);
    }
}

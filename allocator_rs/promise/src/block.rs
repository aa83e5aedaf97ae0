//! What it is worth to later orders that some node holds several units of a SKU together.
//!
//! A line is never split over nodes, so a line of `n` units needs one node that holds `n`. Units in
//! many nodes, one each, fill no such line.
//!
//! | taking from | costs later orders |
//! | --- | --- |
//! | a node that is not alone in holding the most of a SKU | nothing |
//! | any node, for two lines of one SKU | nothing |
//! | the one that holds the most | a price per size of line that no node can serve afterwards |

use crate::ask::Ask;

/// Lines of more units than this are too rare to be provided for.
const BLOCK_UNITS_MAX: i64 = 4;

/// The largest and the second largest stock of one SKU over all nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Blocks {
    first: i64,
    second: i64,
}

impl Blocks {
    /// Of a line's SKU, from the units at every node. Lines that share their SKU with another one
    /// of the order are not charged: what they take together is the kernel's to choose.
    pub(crate) fn of_line(ask: &Ask, line: usize, units: impl Iterator<Item = i64>) -> Self {
        let sku = |line: usize| ask.lines.get(line).map(|line| line.sku.as_str());
        let alone = (0..ask.lines.len()).all(|other| other == line || sku(other) != sku(line));
        if alone {
            Self::of(units)
        } else {
            Self::default()
        }
    }

    fn of(units: impl Iterator<Item = i64>) -> Self {
        units.fold(Self::default(), |blocks, units| {
            if units > blocks.first {
                Self {
                    first: units,
                    second: blocks.first,
                }
            } else {
                Self {
                    second: blocks.second.max(units),
                    ..blocks
                }
            }
        })
    }

    /// Charge for taking `quantity` from a node that has `available`, at a price per size.
    pub(crate) fn charge(self, price: i64, available: i64, quantity: i64) -> i64 {
        if available < self.first {
            return 0;
        }
        let left = (available - quantity).max(self.second);
        let sizes = self.first.min(BLOCK_UNITS_MAX) - left;
        sizes.max(0).saturating_mul(price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(units: &[i64], available: i64, quantity: i64) -> i64 {
        Blocks::of(units.iter().copied()).charge(1, available, quantity)
    }

    #[test]
    fn only_the_largest_stock_is_worth_keeping_together() {
        assert_eq!(charge(&[3, 1, 1], 3, 1), 1, "a line of 3 is served no more");
        assert_eq!(charge(&[3, 1, 1], 3, 3), 2, "nor one of 2");
        assert_eq!(charge(&[3, 1, 1], 1, 1), 0);
        assert_eq!(charge(&[3, 3], 3, 3), 0, "the other one is left");
        assert_eq!(charge(&[9, 2], 9, 5), 0, "4 are left");
        assert_eq!(charge(&[9, 2], 9, 7), 2, "lines of 3 and of 4");
        assert_eq!(charge(&[1], 1, 1), 1, "the last of all");
    }
}

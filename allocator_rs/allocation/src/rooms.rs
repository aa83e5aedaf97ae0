//! What the rows have left, for one look at it.

use crate::calendar::Pattern;

/// Units or seconds left, by row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rooms<'a>(pub(crate) &'a [i64]);

impl Rooms<'_> {
    #[inline]
    pub(crate) fn of(self, row: u32) -> i64 {
        self.0.get(row as usize).copied().unwrap_or(i64::MAX)
    }

    /// Whether a line's units fit into all rows that they are taken of.
    #[inline]
    pub(crate) fn have(self, rows: [u32; 2], quantity: i64) -> bool {
        quantity <= self.of(rows[0]) && quantity <= self.of(rows[1])
    }

    /// How many lines a pattern has room for: none where its day has no room for so many groups.
    pub(crate) fn lines(self, pattern: &Pattern, groups: i64) -> u32 {
        if pattern.days.iter().any(|row| self.of(*row) < groups) {
            return 0;
        }
        let room = |(row, seconds): &(u32, i64)| self.of(*row).max(0) / (*seconds).max(1);
        let least = pattern.shares.iter().map(room).min().unwrap_or(i64::MAX);
        u32::try_from(least).unwrap_or(u32::MAX)
    }
}

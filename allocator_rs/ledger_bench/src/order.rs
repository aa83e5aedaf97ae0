//! An order of the workload, small: some millions are kept.

use bopis_ledger::ReservationId;

use crate::random::id;

/// Most lines of an order.
pub(crate) const LINES_MAX: u32 = 5;

/// What a reservation took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Order {
    pub(crate) serial: u64,
    pub(crate) cells: [u32; LINES_MAX as usize],
    pub(crate) quantities: [u8; LINES_MAX as usize],
    pub(crate) lines: u8,
}

impl Order {
    /// Cells and quantities; a cell may come twice.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (u32, i32)> + '_ {
        let lines = self.cells.iter().zip(&self.quantities);
        lines
            .take(self.lines.into())
            .map(|(cell, quantity)| (*cell, i32::from(*quantity)))
    }

    /// Its id.
    pub(crate) fn reservation(&self) -> ReservationId {
        ReservationId(id(2, self.serial))
    }
}

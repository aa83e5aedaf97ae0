//! Reads of a cell's days, which only the ledger has.

use bopis_ledger::CellKey;

use super::room::Undurable;
use super::Writer;
use crate::error::Unanswered;
use crate::job::{Answer, Days, Position};

impl Writer {
    /// Answers the reads of the turn, which is durable.
    pub(super) fn answer_days(&mut self, position: Position) {
        for (cell, answer) in std::mem::take(&mut self.day_reads) {
            answer.give(self.days(cell, position));
        }
    }

    fn days(&self, cell: CellKey, position: Position) -> Days {
        let days = self.ledger.days(cell).iter();
        Days {
            view: self.ledger.cell(cell).unwrap_or_default(),
            days: days
                .map(|one| (*one, self.ledger.atp_of_day(cell, one.day)))
                .collect(),
            position,
        }
    }

    /// What is decided and not durable may have changed the cell's days.
    pub(super) fn read_days(&self, cell: CellKey, answer: Answer<Days>, undurable: Undurable) {
        match undurable {
            Undurable::Records => answer.refuse(Unanswered::DiskFull),
            Undurable::Nothing => answer.give(self.days(cell, self.durable_position())),
        }
    }
}

//! Brings what a few acts will touch close, all at once, before they are decided one by one.
//!
//! | pass | looks at | for |
//! | --- | --- | --- |
//! | 1 | slots of the indexes | the request, every reservation, order and cell that is named |
//! | 2 | what the slots lead to | reservations, cells |
//! | 3 | what those lead to | lines, and their cells |
//!
//! Memory answers a dozen questions in the time of one, if they are asked together. Nothing is
//! decided here, and nothing depends on what is read.

use crate::command::{Act, Command};
use crate::ids::ReservationId;
use crate::ledger::Ledger;

/// How many acts are looked at together: what they touch fits the nearest cache.
pub(crate) const WARM_ACTS: usize = 24;

impl Ledger {
    /// Looks at all that these acts name. The result is of no meaning.
    pub(crate) fn warm(&self, acts: &[Act]) -> u64 {
        let mut seen = 0;
        for act in acts {
            seen ^= self.window.touch(&act.request);
            for command in &act.commands {
                seen ^= self.warm_slots(command);
            }
        }
        let commands = || acts.iter().flat_map(|act| &act.commands);
        for command in commands() {
            seen ^= self.warm_owners(command);
        }
        for id in commands().filter_map(named_alone) {
            seen ^= self.reservations.touch_lines(id, &self.cells);
        }
        seen
    }

    fn warm_slots(&self, command: &Command) -> u64 {
        match command {
            Command::Hold {
                reservation,
                order,
                lines,
                ..
            } => lines.iter().fold(
                self.reservations.touch(*reservation) ^ self.reservations.touch_order(*order),
                |seen, line| seen ^ self.cells.touch(line.cell),
            ),
            Command::Adjust { cell, .. }
            | Command::SetOnHand { cell, .. }
            | Command::CompareAndSet { cell, .. }
            | Command::Sale { cell, .. } => self.cells.touch(*cell),
            _ => named_alone(command).map_or(0, |id| self.reservations.touch(id)),
        }
    }

    fn warm_owners(&self, command: &Command) -> u64 {
        match command {
            Command::Hold { lines, .. } => lines
                .iter()
                .fold(0, |seen, line| seen ^ self.cells.touch_cell(line.cell)),
            Command::Adjust { cell, .. }
            | Command::SetOnHand { cell, .. }
            | Command::CompareAndSet { cell, .. }
            | Command::Sale { cell, .. } => self.cells.touch_cell(*cell),
            _ => named_alone(command).map_or(0, |id| self.reservations.touch_run(id)),
        }
    }
}

/// The reservation that a command is about, if it names nothing else.
const fn named_alone(command: &Command) -> Option<ReservationId> {
    match command {
        Command::Commit { reservation }
        | Command::Release { reservation, .. }
        | Command::Consume { reservation, .. }
        | Command::Extend { reservation, .. } => Some(*reservation),
        _ => None,
    }
}

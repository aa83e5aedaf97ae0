//! Brings what a few acts will touch close, all at once, before they are decided one by one.
//!
//! | pass | asks memory for | keeps |
//! | --- | --- | --- |
//! | 1 | slots of the indexes | hashes: of the request, and of what the common commands name |
//! | 2 | reservations, cells | where they probably are |
//! | 3 | lines | |
//! | 4 | the lines' cells and neighbours | |
//!
//! Memory answers a dozen questions in the time of one, if they are asked together. Nothing is
//! decided here: whoever uses what was found looks whether it is the one.

use crate::command::{Act, Command, Line};
use crate::ids::CellKey;
use crate::ledger::Ledger;
use crate::reservations::{Hashes, NO_SLOT};

/// How many acts are looked at together: what they touch fits the nearest cache.
pub(crate) const WARM_ACTS: usize = 24;
/// No cell has this number.
const NO_NUMBER: u32 = u32::MAX;

/// What was found of the acts to come, so that nothing is searched for twice.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    /// Hashes, by act.
    requests: Vec<u32>,
    /// By command, of all acts.
    commands: Vec<Named>,
    /// Of all commands: hashes of cells after the first pass, numbers of cells after the second.
    cells: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Named {
    hashes: Hashes,
    /// Whether the reservation is all that it names, and should be there.
    is_alone: bool,
    slot: u32,
    /// Where its cells begin.
    cells: usize,
}

impl Default for Named {
    fn default() -> Self {
        Self {
            hashes: Hashes::default(),
            is_alone: false,
            slot: NO_SLOT,
            cells: 0,
        }
    }
}

/// What was found of one command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    pub(crate) hashes: Hashes,
    /// Where the reservation was, if it was there.
    pub(crate) slot: u32,
    /// Probably the numbers of its cells, in the order of its lines.
    pub(crate) cells: &'a [u32],
}

impl Ahead {
    /// The hash of an act's request.
    pub(crate) fn request(&self, act: usize) -> Option<u32> {
        self.requests.get(act).copied()
    }

    /// What was found of a command, counted through all acts.
    pub(crate) fn command(&self, number: usize) -> Option<Found<'_>> {
        let named = self.commands.get(number)?;
        Some(Found {
            hashes: named.hashes,
            slot: named.slot,
            cells: self.cells.get(named.cells..)?,
        })
    }
}

impl Ledger {
    /// Brings all that these acts name close.
    pub(crate) fn look_ahead<'a>(&self, acts: impl Iterator<Item = &'a Act>, ahead: &mut Ahead) {
        self.prefetch_slots(acts, ahead);
        for named in ahead.commands.iter_mut().filter(|named| named.is_alone) {
            let slot = self.reservations.prefetch(named.hashes.id);
            named.slot = slot.unwrap_or(NO_SLOT);
        }
        for number in &mut ahead.cells {
            *number = self.cells.prefetch(*number).unwrap_or(NO_NUMBER);
        }
        for named in &ahead.commands {
            self.reservations.prefetch_lines(named.slot);
        }
        for number in &ahead.cells {
            self.reservations.prefetch_first_line(*number, &self.cells);
        }
        for named in &ahead.commands {
            self.reservations.prefetch_cells(named.slot, &self.cells);
        }
    }

    /// Brings slots of the indexes close, and keeps the hashes.
    fn prefetch_slots<'a>(&self, acts: impl Iterator<Item = &'a Act>, ahead: &mut Ahead) {
        ahead.requests.clear();
        ahead.commands.clear();
        ahead.cells.clear();
        for act in acts {
            let request = self.window.hash(&act.request);
            self.window.prefetch(request);
            ahead.requests.push(request);
            for command in &act.commands {
                let named = Named {
                    cells: ahead.cells.len(),
                    ..self.name(command)
                };
                ahead.commands.push(named);
                for line in lines_of(command) {
                    self.prefetch_cell(line.cell, ahead);
                }
                if let Some(cell) = cell_of(command) {
                    self.prefetch_cell(cell, ahead);
                }
            }
        }
    }

    fn prefetch_cell(&self, cell: CellKey, ahead: &mut Ahead) {
        let hash = self.cells.hash(cell);
        self.cells.prefetch_slot(hash);
        ahead.cells.push(hash);
    }

    /// The hashes of the reservation and the order that a command names.
    fn name(&self, command: &Command) -> Named {
        let mut named = Named::default();
        match command {
            Command::Hold {
                reservation, order, ..
            } => {
                named.hashes = self.reservations.hashes(*reservation, *order);
                self.reservations.prefetch_slots(named.hashes);
            }
            Command::Commit { reservation }
            | Command::Release { reservation, .. }
            | Command::Consume { reservation, .. }
            | Command::Extend { reservation, .. } => {
                named.is_alone = true;
                named.hashes.id = self.reservations.hash(*reservation);
                self.reservations.prefetch_slot(named.hashes.id);
            }
            _ => {}
        }
        named
    }
}

/// The lines of a grant.
fn lines_of(command: &Command) -> &[Line] {
    match command {
        Command::Hold { lines, .. } => lines,
        _ => &[],
    }
}

/// The cell of a common fact.
const fn cell_of(command: &Command) -> Option<CellKey> {
    match command {
        Command::Adjust { cell, .. }
        | Command::SetOnHand { cell, .. }
        | Command::CompareAndSet { cell, .. }
        | Command::Sale { cell, .. } => Some(*cell),
        _ => None,
    }
}

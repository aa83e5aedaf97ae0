//! The lines of all reservations, each in two lists.
//!
//! | list | made of |
//! | --- | --- |
//! | a reservation's lines | a run of places side by side |
//! | what is promised of a cell | a chain through the lines that name it, newest first |
//!
//! A run's room is its length, rounded up to a class; runs that were given back are kept by class
//! and used again. Runs never move, so memory grows without a pause.

use prefetch_index::prefetch_index;

use crate::cells::{Cells, NO_LINE};

/// Places of one block. No run crosses the end of one.
const BLOCK: usize = 1 << 16;

/// Most lines of one reservation.
pub(crate) const RUN_MAX: usize = u16::MAX as usize;

/// A line of a reservation.
#[derive(Clone, Copy, Debug)]
struct Entry {
    quantity: i64,
    /// Number of the cell.
    cell: u32,
    /// Slot of the reservation.
    owner: u32,
    /// Neighbours in the cell's chain.
    next: u32,
    previous: u32,
}

const UNUSED: Entry = Entry {
    quantity: 0,
    cell: 0,
    owner: 0,
    next: NO_LINE,
    previous: NO_LINE,
};

/// Where a reservation's lines are. In six bytes, so that a reservation fits a line of the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, packed(2))]
pub(crate) struct Run {
    at: u32,
    len: u16,
}

impl Run {
    pub(crate) const fn is_empty(self) -> bool {
        self.len == 0
    }

    pub(crate) const fn len(self) -> usize {
        self.len as usize
    }

    fn places(self) -> impl Iterator<Item = u32> {
        self.at..self.at.saturating_add(u32::from(self.len))
    }
}

/// All lines.
#[derive(Debug, Default)]
pub(crate) struct LineRuns {
    blocks: Vec<Vec<Entry>>,
    /// Given back, by class.
    free: Vec<Vec<u32>>,
}

/// Every length up to 8 is a class of its own, then every power of two.
fn class_of(len: usize) -> (usize, usize) {
    if len <= 8 {
        return (len, len);
    }
    let room = len.next_power_of_two();
    (room.trailing_zeros() as usize + 5, room)
}

impl LineRuns {
    fn entry(&self, place: u32) -> Option<&Entry> {
        let place = place as usize;
        self.blocks.get(place / BLOCK)?.get(place % BLOCK)
    }

    fn entry_mut(&mut self, place: u32) -> Option<&mut Entry> {
        let place = place as usize;
        self.blocks.get_mut(place / BLOCK)?.get_mut(place % BLOCK)
    }

    /// Brings a run close.
    pub(crate) fn prefetch(&self, run: Run) {
        if let Some(last) = run.len().checked_sub(1) {
            self.prefetch_at(run.at);
            self.prefetch_at(run.at.saturating_add(u32::try_from(last).unwrap_or(0)));
        }
    }

    /// Brings one line close.
    pub(crate) fn prefetch_at(&self, place: u32) {
        let place = place as usize;
        if let Some(block) = self.blocks.get(place / BLOCK) {
            prefetch_index(block, place % BLOCK);
        }
    }

    /// Brings the cells of a run's lines close, and their neighbours in the cells' chains.
    pub(crate) fn prefetch_cells(&self, run: Run, cells: &Cells) {
        for entry in self.entries(run) {
            cells.prefetch_at(entry.cell);
            self.prefetch_at(entry.next);
            self.prefetch_at(entry.previous);
        }
    }

    fn entries(&self, run: Run) -> &[Entry] {
        let place = run.at as usize;
        let block = self.blocks.get(place / BLOCK);
        let from = place % BLOCK;
        let entries = block.and_then(|block| block.get(from..from + run.len()));
        entries.unwrap_or_default()
    }

    /// The lines of a run: numbers of cells, and quantities.
    pub(crate) fn of(&self, run: Run) -> impl Iterator<Item = (u32, i64)> + '_ {
        let entries = self.entries(run).iter();
        entries.map(|entry| (entry.cell, entry.quantity))
    }

    /// The slots of the reservations that have a line of this cell, newest line first.
    pub(crate) fn promised_of(&self, cells: &Cells, cell: u32) -> impl Iterator<Item = u32> + '_ {
        let mut place = cells.first_line(cell);
        std::iter::from_fn(move || {
            let entry = self.entry(place)?;
            place = entry.next;
            Some(entry.owner)
        })
    }

    /// Writes down lines, at most [`RUN_MAX`]: numbers of cells, and quantities.
    pub(crate) fn add(&mut self, lines: &[(u32, i64)], owner: u32, cells: &mut Cells) -> Run {
        let Some(run) = self.run_for(lines.len()) else {
            return Run::default();
        };
        for (place, (cell, quantity)) in run.places().zip(lines.iter().copied()) {
            let next = cells.put_first_line(cell, place);
            if let Some(first) = self.entry_mut(next) {
                first.previous = place;
            }
            if let Some(entry) = self.entry_mut(place) {
                *entry = Entry {
                    quantity,
                    cell,
                    owner,
                    next,
                    previous: NO_LINE,
                };
            }
        }
        run
    }

    /// Takes a run out of its cells' chains, and gives back its room.
    pub(crate) fn remove(&mut self, run: Run, cells: &mut Cells) {
        for place in run.places() {
            let Some(entry) = self.entry(place).copied() else {
                continue;
            };
            match self.entry_mut(entry.previous) {
                Some(previous) => previous.next = entry.next,
                None => cells.set_first_line(entry.cell, entry.next),
            }
            if let Some(next) = self.entry_mut(entry.next) {
                next.previous = entry.previous;
            }
        }
        let (class, _) = class_of(usize::from(run.len));
        if let Some(free) = self.free.get_mut(class).filter(|_| !run.is_empty()) {
            free.push(run.at);
        }
    }

    /// Room for so many lines: given back before, or new.
    fn run_for(&mut self, lines: usize) -> Option<Run> {
        let len = u16::try_from(lines).ok().filter(|len| *len > 0)?;
        let (class, room) = class_of(lines);
        while self.free.len() <= class {
            self.free.push(Vec::new());
        }
        if let Some(at) = self.free.get_mut(class).and_then(Vec::pop) {
            return Some(Run { at, len });
        }
        if self
            .blocks
            .last()
            .is_none_or(|block| block.len() + room > BLOCK)
        {
            // Places beyond the end of a short last block are never used.
            let first = self.blocks.is_empty();
            self.blocks
                .push(Vec::with_capacity(if first { 0 } else { BLOCK }));
        }
        let number = self.blocks.len() - 1;
        let block = self.blocks.last_mut()?;
        let at = u32::try_from(number * BLOCK + block.len()).ok()?;
        block.resize(block.len() + room, UNUSED);
        Some(Run { at, len })
    }

    /// Writes down lines like `add`, with room of their own; they are in no chain before `chain_up`.
    pub(crate) fn append(&mut self, lines: &[(u32, i64)], owner: u32) -> Run {
        let Some(run) = self.run_for(lines.len()) else {
            return Run::default();
        };
        let (block, at) = (run.at as usize / BLOCK, run.at as usize % BLOCK);
        let block = self.blocks.get_mut(block).map(Vec::as_mut_slice);
        let entries = block
            .and_then(|block| block.get_mut(at..))
            .unwrap_or_default();
        for ((cell, quantity), entry) in lines.iter().zip(entries) {
            *entry = Entry {
                quantity: *quantity,
                cell: *cell,
                owner,
                ..UNUSED
            };
        }
        run
    }

    /// How many blocks will get no line any more.
    pub(crate) fn full_blocks(&self) -> usize {
        self.blocks.len().saturating_sub(1)
    }

    /// Puts the appended lines of the next block before those in their cells' chains that came
    /// earlier; `newest` has the first of each chain. A loop of nothing else: memory then answers
    /// for many cells at once.
    pub(crate) fn chain_up(&mut self, block: usize, newest: &mut [u32]) {
        self.pass_on(block, false, newest, |entry| &mut entry.next);
    }

    /// Makes the chains of all appended lines, which are of so many cells, lead back as well.
    pub(crate) fn chain_back(&mut self, cells: usize) {
        let mut newer = vec![NO_LINE; cells];
        for block in (0..self.blocks.len()).rev() {
            self.pass_on(block, true, &mut newer, |entry| &mut entry.previous);
        }
    }

    /// Gives each line of a block the last one of its cell on this way, and is the last one then.
    fn pass_on(
        &mut self,
        block: usize,
        is_back: bool,
        last: &mut [u32],
        neighbour: impl Fn(&mut Entry) -> &mut u32,
    ) {
        let entries = self.blocks.get_mut(block).map(Vec::as_mut_slice);
        let entries = entries.unwrap_or_default();
        let first = u32::try_from(block * BLOCK).unwrap_or(NO_LINE);
        let mut pass = |(place, entry): (u32, &mut Entry)| {
            // Room without a quantity has no line.
            let last = last.get_mut(entry.cell as usize);
            if let Some(last) = last.filter(|_| entry.quantity != 0) {
                *neighbour(entry) = std::mem::replace(last, place);
            }
        };
        if is_back {
            let end = first.saturating_add(u32::try_from(entries.len()).unwrap_or(0));
            (first..end)
                .rev()
                .zip(entries.iter_mut().rev())
                .for_each(pass);
        } else {
            (first..).zip(entries).for_each(&mut pass);
        }
    }

    /// Every place of a chain belongs to a run that names the cell. None: chains and runs agree.
    pub(crate) fn is_consistent(&self, cells: &Cells, runs: &[(u32, Run)]) -> bool {
        let mut named = 0_usize;
        for (owner, run) in runs {
            for place in run.places() {
                let Some(entry) = self.entry(place) else {
                    return false;
                };
                let is_first = cells.first_line(entry.cell) == place;
                let follows = self.entry(entry.previous).is_some_and(|e| e.next == place);
                let leads = entry.next == NO_LINE
                    || self.entry(entry.next).is_some_and(|e| e.previous == place);
                if entry.owner != *owner || !leads || !(is_first ^ follows) {
                    return false;
                }
                named += 1;
            }
        }
        let count = |cell: usize| {
            let cell = u32::try_from(cell).unwrap_or(u32::MAX);
            self.promised_of(cells, cell).take(named + 1).count()
        };
        (0..cells.len()).map(count).sum::<usize>() == named
    }
}

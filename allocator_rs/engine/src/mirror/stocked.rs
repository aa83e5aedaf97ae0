//! The cells of an item that have units: a ring, so that nobody looks at the others to find them.
//!
//! | | |
//! | --- | --- |
//! | begins and ends | at the item's first cell, which is in it whatever it has |
//! | is in it | who has an ATP other than 0; it joins right behind the first cell |
//! | the writer | changes rings while the version is odd: who reads at one sequence sees a whole one |
//! | who reads without | sees each cell that has units all the while, some of them twice |
//!
//! The last holds since nothing ever joins between two cells that stay, and who left still points to
//! what was behind it then.

use std::sync::atomic::{AtomicU32, Ordering};

use bopis_ledger::{ItemId, LocationId};

use super::{unpack, Mirror, NO_CELL};

/// Steps of one walk at most. Only a writer that takes the very cell out and in again under a reader,
/// step by step, could lead it farther than an item has cells.
const STEPS_MAX: u32 = 1 << 20;

/// A cell's place in the ring of its item.
pub(super) struct Ring {
    /// Behind it; once it left: what was behind it then.
    next: AtomicU32,
    /// In front of it. The writer's own.
    before: AtomicU32,
}

impl Ring {
    pub(super) fn new() -> Self {
        Self {
            next: AtomicU32::new(NO_CELL),
            before: AtomicU32::new(NO_CELL),
        }
    }
}

impl Mirror {
    /// Adds to `out` where an item has an ATP other than 0, and it, in no order, each as of the moment
    /// it is read. Of a location that comes twice the later counts. Never waits.
    pub(crate) fn stocked_of(&self, item: ItemId, out: &mut Vec<(LocationId, i64)>) {
        let Some(first) = self.first_of(item) else {
            return;
        };
        let whole = out.len();
        if self.walk(first, out).is_none() {
            out.truncate(whole);
            let cells = self.cells_of(item).map(|(at, view)| (at, view.atp()));
            out.extend(cells.filter(|(_, atp)| *atp != 0));
        }
    }

    fn walk(&self, first: u32, out: &mut Vec<(LocationId, i64)>) -> Option<()> {
        let mut number = first;
        for _ in 0..STEPS_MAX {
            let (chunk, at) = self.place(number)?;
            let atp = chunk.atp.get(at)?.load(Ordering::Relaxed);
            if atp != 0 {
                let key = chunk.keys.get(at)?.load(Ordering::Relaxed);
                out.push((unpack(key).location, atp));
            }
            // Acquire: whoever sees a cell sees its key.
            number = chunk.stocked.get(at)?.next.load(Ordering::Acquire);
            if number == first {
                return Some(());
            }
        }
        None
    }

    /// Makes the first cell of an item a ring of its own.
    pub(super) fn begin_ring(&self, first: u32) {
        self.connect(first, first);
    }

    /// Takes a cell into the ring of its item, or out of it, if its ATP became other than 0, or 0.
    pub(super) fn restock(&self, number: u32, item: ItemId, (was, is): (i64, i64)) {
        if (was == 0) == (is == 0) {
            return;
        }
        match self.first_of(item) {
            None => {}
            // It stays, whatever it has.
            Some(first) if first == number => {}
            Some(first) if is != 0 => self.join(number, first),
            Some(_) => self.leave(number),
        }
    }

    fn join(&self, number: u32, first: u32) {
        let Some(next) = self
            .ring(first)
            .map(|ring| ring.next.load(Ordering::Relaxed))
        else {
            return;
        };
        self.connect(number, next);
        self.connect(first, number);
    }

    fn leave(&self, number: u32) {
        let Some(ring) = self.ring(number) else {
            return;
        };
        let before = ring.before.load(Ordering::Relaxed);
        let next = ring.next.load(Ordering::Relaxed);
        self.connect(before, next);
    }

    /// Puts one cell behind another.
    fn connect(&self, before: u32, next: u32) {
        if let (Some(one), Some(other)) = (self.ring(before), self.ring(next)) {
            other.before.store(before, Ordering::Relaxed);
            one.next.store(next, Ordering::Release);
        }
    }

    fn ring(&self, number: u32) -> Option<&Ring> {
        let (chunk, at) = self.place(number)?;
        chunk.stocked.get(at)
    }
}

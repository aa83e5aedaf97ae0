//! The counters.
//!
//! | | |
//! | --- | --- |
//! | a cell never touched | reads as zeros, is not stored |
//! | a change past `QUANTITY_MAX`, or below 0 in any counter but on hand | does not fit; refused |
//! | a changed cell | named once by the next `take_changed` |

use smallvec::SmallVec;

use crate::chunked::Chunked;
use crate::command::Line;
use crate::ids::CellKey;
use crate::index::Index;
use crate::key::KeyHasher;
use crate::limits::QUANTITY_MAX;
use crate::outcome::{CellView, ChangedCell, ReservationState};

/// What is added to the counters of one cell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Delta {
    pub(crate) on_hand: i64,
    pub(crate) held: i64,
    pub(crate) committed: i64,
    pub(crate) unavailable: i64,
    pub(crate) safety_stock: i64,
}

impl Delta {
    /// What a reservation in `state` has so much more of.
    pub(crate) fn promised(state: ReservationState, quantity: i64) -> Self {
        let promised = Promised::of(state, quantity);
        Self {
            held: promised.held,
            committed: promised.committed,
            ..Self::default()
        }
    }
}

/// What a reservation adds to the counters of one cell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Promised {
    pub(crate) on_hand: i64,
    pub(crate) held: i64,
    pub(crate) committed: i64,
}

impl Promised {
    /// Of one in this state that has so much more.
    pub(crate) const fn of(state: ReservationState, quantity: i64) -> Self {
        let (held, committed) = match state {
            ReservationState::Held => (quantity, 0),
            _ => (0, quantity),
        };
        Self {
            on_hand: 0,
            held,
            committed,
        }
    }
}

/// The counters with `delta` added; none if one of them would leave its range.
pub(crate) fn changed_by(view: CellView, delta: Delta) -> Option<CellView> {
    let signed = -QUANTITY_MAX..=QUANTITY_MAX;
    let unsigned = 0..=QUANTITY_MAX;
    let on_hand = view
        .on_hand
        .checked_add(delta.on_hand)
        .filter(|v| signed.contains(v))?;
    let held = view
        .held
        .checked_add(delta.held)
        .filter(|v| unsigned.contains(v))?;
    let committed = view
        .committed
        .checked_add(delta.committed)
        .filter(|v| unsigned.contains(v))?;
    let unavailable = view
        .unavailable
        .checked_add(delta.unavailable)
        .filter(|v| unsigned.contains(v))?;
    let safety_stock = view
        .safety_stock
        .checked_add(delta.safety_stock)
        .filter(|v| unsigned.contains(v))?;
    Some(CellView {
        on_hand,
        held,
        committed,
        unavailable,
        safety_stock,
    })
}

/// Lines as the ledger keeps them: numbers of cells, and quantities.
pub(crate) type Numbered = SmallVec<[(u32, i64); 8]>;

/// The end of a chain of lines.
pub(crate) const NO_LINE: u32 = u32::MAX;

/// One cell, in one line of the cache.
#[derive(Debug)]
#[repr(align(64))]
struct Cell {
    key: CellKey,
    view: CellView,
    /// The first of the lines that are promised of it; see `reservations::lines`.
    first_line: u32,
    /// The low half of the number of its last change; see `drift`.
    last_change: u32,
    is_changed: bool,
}

/// All cells, each with a number of its own: in the order in which they were first touched.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    cells: Chunked<Cell>,
    numbers: Index,
    hasher: KeyHasher,
    changed: Vec<u32>,
}

impl Cells {
    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }

    fn at(&self, number: u32) -> Option<&Cell> {
        self.cells.get(number as usize)
    }

    /// What the index knows a cell by.
    pub(crate) fn hash(&self, key: CellKey) -> u32 {
        self.hasher.hash(&key)
    }

    /// Brings the slot of the index close that a cell of this hash has.
    pub(crate) fn prefetch_slot(&self, hash: u32) {
        self.numbers.prefetch(hash);
    }

    /// Brings the cell with this hash close, once its slot is; probably its number.
    pub(crate) fn prefetch(&self, hash: u32) -> Option<u32> {
        let number = self.numbers.candidate(hash)?;
        self.prefetch_at(number);
        Some(number)
    }

    /// Brings the cell with this number close.
    pub(crate) fn prefetch_at(&self, number: u32) {
        self.cells.prefetch(number as usize);
    }

    /// The number of a cell; none if nothing ever touched it.
    pub(crate) fn number(&self, key: CellKey) -> Option<u32> {
        self.number_with(self.hash(key), key)
    }

    /// The same, of a cell whose hash is known.
    pub(crate) fn number_with(&self, hash: u32, key: CellKey) -> Option<u32> {
        let is = |number| self.at(number).is_some_and(|cell| cell.key == key);
        self.numbers.get(hash, is)
    }

    /// Lines by the numbers of their cells. None: a cell was never touched.
    pub(crate) fn numbered(&self, lines: &[Line]) -> Option<Numbered> {
        let number = |line: &Line| Some((self.number(line.cell)?, line.quantity));
        lines.iter().map(number).collect()
    }

    /// The counters of the cell with this number.
    pub(crate) fn view_at(&self, number: u32) -> Option<CellView> {
        self.at(number).map(|cell| cell.view)
    }

    /// Available to promise of the cell with this number. None: that is another cell's.
    pub(crate) fn atp_of(&self, number: u32, key: CellKey) -> Option<i64> {
        let cell = self.at(number).filter(|cell| cell.key == key)?;
        Some(cell.view.atp())
    }

    /// The key of a cell that has a number.
    pub(crate) fn key(&self, number: u32) -> Option<CellKey> {
        self.at(number).map(|cell| cell.key)
    }

    pub(crate) fn get(&self, key: CellKey) -> Option<CellView> {
        let cell = self.at(self.number(key)?)?;
        Some(cell.view)
    }

    /// The counters; zeros for a cell never touched.
    pub(crate) fn view(&self, key: CellKey) -> CellView {
        self.get(key).unwrap_or_default()
    }

    /// Adds `delta`. None, and nothing changed: it does not fit.
    pub(crate) fn change(&mut self, key: CellKey, delta: Delta) -> Option<CellView> {
        let Some(number) = self.number(key) else {
            let view = changed_by(CellView::default(), delta)?;
            self.add(key, view)?;
            return Some(view);
        };
        self.change_at(number, delta)
    }

    /// Adds `delta` to the cell with this number. None, and nothing changed: it does not fit.
    pub(crate) fn change_at(&mut self, number: u32, delta: Delta) -> Option<CellView> {
        let cell = self.cells.get_mut(number as usize)?;
        let view = changed_by(cell.view, delta)?;
        cell.view = view;
        if !cell.is_changed {
            cell.is_changed = true;
            self.changed.push(number);
        }
        Some(view)
    }

    /// Adds `delta` to the cell with this number, which is known to have room for it.
    pub(crate) fn promise_at(&mut self, number: u32, delta: Promised) {
        let Some(cell) = self.cells.get_mut(number as usize) else {
            return;
        };
        cell.view.on_hand += delta.on_hand;
        cell.view.held += delta.held;
        cell.view.committed += delta.committed;
        debug_assert!(cell.view.held >= 0 && cell.view.committed >= 0);
        if !cell.is_changed {
            cell.is_changed = true;
            self.changed.push(number);
        }
    }

    fn add(&mut self, key: CellKey, view: CellView) -> Option<()> {
        let number = u32::try_from(self.cells.len()).ok()?;
        if number == NO_LINE {
            return None;
        }
        self.cells.push(Cell {
            key,
            view,
            first_line: NO_LINE,
            last_change: 0,
            is_changed: true,
        });
        self.numbers.insert(self.hasher.hash(&key), number);
        self.changed.push(number);
        Some(())
    }

    /// Takes over a cell with the next number. None: it is there already, or its counters are out of
    /// range.
    pub(crate) fn restore(&mut self, key: CellKey, counters: Delta) -> Option<()> {
        if self.number(key).is_some() {
            return None;
        }
        self.add(key, changed_by(CellView::default(), counters)?)
    }

    pub(crate) fn first_line(&self, number: u32) -> u32 {
        self.at(number).map_or(NO_LINE, |cell| cell.first_line)
    }

    pub(crate) fn set_first_line(&mut self, number: u32, line: u32) {
        if let Some(cell) = self.cells.get_mut(number as usize) {
            cell.first_line = line;
        }
    }

    /// Puts a line before a cell's first one, which is returned.
    pub(crate) fn put_first_line(&mut self, number: u32, line: u32) -> u32 {
        let cell = self.cells.get_mut(number as usize);
        cell.map_or(NO_LINE, |cell| {
            std::mem::replace(&mut cell.first_line, line)
        })
    }

    pub(crate) fn last_change(&self, number: u32) -> u32 {
        self.at(number).map_or(0, |cell| cell.last_change)
    }

    pub(crate) fn set_last_change(&mut self, number: u32, low_half: u32) {
        if let Some(cell) = self.cells.get_mut(number as usize) {
            cell.last_change = low_half;
        }
    }

    pub(crate) fn iter_last_changes(&self) -> impl Iterator<Item = (CellKey, u32)> + '_ {
        self.cells.iter().map(|cell| (cell.key, cell.last_change))
    }

    pub(crate) fn take_changed(&mut self, out: &mut Vec<ChangedCell>) {
        out.reserve(self.changed.len());
        for number in self.changed.drain(..) {
            if let Some(cell) = self.cells.get_mut(number as usize) {
                cell.is_changed = false;
                out.push(ChangedCell {
                    number,
                    cell: cell.key,
                    view: cell.view,
                });
            }
        }
    }

    /// In the order of their numbers: that of the first touch, which snapshots and readers keep, and
    /// which the state does not depend on.
    pub(crate) fn iter_in_order(&self) -> impl Iterator<Item = (CellKey, CellView)> + '_ {
        self.cells.iter().map(|cell| (cell.key, cell.view))
    }
}

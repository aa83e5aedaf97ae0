//! The counters.
//!
//! | | |
//! | --- | --- |
//! | a cell never touched | reads as zeros, is not stored |
//! | a change past `QUANTITY_MAX`, or below 0 in any counter but on hand | does not fit; refused |
//! | a changed cell | named once by the next `take_changed` |

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::ids::CellKey;
use crate::limits::QUANTITY_MAX;
use crate::outcome::CellView;

/// What is added to the counters of one cell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Delta {
    pub(crate) on_hand: i64,
    pub(crate) held: i64,
    pub(crate) committed: i64,
    pub(crate) unavailable: i64,
    pub(crate) safety_stock: i64,
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

#[derive(Debug, Default)]
struct Cell {
    view: CellView,
    is_changed: bool,
}

/// All cells. Keys are integers that the ledger gave out, so a fast unkeyed hash is safe.
#[derive(Debug, Default)]
pub(crate) struct Cells {
    by_key: HashMap<CellKey, Cell, FxBuildHasher>,
    changed: Vec<CellKey>,
}

impl Cells {
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    pub(crate) fn get(&self, key: CellKey) -> Option<CellView> {
        self.by_key.get(&key).map(|cell| cell.view)
    }

    /// The counters; zeros for a cell never touched.
    pub(crate) fn view(&self, key: CellKey) -> CellView {
        self.get(key).unwrap_or_default()
    }

    /// Adds `delta`. None, and nothing changed: it does not fit.
    pub(crate) fn change(&mut self, key: CellKey, delta: Delta) -> Option<CellView> {
        let view = changed_by(self.view(key), delta)?;
        let cell = self.by_key.entry(key).or_default();
        cell.view = view;
        if !cell.is_changed {
            cell.is_changed = true;
            self.changed.push(key);
        }
        Some(view)
    }

    pub(crate) fn take_changed(&mut self, out: &mut Vec<(CellKey, CellView)>) {
        for key in self.changed.drain(..) {
            if let Some(cell) = self.by_key.get_mut(&key) {
                cell.is_changed = false;
                out.push((key, cell.view));
            }
        }
    }

    /// In no particular order: sort before anything can see it.
    pub(crate) fn iter_unordered(&self) -> impl Iterator<Item = (CellKey, CellView)> + '_ {
        self.by_key.iter().map(|(key, cell)| (*key, cell.view))
    }
}

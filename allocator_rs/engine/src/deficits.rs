//! Which deficits a turn changed, and whom they concern.
//!
//! | a cell changed | looked up | named |
//! | --- | --- | --- |
//! | no deficit, and no cell has one | nothing | no |
//! | its deficit is as it was | its last deficit | no |
//! | its deficit is another one | the reservations of the cell | once, with the change |

use std::collections::HashMap;
use std::sync::Arc;

use bopis_ledger::{CellKey, ChangedCell, Ledger, ReservationId};

/// Most reservations that one change of a deficit names.
pub const CONCERNED_MAX: usize = 1_000;

/// A cell whose deficit changed, and the reservations that it concerns.
pub(crate) struct Concerned {
    pub(crate) cell: CellKey,
    pub(crate) before: i64,
    pub(crate) ids: Arc<[ReservationId]>,
}

/// The deficits as last published. Few cells have one.
#[derive(Default)]
pub(crate) struct Deficits {
    known: HashMap<CellKey, i64>,
    /// Those that the last turn changed, in the order of the changed cells.
    pub(crate) changed: Vec<Concerned>,
}

impl Deficits {
    /// Of the recovered cells.
    pub(crate) fn of(cells: &[ChangedCell]) -> Self {
        let deficits = cells.iter().map(|one| (one.cell, one.view.deficit()));
        Self {
            known: deficits.filter(|(_, deficit)| *deficit > 0).collect(),
            changed: Vec::new(),
        }
    }

    /// Compares the cells that changed with what was known of them.
    pub(crate) fn look_at(&mut self, cells: &[ChangedCell], ledger: &Ledger) {
        self.changed.clear();
        for ChangedCell { cell, view, .. } in cells {
            let deficit = view.deficit();
            if deficit == 0 && self.known.is_empty() {
                continue;
            }
            let before = if deficit > 0 {
                self.known.insert(*cell, deficit)
            } else {
                self.known.remove(cell)
            };
            let before = before.unwrap_or(0);
            if before != deficit {
                let mut concerned = Vec::new();
                if deficit > 0 {
                    concerned = ledger.promised_of(*cell);
                    concerned.truncate(CONCERNED_MAX);
                }
                self.changed.push(Concerned {
                    cell: *cell,
                    before,
                    ids: concerned.into(),
                });
            }
        }
    }
}

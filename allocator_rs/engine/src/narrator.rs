//! Replays records and tells what each of them changed.
//!
//! | records | told |
//! | --- | --- |
//! | before `from` | nothing |
//! | from there on | reservations, cells and deficits, each record by itself |

use bopis_ledger::{ActOutcome, ChangedCell, Ledger, Record, ReplayError};

use crate::deficits::Deficits;
use crate::feed::{Event, Ring, Told};
use crate::witness::{expiry, Witness};

/// Fills a ring.
pub(crate) struct Narrator {
    from: u64,
    reservations: bool,
    ring: Ring,
    /// Cells as they were taken from the ledger.
    cells: Vec<ChangedCell>,
    /// None: no record was told of yet.
    deficits: Option<Deficits>,
    witness: Witness,
    events: Vec<Told>,
}

/// What it came to.
pub(crate) struct Narrated {
    pub(crate) ring: Ring,
    pub(crate) deficits: Deficits,
}

impl Narrator {
    /// `reservations`: tells of every change of a reservation, not only of expiries.
    pub(crate) fn new(from: u64, reservations: bool, ring: Ring) -> Self {
        Self {
            from,
            reservations,
            ring,
            cells: Vec::new(),
            deficits: None,
            witness: Witness::default(),
            events: Vec::new(),
        }
    }

    /// Replays a record and tells what it changed.
    pub(crate) fn replay(
        &mut self,
        sequence: u64,
        record: &Record,
        ledger: &mut Ledger,
    ) -> Result<(), ReplayError> {
        if sequence < self.from || !self.ring.keeps_any() {
            return ledger.replay(record);
        }
        if self.deficits.is_none() {
            ledger.take_changed_cells(&mut self.cells);
            self.deficits = Some(Deficits::of(&self.cells));
            self.ring.forget(sequence.saturating_sub(1));
        }
        ledger.replay(record)?;
        self.tell(sequence, record, ledger);
        Ok(())
    }

    fn tell(&mut self, sequence: u64, record: &Record, ledger: &mut Ledger) {
        self.cells.clear();
        ledger.take_changed_cells(&mut self.cells);
        let fresh = self.cells.as_slice();
        let deficits = self.deficits.get_or_insert_default();
        deficits.look_at(fresh, ledger);
        let stamp = match record {
            Record::Act {
                stamp,
                act,
                outcome,
            } => {
                if let (true, ActOutcome::Done(outcomes)) = (self.reservations, outcome) {
                    let at = (sequence, *stamp);
                    self.witness.act(at, act, outcomes, &mut self.events);
                }
                stamp
            }
            Record::Expire { stamp, reservation } => {
                self.events.push(expiry(sequence, *stamp, *reservation));
                stamp
            }
        };
        let at = (sequence, stamp.wall_ms);
        self.ring
            .add(&mut self.events, fresh, &mut deficits.changed, at);
    }

    /// The events up to now, and none of them a second time.
    pub(crate) fn take_events(&mut self) -> Vec<Event> {
        self.ring.take()
    }

    /// Ends at the last record.
    pub(crate) fn finish(mut self, ledger: &mut Ledger, sequence: u64) -> Narrated {
        self.cells.clear();
        ledger.take_changed_cells(&mut self.cells);
        let deficits = self.deficits.take();
        if deficits.is_none() {
            self.ring.forget(sequence);
        }
        Narrated {
            deficits: deficits.unwrap_or_else(|| Deficits::of(&self.cells)),
            ring: self.ring,
        }
    }
}

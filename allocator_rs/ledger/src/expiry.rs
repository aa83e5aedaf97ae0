//! Holds whose deadline passed, when nothing waits for their units.
//!
//! | the hold | ends |
//! | --- | --- |
//! | takes from the shelf, as nearly all | where it is: nothing is looked up by its id |
//! | while some cell plans days | as one that an act needs expired: see `settle` |

use crate::cells::{Delta, Numbered};
use crate::command::Stamp;
use crate::ledger::Ledger;
use crate::outcome::ReservationState;
use crate::sink::{RecordView, Sink};

impl Ledger {
    /// Expires up to `limit` due holds: the earliest deadline first, among equal ones that which
    /// was given first. True: more are due.
    pub fn expire_due(&mut self, stamp: Stamp, limit: usize, sink: &mut impl Sink) -> bool {
        let stamp = self.not_before_last(stamp);
        for _ in 0..limit {
            let Some(slot) = self.reservations.next_due_slot(stamp.now_ms) else {
                return false;
            };
            self.advance(stamp);
            self.expire_at(slot, stamp, sink);
        }
        self.reservations.next_due_slot(stamp.now_ms).is_some()
    }

    fn expire_at(&mut self, slot: u32, stamp: Stamp, sink: &mut impl Sink) {
        let Some(reservation) = self.reservations.at(slot).map(|found| found.id) else {
            return;
        };
        if !self.dated.is_empty() {
            self.expire(reservation, stamp, sink);
            return;
        }
        let numbered: Numbered = self.reservations.numbered(slot).collect();
        for (number, quantity) in numbered {
            let freed = Delta::promised(ReservationState::Held, -quantity);
            let changed = self.cells.change_at(number, freed);
            assert!(changed.is_some(), "what is held can be given back");
        }
        let end = ReservationState::Expired;
        self.reservations
            .end_at(slot, end, stamp.now_ms, &mut self.cells);
        sink.record(RecordView::Expire { stamp, reservation });
    }
}

//! Searches for reservations, which only the ledger can do.

use bopis_ledger::{ReservationView, Stamp};

use super::room::Undurable;
use super::Writer;
use crate::error::Unanswered;
use crate::job::{Answer, Found, Position, Search, FOUND_MAX};

impl Writer {
    /// Answers the reads of reservations of the turn, which is durable.
    pub(super) fn answer_reservations(&mut self, stamp: Stamp, position: Position) {
        for (id, answer) in self.reads.drain(..) {
            answer.give((self.ledger.reservation(id, stamp), position));
        }
        for (search, answer) in std::mem::take(&mut self.searches) {
            answer.give(self.search(search, stamp, position));
        }
    }

    fn search(&self, search: Search, stamp: Stamp, position: Position) -> Found {
        let (mut reservations, count): (Vec<ReservationView>, usize) = match search {
            Search::OfOrder(order) => {
                let views = self.ledger.reservations_of(order, stamp);
                let count = views.len();
                (views, count)
            }
            Search::OfCell(cell) => {
                let ids = self.ledger.promised_of(cell);
                let some = ids.iter().take(FOUND_MAX);
                let views = some.filter_map(|id| self.ledger.reservation(*id, stamp));
                (views.collect(), ids.len())
            }
        };
        reservations.truncate(FOUND_MAX);
        Found {
            reservations,
            count,
            position,
        }
    }

    /// What is decided and not durable may have changed what would be found.
    pub(super) fn search_durable(
        &mut self,
        search: Search,
        answer: Answer<Found>,
        undurable: Undurable,
    ) {
        if undurable == Undurable::Records {
            return answer.refuse(Unanswered::DiskFull);
        }
        let stamp = self.now();
        answer.give(self.search(search, stamp, self.durable_position()));
    }
}

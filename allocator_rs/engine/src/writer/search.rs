//! Searches for reservations, which only the ledger can do.

use bopis_ledger::{ReservationId, Stamp};

use super::room::Undurable;
use super::Writer;
use crate::error::Unanswered;
use crate::job::{Answer, Found, Page, Position, Search, Searched, FOUND_MAX};

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

    fn search(&self, (search, page): Searched, stamp: Stamp, position: Position) -> Found {
        let limit = page.limit.min(FOUND_MAX);
        let (mut ids, count) = self.candidates(search, page, stamp);
        let is_more = ids.len() > limit;
        ids.truncate(limit);
        let views = ids
            .iter()
            .filter_map(|id| self.ledger.reservation(*id, stamp));
        let reservations: Vec<_> = views.collect();
        let days = reservations.iter().map(|view| self.ledger.day_of(view.id));
        Found {
            days: days.collect(),
            count: count.unwrap_or(reservations.len()),
            reservations,
            is_more,
            position,
        }
    }

    /// What the page begins with, in order and at least one more than it takes, if there is one;
    /// and how many there are on all pages, if that is known.
    fn candidates(
        &self,
        search: Search,
        page: Page,
        stamp: Stamp,
    ) -> (Vec<ReservationId>, Option<usize>) {
        let ids = match search {
            Search::Expiring { within_ms } => {
                let until_ms = stamp.now_ms.saturating_add(within_ms);
                let more_than = page.limit.min(FOUND_MAX).saturating_add(1);
                let next = self.ledger.next_to_expire(page.after, until_ms, more_than);
                return (next, None);
            }
            Search::Named(mut ids) => {
                ids.sort_unstable();
                ids.dedup();
                return (ids, None);
            }
            Search::OfOrder(order) => {
                let views = self.ledger.reservations_of(order, stamp);
                views.iter().map(|view| view.id).collect()
            }
            Search::OfCell(cell) => self.ledger.promised_of(cell),
        };
        let count = ids.len();
        let behind = |id: &ReservationId| page.after.is_none_or(|(_, after)| *id > after);
        (ids.into_iter().filter(behind).collect(), Some(count))
    }

    /// What is decided and not durable may have changed what would be found.
    pub(super) fn search_durable(
        &mut self,
        search: Searched,
        answer: Answer<Found>,
        undurable: Undurable,
    ) {
        let is_as_durable = match &search.0 {
            Search::Named(ids) => !ids.iter().any(|id| self.may_have_changed(*id)),
            _ => false,
        };
        if undurable == Undurable::Records && !is_as_durable {
            return answer.refuse(Unanswered::DiskFull);
        }
        let stamp = self.now();
        answer.give(self.search(search, stamp, self.durable_position()));
    }
}

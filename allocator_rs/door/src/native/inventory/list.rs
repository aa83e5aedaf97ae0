//! Reservations that are looked for, page by page.
//!
//! | looked for | in order of | none, and no error |
//! | --- | --- | --- |
//! | an order's | id | nothing was ever reserved for it |
//! | a cell's | id | a pool that nothing was staged in, a window that nobody asked for |
//! | those that expire | deadline, id | |
//!
//! A page token names the last reservation of its page and a digest of the filter, so it goes on only
//! with what it began with. A page ends early where its lines would make too large a message.

use bopis_engine::{order_reference, Page, Search};
use bopis_ledger::{OrderRef, ReservationId, ReservationView};
use tonic::Status;

use super::Inventory;
use crate::errors::Refusal;
use crate::native::convert::{duration_ms, reservation, uuid_text};
use crate::native::desk::body_digest;
use crate::native::errors::{check, unexpected};
use crate::native::unknown::Unknown;
use crate::rules::parse_uuid;
use crate::v1::list_reservations_request::{cell, Cell, Filter};
use crate::v1::{
    reservation_line, ErrorReason, ListReservationsRequest, ListReservationsResponse,
    ReservationLine,
};

const PAGE_DEFAULT: usize = 100;
/// Lines of one page at most, of several reservations: with the longest ids less than 4 MB.
const PAGE_LINES_MAX: usize = 20_000;

impl Inventory {
    pub(super) async fn list(
        &self,
        mut request: ListReservationsRequest,
    ) -> Result<ListReservationsResponse, Status> {
        check(&request)?;
        let limit = match usize::try_from(request.page_size) {
            Ok(0) | Err(_) => PAGE_DEFAULT,
            Ok(size) => size,
        };
        request.page_size = 0;
        let token = std::mem::take(&mut request.page_token);
        let filter_digest = body_digest(&request);
        let after = read_token(&token, filter_digest)?;
        let Some(search) = self.wanted(request.filter)? else {
            return Ok(ListReservationsResponse {
                position: Some(self.desk.position(self.desk.engine.position())),
                ..ListReservationsResponse::default()
            });
        };
        let (found, position) = self.desk.search(search, Page { after, limit }).await?;
        let taken = that_fit(&found.reservations);
        let views = found.reservations.iter().zip(&found.days).take(taken);
        let last = match found.is_more || taken < found.reservations.len() {
            true => views.clone().next_back(),
            false => None,
        };
        let next = last.map(|(view, _)| write_token(view, filter_digest));
        let one = |(view, day): (&ReservationView, &Option<i32>)| {
            reservation(&self.desk.engine, view, day.unwrap_or(0))
        };
        Ok(ListReservationsResponse {
            reservations: views.map(one).collect(),
            next_page_token: next.unwrap_or_default(),
            position: Some(position),
        })
    }

    /// None: there can be no such reservation.
    fn wanted(&self, filter: Option<Filter>) -> Result<Option<Search>, Status> {
        Ok(match filter {
            Some(Filter::OrderId(order_id)) => {
                Some(Search::OfOrder(OrderRef(order_reference(&order_id))))
            }
            Some(Filter::Cell(cell)) => self.of_cell(cell)?,
            Some(Filter::ExpireWithin(within)) => Some(Search::Expiring {
                within_ms: duration_ms(&within),
            }),
            None => return Err(unexpected()),
        })
    }

    fn of_cell(&self, cell: Cell) -> Result<Option<Search>, Status> {
        let item = cell.item.map(|item| match item {
            cell::Item::Sku(sku) => reservation_line::Item::Sku(sku),
            cell::Item::LaborWindowStartTime(start) => {
                reservation_line::Item::LaborWindowStartTime(start)
            }
        });
        let mut line = ReservationLine {
            node_id: cell.node_id,
            item,
            ..ReservationLine::default()
        };
        let shelf = match self.desk.line_cell(&line) {
            Ok(shelf) => shelf,
            Err(Unknown::Window) => return Ok(None),
            Err(gap) => return Err(gap.of_line("cell", &line)),
        };
        line.staged = cell.staged;
        let found = match cell.staged {
            true => self.desk.line_cell(&line).ok(),
            false => Some(shelf),
        };
        Ok(found.map(Search::OfCell))
    }
}

/// How many of them, one at least, make a message.
fn that_fit(views: &[ReservationView]) -> usize {
    let mut lines = 0;
    let fits = |view: &&ReservationView| {
        let is_first = lines == 0;
        lines += view.lines.len().max(1);
        is_first || lines <= PAGE_LINES_MAX
    };
    views.iter().take_while(fits).count()
}

fn write_token(last: &ReservationView, filter_digest: u64) -> String {
    let (deadline_ms, id) = (last.deadline_ms, uuid_text(last.id.0));
    format!("{filter_digest:016x}.{deadline_ms}.{id}")
}

/// The last reservation of the page before; none: this is the first.
fn read_token(token: &str, filter_digest: u64) -> Result<Option<(i64, ReservationId)>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let parts = || {
        let (digest, place) = token.split_once('.')?;
        let (deadline_ms, id) = place.split_once('.')?;
        let is_ours = digest == format!("{filter_digest:016x}");
        let place = (deadline_ms.parse().ok()?, ReservationId(parse_uuid(id)?));
        is_ours.then_some(place)
    };
    parts().map(Some).ok_or_else(|| {
        let message = "the page token is not one of ours, or of another filter";
        let refusal = Refusal::new(ErrorReason::TokenInvalid, message);
        refusal.field("page_token", message).status()
    })
}

#[cfg(test)]
mod tests {
    use bopis_ledger::{CellKey, ItemId, Line, LocationId, ReservationState};

    use super::*;

    fn with_lines(count: u32) -> ReservationView {
        let line = |item| Line {
            cell: CellKey {
                location: LocationId(0),
                item: ItemId(item),
            },
            quantity: 1,
        };
        ReservationView {
            id: ReservationId(7),
            state: ReservationState::Held,
            deadline_ms: -5,
            expire_wall_ms: 0,
            priority: 0,
            lines: (0..count).map(line).collect(),
        }
    }

    #[test]
    fn a_page_ends_before_its_lines_are_too_many_but_has_one_reservation() {
        let limit = u32::try_from(PAGE_LINES_MAX).unwrap_or(u32::MAX);
        let fit = |counts: &[u32]| {
            let views: Vec<_> = counts.iter().map(|count| with_lines(*count)).collect();
            that_fit(&views)
        };
        assert_eq!(fit(&[]), 0);
        assert_eq!(fit(&[limit + 1, 1]), 1);
        assert_eq!(fit(&[limit - 1, 1, 1]), 2);
        assert_eq!(fit(&[0, 0, 3]), 3);
    }

    #[test]
    fn a_token_is_read_as_it_was_written_and_only_for_its_filter() {
        let view = with_lines(1);
        let token = write_token(&view, 0xfeed);
        let read = |token: &str, digest| read_token(token, digest).map_err(|status| status.code());
        assert_eq!(read(&token, 0xfeed), Ok(Some((-5, view.id))));
        let wrong = Err(tonic::Code::InvalidArgument);
        assert_eq!(read(&token, 0xbeef), wrong);
        for nonsense in [
            "nonsense",
            ".",
            "feed.1",
            "feed.1.2",
            &token[1..],
            "+feed.-5.",
        ] {
            assert_eq!(read(nonsense, 0xfeed), wrong, "{nonsense}");
        }
        assert_eq!(read("", 0xfeed), Ok(None));
    }
}

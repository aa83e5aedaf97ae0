//! Between the ledger's types and the messages of the API.

use bopis_engine::{node_of, Engine};
use bopis_ledger::{
    CellKey, CellView, ItemName, ReservationState, ReservationView, Shortage as LedgerShortage,
};
use prost_types::{Duration, Timestamp};

use crate::v1::insufficient::{shortage, NextStep, Shortage};
use crate::v1::reservation::State;
use crate::v1::{reservation_line, Availability, Insufficient, Reservation, ReservationLine};

const MS_PER_SECOND: i64 = 1000;
const NANOS_PER_MS: i32 = 1_000_000;

/// A UUID in its canonical form.
pub(super) fn uuid_text(value: u128) -> String {
    let hex = format!("{value:032x}");
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
    [
        part(0..8),
        part(8..12),
        part(12..16),
        part(16..20),
        part(20..32),
    ]
    .join("-")
}

/// Unix ms as a timestamp.
pub(super) fn timestamp(unix_ms: i64) -> Timestamp {
    let nanos = i32::try_from(unix_ms.rem_euclid(MS_PER_SECOND)).unwrap_or(0) * NANOS_PER_MS;
    Timestamp {
        seconds: unix_ms.div_euclid(MS_PER_SECOND),
        nanos,
    }
}

/// A timestamp as Unix ms; what is finer is cut. Its rules were checked.
pub(super) fn unix_ms(time: &Timestamp) -> i64 {
    time.seconds
        .saturating_mul(MS_PER_SECOND)
        .saturating_add(i64::from(time.nanos / NANOS_PER_MS))
}

/// A day of a request; 0 names none.
pub(super) fn named_day(day: i32) -> Option<i32> {
    (day != 0).then_some(day)
}

/// A positive duration in whole ms; what is finer is cut.
pub(super) fn duration_ms(duration: &Duration) -> i64 {
    duration
        .seconds
        .saturating_mul(MS_PER_SECOND)
        .saturating_add(i64::from(duration.nanos / NANOS_PER_MS))
}

/// The counters of one cell.
pub(super) fn availability(node_id: String, sku: String, view: &CellView) -> Availability {
    Availability {
        node_id,
        sku,
        atp: view.atp(),
        on_hand: view.on_hand,
        held: view.held,
        committed: view.committed,
        unavailable: view.unavailable,
        safety_stock: view.safety_stock,
        deficit_quantity: view.deficit(),
    }
}

/// A reservation as it stood. Its day is told only as long as it is live.
pub(super) fn reservation(engine: &Engine, view: &ReservationView, day: i32) -> Reservation {
    let held = view.state == ReservationState::Held;
    let is_live = held || view.state == ReservationState::Committed;
    let line = |line: &bopis_ledger::Line| {
        let item = match item_name(engine, line.cell) {
            ItemOf::Sku(sku) => reservation_line::Item::Sku(sku),
            ItemOf::Window(start) => reservation_line::Item::LaborWindowStartTime(start),
        };
        let (node_id, staged) = node_name(engine, line.cell);
        ReservationLine {
            node_id,
            quantity: line.quantity,
            item: Some(item),
            staged,
        }
    };
    Reservation {
        reservation_id: uuid_text(view.id.0),
        state: state(view.state).into(),
        lines: view.lines.iter().map(line).collect(),
        expire_time: held.then(|| timestamp(view.expire_wall_ms)),
        priority: i32::from(view.priority),
        day: if is_live { day } else { 0 },
    }
}

/// What lacked, and what to do next.
pub(super) fn insufficient(engine: &Engine, shortages: &[LedgerShortage]) -> Insufficient {
    let some_everywhere = shortages.iter().all(|shortage| shortage.available > 0);
    let next_step = if some_everywhere {
        NextStep::LowerQuantity
    } else {
        NextStep::ChooseAnother
    };
    let shortage = |lack: &LedgerShortage| {
        let (node_id, staged) = node_name(engine, lack.cell);
        Shortage {
            line_index: i32::try_from(lack.line_index).unwrap_or(i32::MAX),
            node_id,
            requested_quantity: lack.requested,
            available_quantity: lack.available,
            item: Some(match item_name(engine, lack.cell) {
                ItemOf::Sku(sku) => shortage::Item::Sku(sku),
                ItemOf::Window(start) => shortage::Item::LaborWindowStartTime(start),
            }),
            staged,
        }
    };
    Insufficient {
        shortages: shortages.iter().map(shortage).collect(),
        next_step: next_step.into(),
    }
}

const fn state(state: ReservationState) -> State {
    match state {
        ReservationState::Held => State::Held,
        ReservationState::Committed => State::Committed,
        ReservationState::Consumed => State::Consumed,
        ReservationState::Released => State::Released,
        ReservationState::Expired => State::Expired,
    }
}

enum ItemOf {
    Sku(String),
    Window(Timestamp),
}

// Names are published before any outcome that speaks of them, so the defaults are never seen.
fn item_name(engine: &Engine, cell: CellKey) -> ItemOf {
    match engine.item_name(cell.item).as_deref() {
        Some(ItemName::Sku(sku)) => ItemOf::Sku(sku.to_string()),
        Some(ItemName::Labor { window_start_s }) => ItemOf::Window(Timestamp {
            seconds: *window_start_s,
            nanos: 0,
        }),
        None => ItemOf::Sku(String::new()),
    }
}

/// The node of a cell, and whether it is in the staging pool there.
fn node_name(engine: &Engine, cell: CellKey) -> (String, bool) {
    let name = engine.location_name(cell.location);
    let (node_id, staged) = node_of(name.as_deref().unwrap_or_default());
    (node_id.to_owned(), staged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_written_as_they_are_read() {
        let text = "01234567-89ab-cdef-0123-456789abcdef";
        assert_eq!(
            crate::rules::parse_uuid(text).map(uuid_text).as_deref(),
            Some(text)
        );
    }

    #[test]
    fn times_before_the_epoch_keep_their_nanos_positive() {
        assert_eq!(
            timestamp(-1),
            Timestamp {
                seconds: -1,
                nanos: 999_000_000
            }
        );
        assert_eq!(
            timestamp(1_500),
            Timestamp {
                seconds: 1,
                nanos: 500_000_000
            }
        );
    }
}

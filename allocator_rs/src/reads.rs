//! Searches, the copy of all ATP and the feed, for Python.

use std::path::Path;

use bopis_engine::{
    AtpCopy, Change, Engine, Event, EventKind, Events, OldEvents, ReservationChange, Search,
};
use bopis_ledger::OrderRef;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::{Deserialize, Serialize};

use crate::answers::{CellDto, ResultDto};
use crate::dto::{format_uuid, CellAsk};
use crate::errors::BindingError;
use crate::names::{FreshNames, Names};
use crate::station::Station;

/// Asks for the reservations of an order, or else of a cell.
#[derive(Debug, Deserialize)]
pub struct SearchAsk {
    /// Comes back with the completion.
    pub ticket: u64,
    #[serde(default)]
    order_id: Option<String>,
    #[serde(default)]
    cell: Option<CellAsk>,
}

impl SearchAsk {
    /// What the engine looks for.
    pub fn search(&self, engine: &Engine) -> Result<Search, ResultDto> {
        let fresh = FreshNames::default();
        let names = Names::new(engine, &fresh);
        match (&self.order_id, &self.cell) {
            (Some(order_id), None) => {
                let order = OrderRef(bopis_engine::order_reference(order_id));
                Ok(Search::OfOrder(order))
            }
            (None, Some(cell)) => names
                .cell(&cell.node_id, cell.sku.as_deref(), cell.window_start_s)
                .map(Search::OfCell),
            _ => Err(ResultDto::Malformed {
                why: "a search is either for an order or for a cell".to_owned(),
            }),
        }
    }
}

/// Location ids and item ids (u32) from the known cells on, ATP (i64) of all: native byte order.
pub type AtpColumns<'py> = (
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
    Bound<'py, PyBytes>,
    u64,
);

/// Copies all ATP; the interpreter's lock is held only to take the finished columns over.
pub fn copy_atp<'py>(
    py: Python<'py>,
    engine: &Engine,
    known: usize,
) -> Result<AtpColumns<'py>, BindingError> {
    let copied = py.detach(|| engine.copy_atp(known));
    let AtpCopy {
        location_ids,
        item_ids,
        atp,
        sequence,
    } = copied.map_err(BindingError::from)?;
    Ok((
        column(py, &location_ids, u32::to_ne_bytes)?,
        column(py, &item_ids, u32::to_ne_bytes)?,
        column(py, &atp, i64::to_ne_bytes)?,
        sequence,
    ))
}

fn column<'py, T: Copy, const N: usize>(
    py: Python<'py>,
    values: &[T],
    bytes: impl Fn(T) -> [u8; N],
) -> Result<Bound<'py, PyBytes>, BindingError> {
    let fill = |out: &mut [u8]| {
        for (place, value) in out.chunks_exact_mut(N).zip(values) {
            place.copy_from_slice(&bytes(*value));
        }
        Ok(())
    };
    let made = PyBytes::new_with(py, values.len() * N, fill);
    made.map_err(|error| BindingError::Payload(error.to_string()))
}

/// One event.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum EventDto {
    Cell {
        sequence: u64,
        wall_ms: i64,
        node_id: String,
        sku: Option<String>,
        window_start_s: Option<i64>,
        cell: CellDto,
    },
    Deficit {
        sequence: u64,
        wall_ms: i64,
        node_id: String,
        sku: Option<String>,
        window_start_s: Option<i64>,
        quantity: i64,
        quantity_before: i64,
        reservation_ids: Vec<String>,
    },
    Reservation {
        sequence: u64,
        wall_ms: i64,
        reservation_id: String,
        change: &'static str,
    },
}

/// Events, and where to go on from.
#[derive(Debug, Serialize)]
pub struct EventsDto {
    through: u64,
    events: Vec<EventDto>,
}

impl EventsDto {
    /// With names for ids. `notable`: deficits and expiries only.
    pub fn new(events: &Events, notable: bool, engine: &Engine) -> Self {
        let fresh = FreshNames::default();
        let names = Names::new(engine, &fresh);
        let mut told = Vec::new();
        for event in &events.events {
            match &event.kind {
                EventKind::Cell(change) => cell_events(event, change, notable, &names, &mut told),
                EventKind::Reservation(id, change) => {
                    if !notable || *change == ReservationChange::Expired {
                        told.push(EventDto::Reservation {
                            sequence: event.sequence,
                            wall_ms: event.wall_ms,
                            reservation_id: format_uuid(id.0),
                            change: change_name(*change),
                        });
                    }
                }
            }
        }
        Self {
            through: events.through,
            events: told,
        }
    }
}

fn cell_events(
    event: &Event,
    change: &Change,
    notable: bool,
    names: &Names<'_>,
    told: &mut Vec<EventDto>,
) {
    let (sequence, wall_ms) = (event.sequence, event.wall_ms);
    if !notable {
        let (sku, window_start_s) = names.item(change.cell.item);
        told.push(EventDto::Cell {
            sequence,
            wall_ms,
            node_id: names.node(change.cell.location),
            sku,
            window_start_s,
            cell: (&change.view).into(),
        });
    }
    if let Some(concerned) = &change.concerned {
        let (sku, window_start_s) = names.item(change.cell.item);
        told.push(EventDto::Deficit {
            sequence,
            wall_ms,
            node_id: names.node(change.cell.location),
            sku,
            window_start_s,
            quantity: change.deficit,
            quantity_before: change.deficit_before,
            reservation_ids: concerned.iter().map(|id| format_uuid(id.0)).collect(),
        });
    }
}

const fn change_name(change: ReservationChange) -> &'static str {
    match change {
        ReservationChange::Held => "HELD",
        ReservationChange::Extended => "EXTENDED",
        ReservationChange::Committed => "COMMITTED",
        ReservationChange::Released => "RELEASED",
        ReservationChange::Consumed => "CONSUMED",
        ReservationChange::Expired => "EXPIRED",
        ReservationChange::Moved => "MOVED",
        ReservationChange::Relocated => "RELOCATED",
    }
}

/// Events that are forgotten, from the journal of the engine's folder. Whoever asks for the next page
/// finds the reader where it stopped; it is dropped with the last page.
pub fn journal_events(
    station: &Station,
    directory: &Path,
    (after, wanted, notable): (u64, usize, bool),
) -> Result<Vec<u8>, BindingError> {
    let engine = &station.engine;
    let through = engine.position();
    let mut kept = station.old_events.lock();
    let reader = kept.take().filter(|reader| reader.position() == after);
    let mut reader = reader.unwrap_or_else(|| OldEvents::of(directory, after));
    let events = reader.read(through, wanted);
    let events = events.map_err(|error| BindingError::Open(error.to_string()))?;
    // Without progress a segment may have been retired: a new one finds out.
    if events.through > after && events.through < through {
        *kept = Some(reader);
    }
    drop(kept);
    let dto = EventsDto::new(&events, notable, engine);
    Ok(rmp_serde::to_vec_named(&dto)?)
}

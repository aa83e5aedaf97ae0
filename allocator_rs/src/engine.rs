//! The engine for Python: acts go in as batches of bytes, completions come out the same way.

use std::os::fd::RawFd;
use std::path::PathBuf;

use bopis_engine::{Engine, EngineOptions};
use bopis_ledger::CellKey;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::{Deserialize, Serialize};

use crate::answers::{CellDto, ReadDto, ResultDto};
use crate::clock::PyClock;
use crate::dto::{format_uuid, CellAsk, Submission};
use crate::errors::BindingError;
use crate::names::{FreshNames, Names};
use crate::reads::{self, EventsDto, SearchAsk};
use crate::station::{ReservationAsk, Station};

#[derive(Debug, Deserialize)]
struct ItemAsk {
    #[serde(default)]
    sku: Option<String>,
    #[serde(default)]
    window_start_s: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct AtpAsk {
    node_ids: Vec<String>,
    items: Vec<ItemAsk>,
}

#[derive(Debug, Serialize)]
struct DrainDto {
    journal_id: String,
    sequence: u64,
    state_hash: String,
}

/// The engine: one writer thread around ledger and journal.
#[pyclass(frozen, name = "Engine", module = "bopis._allocator_rs")]
pub struct PyEngine {
    station: Station,
}

impl PyEngine {
    /// For the promiser and the door.
    pub(crate) fn station(&self) -> &Station {
        &self.station
    }
}

#[pymethods]
impl PyEngine {
    /// Locks the folder, recovers, starts the writer. `directory` None: memory mode. Time stands
    /// (no hold expires) until `start_time`. `segment_bytes`: size of new segments of the journal.
    #[staticmethod]
    #[pyo3(signature = (directory, clock, request_window_max, segment_bytes=64 << 20))]
    fn open(
        py: Python<'_>,
        directory: Option<PathBuf>,
        clock: &PyClock,
        request_window_max: usize,
        segment_bytes: u64,
    ) -> Result<Self, BindingError> {
        let clock = clock.share();
        py.detach(|| {
            let options = match directory {
                Some(directory) => EngineOptions::durable(directory, clock),
                None => EngineOptions::memory(clock),
            };
            let options = EngineOptions {
                request_window_max,
                segment_bytes,
                time_stands: true,
                ..options
            };
            let engine =
                Engine::open(options).map_err(|error| BindingError::Open(error.to_string()))?;
            Ok(Self {
                station: Station::new(engine)?,
            })
        })
    }

    /// Lets ledger time run: holds whose deadline passed end from here on.
    fn start_time(&self, py: Python<'_>) {
        py.detach(|| self.station.engine.start_time());
    }

    /// Readable while completions wait. Closed with the engine.
    fn wake_fd(&self) -> RawFd {
        self.station.wake_fd()
    }

    /// Hands acts over: a list of submissions. Each ticket comes back once in `completions`.
    fn submit(&self, py: Python<'_>, payload: &[u8]) -> Result<(), BindingError> {
        py.detach(|| {
            let submissions: Vec<Submission> = rmp_serde::from_slice(payload)?;
            for submission in submissions {
                self.station.submit(submission);
            }
            Ok(())
        })
    }

    /// Asks for reservations as they stand after everything submitted before.
    fn read_reservations(&self, py: Python<'_>, payload: &[u8]) -> Result<(), BindingError> {
        py.detach(|| {
            let asks: Vec<ReservationAsk> = rmp_serde::from_slice(payload)?;
            for ask in &asks {
                self.station.read_reservation(ask);
            }
            Ok(())
        })
    }

    /// Looks for reservations of orders or cells, as they stand after everything submitted before.
    fn search_reservations(&self, py: Python<'_>, payload: &[u8]) -> Result<(), BindingError> {
        py.detach(|| {
            let asks: Vec<SearchAsk> = rmp_serde::from_slice(payload)?;
            for ask in &asks {
                self.station.search(ask);
            }
            Ok(())
        })
    }

    /// The ATP of all cells at one sequence, as columns of bytes; see `reads::AtpColumns`.
    fn copy_atp<'py>(
        &self,
        py: Python<'py>,
        known: usize,
    ) -> Result<reads::AtpColumns<'py>, BindingError> {
        reads::copy_atp(py, &self.station.engine, known)
    }

    /// What happened after a sequence; none: it is forgotten. `notable`: deficits and expiries.
    fn events<'py>(
        &self,
        py: Python<'py>,
        after: u64,
        wanted: usize,
        notable: bool,
    ) -> Result<Option<Bound<'py, PyBytes>>, BindingError> {
        let engine = &self.station.engine;
        let bytes = py.detach(|| match engine.events_since(after, wanted) {
            None => Ok::<_, BindingError>(None),
            Some(events) => {
                let mut reader = self.station.old_events.lock();
                // Whoever read the journal has caught up with what is in memory.
                drop(reader.take_if(|reader| reader.position() <= after));
                drop(reader);
                let dto = EventsDto::new(&events, notable, engine);
                Ok(Some(rmp_serde::to_vec_named(&dto)?))
            }
        })?;
        Ok(bytes.map(|bytes| PyBytes::new(py, &bytes)))
    }

    /// The same from the journal in the engine's folder: the first page takes as long as a start,
    /// those that follow it read on.
    fn events_of_journal<'py>(
        &self,
        py: Python<'py>,
        directory: PathBuf,
        after: u64,
        wanted: usize,
        notable: bool,
    ) -> Result<Bound<'py, PyBytes>, BindingError> {
        let ask = (after, wanted, notable);
        let bytes = py.detach(|| reads::journal_events(&self.station, &directory, ask))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Takes what is finished: a list of completions.
    fn completions<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>, BindingError> {
        let bytes = py.detach(|| rmp_serde::to_vec_named(&self.station.take()))?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Reads cells at one sequence (at most 4,096).
    fn read<'py>(
        &self,
        py: Python<'py>,
        payload: &[u8],
    ) -> Result<Bound<'py, PyBytes>, BindingError> {
        let bytes = py.detach(|| {
            let asks: Vec<CellAsk> = rmp_serde::from_slice(payload)?;
            rmp_serde::to_vec_named(&read_cells(&self.station.engine, &asks)?)
                .map_err(BindingError::from)
        })?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// The last published sequence.
    fn position(&self) -> u64 {
        self.station.engine.position()
    }

    /// UUID of the journal.
    fn journal_id(&self) -> String {
        format_uuid(self.station.engine.journal_id())
    }

    /// Now by the engine's clock, Unix ms.
    fn wall_ms(&self) -> i64 {
        self.station.engine.wall_ms()
    }

    /// ATP of every item at every node, node-major, each read at some moment of the call.
    fn read_atp<'py>(
        &self,
        py: Python<'py>,
        payload: &[u8],
    ) -> Result<Bound<'py, PyBytes>, BindingError> {
        let bytes = py.detach(|| {
            let ask: AtpAsk = rmp_serde::from_slice(payload)?;
            rmp_serde::to_vec_named(&read_atp(&self.station.engine, &ask)?)
                .map_err(BindingError::from)
        })?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Why the engine stopped, if it stopped by itself.
    fn failure(&self) -> Option<String> {
        self.station.engine.failure()
    }

    /// Stops accepting, finishes the queue, seals the journal, joins the writer.
    fn drain<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>, BindingError> {
        let bytes = py.detach(|| {
            let report = self.station.engine.drain()?;
            rmp_serde::to_vec_named(&DrainDto {
                journal_id: format_uuid(report.journal_id),
                sequence: report.sequence,
                state_hash: format!("{:032x}", report.state_hash),
            })
            .map_err(BindingError::from)
        })?;
        Ok(PyBytes::new(py, &bytes))
    }
}

fn read_atp(engine: &Engine, ask: &AtpAsk) -> Result<Vec<i64>, BindingError> {
    let fresh = FreshNames::default();
    let names = Names::new(engine, &fresh);
    let item = |item: &ItemAsk| match (item.sku.as_deref(), item.window_start_s) {
        (Some(sku), None) => Ok(engine.sku(sku)),
        (None, Some(start)) => Ok(engine.labor(start)),
        _ => Err(BindingError::Payload(
            "an item is a SKU or a labor window".to_owned(),
        )),
    };
    let items: Vec<_> = ask.items.iter().map(item).collect::<Result<_, _>>()?;
    let mut answer = Vec::with_capacity(ask.node_ids.len() * items.len());
    for node_id in &ask.node_ids {
        let location = names.location(node_id).ok();
        answer.extend(items.iter().map(|item| match (location, item) {
            (Some(location), Some(item)) => engine.atp(CellKey {
                location,
                item: *item,
            }),
            _ => 0,
        }));
    }
    Ok(answer)
}

fn read_cells(engine: &Engine, asks: &[CellAsk]) -> Result<ReadDto, BindingError> {
    let fresh = FreshNames::default();
    let names = Names::new(engine, &fresh);
    let keys: Vec<_> = asks
        .iter()
        .map(|ask| {
            let key = names.cell(&ask.node_id, ask.sku.as_deref(), ask.window_start_s);
            match key {
                Ok(key) => Ok(Some(key)),
                Err(ResultDto::Malformed { why }) => Err(BindingError::Payload(why)),
                Err(_) => Ok(None),
            }
        })
        .collect::<Result<_, _>>()?;
    let known: Vec<_> = keys.iter().flatten().copied().collect();
    let mut views = Vec::with_capacity(known.len());
    let stamp = engine.read(&known, &mut views);
    let mut rest = views.iter();
    let cells = keys
        .iter()
        .map(|key| match key {
            Some(_) => rest.next().map(CellDto::from).unwrap_or_default(),
            None => CellDto::default(),
        })
        .collect();
    Ok(ReadDto {
        sequence: stamp.sequence,
        wall_ms: stamp.wall_ms,
        cells,
    })
}

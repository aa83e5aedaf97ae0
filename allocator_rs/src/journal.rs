//! Journals for people: read beside their writer, decided again, counters made anew.

use std::path::PathBuf;
use std::sync::Arc;

use bopis_engine::{
    rebuild as engine_rebuild, verify_watched, JournalError, JournalReader, Progress, Until,
    VerifyError,
};
use bopis_ledger::ItemName;
use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::Serialize;

use crate::dto::format_uuid;
use crate::errors::BindingError;
use crate::words::record_words;

#[derive(Debug, Serialize)]
struct ReachedDto {
    journal_id: String,
    sequence: u64,
    segments: Vec<(String, u64)>,
}

#[derive(Debug, Serialize)]
struct VerifyDto {
    journal_id: String,
    from_sequence: u64,
    sequence: u64,
    records: u64,
    state_hash: String,
}

#[derive(Debug, Serialize)]
struct RebuiltCellDto {
    node_id: String,
    sku: Option<String>,
    window_start_s: Option<i64>,
    on_hand: i64,
    held: i64,
    committed: i64,
    unavailable: i64,
    safety_stock: i64,
}

#[derive(Debug, Serialize)]
struct RebuildDto {
    journal_id: String,
    sequence: u64,
    state_hash: String,
    as_drained: Option<bool>,
    cells: Vec<RebuiltCellDto>,
}

/// How far a long reading came; filled in from another thread.
#[pyclass(frozen, name = "Progress", module = "bopis._allocator_rs")]
#[derive(Default)]
pub struct PyProgress {
    inner: Arc<Progress>,
}

#[pymethods]
impl PyProgress {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// Records read, and about how many there are (0: not known).
    fn get(&self) -> (u64, u64) {
        self.inner.get()
    }
}

/// Reads a journal record by record, without a lock and without changing anything.
#[pyclass(frozen, name = "JournalReader", module = "bopis._allocator_rs")]
pub struct PyJournalReader {
    reader: Mutex<JournalReader>,
}

#[pymethods]
impl PyJournalReader {
    /// Before the first record of the journal of a ledger's folder.
    #[new]
    fn new(directory: PathBuf) -> Self {
        Self {
            reader: Mutex::new(JournalReader::new(&directory)),
        }
    }

    /// A list of records, whole frames until `records_max` is reached; empty: nothing more for
    /// now. `proven`: only what stays, whatever becomes of the writer.
    fn read<'py>(
        &self,
        py: Python<'py>,
        records_max: usize,
        proven: bool,
    ) -> Result<Bound<'py, PyBytes>, BindingError> {
        let bytes = py.detach(|| {
            let until = if proven {
                Until::Proven
            } else {
                Until::Complete
            };
            let mut reader = self.reader.lock();
            let records = reader.read(until, records_max).map_err(of_journal)?;
            let words: Vec<_> = records
                .iter()
                .map(|(sequence, record)| record_words(*sequence, record, &reader))
                .collect();
            rmp_serde::to_vec_named(&words).map_err(BindingError::from)
        })?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Goes on to the last whole frame; how far that is, or nil before the first segment.
    fn skip_to_end<'py>(&self, py: Python<'py>) -> Result<Bound<'py, PyBytes>, BindingError> {
        let bytes = py.detach(|| {
            let reached = self.reader.lock().skip_to_end().map_err(of_journal)?;
            let reached = reached.map(|reached| ReachedDto {
                journal_id: format_uuid(reached.journal_id),
                sequence: reached.sequence,
                segments: reached.segments,
            });
            rmp_serde::to_vec_named(&reached).map_err(BindingError::from)
        })?;
        Ok(PyBytes::new(py, &bytes))
    }

    /// Whether a service runs on the folder now.
    fn is_served(&self, py: Python<'_>) -> Result<bool, BindingError> {
        py.detach(|| self.reader.lock().is_served().map_err(of_folder))
    }

    /// For a journal that nobody writes: raises if what looked like its end is damage.
    fn check_end(&self, py: Python<'_>) -> Result<(), BindingError> {
        py.detach(|| self.reader.lock().check_end().map_err(of_folder))
    }
}

/// Decides the journal of a folder again and compares, with its snapshots too; never writes.
#[pyfunction]
#[pyo3(signature = (directory, progress=None))]
pub fn verify<'py>(
    py: Python<'py>,
    directory: PathBuf,
    progress: Option<&PyProgress>,
) -> Result<Bound<'py, PyBytes>, BindingError> {
    let progress = progress.map_or_else(Arc::default, |one| Arc::clone(&one.inner));
    let bytes = py.detach(|| {
        let report = verify_watched(&directory, &progress).map_err(of_folder)?;
        rmp_serde::to_vec_named(&VerifyDto {
            journal_id: format_uuid(report.journal_id),
            from_sequence: report.from_sequence,
            sequence: report.sequence,
            records: report.records,
            state_hash: format!("{:032x}", report.state_hash),
        })
        .map_err(BindingError::from)
    })?;
    Ok(PyBytes::new(py, &bytes))
}

/// Makes the counters of a folder's journal anew; never writes.
#[pyfunction]
#[pyo3(signature = (directory, progress=None))]
pub fn rebuild<'py>(
    py: Python<'py>,
    directory: PathBuf,
    progress: Option<&PyProgress>,
) -> Result<Bound<'py, PyBytes>, BindingError> {
    let progress = progress.map_or_else(Arc::default, |one| Arc::clone(&one.inner));
    let bytes = py.detach(|| {
        let report = engine_rebuild(&directory, &progress).map_err(of_folder)?;
        let cells = report.cells.into_iter().map(|cell| {
            let (sku, window_start_s) = match cell.item {
                ItemName::Sku(sku) => (Some(sku.to_string()), None),
                ItemName::Labor { window_start_s } => (None, Some(window_start_s)),
            };
            RebuiltCellDto {
                node_id: cell.location,
                sku,
                window_start_s,
                on_hand: cell.counters.on_hand,
                held: cell.counters.held,
                committed: cell.counters.committed,
                unavailable: cell.counters.unavailable,
                safety_stock: cell.counters.safety_stock,
            }
        });
        rmp_serde::to_vec_named(&RebuildDto {
            journal_id: format_uuid(report.journal_id),
            sequence: report.sequence,
            state_hash: format!("{:032x}", report.state_hash),
            as_drained: report.as_drained,
            cells: cells.collect(),
        })
        .map_err(BindingError::from)
    })?;
    Ok(PyBytes::new(py, &bytes))
}

fn of_folder(error: VerifyError) -> BindingError {
    match error {
        VerifyError::Locked(_) | VerifyError::Io { .. } => BindingError::Open(error.to_string()),
        VerifyError::Journal(error) => of_journal(error),
        other => BindingError::Divergence(other.to_string()),
    }
}

fn of_journal(error: JournalError) -> BindingError {
    match error {
        JournalError::Io { .. } => BindingError::Open(error.to_string()),
        other => BindingError::Divergence(other.to_string()),
    }
}

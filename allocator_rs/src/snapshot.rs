//! Snapshots of a ledger's folder, built in a process of its own.

use std::path::PathBuf;

use bopis_engine::{snapshot, BuildError, JournalError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::Serialize;

use crate::dto::format_uuid;
use crate::errors::BindingError;

#[derive(Debug, Serialize)]
struct SnapshotDto {
    journal_id: String,
    sequence: u64,
    records: u64,
    state_hash: String,
    bytes: u64,
    retired: u64,
}

/// Builds the next snapshot and retires segments; none: nothing was sealed since the last. A service
/// may run on the folder.
#[pyfunction]
pub fn build_snapshot(
    py: Python<'_>,
    directory: PathBuf,
) -> Result<Option<Bound<'_, PyBytes>>, BindingError> {
    let bytes = py.detach(|| {
        let Some(report) = snapshot::build(&directory).map_err(of_build)? else {
            return Ok(None);
        };
        rmp_serde::to_vec_named(&SnapshotDto {
            journal_id: format_uuid(report.journal_id),
            sequence: report.sequence,
            records: report.records,
            state_hash: format!("{:032x}", report.state_hash),
            bytes: report.bytes,
            retired: report.retired,
        })
        .map(Some)
        .map_err(BindingError::from)
    })?;
    Ok(bytes.map(|bytes| PyBytes::new(py, &bytes)))
}

/// How many segments are sealed that no snapshot holds.
#[pyfunction]
pub fn snapshot_backlog(py: Python<'_>, directory: PathBuf) -> Result<u64, BindingError> {
    py.detach(|| snapshot::backlog(&directory).map_err(of_build))
}

fn of_build(error: BuildError) -> BindingError {
    match error {
        BuildError::Busy(_)
        | BuildError::NoRoom { .. }
        | BuildError::Io { .. }
        | BuildError::Journal(JournalError::Io { .. }) => BindingError::Open(error.to_string()),
        other => BindingError::Divergence(other.to_string()),
    }
}

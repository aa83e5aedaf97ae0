//! Decides the whole journal again, without changing it.

use std::path::Path;

use bopis_journal::DiskStorage;
use bopis_ledger::{codec, Ledger, Limits};

use crate::error::VerifyError;
use crate::folder;

/// What was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyReport {
    /// The journal; 0: nothing was ever written.
    pub journal_id: u128,
    /// Its last record.
    pub sequence: u64,
    /// How many records were decided again.
    pub records: u64,
    /// The state after the last.
    pub state_hash: u128,
    /// Bytes of a torn last write, which the next start will cut.
    pub torn_bytes: u64,
}

/// Decides every record of the journal in `directory` again and compares. Never writes; refuses
/// while an engine serves the folder.
///
/// # Errors
/// See [`VerifyError`].
pub fn verify(directory: &Path) -> Result<VerifyReport, VerifyError> {
    let doing = |doing: &str| {
        let doing = format!("{doing} {}", directory.display());
        move |error| VerifyError::Io { doing, error }
    };
    let lock = folder::lock_for_reading(directory).map_err(doing("lock"))?;
    let Some(_lock) = lock else {
        return Err(VerifyError::Locked(directory.display().to_string()));
    };
    // An act refused for a full window is not journaled, so the window's bound decides nothing here.
    let limits = Limits {
        request_window_max: usize::MAX,
        ..Limits::default()
    };
    let mut ledger = Ledger::new(limits);
    let mut records = 0;
    let storage = DiskStorage::existing(&folder::journal_directory(directory));
    let scanned = bopis_journal::read(&storage, &mut |_sequence, bytes| {
        let record = codec::decode(bytes).map_err(|error| error.to_string())?;
        ledger.verify(&record).map_err(|error| error.to_string())?;
        records += 1;
        Ok(())
    })?;
    ledger.check_invariants().map_err(VerifyError::Invariant)?;
    Ok(VerifyReport {
        journal_id: scanned.journal_id.unwrap_or(0),
        sequence: scanned.last_sequence,
        records,
        state_hash: ledger.state_hash(),
        torn_bytes: scanned.cut.map_or(0, |cut| cut.bytes),
    })
}

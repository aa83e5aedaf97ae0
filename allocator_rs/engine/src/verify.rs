//! Decides the journal again, without changing it.
//!
//! | the journal begins | decided again | compared |
//! | --- | --- | --- |
//! | with its first segment | all of it | every snapshot with the state that the records lead to |
//! | later: the rest was retired | from the oldest snapshot on | the newer one likewise |

use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use bopis_journal::{DiskStorage, JournalError};
use bopis_ledger::{codec, Limits};

use crate::error::VerifyError;
use crate::folder;
use crate::snapshot::{beginning, lock_for_reading};

/// What was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifyReport {
    /// The journal; 0: nothing was ever written.
    pub journal_id: u128,
    /// The last record that was not decided again: 0, or where the oldest snapshot ends.
    pub from_sequence: u64,
    /// Its last record.
    pub sequence: u64,
    /// How many records were decided again.
    pub records: u64,
    /// The state after the last.
    pub state_hash: u128,
    /// Bytes of a torn last write, which the next start will cut.
    pub torn_bytes: u64,
}

/// How far a long reading came, for whoever watches it from another thread.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    about: AtomicU64,
}

impl Progress {
    /// Records read so far, and about how many there are (0: not known yet).
    #[must_use]
    pub fn get(&self) -> (u64, u64) {
        let (done, about) = (&self.done, &self.about);
        (done.load(Ordering::Relaxed), about.load(Ordering::Relaxed))
    }

    /// Looks how many records there are about.
    pub(crate) fn begin(&self, storage: &DiskStorage) -> Result<(), JournalError> {
        let about = bopis_journal::about_records(storage)?;
        self.about.store(about, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn reach(&self, sequence: u64) {
        self.done.store(sequence, Ordering::Relaxed);
    }
}

/// Keeps the folder from being served, and its snapshots from being built on; a copy without lock
/// files has nobody to be kept from.
pub(crate) fn locked(directory: &Path) -> Result<[Option<File>; 2], VerifyError> {
    let doing = |error| VerifyError::Io {
        doing: format!("lock {}", directory.display()),
        error,
    };
    let locked = || VerifyError::Locked(directory.display().to_string());
    let lock = folder::lock_for_reading(directory).map_err(doing)?;
    let lock = lock.ok_or_else(locked)?;
    let snapshots = lock_for_reading(directory).map_err(doing)?;
    Ok([lock, snapshots.ok_or_else(locked)?])
}

/// Decides every record of the journal in `directory` again and compares, and the
/// state with every snapshot. Never writes; refuses while an engine serves the folder.
///
/// # Errors
/// See [`VerifyError`].
pub fn verify(directory: &Path) -> Result<VerifyReport, VerifyError> {
    verify_watched(directory, &Progress::default())
}

/// As [`verify`], while another thread watches how far it came.
///
/// # Errors
/// See [`VerifyError`].
pub fn verify_watched(directory: &Path, progress: &Progress) -> Result<VerifyReport, VerifyError> {
    let _lock = locked(directory)?;
    // An act refused for a full window is not journaled, so the window's bound decides nothing here.
    let limits = Limits {
        request_window_max: usize::MAX,
        ..Limits::default()
    };
    let mut begun = beginning(directory, limits)?;
    let (anchor, from_sequence) = (begun.anchor, begun.sequence());
    begun
        .compare(from_sequence)
        .map_err(VerifyError::Snapshot)?;
    let mut records = 0;
    let storage = DiskStorage::existing(&folder::journal_directory(directory));
    progress.begin(&storage)?;
    let scanned = bopis_journal::read_after(&storage, anchor.as_ref(), &mut |sequence, bytes| {
        let record = codec::decode(bytes).map_err(|error| error.to_string())?;
        let verified = begun.ledger.verify(&record);
        verified.map_err(|error| error.to_string())?;
        records += 1;
        progress.reach(sequence);
        begun.compare(sequence)
    })?;
    begun.check_all(&scanned).map_err(VerifyError::Snapshot)?;
    let ledger = begun.ledger;
    ledger.check_invariants().map_err(VerifyError::Invariant)?;
    Ok(VerifyReport {
        journal_id: scanned.journal_id.unwrap_or(0),
        from_sequence,
        sequence: scanned.last_sequence,
        records,
        state_hash: ledger.state_hash(),
        torn_bytes: scanned.cut.map_or(0, |cut| cut.bytes),
    })
}

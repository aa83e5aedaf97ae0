//! The journal as the writer holds it.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use bopis_journal::Journal;

/// What a durable engine has and one in memory has not.
pub(crate) struct Disk {
    pub(crate) journal: Journal,
    pub(super) folder: Option<Folder>,
    /// When the journal was last written, as the pace tells it.
    pub(super) written: Duration,
}

/// The data folder of a disk that is real.
pub(crate) struct Folder {
    pub(crate) directory: PathBuf,
    /// Held as long as the journal is open.
    pub(crate) _lock: File,
}

impl Disk {
    pub(crate) fn new(journal: Journal, folder: Option<Folder>) -> Self {
        Self {
            journal,
            folder,
            written: Duration::ZERO,
        }
    }
}

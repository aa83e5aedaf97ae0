//! How an engine is set up.

use std::path::PathBuf;
use std::sync::Arc;

use bopis_journal::Storage;

use crate::clock::Clock;

/// Settings of one engine; start from [`EngineOptions::memory`] or [`EngineOptions::durable`].
#[derive(Clone)]
pub struct EngineOptions {
    /// The data folder; none: memory mode, nothing survives the process.
    pub directory: Option<PathBuf>,
    /// Where the journal is kept, in place of `journal/` in the data folder: a simulated disk.
    pub storage: Option<Arc<dyn Storage>>,
    /// Where time is read.
    pub clock: Arc<dyn Clock>,
    /// How many requests the ledger remembers at most.
    pub request_window_max: usize,
    /// How many bytes that takes at most; see [`bopis_ledger::Limits::request_window_bytes_max`].
    pub request_window_bytes_max: u64,
    /// How many requests wait at most; more are refused as overload.
    pub queue_max: usize,
    /// How many acts share one journal write at most.
    pub batch_max: usize,
    /// Size of a journal segment in bytes.
    pub segment_bytes: u64,
    /// How many events the feed keeps in memory; 0: there is no feed.
    pub changes_max: usize,
    /// Whether the feed tells of reservations, too; deadlines that passed it tells anyway.
    pub reservation_events: bool,
    /// Ledger time stands still, so that no hold expires, until [`crate::Engine::start_time`].
    pub time_stands: bool,
}

impl EngineOptions {
    /// An engine without a disk.
    #[must_use]
    pub fn memory(clock: Arc<dyn Clock>) -> Self {
        Self {
            directory: None,
            storage: None,
            clock,
            request_window_max: 4_000_000,
            request_window_bytes_max: 2 << 30,
            queue_max: 16_384,
            batch_max: 4_096,
            segment_bytes: 64 << 20,
            changes_max: 65_536,
            reservation_events: false,
            time_stands: false,
        }
    }

    /// An engine whose journal is in `directory`, which is made if it is not there.
    #[must_use]
    pub fn durable(directory: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        Self {
            directory: Some(directory.into()),
            ..Self::memory(clock)
        }
    }
}

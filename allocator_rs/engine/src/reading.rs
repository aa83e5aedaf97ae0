//! The journal read for people, records with the names that they assigned; beside a running engine
//! too.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bopis_journal::{DiskStorage, Follower, JournalError, Reached, Until};
use bopis_ledger::{codec, ItemId, ItemName, LocationId, Record};

use crate::error::VerifyError;
use crate::folder;
use crate::names::Names;
use crate::verify::locked;

/// Reads on where it stopped.
pub struct JournalReader {
    directory: PathBuf,
    follower: Follower,
    names: Names,
}

impl JournalReader {
    /// Before the first record of the journal of a ledger's folder.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        let storage = DiskStorage::existing(&folder::journal_directory(directory));
        Self {
            directory: directory.to_owned(),
            follower: Follower::new(Arc::new(storage)),
            names: Names::default(),
        }
    }

    /// What there is, whole frames, until `records_max` is reached or passed.
    ///
    /// # Errors
    /// `Damaged`, `Newer`, `Rejected` (bytes that are no record), `Io`.
    pub fn read(
        &mut self,
        until: Until,
        records_max: usize,
    ) -> Result<Vec<(u64, Record)>, JournalError> {
        let mut records = Vec::new();
        let names = &self.names;
        let mut visit = |sequence, bytes: &[u8]| {
            let record = codec::decode(bytes).map_err(|error| error.to_string())?;
            names.recover(&record);
            records.push((sequence, record));
            Ok(())
        };
        self.follower.read(until, records_max, &mut visit)?;
        Ok(records)
    }

    /// Goes on to the last whole frame without keeping what it holds; how far that is.
    ///
    /// # Errors
    /// As for [`JournalReader::read`], but records are not looked into.
    pub fn skip_to_end(&mut self) -> Result<Option<Reached>, JournalError> {
        let mut pass = |_sequence, _bytes: &[u8]| Ok(());
        self.follower.read(Until::Complete, usize::MAX, &mut pass)?;
        Ok(self.follower.reached())
    }

    /// Whether an engine serves the folder now.
    ///
    /// # Errors
    /// What the system says.
    pub fn is_served(&self) -> Result<bool, VerifyError> {
        match locked(&self.directory) {
            Err(VerifyError::Locked(_)) => Ok(true),
            lock => lock.map(|_| false),
        }
    }

    /// Reads a journal that nobody writes once more from its first byte: what the reader took for
    /// the end must be one, and no damage. Of a journal at work the end cannot be judged.
    ///
    /// # Errors
    /// See [`VerifyError`].
    pub fn check_end(&self) -> Result<(), VerifyError> {
        let _lock = match locked(&self.directory) {
            Err(VerifyError::Locked(_)) => return Ok(()),
            lock => lock?,
        };
        let storage = DiskStorage::existing(&folder::journal_directory(&self.directory));
        bopis_journal::read(&storage, &mut |_sequence, _bytes| Ok(()))?;
        Ok(())
    }

    /// What a location's id stands for.
    #[must_use]
    pub fn location_name(&self, id: LocationId) -> Option<Arc<str>> {
        self.names.location_name(id)
    }

    /// What an item's id stands for.
    #[must_use]
    pub fn item_name(&self, id: ItemId) -> Option<Arc<ItemName>> {
        self.names.item_name(id)
    }
}

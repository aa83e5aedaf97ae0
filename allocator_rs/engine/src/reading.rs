//! The journal read for people, records with the names that they assigned; beside a running engine
//! too.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bopis_journal::{DiskStorage, Follower, JournalError, Reached, Until};
use bopis_ledger::{codec, ItemId, ItemName, Limits, LocationId, Record};

use crate::error::VerifyError;
use crate::folder;
use crate::names::Names;
use crate::snapshot::{beginning, newest, shelf};
use crate::verify::locked;

/// Reads on where it stopped.
pub struct JournalReader {
    directory: PathBuf,
    follower: Follower,
    /// None: no record was read yet.
    names: Option<Names>,
}

impl JournalReader {
    /// Before the first record that is left of the journal of a ledger's folder, with the names that
    /// its snapshots know.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        let storage = DiskStorage::existing(&folder::journal_directory(directory));
        Self {
            directory: directory.to_owned(),
            follower: Follower::new(Arc::new(storage)),
            names: None,
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
        let names = self
            .names
            .get_or_insert_with(|| known_names(&self.directory));
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
        let anchor = beginning(&self.directory, Limits::default())?.anchor;
        bopis_journal::read_after(&storage, anchor.as_ref(), &mut |_sequence, _bytes| Ok(()))?;
        Ok(())
    }

    /// What a location's id stands for.
    #[must_use]
    pub fn location_name(&self, id: LocationId) -> Option<Arc<str>> {
        self.names.as_ref()?.location_name(id)
    }

    /// What an item's id stands for.
    #[must_use]
    pub fn item_name(&self, id: ItemId) -> Option<Arc<ItemName>> {
        self.names.as_ref()?.item_name(id)
    }
}

/// Those of the newest snapshot. Records are read whatever the snapshots are: without them some names
/// are missing.
fn known_names(directory: &Path) -> Names {
    let names = Names::default();
    if let Ok(base) = newest(&shelf(directory), Limits::default()) {
        names.take_over(&base.ledger);
    }
    names
}

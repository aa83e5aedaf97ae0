//! The ledger as it was after a record: made anew from the journal, beside its writer too.
//!
//! | the record lies | answered |
//! | --- | --- |
//! | in what the journal and its oldest snapshot lead to | the state after it |
//! | before that: the segments were retired | `Retired`, with where the journal begins |
//! | behind the last whole frame | `Beyond`: whoever knows of it read it there before it was damaged, or in another copy |

use std::path::Path;
use std::sync::Arc;

use bopis_journal::{DiskStorage, Follower, Until};
use bopis_ledger::{codec, CellKey, ItemId, Ledger, Limits, LocationId};

use crate::error::VerifyError;
use crate::folder;
use crate::names::Names;
use crate::snapshot::beginning;

/// Records that are read before it is looked how far that is.
const RECORDS_AT_ONCE: usize = 65_536;

/// Why a past state cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PastError {
    /// The records up to there were retired.
    #[error("record {asked} is not there any more: the journal begins behind record {begins}")]
    Retired {
        /// Which was asked for.
        asked: u64,
        /// The first that can be.
        begins: u64,
    },
    /// There are not that many that can be read.
    #[error(
        "record {asked} cannot be read, the last that can is {last}: \
         the journal is damaged behind it, or is older than what names the record"
    )]
    Beyond {
        /// Which was asked for.
        asked: u64,
        /// The last whole one.
        last: u64,
    },
    /// The journal belongs to another ledger.
    #[error("the journal is {found:032x}, not {asked:032x}")]
    OtherJournal {
        /// Which was asked for.
        asked: u128,
        /// Which is there.
        found: u128,
    },
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] VerifyError),
}

/// The state after a record.
pub struct Past {
    ledger: Ledger,
    names: Names,
}

impl Past {
    /// After record `sequence` of the journal `journal_id` in a ledger's folder. Takes no lock, and
    /// reads again what a builder of snapshots retires meanwhile.
    ///
    /// # Errors
    /// See [`PastError`].
    pub fn at(directory: &Path, journal_id: u128, sequence: u64) -> Result<Self, PastError> {
        let limits = Limits {
            request_window_max: usize::MAX,
            ..Limits::default()
        };
        let begun = beginning(directory, limits)?;
        let begins = begun.sequence();
        if sequence < begins {
            return Err(PastError::Retired {
                asked: sequence,
                begins,
            });
        }
        let ledger = begun.ledger;
        let names = Names::default();
        names.take_over(&ledger);
        let mut past = Self { ledger, names };
        past.go_on(directory, journal_id, (begins, sequence))?;
        Ok(past)
    }

    /// Takes over the records behind one and up to another.
    fn go_on(
        &mut self,
        directory: &Path,
        journal_id: u128,
        (begins, sequence): (u64, u64),
    ) -> Result<(), PastError> {
        let storage = DiskStorage::existing(&folder::journal_directory(directory));
        let mut follower = Follower::new(Arc::new(storage));
        let mut last = begins;
        loop {
            let mut read = 0_usize;
            let followed = follower.read(Until::Complete, RECORDS_AT_ONCE, &mut |at, bytes| {
                read += 1;
                if at <= begins || at > sequence {
                    return Ok(());
                }
                if at != last + 1 {
                    return Err(format!("record {at} follows record {last}"));
                }
                last = at;
                let record = codec::decode(bytes).map_err(|error| error.to_string())?;
                self.ledger
                    .replay(&record)
                    .map_err(|error| error.to_string())?;
                self.names.recover(&record);
                Ok(())
            });
            followed.map_err(VerifyError::Journal)?;
            if let Some(reached) = follower.reached() {
                if reached.journal_id != journal_id {
                    return Err(PastError::OtherJournal {
                        asked: journal_id,
                        found: reached.journal_id,
                    });
                }
            }
            if last == sequence {
                return Ok(());
            }
            if read == 0 {
                let asked = sequence;
                return Err(PastError::Beyond { asked, last });
            }
        }
    }

    /// What a location's name stands for.
    #[must_use]
    pub fn location(&self, name: &str) -> Option<LocationId> {
        self.names.location(name)
    }

    /// What a SKU's name stands for.
    #[must_use]
    pub fn sku(&self, name: &str) -> Option<ItemId> {
        self.names.sku(name)
    }

    /// What the labor of an hour stands for.
    #[must_use]
    pub fn labor(&self, window_start_s: i64) -> Option<ItemId> {
        self.names.labor(window_start_s)
    }

    /// One cell's ATP; 0 for an absent cell.
    #[must_use]
    pub fn atp(&self, cell: CellKey) -> i64 {
        self.ledger.cell(cell).map_or(0, |view| view.atp())
    }
}

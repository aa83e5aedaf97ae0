//! Events that are no longer in memory, read again from the journal.
//!
//! The journal is replayed into a ledger of its own, so this takes the time and the memory of a
//! start. It never writes, and may be done while an engine serves the folder.

use std::path::Path;

use bopis_journal::{DiskStorage, JournalError};
use bopis_ledger::{codec, Ledger, Limits};

use crate::feed::{Events, Ring};
use crate::folder;
use crate::follower::Follower;

/// Why old events cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// The journal is not whole, or cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Events of the records after `after` up to `through`, in order: all of one record at least, if
/// there are any, and then more while they are fewer than `wanted`. `through` is a position that
/// was acknowledged: what is beyond may not be durable.
///
/// # Errors
/// See [`EventsError`].
pub fn events_of_journal(
    directory: &Path,
    (after, through): (u64, u64),
    wanted: usize,
) -> Result<Events, EventsError> {
    let limits = Limits {
        request_window_max: usize::MAX,
        ..Limits::default()
    };
    let mut ledger = Ledger::new(limits);
    let ring = Ring::new(usize::MAX);
    let mut follower = Follower::new(after.saturating_add(1), true, ring);
    let mut events = Events {
        events: Vec::new(),
        through: after,
    };
    let mut is_enough = false;
    let storage = DiskStorage::existing(&folder::journal_directory(directory));
    let read = bopis_journal::read(&storage, &mut |sequence, bytes| {
        if sequence > through || events.events.len() >= wanted.max(1) {
            is_enough = true;
            return Err("enough".to_owned());
        }
        let record = codec::decode(bytes).map_err(|error| error.to_string())?;
        let replayed = follower.replay(sequence, &record, &mut ledger);
        replayed.map_err(|error| error.to_string())?;
        if sequence > after {
            events.events.append(&mut follower.take_events());
            events.through = sequence;
        }
        Ok(())
    });
    match read {
        Err(error) if !is_enough => Err(error.into()),
        _ => Ok(events),
    }
}

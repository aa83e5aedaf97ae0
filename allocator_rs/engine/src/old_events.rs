//! Events that are no longer in memory, read again from the journal.
//!
//! | the journal | answered |
//! | --- | --- |
//! | begins with record 1 | the events asked for |
//! | begins later, a snapshot is old enough | the same, from that state on |
//! | begins later, and none is | [`EventsError::Retired`] |
//!
//! The records are replayed into a ledger of its own, so this takes the time and the memory of a
//! start, once for all pages. It takes no lock and never writes: an engine may serve the folder meanwhile.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use bopis_journal::{DiskStorage, Follower, JournalError, Storage, Until};
use bopis_ledger::{codec, Ledger, Limits};

use crate::feed::{Event, Events, Ring};
use crate::folder;
use crate::narrator::Narrator;
use crate::snapshot::{on_shelf, read, shelf};

/// Records that are read at a time, and wait in memory to be told.
const RECORDS_AT_A_TIME: usize = 256;

/// Why old events cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// The journal is not whole, or cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A record that is whole cannot be taken over.
    #[error("record {sequence} cannot be taken over: {reason}")]
    Unfit {
        /// The record.
        sequence: u64,
        /// Why.
        reason: String,
    },
    /// What was before is known as a state, not as what happened.
    #[error("the journal begins with record {0}: what was before cannot be told")]
    Retired(u64),
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
    OldEvents::of(directory, after).read(through, wanted)
}

/// Reads on where it stopped: a gap is read once, however many pages it is told in. It holds a
/// ledger of its own meanwhile.
pub struct OldEvents {
    begins: u64,
    first: Option<u64>,
    follower: Follower,
    telling: Telling,
}

impl OldEvents {
    /// Behind this record of a data folder.
    #[must_use]
    pub fn of(directory: &Path, after: u64) -> Self {
        let journal = DiskStorage::existing(&folder::journal_directory(directory));
        Self::behind(Arc::new(journal), &shelf(directory), after)
    }

    /// The same of any storage.
    #[must_use]
    pub fn behind(journal: Arc<dyn Storage>, shelf: &dyn Storage, after: u64) -> Self {
        let (begins, ledger) = before(shelf, after);
        Self {
            begins,
            first: None,
            follower: Follower::new(journal),
            telling: Telling::new(ledger, after),
        }
    }

    /// The record whose events were told last.
    #[must_use]
    pub const fn position(&self) -> u64 {
        self.telling.position
    }

    /// A page of events; see [`events_of_journal`].
    ///
    /// # Errors
    /// See [`EventsError`]; it is of no use then.
    pub fn read(&mut self, through: u64, wanted: usize) -> Result<Events, EventsError> {
        let Self {
            begins,
            first,
            follower,
            telling,
        } = self;
        let mut told = Vec::new();
        while telling.tell_one(through, wanted, &mut told)? {
            if telling.has_waiting() {
                continue;
            }
            let mut take = |sequence, bytes: &[u8]| {
                if *first.get_or_insert(sequence) <= *begins + 1 && sequence > *begins {
                    telling.waiting.push_back((sequence, bytes.to_vec()));
                }
                Ok(())
            };
            let read = follower.read(Until::Complete, RECORDS_AT_A_TIME, &mut take)?;
            match *first {
                Some(first) if first > *begins + 1 => return Err(EventsError::Retired(first)),
                _ if read == 0 => break,
                _ => {}
            }
        }
        Ok(Events {
            events: told,
            through: telling.position,
        })
    }
}

/// The newest sound snapshot of a record up to `after`: that record and the state; else the empty one.
fn before(shelf: &dyn Storage, after: u64) -> (u64, Ledger) {
    let limits = Limits {
        request_window_max: usize::MAX,
        ..Limits::default()
    };
    // Without them, a journal that is whole does; one that is not says so.
    let names = on_shelf(shelf).unwrap_or_default();
    let mut sound = names
        .iter()
        .filter_map(|name| read(shelf, name, limits).ok());
    let found = sound.find(|(header, _)| header.anchor.sequence <= after);
    found.map_or_else(
        || (0, Ledger::new(limits)),
        |(header, ledger)| (header.anchor.sequence, ledger),
    )
}

/// Takes records in their order, and tells them one at a time.
struct Telling {
    ledger: Ledger,
    narrator: Narrator,
    /// The record that was told last.
    position: u64,
    /// Records that were read and not told yet.
    waiting: VecDeque<(u64, Vec<u8>)>,
}

impl Telling {
    fn new(ledger: Ledger, after: u64) -> Self {
        let ring = Ring::new(usize::MAX);
        Self {
            ledger,
            narrator: Narrator::new(after.saturating_add(1), true, ring),
            position: after,
            waiting: VecDeque::new(),
        }
    }

    fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Tells the next record that waits. False: the page is full.
    fn tell_one(
        &mut self,
        through: u64,
        wanted: usize,
        told: &mut Vec<Event>,
    ) -> Result<bool, EventsError> {
        if self.position >= through || told.len() >= wanted.max(1) {
            return Ok(false);
        }
        let Some((sequence, bytes)) = self.waiting.pop_front() else {
            return Ok(true);
        };
        let fits = self.replay(sequence, &bytes);
        fits.map_err(|reason| EventsError::Unfit { sequence, reason })?;
        if sequence > self.position {
            told.append(&mut self.narrator.take_events());
            self.position = sequence;
        }
        Ok(true)
    }

    fn replay(&mut self, sequence: u64, bytes: &[u8]) -> Result<(), String> {
        let record = codec::decode(bytes).map_err(|error| error.to_string())?;
        let replayed = self.narrator.replay(sequence, &record, &mut self.ledger);
        replayed.map_err(|error| error.to_string())
    }
}

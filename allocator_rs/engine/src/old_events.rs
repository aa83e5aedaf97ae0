//! Events that are no longer in memory, read again from the journal.
//!
//! | the journal | answered |
//! | --- | --- |
//! | begins with record 1 | the events asked for |
//! | begins later, a snapshot is old enough | the same, from that state on |
//! | begins later, and none is | [`EventsError::Retired`] |
//!
//! The records are replayed into a ledger of its own, so this takes the time and the memory of a
//! start. It takes no lock and never writes: an engine may serve the folder meanwhile.

use std::path::Path;
use std::sync::Arc;

use bopis_journal::{DiskStorage, Follower, JournalError, Until};
use bopis_ledger::{codec, Ledger, Limits};

use crate::feed::{Events, Ring};
use crate::folder;
use crate::narrator::Narrator;
use crate::snapshot::{on_shelf, read, shelf};

/// Records that are looked for at a time.
const RECORDS_AT_A_TIME: usize = 4_096;

/// Why old events cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// The journal is not whole, or cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
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
    let (begins, ledger) = before(directory, after);
    let mut telling = Telling::new(ledger, (after, through), wanted);
    let storage = DiskStorage::existing(&folder::journal_directory(directory));
    let mut follower = Follower::new(Arc::new(storage));
    let mut first = None;
    loop {
        let mut take = |sequence, bytes: &[u8]| {
            if *first.get_or_insert(sequence) <= begins + 1 && sequence > begins {
                telling.take(sequence, bytes)?;
            }
            Ok(())
        };
        let read = follower.read(Until::Complete, RECORDS_AT_A_TIME, &mut take)?;
        match first {
            Some(first) if first > begins + 1 => return Err(EventsError::Retired(first)),
            _ if read == 0 || telling.is_done() => return Ok(telling.events),
            _ => {}
        }
    }
}

/// The newest sound snapshot of a record up to `after`: that record and the state; else the empty one.
fn before(directory: &Path, after: u64) -> (u64, Ledger) {
    let limits = Limits {
        request_window_max: usize::MAX,
        ..Limits::default()
    };
    // Without them, a journal that is whole does; one that is not says so.
    let shelf = shelf(directory);
    let names = on_shelf(&shelf).unwrap_or_default();
    let mut sound = names
        .iter()
        .filter_map(|name| read(&shelf, name, limits).ok());
    let found = sound.find(|(header, _)| header.anchor.sequence <= after);
    found.map_or_else(
        || (0, Ledger::new(limits)),
        |(header, ledger)| (header.anchor.sequence, ledger),
    )
}

/// Takes records in their order until it has enough.
struct Telling {
    ledger: Ledger,
    narrator: Narrator,
    after: u64,
    through: u64,
    wanted: usize,
    events: Events,
}

impl Telling {
    fn new(ledger: Ledger, (after, through): (u64, u64), wanted: usize) -> Self {
        let ring = Ring::new(usize::MAX);
        Self {
            ledger,
            narrator: Narrator::new(after.saturating_add(1), true, ring),
            after,
            through,
            wanted: wanted.max(1),
            events: Events {
                events: Vec::new(),
                through: after,
            },
        }
    }

    fn is_done(&self) -> bool {
        self.events.through >= self.through || self.events.events.len() >= self.wanted
    }

    fn take(&mut self, sequence: u64, bytes: &[u8]) -> Result<(), String> {
        if self.is_done() || sequence > self.through {
            return Ok(());
        }
        let record = codec::decode(bytes).map_err(|error| error.to_string())?;
        let replayed = self.narrator.replay(sequence, &record, &mut self.ledger);
        replayed.map_err(|error| error.to_string())?;
        if sequence > self.after {
            let mut told = self.narrator.take_events();
            self.events.events.append(&mut told);
            self.events.through = sequence;
        }
        Ok(())
    }
}

//! All state as bytes, in chunks that each prove themselves.
//!
//! ```text
//! snapshot  chunks, of sections in this order, END last and nothing behind it
//! chunk     0 section u32  4 number from 0 on u32  8 length u32
//!           12 CRC32C of bytes 0..12 and payload  16 payload: whole items of the section
//! ```
//! | section | items, integers and texts as in the journal's records |
//! | --- | --- |
//! | HEAD | one: version u32, ledger time, horizon of the changes, how many items each section has |
//! | LOCATIONS, ITEMS | names in the order of their integers |
//! | CELLS | key, counters; their numbers are their order |
//! | HELD, COMMITTED, ENDED | reservations; lines name cells by number; the order is the state's |
//! | REQUESTS | the request window, oldest first |
//! | PLANS, DAYS | days of cells; days of reservations; by key |
//! | CHANGES, COUNTED | changes kept for counts, oldest first; times of counts by key |
//!
//! Read back, it behaves as the ledger that wrote it does, and writes the same bytes. Writing takes
//! a chunk's memory, and 16 bytes for each hold whose deadline is in the largest range of them.

mod chunks;
mod others;
mod promises;
mod read;
mod sections;
mod table;
mod write;

use std::io;

pub(crate) use chunks::ChunkWriter;
pub use read::{Both, Work};
pub use table::SnapshotSource;

/// The version that is written, and the only one that is read.
pub const SNAPSHOT_VERSION: u32 = 1;

/// Why bytes are no snapshot.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// They are not what was written.
    #[error("damaged in the chunk at byte {offset}: {what}")]
    Damaged {
        /// Where the chunk starts, from the first byte of the ledger's snapshot on.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// Written by another version of this program.
    #[error("format version {found}; this program reads {known}")]
    Version {
        /// Its version.
        found: u32,
        /// The one that is known here.
        known: u32,
    },
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A part of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub(crate) enum Section {
    Head = 1,
    Locations,
    Items,
    Cells,
    Held,
    Committed,
    Ended,
    Requests,
    Plans,
    Days,
    Changes,
    Counted,
    End,
}

/// All of them, in order.
pub(crate) const SECTIONS: [Section; 13] = [
    Section::Head,
    Section::Locations,
    Section::Items,
    Section::Cells,
    Section::Held,
    Section::Committed,
    Section::Ended,
    Section::Requests,
    Section::Plans,
    Section::Days,
    Section::Changes,
    Section::Counted,
    Section::End,
];

/// Sections that have items: from LOCATIONS to COUNTED.
const LISTS: usize = 11;

impl Section {
    /// Its place among those that have items.
    const fn list(self) -> usize {
        (self as usize).wrapping_sub(Self::Locations as usize)
    }
}

/// What the head says.
struct Head {
    now_ms: i64,
    horizon_ms: i64,
    counts: [u64; LISTS],
}

impl Head {
    /// How many items a section has.
    fn count(&self, section: Section) -> u64 {
        self.counts.get(section.list()).copied().unwrap_or(0)
    }
}

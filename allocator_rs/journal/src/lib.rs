//! The write-ahead journal: segments, frames, checksums, group commit, recovery. Records are opaque
//! bytes here.
//!
//! A caller gathers what waits into one [`RecordBuffer`] and appends it in one write: that is the
//! whole of group commit. [`Journal::append`] returns when the bytes are on the disk.

mod buffer;
mod error;
mod follow;
mod format;
mod journal;
mod scan;
mod sealed;
mod spare;
mod start;
mod storage;
mod tail;
mod unused;

pub use buffer::RecordBuffer;
pub use error::JournalError;
pub use follow::{Follower, Reached, Until};
pub use journal::{Journal, JournalOptions, Room};
pub use scan::{read, read_after, Anchor, Cut, Scanned, Visit};
pub use sealed::{about_records, oldest_segment, read_sealed, retire, sealed_from, Sealed};
pub use storage::{Access, DiskStorage, Storage, StorageFile};
pub use tail::first_of_last;

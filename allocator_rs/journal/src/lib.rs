//! The write-ahead journal: segments, frames, checksums, group commit, recovery. Records are opaque
//! bytes here.

mod error;

pub use error::JournalError;

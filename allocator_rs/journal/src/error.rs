//! Everything that can go wrong with a journal.

use std::io;

use thiserror::Error;

/// Why a journal cannot be read or written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The bytes are not what was written, and it is not the torn end of the last write.
    #[error("{segment} is damaged at byte {offset}: {what}")]
    Damaged {
        /// Name of the segment's file.
        segment: String,
        /// Byte offset in that file.
        offset: u64,
        /// What is wrong there.
        what: String,
    },
    /// The caller cannot take over a record whose bytes are intact.
    #[error("{segment}, frame at byte {offset}, record {sequence}: {reason}")]
    Rejected {
        /// Name of the segment's file.
        segment: String,
        /// Byte offset of the record's frame in that file.
        offset: u64,
        /// The record.
        sequence: u64,
        /// What the caller said.
        reason: String,
    },
    /// Written by a later version of this program.
    #[error("{segment} has format version {found}; this program reads up to {known}")]
    Newer {
        /// Name of the segment's file.
        segment: String,
        /// Its version.
        found: u32,
        /// The latest that is known here.
        known: u32,
    },
    /// A segment between others is missing.
    #[error("{segment} is missing")]
    Missing {
        /// Name of the missing file.
        segment: String,
    },
    /// No room on the disk for the next segment. The same call may work later.
    #[error("the disk is full")]
    DiskFull,
    /// A record larger than a frame may be. Nothing was written.
    #[error("a record of {bytes} bytes is too large; a frame holds {limit}")]
    TooLarge {
        /// Size of the record.
        bytes: usize,
        /// The largest possible.
        limit: usize,
    },
    /// A write or flush failed before: what is on the disk is unknown, so nothing is written again.
    #[error("the journal failed before and is stopped")]
    Failed,
    /// What the file system said.
    #[error("{doing}: {error}")]
    Io {
        /// What was attempted.
        doing: String,
        /// What it said.
        error: io::Error,
    },
}

impl JournalError {
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |error| Self::Io { doing, error }
    }

    pub(crate) fn damaged(segment: &str, offset: u64, what: impl Into<String>) -> Self {
        Self::Damaged {
            segment: segment.to_owned(),
            offset,
            what: what.into(),
        }
    }
}

//! Everything that can go wrong, enumerated.
//!
//! ```text
//! OpenError      the engine does not start
//! SubmitError    not taken into the queue; nothing happened, nothing will
//! Stopped        taken, then the engine stopped: whether it took effect is unknown; ask again with
//!                the same request id after the restart
//! PositionError  a read asks for a position that it cannot have
//! DrainError     the engine stopped, though not in the orderly way
//! VerifyError    the journal does not hold what it should
//! BuildError     no snapshot was built; those that are there are as they were
//! ```

use std::io;

use bopis_journal::JournalError;
use thiserror::Error;

/// Why an engine does not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process serves this folder.
    #[error("another process has locked {0}")]
    Locked(String),
    /// The journal refuses: damage, a version from the future, no room, no access.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal is not whole, and what was to stand for its beginning is damaged.
    #[error("{journal}, and no sound snapshot stands for it: {damaged}")]
    NoSnapshot {
        /// What is missing.
        journal: JournalError,
        /// The snapshots, and what is wrong with each.
        damaged: String,
    },
    /// The journal ends before the sequence at which the last orderly stop left it.
    #[error("the journal ends at sequence {found}, but was at {drained} when it was last drained")]
    Shorter {
        /// Where the journal ends now.
        found: u64,
        /// Where `drained.json` says it ended.
        drained: u64,
    },
    /// `drained.json` belongs to another journal.
    #[error("drained.json is of journal {drained:032x}, the journal here is {found:032x}")]
    OtherJournal {
        /// The journal in the folder.
        found: u128,
        /// The journal of the report.
        drained: u128,
    },
    /// The file system.
    #[error("{doing}: {error}")]
    Io {
        /// What was attempted.
        doing: String,
        /// What the system said.
        error: io::Error,
    },
}

/// Why an act was not taken into the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SubmitError {
    /// The queue is full: try again later.
    #[error("the queue is full")]
    Overloaded,
    /// The disk is full: grants are refused first, so that what remains serves facts and releases.
    #[error("the disk is full")]
    DiskFull,
    /// More than 4,096 commands on reservations in one act, or about 4 MiB.
    #[error("the act is too large")]
    TooLarge,
    /// The engine stopped, or is about to.
    #[error("the engine is stopped")]
    Stopped,
}

/// Why something that was accepted is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unanswered {
    /// The engine stopped before; whether it took effect is unknown.
    #[error("the engine stopped before it answered")]
    Stopped,
    /// An act: there is no room left to record it, it had no effect. A read: what it asks for is
    /// changed by a decision that waits for room. Try again later.
    #[error("the disk is full")]
    DiskFull,
}

impl From<Unanswered> for SubmitError {
    fn from(reason: Unanswered) -> Self {
        match reason {
            Unanswered::Stopped => Self::Stopped,
            Unanswered::DiskFull => Self::DiskFull,
        }
    }
}

/// Why a read cannot be at least at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PositionError {
    /// Nothing was ever written there: the position is of another journal, or made up.
    #[error("sequence {asked} was never assigned; the last is {last}")]
    NotAssigned {
        /// What was asked for.
        asked: u64,
        /// The last that was assigned.
        last: u64,
    },
    /// The engine stopped before it was there.
    #[error("the engine is stopped")]
    Stopped,
}

/// Why an engine did not stop in the orderly way.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DrainError {
    /// It was stopped before.
    #[error("the engine is stopped")]
    Stopped,
    /// Called from a callback on the writer thread, which cannot wait for itself.
    #[error("drain was called on the writer thread")]
    OnWriterThread,
    /// The journal failed; nothing unacknowledged was reported as done.
    #[error("the journal failed: {0}")]
    Journal(String),
    /// `drained.json` could not be written; the journal itself is complete and sealed.
    #[error("writing drained.json: {0}")]
    Report(io::Error),
}

/// Why a journal does not verify.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// An engine serves this folder now.
    #[error("another process has locked {0}")]
    Locked(String),
    /// Damage, a record that decides differently, or no access; with segment and byte offset.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A snapshot that cannot be read, or is not the state that the journal leads to.
    #[error("{0}")]
    Snapshot(String),
    /// The counters are not the sums of what they count.
    #[error("after the last record: {0}")]
    Invariant(String),
    /// The file system.
    #[error("{doing}: {error}")]
    Io {
        /// What was attempted.
        doing: String,
        /// What the system said.
        error: io::Error,
    },
}

/// Why no snapshot was built.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Another process builds one, or somebody reads them all.
    #[error("another process has locked the snapshots of {0}")]
    Busy(String),
    /// The sealed segments are not sound, or do not continue the last snapshot.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal is not whole, and what was to stand for its beginning is damaged.
    #[error("{journal}, and no sound snapshot stands for it: {damaged}")]
    NoSnapshot {
        /// What is missing.
        journal: JournalError,
        /// The snapshots, and what is wrong with each.
        damaged: String,
    },
    /// The disk has less room than the last snapshot takes. Nothing was written.
    #[error("a snapshot needs about {needed} bytes, and the disk has {free}")]
    NoRoom {
        /// Size of the last snapshot.
        needed: u64,
        /// What is free.
        free: u64,
    },
    /// What was read back is not what was written.
    #[error("the snapshot that was written is not sound: {0}")]
    ReadBack(String),
    /// The file system.
    #[error("{doing}: {error}")]
    Io {
        /// What was attempted.
        doing: String,
        /// What the system said.
        error: io::Error,
    },
}

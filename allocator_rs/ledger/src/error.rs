//! Why a journaled record cannot be taken over.
//!
//! | error | from | meaning |
//! | --- | --- | --- |
//! | [`ReplayError`] | `replay` | the record cannot have followed this state |
//! | [`Divergence`] | `verify` | deciding again came to something else than what was recorded |
//!
//! After either, the ledger is in an undefined (but memory-safe) state and must not be used.

use crate::outcome::Outcome;

/// A record that cannot have followed this state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// Its time lies before the last record's.
    #[error("ledger time went back from {last_ms} ms to {record_ms} ms")]
    TimeWentBack {
        /// Of the last record.
        last_ms: i64,
        /// Of this one.
        record_ms: i64,
    },
    /// An act that changes nothing is never journaled.
    #[error("the act has no outcomes of its own and should not be in the journal")]
    NotAnEffect,
    /// There is not one outcome per command.
    #[error("{commands} commands but {outcomes} outcomes")]
    OutcomeCount {
        /// Commands of the act.
        commands: usize,
        /// Outcomes recorded.
        outcomes: usize,
    },
    /// The request is remembered already.
    #[error("the request was journaled before and is still in the request window")]
    Repeated,
    /// A command with this outcome cannot take effect here.
    #[error("command {command}: {reason}")]
    Command {
        /// Index within the act.
        command: usize,
        /// What does not fit.
        reason: &'static str,
    },
    /// An expiry of what is not a hold that is due.
    #[error("the expired reservation is not a hold that is due")]
    NotDue,
}

/// What was recorded is not what the ledger decides.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Divergence {
    /// The record does not even fit the state.
    #[error("the record does not fit the state: {0}")]
    Replay(#[from] ReplayError),
    /// Another outcome.
    #[error("command {command}: recorded {recorded:?}, decided {decided:?}")]
    Outcome {
        /// Index within the act.
        command: usize,
        /// As recorded.
        recorded: Box<Outcome>,
        /// As decided now.
        decided: Box<Outcome>,
    },
    /// The ledger would have journaled an expiry before this act.
    #[error("command {command}: a due hold should have expired before")]
    MissingExpiry {
        /// Index within the act.
        command: usize,
    },
}

//! Where records and answers go as they are made.
//!
//! | per act | calls |
//! | --- | --- |
//! | decided now | `record` of each expiry that it needed, `record` of the act, `answer` |
//! | a repeat, or refused as a whole | `answer` |
//!
//! So whoever counts the records knows at each answer how far the journal must be flushed before
//! the answer may be given.

use crate::command::{Act, Stamp};
use crate::ids::ReservationId;
use crate::outcome::{ActOutcome, Outcome, Record};

/// A record, borrowed for as long as it takes to write it down.
#[derive(Clone, Copy, Debug)]
pub enum RecordView<'a> {
    /// An act and what came of it.
    Act {
        /// When.
        stamp: Stamp,
        /// The act.
        act: &'a Act,
        /// One outcome per command.
        outcomes: &'a [Outcome],
        /// The same as bytes, as the codec writes a list of outcomes.
        encoded: &'a [u8],
    },
    /// A hold's deadline passed.
    Expire {
        /// When.
        stamp: Stamp,
        /// Which.
        reservation: ReservationId,
    },
}

impl RecordView<'_> {
    /// The record, owned.
    #[must_use]
    pub fn to_record(self) -> Record {
        match self {
            Self::Act {
                stamp,
                act,
                outcomes,
                encoded: _,
            } => Record::Act {
                stamp,
                act: act.clone(),
                outcome: ActOutcome::Done(outcomes.into()),
            },
            Self::Expire { stamp, reservation } => Record::Expire { stamp, reservation },
        }
    }
}

/// Takes what the ledger makes, in order.
pub trait Sink {
    /// The next record of the journal.
    fn record(&mut self, record: RecordView<'_>);
    /// The answer to the next act.
    fn answer(&mut self, outcome: ActOutcome);
}

/// Keeps all of it.
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    /// The records, in journal order.
    pub records: Vec<Record>,
    /// The answers, one per act.
    pub answers: Vec<ActOutcome>,
}

impl Sink for Transcript {
    fn record(&mut self, record: RecordView<'_>) {
        self.records.push(record.to_record());
    }

    fn answer(&mut self, outcome: ActOutcome) {
        self.answers.push(outcome);
    }
}

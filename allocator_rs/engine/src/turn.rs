//! What one turn of the writer made: records on their way to the disk, answers that wait for it.
//!
//! | from the ledger | kept |
//! | --- | --- |
//! | a record | its bytes (with a journal), its number, the names that it assigned |
//! | a record of an expiry | an event; of an act, events of its reservations if they are wanted |
//! | an answer | with the number of the last record made before it |

use bopis_journal::RecordBuffer;
use bopis_ledger::{codec, ActOutcome, Command, Outcome, RecordView, ReservationId, Sink};

use crate::feed::{ReservationChange, Told};
use crate::witness::{expiry, Witness};

/// Filled by the ledger, emptied by the writer.
#[derive(Default)]
pub(crate) struct Turn {
    /// Whether records are encoded: there is a journal.
    pub(crate) is_durable: bool,
    /// The number of the last record.
    pub(crate) sequence: u64,
    pub(crate) buffer: RecordBuffer,
    /// Commands that gave a name its integer, and the integer.
    pub(crate) named: Vec<(Command, u32)>,
    pub(crate) answers: Vec<(u64, ActOutcome)>,
    /// What happened to reservations.
    pub(crate) events: Vec<Told>,
    reservation_events: bool,
    witness: Witness,
    started_at: u64,
}

impl Turn {
    pub(crate) fn new(is_durable: bool, sequence: u64, reservation_events: bool) -> Self {
        Self {
            is_durable,
            sequence,
            reservation_events,
            started_at: sequence,
            ..Self::default()
        }
    }

    /// Forgets what the last turn made.
    pub(crate) fn start(&mut self) {
        self.started_at = self.sequence;
        self.buffer.clear();
        self.named.clear();
        self.answers.clear();
        self.events.clear();
    }

    /// Its deadline passed in this turn.
    pub(crate) fn has_expired(&self, id: ReservationId) -> bool {
        let is_expiry = |told: &Told| told.change == ReservationChange::Expired;
        self.events
            .iter()
            .any(|told| told.reservation == id && is_expiry(told))
    }

    /// No record was made.
    pub(crate) fn is_empty(&self) -> bool {
        self.sequence == self.started_at
    }
}

impl Sink for Turn {
    fn record(&mut self, record: RecordView<'_>) {
        self.sequence += 1;
        if self.is_durable {
            self.buffer.push(|out| codec::encode_view(&record, out));
        }
        match record {
            RecordView::Expire { stamp, reservation } => {
                self.events.push(expiry(self.sequence, stamp, reservation));
            }
            RecordView::Act {
                stamp,
                act,
                outcomes,
                ..
            } => {
                if self.reservation_events {
                    let at = (self.sequence, stamp);
                    self.witness.act(at, act, outcomes, &mut self.events);
                }
                for (command, outcome) in act.commands.iter().zip(outcomes) {
                    if let Outcome::Registered { index } = outcome {
                        self.named.push((command.clone(), *index));
                    }
                }
            }
        }
    }

    fn answer(&mut self, outcome: ActOutcome) {
        self.answers.push((self.sequence, outcome));
    }
}

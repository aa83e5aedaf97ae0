//! The jobs that share one turn of the writer, and one write.

use bopis_ledger::{Act, Record, RequestKey, ReservationId};

use crate::job::{Answer, Done, Drained, Job, ReservationAnswer};
use crate::weight::weight;

/// What one turn answers.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) acts: Vec<Act>,
    pub(crate) keys: Vec<(RequestKey, u64)>,
    pub(crate) answers: Vec<Answer<Done>>,
    pub(crate) reads: Vec<(ReservationId, ReservationAnswer)>,
    pub(crate) drain: Option<Answer<Drained>>,
    pub(crate) weight: usize,
}

impl Batch {
    pub(crate) fn add(&mut self, job: Job) {
        match job {
            Job::Act(act, answer) => {
                self.weight = self.weight.saturating_add(weight(&act));
                self.keys.push((act.request, act.fingerprint));
                self.acts.push(act);
                self.answers.push(answer);
            }
            Job::Reservation(id, answer) => self.reads.push((id, answer)),
            Job::Drain(answer) => self.drain = Some(answer),
        }
    }

    pub(crate) fn is_full(&self, batch_max: usize, weight_max: usize) -> bool {
        self.acts.len() + self.reads.len() >= batch_max || self.weight >= weight_max
    }
}

/// Per act: the sequence of its own record; for an act that wrote none, of the last one before.
pub(crate) fn sequences(keys: &[(RequestKey, u64)], records: &[Record], before: u64) -> Vec<u64> {
    let mut numbered = (before + 1..).zip(records).peekable();
    let mut last = before;
    keys.iter()
        .map(|(request, fingerprint)| {
            while let Some((sequence, Record::Expire { .. })) = numbered.peek() {
                last = *sequence;
                numbered.next();
            }
            if let Some((sequence, Record::Act { act, .. })) = numbered.peek() {
                if act.request == *request && act.fingerprint == *fingerprint {
                    last = *sequence;
                    numbered.next();
                }
            }
            last
        })
        .collect()
}

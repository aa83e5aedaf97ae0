//! The jobs that share one turn of the writer, and one write.

use bopis_ledger::{Act, CellKey, ReservationId};

use crate::job::{Answer, Days, Done, Drained, Found, Job, ReservationAnswer, Searched};
use crate::weight::weight;

/// Who waits for answers to acts.
pub(crate) enum Waiting {
    /// For one.
    One(Answer<Done>),
    /// For so many at once.
    Many(usize, Answer<Vec<Done>>),
}

/// What one turn answers.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) acts: Vec<Act>,
    pub(crate) waiting: Vec<Waiting>,
    pub(crate) reads: Vec<(ReservationId, ReservationAnswer)>,
    pub(crate) days: Vec<(CellKey, Answer<Days>)>,
    pub(crate) searches: Vec<(Searched, Answer<Found>)>,
    pub(crate) drain: Option<Answer<Drained>>,
    pub(crate) weight: usize,
}

impl Batch {
    pub(crate) fn add(&mut self, job: Job) {
        match job {
            Job::Act(act, answer) => {
                self.weight = self.weight.saturating_add(weight(&act));
                self.acts.push(act);
                self.waiting.push(Waiting::One(answer));
            }
            Job::Acts(mut acts, answer) => {
                let weight = |sum: usize, act| sum.saturating_add(weight(act));
                self.weight = acts.iter().fold(self.weight, weight);
                self.waiting.push(Waiting::Many(acts.len(), answer));
                if self.acts.is_empty() {
                    self.acts = acts;
                } else {
                    self.acts.append(&mut acts);
                }
            }
            Job::Reservation(id, answer) => self.reads.push((id, answer)),
            Job::Days(cell, answer) => self.days.push((cell, answer)),
            Job::Search(search, answer) => self.searches.push((search, answer)),
            Job::Drain(answer) => self.drain = Some(answer),
        }
    }

    pub(crate) fn is_full(&self, batch_max: usize, weight_max: usize) -> bool {
        let reads = self.reads.len() + self.days.len() + self.searches.len();
        self.acts.len() + reads >= batch_max || self.weight >= weight_max
    }
}

//! Where answers arrive, each with what was on the platter at that moment.

use std::sync::Arc;

use bopis_engine::{Replies, Reply, ReservationReply};
use bopis_ledger::{ReservationId, ReservationView};
use parking_lot::Mutex;

use crate::disk::SimDisk;
use crate::judge::checks::{violated, Violation};
use crate::witness::{Durable, Start, Witness};

/// What arrived since it was last emptied.
#[derive(Default)]
pub(super) struct Arrived {
    /// Ticket, answer, the last durable record then.
    pub(super) replies: Vec<(u64, Replies, u64)>,
    /// Reservations that were read.
    pub(super) looks: Vec<(ReservationId, Option<ReservationView>)>,
}

struct State {
    disk: SimDisk,
    looked_at: u64,
    witness: Witness,
    arrived: Arrived,
    problem: Option<String>,
}

impl State {
    /// The last durable record.
    fn durable(&mut self) -> u64 {
        let operations = self.disk.operations();
        if operations != self.looked_at {
            self.looked_at = operations;
            if let Err(problem) = self.witness.look(&self.disk) {
                self.problem.get_or_insert(problem);
            }
        }
        self.witness.sequence()
    }

    fn hear(&mut self, ticket: u64, reply: Replies) {
        let durable = self.durable();
        self.arrived.replies.push((ticket, reply, durable));
    }
}

pub(super) struct Inbox(Arc<Mutex<State>>);

impl Inbox {
    pub(super) fn new(disk: SimDisk) -> Self {
        Self(Arc::new(Mutex::new(State {
            disk,
            looked_at: u64::MAX,
            witness: Witness::default(),
            arrived: Arrived::default(),
            problem: None,
        })))
    }

    /// Goes on from what a recovery found.
    pub(super) fn watch(&self, witness: Witness) {
        let mut state = self.0.lock();
        state.witness = witness;
        state.looked_at = u64::MAX;
    }

    pub(super) fn hear_one(&self, ticket: u64) -> Box<dyn FnOnce(Reply) + Send> {
        let state = Arc::clone(&self.0);
        Box::new(move |reply| state.lock().hear(ticket, reply.map(|done| vec![done])))
    }

    pub(super) fn hear_many(&self, ticket: u64) -> Box<dyn FnOnce(Replies) + Send> {
        let state = Arc::clone(&self.0);
        Box::new(move |reply| state.lock().hear(ticket, reply))
    }

    pub(super) fn hear_look(&self, id: ReservationId) -> Box<dyn FnOnce(ReservationReply) + Send> {
        let state = Arc::clone(&self.0);
        Box::new(move |reply| {
            if let Ok((told, _)) = reply {
                state.lock().arrived.looks.push((id, told));
            }
        })
    }

    pub(super) fn take(&self) -> Result<Arrived, Violation> {
        let mut state = self.0.lock();
        if let Some(problem) = state.problem.take() {
            return violated("format", problem);
        }
        Ok(std::mem::take(&mut state.arrived))
    }

    /// Where the segments begin that were seen.
    pub(super) fn starts(&self) -> Vec<Start> {
        let mut state = self.0.lock();
        state.durable();
        state.witness.starts().to_vec()
    }

    /// Durable records that were not taken yet, up to this one.
    pub(super) fn records(&self, last: u64) -> Result<Vec<Durable>, Violation> {
        let mut state = self.0.lock();
        state.durable();
        match state.problem.take() {
            Some(problem) => violated("format", problem),
            None => Ok(state.witness.take_to(last)),
        }
    }
}

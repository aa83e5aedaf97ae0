//! The promiser's thread: plans, sends holds, and hears what came of them.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bopis_engine::{Done, Engine, Reply, SubmitError};
use bopis_ledger::{ActOutcome, Outcome};
use crossbeam_channel::{never, select, Receiver, Sender};
use parking_lot::Mutex;

use crate::duals::Duals;
use crate::placement::{PlaceError, PromiserOptions, PLACE_ATTEMPTS_MAX};
use crate::placing::Placing;
use crate::world::World;

/// Aborts the process when the promiser panics: callers would wait for ever, and whoever restarts the
/// process gets the last durable state.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}

/// What comes back from the engine.
pub(crate) struct Event {
    placing: Box<Placing>,
    reply: Reply,
}

/// Owned by the thread.
pub(crate) struct Worker {
    pub(crate) engine: Engine,
    pub(crate) world: Arc<ArcSwapOption<World>>,
    pub(crate) duals: Arc<ArcSwapOption<Duals>>,
    pub(crate) replies: Sender<Event>,
    pub(crate) in_flight: usize,
    pub(crate) options: PromiserOptions,
}

impl Worker {
    pub(crate) fn run(mut self, places: &Receiver<Box<Placing>>, events: &Receiver<Event>) {
        let _abort = AbortOnPanic;
        let nothing = never();
        let mut open = true;
        while open || self.in_flight > 0 {
            // Answers first: they release stock knowledge and callers.
            if let Ok(event) = events.try_recv() {
                self.answered(event);
                continue;
            }
            let accept = open && self.in_flight < self.options.in_flight_max;
            let places = if accept { places } else { &nothing };
            select! {
                recv(events) -> event => if let Ok(event) = event { self.answered(event) },
                recv(places) -> placing => match placing {
                    Ok(placing) => self.step(placing),
                    Err(_) => open = false,
                },
            }
        }
    }

    /// Plans and sends the hold.
    fn step(&mut self, mut placing: Box<Placing>) {
        let Some(world) = self.world.load_full() else {
            return placing.answer.give(Err(PlaceError::NotLoaded));
        };
        let duals = self.duals.load_full();
        let work_limit = self.options.work_limit;
        let lines = match placing.plan(&self.engine, &world, duals, work_limit) {
            Ok(planned) => planned.lines.clone(),
            Err(error) => return placing.answer.give(Err(error)),
        };
        if lines.is_empty() {
            return placing.answer_without_hold();
        }
        let replies = self.replies.clone();
        let act = placing.hold(lines);
        // Shared with the callback, so that a refused submission can still be answered here.
        let slot = Arc::new(Mutex::new(Some(placing)));
        let theirs = Arc::clone(&slot);
        let held = move |reply| deliver(&theirs, &replies, reply);
        let sent = self.engine.submit(act, Box::new(held));
        let Err(error) = sent else {
            self.in_flight += 1;
            return;
        };
        let refused = slot.lock().take();
        if let Some(placing) = refused {
            placing.answer.give(Err(error.into()));
        }
    }

    fn answered(&mut self, event: Event) {
        self.in_flight -= 1;
        match event.reply {
            Ok(done) => self.held(event.placing, done),
            Err(unanswered) => {
                let error = SubmitError::from(unanswered);
                event.placing.answer.give(Err(error.into()));
            }
        }
    }

    fn held(&mut self, placing: Box<Placing>, done: Done) {
        let outcomes = match done.outcome {
            ActOutcome::Done(outcomes) => outcomes,
            ActOutcome::RequestIdReused => {
                return placing.answer.give(Err(PlaceError::RequestIdReused));
            }
            ActOutcome::RequestWindowFull => {
                return placing.answer.give(Err(PlaceError::RequestWindowFull));
            }
        };
        match outcomes.into_iter().next() {
            Some(Outcome::Reservation(view)) => {
                placing.answer_with(view, done.sequence, done.wall_ms);
            }
            // A lost race. The stock of now says what is left: the engine publishes what it decided
            // before it answers.
            Some(Outcome::Insufficient(_)) => {
                if placing.attempts >= PLACE_ATTEMPTS_MAX {
                    return placing.answer.give(Err(PlaceError::Contended));
                }
                self.step(placing);
            }
            Some(Outcome::Refused(refusal)) => {
                placing.answer.give(Err(PlaceError::Refused(refusal)));
            }
            _ => placing.answer.give(Err(PlaceError::ReservationMismatch)),
        }
    }
}

/// Hands a placement and its reply to the worker, from the engine's writer thread.
fn deliver(slot: &Mutex<Option<Box<Placing>>>, replies: &Sender<Event>, reply: Reply) {
    if let Some(placing) = slot.lock().take() {
        // The worker lives for as long as anything is in flight.
        let _ = replies.send(Event { placing, reply });
    }
}

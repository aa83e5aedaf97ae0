//! The promiser's thread: plans, sends holds, and hears what came of them.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bopis_engine::{Done, Engine, Reply, ReservationReply, SubmitError};
use bopis_ledger::{ActOutcome, Line, Outcome, ReservationView};
use crossbeam_channel::{never, select, Receiver, Sender};
use parking_lot::Mutex;

use crate::adopt::plan_of_reservation;
use crate::placement::{PlaceError, Placement, PromiserOptions, PLACE_ATTEMPTS_MAX};
use crate::placing::{Placing, Planned};
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
pub(crate) enum Event {
    Held(Box<Placing>, Reply),
    Found(Box<Placing>, ReservationReply),
}

/// Owned by the thread.
pub(crate) struct Worker {
    pub(crate) engine: Engine,
    pub(crate) world: Arc<ArcSwapOption<World>>,
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
        let lines = match placing.plan(&self.engine, world, self.options.work_limit) {
            Ok(planned) => planned.lines.clone(),
            Err(error) => return placing.answer.give(Err(error)),
        };
        let replies = self.replies.clone();
        // Shared with the callback, so that a refused submission can still be answered here.
        let slot = Arc::new(Mutex::new(Some(placing)));
        let theirs = Arc::clone(&slot);
        let sent = if lines.is_empty() {
            // Nothing to hold: unless an earlier try of this request holds the last units itself.
            let reservation_id = slot
                .lock()
                .as_ref()
                .map(|placing| placing.ask.reservation_id);
            let found = move |reply| deliver(&theirs, &replies, |p| Event::Found(p, reply));
            match reservation_id {
                Some(id) => self.engine.reservation(id, Box::new(found)),
                None => return,
            }
        } else {
            let Some(act) = slot.lock().as_ref().map(|placing| placing.hold(lines)) else {
                return;
            };
            let held = move |reply| deliver(&theirs, &replies, |p| Event::Held(p, reply));
            self.engine.submit(act, Box::new(held))
        };
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
        match event {
            Event::Held(placing, Ok(done)) => self.held(placing, done),
            Event::Found(placing, Ok((view, position))) => {
                self.found(*placing, view, position.sequence);
            }
            Event::Held(placing, Err(unanswered)) | Event::Found(placing, Err(unanswered)) => {
                let error = SubmitError::from(unanswered);
                placing.answer.give(Err(error.into()));
            }
        }
    }

    fn held(&mut self, mut placing: Box<Placing>, done: Done) {
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
                let result = self.placement(&mut placing, view, done.sequence, done.wall_ms);
                placing.answer.give(result);
            }
            // A lost race, or the repeat of one lost long ago. Either way the stock of now says what
            // is left: the engine publishes what it decided before it answers.
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

    fn found(&self, mut placing: Placing, view: Option<ReservationView>, sequence: u64) {
        let result = match view {
            Some(view) => self.placement(&mut placing, view, sequence, self.engine.wall_ms()),
            None => match placing.planned.take() {
                Some(planned) => Ok(Placement {
                    plan: planned.plan,
                    reservation: None,
                    sequence: 0,
                    wall_ms: 0,
                    attempts: placing.attempts,
                }),
                None => Err(PlaceError::Stopped),
            },
        };
        placing.answer.give(result);
    }

    /// The placement that a reservation stands for: the plan just made if it holds exactly that,
    /// else the plan of an earlier try.
    fn placement(
        &self,
        placing: &mut Placing,
        view: ReservationView,
        sequence: u64,
        wall_ms: i64,
    ) -> Result<Placement, PlaceError> {
        let Planned {
            world,
            offers,
            plan,
            lines,
        } = placing.planned.take().ok_or(PlaceError::Stopped)?;
        let plan = if same_lines(&view.lines, &lines) {
            plan
        } else {
            plan_of_reservation(&self.engine, &world, &placing.ask.ask, &offers, &view)
                .ok_or(PlaceError::ReservationMismatch)?
        };
        let attempts = placing.attempts;
        Ok(Placement {
            plan,
            reservation: Some(view),
            sequence,
            wall_ms,
            attempts,
        })
    }
}

/// Hands a placement and its reply to the worker, from the engine's writer thread.
fn deliver(
    slot: &Mutex<Option<Box<Placing>>>,
    replies: &Sender<Event>,
    event: impl FnOnce(Box<Placing>) -> Event,
) {
    if let Some(placing) = slot.lock().take() {
        // The worker lives for as long as anything is in flight.
        let _ = replies.send(event(placing));
    }
}

fn same_lines(held: &[Line], planned: &[Line]) -> bool {
    let sorted = |lines: &[Line]| {
        let mut pairs: Vec<_> = lines
            .iter()
            .map(|line| (line.cell, line.quantity))
            .collect();
        pairs.sort_unstable();
        pairs
    };
    sorted(held) == sorted(planned)
}
